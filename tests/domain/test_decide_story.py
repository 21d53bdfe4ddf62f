"""The story, pure: what happens to a change from its proposal to production, and everything that stops it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.runs import (
    AUTHOR,
    CHANGE,
    HEAD,
    MAINTAINER,
    READER,
    REVIEWER,
    ROBOT,
    START,
    TESTS,
    asking,
    failed,
    passed,
    policy,
    presses,
    proposed,
    shown_buttons,
    unknown_outcome,
)

from gate_app.domain.conditions import EnvironmentFacts, Head, Standing
from gate_app.domain.effects import PublishCheckRun, PublishComment, React, ReportDeployment, StopStage
from gate_app.domain.evaluate import evaluate
from gate_app.domain.events import (
    ChangeClosed,
    ChangeProposed,
    ClockTicked,
    CommentChanged,
    DeploymentCreated,
    HeadMoved,
    QuestionShown,
    ReleaseReturned,
    StageEnded,
    StageVanished,
)
from gate_app.domain.evidence import (
    Evidence,
    Finding,
    Severity,
    StageOutcome,
    StageReason,
    StageVerdict,
    TestCounts,
    TestFailure,
)
from gate_app.domain.model import Authorship, Content, Origin, Person, Subject, Unknown
from gate_app.domain.policy import (
    ApprovalMode,
    ApprovalPolicy,
    ApproverLine,
    CommandWork,
    Environment,
    Permission,
    Policy,
    PolicyProblem,
    Stage,
)
from gate_app.domain.run import Answer, Gate, ReleaseStatus, RunState
from gate_app.domain.verdict import VerdictState


def test_the_whole_story_ends_in_production() -> None:
    world = proposed()
    assert world.started() == ["tests"]
    world.stage_ends()
    assert world.decisions[-1].verdicts["staging"].asks
    assert world.codes("production") == ("after_unmet", "approval", "approval_missing")
    world.says(REVIEWER, "/approve staging")
    assert len(world.releases("staging")) == 1
    world.deploys("staging")
    assert world.gate("staging").release is not None
    assert world.decisions[-1].verdicts["production"].asks
    world.says(MAINTAINER, "/approve production")
    world.deploys("production")
    assert world.run.final
    assert world.environments["production"].running == HEAD
    assert len(world.releases("production")) == 1


def test_nobody_is_asked_while_stages_run() -> None:
    world = proposed()
    assert world.gate("staging").question is None
    assert world.codes("staging") == ("needs", "stage_running", "approval", "approval_missing")


@pytest.mark.parametrize(
    ("outcome", "code"),
    [(failed(), "stage_failed"), (unknown_outcome(), "stage_unknown")],
    ids=["a failing test", "a test that could not start"],
)
def test_nobody_is_asked_after(outcome: StageOutcome, code: str) -> None:
    world = proposed()
    world.stage_ends(outcome=outcome)
    assert world.gate("staging").question is None
    assert code in world.codes("staging")
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")


HIGH = Finding("f1", "B602", Severity.HIGH, "shell=True")
LOW = Finding("f2", "B101", Severity.LOW, "assert")


def scanned(threshold: Severity | None = Severity.HIGH) -> Policy:
    rules = policy()
    return replace(rules, stages=(replace(TESTS, new_findings=threshold),))


@pytest.mark.parametrize(
    ("findings", "baseline", "asks"),
    [
        ((HIGH,), None, False),
        ((HIGH,), ("f1",), True),
        ((HIGH,), ("other",), False),
        ((LOW,), None, True),
        ((), None, True),
    ],
    ids=[
        "a high finding without a baseline holds",
        "a high finding that runs there already does not",
        "a high finding that is new holds",
        "a low finding does not",
        "no finding does not",
    ],
)
def test_new_findings_hold_the_gate(
    findings: tuple[Finding, ...], baseline: tuple[str, ...] | None, asks: bool
) -> None:
    world = proposed(scanned())
    world.environments["staging"] = EnvironmentFacts("staging", 1, baseline=baseline)
    world.stage_ends(outcome=passed(*findings))
    assert world.decisions[-1].verdicts["staging"].asks is asks
    assert ("new_findings" in world.codes("staging")) is not asks


@pytest.mark.parametrize(
    ("person", "code"),
    [
        pytest.param(AUTHOR, "self_approval", id="case 54: the author"),
        pytest.param(READER, "not_an_approver", id="case 65: somebody who may only read"),
    ],
)
def test_an_approval_does_not_count_when_given_by(person: Person, code: str) -> None:
    world = asking()
    world.says(person, "/approve staging")
    assert not world.releases("staging")
    assert code in world.replies()[-1]


def test_case_044_a_bot_is_not_even_answered() -> None:
    world = asking()
    world.says(ROBOT, "/approve staging")
    world.says(REVIEWER, "/approve staging", via_app=True)
    assert not world.releases("staging")
    assert world.replies() == []


def test_a_denial_closes_the_gate_and_says_why() -> None:
    world = asking()
    world.says(REVIEWER, "/deny staging the migration is missing")
    assert world.state("staging") == "denied"
    world.says(MAINTAINER, "/approve staging")
    assert not world.releases("staging")
    assert "too_late" in world.replies()[-1]
    outcome = [
        e.body for e in world.effects if isinstance(e, PublishComment) and e.surface.startswith("question:")
    ]
    assert "the migration is missing" in outcome[-1]


def test_case_075_a_denial_wins_over_an_approval_that_has_not_released() -> None:
    world = asking(policy(ApproverLine(permission=Permission.WRITE, count=2)))
    world.says(REVIEWER, "/approve staging")
    world.says(MAINTAINER, "/deny staging not today")
    assert world.state("staging") == "denied"
    assert not world.releases("staging")


def test_case_075_a_denial_after_the_release_is_too_late() -> None:
    world = asking()
    world.says(REVIEWER, "/approve staging")
    world.happens(DeploymentCreated(world.now, "staging", 900))
    world.says(MAINTAINER, "/deny staging no")
    assert len(world.releases("staging")) == 1
    assert "too_late" in world.replies()[-1]


def test_a_denial_by_a_reader_does_not_count() -> None:
    world = asking()
    world.says(READER, "/deny staging because")
    assert world.decisions[-1].verdicts["staging"].asks


def test_the_author_may_deny() -> None:
    world = asking()
    world.says(AUTHOR, "/deny staging found a mistake")
    assert world.state("staging") == "denied"


def test_case_069_one_person_counts_once_however_often_they_say_it() -> None:
    world = asking(policy(ApproverLine(permission=Permission.WRITE, count=2)))
    for _ in range(3):
        world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")
    world.says(MAINTAINER, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_case_070_one_person_in_both_groups_fills_one_place() -> None:
    lines = (ApproverLine(teams=("acme/sre",)), ApproverLine(permission=Permission.WRITE))
    world = asking(policy(*lines))
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")
    world.says(MAINTAINER, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_people_are_placed_so_that_a_sufficient_set_suffices() -> None:
    """The first to answer fits both lines, the second only the line that a greedy placing would have taken."""
    lines = (ApproverLine(permission=Permission.WRITE), ApproverLine(teams=("acme/sre",)))
    world = asking(policy(*lines))
    world.says(REVIEWER, "/approve staging")
    world.says(MAINTAINER, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_case_059_a_configured_login_is_compared_as_an_account() -> None:
    rules = policy(ApproverLine(users=("maintainer",)))
    world = asking(rules)
    world.identities["maintainer"] = MAINTAINER.id
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")
    world.says(MAINTAINER, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_case_059_a_login_that_changed_hands_is_unknown_and_waits() -> None:
    world = asking(policy(ApproverLine(users=("maintainer",))))
    world.identities["maintainer"] = Unknown("login_changed_hands", "maintainer")
    world.says(MAINTAINER, "/approve staging")
    assert not world.releases("staging")


def test_case_093_a_line_without_keys_fits_nobody() -> None:
    world = asking(policy(ApproverLine()))
    world.says(MAINTAINER, "/approve staging")
    assert not world.releases("staging")


def test_case_093_no_lines_is_not_an_approval() -> None:
    rules = policy()
    empty = tuple(replace(e, approval=ApprovalPolicy(lines=())) for e in rules.environments)
    world = proposed(replace(rules, environments=empty))
    world.stage_ends()
    assert not world.releases("staging")


def test_case_093_no_stages_is_not_evidence() -> None:
    rules = policy()
    bare = tuple(replace(e, needs=()) for e in rules.environments)
    world = proposed(replace(rules, environments=bare))
    world.tick()
    assert world.gate("staging").question is None


def test_mode_never_goes_on_by_itself_and_says_so() -> None:
    world = proposed(policy(mode=ApprovalMode.NEVER))
    world.stage_ends()
    assert len(world.releases("staging")) == 1


@pytest.mark.parametrize(
    "unreadable",
    ["policy", "head", "authorship", "standing", "comment"],
)
def test_case_067_what_cannot_be_read_waits_and_is_judged_again(unreadable: str) -> None:
    world = asking()
    unknown = Unknown("hub_unavailable", "502")
    healthy = (world.current_policy, world.head)
    match unreadable:
        case "policy":
            world.current_policy = unknown
        case "head":
            world.head = unknown
        case "authorship":
            world.run = replace(world.run, authorship=None)
            world.authorship = unknown
        case "standing":
            world.standings[REVIEWER.id] = unknown
        case _:
            world.comments[1] = unknown
    world.says(REVIEWER, "/approve staging")
    assert world.state("staging") == "waiting"
    assert not world.releases("staging")
    assert world.run.wake_at == world.now + timedelta(seconds=5), "most troubles pass at once"
    world.passes(20).tick()
    assert world.run.wake_at == world.now + timedelta(seconds=20)
    world.passes(20).tick()
    assert world.run.wake_at == world.now + timedelta(seconds=30)
    world.current_policy, world.head = healthy
    world.authorship = Authorship((AUTHOR.id,))
    world.standings[REVIEWER.id] = Standing(REVIEWER, Permission.WRITE)
    world.comments[1] = world.gate("staging").answers[0].body_sha256
    world.passes(30).tick()
    assert len(world.releases("staging")) == 1


def test_case_020_a_push_before_the_approval_is_seen_live_and_refused() -> None:
    world = asking()
    world.head = Head("d" * 40, "main", True)
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")
    assert "head_moved" in world.codes("staging")


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (Head(HEAD.sha, "release", True), "base_changed"),
        (Head(HEAD.sha, "main", False), "change_closed"),
    ],
    ids=["case 25: another base", "case 34: a closed pull request"],
)
def test_nothing_is_released_from(head: Head, code: str) -> None:
    world = asking()
    world.head = head
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")
    assert code in world.codes("staging")


def test_a_push_supersedes_the_run_and_stops_its_stages() -> None:
    world = proposed()
    world.happens(HeadMoved(world.now, "d" * 40, "main"))
    assert world.run.state is RunState.SUPERSEDED
    assert world.run.final
    assert StopStage("tests", 1) in world.effects
    checks = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "gate:staging"]
    assert (checks[-1].status, checks[-1].conclusion) == ("completed", "cancelled")
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")


def test_the_same_head_again_supersedes_nothing() -> None:
    world = asking()
    world.happens(HeadMoved(world.now, HEAD.sha, "main"))
    assert world.run.state is RunState.OPEN
    world.happens(HeadMoved(world.now, HEAD.sha, "release"))
    assert world.run.state is RunState.SUPERSEDED


def test_a_release_in_flight_outlives_a_push() -> None:
    world = asking()
    world.says(REVIEWER, "/approve staging")
    world.happens(HeadMoved(world.now, "d" * 40, "main"))
    assert not world.run.final
    world.deploys("staging")
    assert world.run.final
    assert world.environments["staging"].running == HEAD
    assert world.gate("production").release is None


@pytest.mark.parametrize("merged", [True, False])
def test_a_closed_pull_request_releases_nothing(merged: bool) -> None:
    world = asking()
    world.happens(ChangeClosed(world.now, merged))
    assert world.run.final
    world.happens(ChangeClosed(world.now, not merged))
    assert world.run.state is (RunState.MERGED if merged else RunState.CLOSED)


def test_case_081_a_question_expires_as_denied_never_approved() -> None:
    world = asking(policy(expires_after=timedelta(hours=1)))
    assert world.run.wake_at == world.now + timedelta(hours=1, seconds=1)
    world.passes(3600).tick()
    assert world.decisions[-1].verdicts["staging"].asks
    world.passes(1).tick()
    assert world.state("staging") == "expired"
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")


@pytest.mark.parametrize("change", ["edited", "deleted"])
def test_case_037_an_approval_goes_with_its_comment(change: str) -> None:
    world = asking(policy(ApproverLine(permission=Permission.WRITE, count=2)))
    world.says(REVIEWER, "/approve staging")
    world.happens(CommentChanged(world.now, 1, 1, change))  # type: ignore[arg-type]  # one of two literals
    world.happens(CommentChanged(world.now, 99, 1, "edited"))
    world.says(MAINTAINER, "/approve staging")
    assert not world.releases("staging")
    assert (
        "1 of" in world.decisions[-1].effects[0].__class__.__name__ or world.gate("staging").answers[0].voided
    )
    world.says(REVIEWER, "/approve staging")
    assert len(world.releases("staging")) == 1


@pytest.mark.parametrize("now_reads", ["edited", "deleted", "another fingerprint"])
def test_case_035_a_comment_that_reads_differently_at_the_decision_never_counts(now_reads: str) -> None:
    world = asking()
    world.comments[1] = now_reads
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")
    assert "comment_changed" in world.replies()[-1]


def test_case_009_the_same_comment_twice_is_one_answer() -> None:
    world = asking(policy(ApproverLine(permission=Permission.WRITE, count=2)))
    world.says(REVIEWER, "/approve staging")
    before = world.run
    world.last_comment = 0
    world.says(REVIEWER, "/approve staging")
    assert len(world.gate("staging").answers) == 1
    assert world.run.gates == before.gates


def test_case_009_an_answer_older_than_the_question_never_counts() -> None:
    """Told by the ids of the comments, not by anybody's clock (case 20)."""
    world = proposed()
    world.hidden = True
    world.passes(5).stage_ends()
    world.happens(QuestionShown(world.now, "staging", 1, 50))
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")
    assert "not_asked_yet" in world.replies()[-1]


