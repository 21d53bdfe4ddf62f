"""Keys that belong to this product's language and that this version cannot enforce.

Rules of the file: a rule that is not enforced is refused, never ignored, because its author relies on it
(case 93). A row leaves the table in the change that enforces its key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gate_app.config.document import Value
from gate_app.config.models import ANY
from gate_app.config.problems import Flaw, Path

_EVERY_VALUE = object()


@dataclass(frozen=True, slots=True)
class NotYet:
    """A key at `path` (ANY is one name or index), refused when it has `value`; `fix` is what to write now."""

    path: tuple[str, ...]
    fix: str = "delete it"
    value: object = _EVERY_VALUE

    def refuses(self, value: Value) -> bool:
        if self.value is _EVERY_VALUE:
            return True
        return type(value) is type(self.value) and value == self.value

    @property
    def shown(self) -> str:
        """The key, with its value when only that value is refused: `mode: escalate`."""
        if self.value is _EVERY_VALUE:
            return f"`{self.path[-1]}`"
        return f"`{self.path[-1]}: {str(self.value).lower()}`"


_ENVIRONMENT = ("environments", ANY)
_APPROVAL = (*_ENVIRONMENT, "approval")
_RULE = (*_APPROVAL, "escalate_when", ANY)

NOT_YET: tuple[NotYet, ...] = (
    NotYet((*_ENVIRONMENT, "from", "tag"), "write `from: pull_request`, or nothing for the default branch"),
    NotYet((*_RULE, "riskiest"), "delete it: a later version delivers the score"),
)


def unenforceable(value: Value) -> tuple[Flaw, ...]:
    """A flaw for each known key in `value` that this version would have to ignore."""
    return tuple(
        _flaw(row, path) for row in NOT_YET for path, found in _find(value, row.path) if row.refuses(found)
    )


def _flaw(row: NotYet, path: Path) -> Flaw:
    reason = (
        f"{row.shown} is known, but this version cannot enforce it yet, so it is refused rather than ignored"
    )
    return Flaw(path, reason, row.fix, aim="key")


def _find(value: Value, pattern: tuple[str, ...], path: Path = ()) -> Iterator[tuple[Path, Value]]:
    if not pattern:
        yield path, value
        return
    for step, inner in _entries(value):
        if pattern[0] == ANY or pattern[0] == step:
            yield from _find(inner, pattern[1:], (*path, step))


def _entries(value: Value) -> Iterator[tuple[str | int, Value]]:
    match value:
        case Mapping():
            yield from value.items()
        case tuple():
            yield from enumerate(value)
        case _:
            return
