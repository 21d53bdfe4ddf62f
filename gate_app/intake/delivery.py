"""What the receiver stores, and the port to the place that stores it.

Rules of this file: values and ports only. A `Log` is used by one thread at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from gate_app.trust.body import Provenance


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook POST as it will be stored: verified bytes and what the sweep selects by.

    `received_at` is in milliseconds since the epoch, UTC. The body stays out of `repr`.
    """

    delivery_id: str
    event: str
    action: str
    installation_id: int | None
    repository_id: int | None
    body: bytes = field(repr=False)
    body_sha256: str
    received_at: int
    provenance: Provenance = Provenance.WEBHOOK


class Outcome(StrEnum):
    """What became of one delivery in a committed batch."""

    STORED = "stored"
    """A new row, or a dead one that this redelivery armed again (case 10)."""
    KNOWN = "known"
    """The delivery id has a row that is not dead: nothing was changed."""
    REJECTED = "rejected"
    """The database refused this row alone; its neighbours are committed."""


class StoreUnavailableError(Exception):
    """The store could not commit: locked, full, read-only, unreachable (case 202).

    Nothing of the batch may be acknowledged. `cause` is a short code or the driver's name of the fault,
    never a row's content.
    """

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class Log(Protocol):
    """Where deliveries are appended. It connects at the first use and again after a failure.

    Always `begin`, then `append`; after a fault of either, `begin` again.
    """

    def begin(self) -> None:
        """Wait for the store's turn to write. What queues meanwhile can still join the batch.

        Raises `StoreUnavailableError` when the turn did not come in time.
        """
        ...

    def append(self, batch: Sequence[Delivery]) -> list[Outcome]:
        """Store `batch` in the transaction begun, and commit; one outcome for each delivery, in order.

        Returning means committed to stable storage. Raises `StoreUnavailableError` when it may not be.
        """
        ...

    def close(self) -> None:
        """Let go of the connection. The next `append` opens a new one."""
        ...


class Store(Protocol):
    """What the receiver needs: hand over one delivery and wait until it is durable."""

    def submit(self, delivery: Delivery) -> Outcome:
        """Block until `delivery` is committed. Raises `StoreUnavailableError` when it may not be."""
        ...
