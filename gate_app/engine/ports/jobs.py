"""The durable wake-up service, and the clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol


class Jobs(Protocol):
    """The durable wake-up service. At most one drain per subject runs at a time, in the whole installation."""

    def start(self, handler: Callable[[str], None]) -> None: ...
    def wake(self, subject: str) -> None: ...
    def stop(self) -> None: ...


Clock = Callable[[], datetime]
