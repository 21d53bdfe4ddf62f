"""The in-memory twin of the durable service: the same guarantees in one thread, for tests and simulations.

Rules of the file: nothing runs until `run_until_idle`; drains run one after the other, in the order of
their wakes. `tests/engine/test_jobs_contract.py` holds both twins to one contract.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from gate_app.errors import outline
from gate_app.jobs.faults import JobsAlreadyRunning, JobsNotRunning, StillBusy
from gate_app.jobs.subjects import checked

_log = logging.getLogger(__name__)


class InlineJobs:
    """Implements `engine.ports.Jobs` without threads or a database."""

    def __init__(self) -> None:
        self._handler: Callable[[str], None] | None = None
        self._queued: dict[str, None] = {}
        self._draining: str | None = None

    def start(self, handler: Callable[[str], None]) -> None:
        """See `Jobs.start`. What was queued before a `stop` is still queued."""
        if self._handler is not None:
            raise JobsAlreadyRunning("these jobs are running; stop them before starting again")
        self._handler = handler

    def wake(self, subject: str) -> None:
        """See `Jobs.wake`: a subject that is queued stays queued once; one that is being drained is queued
        again.
        """
        if self._handler is None:
            raise JobsNotRunning("start the jobs before waking a subject")
        self._queued.setdefault(checked(subject))

    def stop(self) -> None:
        """See `Jobs.stop`."""
        self._handler = None

    def run_until_idle(self, max_drains: int = 1_000) -> int:
        """Drains what is queued and what that queues in turn; returns the number of drains.

        Raises StillBusy after `max_drains`, with the rest still queued, and JobsNotRunning before `start`.
        """
        if self._draining is not None:
            raise JobsAlreadyRunning(f"{self._draining} is being drained; a handler wakes, it does not run")
        drains = 0
        while self._queued:
            if drains == max_drains:
                raise StillBusy(
                    f"not idle after {max_drains} drains; next would be {next(iter(self._queued))}"
                )
            self._drain_next()
            drains += 1
        return drains

    def _drain_next(self) -> None:
        if self._handler is None:
            raise JobsNotRunning("start the jobs before running them")
        subject = next(iter(self._queued))
        del self._queued[subject]  # before the handler, so that a wake during the drain leads to another
        self._draining = subject
        try:
            self._handler(subject)
        except Exception as fault:
            _log.error("drain of %s failed: %s", subject, outline(fault))
        finally:
            self._draining = None
