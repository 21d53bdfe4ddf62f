"""What the modules of this room share: the engine they were given, and INSERT with ON CONFLICT."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.dialects import postgresql, sqlite

from gate_app.store.schema import NOTE_LENGTH


class Tables:
    """One noun's part of the store, on the engine it was given."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine


def insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT with `on_conflict_do_…`, which both databases spell alike."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def kept(note: str) -> str:
    """A note as it is stored: bounded, without what a database cannot hold (NUL, lone surrogates)."""
    return note[:NOTE_LENGTH].encode("utf-8", "replace").decode().replace("\0", "�")
