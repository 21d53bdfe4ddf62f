"""How much each installation may still be asked, and what the rest of it is kept for.

Rules of the file:

* GitHub's own words count: the `x-ratelimit-*` headers of every answer, `retry-after`, a refusal. They are true
  for all processes together; nothing is estimated here, and nothing sleeps (cases 198, 199).
* Decisions go on until nothing is left. What can wait (comparing, listing, looking for lost deliveries) stops
  when less than a fifth is left, so that a busy hour never costs an answer.
* GitHub counts GraphQL apart from the rest (docs: rate limits for the GraphQL API), so each resource has its own hour.
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


class Resource(StrEnum):
    """What GitHub counts apart: the names of `x-ratelimit-resource`."""

    CORE = "core"
    GRAPHQL = "graphql"


@dataclass(frozen=True, slots=True)
class _Rate:
    limit: int
    remaining: int
    reset: datetime


class Budget:
    """What is known of each installation's limits. Safe to share between threads."""

    def __init__(self) -> None:
        self._rates: dict[tuple[int, Resource], _Rate] = {}
        self._closed: dict[tuple[int, Resource | None], datetime] = {}
        self._guard = threading.Lock()

    def close(self, holder: int, until: datetime, resource: Resource | None = None) -> None:
        """Leaves the installation, or one resource of it, alone until then, or longer if that was known already."""
        key = (holder, resource)
        with self._guard:
            self._closed[key] = max(until, self._closed.get(key, until))

    def note(self, holder: int, reply: Reply, now: datetime, resource: Resource = Resource.CORE) -> None:
        """Remembers what an answer says about the primary limit (GitHub docs: `x-ratelimit-*` headers).

        `resource` is what the call counts as; an answer about another one says nothing about it.
        """
        told = [
            number_in(reply.headers.get(f"x-ratelimit-{name}", ""))
            for name in ("limit", "remaining", "reset")
        ]
        limit, remaining, reset = told
        if reply.headers.get("x-ratelimit-resource", resource) != resource:
            return
        if limit is None or remaining is None or reset is None:
            return
        ends = min(datetime.fromtimestamp(reset, UTC), now + LONGEST_WAIT)
        with self._guard:
            self._rates[holder, resource] = _Rate(limit, remaining, ends)

    def require(
        self, holder: int, urgency: Urgency, now: datetime, resource: Resource = Resource.CORE
    ) -> None:
        """Raises HubUnavailable with the time to come back while this may not be asked."""
        with self._guard:
            rate = self._rates.get((holder, resource))
            closed = max(
                filter(None, (self._closed.get((holder, what)) for what in (None, resource))), default=now
            )
        if closed > now:
            raise HubUnavailable("GitHub asked this installation to wait", closed)
        if rate is None or rate.reset <= now:
            return
        if rate.remaining == 0:
            raise HubUnavailable("nothing is left of this hour's rate limit", rate.reset)
        if urgency is Urgency.BACKGROUND and rate.remaining < rate.limit * RESERVE:
            raise HubUnavailable("the rest of this hour's rate limit is kept for decisions", rate.reset)
