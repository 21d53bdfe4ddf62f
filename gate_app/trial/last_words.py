"""Printing that must not keep a trial from ending: a terminal that nobody reads takes no more, and a write then waits.

Rules of the file: main thread only; an alarm that somebody else set goes on afterwards.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Final, NoReturn

PATIENCE_SECONDS: Final = 3.0


class _Unheard(BaseException):
    """The time is over. Not an `Exception`, so nothing swallows it."""


def heard(speak: Callable[[], None], seconds: float = PATIENCE_SECONDS) -> bool:
    """Whether `speak` came to its end within that time; what it had begun to print may be cut off."""
    handler = signal.signal(signal.SIGALRM, _give_up)
    left, again = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        speak()
    except _Unheard:
        return False
    finally:
        signal.setitimer(signal.ITIMER_REAL, left, again)
        signal.signal(signal.SIGALRM, handler)
    return True


def _give_up(_number: int, _frame: FrameType | None) -> NoReturn:
    raise _Unheard
