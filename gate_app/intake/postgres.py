"""Deliveries on PostgreSQL through psycopg: one INSERT and one COMMIT per batch.

Rules of this file: a lost connection is replaced and the batch tried once more, which is safe because a
row is known by its delivery id; every other fault of the server becomes `StoreUnavailableError`. When the
server refuses a value, the batch is done again row by row, so that only the bad one is rejected. Server
messages quote values, so none is passed on: only the SQLSTATE is.
"""

from collections.abc import Sequence
from typing import Final, LiteralString

import psycopg

from gate_app.intake.delivery import Delivery, Outcome, StoreUnavailableError

CONNECT_SECONDS: Final = 3
STATEMENT_MILLISECONDS: Final = 5_000
"""The store's patience, as on SQLite: 5 s, then 503 (case 202)."""

_OPTIONS: Final = (
    f"-c synchronous_commit=on -c statement_timeout={STATEMENT_MILLISECONDS}"
    f" -c lock_timeout={STATEMENT_MILLISECONDS} -c idle_in_transaction_session_timeout=10000"
)

_INSERT: Final[LiteralString] = """
INSERT INTO deliveries
  (delivery_id, event, action, installation_id, repository_id, body, body_sha256, received_at,
   provenance)
SELECT * FROM unnest(
  %b::text[], %b::text[], %b::text[], %b::bigint[], %b::bigint[], %b::bytea[], %b::text[], %b::bigint[],
  %b::text[]
)
ON CONFLICT (delivery_id) DO UPDATE SET state = 'new', attempts = 0, not_before = 0, note = ''
WHERE deliveries.state = 'dead'
RETURNING delivery_id
"""

_ROW_FAULTS: Final = (psycopg.DataError, psycopg.IntegrityError)

Connection = psycopg.Connection[tuple[str]]


class PostgresLog:
    """Implements `intake.delivery.Log` on one PostgreSQL connection. `url` starts with `postgresql://`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Connection | None = None

    def begin(self) -> None:
        """See `Log.begin`: rows are locked one by one here, so there is nothing to wait for."""

    def append(self, batch: Sequence[Delivery]) -> list[Outcome]:
        """See `Log.append`."""
        fresh = self._connection is None
        try:
            return self._append(batch)
        except psycopg.OperationalError as fault:
            lost = self._connection is None or self._connection.closed
            self.close()
            if fresh or not lost:
                raise StoreUnavailableError(_cause(fault)) from None
        except psycopg.Error as fault:
            self.close()
            raise StoreUnavailableError(_cause(fault)) from None
        return self.append(batch)

    def close(self) -> None:
        """See `Log.close`. An open transaction is rolled back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _append(self, batch: Sequence[Delivery]) -> list[Outcome]:
        connection = self._connected()
        try:
            with connection.transaction():
                return _insert(connection, batch)
        except _ROW_FAULTS:
            return [_insert_alone(connection, delivery) for delivery in batch]

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = psycopg.connect(
                self._url,
                connect_timeout=CONNECT_SECONDS,
                options=_OPTIONS,
                application_name="gate-app intake",
            )
        return self._connection


def _insert(connection: Connection, batch: Sequence[Delivery]) -> list[Outcome]:
    # The same id twice in one statement is an error of PostgreSQL's; the first of them speaks for the others.
    unique = {delivery.delivery_id: delivery for delivery in reversed(batch)}
    rows = list(unique.values())
    columns = (
        [row.delivery_id for row in rows],
        [row.event for row in rows],
        [row.action for row in rows],
        [row.installation_id for row in rows],
        [row.repository_id for row in rows],
        [row.body for row in rows],
        [row.body_sha256 for row in rows],
        [row.received_at for row in rows],
        [row.provenance.value for row in rows],
    )
    changed = {row[0] for row in connection.execute(_INSERT, columns)}
    outcomes = []
    for delivery in batch:
        outcomes.append(Outcome.STORED if delivery.delivery_id in changed else Outcome.KNOWN)
        changed.discard(delivery.delivery_id)
    return outcomes


def _insert_alone(connection: Connection, delivery: Delivery) -> Outcome:
    try:
        with connection.transaction():
            return _insert(connection, [delivery])[0]
    except _ROW_FAULTS:
        return Outcome.REJECTED


def _cause(fault: psycopg.Error) -> str:
    return f"{type(fault).__name__} {fault.sqlstate or ''}".strip()
