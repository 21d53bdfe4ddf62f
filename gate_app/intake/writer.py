"""Group commit without a thread of its own: everything that queued during the last COMMIT goes into the next one.

Rules of this file:
* A handler hands over one delivery and waits for its own commit; there is no timer (`performance.md`).
* Whoever finds nobody writing writes: its own delivery and all that queued by the time the store lets it.
  Then it hands the pen to the first that came meanwhile, so that nobody writes twice for others. A handler
  that is alone passes nothing between threads.
* Durable first, answer second: an outcome is set only after `Log.append` has returned (case 203).
* A failing store fails one batch: its handlers answer 503, the next one is tried.
* It is made in the process that uses it, after any fork: a database connection does not survive one.
"""

import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from gate_app.intake.delivery import Delivery, Log, Outcome, StoreUnavailableError

_log = logging.getLogger(__name__)

QUEUE_ROWS: Final = 1024
"""Far above the number of threads that can wait; a queue this long means the store stands still."""

BATCH_ROWS: Final = 256
BATCH_BYTES: Final = 32 * 1024 * 1024
"""A transaction stays small enough to commit well inside the handlers' wait."""

ACK_SECONDS: Final = 8.0
"""Twice the store's own patience, shorter than GitHub's 10 s."""


def _locked() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


@dataclass(slots=True, eq=False)
class _Ticket:
    """One handler's delivery. `turn` is released when its outcome is known, or when it has the pen."""

    delivery: Delivery
    turn: threading.Lock = field(default_factory=_locked)
    has_pen: bool = False
    outcome: Outcome | None = None


class Writer:
    """Implements `intake.delivery.Store` over any `Log` with group commit.

    `signal` is called after each commit that stored something: the wake-up of an engine in the same
    process. It must return at once and must not raise; if it raises, the sweep finds the rows anyway.
    """

    def __init__(
        self,
        log: Log,
        *,
        signal: Callable[[], None] = lambda: None,
        queue_rows: int = QUEUE_ROWS,
        ack_seconds: float = ACK_SECONDS,
    ) -> None:
        self._store = log
        self._signal = signal
        self._queue_rows = queue_rows
        self._ack_seconds = ack_seconds
        self._state = threading.Condition()  # guards the three below
        self._queue: deque[_Ticket] = deque()
        self._pen_is_taken = False
        self._closed = False
        self._pid = os.getpid()

    def submit(self, delivery: Delivery) -> Outcome:
        """Block until `delivery` is committed.

        Raises `StoreUnavailableError` when the writer is closed or another process's, its queue is full, the
        store refused or the wait was too long. After the last one the row may still be stored: a redelivery
        is then known.
        """
        ticket = _Ticket(delivery)
        self._enter(ticket)
        if not ticket.has_pen and not ticket.turn.acquire(timeout=self._ack_seconds):
            self._leave(ticket)
        if ticket.has_pen:
            self._write(ticket)
        if ticket.outcome is None:
            raise StoreUnavailableError("commit_failed")
        return ticket.outcome

    def close(self, timeout: float = ACK_SECONDS) -> None:
        """Take nothing more, let what queued be committed, and close the store; waits at most `timeout` seconds.

        A store that is still written to then is left to the end of the process.
        """
        if self._pid != os.getpid():
            return
        with self._state:
            self._closed = True
            if self._state.wait_for(lambda: not self._pen_is_taken, timeout):
                self._store.close()

    def waiting(self) -> int:
        """How many deliveries wait for a commit that has not begun."""
        return len(self._queue)

    def _enter(self, ticket: _Ticket) -> None:
        if self._pid != os.getpid():
            raise StoreUnavailableError("writer_of_another_process")
        with self._state:
            if self._closed:
                raise StoreUnavailableError("writer_closed")
            if not self._pen_is_taken:
                self._pen_is_taken = ticket.has_pen = True
            elif len(self._queue) < self._queue_rows:
                self._queue.append(ticket)
            else:
                raise StoreUnavailableError("queue_full")

    def _leave(self, ticket: _Ticket) -> None:
        """After too long a wait. Returns when the pen came at the last moment: somebody has to write."""
        with self._state:
            if ticket.has_pen:
                return
            if ticket in self._queue:
                self._queue.remove(ticket)
        raise StoreUnavailableError("commit_timed_out")

    def _write(self, ticket: _Ticket) -> None:
        batch = [ticket]
        try:
            self._commit(batch)
        finally:
            self._hand_over()
            for other in batch[1:]:
                other.turn.release()
        if any(each.outcome is Outcome.STORED for each in batch):
            self._wake()

    def _commit(self, batch: list[_Ticket]) -> None:
        """Fill `batch` with what waits once the store can write, commit it, and note the outcomes."""
        try:
            self._store.begin()
            self._collect(batch)
            outcomes = self._store.append([ticket.delivery for ticket in batch])
            for ticket, outcome in zip(batch, outcomes, strict=True):
                ticket.outcome = outcome
        except StoreUnavailableError as fault:
            _log.warning("%d deliveries were not stored: %s", len(batch), fault.cause)
        except Exception as fault:  # a broken driver must not silence the receiver for good
            self._store.close()
            _log.error("%d deliveries were not stored: %s", len(batch), type(fault).__name__)

    def _collect(self, batch: list[_Ticket]) -> None:
        size = len(batch[0].delivery.body)
        with self._state:
            while self._queue and len(batch) < BATCH_ROWS and size < BATCH_BYTES:
                batch.append(self._queue.popleft())
                size += len(batch[-1].delivery.body)

    def _hand_over(self) -> None:
        with self._state:
            if self._queue:
                heir = self._queue.popleft()
                heir.has_pen = True
                heir.turn.release()
            else:
                self._pen_is_taken = False
                self._state.notify_all()

    def _wake(self) -> None:
        try:
            self._signal()
        except Exception as fault:
            _log.error("the wake-up after a commit failed: %s", type(fault).__name__)