def test_case_020_an_approval_waits_until_its_question_is_on_the_page() -> None:
    world = proposed()
    world.hidden = True
    world.passes(5).stage_ends()
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")
    assert not world.replies()
    world.happens(QuestionShown(world.now, "staging", 1, 50))
    assert not world.releases("staging")
    assert "not_asked_yet" in world.replies()[-1]
    world.last_comment = 50
    world.says(MAINTAINER, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_an_approval_read_before_its_question_is_known_to_be_on_the_page_is_taken_then() -> None:
    """After a crash the comment may long be there when nothing here knows of it."""
    world = proposed()
    world.hidden = True
    world.passes(5).stage_ends()
    world.last_comment = 50
    world.says(AUTHOR, "/approve staging")
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")
    assert not world.replies()
    world.happens(QuestionShown(world.now, "staging", 1, 50))
    assert len(world.releases("staging")) == 1
    assert len(world.replies()) == 1
    assert "self_approval" in world.replies()[0]
    assert len([effect for effect in world.effects if isinstance(effect, React)]) == 1


def test_an_early_approval_of_what_was_denied_meanwhile_is_told_that_it_is_too_late() -> None:
    world = proposed()
    world.hidden = True
    world.passes(5).stage_ends()
    world.last_comment = 50
    world.says(REVIEWER, "/approve staging")
    world.says(MAINTAINER, "/deny staging found a mistake")
    world.happens(QuestionShown(world.now, "staging", 1, 50))
    assert not world.releases("staging")
    assert "too_late" in world.replies()[-1]
    assert [e.comment_id for e in world.effects if isinstance(e, React)] == [world.last_comment]


def test_a_question_that_had_to_be_made_again_was_seen_before() -> None:
    world = asking()
    world.happens(QuestionShown(world.now, "staging", 1, 70))
    world.happens(QuestionShown(world.now, "staging", 9, 70))
    world.happens(QuestionShown(world.now, "elsewhere", 1, 70))
    world.says(REVIEWER, "/approve staging")
    assert len(world.releases("staging")) == 1


@pytest.mark.parametrize("unreadable", ["standing", "comment"])
def test_a_denial_that_cannot_be_judged_right_now_holds_the_gate(unreadable: str) -> None:
    """Invariants 3 and 4: what is unknown never opens, and a denial dominates."""
    world = asking()
    if unreadable == "standing":
        world.standings[MAINTAINER.id] = Unknown("hub_unavailable", "502")
    else:
        world.comments[1] = Unknown("hub_unavailable", "502")
    world.says(MAINTAINER, "/deny staging no")
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")
    assert "denial_pending" in world.codes("staging")
    assert world.run.wake_at is not None
    world.standings[MAINTAINER.id] = Standing(MAINTAINER, Permission.MAINTAIN)
    world.comments[1] = world.gate("staging").answers[0].body_sha256
    world.tick()
    assert world.state("staging") == "denied"


def test_case_075_a_denial_while_a_release_may_yet_come_back_is_kept() -> None:
    world = asking()
    world.says(REVIEWER, "/approve staging")
    world.says(MAINTAINER, "/deny not today")
    assert "denial_kept" in world.replies()[-1]
    world.happens(ReleaseReturned(world.now, "staging", world.now, "502"))
    assert world.state("staging") == "denied"
    assert len(world.releases("staging")) == 1


def test_case_075_a_denial_by_button_while_a_release_may_yet_come_back_is_kept() -> None:
    world = asking()
    shown = shown_buttons(world, "staging")
    world.says(REVIEWER, "/approve staging")
    presses(world, MAINTAINER, "staging", shown["Approve"])
    presses(world, MAINTAINER, "staging", shown["Deny"])
    world.happens(ReleaseReturned(world.now, "staging", world.now, "502"))
    assert world.state("staging") == "denied"


def test_the_newest_answer_of_a_person_counts_and_in_a_tie_the_denial() -> None:
    world = asking(policy(ApproverLine(permission=Permission.WRITE, count=2)))
    world.says(REVIEWER, "/approve staging")
    world.now -= timedelta(seconds=1)
    world.says(REVIEWER, "/deny staging no, wait")
    assert world.state("staging") == "denied"


def test_case_054_who_only_merged_may_approve_and_who_pushed_may_not() -> None:
    """GitHub shows that the merge added nothing; the pull request's pushers are taken over."""
    merge = replace(CHANGE, pusher=MAINTAINER, bare_merge=True)
    world = proposed(change=merge)
    world.run = replace(world.run, pushers=(REVIEWER.id,))
    world.passes(5).stage_ends()
    world.says(REVIEWER, "/approve staging")
    assert world.state("staging") == "waiting"
    world.says(MAINTAINER, "/approve staging")
    assert world.state("staging") == "approved"


def test_case_026_a_merge_that_may_have_added_something_makes_its_pusher_a_contributor() -> None:
    world = proposed(change=replace(CHANGE, pusher=MAINTAINER))
    world.passes(5).stage_ends()
    world.says(MAINTAINER, "/approve staging")
    assert world.state("staging") == "waiting"


def test_case_055_a_commit_of_no_account_may_be_anybodys() -> None:
    """Whoever pushed it: the one who approves may be the one who wrote it."""
    unattributed = Authorship((AUTHOR.id,), ("ghost@example.com",))
    world = proposed(change=replace(CHANGE, pusher=None))
    world.run = replace(world.run, authorship=unattributed)
    world.stage_ends()
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")
    world.happens(ChangeProposed(world.now, replace(CHANGE, pusher=MAINTAINER)))
    assert not world.releases("staging")
    assert "contributors_unknown" in world.replies()[-1]


def test_case_057_everybody_who_pushed_to_the_pull_request_is_a_contributor() -> None:
    world = asking()
    world.happens(ChangeProposed(world.now, replace(CHANGE, pusher=REVIEWER)))
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")
    assert "self_approval" in world.replies()[-1]


def test_self_approval_may_be_allowed_by_the_policy() -> None:
    world = asking(policy(self_approval=True))
    world.says(AUTHOR, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_a_policy_that_changed_voids_the_answers_and_asks_again() -> None:
    world = asking(policy(ApproverLine(permission=Permission.WRITE, count=2)))
    world.says(REVIEWER, "/approve staging")
    world.current_policy = policy(ApproverLine(permission=Permission.WRITE), blob="q" * 40)
    world.passes(1).tick()
    assert not world.releases("staging")
    question = world.gate("staging").question
    assert question is not None
    assert question.number == 2
    assert world.started() == ["tests"]
    world.says(REVIEWER, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_a_stage_that_the_new_policy_defines_differently_runs_again() -> None:
    world = asking()
    changed = replace(policy(blob="q" * 40), stages=(Stage("tests", CommandWork("pytest -x")),))
    world.current_policy = changed
    world.passes(1).tick()
    assert world.started() == ["tests", "tests"]
    assert world.run.stages["tests"].attempt == 2
    assert not world.decisions[-1].verdicts["staging"].asks


def test_a_verdict_under_another_policy_than_the_pinned_one_waits() -> None:
    world = asking()
    world.says(REVIEWER, "/approve staging")
    world.run = world.run.with_gate(replace(world.gate("staging"), release=None))
    world.current_policy = policy(blob="q" * 40)
    verdict = evaluate(world.run, world.conditions())["staging"]
    assert verdict.state is VerdictState.WAITING
    assert "policy_unreadable" in verdict.codes


def test_case_089_a_policy_that_disappears_closes_the_gate_visibly() -> None:
    world = asking()
    world.current_policy = PolicyProblem("policy_missing", "gone")
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")
    assert "policy_missing" in world.codes("staging")


def test_a_broken_policy_is_loud_and_heals() -> None:
    broken = PolicyProblem("policy_invalid", "line 3: unknown key")
    world = proposed(broken)
    checks = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "policy"]
    assert checks[-1].conclusion == "failure"
    assert "unknown key" in checks[-1].summary
    assert world.run.wake_at is not None
    world.current_policy = policy()
    world.passes(30).tick()
    checks = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "policy"]
    assert checks[-1].conclusion == "success"
    assert world.started() == ["tests"]


def test_an_environment_in_use_by_another_release_waits_and_is_looked_at_again() -> None:
    world = asking()
    world.environments["staging"] = EnvironmentFacts("staging", 3, busy_with="71#2:1:staging")
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")
    assert "environment_busy" in world.codes("staging")
    world.environments["staging"] = EnvironmentFacts("staging", 4)
    world.passes(30).tick()
    assert len(world.releases("staging")) == 1
    assert world.environments["staging"].busy_with == world.run.gate_id("staging")


def test_a_policy_that_only_a_newer_version_of_us_can_read_heals_without_an_edit() -> None:
    world = proposed(PolicyProblem("policy_invalid", "unknown key", blob_sha="p" * 40))
    world.current_policy = policy(blob="p" * 40)
    world.passes(30).tick()
    assert world.started() == ["tests"]


def test_after_is_met_by_equal_content_whatever_the_commit() -> None:
    world = proposed()
    world.environments["staging"] = EnvironmentFacts("staging", 1, verified=(Content("e" * 40, HEAD.tree),))
    world.stage_ends()
    assert world.decisions[-1].verdicts["production"].asks


def test_a_release_that_came_back_is_judged_again_on_fresh_facts() -> None:
    world = asking()
    world.says(REVIEWER, "/approve staging")
    back = ReleaseReturned(world.now, "staging", world.now + timedelta(seconds=60), "502")
    world.happens(back)
    assert world.gate("staging").release is None
    assert "release_returned" in world.codes("staging")
    assert world.run.wake_at == world.now + timedelta(seconds=5)
    world.standings[REVIEWER.id] = Standing(REVIEWER, Permission.READ)
    world.passes(61).tick()
    assert len(world.releases("staging")) == 1, "case 60: the approver lost the permission meanwhile"
    world.standings[REVIEWER.id] = Standing(REVIEWER, Permission.WRITE)
    world.tick()
    assert [release.occasion for release in world.releases("staging")] == [1, 2]
    assert world.environments["staging"].busy_with == world.run.gate_id("staging")


def test_a_returned_release_that_is_then_denied_frees_the_environment() -> None:
    world = asking()
    world.says(REVIEWER, "/approve staging")
    world.happens(ReleaseReturned(world.now, "staging", world.now + timedelta(seconds=60), "502"))
    assert world.environments["staging"].busy_with is None
    world.says(MAINTAINER, "/deny staging stop")
    assert world.state("staging") == "denied"


def test_a_deployed_release_cannot_come_back() -> None:
    world = asking()
    world.says(REVIEWER, "/approve staging")
    world.happens(DeploymentCreated(world.now, "staging", 7))
    world.happens(DeploymentCreated(world.now, "staging", 8))
    world.happens(ReleaseReturned(world.now, "staging", world.now, "late"))
    world.happens(ReleaseReturned(world.now, "nowhere", world.now, "late"))
    world.happens(DeploymentCreated(world.now, "nowhere", 9))
    release = world.gate("staging").release
    assert release is not None
    assert release.deployment_id == 7


def test_nothing_is_reported_of_a_release_that_github_has_no_deployment_of() -> None:
    world = asking()
    world.says(REVIEWER, "/approve staging")
    world.deploys("staging")
    gate = world.gate("staging")
    assert gate.release is not None
    stored = replace(gate.release, status=ReleaseStatus.DEPLOYING, deployment_id=None)
    world.run = world.run.with_gate(replace(gate, release=stored))
    decision = world.tick()
    assert not [effect for effect in decision.effects if isinstance(effect, ReportDeployment)]


def test_a_failed_deployment_is_shown_and_opens_nothing_further() -> None:
    world = asking()
    world.says(REVIEWER, "/approve staging")
    world.deploys("staging", failed())
    release = world.gate("staging").release
    assert release is not None
    assert release.status is ReleaseStatus.FAILED
    assert world.codes("staging") == ("deployment_failed",)
    assert world.environments["staging"].busy_with is None
    assert world.gate("production").question is None
    reports = [e.state for e in world.effects if isinstance(e, ReportDeployment)]
    assert reports == ["in_progress", "failure"]


def verified_policy() -> Policy:
    rules = policy()
    checks = Stage("smoke", CommandWork("smoke"))
    staging = replace(rules.environments[0], verify=("smoke",))
    return replace(rules, stages=(TESTS, checks), environments=(staging, rules.environments[1]))


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (passed(), "healthy"),
        (failed(), "verification_failed"),
        (unknown_outcome(), "verification_unknown"),
    ],
)
def test_a_release_is_healthy_only_when_its_verification_passed(outcome: StageOutcome, code: str) -> None:
    world = asking(verified_policy())
    assert world.started() == ["tests"], "a stage that only verifies does not run before the deployment"
    world.says(REVIEWER, "/approve staging")
    world.deploys("staging")
    assert world.started() == ["tests", "deploy@staging", "smoke@staging"]
    assert world.codes("staging") == ("released",)
    world.stage_ends("smoke@staging", outcome)
    world.tick()
    assert world.codes("staging") == (code,)
    assert world.decisions[-1].verdicts["production"].asks is (code == "healthy")


