"""A workflow is dispatched at most once: refused, lost, in doubt, found again, or not wanted any more."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.store import NOW, REPOSITORY, a_run, a_step, sql, stored

from gate_app.domain.effects import DispatchWorkflow, StopStage
from gate_app.domain.events import StageEnded, StageObstructed, WorkflowDispatched
from gate_app.domain.model import Repository
from gate_app.domain.run import Followed, Run, StageRole, StageRun, StageStatus
from gate_app.domain.workflows import Sought, WorkflowSeen
from gate_app.engine.performer import Performer
from gate_app.engine.ports import Transition
from gate_app.errors import HubRefused, HubUnavailable
from gate_app.store.repository import SqlStore

pytest_plugins = ["support.store_databases"]

DEPLOY = "deploy@staging"
SUBJECT = "71#3"


@dataclass
class Actions:
    """GitHub as far as dispatching goes: what it answers next, and every run that it has."""

    answers: list[WorkflowSeen | Exception | None] = field(default_factory=list)
    runs: list[WorkflowSeen] = field(default_factory=list)
    sent: list[DispatchWorkflow] = field(default_factory=list)
    sought: list[Sought] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)
    silent: bool = False

    def dispatch_workflow(self, repository: Repository, wanted: DispatchWorkflow) -> WorkflowSeen | None:
        self.sent.append(wanted)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def dispatched_runs(self, repository: Repository, sought: Sought) -> list[WorkflowSeen]:
        self.sought.append(sought)
        if self.silent:
            raise HubUnavailable("502")
        return self.runs

    def cancel_workflow_run(self, repository: Repository, run_id: int) -> None:
        self.cancelled.append(run_id)


RUN = WorkflowSeen(77, 1, "", "d" * 40, "https://github.com/acme/app/actions/runs/77")


@dataclass
class Dispatching:
    store: SqlStore
    github: Actions = field(default_factory=Actions)
    time: datetime = NOW

    def now(self) -> datetime:
        return self.time

    def performs(self) -> Dispatching:
        """What is due is performed, once."""
        hub: Any = self.github
        unused: Any = None
        due = self.store.next_effect(SUBJECT, self.time)
        if due is not None:
            Performer(self.store, hub, unused, self.now, timedelta(seconds=30)).perform(due)
        return self

    def passes(self, seconds: float) -> Dispatching:
        self.time += timedelta(seconds=seconds)
        return self

    def dies_while_sending(self) -> Dispatching:
        """The mark is committed and nobody knows what became of the rest."""
        due = self.store.next_effect(SUBJECT, self.time)
        assert due is not None
        self.store.effect_started(due)
        return self

    def told(self) -> list[Any]:
        """What the run was told, oldest first."""
        found = []
        while row := self.store.next_row(SUBJECT, datetime(2200, 1, 1, tzinfo=UTC)):
            notice: Any = row.notice
            found.append(notice.event)
            self.store.commit(Transition(inbox_id=row.id))
        return found


def effect(role: StageRole = StageRole.DEPLOY) -> DispatchWorkflow:
    inputs = {"sha": "a" * 40, "gate": "71#3:1:staging"} if role is StageRole.DEPLOY else {}
    return DispatchWorkflow(DEPLOY, 1, role, "deploy.yml", "main", "a" * 40, NOW, inputs)


def at_work(status: StageStatus = StageStatus.RUNNING, role: StageRole = StageRole.DEPLOY) -> Run:
    return a_run().with_stage(StageRun(DEPLOY, "deploy", role, "staging", 1, status, NOW))


@pytest.fixture
def dispatching(store: SqlStore) -> Dispatching:
    stored(store, at_work(), effects=(effect(),))
    return Dispatching(store)


def test_the_run_hears_which_workflow_run_it_became(dispatching: Dispatching) -> None:
    dispatching.github.answers = [RUN]
    assert dispatching.performs().told() == [WorkflowDispatched(NOW, DEPLOY, 1, 77, RUN.link)]
    assert dispatching.performs().github.sent == [effect()]


def test_where_github_does_not_say_which_the_run_hears_that_it_was_taken(dispatching: Dispatching) -> None:
    dispatching.github.answers = [None]
    assert dispatching.performs().told() == [WorkflowDispatched(NOW, DEPLOY, 1)]


# --- refusals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "fix"),
    [
        (403, "permission_missing", "actions: write"),
        (404, "workflow_missing", ".github/workflows"),
        (422, "workflow_not_dispatchable", "workflow_dispatch"),
        (410, "workflow_not_dispatchable", "log"),
    ],
)
def test_a_refusal_is_told_with_its_fix_and_tried_again(
    dispatching: Dispatching, status: int, code: str, fix: str
) -> None:
    dispatching.github.answers = [HubRefused("no", status), HubRefused("no", status), RUN]
    dispatching.performs().passes(31).performs().passes(31).performs()
    obstructed, dispatched = dispatching.told()
    assert isinstance(obstructed, StageObstructed)
    assert obstructed.code == code
    assert fix in obstructed.detail
    assert isinstance(dispatched, WorkflowDispatched)
    assert dispatching.github.sought == [], "a refusal leaves no doubt"


def test_it_is_tried_ever_more_rarely(dispatching: Dispatching) -> None:
    dispatching.github.answers = [HubRefused("no", 404) for _ in range(9)]
    for _ in range(60):
        dispatching.performs().passes(30)
    assert len(dispatching.github.sent) == 7  # after 0, 30, 60, 120, 240, 480 and 960 seconds


def test_a_deployment_is_not_started_an_hour_late(dispatching: Dispatching) -> None:
    dispatching.github.answers = [HubRefused("no", 403), HubRefused("no", 403)]
    dispatching.performs().passes(3_601).performs()
    _, ended = dispatching.told()
    assert isinstance(ended, StageEnded)
    assert (ended.outcome.verdict.value, ended.outcome.reason.value) == ("unknown", "timed_out")
    assert len(dispatching.github.sent) == 1


def test_a_refusal_after_an_hour_of_silence_ends_it_too(dispatching: Dispatching) -> None:
    dispatching.passes(3_590)
    dispatching.github.answers = [HubRefused("no", 404)]
    dispatching.performs()
    assert isinstance(dispatching.told()[0], StageObstructed)


def test_a_limit_says_when_to_come_back_and_leaves_no_doubt(dispatching: Dispatching) -> None:
    dispatching.github.answers = [HubUnavailable("limited", NOW + timedelta(seconds=60)), RUN]
    dispatching.performs().passes(59).performs()
    assert len(dispatching.github.sent) == 1
    dispatching.passes(1).performs()
    assert len(dispatching.github.sent) == 2
    assert dispatching.github.sought == []


# --- in doubt --------------------------------------------------------------------------------------------


def test_case_194_an_answer_that_was_lost_is_looked_for_and_found(dispatching: Dispatching) -> None:
    dispatching.github.answers = [HubUnavailable("no answer")]
    dispatching.performs()
    dispatching.github.runs = [RUN]
    dispatching.passes(5).performs().passes(30).performs()
    assert dispatching.told() == [WorkflowDispatched(dispatching.time, DEPLOY, 1, 77, RUN.link)]
    assert len(dispatching.github.sent) == 1
    assert dispatching.github.sought[0] == Sought(
        "deploy.yml", "main", NOW - timedelta(minutes=1), "71#3:1:staging"
    )


def test_case_193_a_crash_before_sending_sends_it_once(dispatching: Dispatching) -> None:
    dispatching.dies_while_sending().performs()
    assert dispatching.github.sent == [], "it may have been taken"
    dispatching.github.answers = [RUN]
    dispatching.passes(29).performs().passes(1).performs().performs()
    assert len(dispatching.github.sent) == 1


def test_a_run_that_is_named_needs_no_second_look(dispatching: Dispatching) -> None:
    dispatching.github.runs = [replace(RUN, named=True)]
    dispatching.dies_while_sending().performs()
    assert [event.workflow_run for event in dispatching.told()] == [77]


def test_a_run_that_works_on_another_stage_is_not_taken_for_ours(
    dispatching: Dispatching, store: SqlStore
) -> None:
    other = a_run(4).with_stage(
        StageRun("tests", "tests", StageRole.AUTOMATED, None, 1, StageStatus.RUNNING, NOW)
    )
    stored(store, other)
    claimed = replace(other.stages["tests"], followed=Followed("workflow_run", 77))
    store.commit(Transition((a_step(other, 1, after=other.with_stage(claimed)),)))
    dispatching.github.runs, dispatching.github.answers = [RUN], [replace(RUN, id=78)]
    dispatching.dies_while_sending().performs().passes(30).performs().performs()
    assert [event.workflow_run for event in dispatching.told()] == [78]


def test_runs_that_cannot_be_told_apart_are_never_dispatched_again(dispatching: Dispatching) -> None:
    dispatching.github.runs = [RUN, replace(RUN, id=78)]
    dispatching.dies_while_sending()
    for _ in range(3):
        dispatching.performs().passes(600)
    (obstructed,) = dispatching.told()
    assert isinstance(obstructed, StageObstructed)
    assert obstructed.code == "workflow_run_ambiguous"
    dispatching.passes(3_600).performs()
    (ended,) = dispatching.told()
    assert isinstance(ended, StageEnded)
    assert ended.outcome.reason.value == "workflow_run_ambiguous"
    assert dispatching.github.sent == []


def test_two_deployments_in_doubt_do_not_share_a_run(dispatching: Dispatching, store: SqlStore) -> None:
    stored(store, replace(at_work(), id="71#4:1", change=a_run(4).change), effects=(effect(),))
    rival = store.next_effect("71#4", NOW)
    assert rival is not None
    store.effect_started(rival)
    dispatching.github.runs = [RUN]
    dispatching.dies_while_sending().performs().passes(30).performs()
    (obstructed,) = dispatching.told()
    assert isinstance(obstructed, StageObstructed)
    assert obstructed.code == "workflow_run_ambiguous"


def test_a_test_is_known_by_its_commit_whatever_else_is_in_doubt(store: SqlStore) -> None:
    for number in (3, 4):
        run = replace(at_work(role=StageRole.AUTOMATED), id=f"71#{number}:1", change=a_run(number).change)
        stored(store, run, effects=(effect(StageRole.AUTOMATED),))
        due = store.next_effect(f"71#{number}", NOW)
        assert due is not None
        store.effect_started(due)
    dispatching = Dispatching(store)
    dispatching.github.runs = [RUN]
    dispatching.performs().passes(30).performs()
    assert [event.workflow_run for event in dispatching.told()] == [77]
    assert dispatching.github.sought[0].sha == "a" * 40


def test_while_github_is_silent_the_doubt_is_said_and_nothing_is_sent(dispatching: Dispatching) -> None:
    dispatching.github.silent = True
    dispatching.dies_while_sending()
    for _ in range(20):
        dispatching.performs().passes(600)
    obstructed = dispatching.told()
    assert [event.code for event in obstructed] == ["hub_unavailable"]
    assert dispatching.github.sent == []


# --- not wanted any more ---------------------------------------------------------------------------------


def test_what_nobody_waits_for_any_more_is_not_started(store: SqlStore) -> None:
    stored(store, at_work(StageStatus.ENDED), effects=(effect(),))
    dispatching = Dispatching(store).performs()
    assert dispatching.github.sent == []
    assert store.next_effect(SUBJECT, NOW) is None


def test_what_was_started_and_is_not_wanted_any_more_is_found_and_cancelled(store: SqlStore) -> None:
    stored(store, at_work(StageStatus.ENDED, StageRole.AUTOMATED), effects=(effect(StageRole.AUTOMATED),))
    dispatching = Dispatching(store)
    dispatching.github.runs = [RUN]
    dispatching.dies_while_sending().performs().passes(30).performs()
    assert dispatching.github.cancelled == [77]
    assert dispatching.told() == []


def test_stopping_a_stage_cancels_its_workflow_run(store: SqlStore) -> None:
    run = at_work(role=StageRole.AUTOMATED)
    followed = replace(run.stages[DEPLOY], followed=Followed("workflow_run", 77))
    stored(store, run.with_stage(followed), effects=(StopStage(DEPLOY, 1), StopStage(DEPLOY, 2)))
    dispatching = Dispatching(store).performs().performs()
    assert dispatching.github.cancelled == [77]
    results = [result for (result,) in sql(store._engine, "SELECT result FROM effects ORDER BY id")]
    assert results == ["cancelled workflow run 77", "not running"]
    assert REPOSITORY.id == 71
