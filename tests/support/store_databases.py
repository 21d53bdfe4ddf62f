"""Fixtures: a store on a migrated, empty database of its own, once on SQLite and once on PostgreSQL.

Use them by `pytest_plugins = ["support.store_databases"]`. Each kind is migrated once per session, then copied
or emptied.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.postgres import administration, own_database
from support.store import new_sqlite, opened, sqlite_url

from gate_app.store.database import migrate
from gate_app.store.repository import SqlStore
from gate_app.store.schema import metadata


@pytest.fixture(scope="session")
def postgres_migrated(postgres_server: sa.URL) -> Iterator[sa.URL]:
    """The one migrated database of the session on PostgreSQL."""
    with own_database(postgres_server, "store") as url:
        with opened(url) as engine:
            migrate(engine)
        yield url


@pytest.fixture
def postgres_empty(postgres_server: sa.URL) -> Iterator[sa.URL]:
    """A PostgreSQL database without tables."""
    with own_database(postgres_server, "empty") as url:
        yield url


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Path:
    """A migrated, empty SQLite database."""
    return new_sqlite(tmp_path / "gate.db")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> sa.URL:
    """The address of a migrated, empty database, once for each kind."""
    if request.param == "sqlite":
        return sqlite_url(request.getfixturevalue("sqlite_file"))
    url: sa.URL = request.getfixturevalue("postgres_migrated")
    _emptied(url)
    return url


@pytest.fixture
def postgres_engine(postgres_migrated: sa.URL) -> Iterator[sa.Engine]:
    """A migrated, empty PostgreSQL database."""
    _emptied(postgres_migrated)
    with opened(postgres_migrated) as engine:
        yield engine


@pytest.fixture
def engine(database_url: sa.URL) -> Iterator[sa.Engine]:
    with opened(database_url) as engine:
        yield engine


@pytest.fixture
def store(engine: sa.Engine) -> SqlStore:
    return SqlStore(engine)


def _emptied(url: sa.URL) -> None:
    """Removes all rows, which only a superuser can who switches the triggers off."""
    tables = ", ".join(metadata.tables)
    with administration(url) as connection:
        connection.exec_driver_sql("SET session_replication_role = replica")
        connection.exec_driver_sql(f"TRUNCATE {tables} RESTART IDENTITY")
