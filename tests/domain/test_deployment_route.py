"""A deployment that others carry out: we create it, they set its statuses, we follow the newest that is not ours."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.runs import HEAD, REVIEWER, World, policy, proposed

from gate_app.domain.decide import decide
from gate_app.domain.effects import DispatchWorkflow, ReportDeployment, StartStage
from gate_app.domain.events import ClockTicked, DeploymentCreated
from gate_app.domain.evidence import StageReason
from gate_app.domain.following import wanted, watched
from gate_app.domain.model import Unknown
from gate_app.domain.policy import DeploymentRoute, Policy
from gate_app.domain.run import ReleaseStatus
from gate_app.domain.workflows import DeploymentSeen

DEPLOY = "deploy@staging"


def by_others() -> Policy:
    rules = policy()
    routed = tuple(replace(environment, deploy=DeploymentRoute()) for environment in rules.environments)
    return replace(rules, environments=routed)


def released() -> World:
    world = proposed(by_others())
    world.stage_ends()
    world.says(REVIEWER, "/approve staging")
    world.happens(DeploymentCreated(world.now, "staging", 901))
    return world


def says(world: World, state: str, by: str = "deployer[bot]") -> World:
    world.deployments[DEPLOY] = DeploymentSeen(state, by) if state else DeploymentSeen()
    world.passes(1).tick()
    return world


def reports(world: World) -> list[str]:
    return [effect.state for effect in world.effects if isinstance(effect, ReportDeployment)]


def test_we_create_the_deployment_and_leave_the_rest_to_others() -> None:
    world = released()
    assert watched(world.run) == (("deployment", "901"),)
    rules = world.current_policy
    assert isinstance(rules, Policy)
    assert wanted(world.run, rules, ClockTicked(world.now)).deployments == {DEPLOY: 901}
    ours = [e for e in world.effects if isinstance(e, StartStage | DispatchWorkflow)]
    assert [effect.stage for effect in ours] == ["tests"]
    assert reports(world) == []


def test_a_status_that_was_set_before_we_listened_is_read_at_once() -> None:
    world = proposed(by_others())
    world.stage_ends()
    world.says(REVIEWER, "/approve staging")
    decision = decide(world.run, DeploymentCreated(world.now, "staging", 901), world.conditions())
    assert decision.again
    world.happens(DeploymentCreated(world.now, "staging", 901))
    says(world, "success")
    assert world.environments["staging"].running == HEAD


def test_their_success_is_a_release() -> None:
    world = released()
    for state in ("queued", "pending", "in_progress", "a new word"):
        says(world, state)
        assert world.run.stages[DEPLOY].outcome is None
    says(world, "success")
    release = world.gate("staging").release
    assert release is not None
    assert release.status is ReleaseStatus.HEALTHY
    assert world.environments["staging"].running == HEAD
    assert reports(world) == ["success"]


@pytest.mark.parametrize(
    ("state", "code", "reason"),
    [
        ("failure", "deployment_failed", StageReason.DEPLOYMENT_REPORTED_FAILED),
        ("error", "deployment_failed", StageReason.DEPLOYMENT_REPORTED_FAILED),
        ("inactive", "deployment_unknown", StageReason.DEPLOYMENT_INACTIVE),
    ],
)
def test_what_they_report_otherwise_is_no_release(state: str, code: str, reason: StageReason) -> None:
    world = says(released(), state)
    assert world.codes("staging") == (code,)
    outcome = world.run.stages[DEPLOY].outcome
    assert outcome is not None
    assert outcome.reason is reason
    assert "deployer[bot]" in outcome.detail


def test_a_deployment_that_nobody_reacts_to_is_unknown_after_half_an_hour() -> None:
    world = says(released(), "")
    world.passes(29 * 60).tick()
    assert world.run.stages[DEPLOY].outcome is None
    assert world.run.wake_at == world.run.stages[DEPLOY].started_at + timedelta(minutes=30)
    world.passes(60).tick()
    assert world.codes("staging") == ("deployment_unknown",)
    outcome = world.run.stages[DEPLOY].outcome
    assert outcome is not None
    assert outcome.reason is StageReason.DEPLOYMENT_UNANSWERED


def test_a_deployment_that_never_ends_is_given_up() -> None:
    world = says(released(), "in_progress")
    world.passes(6 * 3600).tick()
    assert world.codes("staging") == ("deployment_unknown",)


def test_a_status_that_cannot_be_read_is_said_and_read_again() -> None:
    world = released()
    world.deployments[DEPLOY] = Unknown("hub_unavailable", "502")
    world.tick()
    assert world.codes("staging") == ("deployment_blocked",)
    says(world, "success")
    assert world.run.stages[DEPLOY].obstacle is None
    late = says(world, "failure")
    assert late.codes("staging") == ("healthy",)


def test_what_is_read_for_a_stage_that_is_not_there_changes_nothing() -> None:
    world = proposed(by_others())
    world.deployments[DEPLOY] = DeploymentSeen("success", "somebody")
    before = world.run.stages
    world.tick()
    assert world.run.stages == before
