"""The two logs behave alike: one contract, on SQLite and on a real PostgreSQL."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.deliveries import a_delivery
from support.store import new_sqlite, sql

from gate_app.intake.delivery import Delivery, Log, Outcome, StoreUnavailableError
from gate_app.intake.logs import UnknownDatabaseError, libpq_url, open_log, sqlite_path
from gate_app.intake.postgres import PostgresLog
from gate_app.intake.readiness import MIGRATIONS_MISSING, STORE_UNWRITABLE, StoreProbe
from gate_app.intake.sqlite import connect
from gate_app.store.revision import REVISION

pytest_plugins = ["support.store_databases"]

STORED, KNOWN, REJECTED = Outcome.STORED, Outcome.KNOWN, Outcome.REJECTED

Run = Callable[[str], list[tuple[object, ...]]]


@dataclass(frozen=True)
class Database:
    """A database with the tables of the migrations: its URL, and a way to look at it and to change it directly."""

    url: str
    run: Run


@pytest.fixture
def database(engine: sa.Engine) -> Database:
    return Database(engine.url.render_as_string(hide_password=False), lambda query: sql(engine, query))


@pytest.fixture
def log(database: Database) -> Iterator[Log]:
    opened = open_log(database.url)
    yield opened
    opened.close()


def _append(log: Log, *batch: Delivery) -> list[Outcome]:
    log.begin()
    return log.append(batch)


def _stored(database: Database, columns: str) -> list[tuple[object, ...]]:
    return database.run(f"SELECT {columns} FROM deliveries ORDER BY delivery_id")  # noqa: S608  # our own columns


def test_a_batch_is_stored_in_order_with_every_column(database: Database, log: Log) -> None:
    body = bytes(range(256)) * 60
    batch = [a_delivery(1, body), a_delivery(2, installation_id=None, repository_id=None, action="")]
    assert _append(log, *batch) == [STORED, STORED]
    seen = _stored(database, "delivery_id, event, action, installation_id, repository_id, received_at")
    assert seen == [
        (row.delivery_id, row.event, row.action, row.installation_id, row.repository_id, row.received_at)
        for row in batch
    ]
    assert [bytes(row[0]) for row in _stored(database, "body")] == [body, b"{}"]  # type: ignore[call-overload]  # bytes
    assert _stored(database, "provenance, state, attempts, not_before, note")[0] == (
        "webhook",
        "new",
        0,
        0,
        "",
    )


def test_a_batch_without_any_installation_is_stored(log: Log) -> None:
    assert _append(log, a_delivery(1, installation_id=None, repository_id=None)) == [STORED]


def test_case_010_a_known_delivery_changes_nothing(database: Database, log: Log) -> None:
    _append(log, a_delivery(1, b"first"))
    database.run("UPDATE deliveries SET state = 'routed', attempts = 3")
    assert _append(log, a_delivery(2), a_delivery(1, b"second"), a_delivery(3)) == [STORED, KNOWN, STORED]
    assert _stored(database, "state, attempts, body_sha256")[0] == (
        "routed",
        3,
        a_delivery(1, b"first").body_sha256,
    )


def test_case_010_a_dead_delivery_is_armed_again_by_its_redelivery(database: Database, log: Log) -> None:
    _append(log, a_delivery(1, b"first"), a_delivery(2))
    database.run("UPDATE deliveries SET state = 'dead', attempts = 5, not_before = 9, note = 'poison'")
    assert _append(log, a_delivery(1, b"first")) == [STORED]
    assert _stored(database, "state, attempts, not_before, note") == [
        ("new", 0, 0, ""),
        ("dead", 5, 9, "poison"),
    ]


@pytest.mark.parametrize("state", ["new", "routed", "ignored"])
def test_case_010_a_delivery_in_any_other_state_is_left_alone(
    database: Database, log: Log, state: str
) -> None:
    _append(log, a_delivery(1))
    database.run(f"UPDATE deliveries SET state = '{state}', attempts = 2")  # noqa: S608  # our own states
    assert _append(log, a_delivery(1)) == [KNOWN]
    assert _stored(database, "state, attempts") == [(state, 2)]


def test_the_same_delivery_twice_in_a_batch_is_stored_once(database: Database, log: Log) -> None:
    assert _append(log, a_delivery(1), a_delivery(1), a_delivery(2)) == [STORED, KNOWN, STORED]
    assert _stored(database, "delivery_id") == [(a_delivery(1).delivery_id,), (a_delivery(2).delivery_id,)]


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(a_delivery(2, installation_id=2**70), id="an integer of 71 bits"),
        pytest.param(a_delivery(2, event=None), id="a missing event"),
    ],
)
def test_one_bad_row_does_not_fail_its_neighbours(database: Database, log: Log, bad: Delivery) -> None:
    assert _append(log, a_delivery(1), bad, a_delivery(3)) == [STORED, REJECTED, STORED]
    assert _stored(database, "delivery_id") == [(a_delivery(1).delivery_id,), (a_delivery(3).delivery_id,)]
    assert _append(log, a_delivery(4)) == [STORED]


def test_a_delivery_that_was_stored_survives_a_new_connection(database: Database, log: Log) -> None:
    _append(log, a_delivery(1))
    log.close()
    assert _append(log, a_delivery(1), a_delivery(2)) == [KNOWN, STORED]


def test_a_lost_postgres_connection_is_replaced_without_a_failure(postgres_engine: sa.Engine) -> None:
    log = open_log(postgres_engine.url.render_as_string(hide_password=False))
    assert _append(log, a_delivery(1)) == [STORED]
    sql(
        postgres_engine,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'gate-app intake' AND datname = current_database()",
    )
    assert _append(log, a_delivery(1), a_delivery(2)) == [KNOWN, STORED]
    log.close()


def test_case_202_a_store_without_its_table_is_unavailable_until_it_can(database: Database, log: Log) -> None:
    database.run("ALTER TABLE deliveries RENAME TO elsewhere")
    with pytest.raises(StoreUnavailableError) as refused:
        _append(log, a_delivery(1, b"canary"))
    assert "canary" not in refused.value.cause
    database.run("ALTER TABLE elsewhere RENAME TO deliveries")
    assert _append(log, a_delivery(1)) == [STORED]


def test_case_202_a_postgres_that_is_away_is_unavailable() -> None:
    log = PostgresLog("postgresql://127.0.0.1:1/gate")
    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            _append(log, a_delivery(1))
    log.close()


def test_sqlite_is_durable_at_every_commit(tmp_path: Path) -> None:
    with contextlib.closing(connect(new_sqlite(tmp_path / "gate.db"), 1.0)) as connection:
        asked = [connection.execute(f"PRAGMA {name}").fetchone() for name in ("journal_mode", "synchronous")]
    assert asked == [("wal",), (2,)], "write-ahead log, FULL"


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///relative.db",
        "sqlite://host//absolute.db",
        "mysql://host/name",
        "postgresql+asyncpg://host/name",
        "",
    ],
)
def test_a_url_that_is_not_understood_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(UnknownDatabaseError) as refused:
        open_log(url)
    assert "host" not in str(refused.value).replace("//host/name", "")


def test_the_urls_are_those_of_the_rest_of_the_application() -> None:
    assert sqlite_path("sqlite:////var/lib/a%20b/gate.db") == Path("/var/lib/a b/gate.db")
    assert libpq_url("postgresql+psycopg://u@h/n") == libpq_url("postgresql://u@h/n") == "postgresql://u@h/n"


def test_a_store_with_the_right_migration_is_ready(database: Database) -> None:
    assert StoreProbe(database.url, REVISION).problems() == ()
    assert StoreProbe(database.url, "0000").problems() == (MIGRATIONS_MISSING,)


def test_a_store_without_migrations_is_not_ready(database: Database) -> None:
    database.run("ALTER TABLE alembic_version RENAME TO elsewhere")
    assert StoreProbe(database.url, REVISION).problems() == (MIGRATIONS_MISSING,)
    database.run("ALTER TABLE elsewhere RENAME TO alembic_version")


@pytest.mark.parametrize(
    "url",
    ["sqlite:////nowhere/gate.db", "postgresql://127.0.0.1:1/gate", "nonsense"],
    ids=["no file", "no server", "?"],
)
def test_a_store_that_cannot_be_reached_is_not_ready(url: str) -> None:
    assert StoreProbe(url, "0007").problems() == (STORE_UNWRITABLE,)
