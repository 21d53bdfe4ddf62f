"""Going on by itself while a change is routine, and asking a person when a rule says that it is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.runs import (
    AUTHOR,
    CHANGE,
    HEAD,
    MAINTAINER,
    REVIEWER,
    ROBOT,
    World,
    passed,
    policy,
    proposed,
)

from gate_app.domain.conditions import EnvironmentFacts, Head
from gate_app.domain.effects import PublishCheckRun, PublishComment
from gate_app.domain.evidence import (
    Evidence,
    Finding,
    Severity,
    StageOutcome,
    StageReason,
    StageVerdict,
    TestCounts,
)
from gate_app.domain.model import Change, Content, Person, Unknown
from gate_app.domain.parameters import Parameter
from gate_app.domain.policy import (
    ApprovalMode,
    ApproverLine,
    CommandWork,
    EscalationRule,
    Permission,
    Policy,
    Stage,
)
from gate_app.domain.shipping import Found, Shipment

MIGRATIONS = ("migrations/**",)


def escalating(*rules: EscalationRule, **approval: Any) -> Policy:
    found = policy(mode=ApprovalMode.ESCALATE, escalate_when=rules, **approval)
    return replace(found, stages=(Stage("tests", CommandWork("pytest", sarif="*.sarif")),))


def shipped(rules: Policy, *found: Found, lines: int | None = 10) -> Shipment:
    looked_for = rules.environments[0].globs
    return Shipment(CHANGE.base_sha, True, 1, 0, looked_for=looked_for, found=found, lines=lines)


def after_tests(
    *rules: EscalationRule,
    found: tuple[Found, ...] = (),
    lines: int | None = 10,
    change: Change = CHANGE,
    outcome: StageOutcome | None = None,
    labels: tuple[str, ...] | None = (),
) -> World:
    """Staging escalates by these rules; the tests have just ended."""
    file = escalating(*rules)
    world = proposed(file, change)
    world.shipments = {name: shipped(file, *found, lines=lines) for name in ("staging", "production")}
    world.head = Head(HEAD.sha, "main", True, labels=labels)
    world.passes(5).stage_ends(outcome=outcome)
    return world


def question(world: World) -> str:
    asked = [e for e in world.effects if isinstance(e, PublishComment) and e.surface == "question:staging:1"]
    return asked[-1].body if asked else ""


def check(world: World) -> PublishCheckRun:
    shown = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "gate:staging"]
    return shown[-1]


def codes(world: World) -> list[str]:
    verdict = world.decisions[-1].verdicts["staging"]
    return [reason.code.value for root in verdict.reasons for reason in root.walk()]


def with_tests(skipped: int, truncated: bool = False) -> StageOutcome:
    evidence = Evidence(tests=TestCounts(passed=3, skipped=skipped), truncated=truncated)
    return StageOutcome(StageVerdict.PASSED, StageReason.TESTS_PASSED, evidence)


def finding(severity: Severity) -> Finding:
    return Finding("f" * 64, "B101", severity, "assert used", "app.py", 3)


def of(**change: Any) -> Change:
    return replace(CHANGE, **change)


FIRING: dict[str, tuple[EscalationRule, dict[str, Any], str]] = {
    "a file that matters": (
        EscalationRule(paths=MIGRATIONS),
        {"found": (Found(MIGRATIONS, "migrations/2.sql"),)},
        "migrations/2.sql changes",
    ),
    "files that cannot be listed": (
        EscalationRule(paths=MIGRATIONS),
        {"found": (Found(MIGRATIONS, ""),)},
        "which files changed cannot be told",
    ),
    "a large change": (EscalationRule(lines_over=400), {"lines": 401}, "401 lines"),
    "lines that cannot be counted": (EscalationRule(lines_over=400), {"lines": None}, "cannot be told"),
    "a new finding": (
        EscalationRule(new_findings=Severity.MEDIUM),
        {"outcome": passed(finding(Severity.HIGH))},
        "1 new",
    ),
    "skipped tests": (EscalationRule(skipped_over=1), {"outcome": with_tests(skipped=2)}, "2 skipped"),
    "skipped tests that nobody counted": (EscalationRule(skipped_over=0), {}, "cannot be told"),
    "skipped tests of a cut report": (
        EscalationRule(skipped_over=9),
        {"outcome": with_tests(skipped=2, truncated=True)},
        "cannot be told",
    ),
    "findings of a cut report": (
        EscalationRule(new_findings=Severity.HIGH),
        {"outcome": with_tests(skipped=0, truncated=True)},
        "not all findings could be read",
    ),
    "a bot's change": (EscalationRule(author_is="bot"), {"change": of(author=ROBOT)}, "robot"),
    "somebody's change": (EscalationRule(authors=("author",)), {}, "author"),
    "case 59: an author whose number cannot be told": (
        EscalationRule(authors=("nobody",)),
        {},
        "who that is cannot be told",
    ),
    "a label": (EscalationRule(labels=("risk*",)), {"labels": ("docs", "Risk: high")}, "Risk: high"),
    "labels that cannot be told": (EscalationRule(labels=("risk*",)), {"labels": None}, "cannot be told"),
    "a title": (EscalationRule(titles=("*french*",)), {}, "Greet in French"),
    "a branch": (EscalationRule(branches=("fr*",)), {}, "french"),
    "case 138: a branch of a fork": (
        EscalationRule(branches=("release/*",)),
        {"change": of(head_branch="")},
        "the branch cannot be told",
    ),
    "a base": (EscalationRule(bases=("main",)), {}, "main"),
    "all parts of a rule": (EscalationRule(lines_over=5, bases=("main",)), {"lines": 6}, "6 lines, main"),
}


@pytest.mark.parametrize(("rule", "how", "found"), FIRING.values(), ids=FIRING)
def test_a_rule_that_fires_asks_a_person_and_says_what_made_it(
    rule: EscalationRule, how: dict[str, Any], found: str
) -> None:
    world = after_tests(rule, **how)
    assert not world.releases("staging")
    assert "Why a person is asked" in question(world)
    assert found in question(world)
    assert "**Recommendation:** approve" not in question(world)
    world.says(REVIEWER, "/approve staging")
    assert len(world.releases("staging")) == 1


QUIET: dict[str, tuple[EscalationRule, dict[str, Any]]] = {
    "other files": (EscalationRule(paths=MIGRATIONS), {}),
    "exactly as many lines": (EscalationRule(lines_over=400), {"lines": 400}),
    "a finding that is not bad enough": (
        EscalationRule(new_findings=Severity.MEDIUM),
        {"outcome": passed(finding(Severity.LOW))},
    ),
    "exactly as many skipped tests": (EscalationRule(skipped_over=2), {"outcome": with_tests(skipped=2)}),
    "a person's change": (EscalationRule(author_is="bot"), {}),
    "another person's change": (EscalationRule(authors=("octocat",)), {}),
    "case 59: somebody who has the login of another one now": (
        EscalationRule(authors=("octocat",)),
        {"change": of(author=Person(4_711, "octocat"))},
    ),
    "another label": (EscalationRule(labels=("risk*",)), {"labels": ("docs",)}),
    "no label": (EscalationRule(labels=("*",)), {"labels": ()}),
    "another title": (EscalationRule(titles=("*german*",)), {}),
    "another branch": (EscalationRule(branches=("release/*",)), {}),
    "another base": (EscalationRule(bases=("release/*",)), {}),
    "only a part of a rule": (EscalationRule(lines_over=5, bases=("release/*",)), {"lines": 6}),
}


@pytest.mark.parametrize(("rule", "how"), QUIET.values(), ids=QUIET)
def test_a_routine_change_goes_on_by_itself_and_says_so(rule: EscalationRule, how: dict[str, Any]) -> None:
    world = after_tests(rule, **how)
    assert len(world.releases("staging")) == 1
    assert not question(world)
    world.deploys("staging")
    assert check(world).conclusion == "success"
    assert "no rule of `escalate_when` fires. `not_escalated`" in check(world).summary


def test_a_finding_that_the_environment_runs_already_is_not_new() -> None:
    file = escalating(EscalationRule(new_findings=Severity.LOW))
    world = proposed(file)
    running = Content("d" * 40, "e" * 40)
    world.environments["staging"] = EnvironmentFacts("staging", running=running, baseline=("f" * 64,))
    world.shipments["staging"] = replace(shipped(file), base=running.sha, first=False)
    world.passes(5).stage_ends(outcome=passed(finding(Severity.HIGH)))
    assert len(world.releases("staging")) == 1


def test_without_a_report_of_findings_a_rule_over_them_asks() -> None:
    file = escalating(EscalationRule(new_findings=Severity.LOW))
    file = replace(file, stages=(Stage("tests", CommandWork("pytest")),))
    world = proposed(file)
    world.shipments["staging"] = shipped(file)
    world.passes(5).stage_ends()
    assert not world.releases("staging")
    assert "no report tells any" in question(world)


def test_what_is_not_known_yet_waits_and_what_is_known_then_decides() -> None:
    rule = EscalationRule(lines_over=400)
    world = proposed(escalating(rule))
    world.shipments["staging"] = Unknown("hub_unavailable", "no answer")
    world.passes(5).stage_ends()
    assert not world.releases("staging")
    assert not question(world)
    assert "escalation_unknown" in codes(world)
    assert world.run.wake_at is not None
    world.shipments["staging"] = shipped(escalating(rule))
    world.passes(30).tick()
    assert len(world.releases("staging")) == 1


def test_while_the_tests_run_nobody_is_asked_and_nothing_goes_on() -> None:
    file = escalating(EscalationRule(new_findings=Severity.LOW))
    world = proposed(file)
    world.shipments["staging"] = shipped(file)
    world.tick()
    world.tick()
    assert not question(world)
    assert not world.releases("staging")


def test_failing_tests_release_nothing_however_routine_the_change() -> None:
    failed = StageOutcome(StageVerdict.FAILED, StageReason.TESTS_FAILED, Evidence())
    world = after_tests(EscalationRule(author_is="bot"), outcome=failed)
    assert not world.releases("staging")


def test_a_rule_can_ask_people_of_two_groups() -> None:
    lines = (ApproverLine(teams=("acme/sre",)), ApproverLine(permission=Permission.MAINTAIN))
    world = after_tests(EscalationRule(authors=("author",), lines=lines))
    assert "@acme/sre" in question(world)
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")
    world.says(MAINTAINER, "/approve staging")
    assert not world.releases("staging"), "two people for three lines"


def test_a_rule_that_does_not_fire_asks_for_none_of_its_people() -> None:
    lines = (ApproverLine(permission=Permission.ADMIN),)
    world = after_tests(EscalationRule(authors=("author",)), EscalationRule(author_is="bot", lines=lines))
    world.says(REVIEWER, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_a_rule_that_blocks_holds_the_gate_whoever_approves() -> None:
    world = after_tests(EscalationRule(labels=("hold",), block="the label says so"), labels=("hold",))
    assert not question(world)
    assert (check(world).status, check(world).conclusion) == ("completed", "failure")
    assert "the label says so" in check(world).summary
    world.says(MAINTAINER, "/approve staging")
    assert not world.releases("staging")
    world.head = Head(HEAD.sha, "main", True, labels=())
    world.tick()
    assert len(world.releases("staging")) == 1


def test_case_036_a_question_is_not_taken_back_when_a_label_is_taken_off() -> None:
    world = after_tests(EscalationRule(labels=("risk*",)), labels=("risky",))
    world.head = Head(HEAD.sha, "main", True, labels=())
    world.tick()
    assert not world.releases("staging")
    assert "what it asked is not taken back" in question(world)
    world.says(REVIEWER, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_a_label_that_comes_after_the_approval_of_one_asks_for_the_other() -> None:
    file = (
        EscalationRule(authors=("author",)),
        EscalationRule(labels=("risk*",), lines=(ApproverLine(permission=Permission.MAINTAIN, count=1),)),
    )
    world = after_tests(*file)
    world.head = Head(HEAD.sha, "main", True, labels=("risky",))
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")
    world.says(MAINTAINER, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_nobody_approves_their_own_change_when_a_rule_asks() -> None:
    world = after_tests(EscalationRule(authors=("author",)))
    world.says(AUTHOR, "/approve staging")
    assert not world.releases("staging")
    assert "self_approval" in world.replies()[-1]


def test_a_denial_closes_a_gate_that_a_rule_asked_about() -> None:
    world = after_tests(EscalationRule(authors=("author",)))
    world.says(REVIEWER, "/deny staging not today")
    assert check(world).conclusion == "failure"
    assert not world.releases("staging")


def test_with_the_head_unreadable_nothing_goes_on_by_itself() -> None:
    file = escalating(EscalationRule(labels=("risk*",)))
    world = proposed(file)
    world.shipments["staging"] = shipped(file)
    world.head = Unknown("hub_unavailable", "no answer")
    world.passes(5).stage_ends()
    assert not world.releases("staging")


def another_release(world: World) -> None:
    """Another run has released something else to staging since."""
    running = Content("d" * 40, "e" * 40)
    world.environments["staging"] = EnvironmentFacts("staging", version=9, running=running)


def test_what_was_learned_against_something_else_that_ran_there_decides_nothing() -> None:
    world = proposed(escalating(EscalationRule(lines_over=400)))
    world.shipments["staging"] = shipped(escalating(EscalationRule(lines_over=400)))
    world.tick()
    another_release(world)
    world.shipments["staging"] = Unknown("hub_unavailable", "no answer")
    world.passes(5).stage_ends()
    assert not world.releases("staging")
    assert "escalation_unknown" in codes(world)


def test_a_deployment_that_is_asked_for_again_is_measured_against_what_runs_now() -> None:
    world = after_tests(EscalationRule(lines_over=400))
    world.deploys("staging")
    another_release(world)
    world.shipments = {}
    world.says(AUTHOR, "/deploy staging")
    assert len(world.releases("staging")) == 1, "nothing more than the first"
    assert "escalation_unknown" in codes(world)


def test_whoever_asks_for_a_deployment_does_not_get_it_by_themselves() -> None:
    world = after_tests(EscalationRule(author_is="bot"))
    world.deploys("staging")
    world.shipments["staging"] = replace(
        shipped(escalating(EscalationRule(author_is="bot"))), base=HEAD.sha, first=False
    )
    world.says(REVIEWER, "/deploy staging")
    assert len(world.releases("staging")) == 1
    world.says(REVIEWER, "/approve staging")
    assert len(world.releases("staging")) == 1
    world.says(MAINTAINER, "/approve staging")
    assert len(world.releases("staging")) == 2


LEADS = ApproverLine(permission=Permission.MAINTAIN)
RISKY = EscalationRule(labels=("risky",), lines=(LEADS,))


def unlabelled(world: World) -> None:
    world.head = Head(HEAD.sha, "main", True, labels=())


def test_whom_a_rule_asked_is_asked_to_the_end() -> None:
    world = after_tests(RISKY, labels=("risky",))
    world.says(REVIEWER, "/approve staging")
    unlabelled(world)
    world.tick()
    assert not world.releases("staging")
    world.says(MAINTAINER, "/approve staging")
    assert len(world.releases("staging")) == 1


@pytest.mark.parametrize(
    "lines",
    [("/deny staging too risky", "/deploy staging"), ("/cancel", "/deploy staging")],
    ids=["a denial", "a cancellation"],
)
def test_a_label_that_is_taken_off_after(lines: tuple[str, str]) -> None:
    world = after_tests(RISKY, labels=("risky",))
    world.says(AUTHOR if lines[0] == "/cancel" else REVIEWER, lines[0])
    unlabelled(world)
    world.says(AUTHOR, lines[1])
    assert not world.releases("staging")


def test_a_plan_that_somebody_changed_is_asked_about() -> None:
    file = escalating(EscalationRule(author_is="bot"), parameters=(Parameter("percent", "integer", "100"),))
    world = proposed(file)
    world.shipments["staging"] = shipped(file)
    world.says(AUTHOR, "/modify staging percent=7")
    world.passes(5).stage_ends()
    assert not world.releases("staging")
    assert "`/modify`: `the plan was changed by author`" in question(world)
    world.says(REVIEWER, "/approve staging")
    assert world.releases("staging")[0].parameters == {"percent": "7"}


def test_a_denied_plan_that_its_author_changed_is_asked_about_without_its_label_too() -> None:
    file = escalating(RISKY, parameters=(Parameter("percent", "integer", "100"),))
    world = proposed(file)
    world.shipments["staging"] = shipped(file)
    world.head = Head(HEAD.sha, "main", True, labels=("risky",))
    world.passes(5).stage_ends()
    world.says(REVIEWER, "/deny staging too risky")
    unlabelled(world)
    world.says(AUTHOR, "/modify staging percent=7")
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging"), "the leads were asked too"
    world.says(MAINTAINER, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_a_line_of_a_rule_that_reads_like_one_of_the_environment_asks_somebody_else() -> None:
    again = ApproverLine(permission=Permission.WRITE)
    world = after_tests(EscalationRule(authors=("author",), lines=(again,)))
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")
    world.says(MAINTAINER, "/approve staging")
    assert len(world.releases("staging")) == 1
