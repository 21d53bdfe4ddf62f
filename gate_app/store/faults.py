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
    return f"{type(fault.orig).__name__} {code}".strip()
