"""The first tables, and the triggers that make `journal` and `releases` append-only (cases 85, 214).

Revision 0001, the first.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0001"
down_revision: Final = None
branch_labels: Final = None
depends_on: Final = None

BIG: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""64 bits; every integer of SQLite has them."""

FROZEN_IN_RELEASES: Final = (
    "gate_id",
    "occasion",
    "run_id",
    "environment",
    "repository_id",
    "journal_number",
)
"""The columns of a release that never change; `returned_number` is set once."""


def upgrade() -> None:
    _arriving()
    _runs()
    _journal()
    _outgoing()
    if op.get_bind().dialect.name == "sqlite":
        _guards_of_sqlite()
    else:
        _guards_of_postgresql()


def _row_id() -> sa.Column[int]:
    return sa.Column("id", BIG, sa.Identity(), primary_key=True, autoincrement=True)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, BIG, nullable=False, autoincrement=False)


def _small(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False, autoincrement=False)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False, server_default=sa.text("0"))


def _time(name: str) -> sa.Column[int]:
    return sa.Column(name, BIG, nullable=False, server_default=sa.text("0"))


def _text(name: str, default: str | None = None) -> sa.Column[str]:
    return sa.Column(
        name, sa.Text, nullable=False, server_default=None if default is None else sa.text(f"'{default}'")
    )


def _entry_of(column: str, name: str) -> sa.ForeignKeyConstraint:
    entry = ["journal.repository_id", "journal.number"]
    return sa.ForeignKeyConstraint(["repository_id", column], entry, name=op.f(name))


