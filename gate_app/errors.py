"""Faults: what went wrong that no user of a pull request caused. Problems of users are values, not exceptions.

Rules of the file: no fault's text carries a secret, a header or a body; it may be shown to the operator.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from traceback import extract_tb


class GateFault(Exception):
    """Any fault of ours or of the world around us."""


class HubUnavailable(GateFault):
    """GitHub could not be asked or told now: unreachable, 5xx, rate limited, garbage. Nothing is known.

    `retry_at` is when it is sensible to try again, None when GitHub did not say.
    """

    def __init__(self, detail: str, retry_at: datetime | None = None) -> None:
        super().__init__(detail)
        self.retry_at = retry_at


class HubRefused(GateFault):
    """GitHub answered definitely that it will not (4xx): missing permission, gone, invalid."""

    def __init__(self, detail: str, status: int) -> None:
        super().__init__(detail)
        self.status = status


class Conflict(GateFault):
    """Somebody else moved the run or an environment between reading and writing: gather and decide again."""


class ConfigurationFault(GateFault):
    """The operator's settings cannot be used; the text lists every problem with its fix."""


def outline(fault: BaseException) -> str:
    """Type and place of a fault, for a log: `KeyError at gatekeeper.py:41`. Never its message (case 218)."""
    frames = extract_tb(fault.__traceback__)
    if not frames:
        return type(fault).__name__
    return f"{type(fault).__name__} at {Path(frames[-1].filename).name}:{frames[-1].lineno}"
