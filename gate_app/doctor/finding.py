"""One thing that was looked at: well, doubtful or wrong, what that means and what to mend."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Grade(StrEnum):
    """`WARN` works but is not as it should be; `WRONG` does not work."""

    OK = "ok"
    WARN = "warn"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """`topic` is one word; `mend` is empty where there is nothing to do."""

    topic: str
    grade: Grade
    text: str
    mend: str = ""


def ok(topic: str, text: str) -> Finding:
    """It is well."""
    return Finding(topic, Grade.OK, text)


def warn(topic: str, text: str, mend: str) -> Finding:
    """It works, but."""
    return Finding(topic, Grade.WARN, text, mend)


def wrong(topic: str, text: str, mend: str) -> Finding:
    """It does not work."""
    return Finding(topic, Grade.WRONG, text, mend)


_CODES: Final = {Grade.OK: 0, Grade.WARN: 1, Grade.WRONG: 2}


def exit_code(findings: Iterable[Finding]) -> int:
    """0 all well, 1 something is doubtful, 2 something is wrong."""
    return max((_CODES[finding.grade] for finding in findings), default=0)
