"""Deliveries that we fetched ourselves: the same rows, by the same writer, as those that were sent to us.

Rules of the file: the second caller of `trust`, through its second door; what a webhook would be refused for, a fetched
one is refused for too. Equal delivery ids are stored once, whichever way came first.
"""

from collections.abc import Callable
from typing import Final

from gate_app.intake.delivery import Store
from gate_app.intake.payload import delivery_of, read_payload
from gate_app.intake.refusals import DELIVERY_INVALID, EVENT_INVALID
from gate_app.intake.request import DELIVERY_ID, EVENT
from gate_app.trust.fetched import Fetched, attest
from gate_app.trust.signature import Refusal

KNOWN: Final = "known"


class FetchedIntake:
    """Stores deliveries of the App `app_id`. `now_ms` gives milliseconds since the epoch for the row."""

    def __init__(self, *, app_id: int, store: Store, now_ms: Callable[[], int]) -> None:
        self._app_id = app_id
        self._store = store
        self._now_ms = now_ms

    def admit(self, delivery_id: str, event: str, target_type: str, target_id: str, body: bytes) -> str:
        """What became of it: `stored`, `known`, `rejected`, or the code of a refusal. Returns after the commit.

        Raises StoreUnavailableError when it could not be stored.
        """
        if not EVENT.fullmatch(event):
            return EVENT_INVALID.code
        if not DELIVERY_ID.fullmatch(delivery_id):
            return DELIVERY_INVALID.code
        verified = attest(Fetched(target_type, target_id, body), self._app_id)
        if isinstance(verified, Refusal):
            return verified.code
        payload = read_payload(verified)
        if isinstance(payload, Refusal):
            return payload.code
        made = delivery_of(verified, payload, event, delivery_id, self._now_ms())
        return self._store.submit(made).value
