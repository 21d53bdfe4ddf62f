"""Clocks and calendars: is this moment frozen, until when, and why; which hours are working hours.

Rules of the file: cron arithmetic and public holidays are libraries' business (`cronsim`, as Debian's cron has it,
clock changes included; `holidays`); a window covers from its first instant up to, not including, its end; what a
library cannot tell is Unknown, never open (invariant 4). Moments are compared in UTC: in one zone Python compares what
clocks on the wall show, which go back once a year.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

import holidays
from cronsim import CronSim, CronSimError

from gate_app.domain.freezes import Freeze, FreezeWindow
from gate_app.domain.model import Unknown
from gate_app.domain.worktime import Span, WorkingHours

MAX_CHAIN: Final = 1_000
"""Windows that follow one another without a gap; more than that is one that never ends, and said to be unknown."""
MAX_DAYS: Final = 100
"""How many days of working hours are told at once; a question waits 30 days at most, and stands still for 7."""
_MIDNIGHT: Final = 24 * 60
_AHEAD: Final = timedelta(hours=3)
"""More than any clock change."""


def frozen(windows: Sequence[FreezeWindow], now: datetime) -> Freeze | Unknown | None:
    """The freeze that holds at `now` (aware), to the end of the last of the windows that follow without a gap.

    None when there is none; Unknown when a calendar cannot be told.
    """
    try:
        first = _longest(windows, now)
        last = first
        for _ in range(MAX_CHAIN):
            following = _longest(windows, last.until) if last is not None else None
            if first is None or last is None or following is None:
                break
            last = following
        else:
            return Unknown("freeze_endless", "the windows follow one another without an end")
    except (CronSimError, NotImplementedError, OverflowError, ValueError, KeyError) as fault:
        return Unknown("calendar_unknown", type(fault).__name__)
    return None if first is None or last is None else Freeze(last.until, last.shown, first.reason)


def working(hours: WorkingHours, since: datetime, until: datetime) -> tuple[Span, ...] | Unknown:
    """The working hours between two moments (aware), in order, cut at both ends; Unknown when they cannot be told.

    Hours that a clock change takes away are none; what it adds to a working day is working time.
    """
    try:
        days = (until - since).days + 3
        zone = ZoneInfo(hours.timezone)
        first = since.astimezone(zone).date() - timedelta(days=1)
        each = [first + timedelta(days=index) for index in range(min(days, MAX_DAYS))]
        spans = [
            Span(max(_moment(day, hours.begins, zone), since), min(_moment(day, hours.ends, zone), until))
            for day in each
            if day.weekday() in hours.days and not _public_holiday(hours.country, hours.region, day)
        ]
    except (NotImplementedError, OverflowError, ValueError, KeyError) as fault:
        return Unknown("calendar_unknown", type(fault).__name__)
    return tuple(span for span in spans if span.begins < span.ends)


def _moment(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    """What a clock on the wall shows so many minutes after midnight, in UTC."""
    day, minutes = (day + timedelta(days=1), 0) if minutes == _MIDNIGHT else (day, minutes)
    return datetime.combine(day, time(*divmod(minutes, 60)), zone).astimezone(UTC)


def cron_problem(expression: str) -> str:
    """What is wrong with a cron expression, empty when nothing is: five fields, and a moment that ever comes."""
    try:
        next(CronSim(expression, datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC"))))
    except CronSimError as fault:
        return str(fault)
    except StopIteration:
        return "that moment never comes"
    return "" if len(expression.split()) == 5 else "it takes five fields: minute, hour, day, month, weekday"


def knows_zone(name: str) -> bool:
    """Whether this is a time zone of the IANA database."""
    return name in available_timezones()


def knows_holidays(country: str, region: str) -> bool:
    """Whether the public holidays of a country (ISO 3166-1), or of a region of it (ISO 3166-2), are known."""
    regions = holidays.list_supported_countries(include_aliases=False).get(country)
    return regions is not None and (not region or region in regions)


def _longest(windows: Sequence[FreezeWindow], now: datetime) -> Freeze | None:
    """Of the windows that hold at this moment, the one that ends last."""
    holding = [found for window in windows if (found := _holding(window, now)) is not None]
    return max(holding, key=lambda freeze: freeze.until, default=None)


def _holding(window: FreezeWindow, now: datetime) -> Freeze | None:
    zone = ZoneInfo(window.timezone)
    local = now.astimezone(zone)
    if local.date().isoformat() in window.exceptions:
        return None
    until = _cron_end(window, local) if window.cron else _holiday_end(window, local)
    if until is None:
        return None
    until = _cut_at_exception(window, zone, now, until)
    reason = window.reason or _holiday(window, local.date())
    return Freeze(until, f"{until.astimezone(zone):%a %d %b %Y %H:%M} {window.timezone}", reason)


def _cron_end(window: FreezeWindow, local: datetime) -> datetime | None:
    """The end of the span that began last, if it is still to come.

    Looked for from a few hours ahead, because an hour of the wall clock may come twice.
    """
    now = local.astimezone(UTC)
    begins = (each.astimezone(UTC) for each in CronSim(window.cron, local + _AHEAD, reverse=True))
    began = next((each for each in begins if each <= now), None)
    if began is None or began + window.duration <= now:
        return None
    return began + window.duration


def _holiday_end(window: FreezeWindow, local: datetime) -> datetime | None:
    """The next midnight, if today is a public holiday."""
    if not _holiday(window, local.date()):
        return None
    return datetime.combine(local.date() + timedelta(days=1), time(), local.tzinfo).astimezone(UTC)


def _cut_at_exception(window: FreezeWindow, zone: ZoneInfo, now: datetime, until: datetime) -> datetime:
    """A window ends at the midnight at which an exception begins; it takes up again after it."""
    days = [date.fromisoformat(day) for day in window.exceptions]
    starts = [datetime.combine(day, time(), zone).astimezone(UTC) for day in days]
    return min([until, *(start for start in starts if now < start)])


def _holiday(window: FreezeWindow, day: date) -> str:
    """The name of the public holiday on that day; empty when it is none."""
    return _public_holiday(window.country, window.region, day)


def _public_holiday(country: str, region: str, day: date) -> str:
    return str(_holidays_of(country, region, day.year).get(day, "")) if country else ""


@lru_cache(maxsize=256)
def _holidays_of(country: str, region: str, year: int) -> holidays.HolidayBase:
    return holidays.country_holidays(country, subdiv=region or None, years=year)
