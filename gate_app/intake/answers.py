"""What jobs are told: read from the store, which the engine alone writes.

Rules of this file: one row by the fingerprint of a ticket; an answer is told for minutes, then its ticket is as unknown
as one that never was (cases 138, 139). Whatever the store raises about itself is `StoreUnavailableError`.
"""

import sqlite3
from collections.abc import Callable
from typing import Final, LiteralString
from urllib.parse import urlsplit

from gate_app.intake.delivery import StoreUnavailableError
from gate_app.intake.logs import libpq_url, sqlite_path

PATIENCE_SECONDS: Final = 2.0
TICKET_MILLISECONDS: Final = 15 * 60 * 1_000
"""How long after the call a ticket is good; a job that waits longer calls again."""

_SQLITE: Final = "SELECT answers.body FROM answers WHERE ticket = ? AND asked_at > ?"
_POSTGRES: Final[LiteralString] = "SELECT answers.body FROM answers WHERE ticket = %s AND asked_at > %s"


class Answers:
    """Implements `web.api.Answers` on the application's database. `now_ms` gives milliseconds since the epoch."""

    def __init__(self, url: str, now_ms: Callable[[], int]) -> None:
        self._url = url
        self._now_ms = now_ms

    def answer(self, ticket: str) -> str | None:
        """The JSON text for the ticket of that fingerprint; None when there is none that may be told.

        Raises `StoreUnavailableError`.
        """
        since = self._now_ms() - TICKET_MILLISECONDS
        if urlsplit(self._url).scheme == "sqlite":
            return self._from_sqlite(ticket, since)
        return self._from_postgres(ticket, since)

    def _from_sqlite(self, ticket: str, since: int) -> str | None:
        path = sqlite_path(self._url).absolute().as_uri()
        try:
            connection = sqlite3.connect(f"{path}?mode=ro", uri=True, timeout=PATIENCE_SECONDS)
            try:
                row = connection.execute(_SQLITE, (ticket, since)).fetchone()
            finally:
                connection.close()
        except sqlite3.Error as fault:
            raise StoreUnavailableError(getattr(fault, "sqlite_errorname", type(fault).__name__)) from None
        return str(row[0]) if row else None

    def _from_postgres(self, ticket: str, since: int) -> str | None:
        import psycopg

        patience = f"-c statement_timeout={int(PATIENCE_SECONDS * 1000)}"
        try:
            with psycopg.connect(libpq_url(self._url), connect_timeout=2, options=patience) as connection:
                row = connection.execute(_POSTGRES, (ticket, since)).fetchone()
        except psycopg.Error as fault:
            raise StoreUnavailableError(type(fault).__name__) from None
        return str(row[0]) if row else None
