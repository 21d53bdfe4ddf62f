"""Deliveries on SQLite: WAL, `synchronous=FULL`, one IMMEDIATE transaction per batch.

Rules of this file: the database must exist (a mistyped path must not make an empty one); anything the
driver raises about the file becomes `StoreUnavailableError` and drops the connection, so that the next batch
starts clean; a row that the table refuses is rejected alone. FULL, because NORMAL can lose the last
commits at a power loss.
"""

import sqlite3
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from gate_app.intake.delivery import Delivery, Outcome, StoreUnavailableError
from gate_app.intake.turn import Turn

BUSY_SECONDS: Final = 4.0
"""How long a batch waits for another process's transaction, and a second receiver for the first: GitHub waits
10 s for the answer (case 202)."""

CHECKPOINT_PAGES: Final = 4_000
"""16 MB of write-ahead log between checkpoints: a batch of bodies should not pay for one each time."""

Connect = Callable[[Path, float], sqlite3.Connection]

_COLUMNS: Final = (
    "delivery_id, event, action, installation_id, repository_id, body, body_sha256, received_at, provenance"
)

_ROW_FAULTS: Final = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, OverflowError)


def connect(path: Path, busy_seconds: float) -> sqlite3.Connection:
    """An existing database, opened for durable writing. Raises `sqlite3.Error` when it is not there."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=busy_seconds,
        isolation_level=None,
        check_same_thread=False,  # used by one thread at a time: whoever writes for all
    )
    try:
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != ("wal",):
            raise sqlite3.OperationalError("write-ahead logging is not available")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


class SqliteLog:
    """Implements `intake.delivery.Log` on one SQLite file."""

    def __init__(self, path: Path, *, busy_seconds: float = BUSY_SECONDS, connect: Connect = connect) -> None:
        self._path = path
        self._busy_seconds = busy_seconds
        self._connect = connect
        self._turn = Turn(path)
        self._connection: sqlite3.Connection | None = None

    def begin(self) -> None:
        """See `Log.begin`: the turn among receivers, then SQLite's only write lock for `busy_seconds` at most.

        The turn has no limit of its own: whoever has it is bounded by the same seconds.
        """
        try:
            if self._connection is None:
                self._connection = self._connect(self._path, self._busy_seconds)
            self._turn.take()
            self._connection.execute("BEGIN IMMEDIATE")
        except (sqlite3.Error, OSError) as fault:
            raise self._unavailable(fault) from None

    def append(self, batch: Sequence[Delivery]) -> list[Outcome]:
        """See `Log.append`."""
        if self._connection is None:
            raise StoreUnavailableError("not_begun")
        try:
            outcomes = _insert_together(self._connection, batch) or _insert_each(self._connection, batch)
            self._connection.execute("COMMIT")
            self._turn.give()
        except (sqlite3.Error, OSError) as fault:
            raise self._unavailable(fault) from None
        return outcomes

    def close(self) -> None:
        """See `Log.close`. An open transaction is rolled back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        self._turn.close()

    def _unavailable(self, fault: sqlite3.Error | OSError) -> StoreUnavailableError:
        self.close()
        return StoreUnavailableError(getattr(fault, "sqlite_errorname", type(fault).__name__))


def _insert_together(connection: sqlite3.Connection, batch: Sequence[Delivery]) -> list[Outcome]:
    """All rows in one statement, or none and an empty list when they need to be told apart.

    One statement, because the driver lets go of the interpreter's lock in each, and the handlers that
    wait for it make whoever writes queue for it again.
    """
    values = [value for delivery in batch for value in row_of(delivery)]
    connection.execute("SAVEPOINT batch")
    try:
        changed = connection.execute(_insert(len(batch)), values).rowcount
    except _ROW_FAULTS:
        changed = 0
    if changed == len(batch):
        return [Outcome.STORED] * changed
    connection.execute("ROLLBACK TO batch")
    return []


def _insert_each(connection: sqlite3.Connection, batch: Sequence[Delivery]) -> list[Outcome]:
    return [_insert_alone(connection, delivery) for delivery in batch]


def _insert_alone(connection: sqlite3.Connection, delivery: Delivery) -> Outcome:
    try:
        changed = connection.execute(_insert(1), row_of(delivery)).rowcount
    except _ROW_FAULTS:  # SQLite undoes the one statement; the transaction goes on
        return Outcome.REJECTED
    return Outcome.STORED if changed else Outcome.KNOWN


@cache
def _insert(rows: int) -> str:
    values = ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?, ?)"] * rows)
    return (
        f"INSERT INTO deliveries ({_COLUMNS}) VALUES {values}"  # noqa: S608  # constants and question marks
        " ON CONFLICT (delivery_id) DO UPDATE SET state = 'new', attempts = 0, not_before = 0, note = ''"
        " WHERE deliveries.state = 'dead'"
    )


def row_of(delivery: Delivery) -> tuple[str, str, str, int | None, int | None, bytes, str, int, str]:
    """The values in the order of the INSERT's columns."""
    return (
        delivery.delivery_id,
        delivery.event,
        delivery.action,
        delivery.installation_id,
        delivery.repository_id,
        delivery.body,
        delivery.body_sha256,
        delivery.received_at,
        delivery.provenance.value,
    )
