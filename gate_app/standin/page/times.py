"""How times read: how long ago, and in full. The script of the page says them in the same words."""

from __future__ import annotations

from datetime import datetime
from typing import Final

_UNITS: Final = ((86_400, "day"), (3_600, "hour"), (60, "minute"))
_MAX_DAYS: Final = 30


def ago(at: str, now: str) -> str:
    """`3 minutes ago`; the day for what is older than a month. Both are ISO 8601."""
    seconds = int((_instant(now) - _instant(at)).total_seconds())
    if seconds >= _MAX_DAYS * 86_400:
        return f"on {_instant(at):%Y-%m-%d}"
    for size, unit in _UNITS:
        count = seconds // size
        if count > 0:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def full(at: str) -> str:
    """`2026-01-31 12:00:00 UTC`."""
    return f"{_instant(at):%Y-%m-%d %H:%M:%S} UTC"


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
