"""What cannot be done now: set to its next try and, the first time, told to the operator.

Rules of the file: one line in the log for each row or effect that begins to wait, not for each try; `gate-app doctor`
lists them while they wait. Notes are texts of faults, which carry no secret.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gate_app.engine.ports import Clock, InboxItem, InboxRow, PendingEffect, Store

Counting = Literal["counted", "free"]

log = logging.getLogger("gate_app.engine")


@dataclass(frozen=True, slots=True)
class Waiting:
    """Delays rows of the inbox and effects."""

    store: Store
    now: Clock

    def row(self, row: InboxRow, note: str, not_before: datetime, counted: Counting) -> None:
        if row.since is None:
            log.warning("inbox row %d of %s waits: %s", row.id, row.subject, note)
        self.store.delay_row(row, note, not_before, counted, row.since or self.now())

    def effect(
        self,
        effect: PendingEffect,
        note: str,
        not_before: datetime,
        counted: Counting,
        last_words: Sequence[InboxItem] = (),
        told: str = "",
    ) -> None:
        """`told` is the reason, where the note is not."""
        self._tell(effect, told or note)
        since = effect.since or self.now()
        if self.store.effect_delayed(effect, note, not_before, counted, last_words, since):
            log.error(
                "effect %d (%s) of %s is given up: %s", effect.id, effect.effect.key, effect.run_id, note
            )

    def declined(
        self, effect: PendingEffect, note: str, not_before: datetime, follow_ups: Sequence[InboxItem] = ()
    ) -> None:
        """GitHub certainly did not take it."""
        self._tell(effect, note)
        self.store.effect_declined(effect, note, not_before, follow_ups, effect.since or self.now())

    def _tell(self, effect: PendingEffect, note: str) -> None:
        if effect.since is None:
            log.warning("effect %d (%s) of %s waits: %s", effect.id, effect.effect.key, effect.run_id, note)
