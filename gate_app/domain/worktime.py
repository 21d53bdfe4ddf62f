"""Working hours: in which people can be expected to answer, and what is left of a span of time inside them.

Rules of the file: values and sums only; clocks on the wall, zones and holidays are worked out outside and read as
spans (`calendars`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """Days of the week (0 is Monday) and a part of them, in minutes since midnight, at most 1440, in a time zone.

    `timezone` is a name of the IANA database; public holidays of `country` (and its `region`) are no working days.
    """

    timezone: str
    days: tuple[int, ...] = (0, 1, 2, 3, 4)
    begins: int = 9 * 60
    ends: int = 17 * 60
    country: str = ""
    region: str = ""

    @property
    def shown(self) -> str:
        """For people: `Mon Tue Wed Thu Fri 09:00 to 17:00 Europe/Berlin`."""
        days = " ".join(DAYS[day].capitalize() for day in self.days)
        free = "-".join(part for part in (self.country, self.region) if part)
        hours = f"{wall_clock(self.begins)} to {wall_clock(self.ends)} {self.timezone}"
        return f"{days} {hours}{f' without holidays of {free}' if free else ''}"


DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""As the gate file writes them, from Monday on."""


def wall_clock(minutes: int) -> str:
    """Minutes since midnight as a clock shows them."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


@dataclass(frozen=True, slots=True)
class Span:
    """From one moment up to another, which is not part of it."""

    begins: datetime
    ends: datetime
