"""Something done again and again on its own thread: the sweeps, the retention of finished rows.

Rules of the file: a tick that fails is logged and the next one goes on, at a growing distance, so that a
database that is away for an hour is not an hour of log lines. `stop` waits a bounded time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from gate_app.errors import outline

LONGEST_PAUSE: Final = 30.0
"""Seconds between two tries of a failing function, unless its interval is longer anyway."""

_log = logging.getLogger(__name__)


class Ticker:
    """Calls `function` at once, then every `interval` seconds (counted from the end of a call), and when
    signalled.
    """

    def __init__(self, interval: float, function: Callable[[], None], name: str) -> None:
        if interval <= 0:
            raise ValueError("a ticker needs an interval of more than 0 seconds")
        self._interval = interval
        self._function = function
        self._name = name
        self._due = threading.Event()
        self._stopping = threading.Event()
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name=f"ticker-{name}", daemon=True)

    def start(self) -> None:
        """Begins ticking. A ticker is started once; make another one to start again."""
        self._thread.start()

    def signal(self) -> None:
        """Tick at once; a signal that comes during a tick leads to one more. Never blocks."""
        self._due.set()

    def end(self) -> None:
        """No tick begins after this. Never blocks."""
        self._stopping.set()
        self._due.set()

    def stop(self, timeout: float = 10.0) -> None:
        """No tick begins after this. Waits at most `timeout` seconds for a running one."""
        self.end()
        if self._thread.ident is None or self._thread is threading.current_thread():
            return
        self._thread.join(timeout)
        if self._thread.is_alive():
            _log.error("%s: a tick is still running; it is left behind", self._name)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._due.clear()
            self._tick()
            self._due.wait(self._pause())

    def _tick(self) -> None:
        try:
            self._function()
        except Exception as fault:
            self._failures += 1
            _log.error("%s: failed %d times in a row: %s", self._name, self._failures, outline(fault))
        else:
            self._failures = 0

    def _pause(self) -> float:
        doubled = self._interval * 2.0 ** min(self._failures, 16)
        return min(doubled, max(self._interval, LONGEST_PAUSE))


def stop_together(tickers: Sequence[Ticker], timeout: float) -> None:
    """No tick of any begins after this. Waits at most `timeout` seconds for all running ones."""
    give_up = time.monotonic() + timeout
    for ticker in tickers:
        ticker.end()
    for ticker in tickers:
        ticker.stop(max(0.0, give_up - time.monotonic()))
