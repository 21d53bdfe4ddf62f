"""The tables, as the queries of this room see them; the migrations make them, and a test compares the two.

Rules of the file: no ORM. Times are whole milliseconds since 1970 UTC, 0 meaning "at once". Texts named
`snapshot`, `facts`, `notice`, `body` (of an effect), `repository` and `entry` are made by `codec`. What must
never happen is forbidden here and not only in code (case 85): one journal number per repository, one release
in effect per gate, no release without a journal entry. The triggers that keep `journal` and `releases` from
being changed are in the migration.
"""

from __future__ import annotations

from typing import Final, Literal

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

MAX_ATTEMPTS: Final = 8
"""Counted tries of a delivery, an inbox row or an effect before it is set aside as dead (cases 18, 211)."""

NOTE_LENGTH: Final = 1_000
"""Characters of a note that are kept."""

DeliveryState = Literal["new", "routed", "ignored", "dead"]
RowState = Literal["new", "done", "dead"]
EffectState = Literal["pending", "started", "done", "cancelled", "dead"]

metadata: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

_BIG: Final = BigInteger().with_variant(Integer(), "sqlite")


def _row_id() -> Column[int]:
    return Column("id", _BIG, Identity(), primary_key=True, autoincrement=True)


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=text("0"))


def _time(name: str) -> Column[int]:
    return Column(name, _BIG, nullable=False, server_default=text("0"))


def _words(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default=text("''"))


def _state(initial: str) -> Column[str]:
    return Column("state", Text, nullable=False, server_default=text(f"'{initial}'"))


def _among(condition: str, name: str, *columns: str) -> Index:
    return Index(name, *columns, sqlite_where=text(condition), postgresql_where=text(condition))


def _one_in_effect(name: str, *columns: str) -> Index:
    condition = text("returned_number IS NULL")
    return Index(name, *columns, unique=True, sqlite_where=condition, postgresql_where=condition)


def _begun_or_returned(name: str, column: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["repository_id", column], ["journal.repository_id", "journal.number"], name=name
    )


deliveries: Final = Table(
    "deliveries",
    metadata,
    _row_id(),
    Column("delivery_id", Text, nullable=False, unique=True),
    Column("event", Text, nullable=False),
    _words("action"),
    Column("installation_id", _BIG),
    Column("repository_id", _BIG),
    Column("body", LargeBinary, nullable=False),
    Column("body_sha256", Text, nullable=False),
    Column("received_at", _BIG, nullable=False),
    Column("provenance", Text, nullable=False, server_default=text("'webhook'")),
    _state("new"),
    _count("attempts"),
    _time("not_before"),
    _words("note"),
    CheckConstraint("state IN ('new', 'routed', 'ignored', 'dead')", name="state"),
    _among("state = 'new'", "ix_deliveries_new", "id"),
    sqlite_autoincrement=True,
)

inbox: Final = Table(
    "inbox",
    metadata,
    _row_id(),
    Column("subject", Text, nullable=False),
    Column("meaning", Text, nullable=False),
    Column("notice", Text, nullable=False),
    _words("delivery"),
    _state("new"),
    _count("attempts"),
    _time("not_before"),
    _time("delayed_at"),
    _words("note"),
    CheckConstraint("state IN ('new', 'done', 'dead')", name="state"),
    UniqueConstraint("subject", "meaning"),
    _among("state = 'new'", "ix_inbox_new", "subject", "id"),
    sqlite_autoincrement=True,
)

runs: Final = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("repository_id", _BIG, nullable=False),
    Column("repository", Text, nullable=False),
    Column("conversation", _BIG),
    Column("opened_at", _BIG, nullable=False),
    Column("final", Integer, nullable=False),
    Column("wake_at", _BIG),
    Column("version", Integer, nullable=False),
    Column("snapshot", Text, nullable=False),
    UniqueConstraint("subject", "sequence"),
    CheckConstraint("final IN (0, 1)", name="final"),
    CheckConstraint("version >= 1", name="version"),
    Index("ix_runs_conversation", "repository_id", "conversation"),
    _among("final = 0", "ix_runs_wake_at", "wake_at"),
)

watches: Final = Table(
    "watches",
    metadata,
    Column("run_id", Text, ForeignKey("runs.id"), primary_key=True),
    Column("what", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Index("ix_watches_what", "what", "name"),
)

environments: Final = Table(
    "environments",
    metadata,
    Column("repository_id", _BIG, primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("facts", Text, nullable=False),
    CheckConstraint("version >= 1", name="version"),
)

identities: Final = Table(
    "identities",
    metadata,
    Column("repository_id", _BIG, primary_key=True, autoincrement=False),
    Column("login", Text, primary_key=True),
    Column("person_id", _BIG, nullable=False),
)

first_heads: Final = Table(
    "first_heads",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("sha", Text, nullable=False),
    Column("seen_at", _BIG, nullable=False),
)

journal: Final = Table(
    "journal",
    metadata,
    Column("repository_id", _BIG, primary_key=True, autoincrement=False),
    Column("number", _BIG, primary_key=True, autoincrement=False),
    Column("run_id", Text, nullable=False),
    Column("at", _BIG, nullable=False),
    Column("prev_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("entry", Text, nullable=False),
    Index("ix_journal_run_id", "run_id"),
)

journal_heads: Final = Table(
    "journal_heads",
    metadata,
    Column("repository_id", _BIG, primary_key=True, autoincrement=False),
    Column("number", _BIG, nullable=False),
    Column("hash", Text, nullable=False),
)

releases: Final = Table(
    "releases",
    metadata,
    Column("gate_id", Text, primary_key=True),
    Column("occasion", Integer, primary_key=True, autoincrement=False),
    Column("run_id", Text, ForeignKey("runs.id"), nullable=False),
    Column("environment", Text, nullable=False),
    Column("repository_id", _BIG, nullable=False),
    Column("journal_number", _BIG, nullable=False),
    Column("returned_number", _BIG),
    _begun_or_returned("fk_releases_begun", "journal_number"),
    _begun_or_returned("fk_releases_returned", "returned_number"),
    _one_in_effect("uq_releases_in_effect", "gate_id"),
    _one_in_effect("uq_releases_of_run_in_effect", "run_id", "environment"),
)

effects: Final = Table(
    "effects",
    metadata,
    _row_id(),
    Column("run_id", Text, ForeignKey("runs.id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    _state("pending"),
    _count("in_doubt"),
    _count("attempts"),
    _time("not_before"),
    _time("delayed_at"),
    _words("result"),
    _words("note"),
    UniqueConstraint("run_id", "key"),
    CheckConstraint("state IN ('pending', 'started', 'done', 'cancelled', 'dead')", name="state"),
    CheckConstraint("in_doubt IN (0, 1)", name="in_doubt"),
    _among("state IN ('pending', 'started')", "ix_effects_open", "run_id", "id"),
    sqlite_autoincrement=True,
)

objects: Final = Table(
    "objects",
    metadata,
    Column("run_id", Text, ForeignKey("runs.id"), primary_key=True),
    Column("surface", Text, primary_key=True),
    Column("object_id", _BIG, nullable=False),
)

answers: Final = Table(
    "answers",
    metadata,
    Column("ticket", Text, primary_key=True),
    Column("body", Text, nullable=False),
    Column("asked_at", _BIG, nullable=False),
    Index("ix_answers_asked_at", "asked_at"),
)

children: Final = Table(
    "children",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("stage", Text, primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("pid", _BIG, nullable=False),
    Column("process_started", Double, nullable=False),
    Column("folder", Text, nullable=False),
)
