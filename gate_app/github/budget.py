"""How much each installation may still be asked, and what the rest of it is kept for.

Rules of the file:

* GitHub's own words count: the `x-ratelimit-*` headers of every answer, `retry-after`, a refusal. They are true
  for all processes together; nothing is estimated here, and nothing sleeps (cases 198, 199).
* Decisions go on until nothing is left. What can wait (comparing, listing, looking for lost deliveries) stops
  when less than a fifth is left, so that a busy hour never costs an answer.
* Whoever is told to wait is left alone until then: carrying on can get an App banned (GitHub docs: rate limits).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from gate_app.errors import HubUnavailable
from gate_app.github.faults import LONGEST_WAIT, number_in
from gate_app.github.transport import Reply

RESERVE: Final = 0.2
"""Of the limit; kept for decisions."""
THE_APP: Final = 0
"""Stands for the App itself among the installations: what is asked with its JWT."""


class Urgency(StrEnum):
    """What a call is for: a person or a release waits for it, or nobody does."""

    DECISION = "decision"
    BACKGROUND = "background"


@dataclass(frozen=True, slots=True)
class _Rate:
    limit: int
    remaining: int
    reset: datetime


class Budget:
    """What is known of each installation's limits. Safe to share between threads."""

    def __init__(self) -> None:
        self._rates: dict[int, _Rate] = {}
        self._closed: dict[int, datetime] = {}
        self._guard = threading.Lock()

    def close(self, holder: int, until: datetime) -> None:
        """Leaves the installation alone until then, or longer if that was known already."""
        with self._guard:
            self._closed[holder] = max(until, self._closed.get(holder, until))

    def note(self, holder: int, reply: Reply, now: datetime) -> None:
        """Remembers what an answer says about the primary limit (GitHub docs: `x-ratelimit-*` headers)."""
        told = [
            number_in(reply.headers.get(f"x-ratelimit-{name}", ""))
            for name in ("limit", "remaining", "reset")
        ]
        limit, remaining, reset = told
        if reply.headers.get("x-ratelimit-resource", "core") != "core":
            return
        if limit is None or remaining is None or reset is None:
            return
        ends = min(datetime.fromtimestamp(reset, UTC), now + LONGEST_WAIT)
        with self._guard:
            self._rates[holder] = _Rate(limit, remaining, ends)

    def require(self, holder: int, urgency: Urgency, now: datetime) -> None:
        """Raises HubUnavailable with the time to come back while this may not be asked."""
        with self._guard:
            closed, rate = self._closed.get(holder), self._rates.get(holder)
        if closed is not None and closed > now:
            raise HubUnavailable("GitHub asked this installation to wait", closed)
        if rate is None or rate.reset <= now:
            return
        if rate.remaining == 0:
            raise HubUnavailable("nothing is left of this hour's rate limit", rate.reset)
        if urgency is Urgency.BACKGROUND and rate.remaining < rate.limit * RESERVE:
            raise HubUnavailable("the rest of this hour's rate limit is kept for decisions", rate.reset)
