"""Moments as people write them: ISO 8601 with a zone, never without one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from pydantic_core import PydanticCustomError

YEARS: Final = range(1970, 9_001)
"""Far enough from the ends of what a `datetime` can say that every deadline counted from a moment has room."""


def moment(text: str) -> str:
    """The text itself, where it is a moment; a moment without a zone means another one everywhere."""
    if parsed(text) is None:
        fix = "write it with its zone, between 1970 and 9000, such as `2026-03-02T09:00:00+01:00`"
        raise PydanticCustomError("other_type", "is no moment", {"fix": fix})
    return text


def parsed(text: str) -> datetime | None:
    """The moment in UTC, None where the text is none, has no zone, or is of no year in `YEARS`."""
    try:
        found = datetime.fromisoformat(text)
        at = None if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if at is not None and at.year in YEARS else None
