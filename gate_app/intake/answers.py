"""What jobs are told: read from the store, which the engine alone writes.

Rules of this file: one row by the fingerprint of a ticket; an answer is told for minutes, then its ticket is as unknown
as one that never was (cases 138, 139). Whatever the store raises about itself is `StoreUnavailableError`.
"""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Final, LiteralString
from urllib.parse import urlsplit

from gate_app.intake.delivery import StoreUnavailableError
from gate_app.intake.logs import libpq_url, sqlite_path

PATIENCE_SECONDS: Final = 2.0
TICKET_MILLISECONDS: Final = 15 * 60 * 1_000
"""How long after the call a ticket is good; a job that waits longer calls again."""

_SQLITE: Final = "SELECT answers.body FROM answers WHERE ticket = ? AND asked_at > ?"
_POSTGRES: Final[LiteralString] = "SELECT answers.body FROM answers WHERE ticket = %s AND asked_at > %s"
_KNOWN_SQLITE: Final = "SELECT 1 FROM runs WHERE repository_id = ? LIMIT 1"
_KNOWN_POSTGRES: Final[LiteralString] = "SELECT 1 FROM runs WHERE repository_id = %s LIMIT 1"


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
        row = self._row(_SQLITE, _POSTGRES, (ticket, since))
        return str(row[0]) if row else None

    def knows(self, repository_id: int) -> bool:
        """Whether there was ever a run of that repository. Raises `StoreUnavailableError`."""
        return self._row(_KNOWN_SQLITE, _KNOWN_POSTGRES, (repository_id,)) is not None

    def _row(
        self, sqlite: str, postgres: LiteralString, values: Sequence[str | int]
    ) -> Sequence[object] | None:
        """The one row of a query, as each of the databases has it."""
        if urlsplit(self._url).scheme == "sqlite":
            return self._from_sqlite(sqlite, values)
        return self._from_postgres(postgres, values)

    def _from_sqlite(self, query: str, values: Sequence[str | int]) -> Sequence[object] | None:
        path = sqlite_path(self._url).absolute().as_uri()
        try:
            connection = sqlite3.connect(f"{path}?mode=ro", uri=True, timeout=PATIENCE_SECONDS)
            try:
                row: Sequence[object] | None = connection.execute(query, values).fetchone()
            finally:
                connection.close()
        except sqlite3.Error as fault:
            raise StoreUnavailableError(getattr(fault, "sqlite_errorname", type(fault).__name__)) from None
        return row

    def _from_postgres(self, query: LiteralString, values: Sequence[str | int]) -> Sequence[object] | None:
        import psycopg

        patience = f"-c statement_timeout={int(PATIENCE_SECONDS * 1000)}"
        try:
            with psycopg.connect(libpq_url(self._url), connect_timeout=2, options=patience) as connection:
                return connection.execute(query, values).fetchone()
        except psycopg.Error as fault:
            raise StoreUnavailableError(type(fault).__name__) from None
