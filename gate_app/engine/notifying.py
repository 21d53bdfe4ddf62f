"""Telling channels: begun here, ended by another thread, given up after bounded tries.

Rules of the file: nothing is waited for; what was begun and has not ended a while later counts as a failed try and is
sent again, so that a message may come twice and is not lost with a crash; no decision hears of any of it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from gate_app.domain.effects import Notify
from gate_app.engine.ports import Channels, Clock, PendingEffect, Store
from gate_app.engine.waiting import Waiting
from gate_app.errors import GateFault, outline
from gate_app.failpoints import hit

SENDING: Final = "being sent"
"""The note of a message that is under way."""
LONGEST: Final = timedelta(minutes=1)
"""How long a message may be under way before it counts as not taken."""
_AGAIN: Final = timedelta(seconds=10)
_MAX_DOUBLINGS: Final = 6

log = logging.getLogger("gate_app.engine")


@dataclass(frozen=True, slots=True)
class Notifier:
    """Sends messages to channels and keeps what came of it."""

    store: Store
    channels: Channels
    now: Clock

    def send(self, pending: PendingEffect, wanted: Notify) -> None:
        """Begins to send one message, or counts a try that has not ended."""
        if pending.in_doubt and pending.note == SENDING:
            self._failed(pending, "the channel did not answer in time")
            return
        if wanted.channel not in self.channels.names:
            self.store.effect_done(pending, "no such channel any more")
            return
        self.store.effect_started(pending)
        self.store.effect_delayed(pending, SENDING, self.now() + LONGEST, "free", since=pending.since)
        hit("notify.before")
        if not self.channels.send(wanted, lambda why: self._ended(pending, why)):
            self._failed(pending, "too many messages are under way")
        hit("notify.after")

    def _ended(self, pending: PendingEffect, why: str) -> None:
        """What another thread tells; if it cannot be kept, the message counts as not answered."""
        try:
            if why:
                self._failed(pending, why)
            else:
                self.store.effect_done(pending, "sent")
        except GateFault as fault:
            log.warning("what came of effect %d could not be kept: %s", pending.id, outline(fault))

    def _failed(self, pending: PendingEffect, why: str) -> None:
        again = self.now() + _AGAIN * (1 << min(pending.attempts, _MAX_DOUBLINGS))
        Waiting(self.store, self.now).effect(pending, why, again, "counted")
