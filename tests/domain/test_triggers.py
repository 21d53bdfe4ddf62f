"""Rules over circumstances: what kind of change it is, by whom, when, how sure, and what other stages came to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.runs import AUTHOR, CHANGE, HEAD, MAINTAINER, REVIEWER, World, failed, passed, policy, proposed

from gate_app.domain.conditions import EnvironmentFacts, Head
from gate_app.domain.effects import PublishCheckRun
from gate_app.domain.evidence import Evidence, StageOutcome, StageReason, StageVerdict, TestCounts
from gate_app.domain.kinds import KINDS
from gate_app.domain.model import Unknown
from gate_app.domain.policy import (
    ApprovalMode,
    ApproverLine,
    CommandWork,
    Environment,
    EscalationRule,
    Permission,
    Policy,
    Stage,
)
from gate_app.domain.shipping import Difference, Found, Shipment, shipment_of
from gate_app.domain.worktime import WorkingHours

OFFICE = WorkingHours("Europe/Berlin")
BASE = CHANGE.base_sha


def counted(count: int, truncated: bool = False) -> StageOutcome:
    evidence = Evidence(tests=TestCounts(passed=count), truncated=truncated)
    return StageOutcome(StageVerdict.PASSED, StageReason.TESTS_PASSED, evidence)


def rules_of(rule: EscalationRule) -> Policy:
    file = policy(mode=ApprovalMode.ESCALATE, escalate_when=(rule,))
    return replace(file, stages=(*file.stages, Stage("lint", CommandWork("lint"))))


def judged(
    rule: EscalationRule,
    *,
    outcome: StageOutcome | None = None,
    found: tuple[Found, ...] = (),
    confidence: int | None = None,
    facts: EnvironmentFacts | None = None,
    at_work: dict[str, bool | Unknown] | None = None,
    lint: StageOutcome | None = None,
) -> World:
    """Staging escalates by one rule; its tests have ended, and so has a stage that it does not need."""
    file = rules_of(rule)
    world = proposed(file)
    looked_for = file.environments[0].globs
    shipment = Shipment(BASE, True, 1, 0, looked_for=looked_for, found=found, confidence=confidence)
    world.shipments = dict.fromkeys(("staging", "production"), shipment)
    world.environments["staging"] = facts or EnvironmentFacts("staging")
    world.at_work = at_work or {}
    world.head = Head(HEAD.sha, "main", True, labels=())
    world.stage_ends("lint", lint or passed())
    world.passes(5).stage_ends(outcome=outcome or passed())
    return world


def summary(world: World) -> str:
    shown = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "gate:staging"]
    return shown[-1].summary


COUNTED = EnvironmentFacts("staging", tests=12)
FIRING: dict[str, tuple[EscalationRule, dict[str, Any], str]] = {
    "a manifest changes": (
        EscalationRule(changes=("policy", "dependencies")),
        {"found": (Found(KINDS["dependencies"], "web/package-lock.json"),)},
        "`changes: dependencies`: `web/package-lock.json changes`",
    ),
    "which files change cannot be told": (
        EscalationRule(changes=("workflows",)),
        {"found": (Found(KINDS["workflows"], ""),)},
        "`which files changed cannot be told`",
    ),
    "a stage beside failed": (
        EscalationRule(not_passed=("lint",)),
        {"lint": failed()},
        "`not_passed: lint`: `lint failed`",
    ),
    "a stage beside came to no verdict": (
        EscalationRule(not_passed=("lint",)),
        {"lint": StageOutcome(StageVerdict.UNKNOWN, StageReason.NO_TESTS, Evidence())},
        "`lint came to no verdict`",
    ),
    "a stage that did not run": (EscalationRule(not_passed=("gone",)), {}, "`gone came to no verdict`"),
    "tests are gone": (
        EscalationRule(removed_over=1),
        {"outcome": counted(10), "facts": COUNTED},
        "`removed_tests: > 1`: `2 fewer`",
    ),
    "nobody counted tests before": (
        EscalationRule(removed_over=1),
        {"outcome": counted(10)},
        "`how many there were cannot be told`",
    ),
    "not all tests were read": (
        EscalationRule(removed_over=1),
        {"outcome": counted(12, truncated=True), "facts": COUNTED},
        "`how many there were cannot be told`",
    ),
    "low confidence": (
        EscalationRule(confidence_below=800),
        {"confidence": 799},
        "`confidence: < 0.8`: `0.799 stated`",
    ),
    "no confidence is stated": (EscalationRule(confidence_below=800), {}, "`not every commit states one`"),
    "at night": (
        EscalationRule(outside=OFFICE),
        {"at_work": {OFFICE.shown: False}},
        "`outside_hours: Mon Tue Wed Thu Fri 09:00 to 17:00 Europe/Berlin`: `it is 09:00 UTC`",
    ),
    "invariant 4: hours that cannot be told": (
        EscalationRule(outside=OFFICE),
        {"at_work": {OFFICE.shown: Unknown("calendar_unknown")}},
        "`the calendar cannot be told`",
    ),
    "invariant 4: hours that were not read": (
        EscalationRule(outside=OFFICE),
        {},
        "`the calendar cannot be told`",
    ),
    "a first deployment": (EscalationRule(author_is="new"), {}, "`author_is: new`: `author`"),
}

ROUTINE: dict[str, tuple[EscalationRule, dict[str, Any]]] = {
    "another file": (EscalationRule(changes=("dependencies",)), {}),
    "a stage beside passed": (EscalationRule(not_passed=("lint",)), {}),
    "a test is gone, which one may be": (
        EscalationRule(removed_over=1),
        {"outcome": counted(11), "facts": COUNTED},
    ),
    "enough confidence": (EscalationRule(confidence_below=800), {"confidence": 800}),
    "at work": (EscalationRule(outside=OFFICE), {"at_work": {OFFICE.shown: True}}),
    "somebody known": (
        EscalationRule(author_is="new"),
        {"facts": EnvironmentFacts("staging", authors=(AUTHOR.id,))},
    ),
}


@pytest.mark.parametrize(("rule", "told", "said"), FIRING.values(), ids=FIRING.keys())
def test_a_person_is_asked_and_told_why(rule: EscalationRule, told: dict[str, Any], said: str) -> None:
    world = judged(rule, **told)
    assert not world.releases("staging")
    assert said in summary(world)


@pytest.mark.parametrize(("rule", "told"), ROUTINE.values(), ids=ROUTINE.keys())
def test_what_is_routine_goes_on(rule: EscalationRule, told: dict[str, Any]) -> None:
    assert len(judged(rule, **told).releases("staging")) == 1


def test_a_stage_that_runs_is_waited_for() -> None:
    file = rules_of(EscalationRule(not_passed=("lint",)))
    world = proposed(file)
    shipment = Shipment(BASE, True, 1, 0, looked_for=file.environments[0].globs)
    world.shipments = dict.fromkeys(("staging", "production"), shipment)
    world.passes(5).stage_ends()
    assert not world.releases("staging")
    assert "escalation_unknown" in world.codes("staging")
    world.stage_ends("lint")
    assert len(world.releases("staging")) == 1


def test_evidence_is_waited_for_before_a_rule_over_it_fires_for_good() -> None:
    world = judged(EscalationRule(removed_over=1), outcome=counted(11), facts=COUNTED)
    before = [each.verdicts["staging"].codes for each in world.decisions]
    assert any("escalation_unknown" in codes for codes in before)
    assert len(world.releases("staging")) == 1


def test_a_rule_says_what_it_adds() -> None:
    lines = (ApproverLine(teams=("acme/security",)), ApproverLine(permission=Permission.ADMIN, count=2))
    world = judged(EscalationRule(author_is="new", lines=lines))
    assert "; it also takes `one of acme/security, and 2 people with admin permission`." in summary(world)


def test_whose_release_is_healthy_is_not_new_there_any_more() -> None:
    world = judged(EscalationRule(author_is="new"), outcome=counted(7))
    world.says(REVIEWER, "/approve staging")
    world.deploys("staging")
    facts = world.environments["staging"]
    assert (facts.authors, facts.tests) == ((AUTHOR.id,), 7)
    assert not world.environments.get("production", EnvironmentFacts("production")).authors


def test_what_fired_at_night_asks_in_the_morning_too() -> None:
    world = judged(EscalationRule(outside=OFFICE), at_work={OFFICE.shown: False})
    world.at_work = {OFFICE.shown: True}
    world.passes(3600).tick()
    assert not world.releases("staging")
    world.says(MAINTAINER, "/approve staging")
    assert len(world.releases("staging")) == 1


STATED: dict[str, tuple[Difference, int | None]] = {
    "in every commit, the lowest": (
        Difference(BASE, False, 2, 0, ("A\n\nConfidence: 0.9", "B\n\nconfidence:0.85"), (), 1),
        850,
    ),
    "twice in a squashed commit": (
        Difference(BASE, False, 1, 0, ("A\n\nConfidence: 1\n* b\nConfidence: 0.25\n",), (), 1),
        250,
    ),
    "not in every commit": (Difference(BASE, False, 2, 0, ("A\n\nConfidence: 0.9", "B"), (), 1), None),
    "in words": (Difference(BASE, False, 1, 0, ("A\n\nConfidence: high",), (), 1), None),
    "more than certain": (Difference(BASE, False, 1, 0, ("A\n\nConfidence: 1.5",), (), 1), None),
    "once readable, once not": (
        Difference(BASE, False, 1, 0, ("A\n\nConfidence: 0.9\nConfidence: ?",), (), 1),
        None,
    ),
    "in a sentence": (Difference(BASE, False, 1, 0, ("A with Confidence: 0.9",), (), 1), None),
    "in too few of the commits that are listed": (
        Difference(BASE, False, 2, 0, ("A\n\nConfidence: 0.9",), (), 1),
        None,
    ),
    "while commits go out": (Difference(BASE, False, 1, 1, ("A\n\nConfidence: 0.9",), (), 1), None),
    "while nothing of ours runs there": (
        Difference(BASE, True, 1, 0, ("A\n\nConfidence: 0.9",), (), 1),
        None,
    ),
    "by nothing that ships": (Difference(BASE, False, 0, 0, (), (), 0), None),
}


@pytest.mark.parametrize(("difference", "confidence"), STATED.values(), ids=STATED.keys())
def test_confidence_is_stated_by_each_commit(difference: Difference, confidence: int | None) -> None:
    shipment = shipment_of(difference, Environment("staging"), True, lambda patterns, files: False)
    assert shipment.confidence == confidence
