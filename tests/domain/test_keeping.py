"""Approvals outlive a rebase that leaves the content as it was, where the gate file says so (case 27)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from support.runs import (
    AUTHOR,
    CHANGE,
    HEAD,
    MAINTAINER,
    REVIEWER,
    START,
    World,
    policy,
    presses,
    proposed,
    shown_buttons,
)

from gate_app.domain.conditions import Head
from gate_app.domain.effects import PublishCheckRun, PublishComment
from gate_app.domain.events import ChangeProposed
from gate_app.domain.evidence import (
    CheckResult,
    Coverage,
    Evidence,
    Finding,
    Severity,
    StageOutcome,
    StageReason,
    StageVerdict,
    TestCounts,
)
from gate_app.domain.keeping import PUSHED_OVER, keep
from gate_app.domain.kept import Measured, as_good
from gate_app.domain.model import Authorship, Change, Content, Origin, Purpose, Unknown
from gate_app.domain.opening import open_run
from gate_app.domain.parameters import Parameter
from gate_app.domain.policy import ApproverLine, Permission, Policy, PolicyProblem
from gate_app.domain.proposals import Proposal
from gate_app.domain.run import Run, RunState
from gate_app.domain.strictness import Direction, compared
from gate_app.domain.verdict import ReasonCode

TWO = ApproverLine(permission=Permission.WRITE, count=2)
REBASED = Content("d" * 40, HEAD.tree)
FOUND = Finding("f1", "B101", Severity.LOW, "an assertion")


def found(**evidence: object) -> StageOutcome:
    return StageOutcome(StageVerdict.PASSED, StageReason.TESTS_PASSED, Evidence(**evidence))  # type: ignore[arg-type]  # keyword pass-through


GREEN = found(tests=TestCounts(passed=9, flaky=0), coverage=Coverage(100, 80))


WITH_FINDING = replace(GREEN, evidence=replace(GREEN.evidence, findings=(FOUND,)))


def keeping(**approval: object) -> Policy:
    return policy(TWO, keeps=True, **approval)


def approved(file: Policy | None = None, outcome: StageOutcome = GREEN) -> World:
    """Staging asks for two people, and one of them has said yes."""
    world = proposed(file or keeping())
    world.proposal = Proposal(world.run.policy.blob_sha)
    world.passes(5).stage_ends(outcome=outcome)
    world.says(REVIEWER, "/approve staging")
    return world


def pushed(
    world: World,
    outcome: StageOutcome = GREEN,
    events: tuple[str, ...] | None = (PUSHED_OVER,),
    change: Change | None = None,
    file: Policy | None = None,
) -> World:
    """The author pushes the same tree as another commit, and its stages end."""
    change = change or replace(CHANGE, head=REBASED)
    rules = file or world.run.policy
    world.passes(60)
    after = replace(world, run=keep(world.run, open_run(change, 2, rules, world.now)))
    if file is not None:
        after.current_policy = file
    after.effects, after.decisions, after.shown = [], [], set()
    after.head = Head(change.head.sha, change.base_ref, True, since_kept=events)
    after.happens(ChangeProposed(after.now, change))
    after.passes(5).stage_ends(outcome=outcome)
    return after


def summary(world: World) -> str:
    shown = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "gate:staging"]
    return shown[-1].summary


def is_kept(world: World) -> bool:
    reasons = world.decisions[-1].verdicts["staging"].reasons
    return any(each.code is ReasonCode.APPROVAL_KEPT for each in reasons)


def test_the_other_approval_is_enough_and_the_check_run_says_what_is_kept() -> None:
    world = pushed(approved())
    assert "approval by `reviewer`, given at `aaaaaaaaaaaa`" in summary(world)
    assert "Approved at `aaaaaaaaaaaa` by `reviewer`, and kept" in summary(world)
    world.says(MAINTAINER, "/approve staging")
    (release,) = world.releases("staging")
    assert release.sha == REBASED.sha
    assert [each.id for each in world.run.gates["staging"].release.approved_by] == [
        REVIEWER.id,
        MAINTAINER.id,
    ]


def test_where_nothing_else_is_missing_nobody_is_asked_again() -> None:
    before = proposed(policy(keeps=True))
    before.proposal = Proposal(before.run.policy.blob_sha)
    before.says(AUTHOR, "/hold")
    before.passes(5).stage_ends(outcome=GREEN)
    before.says(REVIEWER, "/approve staging")
    world = pushed(before)
    assert len(world.releases("staging")) == 1
    assert not [
        e for e in world.effects if isinstance(e, PublishComment) and e.surface.startswith("question")
    ]


def test_a_press_of_a_button_is_kept_too() -> None:
    before = proposed(keeping())
    before.proposal = Proposal(before.run.policy.blob_sha)
    before.passes(5).stage_ends(outcome=GREEN)
    presses(before, REVIEWER, "staging", shown_buttons(before, "staging")["Approve"])
    world = pushed(before)
    world.says(MAINTAINER, "/approve staging")
    assert len(world.releases("staging")) == 1


def with_policy(run: Run, blob: str) -> Run:
    return replace(run, policy=replace(keeping(), blob_sha=blob))


NOT_KEPT: dict[str, Callable[[], World]] = {
    "case 27: the policy does not say so": lambda: pushed(approved(policy(TWO))),
    "case 20: another tree": lambda: pushed(
        approved(), change=replace(CHANGE, head=Content("d" * 40, "e" * 40))
    ),
    "a tree that is not known": lambda: pushed(
        approved(), change=replace(CHANGE, head=Content("d" * 40, ""))
    ),
    "case 25: another base": lambda: pushed(
        approved(), change=replace(CHANGE, head=REBASED, base_ref="next")
    ),
    "case 28: another pull request": lambda: pushed(
        approved(), change=replace(CHANGE, head=REBASED, subject=replace(CHANGE.subject, number=2))
    ),
    "case 103: the commit of a branch": lambda: pushed(
        approved(), change=replace(CHANGE, head=REBASED, origin=Origin.DEFAULT_BRANCH)
    ),
    "case 95: another gate file": lambda: pushed(approved(), file=replace(keeping(), blob_sha="q" * 40)),
    "case 23: pushed over twice": lambda: pushed(approved(), events=(PUSHED_OVER, PUSHED_OVER)),
    "case 34: closed and reopened": lambda: pushed(approved(), events=("closed", "reopened")),
    "case 25: retargeted and back": lambda: pushed(approved(), events=(PUSHED_OVER, "base_ref_changed")),
    "invariant 4: what happened was not read": lambda: pushed(approved(), events=None),
    "case 31: a test fails now": lambda: pushed(
        approved(), found(tests=TestCounts(passed=8, failed=1, flaky=0))
    ),
    "case 31: a test is gone": lambda: pushed(
        approved(), found(tests=TestCounts(passed=8, flaky=0), coverage=Coverage(100, 80))
    ),
    "case 31: less is covered": lambda: pushed(
        approved(), found(tests=TestCounts(passed=9, flaky=0), coverage=Coverage(100, 79))
    ),
    "case 31: no report any more": lambda: pushed(approved(), found()),
    "case 31: another finding": lambda: pushed(
        approved(), replace(GREEN, evidence=replace(GREEN.evidence, findings=(FOUND,)))
    ),
    "case 87: it changes the gate file": lambda: _touching(),
    "case 87: whether it does is not known": lambda: _touching(unread=True),
}


def _touching(*, unread: bool = False) -> World:
    before = approved()
    told = Proposal(before.run.policy.blob_sha, touches=True)
    before.proposal = Unknown("hub_unavailable") if unread else told
    return pushed(before)


@pytest.mark.parametrize("story", NOT_KEPT.values(), ids=NOT_KEPT.keys())
def test_everything_else_asks_anew(story: Callable[[], World]) -> None:
    world = story()
    world.says(MAINTAINER, "/approve staging")
    assert not world.releases("staging")


def test_why_it_is_not_kept_is_said() -> None:
    world = pushed(approved(), events=("closed", "reopened"))
    assert "which does not count: it was given to the head before" in summary(world)


def test_case_75_where_somebody_said_no_nothing_is_kept() -> None:
    before = approved()
    before.says(MAINTAINER, "/deny staging not yet")
    assert pushed(before).gate("staging").kept is None


def test_case_67_a_no_of_somebody_who_could_not_be_looked_up_keeps_nothing() -> None:
    before = approved()
    before.standings[MAINTAINER.id] = Unknown("hub_unavailable")
    before.says(MAINTAINER, "/deny staging not yet")
    assert before.state("staging") == "waiting"
    assert pushed(before).gate("staging").kept is None


def test_case_54_whoever_rebased_has_contributed() -> None:
    before = approved()
    before.authorship = Authorship((AUTHOR.id, REVIEWER.id))
    before.run = replace(before.run, authorship=None)
    world = pushed(before)
    world.says(MAINTAINER, "/approve staging")
    assert not world.releases("staging")


def test_case_60_who_may_not_approve_any_more_is_not_kept() -> None:
    before = approved()
    before.standings[REVIEWER.id] = replace(before.standings[REVIEWER.id], permission=Permission.READ)  # type: ignore[type-var]  # known here
    world = pushed(before)
    world.says(MAINTAINER, "/approve staging")
    assert not world.releases("staging")


def test_case_35_a_comment_that_changed_since_is_not_kept() -> None:
    before = approved()
    before.comments[before.last_comment] = "edited"
    world = pushed(before)
    world.says(MAINTAINER, "/approve staging")
    assert not world.releases("staging")


def test_whom_a_rule_asked_before_is_asked_still() -> None:
    before = approved()
    lines = (ApproverLine(permission=Permission.ADMIN),)
    before.run = before.run.with_gate(replace(before.gate("staging"), escalated=True, escalated_lines=lines))
    gate = pushed(before).gate("staging")
    assert (gate.escalated, gate.escalated_lines) == (True, lines)


def test_it_is_kept_once() -> None:
    world = pushed(pushed(approved()), change=replace(CHANGE, head=Content("9" * 40, HEAD.tree)))
    assert world.gate("staging").kept is None


def test_it_is_kept_as_long_as_its_question_was_open() -> None:
    world = pushed(approved())
    world.passes(48 * 3600 - 100).tick()
    assert is_kept(world)
    world.passes(200).tick()
    assert not is_kept(world)


def test_another_plan_or_an_edited_question_asks_everybody() -> None:
    world = pushed(approved(keeping(parameters=(Parameter("percent", "integer", "100"),))))
    assert is_kept(world)
    world.says(AUTHOR, "/modify staging percent=10")
    assert not is_kept(world)
    other = pushed(approved())
    other.run = other.run.with_gate(replace(other.gate("staging"), disturbed=1))
    other.tick()
    assert not is_kept(other)


def test_a_head_that_cannot_be_read_keeps_nothing() -> None:
    world = pushed(approved())
    world.head = Unknown("hub_unavailable")
    world.tick()
    assert not is_kept(world)


def test_evidence_that_is_better_keeps_it() -> None:
    better = found(tests=TestCounts(passed=10, flaky=0), coverage=Coverage(100, 81))
    world = pushed(approved(), better)
    world.says(MAINTAINER, "/approve staging")
    assert len(world.releases("staging")) == 1


TESTED = Evidence(tests=TestCounts(passed=9, skipped=1, flaky=1))
COMPARED: dict[str, tuple[Evidence, Evidence, bool]] = {
    "the same": (TESTED, TESTED, True),
    "one more test": (TESTED, replace(TESTED, tests=TestCounts(passed=10, skipped=1, flaky=1)), True),
    "one skipped more": (TESTED, replace(TESTED, tests=TestCounts(passed=9, skipped=2, flaky=1)), False),
    "one flaky more": (TESTED, replace(TESTED, tests=TestCounts(passed=9, skipped=1, flaky=2)), False),
    "flaky ones not counted any more": (
        TESTED,
        replace(TESTED, tests=TestCounts(passed=10, skipped=1)),
        False,
    ),
    "flaky ones never counted": (
        replace(TESTED, tests=TestCounts(passed=9)),
        replace(TESTED, tests=TestCounts(passed=10)),
        True,
    ),
    "no coverage any more": (replace(TESTED, coverage=Coverage(2, 1)), TESTED, False),
    "case 171: cut short": (TESTED, replace(TESTED, truncated=True), False),
    "fewer findings": (Evidence(findings=(FOUND,)), replace(TESTED), True),
    "no numbers, other words": (Evidence(summary="a"), Evidence(summary="b"), False),
    "checks that ended otherwise": (
        replace(TESTED, checks=(CheckResult("ci", "success"),)),
        replace(TESTED, checks=(CheckResult("ci", "neutral"),)),
        False,
    ),
}


@pytest.mark.parametrize(("before", "now", "good"), COMPARED.values(), ids=COMPARED.keys())
def test_evidence_is_as_good_when_every_number_is(before: Evidence, now: Evidence, good: bool) -> None:
    assert as_good(Measured.of(now), Measured.of(before)) is good


def test_a_run_that_has_ended_or_has_no_gate_file_or_goes_back_hands_nothing_on() -> None:
    world = approved()
    after = open_run(replace(CHANGE, head=REBASED), 2, keeping(), START)
    assert keep(world.run, after).gates["staging"].kept is not None
    hands_on_nothing = (
        replace(world.run, state=RunState.CLOSED),
        replace(world.run, policy=PolicyProblem("policy_invalid", "no")),
        replace(world.run, purpose=Purpose.ROLLBACK),
        replace(world.run, gates={"elsewhere": replace(world.gate("staging"), environment="elsewhere")}),
    )
    assert all(keep(before, after) == after for before in hands_on_nothing)
    assert keep(replace(world.run, stages={}), after).gates["staging"].answers == ()


def test_a_stage_that_was_not_there_before_keeps_nothing() -> None:
    before = approved()
    world = pushed(before)
    gate = world.gate("staging")
    assert gate.kept is not None
    world.run = world.run.with_gate(replace(gate, kept=replace(gate.kept, measured={})))
    world.tick()
    assert not is_kept(world)


def test_a_gate_file_that_keeps_approvals_is_looser() -> None:
    (first, *_) = compared(policy(TWO), keeping())
    assert first.direction is Direction.LOOSER
    assert compared(keeping(), policy(TWO))[0].direction is Direction.STRICTER
