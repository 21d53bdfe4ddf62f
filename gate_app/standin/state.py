"""The durable state: one SQLite file, short transactions, and the feed of changes.

Rules of this file:

* Everything that changes does so inside `State.transaction()`; one transaction runs at a time.
* Records are frozen dataclasses whose field names are the column names; booleans and JSON are decoded by
  the type of the field, so that no other module writes SQL.
* A transaction sees one instant. Times are ISO 8601 in UTC with whole seconds, as GitHub sends them.
* A change is announced inside the transaction that makes it, numbered without gaps in commit order.
"""

from __future__ import annotations

import base64
import functools
import json
import sqlite3
import threading
import time
import types
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Protocol, TypeVar, get_args, get_origin

from gate_app.standin.schema import FIRST_IDS, SCHEMA

Clock = Callable[[], datetime]
JsonObject = dict[str, object]


class Record(Protocol):
    """A row: a frozen dataclass with the name of its table and an id."""

    TABLE: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, typing.Any]]

    @property
    def id(self) -> int:
        """The row's id."""


R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Change:
    """One entry of the feed of changes: what kind of thing changed, and the facts to show."""

    TABLE: ClassVar[str] = "changes"
    id: int
    at: str
    kind: str
    facts: dict[str, object]


def utc_now() -> datetime:
    """The system clock, the default of a stand-in that runs for real."""
    return datetime.now(UTC)


def timestamp(instant: datetime) -> str:
    """`2026-01-31T12:00:00Z`."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def node_id(kind: str, identifier: int | str) -> str:
    """An opaque global id of GitHub's look."""
    return base64.b64encode(f"{len(kind):03}:{kind}{identifier}".encode()).decode()


