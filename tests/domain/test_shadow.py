"""In shadow a gate is judged and recorded, and holds, asks and releases nothing."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from support.runs import (
    AUTHOR,
    CHANGE,
    MAINTAINER,
    READER,
    REVIEWER,
    World,
    asking,
    failed,
    passed,
    policy,
    proposed,
    unknown_outcome,
)

from gate_app.domain.commands import OBEYED
from gate_app.domain.effects import CreateDeployment, PublishCheckRun, PublishComment
from gate_app.domain.evidence import StageOutcome
from gate_app.domain.learned import current_shipment
from gate_app.domain.policy import ApprovalMode, EscalationRule, Policy, ProtectionRuleRoute
from gate_app.domain.shipping import Shipment
from gate_app.domain.verdict import Verdict, VerdictState

BASE = CHANGE.base_sha


def shadowed(rules: Policy | None = None, **changed: object) -> Policy:
    """The policy with staging in shadow, and nothing after it."""
    rules = rules or policy()
    staging, production = rules.environments
    return replace(
        rules,
        environments=(
            replace(staging, shadow=True, **changed),  # type: ignore[arg-type]  # keyword pass-through
            replace(production, after=None),
        ),
    )


def judged(outcome: StageOutcome | None = None, rules: Policy | None = None) -> World:
    world = proposed(rules or shadowed())
    world.passes(5).stage_ends(outcome=outcome)
    return world


def check(world: World) -> PublishCheckRun:
    shown = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "gate:staging"]
    return shown[-1]


def asked(world: World) -> list[str]:
    comments = [e for e in world.effects if isinstance(e, PublishComment)]
    return [each.body for each in comments if each.surface.startswith("question:staging")]


@pytest.mark.parametrize(
    ("world", "title"),
    [
        (proposed(shadowed()), "In shadow: waiting for tests"),
        (judged(), "In shadow: a person would be asked"),
        (judged(failed()), "In shadow: blocked: tests failed"),
        (judged(unknown_outcome()), "In shadow: waiting: tests came to no verdict"),
        (judged(rules=shadowed(policy(mode=ApprovalMode.NEVER))), "In shadow: it would be released"),
        (judged(rules=shadowed(deploy=ProtectionRuleRoute())), "In shadow: a person would be asked"),
    ],
    ids=["running", "asks", "failed", "unknown", "by itself", "whatever the route"],
)
def test_the_check_run_is_neutral_and_says_what_would_be(world: World, title: str) -> None:
    shown = check(world)
    assert (shown.status, shown.conclusion, shown.title, shown.buttons) == ("completed", "neutral", title, ())
    assert "In shadow: this is judged and recorded" in shown.summary


def test_nobody_is_asked_or_mentioned() -> None:
    world = judged()
    assert asked(world) == []
    assert world.gate("staging").question is None
    assert world.gate("production").question is not None


@pytest.mark.parametrize("mode", [ApprovalMode.ALWAYS, ApprovalMode.NEVER])
@pytest.mark.parametrize("first", [f"/{verb} staging" for verb in OBEYED])
def test_whatever_people_do_nothing_is_released(first: str, mode: ApprovalMode) -> None:
    world = judged(rules=shadowed(policy(mode=mode)))
    for line, person in product(
        (first, "/approve staging", "/deploy staging", "/approve"), (REVIEWER, MAINTAINER, AUTHOR, READER)
    ):
        world.says(person, line)
        world.says(person, f"{line} because it is urgent")
    world.passes(90_000).tick()
    assert world.releases("staging") == []
    assert check(world).conclusion == "neutral"


def test_a_question_that_was_open_is_over_and_its_answers_release_nothing() -> None:
    world = asking()
    world.says(MAINTAINER, "/hold")
    world.says(REVIEWER, "/approve staging")
    world.current_policy = replace(shadowed(), blob_sha="q" * 40)
    world.tick()
    world.says(MAINTAINER, "/resume")
    world.says(MAINTAINER, "/approve staging")
    assert world.releases("staging") == []
    assert "In shadow: a person would be asked" in asked(world)[-1]
    assert "@" not in asked(world)[-1]


def test_leaving_shadow_asks_anew() -> None:
    world = judged()
    world.current_policy = replace(policy(), blob_sha="q" * 40)
    world.tick()
    assert world.gate("staging").question is not None
    assert check(world).conclusion == "action_required"


def test_a_release_that_was_under_way_is_carried_on() -> None:
    world = asking()
    world.says(REVIEWER, "/approve staging")
    world.current_policy = replace(shadowed(), blob_sha="q" * 40)
    world.deploys("staging", passed())
    assert check(world).conclusion == "success"
    assert len([e for e in world.effects if isinstance(e, CreateDeployment)]) == 1


def test_what_ships_is_measured_from_where_the_change_begins_and_no_longer_once_out_of_shadow() -> None:
    rule = EscalationRule(paths=("infra/**",))
    rules = shadowed(policy(mode=ApprovalMode.ESCALATE, escalate_when=(rule,)))
    world = proposed(rules)
    world.shipments["staging"] = Shipment(BASE, False, 1, 0, looked_for=(rule.paths,), lines=3)
    world.passes(5).stage_ends()
    assert check(world).title == "In shadow: it would be released"
    out = replace(rules.environments[0], shadow=False)
    assert current_shipment(world.run, rules.environments[0], world.conditions()) is not None
    assert current_shipment(world.run, out, world.conditions()) is None
    world.current_policy = replace(rules, blob_sha="q" * 40, environments=(out, rules.environments[1]))
    world.tick()
    assert world.releases("staging") == []
    assert "escalation_unknown" in world.codes("staging")


def test_nothing_would_be_where_there_are_no_grounds() -> None:
    assert Verdict("staging", VerdictState.WAITING, ()).beneath.state is VerdictState.WAITING
