"""One subject at a time, to the end: a release in doubt first, then the inbox in order, then effects.

Rules of the file: nothing in here waits; whatever cannot go on now has a time in the store and the sweep will
come back for it. A row that crashes its handler is tried a bounded number of times and then set aside, so
that the next one proceeds (case 18).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

from gate_app.domain.effects import CreateDeployment
from gate_app.domain.evidence import StageReason
from gate_app.engine.gatekeeper import Gatekeeper
from gate_app.engine.performer import RETRY, Performer, next_try
from gate_app.engine.ports import Clock, InboxRow, PendingEffect, Store
from gate_app.engine.waiting import Waiting
from gate_app.errors import Conflict, HubRefused, HubUnavailable, outline
from gate_app.failpoints import hit

MAX_STEPS: Final = 500
"""Rows and effects handled in one turn; a hot subject gives its place back to the others after that."""

log = logging.getLogger("gate_app.engine")


@dataclass(frozen=True, slots=True)
class Drain:
    """Works off everything that is due for a subject."""

    store: Store
    gatekeeper: Gatekeeper
    performer: Performer
    now: Clock

    @property
    def _waiting(self) -> Waiting:
        return Waiting(self.store, self.now)

    def __call__(self, subject: str) -> None:
        for _ in range(MAX_STEPS):
            if not self._one(subject):
                return

    def _one(self, subject: str) -> bool:
        """Does the next thing; False when nothing can be done now."""
        release = self.store.next_release(subject)
        if release is not None and isinstance(release.effect, CreateDeployment):
            return self.performer.release(release, release.effect)
        row = self.store.next_row(subject, self.now())
        if row is not None:
            self._handle(row)
            return True
        effect = self.store.next_effect(subject, self.now())
        if effect is not None:
            self._perform(effect)
            return True
        return False

    def _handle(self, row: InboxRow) -> None:
        hit("inbox.before")
        try:
            self.gatekeeper.handle(row)
        except HubUnavailable as fault:
            self._waiting.row(row, str(fault), fault.retry_at or self.now() + RETRY, "free")
        except HubRefused as fault:
            self._waiting.row(row, str(fault), next_try(self.now(), row.attempts), "counted")
        except Exception as fault:
            log.error("inbox row %d of %s could not be handled: %s", row.id, row.subject, outline(fault))
            self._waiting.row(row, type(fault).__name__, next_try(self.now(), row.attempts), "counted")
        hit("inbox.after")

    def _perform(self, effect: PendingEffect) -> None:
        try:
            self.performer.perform(effect)
        except Conflict:
            return  # a newer revision is due instead
        except Exception as fault:
            log.error(
                "effect %d (%s) could not be performed: %s", effect.id, effect.effect.key, outline(fault)
            )
            self.performer.failed(effect, type(fault).__name__, StageReason.STAGE_FAULT)
