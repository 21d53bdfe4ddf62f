"""Opening the database, bringing it to the present shape, and the two kinds of transaction.

Rules of the file: the same engine serves our tables and the job engine's. On SQLite a transaction that
writes takes the write lock before its first read, so that what it read is what it changes (case 77); on
PostgreSQL rows are locked where that matters. Addresses may hold a password and are never repeated.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, exc, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.pool import ConnectionPoolEntry

from gate_app.errors import ConfigurationFault
from gate_app.store.faults import translated

BUSY_MILLISECONDS: Final = 30_000
"""How long a SQLite transaction waits for another process's."""

_MIGRATION_LOCK: Final = 0x67617465
"""Key of the advisory lock that lets one process migrate at a time: "gate" in ASCII."""

_FORMS: Final = "sqlite:////absolute/path.db, postgresql://… or postgresql+psycopg://…"


def open_engine(url: str) -> Engine:
    """An engine for one of the supported forms of address. Connects lazily.

    SQLite: `BEGIN IMMEDIATE`, 30 s busy timeout, write-ahead log, `synchronous=FULL`, foreign keys.
    PostgreSQL: psycopg, a pool of 20 to 40 connections that are tested before use. Raises ConfigurationFault.
    """
    parsed = _parsed(url)
    if parsed.drivername == "sqlite":
        _refuse_what_is_no_file(Path(parsed.database or ""))
        engine = create_engine(parsed, hide_parameters=True, pool_size=20, max_overflow=20)
        event.listen(engine, "connect", _prepare_sqlite)
        return engine
    return create_engine(parsed, hide_parameters=True, pool_size=20, max_overflow=20, pool_pre_ping=True)


@contextmanager
def existing(url: str) -> Iterator[Engine]:
    """The engine of a database that is there and has the shape of this version, to be looked at.

    Raises ConfigurationFault when nothing is at that address or its tables are of another version.
    """
    engine = open_engine(url)
    try:
        file = engine.url.database if engine.url.drivername == "sqlite" else None
        if file is not None and not Path(file).exists():
            raise ConfigurationFault(
                "there is no database at that address: check it, or run gate-app migrate"
            )
        if pending(engine):
            raise ConfigurationFault("the database is of another version: run gate-app migrate with this one")
        yield engine
    finally:
        engine.dispose()


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction, stored whole at the end or not at all. Raises the faults of this room and Conflict."""
    with translated(), engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection for reads; each statement sees what is committed when it begins."""
    with translated(), engine.connect() as connection:
        yield connection


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection whose statements all see the same moment, without holding up writers."""
    with translated(), engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
        else:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield connection


def migrate(engine: Engine) -> None:
    """Brings the database to the newest shape in one transaction; several processes may try at once."""
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        configuration = _migrations()
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "head")


def pending(engine: Engine) -> bool:
    """Whether the database lacks a migration that this program needs, or is newer than this program."""
    wanted = set(ScriptDirectory.from_config(_migrations()).get_heads())
    with reading(engine) as connection:
        return set(MigrationContext.configure(connection).get_current_heads()) != wanted


def _migrations() -> Config:
    configuration = Config()
    configuration.set_main_option(
        "script_location", str(Path(__file__).parent / "migrations").replace("%", "%%")
    )
    configuration.set_main_option("path_separator", "os")
    return configuration


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        raise ConfigurationFault(f"the database address cannot be read; use {_FORMS}") from None
    if parsed.drivername in ("postgresql", "postgresql+psycopg"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername == "sqlite" and parsed.database and Path(parsed.database).is_absolute():
        return parsed
    raise ConfigurationFault(f"this form of database address is not supported; use {_FORMS}")


def _refuse_what_is_no_file(path: Path) -> None:
    """A folder, a pipe or a device is no database, and SQLite says only that it cannot be opened."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise ConfigurationFault(
            "at that database address is no regular file: name a file, or where one shall be made"
        )


def _prepare_sqlite(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = "IMMEDIATE"
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
