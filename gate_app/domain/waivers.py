"""A waiver: one finding of a scan does not hold one environment until a day.

Rules of the file: values only; a waiver is bound to the fingerprint of a finding, so that it covers nothing else, and
always has an end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gate_app.domain.model import Person

LONGEST: Final = timedelta(days=180)
MOST: Final = 100
"""How many waivers of one environment hold at a time."""
ID_LENGTH: Final = 12
"""How many characters of a fingerprint are shown, and have to be written at least."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """`by` takes it upon themselves that the finding is there before `until`; `what` is how it was shown then."""

    fingerprint: str
    by: Person
    at: datetime
    until: datetime
    reason: str
    what: str = ""

    def holds(self, now: datetime) -> bool:
        return now < self.until
