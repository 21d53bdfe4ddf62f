"""A held job is answered once: what GitHub refuses is tried again and shown, what does not wait any more is over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa
from support.store import NOW, a_run, opened, sqlite_url, stored

from gate_app.domain.effects import AnswerJob, HeldAnswer
from gate_app.domain.events import StageEnded, StageObstructed
from gate_app.domain.held import HeldRun
from gate_app.domain.model import Repository
from gate_app.domain.run import StageRole, StageRun, StageStatus
from gate_app.engine.performer import Performer
from gate_app.engine.ports import RunNoticed
from gate_app.errors import HubRefused, HubUnavailable
from gate_app.store.repository import SqlStore

pytest_plugins = ["support.store_databases"]

STAGE = "deploy@staging"
RUN = a_run().with_stage(StageRun(STAGE, "deploy", StageRole.DEPLOY, "staging", 1, StageStatus.RUNNING, NOW))
SUBJECT = RUN.change.subject.key


@pytest.fixture
def database(sqlite_file: Path) -> Iterator[sa.Engine]:
    with opened(sqlite_url(sqlite_file)) as engine:
        yield engine


def answer(said: HeldAnswer, attempt: int = 1) -> AnswerJob:
    stage = STAGE if said == "approved" else ""
    return AnswerJob("staging", 77, 1, said, "c", NOW, stage=stage, attempt=attempt if stage else 0)


@dataclass
class Github:
    """Holds a job of attempt `attempt`, and does with answers what `faults` say, one after the other."""

    faults: list[Exception] = field(default_factory=list)
    attempt: int = 1
    environments: tuple[str, ...] = ("staging",)
    taken: list[str] = field(default_factory=list)

    def held_run(self, repository: Repository, run_id: int) -> HeldRun:
        return HeldRun(
            run_id, self.attempt, "push", "main", "a" * 40, own=True, environments=self.environments
        )

    def answer_job(self, repository: Repository, wanted: AnswerJob) -> None:
        if self.faults:
            raise self.faults.pop(0)
        self.taken.append(wanted.answer)
        if wanted.answer != "waiting":
            self.environments = ()

    def cancel_workflow_run(self, repository: Repository, run_id: int) -> None:
        self.taken.append(f"cancel {run_id}")


@dataclass
class Engine:
    store: SqlStore
    github: Github
    now: datetime = NOW

    def turns(self, times: int = 1, apart: timedelta = timedelta(minutes=1)) -> Engine:
        performer = Performer(self.store, cast(Any, self.github), cast(Any, None), lambda: self.now)
        for _ in range(times):
            pending = self.store.next_effect(SUBJECT, self.now)
            if pending is not None:
                performer.perform(pending)
            self.now += apart
        return self

    @property
    def is_done(self) -> bool:
        return self.store.next_effect(SUBJECT, self.now + timedelta(days=30)) is None

    def told(self) -> list[object]:
        row = self.store.next_row(SUBJECT, self.now)
        return [row.notice.event] if row is not None and isinstance(row.notice, RunNoticed) else []


def engine(database: sa.Engine, effect: AnswerJob, github: Github | None = None) -> Engine:
    store = SqlStore(database)
    stored(store, RUN, effects=(effect,))
    return Engine(store, github or Github())


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ("approved", "approved"),
        ("rejected", "rejected"),
        ("cancelled", "cancel 77"),
        ("waiting", "waiting"),
    ],
)
def test_an_answer_is_given_once(database: sa.Engine, said: HeldAnswer, sent: str) -> None:
    here = engine(database, answer(said)).turns(3)
    assert (here.github.taken, here.is_done) == ([sent], True)


@pytest.mark.parametrize("said", ["approved", "rejected", "cancelled", "waiting"])
@pytest.mark.parametrize(
    "github",
    [
        pytest.param({"attempt": 2}, id="run again"),
        pytest.param({"environments": ()}, id="nothing waits"),
        pytest.param({"environments": ("production", "Staging")}, id="another environment waits"),
    ],
)
def test_what_does_not_wait_any_more_is_not_answered(
    database: sa.Engine, said: HeldAnswer, github: dict[str, Any]
) -> None:
    here = engine(database, answer(said), Github(**github)).turns()
    assert (here.github.taken, here.is_done) == ([], True)


def test_case_111_a_refusal_just_after_the_webhook_is_shown_and_tried_again(database: sa.Engine) -> None:
    early = [HubRefused("not waiting", 422), HubRefused("not waiting", 422)]
    here = engine(database, answer("approved"), Github(early)).turns()
    (event,) = here.told()
    assert isinstance(event, StageObstructed)
    assert (event.code, "tried again" in event.detail) == ("job_not_answered", True)
    here.turns(5)
    assert (here.github.taken, here.is_done) == (["approved"], True)


def test_a_permission_that_is_missing_is_named(database: sa.Engine) -> None:
    here = engine(database, answer("approved"), Github([HubRefused("no", 403)])).turns()
    (event,) = here.told()
    assert isinstance(event, StageObstructed)
    assert "deployments: write" in event.detail


def test_case_194_an_answer_that_was_lost_is_not_given_twice(database: sa.Engine) -> None:
    class Losing(Github):
        def answer_job(self, repository: Repository, wanted: AnswerJob) -> None:
            super().answer_job(repository, wanted)
            raise HubUnavailable("no answer")

    here = engine(database, answer("approved"), Losing()).turns(3)
    assert (here.github.taken, here.is_done) == (["approved"], True)


def test_github_says_when_to_come_back(database: sa.Engine) -> None:
    limited = [HubUnavailable("limited", NOW + timedelta(minutes=30))]
    here = engine(database, answer("rejected"), Github(cast(Any, limited))).turns(20)
    assert here.github.taken == []
    assert here.turns(20).github.taken == ["rejected"]


def test_an_approval_that_cannot_be_told_in_time_is_given_up(database: sa.Engine) -> None:
    here = engine(database, answer("approved"))
    here.now += timedelta(hours=2)
    here.turns()
    assert (here.github.taken, here.is_done) == ([], True)
    (event,) = here.told()
    assert isinstance(event, StageEnded)
    assert event.outcome.reason.value == "timed_out"


def test_a_rejection_is_tried_without_end(database: sa.Engine) -> None:
    refused: list[Exception] = [HubRefused("no", 403)] * 30
    here = engine(database, answer("rejected"), Github(refused)).turns(60, timedelta(hours=1))
    assert here.github.taken == ["rejected"]


def test_a_report_that_is_refused_and_a_run_that_is_gone_are_over(database: sa.Engine) -> None:
    here = engine(database, answer("waiting"), Github([HubRefused("the eleventh", 422)])).turns()
    assert (here.github.taken, here.is_done) == ([], True)


def test_a_deployment_that_is_not_wanted_any_more_is_not_let_go(database: sa.Engine) -> None:
    here = engine(database, answer("approved", attempt=2)).turns()
    assert (here.github.taken, here.is_done) == ([], True)
