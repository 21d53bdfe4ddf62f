"""Each claim of a good token, changed alone and signed again by the issuer itself: nothing is redeemed (case 129)."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support.runs import REVIEWER, World, policy, proposed
from support.tokens import CLAIMS, EXPECTED, KID, NOW, SECONDS, private_key, token

from gate_app.domain.events import DeploymentCreated, WorkflowDispatched
from gate_app.domain.policy import WorkflowRoute
from gate_app.engine.calling import read_call
from gate_app.intake.job_calls import delivery_of_call
from gate_app.trust.oidc import VerifiedClaims, verify

KEYS = {KID: private_key().public_key()}
BINDING = (
    "iss", "aud", "exp", "iat", "nbf", "repository", "repository_id", "repository_owner", "repository_owner_id",
    "run_id", "run_attempt", "workflow_ref", "job_workflow_ref", "event_name", "ref", "ref_type", "environment",
)  # fmt: skip
"""What decides. The rest is for display, or names the token and its commit, which a dispatched run does not share."""
EVENTS = (
    "pull_request", "pull_request_target", "workflow_run", "issue_comment", "issues", "fork", "watch", "release",
    "check_run", "discussion", "delete", "create", "deployment", "status", "page_build", "merge_group",
)  # fmt: skip
REDEEM = {"environment": "staging", "key": "k" * 43}


@pytest.fixture(scope="module")
def released() -> World:
    """Staging was approved, and its workflow dispatched as run 77."""
    rules = policy()
    routed = tuple(replace(each, deploy=WorkflowRoute("deploy.yml")) for each in rules.environments)
    world = proposed(replace(rules, environments=routed))
    world.stage_ends()
    world.says(REVIEWER, "/approve staging")
    world.happens(DeploymentCreated(world.now, "staging", 901))
    world.happens(WorkflowDispatched(world.now, "deploy@staging", 1, 77, ""))
    return world


def redeems(released: World, unverified: str) -> bool:
    """Whether this token takes the grant, the whole way from its text to the decision."""
    claims = verify(unverified, EXPECTED, KEYS, NOW)
    if not isinstance(claims, VerifiedClaims):
        return False
    row = delivery_of_call(claims, "redeem", REDEEM, "t" * 64, SECONDS * 1_000)
    call = read_call(row.body, released.now + timedelta(seconds=1))
    if call.event.job.repository_id != released.run.change.repository.id:
        return False  # it reaches no run of ours: they are looked up by that number
    world = replace(released, effects=[], decisions=[], shown=set(released.shown))
    world.happens(call.event)
    release = world.gate("staging").release
    return release is not None and release.redeemed is not None


def mutants(count: int) -> Any:
    chance = random.Random(20_260_302)  # noqa: S311 - repeatable, no secret
    while count:
        name = chance.choice(BINDING)
        value = _changed(name, CLAIMS[name], chance)
        if value != CLAIMS[name]:
            count -= 1
            yield name, value


def _changed(name: str, value: Any, chance: random.Random) -> Any:
    if name in ("exp", "iat", "nbf"):
        late = chance.randrange(SECONDS + 31, SECONDS + 9_999)
        early = chance.randrange(SECONDS - 9_999, SECONDS - 31)
        return chance.choice([str(value), float(value), None, early if name == "exp" else late])
    if name == "event_name" and chance.random() < 0.5:
        return chance.choice(EVENTS)
    at = chance.randrange(len(value) + 1)
    other = chance.choice("abcXYZ0123456789-_./@: \n\u0430\u0661")
    if name == "iss":  # what signs takes texts alone
        return chance.choice([value[:at] + other + value[at:], value[:at], value + "/", value.upper(), ""])
    made = [
        value[:at] + other + value[at:],
        value[:at] + other + value[at + 1 :],
        value.upper(),
        "",
        7,
        [value],
    ]
    return chance.choice([*made, value[:at], value[::-1], value + "/", " " + value])


def test_the_good_token_redeems(released: World) -> None:
    assert redeems(released, token())


def tried(released: World, count: int) -> None:
    for name, value in mutants(count):
        if name == "environment" and value is None:
            continue
        assert not redeems(released, token(**{name: value})), (name, value)


def test_each_of_a_thousand_claims_changed_alone_redeems_nothing(released: World) -> None:
    tried(released, 1_000)


@pytest.mark.slow
def test_each_of_ten_thousand_claims_changed_alone_redeems_nothing(released: World) -> None:
    tried(released, 10_000)
