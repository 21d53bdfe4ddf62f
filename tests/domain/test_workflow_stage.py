"""A workflow that tests: dispatched on the head's branch, counted only for our commit, run again when GitHub does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.runs import CHANGE, HEAD, START, World, failed, passed, policy, proposed

from gate_app.domain.effects import CollectReports, DispatchWorkflow, PublishCheckRun, StopStage
from gate_app.domain.events import ClockTicked, HeadMoved, StageEnded, StageObstructed, WorkflowDispatched
from gate_app.domain.evidence import StageReason
from gate_app.domain.following import wanted, watched
from gate_app.domain.model import Change, Unknown
from gate_app.domain.policy import Policy, Stage, WorkflowWork
from gate_app.domain.workflows import Sought, WorkflowSeen

LINK = "https://github.com/acme/greeter/actions/runs/77"


def with_workflow(blob: str = "p" * 40, file: str = "ci.yml") -> Policy:
    return replace(policy(blob=blob), stages=(Stage("tests", WorkflowWork(file)),))


def seen(conclusion: str = "", attempt: int = 1, sha: str = HEAD.sha) -> WorkflowSeen:
    return WorkflowSeen(77, attempt, conclusion, sha, LINK)


def running(change: Change = CHANGE) -> World:
    world = proposed(with_workflow(), change)
    world.happens(WorkflowDispatched(world.now, "tests", 1, 77))
    return world


def looks(world: World, what: WorkflowSeen | Unknown) -> World:
    world.workflow_runs["tests"] = what
    world.passes(1).tick()
    return world


def test_the_workflow_is_started_on_the_branch_of_the_head() -> None:
    world = proposed(with_workflow())
    (sent,) = [effect for effect in world.effects if isinstance(effect, DispatchWorkflow)]
    assert (sent.workflow, sent.branch, sent.sha, dict(sent.inputs)) == ("ci.yml", "french", HEAD.sha, {})
    assert sent.key == "dispatch:tests:1"


def test_no_workflow_is_started_on_the_branch_of_a_fork() -> None:
    world = proposed(with_workflow(), replace(CHANGE, head_branch=""))
    assert not [effect for effect in world.effects if isinstance(effect, DispatchWorkflow)]
    outcome = world.run.stages["tests"].outcome
    assert outcome is not None
    assert outcome.reason is StageReason.FORK_NOT_DISPATCHED
    assert "checks" in outcome.detail
    assert "stage_unknown" in world.codes("staging")


def test_a_workflow_that_succeeds_on_our_commit_passes() -> None:
    world = looks(looks(running(), seen()), seen("success"))
    assert world.decisions[-1].verdicts["staging"].asks
    assert watched(world.run) == ()


@pytest.mark.parametrize(
    ("conclusion", "code"), [("failure", "stage_failed"), ("cancelled", "stage_unknown")]
)
def test_a_workflow_that_does_not_succeed_closes_the_gate(conclusion: str, code: str) -> None:
    world = looks(running(), seen(conclusion))
    assert code in world.codes("staging")


def test_a_workflow_that_ran_on_another_commit_does_not_count() -> None:
    world = looks(running(), seen("success", sha="e" * 40))
    outcome = world.run.stages["tests"].outcome
    assert outcome is not None
    assert outcome.reason is StageReason.WORKFLOW_OTHER_COMMIT
    assert "stage_unknown" in world.codes("staging")


def test_a_failed_workflow_that_is_run_again_counts_as_it_stands_now() -> None:
    world = looks(running(), seen("failure"))
    assert ("workflow_run", "77") in watched(world.run)
    assert world.run.wake_at == world.now + timedelta(minutes=1)
    looks(world, seen("failure"))
    assert "stage_failed" in world.codes("staging")
    looks(world, seen(attempt=2))
    assert "stage_running" in world.codes("staging")
    looks(world, seen("success", attempt=2))
    assert world.decisions[-1].verdicts["staging"].asks


def test_trouble_in_looking_at_a_failed_workflow_leaves_it_failed() -> None:
    world = looks(looks(running(), seen("failure")), Unknown("hub_unavailable", "502"))
    assert "stage_failed" in world.codes("staging")


def test_a_superseded_workflow_is_cancelled() -> None:
    world = looks(running(), seen())
    world.happens(HeadMoved(world.now, "e" * 40, "main"))
    assert StopStage("tests", 1) in world.effects
    assert world.run.final
    assert watched(world.run) == ()


def test_a_workflow_that_never_ends_is_cancelled_and_unknown() -> None:
    world = looks(running(), seen())
    world.passes(6 * 3600).tick()
    assert StopStage("tests", 1) in world.effects
    assert "stage_unknown" in world.codes("staging")
    world.passes(60).tick()
    looks(world, seen("success"))
    assert world.decisions[-1].verdicts["staging"].asks


def test_a_workflow_that_cannot_be_started_waits_visibly() -> None:
    world = proposed(with_workflow())
    world.happens(StageObstructed(world.now, "tests", 1, "workflow_missing", "put ci.yml there"))
    assert "stage_unknown" in world.codes("staging")
    reasons = [reason for root in world.decisions[-1].verdicts["staging"].reasons for reason in root.walk()]
    (blocked,) = [reason for reason in reasons if reason.code.value == "stage_unknown"]
    assert blocked.facts == {"stage": "tests", "code": "workflow_missing", "detail": "put ci.yml there"}


def test_a_run_without_a_number_is_sought_by_our_commit() -> None:
    world = proposed(with_workflow())
    world.happens(WorkflowDispatched(world.now, "tests", 1))
    rules = world.current_policy
    assert isinstance(rules, Policy)
    (sought,) = wanted(world.run, rules, ClockTicked(START)).sought.values()
    assert sought == Sought("ci.yml", "french", START - timedelta(minutes=1), sha=HEAD.sha)
    looks(world, seen("success"))
    assert world.decisions[-1].verdicts["staging"].asks


def test_another_workflow_in_the_gate_file_starts_anew_and_the_old_run_does_not_count() -> None:
    world = looks(running(), seen("failure"))
    world.current_policy = with_workflow("q" * 40, "other.yml")
    looks(world, seen("success"))
    assert "stage_running" in world.codes("staging")
    sent = [effect for effect in world.effects if isinstance(effect, DispatchWorkflow)]
    assert [(effect.workflow, effect.attempt) for effect in sent] == [("ci.yml", 1), ("other.yml", 2)]


def test_what_is_read_for_a_stage_that_is_not_there_changes_nothing() -> None:
    world = running()
    world.workflow_runs["other"] = seen("success")
    before = world.run.stages
    world.tick()
    assert world.run.stages == before


# --- with reports, the reports decide ----------------------------------------------------------------------


def with_reports() -> Policy:
    return replace(policy(), stages=(Stage("tests", WorkflowWork("ci.yml", junit="reports/*.xml")),))


def reporting() -> World:
    world = proposed(with_reports())
    world.happens(WorkflowDispatched(world.now, "tests", 1, 77, LINK))
    return world


def collected(world: World) -> list[CollectReports]:
    return [effect for effect in world.effects if isinstance(effect, CollectReports)]


@pytest.mark.parametrize("conclusion", ["success", "failure"])
def test_the_reports_of_a_workflow_that_ended_are_read_once(conclusion: str) -> None:
    world = looks(looks(reporting(), seen()), seen(conclusion))
    assert collected(world) == [CollectReports("tests", 1, 77, 1, conclusion, "reports/*.xml", None)]
    assert "stage_running" in world.codes("staging")
    rules = world.current_policy
    assert isinstance(rules, Policy)
    assert wanted(world.run, rules, ClockTicked(world.now)).runs == {}
    world.workflow_runs.clear()
    world.passes(60).tick()
    assert len(collected(world)) == 1
    assert world.run.wake_at == START + timedelta(hours=6)
    world.happens(StageEnded(world.now, "tests", 1, passed()))
    assert world.decisions[-1].verdicts["staging"].asks


def test_reports_that_cannot_be_had_are_waited_for_visibly() -> None:
    world = looks(reporting(), seen("success"))
    world.workflow_runs.clear()  # nothing else of it is read meanwhile
    world.happens(StageObstructed(world.now, "tests", 1, "hub_unavailable", "no answer"))
    shown = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "stage:tests"][-1]
    assert "no answer" in shown.title
    world.happens(StageEnded(world.now, "tests", 1, passed()))
    assert world.decisions[-1].verdicts["staging"].asks


def test_what_never_ran_to_an_end_left_no_reports() -> None:
    world = looks(reporting(), seen("cancelled"))
    assert collected(world) == []
    assert "stage_unknown" in world.codes("staging")


def test_reports_of_another_commit_are_not_read() -> None:
    assert collected(looks(reporting(), seen("success", sha="e" * 40))) == []


def test_a_workflow_that_is_run_again_is_judged_by_its_new_reports() -> None:
    world = looks(reporting(), seen("failure"))
    world.happens(StageEnded(world.now, "tests", 1, failed()))
    assert "stage_failed" in world.codes("staging")
    looks(looks(world, seen(attempt=2)), seen("success", attempt=2))
    assert [effect.key for effect in collected(world)] == ["collect:tests:1:1", "collect:tests:1:2"]
    world.happens(StageEnded(world.now, "tests", 1, passed()))
    assert world.decisions[-1].verdicts["staging"].asks
    shown = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "stage:tests"][-1]
    assert f"[The workflow run]({LINK})" in shown.summary


def test_trouble_in_looking_collects_nothing() -> None:
    assert collected(looks(reporting(), Unknown("hub_unavailable", "502"))) == []
