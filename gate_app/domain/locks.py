"""A lock: one pull request keeps an environment for itself for a while.

Rules of the file: values only. A lock belongs to a pull request, not to a person, and always has an end; one that does
not make sense cannot be made, so that a damaged record is unreadable and never "no lock" (case 84).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gate_app.domain.model import Person

USUAL: Final = timedelta(hours=24)
"""How long a lock lasts that does not say."""
SHORTEST: Final = timedelta(minutes=1)
LONGEST: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Lock:
    """No other pull request than `owner`, a number, releases there before `until`; `by` is who put it on."""

    owner: int
    by: Person
    at: datetime
    until: datetime
    reason: str

    def __post_init__(self) -> None:
        if self.owner < 1 or not self.reason or not SHORTEST <= self.until - self.at <= LONGEST:
            raise ValueError("a lock has an owner, a reason and an end within bounds")

    def holds(self, now: datetime) -> bool:
        """The instant of its end is free again."""
        return now < self.until
