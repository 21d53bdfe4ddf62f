"""Moments as people write them: ISO 8601 with a zone, never without one."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic_core import PydanticCustomError


def moment(text: str) -> str:
    """The text itself, where it is a moment; a moment without a zone means another one everywhere."""
    if parsed(text) is None:
        fix = "write it with its zone, such as `2026-03-02T09:00:00+01:00` or `2026-03-02T08:00:00Z`"
        raise PydanticCustomError("other_type", "is no moment", {"fix": fix})
    return text


def parsed(text: str) -> datetime | None:
    """The moment in UTC, None where the text is none or has no zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if found.tzinfo is None else found.astimezone(UTC)
