"""Runs, environments and first heads, with the compare-and-set that keeps two decisions from resting on one picture.

Rules of the file: a write names the version it was decided on; when the row has moved, nothing is stored and
`Conflict` says so (cases 74, 75, 77). Version 0 is a row that does not exist yet. Columns beside a snapshot
are only there to be searched by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, exists, select, update

from gate_app.domain.conditions import EnvironmentFacts
from gate_app.domain.following import concerned
from gate_app.domain.model import FirstHead
from gate_app.domain.run import Run
from gate_app.engine.ports import WORKFLOW_SURFACE, Step, StoredRun
from gate_app.errors import Conflict
from gate_app.store import times
from gate_app.store.codec import ENVIRONMENT, REPOSITORY, RUN, environment_facts
from gate_app.store.database import reading, writing
from gate_app.store.schema import (
    environments,
    first_heads,
    identities,
    objects,
    runs,
    watches,
)
from gate_app.store.tables import Tables, insert


class Runs(Tables):
    """The part of `ports.Store` about runs, environments and identities."""

    def run(self, run_id: str) -> StoredRun | None:
        return self._one_run(select(runs).where(runs.c.id == run_id))

    def current(self, subject: str) -> StoredRun | None:
        """The newest run of a subject, final or not."""
        return self._one_run(
            select(runs).where(runs.c.subject == subject).order_by(runs.c.sequence.desc()).limit(1)
        )

    def unfinished(self, subject: str) -> Sequence[StoredRun]:
        """Every run of a subject that is not final, oldest first."""
        return self._many_runs(
            select(runs).where(runs.c.subject == subject, runs.c.final == 0).order_by(runs.c.sequence)
        )

    def first_head(self, subject: str) -> str | None:
        """The SHA that a branch was first seen at; None when it was not looked at yet."""
        query = select(first_heads.c.sha).where(first_heads.c.subject == subject)
        with reading(self._engine) as connection:
            return connection.execute(query).scalar_one_or_none()

    def newest_run(self, repository_id: int) -> str | None:
        """The id of the run of a repository that was opened last; None where there is none."""
        query = select(runs.c.id).where(runs.c.repository_id == repository_id)
        newest_first = (runs.c.opened_at.desc(), runs.c.sequence.desc())
        with reading(self._engine) as connection:
            return connection.execute(query.order_by(*newest_first).limit(1)).scalar_one_or_none()

    def unfinished_subjects(self, repository_id: int) -> Sequence[str]:
        """The subjects of a repository with a run that is not final."""
        query = select(runs.c.subject).where(runs.c.repository_id == repository_id, runs.c.final == 0)
        with reading(self._engine) as connection:
            return connection.execute(query.distinct().order_by(runs.c.subject)).scalars().all()

    def conversations(self, repository_id: int) -> Sequence[int]:
        """The pull requests in which runs that are not final converse."""
        query = select(runs.c.conversation).where(
            runs.c.repository_id == repository_id, runs.c.final == 0, runs.c.conversation.is_not(None)
        )
        with reading(self._engine) as connection:
            return connection.execute(query.distinct().order_by(runs.c.conversation)).scalars().all()

    def runs_to_wake(self, now: datetime) -> Sequence[StoredRun]:
        """Unfinished runs whose `wake_at` has passed, the longest overdue first."""
        overdue = runs.c.wake_at <= times.present(now)
        return self._many_runs(
            select(runs).where(runs.c.final == 0, overdue).order_by(runs.c.wake_at, runs.c.id)
        )

    def conversing(self, repository_id: int, conversation: int) -> Sequence[str]:
        """The subjects whose newest run converses in that pull request, oldest first."""
        newer = runs.alias("newer")
        query = (
            select(runs.c.subject)
            .where(runs.c.repository_id == repository_id, runs.c.conversation == conversation)
            .where(~exists().where(newer.c.subject == runs.c.subject, newer.c.sequence > runs.c.sequence))
            .order_by(runs.c.opened_at, runs.c.subject)
        )
        with reading(self._engine) as connection:
            return connection.execute(query).scalars().all()

    def watching(self, repository_id: int, what: str, name: str) -> Sequence[str]:
        """The subjects with a run that is not final and follows that piece of work, once each."""
        query = (
            select(runs.c.subject)
            .join(watches, watches.c.run_id == runs.c.id)
            .where(watches.c.what == what, watches.c.name == name, runs.c.repository_id == repository_id)
            .where(runs.c.final == 0)
        )
        with reading(self._engine) as connection:
            return connection.execute(query.distinct().order_by(runs.c.subject)).scalars().all()

    def environments(self, repository_id: int, names: Sequence[str]) -> Mapping[str, EnvironmentFacts]:
        """What is known of these environments; one that nobody has released to yet is not in it."""
        query = select(environments).where(
            environments.c.repository_id == repository_id, environments.c.name.in_(list(names))
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return {row.name: replace(environment_facts(row.facts), version=row.version) for row in rows}

    def pinned_identities(self, repository_id: int, logins: Sequence[str]) -> Mapping[str, int]:
        """Which account each configured login was resolved to first (case 59); logins differ not by case."""
        asked = {login: login.lower() for login in logins}
        query = select(identities).where(
            identities.c.repository_id == repository_id, identities.c.login.in_(sorted(set(asked.values())))
        )
        with reading(self._engine) as connection:
            pins = {row.login: row.person_id for row in connection.execute(query)}
        return {login: pins[lowered] for login, lowered in asked.items() if lowered in pins}

    def pin_identity(self, repository_id: int, login: str, person_id: int) -> None:
        """Remembers the first resolution; an existing pin stays."""
        pin = {"repository_id": repository_id, "login": login.lower(), "person_id": person_id}
        with writing(self._engine) as connection:
            connection.execute(insert(connection, identities).values(pin).on_conflict_do_nothing())

    def _one_run(self, query: Select[Any]) -> StoredRun | None:
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else stored(row)

    def _many_runs(self, query: Select[Any]) -> Sequence[StoredRun]:
        with reading(self._engine) as connection:
            return [stored(row) for row in connection.execute(query)]


def stored_snapshot(connection: Connection, run_id: str) -> str:
    """The text of a run as it is stored, empty when it is not."""
    return connection.execute(select(runs.c.snapshot).where(runs.c.id == run_id)).scalar_one_or_none() or ""


def save_run(connection: Connection, step: Step) -> str:
    """Stores the run that a step decided on and returns its text. Raises Conflict when it moved meanwhile."""
    after = step.decision.run
    values = _columns(after) | {"version": step.expected_version + 1}
    if step.expected_version == 0:
        create = insert(connection, runs).values(values).on_conflict_do_nothing().returning(runs.c.id)
        stored = connection.execute(create).one_or_none() is not None
    else:
        at_version = (runs.c.id == after.id, runs.c.version == step.expected_version)
        stored = connection.execute(update(runs).where(*at_version).values(values)).rowcount == 1
    if not stored:
        raise Conflict("the run moved meanwhile")
    _save_watches(connection, after)
    _save_claims(connection, after)
    return str(values["snapshot"])


def _save_watches(connection: Connection, run: Run) -> None:
    """What the run follows now; searched by webhooks, rebuilt with every decision."""
    connection.execute(delete(watches).where(watches.c.run_id == run.id))
    rows = [{"run_id": run.id, "what": what, "name": name} for what, name in concerned(run)]
    if rows:
        connection.execute(watches.insert(), rows)


def _save_claims(connection: Connection, run: Run) -> None:
    """Which workflow runs work, or have worked, on stages of ours: no other dispatch can have become them."""
    for stage in run.stages.values():
        if stage.followed is not None and stage.followed.what == "workflow_run":
            surface = f"{WORKFLOW_SURFACE}{stage.key}:{stage.attempt}"
            claim = {"run_id": run.id, "surface": surface, "object_id": stage.followed.id}
            connection.execute(insert(connection, objects).values(claim).on_conflict_do_nothing())


def check_environments(connection: Connection, step: Step) -> None:
    """Raises Conflict when an environment moved that the decision relied on."""
    relied_on = step.decision.read_environments
    query = select(environments.c.name, environments.c.version).where(
        environments.c.repository_id == step.decision.run.change.repository.id,
        environments.c.name.in_([name for name, _ in relied_on]),
    )
    versions = {row.name: row.version for row in connection.execute(query)}
    if any(versions.get(name, 0) != version for name, version in relied_on):
        raise Conflict("an environment moved meanwhile")


def save_environment(connection: Connection, repository_id: int, facts: EnvironmentFacts) -> None:
    """Stores new facts; `facts.version` is the version read. Raises Conflict when it moved meanwhile."""
    table = environments.c
    values = {
        "version": facts.version + 1,
        "facts": ENVIRONMENT.encode(replace(facts, version=facts.version + 1)),
    }
    if facts.version == 0:
        key = {"repository_id": repository_id, "name": facts.name}
        create = (
            insert(connection, environments)
            .values(key | values)
            .on_conflict_do_nothing()
            .returning(table.name)
        )
        stored = connection.execute(create).one_or_none() is not None
    else:
        at_version = (
            table.repository_id == repository_id,
            table.name == facts.name,
            table.version == facts.version,
        )
        stored = connection.execute(update(environments).where(*at_version).values(values)).rowcount == 1
    if not stored:
        raise Conflict("an environment moved meanwhile")


def remember_first_head(connection: Connection, first: FirstHead) -> None:
    """Remembers it within the caller's transaction; what is remembered already stays."""
    values = {"subject": first.subject, "sha": first.sha, "seen_at": times.present(first.at)}
    connection.execute(insert(connection, first_heads).values(values).on_conflict_do_nothing())


def _columns(run: Run) -> dict[str, str | int | None]:
    change = run.change
    return {
        "id": run.id,
        "subject": change.subject.key,
        "sequence": run.sequence,
        "repository_id": change.repository.id,
        "repository": REPOSITORY.encode(change.repository),
        "conversation": change.conversation,
        "opened_at": times.present(run.opened_at),
        "final": int(run.final),
        "wake_at": None if run.wake_at is None else times.due(run.wake_at),
        "snapshot": RUN.encode(run),
    }


def stored(row: Row[Any]) -> StoredRun:
    return StoredRun(RUN.decode(row.snapshot), row.version)
