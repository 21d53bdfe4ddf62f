"""What a metric has to be: an expression, a comparison and a number, as `error_rate < 0.01`.

Rules of the file: the comparison is ours to make and not part of the query, so that "no data" and "not so" stay two
things; a number that is none (NaN, where nothing happened) holds nothing and breaks nothing.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

MAX_EXPRESSION: Final = 1_000
THRESHOLD_PATTERN: Final = (
    r"^(\S(?:.*[^\s<>=!])?)\s*(<=|>=|==|!=|<|>)\s*([+-]?[0-9]{1,15}(?:\.[0-9]{1,15})?(?:e[+-]?[0-9]{1,2})?)$"
)
_THRESHOLD: Final = re.compile(THRESHOLD_PATTERN, re.ASCII)
_HOLDS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True, slots=True)
class Threshold:
    """`expression` is asked, and each number that comes back is compared with `limit`."""

    expression: str
    comparison: str
    limit: float

    @staticmethod
    def parse(text: str) -> Threshold | None:
        """What a text asks for; None when it does not end with a comparison with a number."""
        found = _THRESHOLD.fullmatch(text) if len(text) <= MAX_EXPRESSION else None
        return None if found is None else Threshold(found[1], found[2], float(found[3]))

    def holds(self, value: float) -> bool:
        """Whether a number is as it has to be."""
        return _HOLDS[self.comparison](value, self.limit)
