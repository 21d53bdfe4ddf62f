"""Which of two policies is stricter: what cannot be shown to be as strict is looser."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from support.runs import TESTS, policy

from gate_app.domain.evidence import Severity
from gate_app.domain.freezes import FreezeWindow
from gate_app.domain.policy import (
    ApprovalMode,
    ApproverLine,
    CommandRoute,
    CommandWork,
    EscalationRule,
    LadderStep,
    OverridePolicy,
    Permission,
    Policy,
    Route,
    Stage,
    WorkflowRoute,
)
from gate_app.domain.probes import Probe, ProbeWork
from gate_app.domain.strictness import Direction, compared

WRITE, MAINTAIN = (ApproverLine(permission=each) for each in (Permission.WRITE, Permission.MAINTAIN))
SRE = ApproverLine(teams=("acme/sre",))
HOUR = timedelta(hours=1)
FIRES = EscalationRule(titles=("x",))
BLOCKS = EscalationRule(labels=("hold",), block="held")
GERMAN, FRENCH = FreezeWindow("UTC", country="DE"), FreezeWindow("UTC", country="FR")
SAME, STRICTER, LOOSER = Direction.SAME, Direction.STRICTER, Direction.LOOSER


def of(**changed: object) -> Policy:
    """One environment, with these keys of it and of its approval."""
    rules = policy()
    staging = rules.environments[0]
    approval = {key: value for key, value in changed.items() if hasattr(staging.approval, key)}
    others = {key: value for key, value in changed.items() if key not in approval}
    staging = replace(staging, approval=replace(staging.approval, **approval), **others)  # type: ignore[arg-type]
    return replace(rules, environments=(staging,))


def direction(before: Policy, after: Policy) -> Direction:
    (found,) = compared(before, after)
    return found.direction


ESCALATING = {"mode": ApprovalMode.ESCALATE}


@pytest.mark.parametrize(
    ("loose", "strict"),
    [
        (of(), of(lines=(WRITE, SRE))),
        (of(), of(lines=(MAINTAIN,))),
        (of(), of(lines=(replace(WRITE, count=2),))),
        (of(lines=(WRITE, SRE)), of(lines=(SRE, MAINTAIN))),
        (of(lines=(replace(SRE, teams=("acme/sre", "acme/ops")),)), of(lines=(SRE,))),
        (of(lines=(SRE,)), of(lines=(replace(SRE, users=("ada",)),))),
        (of(mode=ApprovalMode.NEVER), of()),
        (of(mode=ApprovalMode.NEVER), of(lines=(SRE,))),
        (of(mode=ApprovalMode.NEVER), of(**ESCALATING, escalate_when=(FIRES,))),
        (of(**ESCALATING, escalate_when=(FIRES,)), of()),
        (of(**ESCALATING, escalate_when=(FIRES,)), of(**ESCALATING, escalate_when=(BLOCKS, FIRES))),
        (of(self_approval=True), of()),
        (of(), of(contributors="shipped")),
        (of(expires_after=2 * HOUR), of(expires_after=HOUR)),
        (of(), of(approval_expires_after=HOUR)),
        (of(approval_expires_after=2 * HOUR), of(approval_expires_after=HOUR)),
        (of(escalate_to=(LadderStep(HOUR, SRE),)), of()),
        (of(delegates=(SRE,)), of()),
        (of(freeze=(GERMAN,)), of(freeze=(FRENCH, GERMAN))),
        (of(soak=HOUR), of(soak=2 * HOUR)),
        (of(), of(after="production")),
        (of(), of(monitor=ProbeWork((Probe("https://x.example"),), HOUR))),
        (of(), of(verify=("tests",))),
        (of(needs=()), of()),
        (of(shadow=True), of()),
        (of(override=OverridePolicy(SRE)), of()),
    ],
)
def test_one_is_stricter_and_the_other_way_round_it_is_looser(loose: Policy, strict: Policy) -> None:
    assert direction(loose, strict) is STRICTER
    assert direction(strict, loose) is LOOSER
    assert direction(loose, loose) is SAME


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (of(lines=(WRITE,)), of(lines=(SRE,))),
        (of(lines=(SRE,)), of(lines=(replace(SRE, teams=("acme/ops",)),))),
        (of(lines=(WRITE,)), of(lines=(ApproverLine(any_of=(WRITE, SRE)),))),
        (of(lines=(WRITE,)), of(lines=(replace(WRITE, codeowners=True),))),
        (of(), of(deploy=CommandRoute("other"))),
        (of(), of(paths=("a/**",))),
        (of(), of(rollback=(SRE,))),
        (of(**ESCALATING, escalate_when=(BLOCKS,)), of()),
        (of(**ESCALATING, escalate_when=(FIRES,)), of(**ESCALATING, escalate_when=(BLOCKS,))),
        (of(freeze=(GERMAN,)), of(freeze=(FRENCH,))),
        (of(), replace(of(), stages=(Stage("tests", CommandWork("true")),))),
        (of(), replace(of(), stages=(replace(TESTS, new_findings=Severity.LOW),))),
    ],
)
def test_what_cannot_be_told_is_looser_either_way(one: Policy, other: Policy) -> None:
    assert direction(one, other) is LOOSER
    assert direction(other, one) is LOOSER


@pytest.mark.parametrize(
    "rules",
    [
        of(),
        of(needs=(), verify=("tests",)),
        of(needs=(), **ESCALATING, escalate_when=(EscalationRule(not_passed=("tests",)),)),
    ],
)
def test_a_stage_that_the_environment_looks_at_and_that_does_something_else_is_looser(rules: Policy) -> None:
    (found,) = compared(rules, replace(rules, stages=(Stage("tests", CommandWork("true")),)))
    assert [(each.key, each.direction) for each in found.differences] == [("stages.tests", LOOSER)]


def test_a_stage_that_nothing_looks_at_is_the_same() -> None:
    rules = of(needs=())
    assert direction(rules, replace(rules, stages=(Stage("tests", CommandWork("true")),))) is SAME


def test_reminders_decide_nothing() -> None:
    assert direction(of(), of(remind_after=(HOUR,))) is SAME


@pytest.mark.parametrize("lines", [*permutations((WRITE, SRE, MAINTAIN))])
def test_the_order_of_lines_says_nothing(lines: tuple[ApproverLine, ...]) -> None:
    assert direction(of(lines=(WRITE, MAINTAIN)), of(lines=lines)) is STRICTER


def test_an_environment_that_is_gone_is_looser_and_a_new_one_stricter() -> None:
    one, two = of(), policy()
    added = {each.environment: each.direction for each in compared(one, two)}
    assert added["production"] is STRICTER
    gone = {each.environment: each.direction for each in compared(two, one)}
    assert gone["production"] is LOOSER


def test_what_differs_is_named_as_in_the_gate_file() -> None:
    (found,) = compared(of(), of(lines=(SRE,), mode=ApprovalMode.NEVER))
    assert [each.key for each in found.differences] == ["approval.mode", "approval.approvers"]


EXTRA = Stage("extra", CommandWork("pytest extra", junit="extra.xml"))
FAILING = EscalationRule(failed_over=0)


def counting(*stages: Stage, **changed: object) -> Policy:
    """A rule over failed tests, which looks at every stage that reports some before a deployment."""
    return replace(of(**ESCALATING, escalate_when=(FAILING,), **changed), stages=(TESTS, *stages))


def test_a_stage_whose_failed_tests_no_rule_counts_any_more_is_looser() -> None:
    (gone,) = compared(counting(EXTRA), counting())
    assert [(each.key, each.direction) for each in gone.differences] == [("stages.extra", LOOSER)]
    assert direction(counting(EXTRA), counting(EXTRA, verify=("extra",))) is LOOSER
    assert direction(counting(), counting(EXTRA)) is SAME


def test_a_stage_that_another_environment_has_run_after_its_deployment_is_counted_no_more() -> None:
    before, other = counting(EXTRA), replace(policy().environments[1], verify=("extra",))
    after = replace(before, environments=(*before.environments, other))
    found = {each.environment: each.direction for each in compared(before, after)}
    assert found["staging"] is LOOSER


def test_going_back_without_asking_is_looser_than_no_watch() -> None:
    watched = ProbeWork((Probe("https://x.example"),), HOUR, on_breach="rollback")
    assert direction(of(), of(monitor=watched)) is LOOSER


@pytest.mark.parametrize(
    "added",
    [
        {"mode": ApprovalMode.NEVER},
        {**ESCALATING, "escalate_when": (FIRES,)},
    ],
    ids=["that asks nobody", "that asks at times"],
)
def test_a_new_environment_is_looser(added: dict[str, object]) -> None:
    (new,) = of(**added).environments
    rules = of()
    after = replace(rules, environments=(*rules.environments, replace(new, name="other")))
    found = {each.environment: each.direction for each in compared(rules, after)}
    assert found["other"] is LOOSER


@pytest.mark.parametrize("route", [CommandRoute("deploy"), WorkflowRoute("deploy.yml")])
def test_a_new_environment_that_starts_what_another_one_starts_asks_for_no_less(route: Route) -> None:
    (one,) = of(lines=(SRE,), deploy=route).environments
    before = replace(of(), environments=(one,))
    for lines, expected in (((WRITE,), LOOSER), ((SRE, WRITE), STRICTER)):
        new = replace(one, name="other", approval=replace(one.approval, lines=lines))
        found = {
            each.environment: each.direction
            for each in compared(before, replace(before, environments=(one, new)))
        }
        assert found["other"] is expected


def test_a_new_environment_in_shadow_releases_nothing() -> None:
    (new,) = of(mode=ApprovalMode.NEVER, shadow=True).environments
    after = replace(of(), environments=(*of().environments, replace(new, name="other")))
    assert {each.environment: each.direction for each in compared(of(), after)}["other"] is STRICTER
