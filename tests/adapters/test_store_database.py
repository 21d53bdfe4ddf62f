"""Opening and migrating the database, and what its schema forbids to everybody."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from support.store import a_run, a_step, contents, handed_back, opened, released, sql, sqlite_url, stored

from gate_app.engine.ports import Transition
from gate_app.errors import ConfigurationFault, Conflict
from gate_app.store import database
from gate_app.store.faults import DatabaseRefused, DatabaseUnavailable, translated
from gate_app.store.repository import SqlStore
from gate_app.store.revision import REVISION
from gate_app.store.schema import metadata

pytest_plugins = ["support.store_databases"]


# --- addresses ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:////var/lib/gate/gate.db", "sqlite"),
        ("postgresql://gate@db/gate", "postgresql+psycopg"),
        ("postgresql+psycopg://gate@db/gate", "postgresql+psycopg"),
    ],
)
def test_the_supported_forms_of_address_open_lazily(url: str, driver: str) -> None:
    engine = database.open_engine(url)
    assert engine.url.drivername == driver
    engine.dispose()


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("sqlite://", id="memory"),
        pytest.param("sqlite:///relative.db", id="relative path"),
        pytest.param("mysql://root:hunter2@db/gate", id="another database"),
        pytest.param("postgresql+asyncpg://gate:hunter2@db/gate", id="another driver"),
        pytest.param("hunter2", id="no address"),
        pytest.param("", id="empty"),
    ],
)
def test_case_218_another_form_is_refused_with_the_fix_and_without_the_password(url: str) -> None:
    with pytest.raises(ConfigurationFault, match="use sqlite:////") as fault:
        database.open_engine(url)
    assert "hunter2" not in str(fault.value)


def test_sqlite_is_durable_patient_and_strict_about_references(tmp_path: Path) -> None:
    with opened(sqlite_url(tmp_path / "gate.db")) as engine:
        pragmas = {
            name: sql(engine, f"PRAGMA {name}")[0][0]
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
        assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
        assert sql(engine, "PRAGMA busy_timeout") == [(30_000,)]


def test_only_a_database_that_is_there_is_looked_at(tmp_path: Path) -> None:
    """Looking makes no file, and tables of another version are not guessed at."""
    url = sqlite_url(tmp_path / "gate.db")
    address = url.render_as_string(hide_password=False)
    with pytest.raises(ConfigurationFault, match="no database at that address"), database.existing(address):
        pass
    assert not (tmp_path / "gate.db").exists()
    with opened(url) as engine:
        sql(engine, "CREATE TABLE something (id INTEGER)")
    with pytest.raises(ConfigurationFault, match="run gate-app migrate"), database.existing(address):
        pass
    with opened(url) as engine:
        database.migrate(engine)
    with database.existing(address) as engine:
        assert not database.pending(engine)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["a pipe", "a folder"])
def test_what_is_no_file_is_no_database_and_says_what_to_mend(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "gate.db")
    address = sqlite_url(tmp_path / "gate.db").render_as_string(hide_password=False)
    with pytest.raises(ConfigurationFault, match="no regular file: name a file"):
        database.open_engine(address)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        pytest.param("absent/gate.db", "its folder has to exist", id="no folder"),
        pytest.param("text.db", "is no SQLite database", id="another kind of file"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_words(tmp_path: Path, place: str, said: str) -> None:
    (tmp_path / "text.db").write_text("this is no database " * 100)
    with opened(sqlite_url(tmp_path / place)) as engine, pytest.raises(DatabaseUnavailable, match=said):
        database.migrate(engine)


def test_case_218_a_server_that_is_not_there_is_said_without_the_password() -> None:
    engine = database.open_engine("postgresql://gate:hunter2@127.0.0.1:1/gate")
    with pytest.raises(DatabaseUnavailable, match="server cannot be reached") as fault:
        database.pending(engine)
    engine.dispose()
    assert "hunter2" not in str(fault.value)


# --- migrations ---------------------------------------------------------------------------------------------


def test_a_new_database_has_pending_migrations_until_it_is_migrated(tmp_path: Path) -> None:
    with opened(sqlite_url(tmp_path / "gate.db")) as engine:
        assert database.pending(engine)
        database.migrate(engine)
        assert not database.pending(engine)


def test_migrating_again_changes_nothing(store: SqlStore, engine: sa.Engine) -> None:
    stored(store, a_run())
    before = contents(engine)
    database.migrate(engine)
    assert contents(engine) == before


def test_a_database_of_a_newer_program_counts_as_not_ready(sqlite_file: Path) -> None:
    with opened(sqlite_url(sqlite_file)) as engine:
        sql(engine, "UPDATE alembic_version SET version_num = '9999'")
        assert database.pending(engine)


def test_the_migrations_make_the_tables_that_the_queries_expect(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        # SQLite has no identity columns to compare; the defaults of the others are compared on PostgreSQL.
        defaults = {"compare_server_default": connection.dialect.name == "postgresql"}
        context = MigrationContext.configure(connection, opts=defaults)
        assert compare_metadata(context, metadata) == []


def test_web_processes_wait_for_the_newest_migration(engine: sa.Engine) -> None:
    """They do not import SQLAlchemy, so the revision is written down for them."""
    assert sql(engine, "SELECT version_num FROM alembic_version") == [(REVISION,)]


def test_a_failing_migration_leaves_nothing_behind(tmp_path: Path) -> None:
    with opened(sqlite_url(tmp_path / "gate.db")) as engine:
        sql(
            engine, "CREATE TABLE children (id INTEGER)"
        )  # the last table of the first migration is in the way
        with pytest.raises(DatabaseUnavailable):
            database.migrate(engine)
        assert sa.inspect(engine).get_table_names() == ["children"]


MIGRATE = "import sys; from gate_app.store import database as d; d.migrate(d.open_engine(sys.argv[1]))"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_processes_that_start_at_once_migrate_once(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = sqlite_url(tmp_path / "new.db") if kind == "sqlite" else request.getfixturevalue("postgres_empty")
    command = [sys.executable, "-c", MIGRATE, url.render_as_string(hide_password=False)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    outcomes = [(process.communicate(timeout=60)[1], process.returncode) for process in processes]
    assert [code for _, code in outcomes] == [0, 0, 0, 0], outcomes
    with opened(url) as engine:
        assert not database.pending(engine)


# --- what the schema forbids (cases 85, 214) ----------------------------------------------------------------


FORBIDDEN = [
    pytest.param("UPDATE journal SET entry = 'x' WHERE number = 1", id="change an entry"),
    pytest.param("UPDATE journal SET number = 9", id="move an entry"),
    pytest.param("DELETE FROM journal", id="delete entries"),
    pytest.param("DELETE FROM journal WHERE number = 2", id="delete the last entry"),
    pytest.param("DELETE FROM releases", id="delete a release"),
    pytest.param("UPDATE releases SET gate_id = 'other'", id="give a release to another gate"),
    pytest.param("UPDATE releases SET occasion = 2", id="give a release another occasion"),
    pytest.param("UPDATE releases SET journal_number = 1", id="give a release another entry"),
]


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_case_214_direct_sql_cannot_change_the_journal_or_a_release(
    store: SqlStore, engine: sa.Engine, statement: str
) -> None:
    run = stored(store, a_run())
    store.commit(Transition((a_step(run, 1, after=released(run)),)))
    before = contents(engine)
    with pytest.raises(sa.exc.DBAPIError, match="append-only"):
        sql(engine, statement)
    assert contents(engine) == before


def test_case_214_a_journal_entry_cannot_be_replaced_on_sqlite(sqlite_file: Path) -> None:
    with opened(sqlite_url(sqlite_file)) as engine:
        row = "INTO journal VALUES (1, 1, 'r', 0, '', '', '')"
        sql(engine, f"INSERT {row}")
        with pytest.raises(sa.exc.DBAPIError, match="append-only"):
            sql(engine, f"INSERT OR REPLACE {row}")


def test_case_214_a_table_cannot_be_truncated_on_postgresql(postgres_engine: sa.Engine) -> None:
    for table in ("journal", "releases"):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"):
            sql(postgres_engine, f"TRUNCATE {table} CASCADE")


RELEASE = """
    INSERT INTO releases (gate_id, occasion, run_id, environment, repository_id, journal_number)
    VALUES (:gate, :occasion, :run, :environment, 71, :number)
    """


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="the same release again"),
        pytest.param({"occasion": 2}, id="another occasion while the first is in effect"),
        pytest.param({"gate": "other"}, id="the same environment of the run under another gate id"),
        pytest.param({"environment": "production"}, id="the same gate id for another environment"),
        pytest.param({"gate": "g", "environment": "production", "number": 9}, id="without a journal entry"),
        pytest.param({"gate": "g", "environment": "production", "run": "nobody's"}, id="without a run"),
    ],
)
def test_case_085_direct_sql_cannot_release_twice_or_unrecorded(
    store: SqlStore, engine: sa.Engine, changes: dict[str, object]
) -> None:
    run = stored(store, a_run())
    store.commit(Transition((a_step(run, 1, after=released(run)),)))
    row = {
        "gate": run.gate_id("staging"),
        "occasion": 1,
        "run": run.id,
        "environment": "staging",
        "number": 2,
    }
    with pytest.raises(sa.exc.DBAPIError):
        sql(engine, RELEASE, **row | changes)


def test_case_085_a_release_is_taken_back_once_and_for_good(store: SqlStore, engine: sa.Engine) -> None:
    run = stored(store, a_run())
    begun = released(run)
    store.commit(Transition((a_step(run, 1, after=begun),)))
    store.commit(Transition((a_step(begun, 2, after=handed_back(begun)),)))
    for statement in (
        "UPDATE releases SET returned_number = NULL",
        "UPDATE releases SET returned_number = 1",
    ):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"):
            sql(engine, statement)


# --- faults -------------------------------------------------------------------------------------------------


def test_case_202_a_locked_database_is_unavailable_not_lost(sqlite_file: Path) -> None:
    with opened(sqlite_url(sqlite_file)) as engine, engine.connect() as holder:
        holder.exec_driver_sql("BEGIN IMMEDIATE")
        impatient = sa.create_engine(engine.url, connect_args={"timeout": 0})
        with pytest.raises(DatabaseUnavailable, match="SQLITE_BUSY"):
            SqlStore(impatient).pin_identity(1, "octocat", 1)
        impatient.dispose()


def test_case_202_a_database_without_tables_is_unavailable(tmp_path: Path) -> None:
    with opened(sqlite_url(tmp_path / "empty.db")) as engine, pytest.raises(DatabaseUnavailable):
        SqlStore(engine).run("71#3:1")


def test_case_202_an_unreachable_server_is_unavailable_without_its_password(tmp_path: Path) -> None:
    engine = database.open_engine(f"postgresql://gate:hunter2@/gate?host={tmp_path}")
    with pytest.raises(DatabaseUnavailable) as fault:
        SqlStore(engine).run("71#3:1")
    assert "hunter2" not in str(fault.value)
    engine.dispose()


class ServerError(Exception):
    """What a driver raises: a message that quotes values, and a code."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__("Key (login)=(secret) is in the way")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("raised", "fault"),
    [
        pytest.param(sa.exc.OperationalError("SQL", {}, ServerError("40P01")), Conflict, id="deadlock"),
        pytest.param(
            sa.exc.OperationalError("SQL", {}, ServerError("40001")), Conflict, id="serialization failure"
        ),
        pytest.param(
            sa.exc.OperationalError("SQL", {}, ServerError("57P01")), DatabaseUnavailable, id="shutdown"
        ),
        pytest.param(
            sa.exc.IntegrityError("SQL", {}, ServerError("23505")), DatabaseRefused, id="constraint"
        ),
        pytest.param(sa.exc.TimeoutError(), DatabaseUnavailable, id="pool exhausted"),
    ],
)
def test_driver_errors_become_faults_that_quote_no_values(raised: Exception, fault: type[Exception]) -> None:
    with pytest.raises(fault) as told, translated():
        raise raised
    assert "secret" not in str(told.value)
    assert told.value.__suppress_context__
