"""What can go wrong with the wake-up service, and how a fault is told without its text.

Rules of the file: an exception's message may carry a token or a body, so a log gets its type and place only.
"""

from __future__ import annotations

from pathlib import Path
from traceback import extract_tb

from gate_app.errors import GateFault


class JobsNotRunning(GateFault):
    """`wake` was called before `start` or after `stop`; nothing was queued."""


class JobsAlreadyRunning(GateFault):
    """A second runtime in one process, or on one SQLite database; the text says what to do instead."""


class StillBusy(GateFault):
    """The in-memory twin did not come to rest within the number of drains it was given."""


def outline(fault: BaseException) -> str:
    """Type and place of a fault, for a log: `KeyError at gatekeeper.py:41`. Never its message (case 218)."""
    frames = extract_tb(fault.__traceback__)
    if not frames:
        return type(fault).__name__
    return f"{type(fault).__name__} at {Path(frames[-1].filename).name}:{frames[-1].lineno}"
