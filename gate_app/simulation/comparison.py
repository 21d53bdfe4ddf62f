"""Two gate files beside each other: which is stricter, and what differs once both are written out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff

from gate_app.config.explain import explain
from gate_app.domain.policy import Policy
from gate_app.domain.strictness import Compared, Direction, compared


@dataclass(frozen=True, slots=True)
class Comparison:
    """What to print, and whether any environment is looser than before."""

    lines: tuple[str, ...]
    looser: bool


def told(before: Policy, after: Policy) -> Comparison:
    """The newer policy against the older one."""
    found = compared(before, after)
    old, new = (explain(policy).splitlines() for policy in (before, after))
    difference = unified_diff(old, new, "before", "after", lineterm="", n=1)
    lines = (line for each in found for line in _lines(each))
    looser = any(each.direction is Direction.LOOSER for each in found)
    return Comparison((*lines, *difference), looser)


def _lines(found: Compared) -> Iterator[str]:
    yield f"{found.environment}: {found.direction.value}"
    yield from (f"  {each.direction.value}: {each.key}" for each in found.differences)
