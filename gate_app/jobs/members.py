"""How this process is a member of the installation: the only engine process, or one of many.

Rules of the file: DBOS takes up again only what its own executor id left behind. On SQLite the id is
constant, because nobody else is let in. On PostgreSQL every process has an id of its own and holds a
session advisory lock on it, its lease; a lease that can be taken belongs to nobody who lives. The timeout
of a drain would free its subject as well, only later.
"""

from __future__ import annotations

import logging
import os
import socket
import sqlite3
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Final, Protocol
from uuid import uuid4

import sqlalchemy as sa

from gate_app.errors import ConfigurationFault
from gate_app.jobs.sole_process import SoleProcess
from gate_app.jobs.turns import AdvisoryTurns, LocalTurns, Turns, advisory_key, try_lock, unlock
from gate_app.jobs.wakeups import Wakeups

EMBEDDED: Final = "embedded"
"""The executor id of the only engine process of a SQLite database."""

SUBSECONDS: Final = (3, 42)
"""The SQLite that DBOS needs from Python 3.12 on, for its times."""

_log = logging.getLogger(__name__)


class Member(Protocol):
    """Joins before DBOS is launched and leaves after it is gone."""

    @property
    def executor(self) -> str:
        """The id under which DBOS claims rows."""

    @property
    def turns(self) -> Turns:
        """Turns that hold among all members."""

    def join(self) -> None:
        """Raises JobsAlreadyRunning when there is no room for another member."""

    def take_over(self, wakeups: Wakeups) -> None:
        """Queues again what dead members were draining."""

    def leave(self) -> None:
        """The drains of this member have ended."""


def member_of(engine: sa.Engine) -> Member:
    """The kind of member the database allows. Raises ConfigurationFault for one that cannot keep jobs."""
    match engine.dialect.name, engine.url.database:
        case "postgresql", _:
            return OneOfMany(engine)
        case "sqlite", str(path) if path and path != ":memory:" and not path.startswith("file:"):
            require_sqlite(sys.version_info[:2], sqlite3.sqlite_version_info[:2])
            return SoleMember(Path(path))
        case _:
            raise ConfigurationFault(
                "jobs need a SQLite file or PostgreSQL: sqlite:////absolute/path.db, postgresql://…"
            )


def require_sqlite(python: tuple[int, ...], sqlite: tuple[int, ...]) -> None:
    """Raises ConfigurationFault for an SQLite that is too old for DBOS on this Python."""
    if python >= (3, 12) and sqlite < SUBSECONDS:
        found = ".".join(map(str, sqlite))
        raise ConfigurationFault(
            f"this Python has SQLite {found}, and jobs need 3.42 from Python 3.12 on: use the Python of the system, "
            "a newer SQLite, or PostgreSQL"
        )


class SoleMember:
    """The engine process of a SQLite database; a second one is refused."""

    def __init__(self, database: Path) -> None:
        self.executor = EMBEDDED
        self.turns: Turns = LocalTurns()
        self._database = database
        self._lock: SoleProcess | None = None

    def join(self) -> None:
        """See `Member.join`."""
        self._lock = SoleProcess(self._database)

    def take_over(self, wakeups: Wakeups) -> None:
        """Nobody else can have died: DBOS takes up our own rows when it is launched."""

    def leave(self) -> None:
        """See `Member.leave`."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()


class OneOfMany:
    """One of the engine processes of a PostgreSQL database, with a lease on an id that nobody had before."""

    def __init__(self, engine: sa.Engine) -> None:
        self.executor = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex}"
        self.turns: Turns = AdvisoryTurns(engine)
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._lease: sa.Connection | None = None

    def join(self) -> None:
        """See `Member.join`."""
        lease = self._engine.connect()
        if try_lock(lease, _key(self.executor)):
            self._lease = lease
        else:
            lease.close()  # the server has not missed our former connection yet: ask again later

    def take_over(self, wakeups: Wakeups) -> None:
        """See `Member.take_over`. Takes a lost lease again first, and judges nobody without one."""
        if not self._holds_lease():
            self.leave()
            self.join()
        claimed = wakeups.claimed()
        dead = self._dead({row.executor for row in claimed})
        for row in claimed:
            if row.executor in dead:
                _log.warning("executor %s died while draining %s: queued again", row.executor, row.subject)
                wakeups.abandon(row)

    def leave(self) -> None:
        """See `Member.leave`."""
        lease, self._lease = self._lease, None
        if lease is not None:
            unlock(lease, _key(self.executor))
            lease.close()

    def _holds_lease(self) -> bool:
        if self._lease is None:
            return False
        try:
            self._lease.execute(sa.select(1))
        except sa.exc.DBAPIError:
            return False
        return True

    def _dead(self, executors: Collection[str]) -> set[str]:
        lease = self._lease
        if lease is None:
            return set()
        return {other for other in executors if other != self.executor and _is_free(lease, _key(other))}


def _key(executor: str) -> int:
    return advisory_key("executor", executor)


def _is_free(connection: sa.Connection, key: int) -> bool:
    if not try_lock(connection, key):
        return False
    unlock(connection, key)
    return True
