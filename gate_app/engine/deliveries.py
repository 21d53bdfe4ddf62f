"""Deliveries that did not reach us, fetched from GitHub: it never sends one again by itself.

Rules of the file: what GitHub lists and we have not stored goes the way of every other delivery, through the intake,
known by the same id; the oldest goes first. A look is bounded; what is left of it, or could not be had, is looked for
again at the next one. A delivery that is refused once is refused for good and not fetched again by this process.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from gate_app.engine.ports import Admission, Clock, DeliveryLog, DeliveryRecord, Store
from gate_app.errors import HubRefused, HubUnavailable

LOOK_BACK: Final = timedelta(hours=72)
"""At the first look: GitHub keeps deliveries for three days (docs: redelivering webhooks)."""
OVERLAP: Final = timedelta(minutes=10)
"""Looked at again at every later one: an attempt may be listed late."""
MAX_FETCHED: Final = 100
"""Payloads fetched at one look."""
MAX_REFUSED: Final = 10_000

log = logging.getLogger("gate_app.engine")


def all_of(listed: Sequence[DeliveryRecord]) -> Sequence[DeliveryRecord]:
    """What is fetched when nothing is sent to us."""
    return listed


def undelivered_of(listed: Sequence[DeliveryRecord]) -> Sequence[DeliveryRecord]:
    """What is fetched when deliveries are sent to us: those of which no attempt was answered with 2xx."""
    arrived = {record.guid for record in listed if record.delivered}
    return [record for record in listed if record.guid not in arrived]


@dataclass(slots=True)
class Fetching:
    """One look at what GitHub tried to deliver; to be called again and again."""

    hook: DeliveryLog
    store: Store
    admission: Admission
    now: Clock
    wanted: Callable[[Sequence[DeliveryRecord]], Sequence[DeliveryRecord]]
    complete: datetime | None = None
    refused: dict[str, None] = field(default_factory=dict)
    told: str = ""

    def __call__(self) -> None:
        started = self.now()
        since = max(self.complete - OVERLAP, started - LOOK_BACK) if self.complete else started - LOOK_BACK
        try:
            missing = self._missing(self.hook.since(since))
            for record in missing[:MAX_FETCHED]:
                self._fetch(record)
        except (HubUnavailable, HubRefused) as fault:
            self._tell(str(fault))
            return
        self.told = ""
        if len(missing) <= MAX_FETCHED:
            self.complete = started

    def _tell(self, fault: str) -> None:
        """Once, however often it is met in a row: a look may come every few seconds."""
        if fault != self.told:
            log.warning("deliveries could not be looked for: %s", fault)
        self.told = fault

    def _missing(self, listed: Sequence[DeliveryRecord]) -> Sequence[DeliveryRecord]:
        """One record for each delivery id that is wanted and not stored, oldest first."""
        wanted = {record.guid: record for record in self.wanted(listed) if record.guid not in self.refused}
        known = self.store.known_deliveries(list(wanted))
        missing = [record for record in wanted.values() if record.guid not in known]
        return sorted(missing, key=lambda record: (record.delivered_at, record.id))

    def _fetch(self, record: DeliveryRecord) -> None:
        try:
            content = self.hook.content(record)
        except HubRefused as gone:
            self._refuse(record, f"GitHub keeps it no more ({gone.status})")
            return
        code = self.admission.admit(
            record.guid, record.event, content.target_type, content.target_id, content.body
        )
        if code not in ("stored", "known"):
            self._refuse(record, code)
            return
        log.info("delivery %s (%s) was fetched from GitHub: %s", record.guid, record.event, code)

    def _refuse(self, record: DeliveryRecord, why: str) -> None:
        log.warning("delivery %s was not taken: %s", record.guid, why)
        if len(self.refused) >= MAX_REFUSED:
            self.refused.clear()
        self.refused[record.guid] = None
