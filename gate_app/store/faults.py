"""What can go wrong in the store, without the values that it went wrong on.

Rules of the file: a fault names the driver's code of what happened, never a row's content, a statement's
parameters or the address of the database (case 218).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import exc

from gate_app.errors import Conflict, GateFault

_LOST_A_RACE: Final = frozenset({"40001", "40P01"})
"""PostgreSQL's serialization_failure and deadlock_detected: nothing was stored, doing it again is right."""


class DatabaseUnavailable(GateFault):
    """Locked, full, read-only or unreachable: the database stored nothing (case 202)."""


class DatabaseRefused(GateFault):
    """A constraint or a trigger of the schema said no: some code tried what must never happen (case 85)."""


class RecordUnreadable(GateFault):
    """A stored record is of an unknown shape or version; it is never guessed at."""


_SAID: Final = {
    "SQLITE_CANTOPEN": "the database file cannot be opened: its folder has to exist, writable for this user",
    "SQLITE_NOTADB": "the file is no SQLite database",
    "SQLITE_FULL": "the disk is full",
    "SQLITE_BUSY": "another process holds the database",
    "SQLITE_READONLY": "the database cannot be written to by this user",
    "SQLITE_CORRUPT": "the database file is damaged: restore a backup",
    "28P01": "the database server does not accept the password",
    "3D000": "the database server has no database of that name",
    "57P03": "the database server is starting or stopping",
}
"""What an operator can do something about, by SQLite's error name or PostgreSQL's SQLSTATE."""


@contextmanager
def translated() -> Iterator[None]:
    """Errors of the driver inside become faults of this room; those of a lost race become `Conflict`."""
    try:
        yield
    except exc.IntegrityError as fault:
        raise DatabaseRefused(_cause(fault)) from None
    except exc.DBAPIError as fault:
        if getattr(fault.orig, "sqlstate", None) in _LOST_A_RACE:
            raise Conflict(_cause(fault)) from None
        raise DatabaseUnavailable(_cause(fault)) from None
    except exc.TimeoutError:
        raise DatabaseUnavailable("no free connection in the pool") from None


def _cause(fault: exc.DBAPIError) -> str:
    code = getattr(fault.orig, "sqlite_errorname", None) or getattr(fault.orig, "sqlstate", None) or ""
    cause = f"{type(fault.orig).__name__} {code}".strip()
    if fault.connection_invalidated or (isinstance(fault, exc.OperationalError) and not code):
        return f"the database server cannot be reached ({cause})"
    said = _SAID.get(code)
    return f"{said} ({cause})" if said else cause
