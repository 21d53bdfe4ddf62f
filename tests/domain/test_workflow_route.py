"""A deploying workflow: dispatched once after the approval, followed to its end, and everything that can keep it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.runs import CHANGE, HEAD, REVIEWER, START, World, passed, policy, proposed

from gate_app.domain.effects import DispatchWorkflow, PublishCheckRun, ReportDeployment, StartStage, StopStage
from gate_app.domain.events import (
    ChangeClosed,
    ClockTicked,
    CommentChanged,
    DeploymentCreated,
    StageEnded,
    StageObstructed,
    WorkflowDispatched,
)
from gate_app.domain.evidence import Evidence, StageOutcome, StageReason, StageVerdict
from gate_app.domain.following import wanted, watched
from gate_app.domain.model import Unknown
from gate_app.domain.policy import CommandRoute, Policy, PolicyProblem, Stage, WorkflowRoute, WorkflowWork
from gate_app.domain.run import ReleaseStatus, StageRole
from gate_app.domain.workflows import Sought, WorkflowSeen, judge_workflow

DEPLOY = "deploy@staging"
LINK = "https://github.com/acme/greeter/actions/runs/77"


def by_workflow(**changed: object) -> Policy:
    rules = policy()
    routed = tuple(replace(e, deploy=WorkflowRoute("deploy.yml"), **changed) for e in rules.environments)  # type: ignore[arg-type]  # keyword pass-through
    return replace(rules, environments=routed)


def seen(conclusion: str = "", attempt: int = 1, sha: str = "d" * 40) -> WorkflowSeen:
    return WorkflowSeen(77, attempt, conclusion, sha, LINK)


def approved(rules: Policy | None = None) -> World:
    """Staging was approved and GitHub has the deployment record."""
    world = proposed(rules or by_workflow())
    world.stage_ends()
    world.says(REVIEWER, "/approve staging")
    world.happens(DeploymentCreated(world.now, "staging", 901))
    return world


def dispatched(world: World | None = None, run: int | None = 77) -> World:
    world = world or approved()
    world.happens(WorkflowDispatched(world.now, DEPLOY, 1, run, LINK if run else ""))
    return world


def looks(world: World, what: WorkflowSeen | Unknown) -> World:
    world.workflow_runs[DEPLOY] = what
    world.passes(1).tick()
    return world


def dispatches(world: World) -> list[DispatchWorkflow]:
    return [effect for effect in world.effects if isinstance(effect, DispatchWorkflow)]


def release_status(world: World) -> ReleaseStatus | None:
    release = world.gate("staging").release
    return release.status if release else None


def test_after_the_approval_the_default_branch_deploys_our_commit() -> None:
    world = approved()
    (sent,) = dispatches(world)
    assert (sent.workflow, sent.branch) == ("deploy.yml", "main")
    assert dict(sent.inputs) == {"sha": HEAD.sha, "gate": "71#1:1:staging"}
    assert not [e for e in world.effects if isinstance(e, StartStage) and e.stage == DEPLOY]


def test_nothing_is_dispatched_before_github_has_the_deployment_record() -> None:
    world = proposed(by_workflow())
    world.stage_ends()
    world.says(REVIEWER, "/approve staging")
    assert dispatches(world) == []


def test_a_run_that_succeeds_is_a_release() -> None:
    world = looks(dispatched(), seen())
    assert release_status(world) is ReleaseStatus.DEPLOYING
    looks(world, seen("success"))
    assert release_status(world) is ReleaseStatus.HEALTHY
    assert world.environments["staging"].running == HEAD
    states = [e.state for e in world.effects if isinstance(e, ReportDeployment)]
    assert states == ["in_progress", "success"]


@pytest.mark.parametrize(
    ("conclusion", "code"),
    [
        ("failure", "deployment_failed"),
        ("timed_out", "deployment_failed"),
        ("startup_failure", "deployment_failed"),
        ("cancelled", "deployment_unknown"),
        ("skipped", "deployment_unknown"),
        ("a new word", "deployment_unknown"),
    ],
)
def test_a_run_that_does_not_succeed_is_no_release(conclusion: str, code: str) -> None:
    world = looks(dispatched(), seen(conclusion))
    assert world.codes("staging") == (code,)
    assert world.environments["staging"].busy_with is None
    assert [e.state for e in world.effects if isinstance(e, ReportDeployment)][-1] == "failure"


def test_the_run_of_a_deployment_may_be_on_any_commit_of_the_default_branch() -> None:
    assert judge_workflow(seen("success"), "deploy.yml") == judge_workflow(
        seen("success", sha="e" * 40), "deploy.yml"
    )


def test_the_run_is_linked_while_it_runs_and_afterwards() -> None:
    world = looks(dispatched(), seen())
    looks(world, seen("success"))
    shown = [
        e.summary for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == f"stage:{DEPLOY}"
    ]
    assert any(f"[The workflow run]({LINK})" in summary for summary in shown[:-1])
    assert f"[`deploy.yml`]({LINK}): `success`" in shown[-1]


def test_the_run_is_watched_and_looked_at_ever_more_rarely() -> None:
    world = looks(dispatched(), seen())
    assert ("workflow_run", "77") in watched(world.run)
    assert world.run.wake_at == world.now + timedelta(minutes=1)
    world.passes(600).tick()
    assert world.run.wake_at == world.now + timedelta(seconds=601)
    looks(world, seen("success"))
    assert watched(world.run) == ()


def test_a_comment_costs_no_look_at_what_only_runs() -> None:
    world = dispatched()
    rules = world.current_policy
    assert isinstance(rules, Policy)
    assert wanted(world.run, rules, ClockTicked(START)).runs == {DEPLOY: 77}
    assert wanted(world.run, rules, CommentChanged(START, 1, 1, "edited")).runs == {}


def test_a_run_that_cannot_be_read_is_said_and_read_again() -> None:
    world = looks(dispatched(), Unknown("hub_unavailable", "502"))
    assert world.codes("staging") == ("deployment_blocked",)
    assert world.run.wake_at == world.now + timedelta(seconds=30)
    looks(world, seen("success"))
    assert release_status(world) is ReleaseStatus.HEALTHY


def test_a_run_that_never_ends_is_given_up_and_left_alone() -> None:
    world = looks(dispatched(), seen())
    world.passes(6 * 3600).tick()
    assert world.codes("staging") == ("deployment_unknown",)
    assert not [e for e in world.effects if isinstance(e, StopStage)]


def test_a_change_that_is_merged_meanwhile_goes_on_being_deployed() -> None:
    world = looks(dispatched(), seen())
    world.happens(ChangeClosed(world.now, merged=True))
    looks(world, seen("success"))
    assert release_status(world) is ReleaseStatus.HEALTHY


# --- a run whose number GitHub does not tell --------------------------------------------------------------


def test_a_run_without_a_number_is_sought_by_the_gate_that_it_was_given() -> None:
    world = dispatched(run=None)
    rules = world.current_policy
    assert isinstance(rules, Policy)
    (sought,) = wanted(world.run, rules, ClockTicked(START)).sought.values()
    began = world.run.stages[DEPLOY].started_at
    assert sought == Sought("deploy.yml", "main", began - timedelta(minutes=1), "71#1:1:staging")
    assert world.run.wake_at == world.now + timedelta(seconds=10)
    looks(world, seen())
    assert watched(world.run) == (("workflow_run", "77"),)


def test_a_run_that_never_shows_up_is_unknown_and_not_dispatched_again() -> None:
    world = looks(dispatched(run=None), Unknown("not_there"))
    assert release_status(world) is ReleaseStatus.DEPLOYING
    world.passes(600).tick()
    assert world.codes("staging") == ("deployment_unknown",)
    assert world.run.stages[DEPLOY].outcome is not None
    assert world.run.stages[DEPLOY].outcome.reason is StageReason.WORKFLOW_RUN_MISSING
    assert len(dispatches(world)) == 1


def test_runs_that_cannot_be_told_apart_wait_for_a_person() -> None:
    world = looks(dispatched(run=None), Unknown("workflow_run_ambiguous", "2 runs may be ours"))
    world.passes(3600).tick()
    assert world.codes("staging") == ("deployment_blocked",)


# --- what keeps it ----------------------------------------------------------------------------------------


def test_a_route_that_is_blocked_is_said_before_anybody_is_asked() -> None:
    world = proposed(by_workflow())
    world.obstacles["staging"] = Unknown("workflow_missing", "put deploy.yml on the default branch")
    world.stage_ends()
    assert world.gate("staging").question is None
    assert "route_blocked" in world.codes("staging")
    assert world.run.wake_at == world.now + timedelta(minutes=10)
    del world.obstacles["staging"]
    world.passes(600).tick()
    assert world.decisions[-1].verdicts["staging"].asks


def test_a_route_that_cannot_be_read_is_looked_at_again_soon() -> None:
    world = proposed(by_workflow())
    world.obstacles["staging"] = Unknown("hub_unavailable", "502")
    world.stage_ends()
    assert world.run.wake_at == world.now + timedelta(seconds=5)


def test_the_route_is_asked_about_once_its_stages_are_done_and_until_the_question() -> None:
    world = proposed(by_workflow())
    rules = world.current_policy
    assert isinstance(rules, Policy)
    tick = ClockTicked(START)
    assert wanted(world.run, rules, tick).routes == {}
    world.run = world.run.with_stage(
        replace(
            world.run.stages["tests"],
            status=dispatched().run.stages["tests"].status,
            outcome=passed(),
        )
    )
    assert wanted(world.run, rules, tick).routes == {"staging": "deploy.yml", "production": "deploy.yml"}
    world.tick()
    assert wanted(world.run, rules, tick).routes == {"production": "deploy.yml"}
    world.happens(ChangeClosed(world.now, merged=False))
    assert wanted(world.run, rules, tick).routes == {}


def test_a_refused_dispatch_is_shown_with_its_fix_and_goes_on_when_it_is_mended() -> None:
    world = approved()
    fix = "grant the App `actions: write`"
    world.happens(StageObstructed(world.now, DEPLOY, 1, "permission_missing", fix))
    assert world.codes("staging") == ("deployment_blocked",)
    shown = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == f"stage:{DEPLOY}"][
        -1
    ]
    assert "permission_missing" in shown.summary
    assert shown.title.startswith("Waiting: ")
    assert shown.status == "in_progress"
    dispatched(world)
    assert world.run.stages[DEPLOY].obstacle is None
    looks(world, seen("success"))
    assert release_status(world) is ReleaseStatus.HEALTHY


def test_an_obstacle_of_another_attempt_or_after_the_dispatch_changes_nothing() -> None:
    world = dispatched()
    before = world.run.stages
    for stage, attempt in ((DEPLOY, 1), (DEPLOY, 2), ("nothing", 1)):
        world.happens(StageObstructed(world.now, stage, attempt, "permission_missing", ""))
        world.happens(WorkflowDispatched(world.now, stage, attempt, 99))
    assert world.run.stages == before


def test_a_dispatch_that_was_given_up_fails_the_release() -> None:
    world = approved()
    gone = StageOutcome(StageVerdict.UNKNOWN, StageReason.PERMISSION_MISSING, Evidence(), "refused")
    world.happens(StageEnded(world.now, DEPLOY, 1, gone))
    assert world.codes("staging") == ("deployment_failed",)


def test_a_dispatch_that_stays_in_doubt_is_unknown() -> None:
    world = approved()
    gone = StageOutcome(StageVerdict.UNKNOWN, StageReason.WORKFLOW_RUN_AMBIGUOUS, Evidence(), "two")
    world.happens(StageEnded(world.now, DEPLOY, 1, gone))
    assert world.codes("staging") == ("deployment_unknown",)


def test_a_run_of_an_earlier_version_knows_no_default_branch_and_says_so() -> None:
    world = proposed(by_workflow(), change=replace(CHANGE, default_branch=""))
    world.stage_ends()
    world.says(REVIEWER, "/approve staging")
    world.happens(DeploymentCreated(world.now, "staging", 901))
    assert dispatches(world) == []
    assert world.codes("staging") == ("deployment_failed",)


# --- verifying by a workflow, and policies that move on ----------------------------------------------------


def verified() -> Policy:
    rules = by_workflow(verify=("smoke",))
    smoke = Stage("smoke", WorkflowWork("smoke.yml"))
    return replace(rules, stages=(*rules.stages, smoke))


def test_a_workflow_verifies_the_deployment_on_our_commit() -> None:
    world = looks(dispatched(approved(verified())), seen("success"))
    sent = dispatches(world)[-1]
    assert (sent.stage, sent.role, sent.branch, dict(sent.inputs)) == (
        "smoke@staging",
        StageRole.VERIFY,
        "french",
        {},
    )
    world.happens(WorkflowDispatched(world.now, "smoke@staging", 1, 78))
    world.workflow_runs["smoke@staging"] = WorkflowSeen(78, 1, "success", HEAD.sha)
    world.tick()
    assert release_status(world) is ReleaseStatus.HEALTHY


def test_a_verification_that_never_ends_is_cancelled() -> None:
    world = looks(dispatched(approved(verified())), seen("success"))
    world.happens(WorkflowDispatched(world.now, "smoke@staging", 1, 78))
    world.passes(6 * 3600).tick()
    assert StopStage("smoke@staging", 1) in world.effects
    assert world.codes("staging") == ("verification_unknown",)


def test_a_run_goes_on_being_followed_when_its_policy_says_something_else() -> None:
    world = dispatched(run=None)
    rules = by_workflow()
    other = tuple(replace(e, deploy=CommandRoute("deploy")) for e in rules.environments)
    world.current_policy = replace(rules, blob_sha="q" * 40, environments=other)
    world.tick()
    assert wanted(world.run, world.current_policy, ClockTicked(START)).sought == {}
    looks(world, seen("success"))
    assert release_status(world) is ReleaseStatus.HEALTHY


def test_a_policy_that_broke_keeps_a_deployment_in_view() -> None:
    world = dispatched()
    world.current_policy = PolicyProblem("policy_invalid", "broken")
    world.run = replace(world.run, policy=world.current_policy)
    looks(world, seen("success"))
    outcome = world.run.stages[DEPLOY].outcome
    assert outcome is not None
    assert outcome.evidence.checks[0].name == "workflow"