def _arriving() -> None:
    op.create_table(
        "deliveries",
        _row_id(),
        _text("delivery_id"),
        _text("event"),
        _text("action", ""),
        sa.Column("installation_id", BIG),
        sa.Column("repository_id", BIG),
        sa.Column("body", sa.LargeBinary, nullable=False),
        _text("body_sha256"),
        _number("received_at"),
        _text("provenance", "webhook"),
        _text("state", "new"),
        _count("attempts"),
        _time("not_before"),
        _text("note", ""),
        sa.CheckConstraint("state IN ('new', 'routed', 'ignored', 'dead')", name=op.f("ck_deliveries_state")),
        sa.UniqueConstraint("delivery_id", name=op.f("uq_deliveries_delivery_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "inbox",
        _row_id(),
        _text("subject"),
        _text("meaning"),
        _text("notice"),
        _text("delivery", ""),
        _text("state", "new"),
        _count("attempts"),
        _time("not_before"),
        _text("note", ""),
        sa.CheckConstraint("state IN ('new', 'done', 'dead')", name=op.f("ck_inbox_state")),
        sa.UniqueConstraint("subject", "meaning", name=op.f("uq_inbox_subject_meaning")),
        sqlite_autoincrement=True,
    )
    _partial_index("ix_deliveries_new", "deliveries", ["id"], "state = 'new'")
    _partial_index("ix_inbox_new", "inbox", ["subject", "id"], "state = 'new'")


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Text, primary_key=True),
        _text("subject"),
        _small("sequence"),
        _number("repository_id"),
        _text("repository"),
        sa.Column("conversation", BIG),
        _number("opened_at"),
        _small("final"),
        sa.Column("wake_at", BIG),
        _small("version"),
        _text("snapshot"),
        sa.CheckConstraint("final IN (0, 1)", name=op.f("ck_runs_final")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_runs_version")),
        sa.UniqueConstraint("subject", "sequence", name=op.f("uq_runs_subject_sequence")),
    )
    op.create_index("ix_runs_conversation", "runs", ["repository_id", "conversation"])
    _partial_index("ix_runs_wake_at", "runs", ["wake_at"], "final = 0")
    op.create_table(
        "environments",
        _number("repository_id"),
        _text("name"),
        _small("version"),
        _text("facts"),
        sa.CheckConstraint("version >= 1", name=op.f("ck_environments_version")),
        sa.PrimaryKeyConstraint("repository_id", "name"),
    )
    op.create_table(
        "identities",
        _number("repository_id"),
        _text("login"),
        _number("person_id"),
        sa.PrimaryKeyConstraint("repository_id", "login"),
    )


def _journal() -> None:
    op.create_table(
        "journal",
        _number("repository_id"),
        _number("number"),
        _text("run_id"),
        _number("at"),
        _text("prev_hash"),
        _text("hash"),
        _text("entry"),
        sa.PrimaryKeyConstraint("repository_id", "number"),
    )
    op.create_index("ix_journal_run_id", "journal", ["run_id"])
    op.create_table(
        "journal_heads",
        _number("repository_id"),
        _number("number"),
        _text("hash"),
        sa.PrimaryKeyConstraint("repository_id"),
    )
    op.create_table(
        "releases",
        _text("gate_id"),
        _small("occasion"),
        _text("run_id"),
        _text("environment"),
        _number("repository_id"),
        _number("journal_number"),
        sa.Column("returned_number", BIG),
        sa.PrimaryKeyConstraint("gate_id", "occasion"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"]),
        _entry_of("journal_number", name="fk_releases_begun"),
        _entry_of("returned_number", name="fk_releases_returned"),
    )
    in_effect = sa.text("returned_number IS NULL")
    for name, columns in (("in_effect", ["gate_id"]), ("of_run_in_effect", ["run_id", "environment"])):
        op.create_index(
            f"uq_releases_{name}",
            "releases",
            columns,
            unique=True,
            sqlite_where=in_effect,
            postgresql_where=in_effect,
        )


def _outgoing() -> None:
    op.create_table(
        "effects",
        _row_id(),
        _text("run_id"),
        _text("key"),
        _text("kind"),
        _text("body"),
        _small("revision"),
        _text("state", "pending"),
        _count("in_doubt"),
        _count("attempts"),
        _time("not_before"),
        _text("result", ""),
        _text("note", ""),
        sa.CheckConstraint(
            "state IN ('pending', 'started', 'done', 'cancelled', 'dead')", name=op.f("ck_effects_state")
        ),
        sa.CheckConstraint("in_doubt IN (0, 1)", name=op.f("ck_effects_in_doubt")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"]),
        sa.UniqueConstraint("run_id", "key", name=op.f("uq_effects_run_id_key")),
        sqlite_autoincrement=True,
    )
    _partial_index("ix_effects_open", "effects", ["run_id", "id"], "state IN ('pending', 'started')")
    op.create_table(
        "objects",
        _text("run_id"),
        _text("surface"),
        _number("object_id"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"]),
        sa.PrimaryKeyConstraint("run_id", "surface"),
    )
    op.create_table(
        "children",
        _text("run_id"),
        _text("stage"),
        _small("attempt"),
        _number("pid"),
        sa.Column("process_started", sa.Double, nullable=False),
        _text("folder"),
        sa.PrimaryKeyConstraint("run_id", "stage", "attempt"),
    )


def _partial_index(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)


def _second_thoughts() -> str:
    """When a change of a release is more than taking it back, which happens once."""
    changed = " OR ".join(f"NEW.{column} <> OLD.{column}" for column in FROZEN_IN_RELEASES)
    return f"OLD.returned_number IS NOT NULL OR NEW.returned_number IS NULL OR {changed}"


def _guards_of_sqlite() -> None:
    # INSERT OR REPLACE deletes without firing DELETE triggers, so a taken key is refused before the insert.
    _refuse_on_sqlite("journal", "UPDATE", "1")
    _refuse_on_sqlite("journal", "DELETE", "1")
    _refuse_on_sqlite(
        "journal",
        "INSERT",
        "EXISTS (SELECT 1 FROM journal WHERE repository_id = NEW.repository_id AND number = NEW.number)",
    )
    _refuse_on_sqlite("releases", "UPDATE", _second_thoughts())
    _refuse_on_sqlite("releases", "DELETE", "1")
    _refuse_on_sqlite(
        "releases",
        "INSERT",
        "EXISTS (SELECT 1 FROM releases WHERE gate_id = NEW.gate_id"
        " AND (occasion = NEW.occasion OR returned_number IS NULL))",
    )


def _refuse_on_sqlite(table: str, change: str, condition: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_refuses_{change.lower()} BEFORE {change} ON {table} WHEN {condition}"
        f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    )


def _guards_of_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$"
    )
    _refuse_on_postgresql(
        "journal", "any_change", "BEFORE UPDATE OR DELETE OR TRUNCATE", "FOR EACH STATEMENT"
    )
    _refuse_on_postgresql("releases", "removal", "BEFORE DELETE OR TRUNCATE", "FOR EACH STATEMENT")
    _refuse_on_postgresql("releases", "change", "BEFORE UPDATE", f"FOR EACH ROW WHEN ({_second_thoughts()})")


def _refuse_on_postgresql(table: str, name: str, moment: str, scope: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_refuses_{name} {moment} ON {table} {scope} EXECUTE FUNCTION refuse_change()"
    )
