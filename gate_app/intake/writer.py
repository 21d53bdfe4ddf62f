"""One writer per process: everything that queued during the last COMMIT goes into the next one.

Rules of this file:
* A handler hands over one delivery and waits for its own commit; there is no timer (`performance.md`).
* Durable first, answer second: a ticket is resolved only after `Log.append` has returned (case 203).
* The writer never dies of a failing store: the batch fails, its handlers answer 503, the next one is tried.
* It is started in the process that uses it, after any fork: a thread does not survive one.
"""

import logging
import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gate_app.intake.delivery import Delivery, Log, Outcome, StoreUnavailableError

_log = logging.getLogger(__name__)

QUEUE_ROWS: Final = 1024
"""Far above the number of threads that can wait; a queue this long means the store stands still."""

BATCH_ROWS: Final = 256
BATCH_BYTES: Final = 32 * 1024 * 1024
"""A transaction stays small enough to commit well inside the handlers' wait."""

ACK_SECONDS: Final = 8.0
"""Longer than the store's own 5 s of patience, shorter than GitHub's 10 s."""


@dataclass(slots=True, eq=False)
class _Ticket:
    delivery: Delivery
    done: threading.Lock
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
        self._queue: queue.SimpleQueue[_Ticket | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._pid = 0

    def start(self) -> None:
        """Start the writer's thread in this process. Raises `RuntimeError` when it runs already."""
        if self._thread is not None:
            raise RuntimeError("the writer was started already")
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._run, name="intake-writer", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = ACK_SECONDS) -> None:
        """Commit what is queued, then end the thread; waits at most `timeout` seconds."""
        thread, self._thread = self._thread, None
        if thread is None or self._pid != os.getpid():
            return
        self._queue.put(None)
        thread.join(timeout)

    def submit(self, delivery: Delivery) -> Outcome:
        """Block until `delivery` is committed.

        Raises `StoreUnavailableError` when the writer does not run, its queue is full, the store refused or
        the wait was too long. After the last one the row may still be stored: a redelivery is then known.
        """
        if self._thread is None or self._pid != os.getpid():
            raise StoreUnavailableError("writer_not_running")
        if self._queue.qsize() >= self._queue_rows:
            raise StoreUnavailableError("queue_full")
        ticket = _Ticket(delivery, threading.Lock())
        ticket.done.acquire()
        self._queue.put(ticket)
        if not ticket.done.acquire(timeout=self._ack_seconds):
            raise StoreUnavailableError("commit_timed_out")
        if ticket.outcome is None:
            raise StoreUnavailableError("commit_failed")
        return ticket.outcome

    def waiting(self) -> int:
        """How many deliveries wait for a commit that has not begun."""
        return self._queue.qsize()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            batch = [first]
            self._commit(batch)
            for ticket in batch:
                ticket.done.release()
            if any(ticket.outcome is Outcome.STORED for ticket in batch):
                self._wake()
        self._store.close()

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
        size = sum(len(ticket.delivery.body) for ticket in batch)
        while len(batch) < BATCH_ROWS and size < BATCH_BYTES:
            try:
                ticket = self._queue.get_nowait()
            except queue.Empty:
                return
            if ticket is None:  # told to stop: after this batch
                self._queue.put(None)
                return
            batch.append(ticket)
            size += len(ticket.delivery.body)

    def _wake(self) -> None:
        try:
            self._signal()
        except Exception as fault:
            _log.error("the wake-up after a commit failed: %s", type(fault).__name__)
