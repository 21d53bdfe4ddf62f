"""From the application's one database URL to the log that fits it.

Rules of this file: the same URL forms as the rest of the application takes (SQLAlchemy's), read without
SQLAlchemy. The PostgreSQL driver is imported only when it is used.
"""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from gate_app.intake.delivery import Log
from gate_app.intake.sqlite import SqliteLog


class UnknownDatabaseError(ValueError):
    """A database URL that is neither an absolute SQLite path nor PostgreSQL. Its text is not repeated."""


def open_log(url: str) -> Log:
    """The log for `sqlite:////absolute/path.db`, `postgresql://…` or `postgresql+psycopg://…`.

    Nothing is connected yet. Raises `UnknownDatabaseError` for any other form.
    """
    match urlsplit(url).scheme:
        case "sqlite":
            return SqliteLog(sqlite_path(url))
        case "postgresql" | "postgresql+psycopg":
            from gate_app.intake.postgres import PostgresLog  # a SQLite process does not need the driver

            return PostgresLog(libpq_url(url))
        case _:
            raise UnknownDatabaseError("use sqlite:////absolute/path.db or postgresql://host/name")


def sqlite_path(url: str) -> Path:
    """The file of a `sqlite:////…` URL. Raises `UnknownDatabaseError` for relative and memory databases."""
    parts = urlsplit(url)
    path = unquote(parts.path).removeprefix("/")
    if parts.scheme != "sqlite" or parts.netloc or not path.startswith("/"):
        raise UnknownDatabaseError("use four slashes: sqlite:////var/lib/gate-app/gate.db")
    return Path(path)


def libpq_url(url: str) -> str:
    """The URL as libpq reads it: without the name of the driver."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def database_files(url: str) -> tuple[Path, ...]:
    """An SQLite database, what SQLite keeps beside it, and the folder that they are in."""
    try:
        file = sqlite_path(url)
    except (UnknownDatabaseError, ValueError):
        return ()
    return (file.parent, *(file.with_name(file.name + ending) for ending in ("", "-wal", "-shm", "-journal")))