def test_what_verified_the_change_before_is_part_of_the_evidence_of_the_next_question() -> None:
    world = asking(verified_policy())
    world.says(REVIEWER, "/approve staging")
    world.deploys("staging")
    world.stage_ends("smoke@staging", passed())
    world.tick()
    bodies = [e.body for e in world.effects if isinstance(e, PublishComment) and "question:" in e.surface]
    first, second = (
        next(b for b in bodies if f"Deploy to `{name}`" in b) for name in ("staging", "production")
    )
    assert "smoke" not in first
    assert "- ✅ `smoke@staging`: " in second


def test_a_vanishing_worker_is_started_five_times_then_unknown() -> None:
    world = proposed()
    for attempt in range(1, 6):
        world.happens(StageVanished(world.now, "tests", attempt))
    world.happens(StageVanished(world.now, "tests", 1))
    world.happens(StageVanished(world.now, "nothing", 1))
    assert world.started() == ["tests"] * 5
    assert "stage_unknown" in world.codes("staging") or world.tick()
    assert "stage_unknown" in world.codes("staging")


def test_the_end_of_an_older_attempt_is_not_the_end_of_this_one() -> None:
    world = proposed()
    world.happens(StageVanished(world.now, "tests", 1))
    world.happens(StageEnded(world.now, "tests", 1, passed()))
    assert world.gate("staging").question is None
    world.happens(StageEnded(world.now, "tests", 2, passed()))
    assert world.gate("staging").question is not None


