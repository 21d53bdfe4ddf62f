"""The outbox: what decisions want from the world, until it is done.

Rules of the file: an effect is known by its key within its run. A *level* effect of a known key replaces
what was wanted (a new revision, due again); a *once* effect of a known key is the same wish and changes
nothing. An effect is in doubt from the moment before an outside call until it is done: whoever takes it up
reads back before writing (case 194). Delays are per effect, so a cosmetic one never holds up another (201).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final, Literal, assert_never

from sqlalchemy import Connection, Row, Select, func, select, update

from gate_app.domain.effects import (
    AnswerJob,
    CollectReports,
    CreateDeployment,
    DispatchWorkflow,
    Effect,
    Notify,
    OpenIssue,
    PublishCheckRun,
    PublishComment,
    React,
    ReportDeployment,
    StartStage,
    StopStage,
)
from gate_app.engine.ports import WORKFLOW_SURFACE, InboxItem, PendingEffect
from gate_app.errors import Conflict
from gate_app.store import times
from gate_app.store.codec import EFFECT, REPOSITORY
from gate_app.store.database import reading, writing
from gate_app.store.inbox import put_items
from gate_app.store.schema import MAX_ATTEMPTS, effects, objects, runs
from gate_app.store.tables import Tables, insert, kept

OPEN: Final = ("pending", "started")
RELEASE: Final = "create_deployment"
DISPATCH: Final = "dispatch_workflow"


class Effects(Tables):
    """The part of `ports.Store` about effects and the objects at GitHub that they made."""

    def next_effect(self, subject: str, now: datetime) -> PendingEffect | None:
        """The oldest due effect of the subject's runs, releases aside, by the time of its first request."""
        due = effects.c.not_before <= times.present(now)
        return self._one_effect(_open_of(subject).where(effects.c.kind != RELEASE, due))

    def next_release(self, subject: str) -> PendingEffect | None:
        """The oldest unfinished release of the subject's runs, due or not: it goes before the inbox."""
        return self._one_effect(_open_of(subject).where(effects.c.kind == RELEASE))

    def effect_started(self, effect: PendingEffect) -> None:
        """Committed before the outside call, so that a crash leaves the effect in doubt, not forgotten.

        Raises Conflict when the effect is no longer open or has a newer revision: take up the next one.
        """
        with writing(self._engine) as connection:
            if _change(connection, effect, state="started", in_doubt=1) != 1:
                raise Conflict("the effect changed meanwhile")

    def effect_done(self, effect: PendingEffect, result: str, follow_ups: Sequence[InboxItem] = ()) -> None:
        """Done, unless a newer revision of a level effect arrived meanwhile: then it is due again."""
        with writing(self._engine) as connection:
            _change(connection, effect, state="done", in_doubt=0, result=kept(result))
            put_items(connection, follow_ups)

    def effect_delayed(
        self,
        effect: PendingEffect,
        note: str,
        not_before: datetime,
        counted: Literal["counted", "free"],
        last_words: Sequence[InboxItem] = (),
        since: datetime | None = None,
    ) -> bool:
        """Try again later. True when that was the last of `MAX_ATTEMPTS` tries and it is now set aside.

        `last_words` go into inboxes in the same transaction, and only then. A newer revision has tries of
        its own: a delay of the older one leaves them alone.
        """
        with writing(self._engine) as connection:
            current = select(effects.c.attempts).where(*_same_revision(effect))
            attempts: int | None = connection.execute(current.with_for_update()).scalar_one_or_none()
            if attempts is None:
                return False
            tries = attempts + (1 if counted == "counted" else 0)
            dead = tries >= MAX_ATTEMPTS
            delay: dict[str, str | int] = {
                "attempts": tries,
                "not_before": times.due(not_before),
                "note": kept(note),
                **({"delayed_at": times.present(since)} if since else {}),
            }
            _change(connection, effect, state="dead" if dead else "pending", **delay)
            put_items(connection, last_words if dead else ())
            return dead

    def effect_declined(
        self,
        effect: PendingEffect,
        note: str,
        not_before: datetime,
        follow_ups: Sequence[InboxItem] = (),
        since: datetime | None = None,
    ) -> None:
        """GitHub did not take it, which is certain: no doubt remains, and it is tried again later."""
        with writing(self._engine) as connection:
            delay = {"not_before": times.due(not_before)}
            if since:
                delay["delayed_at"] = times.present(since)
            _change(connection, effect, state="pending", in_doubt=0, note=kept(note), **delay)
            put_items(connection, follow_ups)

    def claimed_runs(self, repository_id: int, ids: Sequence[int]) -> Collection[int]:
        """Those of these workflow runs that are known to work on a stage of ours."""
        query = (
            select(objects.c.object_id)
            .join(runs, runs.c.id == objects.c.run_id)
            .where(runs.c.repository_id == repository_id, objects.c.object_id.in_(list(ids)))
            .where(objects.c.surface.startswith(WORKFLOW_SURFACE, autoescape=True))
        )
        with reading(self._engine) as connection:
            return frozenset(connection.execute(query).scalars())

    def doubtful_dispatches(self, repository_id: int) -> int:
        """How many dispatches may or may not have reached GitHub."""
        query = (
            select(func.count())
            .select_from(effects.join(runs, runs.c.id == effects.c.run_id))
            .where(runs.c.repository_id == repository_id, effects.c.kind == DISPATCH)
            .where(effects.c.in_doubt == 1, effects.c.state.in_(OPEN))
        )
        with reading(self._engine) as connection:
            return connection.execute(query).scalar_one()

    def known_object(self, run_id: str, surface: str) -> int | None:
        """GitHub's id of what shows this surface, if we created it."""
        query = select(objects.c.object_id).where(objects.c.run_id == run_id, objects.c.surface == surface)
        with reading(self._engine) as connection:
            return connection.execute(query).scalar_one_or_none()

    def remember_object(self, run_id: str, surface: str, object_id: int) -> None:
        """Remembers the newest object of a surface."""
        values = {"run_id": run_id, "surface": surface, "object_id": object_id}
        key = [objects.c.run_id, objects.c.surface]
        with writing(self._engine) as connection:
            statement = insert(connection, objects).values(values)
            connection.execute(
                statement.on_conflict_do_update(index_elements=key, set_={"object_id": object_id})
            )

    def _one_effect(self, query: Select[Any]) -> PendingEffect | None:
        with reading(self._engine) as connection:
            row = connection.execute(query.order_by(effects.c.id).limit(1)).one_or_none()
        return None if row is None else _pending(row)


