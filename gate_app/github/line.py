"""The line to one GitHub: an exchange within what the rate limits leave, and the fault that a bad answer means.

Rules of the file: every request of ours goes through here, so none escapes the budget; a write of an installation
waits for the one before it, bounded by the timeouts of the transport (docs: best practices for the REST API).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from github.Auth import Auth

from gate_app.engine.ports import Clock
from gate_app.errors import HubRefused, HubUnavailable
from gate_app.github.budget import Budget, Resource, Urgency
from gate_app.github.faults import fault_of, is_spent
from gate_app.github.permissions import Permissions
from gate_app.github.transport import Method, Reply, Transport

TURN_SECONDS: Final = 60.0
"""Longer than one write can take; after it the write did not happen and is tried later."""


@dataclass(frozen=True, slots=True)
class Question:
    """One request: `path` is quoted and relative to the origin, `what` names the call in faults."""

    method: Method
    path: str
    query: Mapping[str, str | int] = field(default_factory=dict)
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose limit a call counts against (an installation id, or `THE_APP`), which one, and whether it can wait."""

    holder: int
    urgency: Urgency = Urgency.DECISION
    resource: Resource = Resource.CORE


class Line:
    """Shared by all calls to one GitHub. Safe to share between threads."""

    def __init__(self, transport: Transport, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock
        self._budget = Budget()
        self._turns: dict[int, threading.Lock] = {}
        self._guard = threading.Lock()

    def require(self, caller: Caller) -> None:
        """Raises HubUnavailable with the time to come back while this caller may not ask."""
        self._budget.require(caller.holder, caller.urgency, self._clock(), caller.resource)

    def exchange(self, caller: Caller, auth: Auth, question: Question) -> Reply:
        """One answer, whatever its status. Raises HubUnavailable without one, or while nothing may be asked."""
        self.require(caller)
        reply = self._transport.exchange(
            auth, question.method, question.path, question.query, question.body, question.headers
        )
        self._budget.note(caller.holder, reply, self._clock(), caller.resource)
        return reply

    def fault(
        self, caller: Caller, reply: Reply, what: str, permissions: Permissions
    ) -> HubUnavailable | HubRefused:
        """What an answer other than 2xx means; after a limit the caller's holder is left alone."""
        fault = fault_of(reply, what, permissions, self._clock())
        if isinstance(fault, HubUnavailable) and fault.retry_at is not None:
            # When GraphQL's own hour is spent, everything else goes on; what else GitHub limits, it limits altogether.
            apart = caller.resource is not Resource.CORE and is_spent(reply)
            self._budget.close(caller.holder, fault.retry_at, caller.resource if apart else None)
        return fault

    @contextmanager
    def turn(self, holder: int) -> Iterator[None]:
        """The holder's turn to write. Raises HubUnavailable when it does not come."""
        with self._guard:
            lock = self._turns.setdefault(holder, threading.Lock())
        if not lock.acquire(timeout=TURN_SECONDS):
            raise HubUnavailable("another write of this installation does not end")
        try:
            yield
        finally:
            lock.release()
