"""The plan is changed by people until somebody else approves it, and what is approved is what is deployed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.runs import (
    AUTHOR,
    MAINTAINER,
    READER,
    REVIEWER,
    ROBOT,
    World,
    asking,
    policy,
    proposed,
)

from gate_app.domain.effects import CreateDeployment, DispatchWorkflow, PublishComment, StartStage
from gate_app.domain.events import DeploymentCreated
from gate_app.domain.model import Person
from gate_app.domain.parameters import Parameter
from gate_app.domain.planning import MAX_MODIFICATIONS
from gate_app.domain.policy import ApproverLine, Permission, Policy, WorkflowRoute

PERCENT = Parameter("percent", "integer", "100", minimum=1, maximum=100)
STRATEGY = Parameter("strategy", "choice", "rolling", ("rolling", "canary"))
TWO = ApproverLine(permission=Permission.WRITE, count=2)
DEFAULTS = {"percent": "100", "strategy": "rolling"}


def declared(*lines: ApproverLine) -> Policy:
    """Both environments take a percentage and a strategy."""
    return policy(*lines, parameters=(PERCENT, STRATEGY))


def for_staging_alone() -> Policy:
    file = declared()
    staging, production = file.environments
    plain = replace(production, approval=policy().environments[1].approval)
    return replace(file, environments=(staging, plain))


def asked() -> World:
    return asking(declared())


def question(world: World, number: int = 1) -> str:
    surface = f"question:staging:{number}"
    bodies = [e.body for e in world.effects if isinstance(e, PublishComment) and e.surface == surface]
    return bodies[-1] if bodies else ""


def deployed(world: World) -> CreateDeployment:
    (release,) = world.releases("staging")
    return release


def test_the_question_shows_the_plan_with_its_defaults_and_the_release_takes_them() -> None:
    world = asked()
    assert "**Plan**, version 1:" in question(world)
    assert "`percent`: `100`" in question(world)
    world.says(REVIEWER, "/approve staging")
    assert deployed(world).parameters == DEFAULTS


def test_a_changed_plan_is_asked_about_anew_with_what_was_before() -> None:
    world = asked()
    world.says(REVIEWER, "/modify staging percent=10")
    assert "`percent`: `10` (usually `100`)" in question(world, 2)
    assert "version 2, changed by `reviewer`" in question(world, 2)
    world.says(MAINTAINER, "/approve staging")
    assert deployed(world).parameters == {"percent": "10", "strategy": "rolling"}


def test_case_160_answers_to_the_plan_before_are_void() -> None:
    world = asking(declared(TWO))
    world.says(REVIEWER, "/approve staging")
    world.says(AUTHOR, "/modify staging strategy=canary")
    world.says(MAINTAINER, "/approve staging")
    assert not world.releases("staging")
    world.says(REVIEWER, "/approve staging")
    assert deployed(world).parameters["strategy"] == "canary"


def test_case_054_whoever_changed_the_plan_does_not_approve_it() -> None:
    world = asked()
    world.says(REVIEWER, "/modify staging percent=10")
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")
    assert "self_approval" in world.replies()[-1]


def test_a_second_change_keeps_the_first_and_both_have_contributed() -> None:
    world = asked()
    world.says(REVIEWER, "/modify staging percent=10")
    world.says(MAINTAINER, "/modify staging strategy=canary percent=20")
    assert "`percent`: `20` (usually `100`)" in question(world, 3)
    assert "changed by `reviewer`, `maintainer`" in question(world, 3)
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")


def test_a_denial_is_not_the_end_of_a_plan() -> None:
    world = asked()
    world.says(REVIEWER, "/deny staging too many at once")
    assert world.state("staging") == "denied"
    world.says(AUTHOR, "/modify staging percent=10")
    assert world.state("staging") == "waiting"
    assert "`percent`: `10`" in question(world, 2)
    assert "An earlier version of the plan was denied by `reviewer`: `too many at once`" in question(world, 2)
    world.says(AUTHOR, "/approve staging")
    assert not world.releases("staging")
    world.says(REVIEWER, "/approve staging")
    assert deployed(world).parameters["percent"] == "10"


def test_the_plan_is_changed_before_anything_is_asked() -> None:
    world = proposed(declared())
    world.says(REVIEWER, "/modify staging percent=10")
    world.passes(5).stage_ends()
    assert "`percent`: `10`" in question(world)


REFUSALS = {
    "a value out of bounds": (REVIEWER, "/modify staging percent=0", "parameter_invalid"),
    "a word for a number": (REVIEWER, "/modify staging percent=ten", "parameter_invalid"),
    "another strategy": (REVIEWER, "/modify staging strategy=blue", "parameter_invalid"),
    "a parameter that is not declared": (REVIEWER, "/modify staging size=3", "parameter_unknown"),
    "what is there already": (REVIEWER, "/modify staging percent=100", "parameters_unchanged"),
    "no environment, where two have parameters": (REVIEWER, "/modify percent=10", "environment_ambiguous"),
    "an environment that is none": (REVIEWER, "/modify nowhere percent=10", "environment_unknown"),
    "nothing": (REVIEWER, "/modify staging", "text_missing"),
    "a key twice": (REVIEWER, "/modify staging percent=1 percent=2", "command_malformed"),
    "a word among the values": (REVIEWER, "/modify staging percent=1 please", "command_malformed"),
    "somebody who may not write": (READER, "/modify staging percent=10", "not_permitted"),
    "an approval that changes": (REVIEWER, "/approve staging percent=10", "parameters_undeclared"),
}


@pytest.mark.parametrize(("person", "line", "code"), REFUSALS.values(), ids=REFUSALS)
def test_the_plan_stays_as_it_is(person: Person, line: str, code: str) -> None:
    world = asked()
    world.says(person, line)
    assert code in world.replies()[-1]
    assert not world.gate("staging").modifications
    world.says(MAINTAINER, "/approve staging")
    assert deployed(world).parameters == DEFAULTS


def test_case_162_what_a_parameter_takes_is_said_and_what_was_typed_is_not() -> None:
    world = asked()
    world.says(REVIEWER, "/modify staging percent=ghp_0123456789")
    assert "`percent` takes a whole number from 1 to 100." in world.replies()[-1]
    assert "ghp_" not in world.replies()[-1]


def test_a_robot_changes_no_plan() -> None:
    world = asked()
    world.says(ROBOT, "/modify staging percent=10")
    assert not world.gate("staging").modifications


def test_where_one_environment_has_parameters_it_need_not_be_named() -> None:
    world = asking(for_staging_alone())
    world.says(REVIEWER, "/modify percent=10")
    assert world.gate("staging").modifications
    world.says(REVIEWER, "/modify production percent=10")
    assert "parameter_unknown" in world.replies()[-1]


@pytest.mark.parametrize("ending", ["released", "expired"])
def test_it_is_too_late_to_change_what_is_decided(ending: str) -> None:
    world = asked()
    if ending == "released":
        world.says(REVIEWER, "/approve staging")
    else:
        world.passes(49 * 3600).tick()
    world.says(MAINTAINER, "/modify staging percent=10")
    assert "too_late" in world.replies()[-1]


def test_invariant_11_a_plan_is_changed_so_often_and_no_more() -> None:
    world = asked()
    for number in range(MAX_MODIFICATIONS):
        world.says(REVIEWER, f"/modify staging percent={number % 9 + 1}")
    world.says(REVIEWER, "/modify staging percent=99")
    assert "parameters_spent" in world.replies()[-1]


def test_a_deployment_command_is_told_what_was_approved() -> None:
    world = asked()
    world.says(REVIEWER, "/modify staging percent=10")
    world.says(MAINTAINER, "/approve staging")
    world.deploys("staging")
    (started,) = [e for e in world.effects if isinstance(e, StartStage) and e.stage == "deploy@staging"]
    assert started.parameters == {"percent": "10", "strategy": "rolling"}
    assert all(not e.parameters for e in world.effects if isinstance(e, StartStage) and e is not started)


def test_a_deploying_workflow_gets_them_as_inputs_and_ours_cannot_be_replaced() -> None:
    file = declared()
    staging, production = file.environments
    by_workflow = replace(staging, deploy=WorkflowRoute("deploy.yml"))
    world = asking(replace(file, environments=(by_workflow, production)))
    world.says(REVIEWER, "/modify staging percent=10")
    world.says(MAINTAINER, "/approve staging")
    world.happens(DeploymentCreated(world.now, "staging", 900))
    (sent,) = [e for e in world.effects if isinstance(e, DispatchWorkflow)]
    ours = {"sha": world.run.change.head.sha, "gate": world.run.release_id("staging")}
    assert sent.inputs == {"percent": "10", "strategy": "rolling", **ours}
