"""How long a question waits: the clock of its expiry, and the pauses in which it stands still."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from gate_app.domain.model import Person

MAX_PAUSED: Final = timedelta(days=7)
"""How long the clock of a question stands still altogether: nobody can keep it open for ever by asking."""


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
    ends, until, paused = since + patience, since, timedelta()
    for pause in sorted(pauses, key=lambda each: each.at):
        begins, over = max(pause.at, until), pause.ended_at or pause.at + MAX_PAUSED
        if begins >= ends:
            break
        if over > begins:
            longer = min(over - begins, MAX_PAUSED - paused)
            ends, until, paused = ends + longer, over, paused + longer
    return ends
