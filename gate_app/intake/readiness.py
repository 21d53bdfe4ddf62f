"""Whether deliveries could be stored now: asked by `/readyz`, never on the way of a delivery.

Rules of this file: a connection of its own, short patience, nothing written. The answer is a tuple of
stable codes and contains neither paths nor URLs nor driver messages.
"""

import sqlite3
from typing import Final, LiteralString
from urllib.parse import urlsplit

from gate_app.intake.logs import libpq_url, sqlite_path
from gate_app.intake.sqlite import connect

PATIENCE_SECONDS: Final = 1.0

STORE_UNWRITABLE: Final = "store_unwritable"
MIGRATIONS_MISSING: Final = "migrations_missing"

_REVISION: Final[LiteralString] = "SELECT version_num FROM alembic_version"


class StoreProbe:
    """Implements `web.health.StoreHealth`. `revision` is the migration this version of the code needs."""

    def __init__(self, url: str, revision: str) -> None:
        self._url = url
        self._revision = revision

    def problems(self) -> tuple[str, ...]:
        """The codes of what stands in the way; empty when a delivery can be stored."""
        try:
            found = self._found()
        except Exception:  # whatever a driver or a file system raises, it is not ready
            return (STORE_UNWRITABLE,)
        return () if found == self._revision else (MIGRATIONS_MISSING,)

    def _found(self) -> str:
        if urlsplit(self._url).scheme == "sqlite":
            return _sqlite_revision(self._url)
        return _postgres_revision(self._url)


def _sqlite_revision(url: str) -> str:
    connection = connect(sqlite_path(url), PATIENCE_SECONDS)
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            row = connection.execute(_REVISION).fetchone()
        except sqlite3.OperationalError:
            row = None
        connection.execute("ROLLBACK")
    finally:
        connection.close()
    return str(row[0]) if row else ""


def _postgres_revision(url: str) -> str:
    import psycopg

    patience = f"-c statement_timeout={int(PATIENCE_SECONDS * 1000)}"
    with psycopg.connect(libpq_url(url), connect_timeout=2, options=patience) as connection:
        read_only = connection.execute("SHOW transaction_read_only").fetchone()
        if read_only != ("off",):
            raise psycopg.errors.ReadOnlySqlTransaction("a standby stores nothing")
        try:
            row = connection.execute(_REVISION).fetchone()
        except psycopg.errors.UndefinedTable:
            row = None
    return str(row[0]) if row else ""
