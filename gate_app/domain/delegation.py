"""Delegation: somebody who may approve lets somebody else answer in their place, until a day.

Rules of the file: only downwards, to people whom the gate file names as `delegates`; the delegate answers under their
own number, and both are looked at live, when the answer is judged and again at the release (case 73). Nobody reaches
through it what they could not do themselves: not for their own change, not twice, not through a second delegation.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from gate_app.domain.model import Person

LONGEST: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Delegation:
    """`to` may answer where `by` may, with answers given from `at` on and judged before `until`."""

    by: Person
    to: Person
    at: datetime
    until: datetime

    def holds(self, answered_at: datetime, now: datetime) -> bool:
        """Whether an answer of that moment rests on it now."""
        return self.at <= answered_at and now < self.until


def end_of(day: str) -> datetime | None:
    """The end of a day, `2026-12-24`, in UTC; None for what is no day."""
    try:
        return datetime.combine(date.fromisoformat(day), time(), UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        return None


def made(
    delegations: tuple[Delegation, ...], by: Person, to: Person | None, at: datetime, until: datetime
) -> tuple[Delegation, ...]:
    """The delegations after somebody delegated, or, without `to`, took it back: one for each who delegates."""
    others = tuple(each for each in delegations if each.by.id != by.id and each.until > at)
    return others if to is None else (*others, Delegation(by, to, at, until))