class State:
    """The stand-in's memory in `home`: `state.db` and the bare repositories under `repositories`."""

    def __init__(self, home: Path, url: str, clock: Clock = utc_now) -> None:
        self.home = home
        self.url = url.rstrip("/")
        self.clock = clock
        self.repositories = home / "repositories"
        self.repositories.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._committed = threading.Condition()
        self._commits = 0
        self._database = sqlite3.connect(
            home / "state.db", check_same_thread=False, isolation_level=None, timeout=10
        )
        self._database.row_factory = sqlite3.Row
        self._prepare()

    def _prepare(self) -> None:
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        if self._database.execute("PRAGMA user_version").fetchone()[0]:
            return
        self._database.executescript(SCHEMA)
        self._database.executemany("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", FIRST_IDS.items())
        self._database.execute("PRAGMA user_version=1")

    def close(self) -> None:
        """Close the database; the state stays in `home`."""
        with self._lock:
            self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One transaction: committed at the end, undone when the body raises."""
        with self._lock:
            before = self._database.total_changes
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield Transaction(self, self._database)
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")
        if self._database.total_changes != before:
            self.wake_waiters()

    @property
    def commits(self) -> int:
        """How many transactions have changed something since the start."""
        return self._commits

    def wake_waiters(self) -> None:
        """Let everybody who waits for a commit look again."""
        with self._committed:
            self._commits += 1
            self._committed.notify_all()

    def wait_for_commit(self, seen: int, seconds: float) -> None:
        """Wait until there are more commits than `seen`, at most so long."""
        with self._committed:
            self._committed.wait_for(lambda: self._commits > seen, seconds)

    def changes(self, after: int, wait_seconds: float) -> list[Change]:
        """The changes numbered above `after`; waits up to `wait_seconds` for the first."""
        end = time.monotonic() + wait_seconds
        while True:
            seen = self.commits
            found = self._changes_after(after)
            remaining = end - time.monotonic()
            if found or remaining <= 0:
                return found
            self.wait_for_commit(seen, remaining)

    def _changes_after(self, after: int) -> list[Change]:
        with self._lock:
            rows = self._database.execute(
                "SELECT * FROM changes WHERE id > ? ORDER BY id LIMIT 500", (after,)
            )
            return [_record(Change, row) for row in rows]


class Transaction:
    """Reading and writing records at one instant."""

    def __init__(self, state: State, database: sqlite3.Connection) -> None:
        self.state = state
        self.url = state.url
        self.instant = state.clock().astimezone(UTC)
        self.now = timestamp(self.instant)
        self._database = database

    def get(self, kind: type[R], /, **where: object) -> R | None:
        """The newest record that matches, if any."""
        return next(iter(self._select(kind, where, "DESC", 1)), None)

    def every(self, kind: type[R], /, **where: object) -> list[R]:
        """All records that match, oldest first."""
        return self._select(kind, where, "ASC", -1)

    def newest_first(self, kind: type[R], /, **where: object) -> list[R]:
        """All records that match, newest first."""
        return self._select(kind, where, "DESC", -1)

    def oldest(self, kind: type[R], limit: int, /, **where: object) -> list[R]:
        """At most `limit` records that match, oldest first."""
        return self._select(kind, where, "ASC", limit)

    def _select(self, kind: type[R], where: dict[str, object], order: str, limit: int) -> list[R]:
        query = f"SELECT * FROM {kind.TABLE} {_condition(where)} ORDER BY id {order} LIMIT ?"  # noqa: S608 - names are ours
        rows = self._database.execute(query, (*map(_encode, where.values()), limit))
        return [_record(kind, row) for row in rows]

    def count(self, kind: type[R], /, **where: object) -> int:
        """How many records match."""
        query = f"SELECT count(*) FROM {kind.TABLE} {_condition(where)}"  # noqa: S608 - names are ours
        return int(self._database.execute(query, tuple(map(_encode, where.values()))).fetchone()[0])

    def insert(self, kind: type[R], /, **values: object) -> R:
        """Add a record; the id comes from the table's own sequence unless given."""
        columns = ", ".join(values)
        marks = ", ".join("?" for _ in values)
        query = f"INSERT INTO {kind.TABLE} ({columns}) VALUES ({marks}) RETURNING *"  # noqa: S608 - names are ours
        row = self._database.execute(query, tuple(map(_encode, values.values()))).fetchone()
        return _record(kind, row)

    def update(self, record: R, /, **changes: object) -> R:
        """The record after the changes."""
        assignments = ", ".join(f"{column} = ?" for column in changes)
        query = f"UPDATE {record.TABLE} SET {assignments} WHERE id = ? RETURNING *"  # noqa: S608 - names are ours
        row = self._database.execute(query, (*map(_encode, changes.values()), record.id)).fetchone()
        return _record(type(record), row)

    def delete(self, kind: type[R], /, **where: object) -> None:
        """Remove the records that match."""
        query = f"DELETE FROM {kind.TABLE} {_condition(where)}"  # noqa: S608 - names are ours
        self._database.execute(query, tuple(map(_encode, where.values())))

    def announce(self, kind: str, /, **facts: object) -> None:
        """Add an entry to the feed of changes."""
        self.insert(Change, at=self.now, kind=kind, facts=facts)


def _condition(where: dict[str, object]) -> str:
    return f"WHERE {' AND '.join(f'{column} IS ?' for column in where)}" if where else ""


def _encode(value: object) -> object:
    if isinstance(value, dict | list | tuple):
        return json.dumps(value)
    return value


def _record(kind: type[R], row: sqlite3.Row) -> R:
    decoders = _decoders(kind)
    return kind(**{name: decode(row[name]) for name, decode in decoders.items()})


@functools.cache
def _decoders(kind: type[Record]) -> dict[str, Callable[[typing.Any], typing.Any]]:
    hints = typing.get_type_hints(kind)
    return {field.name: _decoder(hints[field.name]) for field in fields(kind)}


def _decoder(hint: object) -> Callable[[typing.Any], typing.Any]:
    members = get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if bool in members:
        return lambda value: None if value is None else bool(value)
    if any(get_origin(member) in (dict, list) for member in members):
        return lambda value: None if value is None else json.loads(value)
    return lambda value: value