def test_obeyed_is_a_reaction_and_nothing_more() -> None:
    world = asking()
    world.says(REVIEWER, "/approve staging")
    assert React(1, "+1") in world.effects
    assert world.replies() == []


def test_case_068_a_stranger_is_answered_once() -> None:
    world = asking()
    world.says(READER, "/approve staging")
    world.says(READER, "/approve staging")
    assert len(world.replies()) == 1


def test_nothing_is_shown_twice() -> None:
    world = asking()
    shown = len(world.effects)
    world.tick()
    world.tick()
    assert len(world.effects) == shown


def test_a_final_run_opens_nothing_and_still_answers() -> None:
    world = asking()
    world.says(REVIEWER, "/deny staging no")
    world.happens(ChangeClosed(world.now, False))
    assert world.run.final
    world.current_policy = policy(blob="q" * 40)
    world.says(REVIEWER, "/approve production")
    assert not world.releases("production")
    assert "too_late" in world.replies()[-1]
    assert world.started() == ["tests"]


def test_an_environment_that_left_the_policy_while_deploying_still_ends() -> None:
    world = asking()
    world.says(REVIEWER, "/approve staging")
    world.happens(DeploymentCreated(world.now, "staging", 7))
    rules = policy(blob="q" * 40)
    world.current_policy = replace(rules, environments=(replace(rules.environments[1], after=None),))
    world.passes(1).tick()
    world.stage_ends("deploy@staging")
    assert world.codes("staging") == ("healthy",) or world.tick()
    assert world.codes("staging") == ("healthy",)


