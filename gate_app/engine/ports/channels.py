"""Where people are told besides GitHub."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

from gate_app.domain.effects import Notify


class Channels(Protocol):
    """The operator's channels."""

    @property
    def names(self) -> Collection[str]:
        """The names that gate files may use."""

    def send(self, wanted: Notify, done: Callable[[str], None]) -> bool:
        """Begins to send and returns at once; False when too much is under way.

        `done` is called once, by another thread: with nothing when the message was taken, else with why not. It may
        never be called.
        """
