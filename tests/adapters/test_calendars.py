"""Freeze windows on real clocks and calendars: edges, clock changes, holidays, exceptions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gate_app.calendars import MAX_DAYS, frozen, working
from gate_app.domain.freezes import Freeze, FreezeWindow
from gate_app.domain.model import Unknown
from gate_app.domain.worktime import WorkingHours

BERLIN = "Europe/Berlin"
WEEKEND = FreezeWindow(BERLIN, cron="0 16 * * FRI", duration=timedelta(hours=64), reason="weekend")
GERMANY = FreezeWindow(BERLIN, country="DE")
BAVARIA = FreezeWindow(BERLIN, country="DE", region="BY")


HALF_PAST_TWO = FreezeWindow(BERLIN, cron="30 2 * * *", duration=timedelta(hours=1))
SATURDAY = FreezeWindow(BERLIN, cron="0 22 * * SAT", duration=timedelta(hours=5))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(BERLIN)).astimezone(UTC)


def end(*windows: FreezeWindow, now: str) -> str:
    """Until when it is frozen, as the clock on the wall in Berlin; empty when it is not."""
    found = frozen(windows, at(now))
    assert found is None or isinstance(found, Freeze)
    return "" if found is None else f"{found.until.astimezone(ZoneInfo(BERLIN)):%Y-%m-%dT%H:%M}"


def night(**more: object) -> FreezeWindow:
    return FreezeWindow(BERLIN, cron="0 22 * * *", duration=timedelta(hours=8), **more)  # type: ignore[arg-type]  # keyword pass-through


SPANS = {
    "the second before": ((WEEKEND,), "2026-11-20T15:59:59", ""),
    "the first instant": ((WEEKEND,), "2026-11-20T16:00", "2026-11-23T08:00"),
    "the middle": ((WEEKEND,), "2026-11-22T03:00", "2026-11-23T08:00"),
    "the last second": ((WEEKEND,), "2026-11-23T07:59:59", "2026-11-23T08:00"),
    "the end": ((WEEKEND,), "2026-11-23T08:00", ""),
    "no window at all": ((), "2026-11-22T03:00", ""),
    "the night in which clocks go back is an hour longer": (
        (night(),),
        "2026-10-25T00:30",
        "2026-10-25T05:00",
    ),
    "the night in which clocks go forward": ((night(),), "2026-03-29T00:30", "2026-03-29T07:00"),
    "the hour that comes twice, the first time": ((HALF_PAST_TWO,), "2026-10-25T02:45", "2026-10-25T02:30"),
    "a night in which clocks go back, to its end": ((SATURDAY,), "2026-10-25T02:30", "2026-10-25T02:00"),
    "a public holiday, to its midnight": ((GERMANY,), "2026-10-03T09:00", "2026-10-04T00:00"),
    "two public holidays in a row": ((GERMANY,), "2026-12-25T09:00", "2026-12-27T00:00"),
    "a holiday that leads into a weekend": ((GERMANY, WEEKEND), "2026-12-25T09:00", "2026-12-28T08:00"),
    "a holiday of a region": ((BAVARIA,), "2026-01-06T09:00", "2026-01-07T00:00"),
    "the same day elsewhere": ((GERMANY,), "2026-01-06T09:00", ""),
    "the eve is none": ((GERMANY,), "2026-12-24T23:59", ""),
    "an exception within a window": (
        (FreezeWindow(BERLIN, cron="0 0 20 12 *", duration=timedelta(days=16), exceptions=("2026-12-22",)),),
        "2026-12-22T09:00",
        "",
    ),
    "up to an exception": (
        (FreezeWindow(BERLIN, cron="0 0 20 12 *", duration=timedelta(days=16), exceptions=("2026-12-22",)),),
        "2026-12-21T09:00",
        "2026-12-22T00:00",
    ),
    "after an exception": (
        (FreezeWindow(BERLIN, cron="0 0 20 12 *", duration=timedelta(days=16), exceptions=("2026-12-22",)),),
        "2026-12-23T00:00",
        "2027-01-05T00:00",
    ),
    "an exception of one window, while another holds": (
        (WEEKEND, FreezeWindow(BERLIN, country="DE", exceptions=("2026-12-26",))),
        "2026-12-26T09:00",
        "2026-12-28T08:00",
    ),
}


@pytest.mark.parametrize(("windows", "now", "until"), SPANS.values(), ids=SPANS)
def test_a_freeze_holds_to_its_end(windows: tuple[FreezeWindow, ...], now: str, until: str) -> None:
    assert end(*windows, now=now) == until


def test_a_freeze_says_why_and_until_when_where_it_is() -> None:
    found = frozen([WEEKEND], at("2026-11-22T03:00"))
    assert isinstance(found, Freeze)
    assert (found.reason, found.shown) == ("weekend", "Mon 23 Nov 2026 08:00 Europe/Berlin")
    holiday = frozen([GERMANY], at("2026-10-03T09:00"))
    assert isinstance(holiday, Freeze)
    assert holiday.reason == "German Unity Day"


def test_case_093_windows_without_an_end_are_unknown_and_not_open() -> None:
    always = FreezeWindow("UTC", cron="0 * * * *", duration=timedelta(hours=2))
    found = frozen([always], at("2026-11-22T03:00"))
    assert isinstance(found, Unknown)
    assert found.code == "freeze_endless"


@pytest.mark.parametrize(
    "window",
    [
        FreezeWindow("Nowhere/Land", country="DE"),
        FreezeWindow("UTC", country="ZZ"),
        FreezeWindow("UTC", cron="not cron", duration=timedelta(hours=1)),
        FreezeWindow("UTC", country="DE", exceptions=("one day",)),
    ],
    ids=["a zone", "a country", "a cron expression", "an exception"],
)
def test_what_a_calendar_cannot_tell_any_more_is_unknown(window: FreezeWindow) -> None:
    assert isinstance(frozen([window], at("2026-12-25T03:00")), Unknown)


def hours(since: str, until: str, **more: object) -> list[str]:
    """The working hours in Berlin between two moments there, as clocks on the wall show them."""
    found = working(WorkingHours(BERLIN, **more), at(since), at(until))  # type: ignore[arg-type]  # keyword pass-through
    assert not isinstance(found, Unknown)
    wall = [
        (each.begins.astimezone(ZoneInfo(BERLIN)), each.ends.astimezone(ZoneInfo(BERLIN))) for each in found
    ]
    return [f"{begins:%a %H:%M}-{ends:%a %H:%M}" for begins, ends in wall]


WORK = {
    "a weekend has none": (
        ("2026-11-20T10:00", "2026-11-23T10:00"),
        {},
        ["Fri 10:00-Fri 17:00", "Mon 09:00-Mon 10:00"],
    ),
    "an evening has none": (("2026-11-20T17:00", "2026-11-20T23:00"), {}, []),
    "a public holiday has none": (
        ("2026-12-24T12:00", "2026-12-28T12:00"),
        {"country": "DE"},
        ["Thu 12:00-Thu 17:00", "Mon 09:00-Mon 12:00"],
    ),
    "up to midnight": (
        ("2026-11-20T20:00", "2026-11-21T01:00"),
        {"begins": 0, "ends": 1440},
        ["Fri 20:00-Sat 00:00"],
    ),
    "the night in which clocks go back": (
        ("2026-10-24T20:00", "2026-10-25T12:00"),
        {"days": (6,), "begins": 0, "ends": 600},
        ["Sun 00:00-Sun 10:00"],
    ),
}


@pytest.mark.parametrize(("between", "more", "expected"), WORK.values(), ids=WORK.keys())
def test_working_hours(between: tuple[str, str], more: dict[str, object], expected: list[str]) -> None:
    assert hours(*between, **more) == expected


def test_the_hour_that_comes_twice_is_worked_twice() -> None:
    found = working(WorkingHours(BERLIN, (6,), 0, 600), at("2026-10-24T20:00"), at("2026-10-25T12:00"))
    assert not isinstance(found, Unknown)
    assert found[0].ends - found[0].begins == timedelta(hours=11)


def test_invariant_4_working_hours_of_an_unknown_zone_are_unknown() -> None:
    now = at("2026-11-20T12:00")
    assert isinstance(working(WorkingHours("Nowhere/At_All"), now, now + timedelta(days=1)), Unknown)
    assert isinstance(working(WorkingHours("UTC", country="ZZ"), now, now + timedelta(days=1)), Unknown)


def test_working_hours_are_bounded() -> None:
    now = at("2026-11-20T12:00")
    found = working(WorkingHours("UTC"), now, now + timedelta(days=10_000))
    assert not isinstance(found, Unknown)
    assert len(found) <= MAX_DAYS