def test_a_gate_whose_environment_left_the_policy_closes() -> None:
    world = asking()
    rules = policy(blob="q" * 40)
    world.current_policy = replace(rules, environments=(replace(rules.environments[1], after=None),))
    world.passes(1).tick()
    assert world.state("staging") == "superseded"
    assert world.codes("staging") == ("environment_removed",)


def test_evidence_that_changed_asks_anew() -> None:
    world = asking(policy(ApproverLine(permission=Permission.WRITE, count=2)))
    world.says(REVIEWER, "/approve staging")
    stage = world.run.stages["tests"]
    other = StageOutcome(StageVerdict.PASSED, StageReason.TESTS_PASSED, Evidence(summary="other"))
    world.run = world.run.with_stage(replace(stage, outcome=other))
    world.tick()
    assert "binding_changed" in {
        judged.code.value for judged in world.decisions[-1].verdicts["staging"].answers
    }
    question = world.gate("staging").question
    assert question is not None
    assert question.number == 2
    texts = [
        e.body for e in world.effects if isinstance(e, PublishComment) and e.surface == "question:staging:1"
    ]
    assert "replaced" in texts[-1]


def test_deciding_the_same_again_gives_the_same_again() -> None:
    world = asking()
    conditions = world.conditions()
    run = world.run
    event = ClockTicked(START)
    from gate_app.domain.decide import decide

    assert decide(run, event, conditions) == decide(run, event, conditions)
    assert decide(decide(run, event, conditions).run, event, conditions).effects == ()