def request(connection: Connection, run_id: str, wanted: Sequence[Effect]) -> None:
    """Stores the effects of a decision within its transaction.

    A replaced level effect keeps its place in the order and its delay, which may be GitHub's (case 199).
    """
    for effect in wanted:
        body = EFFECT.encode(effect)
        values = {"run_id": run_id, "key": effect.key, "kind": effect.kind, "body": body, "revision": 1}
        statement = insert(connection, effects).values(values)
        if is_level(effect):
            newer = {"body": body, "kind": effect.kind, "revision": effects.c.revision + 1}
            reopened = {"state": "pending", "attempts": 0, "delayed_at": 0, "note": ""}
            key = [effects.c.run_id, effects.c.key]
            connection.execute(statement.on_conflict_do_update(index_elements=key, set_=newer | reopened))
        else:
            connection.execute(statement.on_conflict_do_nothing())


def is_level(effect: Effect) -> bool:
    """Whether only the newest of a key matters."""
    match effect:
        case PublishCheckRun() | PublishComment() | ReportDeployment():
            return True
        case (
            StartStage()
            | DispatchWorkflow()
            | CollectReports()
            | StopStage()
            | React()
            | CreateDeployment()
            | Notify()
            | OpenIssue()
            | AnswerJob()
        ):
            return False
    assert_never(effect)


def _open_of(subject: str) -> Select[Any]:
    joined = effects.join(runs, runs.c.id == effects.c.run_id)
    query = select(effects, runs.c.repository).select_from(joined)
    return query.where(runs.c.subject == subject, effects.c.state.in_(OPEN))


def _same_revision(effect: PendingEffect) -> tuple[Any, ...]:
    return (effects.c.id == effect.id, effects.c.revision == effect.revision, effects.c.state.in_(OPEN))


def _change(connection: Connection, effect: PendingEffect, **values: str | int) -> int:
    return connection.execute(update(effects).where(*_same_revision(effect)).values(**values)).rowcount


def _pending(row: Row[Any]) -> PendingEffect:
    return PendingEffect(
        id=row.id,
        run_id=row.run_id,
        repository=REPOSITORY.decode(row.repository),
        effect=EFFECT.decode(row.body),
        attempts=row.attempts,
        revision=row.revision,
        in_doubt=bool(row.in_doubt),
        not_before=times.moment(row.not_before),
        note=row.note,
        since=times.since(row.delayed_at),
    )
