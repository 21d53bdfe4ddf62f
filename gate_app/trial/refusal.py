"""What the person who calls `try` got wrong, as a value with its fix."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """A wrong call or configuration: one or more lines for people, each with what to do about it."""

    lines: tuple[str, ...]


def refuse(line: str) -> Refusal:
    """A refusal of one line."""
    return Refusal((line,))
