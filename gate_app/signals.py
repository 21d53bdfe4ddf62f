"""Being told to end, safely: a signal is a byte in a pipe, and somebody waits for bytes.

Rules of the file: a handler does nothing but what the interpreter does for `set_wakeup_fd`; no lock is taken
inside a handler, so none can be waited for by the thread that was interrupted. Main thread only.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager

ENDING = frozenset({signal.SIGTERM, signal.SIGINT})


class Signals:
    """The signals that arrived and were not looked at yet; made by `listening`."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe

    def wait(self, seconds: float | None) -> frozenset[signal.Signals]:
        """Waits for the next signals, at most so long (None: for ever); empty when none came."""
        readable, _, _ = select.select([self._pipe], [], [], seconds)
        return frozenset(map(signal.Signals, os.read(self._pipe, 512))) if readable else frozenset()

    def wait_for_end(self) -> None:
        """Returns when the process is told to end."""
        while not self.wait(None) & ENDING:
            pass


@contextmanager
def listening(*numbers: signal.Signals) -> Iterator[Signals]:
    """While it lasts, these signals end nothing by themselves and are told by `Signals.wait`."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    before = {number: signal.signal(number, lambda _number, _frame: None) for number in numbers}
    wakeup = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield Signals(reading)
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reading)
        os.close(writing)