def test_an_environment_named_in_the_policy_only_is_configured_in_its_order() -> None:
    assert [e.name for e in policy().environments] == ["staging", "production"]
    assert Environment("x").origin.value == "default_branch"


def test_a_bot_in_the_record_never_counts() -> None:
    """Belt and braces: even if an answer of a bot were recorded, it would not count."""
    world = asking()
    world.says(REVIEWER, "/approve production")
    gate = world.gate("staging")
    assert gate.question is not None
    answer = Answer("approval", ROBOT, world.now, 77, "x", 1, gate.question.binding)
    world.run = world.run.with_gate(replace(gate, answers=(answer,)))
    world.comments[77] = "x"
    world.tick()
    assert not world.releases("staging")
    assert [judged.code.value for judged in world.decisions[-1].verdicts["staging"].answers] == [
        "not_a_person"
    ]


def test_the_order_in_which_comments_arrive_does_not_matter() -> None:
    """An older answer that is delivered later does not replace the newer one."""
    world = asking(policy(ApproverLine(permission=Permission.WRITE, count=2)))
    world.says(REVIEWER, "/approve staging")
    gate = world.gate("staging")
    earlier = replace(
        gate.answers[0], kind="denial", at=gate.answers[0].at - timedelta(seconds=1), comment_id=66
    )
    world.run = world.run.with_gate(replace(gate, answers=(*gate.answers, earlier)))
    world.comments[66] = earlier.body_sha256
    world.tick()
    assert world.state("staging") == "waiting"
    codes = {judged.answer: judged.code.value for judged in world.decisions[-1].verdicts["staging"].answers}
    assert codes["comment:66"] == "answer_replaced"


