"""One drain as this process runs it: take the turn, call the handler, tell a fault, come back when busy.

Rules of the file: nothing is raised to DBOS, which would store the fault's text; nothing is returned to it
either.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Final

from gate_app.errors import outline
from gate_app.jobs.turns import Turns
from gate_app.jobs.wakeups import Wakeups

BUSY_DELAY: Final = 1.0
"""Seconds until a drain that found its subject busy comes back."""

RECORDED_WITHIN: Final = 1.0
"""Seconds after its end within which DBOS has certainly recorded a drain."""

_log = logging.getLogger(__name__)


class Drains:
    """Runs drains for one `start` … `stop`, and knows how many are running."""

    def __init__(
        self,
        handler: Callable[[str], None],
        turns: Turns,
        wakeups: Wakeups,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._handler = handler
        self._turns = turns
        self._wakeups = wakeups
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._running = 0
        self._last_change = -math.inf

    @property
    def running(self) -> int:
        """How many drains there are now."""
        with self._changed:
            return self._running

    @property
    def at_rest(self) -> bool:
        """Whether no drain is running and the last one has been recorded: nothing is left to wait for."""
        with self._changed:
            return self._running == 0 and self._monotonic() - self._last_change > RECORDED_WITHIN

    def idle_within(self, seconds: float) -> bool:
        """Waits until no drain is running; False when some still are after that time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._running == 0, seconds)

    def run(self, subject: str) -> None:
        """Drains the subject, or queues it again when somebody else is draining it."""
        self._count(1)
        try:
            self._run(subject)
        except Exception as fault:
            _log.error("drain of %s failed: %s", subject, outline(fault))
        finally:
            self._count(-1)

    def _run(self, subject: str) -> None:
        with self._turns.take(subject) as turn:
            if turn == "taken":
                self._handler(subject)
                return
        self._wakeups.queue(subject, delay=BUSY_DELAY)

    def _count(self, change: int) -> None:
        with self._changed:
            self._running += change
            self._last_change = self._monotonic()
            self._changed.notify_all()
