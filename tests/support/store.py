"""What a store under test is filled with, and plain SQL to look into it."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from gate_app.domain.conditions import Conditions, EnvironmentFacts, Head
from gate_app.domain.decide import Decision
from gate_app.domain.effects import CreateDeployment, Effect, PublishComment, React
from gate_app.domain.events import ClockTicked, Event
from gate_app.domain.model import Authorship, Change, Content, Origin, Person, Repository, Subject
from gate_app.domain.opening import open_run
from gate_app.domain.policy import Environment, Policy
from gate_app.domain.run import Release, ReleaseStatus, Run
from gate_app.domain.verdict import Verdict, VerdictState
from gate_app.engine.ports import InboxItem, RunNoticed, Step, Transition
from gate_app.store.database import migrate, open_engine
from gate_app.store.repository import SqlStore
from gate_app.store.schema import metadata

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
REPOSITORY = Repository(71, "acme", "app", 5)
AUTHOR = Person(1, "author")
POLICY = Policy(
    "b" * 40,
    (),
    (
        Environment("staging", Origin.PULL_REQUEST),
        Environment("production", Origin.PULL_REQUEST, after="staging"),
    ),
)


# --- databases ------------------------------------------------------------------------------------------


def sqlite_url(path: Path) -> sa.URL:
    return sa.URL.create("sqlite", database=str(path))


def new_sqlite(path: Path) -> Path:
    """A migrated, empty SQLite database in this file."""
    path.write_bytes(_migrated_sqlite())
    return path


@functools.cache
def _migrated_sqlite() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gate.db"
        with opened(sqlite_url(path)) as engine:
            migrate(engine)
        return path.read_bytes()  # whole: closing the last connection empties the write-ahead log into it


@contextmanager
def opened(url: sa.URL) -> Iterator[sa.Engine]:
    engine = open_engine(url.render_as_string(hide_password=False))
    try:
        yield engine
    finally:
        engine.dispose()


# --- what the tests see of the tables -------------------------------------------------------------------


def sql(engine: sa.Engine, statement: str, **values: Any) -> list[Any]:
    """Runs one statement as somebody with direct access to the database would; rows as tuples."""
    with engine.begin() as connection:
        result = connection.execute(sa.text(statement), values)
        return [tuple(row) for row in result] if result.returns_rows else []


def tamper(engine: sa.Engine, statement: str, **values: Any) -> None:
    """Runs one statement as somebody would who owns the database and switched its guards off."""
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        else:
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            triggers = connection.exec_driver_sql(
                "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            ).scalars()
            for trigger in triggers.all():
                connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
        connection.execute(sa.text(statement), values)


def contents(engine: sa.Engine) -> dict[str, list[Any]]:
    """Everything that is stored, by table, to compare before and after."""
    with engine.connect() as connection:
        return {
            name: sorted(map(tuple, connection.execute(sa.select(table))), key=repr)
            for name, table in metadata.tables.items()
        }


def deliver(engine: sa.Engine, guid: str, event: str = "issue_comment", body: bytes = b"{}") -> None:
    """What the receiver does."""
    statement = """
        INSERT INTO deliveries (delivery_id, event, body, body_sha256, received_at)
        VALUES (:guid, :event, :body, 'sha', 1)
        """
    sql(engine, statement, guid=guid, event=event, body=body)


# --- the smallest values of the domain ------------------------------------------------------------------


def a_run(number: int = 3, sequence: int = 1, repository: Repository = REPOSITORY, *, head: str = "a") -> Run:
    subject = Subject(repository.id, number)
    change = Change(
        repository=repository,
        subject=subject,
        origin=Origin.PULL_REQUEST,
        head=Content(head * 40, "c" * 40),
        base_ref="main",
        base_sha="d" * 40,
        title="Add a thing",
        author=AUTHOR,
        conversation=number,
    )
    return open_run(change, sequence, POLICY, NOW)


def conditions(now: datetime = NOW) -> Conditions:
    return Conditions(now, POLICY, Head("a" * 40, "main", open=True), Authorship((1,)))


def a_step(
    before: Run,
    version: int = 0,
    *,
    after: Run | None = None,
    effects: tuple[Effect, ...] = (),
    environments: tuple[EnvironmentFacts, ...] = (),
    relied_on: tuple[tuple[str, int], ...] = (),
    event: Event | None = None,
    now: datetime = NOW,
) -> Step:
    """A decision that leaves the run as it was, but for what is given."""
    verdicts = {name: Verdict(name, VerdictState.WAITING, ()) for name in before.gates}
    decision = Decision(after or before, verdicts, effects, environments, relied_on)
    return Step(before, event or ClockTicked(now), conditions(now), decision, version)


def stored(store: SqlStore, run: Run, *, effects: tuple[Effect, ...] = ()) -> Run:
    """The run, opened in the store."""
    store.commit(Transition((a_step(run, effects=effects),)))
    return run


def released(run: Run, environment: str = "staging") -> Run:
    """The run with the release of a gate begun, on the gate's next occasion."""
    gate = run.gates[environment]
    release = Release(NOW, run.change.head, ReleaseStatus.BEGUN)
    return run.with_gate(replace(gate, release=release, occasions=gate.occasions + 1))


def handed_back(run: Run, environment: str = "staging") -> Run:
    """The run with the release of a gate returned: it did not happen."""
    return run.with_gate(replace(run.gates[environment], release=None))


def tick(run: Run, meaning: str, at: datetime = NOW) -> InboxItem:
    """A follow-up of our own for the subject of a run."""
    return InboxItem(run.change.subject.key, RunNoticed(run.id, ClockTicked(at)), meaning)


def comment(body: str, surface: str = "card") -> PublishComment:
    return PublishComment(surface, f"gate:{surface}", 3, body)


def reaction(comment_id: int) -> React:
    return React(comment_id, "+1")


def deployment(run: Run, environment: str = "staging", occasion: int = 1) -> CreateDeployment:
    return CreateDeployment(environment, occasion, run.gate_id(environment), run.change.head.sha, "", NOW)