def test_two_people_who_fit_the_same_single_place_do_not_fill_two() -> None:
    lines = (ApproverLine(permission=Permission.MAINTAIN), ApproverLine(teams=("acme/sre",)))
    world = asking(policy(*lines))
    other = Person(110, "second-maintainer")
    world.standings[other.id] = Standing(other, Permission.MAINTAIN)
    world.says(MAINTAINER, "/approve staging")
    world.says(other, "/approve staging")
    assert not world.releases("staging")
    world.says(REVIEWER, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_a_broken_policy_at_the_opening_judges_nothing() -> None:
    world = proposed(PolicyProblem("policy_invalid", "x"))
    world.run = world.run.with_gate(Gate("staging"))
    decision = world.tick()
    assert decision.verdicts["staging"].state.value == "waiting"
    assert "policy_invalid" in decision.verdicts["staging"].codes


def test_a_worker_of_a_deployment_that_vanishes_is_replaced_and_then_unknown() -> None:
    world = asking()
    world.says(REVIEWER, "/approve staging")
    world.happens(DeploymentCreated(world.now, "staging", 7))
    for attempt in range(1, 6):
        world.happens(StageVanished(world.now, "deploy@staging", attempt))
    world.tick()
    assert world.codes("staging") == ("deployment_failed",)


def test_a_lost_deployment_whose_policy_broke_meanwhile_ends_unknown() -> None:
    world = asking()
    world.says(REVIEWER, "/approve staging")
    world.happens(DeploymentCreated(world.now, "staging", 7))
    world.run = replace(world.run, policy=PolicyProblem("policy_invalid", "x"))
    world.current_policy = PolicyProblem("policy_invalid", "x")
    world.happens(StageVanished(world.now, "deploy@staging", 1))
    world.tick()
    assert world.codes("staging") == ("deployment_failed",)


def test_a_release_whose_route_left_the_policy_fails_visibly() -> None:
    world = asking()
    world.says(REVIEWER, "/approve staging")
    rules = policy(blob="q" * 40)
    world.current_policy = replace(rules, environments=(replace(rules.environments[1], after=None),))
    world.passes(1).tick()
    world.happens(DeploymentCreated(world.now, "staging", 7))
    world.tick()
    assert world.codes("staging") == ("route_unavailable",)


def test_nothing_of_a_run_is_asked_when_there_is_no_conversation() -> None:
    world = proposed(change=replace(CHANGE, conversation=None))
    world.stage_ends()
    assert world.decisions[-1].verdicts["staging"].asks
    assert not [effect for effect in world.effects if isinstance(effect, PublishComment)]


def test_the_status_of_a_merged_run_is_left_to_the_run_of_the_default_branch() -> None:
    rules = policy()
    later = replace(rules.environments[1], origin=Origin.DEFAULT_BRANCH)
    world = asking(replace(rules, environments=(rules.environments[0], later)))
    shown = len([e for e in world.effects if isinstance(e, PublishComment) and e.surface == "status"])
    world.happens(ChangeClosed(world.now, True))
    assert len([e for e in world.effects if isinstance(e, PublishComment) and e.surface == "status"]) == shown
    assert world.run.final
    world.says(REVIEWER, "/approve production")
    assert world.replies() == [], "the run of the default branch answers"


def test_a_superseded_run_without_gates_is_final() -> None:
    world = proposed(PolicyProblem("policy_invalid", "x"))
    assert not world.run.final
    world.happens(ChangeClosed(world.now, False))
    assert world.run.final
    assert world.run.wake_at is None


def test_every_effect_is_known_by_its_key() -> None:
    world = asking()
    world.says(REVIEWER, "/approve staging")
    world.happens(HeadMoved(world.now, "d" * 40, "main"))
    world.deploys("staging")
    other = proposed()
    other.happens(HeadMoved(other.now, "d" * 40, "main"))
    keys = {effect.key.partition(":")[0] for effect in (*world.effects, *other.effects)}
    assert keys == {"start", "stop", "show", "react", "deployment", "report"}


def test_policies_say_what_they_name() -> None:
    rules = policy(ApproverLine(users=("a", "b")), ApproverLine(users=("b",), teams=("acme/sre",)))
    assert rules.logins() == ("a", "b")
    assert rules.teams() == ("acme/sre",)
    with pytest.raises(KeyError):
        rules.stage("nothing")
    assert Permission.of_role("maintain") is Permission.MAINTAIN
    assert Permission.of_role("custom-role") is Permission.NONE, "case 65"


def test_subjects_have_one_stable_name() -> None:
    for subject in (
        Subject(7, number=3),
        Subject(7, ref="refs/heads/main"),
        Subject(7, ref="refs/heads/a@b#1"),
    ):
        assert Subject.parse(subject.key) == subject
    with pytest.raises(ValueError, match="not both"):
        Subject(7)
    assert CHANGE.repository.full_name == "acme/greeter"


def test_evidence_counts_and_bounds() -> None:
    counts = TestCounts(3, 1, 1, 2)
    assert (counts.ran, counts.total) == (4, 7)
    assert Severity.HIGH.at_least(Severity.MEDIUM)
    assert Evidence(findings=(HIGH, LOW)).severities.total == 2
    with pytest.raises(ValueError, match="summary"):
        Evidence(summary="x" * 501)
    with pytest.raises(ValueError, match="failures"):
        Evidence(failures=(TestFailure("x", "y"),) * 101)
