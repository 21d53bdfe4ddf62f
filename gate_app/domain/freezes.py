"""Spans in which nothing is released: what the gate file says of them, and what holds right now.

Rules of the file: values only; the arithmetic of clocks and calendars is done outside and read as a fact.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class FreezeWindow:
    """A span on the clock (`cron` and `duration`), or the public holidays of a `country` (and its `region`).

    `timezone` is a name of the IANA database; `exceptions` are dates there (ISO 8601) on which it does not hold.
    """

    timezone: str
    cron: str = ""
    duration: timedelta = timedelta()
    country: str = ""
    region: str = ""
    reason: str = ""
    exceptions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Freeze:
    """Nothing is released before `until`; `shown` is that moment where the window is, for people."""

    until: datetime
    shown: str
    reason: str
