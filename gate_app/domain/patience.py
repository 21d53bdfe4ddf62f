"""How long a question waits: the clock of its expiry and of its reminders, and when that clock stands still."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from gate_app.domain.model import Person
from gate_app.domain.worktime import Span

MAX_PAUSED: Final = timedelta(days=7)
"""How long the clock of a question stands still altogether: nobody can keep it open for ever by asking."""
_FOREVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Pause:
    """Somebody holds the run, or asked something; the clock of its questions stands still until it has ended."""

    kind: Literal["hold", "ask"]
    by: Person
    at: datetime
    text: str = ""
    environment: str = ""
    ended_at: datetime | None = None
    ended_by: Person | None = None
    answer: str = ""

    @property
    def open(self) -> bool:
        return self.ended_at is None


def expiry(since: datetime, patience: timedelta, pauses: tuple[Pause, ...]) -> datetime:
    """When patience that began at `since` is over; the clock stands still in pauses.

    Pauses at one time count once, an open one to its bound, and one that begins after the end brings nothing back.
    """
    return reached(since, patience, pauses, (Span(since, _FOREVER),)) or _FOREVER


def reached(
    since: datetime, patience: timedelta, pauses: tuple[Pause, ...], spans: Sequence[Span]
) -> datetime | None:
    """When a clock that began at `since` and runs only inside `spans`, which are in order, shows that much.

    None when they end before.
    """
    left = patience
    for running in _running(since, pauses):
        for span in spans:
            begins, ends = max(span.begins, running.begins), min(span.ends, running.ends)
            if begins >= ends:
                continue
            if ends - begins >= left:
                return begins + left
            left -= ends - begins
    return None


def _running(since: datetime, pauses: tuple[Pause, ...]) -> Iterator[Span]:
    """The time between the pauses, from `since` on."""
    begins, until, paused = since, since, timedelta()
    for pause in sorted(pauses, key=lambda each: each.at):
        at, over = max(pause.at, until), pause.ended_at or pause.at + MAX_PAUSED
        if over > at:
            longer = min(over - at, MAX_PAUSED - paused)
            yield Span(begins, at)
            begins, until, paused = at + longer, over, paused + longer
    yield Span(begins, _FOREVER)
