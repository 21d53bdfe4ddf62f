"""One drain per subject at a time: whoever drains holds the subject's turn.

Rules of the file: the guarantee rests here, not on DBOS. Its partitions can overlap when the head of a
queue changes during a claim, and when a drain outlives its timeout; then the second one finds the turn
taken. A turn is tried, never waited for.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal, Protocol

import sqlalchemy as sa

Turn = Literal["taken", "busy"]


class Turns(Protocol):
    """Hands out turns."""

    def take(self, subject: str) -> AbstractContextManager[Turn]:
        """`taken`: ours until the context ends. `busy`: somebody else is draining this subject."""


class LocalTurns:
    """Turns within one process: enough for SQLite, where there is one engine process."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held: set[str] = set()

    @contextmanager
    def take(self, subject: str) -> Iterator[Turn]:
        """See `Turns.take`."""
        with self._guard:
            busy = subject in self._held
            self._held.add(subject)
        if busy:
            yield "busy"
            return
        try:
            yield "taken"
        finally:
            with self._guard:
                self._held.remove(subject)


class AdvisoryTurns:
    """Turns among all processes on one PostgreSQL: session advisory locks, freed by the server when one
    dies.

    Each turn has its own connection outside any transaction, so that a drain's commits do not end it.
    PgBouncer in front of the database must be in session mode.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def take(self, subject: str) -> Iterator[Turn]:
        """See `Turns.take`."""
        key = advisory_key("drain", subject)
        with self._engine.connect() as connection:
            if not try_lock(connection, key):
                yield "busy"
                return
            try:
                yield "taken"
            finally:
                unlock(connection, key)


def advisory_key(purpose: str, name: str) -> int:
    """The signed 64-bit key of an advisory lock. Two names with one key share it, which only delays one of
    them.
    """
    digest = hashlib.sha256(f"gate-app/{purpose}/{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def try_lock(connection: sa.Connection, key: int) -> bool:
    """Takes the session's advisory lock if it is free."""
    return bool(connection.scalar(sa.select(sa.func.pg_try_advisory_lock(key))))


def unlock(connection: sa.Connection, key: int) -> None:
    """Gives the lock back, or the connection up: one that cannot unlock must not return to the pool with a
    lock.
    """
    try:
        released = bool(connection.scalar(sa.select(sa.func.pg_advisory_unlock(key))))
    except sa.exc.SQLAlchemyError:  # also when an earlier statement found the connection broken
        released = False
    if not released:
        connection.invalidate()
