"""Rules over what reports say: tests that failed beside, tests that flake, lines that are covered no more."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.runs import CHANGE, HEAD, REVIEWER, World, passed, policy, proposed, unknown_outcome

from gate_app.domain.brief import counts, recommendation
from gate_app.domain.conditions import EnvironmentFacts, Head
from gate_app.domain.effects import PublishCheckRun
from gate_app.domain.evidence import (
    Coverage,
    Evidence,
    StageOutcome,
    StageReason,
    StageVerdict,
    TestCounts,
    digest,
)
from gate_app.domain.policy import ApprovalMode, CommandWork, EscalationRule, Policy, Stage
from gate_app.domain.shipping import Shipment
from gate_app.domain.strictness import compared

BASE = CHANGE.base_sha
UNIT = Stage("tests", CommandWork("pytest", junit="j.xml", coverage="c.xml"))
SLOW = Stage("slow", CommandWork("slow", junit="s.xml"))
MEASURED = EnvironmentFacts("staging", coverage=Coverage(1_000, 800))


def rules_of(rule: EscalationRule) -> Policy:
    file = policy(mode=ApprovalMode.ESCALATE, escalate_when=(rule,))
    return replace(file, stages=(UNIT, SLOW))


def found(
    tests: TestCounts | None = None,
    coverage: Coverage | None = None,
    *,
    verdict: StageVerdict = StageVerdict.PASSED,
    truncated: bool = False,
) -> StageOutcome:
    evidence = Evidence(tests=tests, coverage=coverage, truncated=truncated)
    return StageOutcome(verdict, StageReason.TESTS_PASSED, evidence)


def judged(
    rule: EscalationRule,
    unit: StageOutcome,
    slow: StageOutcome | None = None,
    facts: EnvironmentFacts | None = None,
    file: Policy | None = None,
) -> World:
    """Staging needs `tests` and escalates by one rule; `slow` runs beside it."""
    world = proposed(file or rules_of(rule))
    shipment = Shipment(BASE, True, 1, 0)
    world.shipments = dict.fromkeys(("staging", "production"), shipment)
    world.environments["staging"] = facts or EnvironmentFacts("staging")
    world.head = Head(HEAD.sha, "main", True, labels=())
    if "slow" in world.run.stages:
        world.stage_ends("slow", slow or passed())
    world.passes(5).stage_ends(outcome=unit)
    return world


def summary(world: World) -> str:
    shown = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "gate:staging"]
    return shown[-1].summary


FLAKY = EscalationRule(flaky_over=0)
FAILING = EscalationRule(failed_over=2)
DROP = EscalationRule(coverage_over=500)
CLEAN = TestCounts(passed=9, flaky=0)
BROKEN = StageVerdict.FAILED

FIRING = {
    "a test is flaky": (
        FLAKY,
        found(TestCounts(passed=9, flaky=1)),
        None,
        None,
        "`flaky_tests: > 0`: `1 flaky`",
    ),
    "invariant 4: nobody counted flaky tests": (
        FLAKY,
        found(TestCounts(passed=9)),
        None,
        None,
        "how many are flaky cannot be told",
    ),
    "invariant 4: no tests": (FLAKY, found(), None, None, "how many are flaky cannot be told"),
    "case 171: not all was read": (FLAKY, found(CLEAN, truncated=True), None, None, "cannot be told"),
    "tests failed beside": (
        FAILING,
        found(CLEAN),
        found(TestCounts(passed=1, failed=2, errors=1), verdict=BROKEN),
        None,
        "`failed_tests: > 2`: `3 failed`",
    ),
    "case 171: not all that failed was read": (
        FAILING,
        found(CLEAN),
        found(CLEAN, truncated=True),
        None,
        "how many failed cannot be told",
    ),
    "case 173: a stage beside came to no verdict": (
        FAILING,
        found(CLEAN),
        unknown_outcome(),
        None,
        "how many failed cannot be told",
    ),
    "a stage beside counted nothing": (
        FAILING,
        found(CLEAN),
        found(),
        None,
        "how many failed cannot be told",
    ),
    "coverage drops": (
        DROP,
        found(CLEAN, Coverage(1_000, 794)),
        None,
        MEASURED,
        "`coverage_drop: > 0.5`: `79.4 % of lines covered, and 80.0 % of lines covered of what runs there`",
    ),
    "nobody measured what runs there": (
        DROP,
        found(CLEAN, Coverage(1_000, 999)),
        None,
        None,
        "what runs there was not measured",
    ),
    "case 171: nobody measured now": (
        DROP,
        found(CLEAN),
        None,
        MEASURED,
        "how many lines are covered cannot be told",
    ),
}
ROUTINE = {
    "no test is flaky": (FLAKY, found(CLEAN), None, None),
    "as many failed beside as may": (
        FAILING,
        found(CLEAN),
        found(TestCounts(failed=2), verdict=BROKEN),
        None,
    ),
    "coverage drops by as much as it may": (DROP, found(CLEAN, Coverage(1_000, 795)), None, MEASURED),
    "coverage rises": (DROP, found(CLEAN, Coverage(10, 9)), None, MEASURED),
}


@pytest.mark.parametrize(("rule", "unit", "slow", "facts", "said"), FIRING.values(), ids=FIRING.keys())
def test_a_person_is_asked_and_told_why(
    rule: EscalationRule,
    unit: StageOutcome,
    slow: StageOutcome | None,
    facts: EnvironmentFacts | None,
    said: str,
) -> None:
    world = judged(rule, unit, slow or found(CLEAN), facts)
    assert not world.releases("staging")
    assert said in summary(world)


@pytest.mark.parametrize(("rule", "unit", "slow", "facts"), ROUTINE.values(), ids=ROUTINE.keys())
def test_what_is_routine_goes_on(
    rule: EscalationRule, unit: StageOutcome, slow: StageOutcome | None, facts: EnvironmentFacts | None
) -> None:
    assert len(judged(rule, unit, slow or found(CLEAN), facts).releases("staging")) == 1


def test_a_rule_of_a_floor_over_failed_tests_asks_where_nothing_reports_tests() -> None:
    file = replace(rules_of(FAILING), stages=(Stage("tests", CommandWork("make")),))
    world = judged(FAILING, passed(), file=file)
    assert not world.releases("staging")
    assert "how many failed cannot be told" in summary(world)


def test_a_stage_beside_that_runs_is_waited_for() -> None:
    world = proposed(rules_of(FAILING))
    world.shipments = dict.fromkeys(("staging", "production"), Shipment(BASE, True, 1, 0))
    world.passes(5).stage_ends(outcome=found(CLEAN))
    assert "escalation_unknown" in world.codes("staging")
    world.stage_ends("slow", found(CLEAN))
    assert len(world.releases("staging")) == 1


def test_what_a_release_covers_is_what_the_next_change_is_compared_with() -> None:
    world = judged(DROP, found(CLEAN, Coverage(10, 9)), found(CLEAN))
    world.says(REVIEWER, "/approve staging")
    world.deploys("staging")
    assert world.environments["staging"].coverage == Coverage(10, 9)


def test_a_stage_that_fails_measures_nothing() -> None:
    outcome = found(CLEAN, Coverage(10, 9), verdict=StageVerdict.UNKNOWN)
    assert "how many lines are covered cannot be told" in summary(judged(DROP, outcome, facts=MEASURED))


def test_coverage_and_flaky_tests_are_evidence_and_older_evidence_keeps_its_digest() -> None:
    before = found(TestCounts(passed=9)).evidence
    assert digest(before) == digest(found(CLEAN).evidence)
    assert digest(before) != digest(found(TestCounts(passed=9, flaky=1)).evidence)
    assert digest(before) != digest(replace(before, coverage=Coverage(2, 1)))
    assert counts(found(TestCounts(passed=9, flaky=2), Coverage(3, 2)).evidence) == (
        "9 passed, 2 flaky · 66.6 % of lines covered"
    )


def test_who_decides_is_pointed_to_flaky_tests() -> None:
    world = judged(FLAKY, found(TestCounts(passed=9, flaky=1)))
    (environment, _) = world.current_policy.environments if isinstance(world.current_policy, Policy) else ()
    said = recommendation(world.run, environment, world.decisions[-1].verdicts["staging"])
    assert said == "look at 1 flaky test first."


def test_of_nothing_nothing_is_covered() -> None:
    assert Coverage(0, 0).shown == "0.0 % of lines covered"


def test_a_stage_beside_that_changes_makes_a_rule_over_failed_tests_looser() -> None:
    before = rules_of(FAILING)
    after = replace(before, stages=(UNIT, replace(SLOW, work=CommandWork("true", junit="s.xml"))))
    assert ("stages.slow", "looser") in [
        (each.key, each.direction) for each in compared(before, after)[0].differences
    ]
