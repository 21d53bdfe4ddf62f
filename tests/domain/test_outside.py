"""A deployment that no release of ours brought there is seen, said and journalled, and holds nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.runs import HEAD, MAINTAINER, START, World, asking, policy, proposed

from gate_app.domain.conditions import EnvironmentFacts
from gate_app.domain.effects import PublishCheckRun, PublishComment
from gate_app.domain.events import DeployedByOthers
from gate_app.domain.model import Content, Unknown
from gate_app.domain.outside import KEPT, there_now
from gate_app.domain.policy import Policy, PolicyProblem, WorkflowRoute

OTHER = "e" * 40


def deployed(
    world: World, environment: str = "staging", sha: str = OTHER, number: int = 9, job: int = 0
) -> tuple[int, ...]:
    """GitHub tells of a deployment by others; the numbers that are known of afterwards."""
    world.passes(1)
    world.happens(DeployedByOthers(world.now, environment, number, sha, MAINTAINER, job))
    return tuple(each.id for each in world.environments.get("staging", EnvironmentFacts("staging")).outside)


def said(world: World) -> str:
    shown = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "gate:staging"]
    status = [e for e in world.effects if isinstance(e, PublishComment) and e.surface == "status"]
    return f"{shown[-1].summary}\n{status[-1].body}"


def with_staging(rules: Policy, **changes: object) -> Policy:
    staging, production = rules.environments
    return replace(rules, environments=(replace(staging, **changes), production))  # type: ignore[arg-type]  # keyword pass-through


def test_it_is_shown_where_the_environment_is_named_and_holds_nothing() -> None:
    world = asking()
    assert deployed(world) == (9,)
    assert (
        said(world).count("`staging` was released to outside the gate: `eeeeeeeeeeee` by `maintainer`") == 2
    )
    assert world.decisions[-1].verdicts["staging"].asks
    world.says(MAINTAINER, "/approve staging")
    assert world.releases("staging")


def test_it_is_known_once_and_only_the_newest_are_kept() -> None:
    world = asking()
    deployed(world)
    assert deployed(world) == (9,)
    for number in range(10, 20):
        found = deployed(world, number=number)
    assert found == tuple(range(19, 19 - KEPT, -1))


def test_names_of_environments_are_compared_as_github_does() -> None:
    assert deployed(asking(), "Staging") == (9,)
    assert deployed(asking(), "review/pr-7") == ()


def test_what_was_released_there_through_the_gate_is_covered() -> None:
    world = asking()
    world.environments["staging"] = EnvironmentFacts("staging", 3, Content(OTHER, "f" * 40))
    assert deployed(world) == ()
    assert deployed(world, sha="d" * 40) == (9,)


def test_an_older_commit_that_once_passed_there_is_not() -> None:
    world = asking()
    old, new = Content(OTHER, "f" * 40), Content("d" * 40, "0" * 40)
    world.environments["staging"] = EnvironmentFacts("staging", 3, new, verified=(new, old))
    assert deployed(world) == (9,)


@pytest.mark.parametrize(
    ("route", "job", "known"),
    [("workflow", 55, ()), ("workflow", 0, (9,)), ("command", 55, (9,))],
    ids=["the job of a release", "somebody by hand meanwhile", "a workflow where none releases"],
)
def test_while_a_release_is_on_its_way_its_job_may_be_unknown(
    route: str, job: int, known: tuple[int, ...]
) -> None:
    rules = with_staging(policy(), deploy=WorkflowRoute("deploy.yml")) if route == "workflow" else policy()
    world = asking(rules)
    world.environments["staging"] = EnvironmentFacts("staging", 3, busy_with="71#2:1:staging")
    assert deployed(world, job=job) == known


def test_others_deploy_in_shadow() -> None:
    assert deployed(asking(with_staging(policy(), shadow=True))) == ()


def test_the_gate_file_of_now_says_what_is_gated_and_else_that_of_the_run() -> None:
    world = asking()
    world.current_policy = Unknown("hub_unavailable")
    assert deployed(world) == (9,)
    broken = proposed(PolicyProblem("policy_invalid", "line 1"))
    assert deployed(broken) == ()


def test_the_next_release_through_the_gate_ends_the_warning() -> None:
    world = asking()
    deployed(world)
    assert there_now("staging", world.conditions()) is not None
    seen = world.environments["staging"]
    later = {HEAD.sha: world.now + timedelta(hours=1)}
    world.environments["staging"] = replace(seen, running=HEAD, healthy_since=later)
    assert there_now("staging", world.conditions()) is None
    world.environments["staging"] = replace(seen, running=HEAD, healthy_since={HEAD.sha: START})
    assert there_now("staging", world.conditions()) is not None
