"""`/retry stage` and GitHub's "Re-run": who may, what runs again, how often, and what answers are then worth."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.runs import (
    AUTHOR,
    MAINTAINER,
    READER,
    REVIEWER,
    ROBOT,
    TESTS,
    World,
    asking,
    failed,
    passed,
    policy,
    proposed,
    unknown_outcome,
)

from gate_app.domain.effects import PublishCheckRun, PublishComment, React, StartStage
from gate_app.domain.events import RerunRequested
from gate_app.domain.evidence import Evidence, StageOutcome, StageReason, StageVerdict, TestCounts
from gate_app.domain.following import concerned
from gate_app.domain.model import Person, Unknown
from gate_app.domain.policy import ChecksWork, Policy, PolicyProblem, Stage, WorkflowWork
from gate_app.domain.requests import MAX_ATTEMPTS
from gate_app.domain.run import RunState, StageRole, StageStatus
from gate_app.domain.sentences import sentence
from gate_app.domain.verdict import ReasonCode, refused

TIMED_OUT = StageOutcome(StageVerdict.UNKNOWN, StageReason.TIMED_OUT, Evidence(), "It took too long.")


def troubled(outcome: StageOutcome, rules: Policy | None = None) -> World:
    """The tests came to no good end."""
    world = proposed(rules)
    world.passes(5).stage_ends(outcome=outcome)
    return world


def reruns(world: World, person: Person, shown: str = "stage:tests") -> None:
    world.passes(1)
    world.happens(RerunRequested(world.now, person, shown))


def starts(world: World, stage: str = "tests") -> list[int]:
    return [e.attempt for e in world.effects if isinstance(e, StartStage) and e.stage == stage]


def shown(world: World, surface: str) -> list[PublishCheckRun]:
    return [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == surface]


@pytest.mark.parametrize("outcome", [failed(), unknown_outcome(), TIMED_OUT], ids=lambda o: o.reason.value)
def test_what_came_to_no_good_end_runs_again_at_the_same_head(outcome: StageOutcome) -> None:
    world = troubled(outcome)
    world.says(REVIEWER, "/retry tests")
    assert [e.content for e in world.effects if isinstance(e, React)] == ["+1"]
    assert starts(world) == [1, 2]
    assert {e.sha for e in world.effects if isinstance(e, StartStage)} == {world.run.change.head.sha}
    assert world.run.stages["tests"].status is StageStatus.RUNNING
    world.stage_ends()
    assert world.decisions[-1].verdicts["staging"].asks


def test_the_author_may_have_it_run_again_and_is_no_more_an_approver_for_it() -> None:
    world = troubled(failed())
    world.says(AUTHOR, "/retry tests")
    world.stage_ends()
    world.says(AUTHOR, "/approve staging")
    assert "self_approval" in world.replies()[-1]


def test_what_runs_again_is_shown_on_a_check_run_of_its_own() -> None:
    world = troubled(failed())
    world.says(REVIEWER, "/retry tests")
    before, after = shown(world, "stage:tests")[-1], shown(world, "stage:tests:2")[-1]
    assert (before.name, before.conclusion) == ("stage / tests", "failure")
    assert (after.name, after.status) == ("stage / tests", "in_progress")
    assert before.external_id != after.external_id


def test_a_worker_that_vanishes_meanwhile_is_replaced_on_the_same_check_run() -> None:
    world = troubled(failed())
    world.says(REVIEWER, "/retry tests")
    stage = world.run.stages["tests"]
    assert (stage.attempt, stage.restarts, stage.series) == (2, 0, 2)
    world.run = world.run.with_stage(replace(stage, status=StageStatus.LOST))
    world.tick()
    again = world.run.stages["tests"]
    assert (again.attempt, again.restarts, again.series) == (3, 1, 2)


def test_a_question_that_was_asked_on_other_evidence_is_asked_anew_and_old_answers_do_not_count() -> None:
    """A gate that needs two people: one answered before the tests ran again and found something else."""
    rules = policy()
    two = replace(rules.environments[0].approval.lines[0], count=2)
    approval = replace(rules.environments[0].approval, lines=(two,))
    staging = replace(rules.environments[0], approval=approval)
    rules = replace(rules, environments=(staging, rules.environments[1]))
    world = asking(rules)
    world.says(REVIEWER, "/approve staging")
    first = world.gate("staging").question
    ended = replace(world.run.stages["tests"], outcome=TIMED_OUT)
    world.run = world.run.with_stage(ended)
    world.tick()
    world.says(REVIEWER, "/retry tests")
    counted = StageOutcome(
        StageVerdict.PASSED, StageReason.TESTS_PASSED, Evidence(tests=TestCounts(passed=2))
    )
    world.stage_ends(outcome=counted)
    asked = world.gate("staging").question
    assert first is not None
    assert asked is not None
    assert (first.number, asked.number) == (1, 2)
    world.says(MAINTAINER, "/approve staging")
    assert world.gate("staging").release is None
    world.says(REVIEWER, "/approve staging")
    assert world.gate("staging").release is not None


def others(world: World) -> None:
    """The failed stage is one that only looks at the checks of others."""
    assert isinstance(world.run.policy, Policy)
    world.run = replace(world.run, policy=replace(world.run.policy, stages=(Stage("tests", ChecksWork()),)))
    world.current_policy = world.run.policy


def of_release(world: World) -> None:
    world.run = world.run.with_stage(replace(world.run.stages["tests"], role=StageRole.VERIFY))


def spent(world: World) -> None:
    world.run = world.run.with_stage(replace(world.run.stages["tests"], attempt=MAX_ATTEMPTS))


def at_work(world: World) -> None:
    world.says(MAINTAINER, "/retry tests")


def over(world: World) -> None:
    world.run = replace(world.run, state=RunState.CLOSED)


def decided(world: World) -> None:
    world.says(MAINTAINER, "/cancel")


@pytest.mark.parametrize(
    ("line", "before", "said"),
    [
        ("/retry lint", None, "stage_not_found"),
        ("/retry lint", None, "Stages here: `tests`."),
        ("/retry", None, "it does not say which stage. Stages here: `tests`."),
        ("/retry tests now", None, "stage_not_found"),
        ("/retry tests", others, "stage_of_others"),
        ("/retry tests", of_release, "stage_of_release"),
        ("/retry tests", spent, "retries_spent"),
        ("/retry tests", at_work, "stage_not_failed"),
        ("/retry tests", over, "too_late"),
        ("/retry tests", decided, "too_late"),
    ],
)
def test_what_may_not_run_again_does_not_and_the_reply_says_why(line, before, said) -> None:  # type: ignore[no-untyped-def]  # a table
    world = troubled(failed())
    if before is not None:
        before(world)
    known = starts(world)
    world.says(MAINTAINER, line)
    assert starts(world) == known
    assert said in world.replies()[-1]


def test_what_passed_never_runs_again() -> None:
    world = asking()
    world.says(MAINTAINER, "/retry tests")
    assert starts(world) == [1]
    assert "stage_not_failed" in world.replies()[-1]


def test_it_takes_write_permission() -> None:
    world = troubled(failed())
    world.says(READER, "/retry tests")
    reruns(world, READER)
    assert starts(world) == [1]
    assert "not_permitted" in world.replies()[-1]


def test_bots_run_nothing_again() -> None:
    world = troubled(failed())
    world.says(ROBOT, "/retry tests")
    world.says(REVIEWER, "/retry tests", via_app=True)
    pictures = len(shown(world, "stage:tests"))
    reruns(world, ROBOT)
    assert starts(world) == [1]
    assert len(shown(world, "stage:tests")) == pictures
    assert world.replies() == []


def test_a_workflow_that_failed_is_dispatched_again() -> None:
    rules = policy()
    rules = replace(rules, stages=(replace(TESTS, work=WorkflowWork("ci.yml")),))
    world = troubled(failed(), rules)
    world.says(MAINTAINER, "/retry tests")
    assert [e.key for e in world.effects if e.kind == "dispatch_workflow"] == [
        "dispatch:tests:1",
        "dispatch:tests:2",
    ]


def test_a_failing_stage_says_how_to_run_it_again_and_the_help_knows_the_command() -> None:
    world = troubled(failed())
    assert "`/retry tests`" in shown(world, "gate:staging")[-1].summary
    world.says(MAINTAINER, "/help")
    assert "`/retry stage`" in world.replies()[-1]
    of_others = refused(ReasonCode.STAGE_FAILED, stage="ci", code="checks_failed")
    assert sentence(of_others) == "Stage `ci` failed. Push a fix."


# --- GitHub's "Re-run" ---


def test_a_re_run_of_our_check_run_runs_the_stage_again() -> None:
    world = troubled(failed())
    reruns(world, MAINTAINER)
    assert starts(world) == [1, 2]
    world.stage_ends(outcome=failed())
    reruns(world, MAINTAINER, "stage:tests:2")
    assert starts(world) == [1, 2, 3]
    assert world.replies() == []


def test_a_re_run_of_all_checks_runs_again_what_failed_and_shows_the_rest_once_more() -> None:
    rules = policy()
    stages = (TESTS, Stage("lint", TESTS.work), Stage("ci", ChecksWork()))
    world = proposed(replace(rules, stages=stages))
    world.stage_ends(outcome=failed())
    world.stage_ends("lint")
    gates = len(shown(world, "gate:staging"))
    reruns(world, MAINTAINER, "")
    assert (starts(world), starts(world, "lint")) == ([1, 2], [1])
    assert len(shown(world, "stage:lint")) == 3
    assert len(shown(world, "gate:staging")) > gates


def test_a_re_run_of_what_passed_or_of_a_gate_shows_it_again_and_changes_nothing() -> None:
    """Case 50: it keeps the answers and grants nothing."""
    world = asking()
    world.says(REVIEWER, "/approve staging")
    before = world.run
    for each, surface in (("stage:tests", "stage:tests"), ("production", "gate:production")):
        pictures = len(shown(world, surface))
        reruns(world, MAINTAINER, each)
        assert len(shown(world, surface)) == pictures + 1
    assert (world.run.gates, world.run.stages) == (before.gates, before.stages)
    assert starts(world) == [1]
    assert world.replies() == []


def test_a_re_run_that_may_not_be_is_answered_where_people_talk() -> None:
    world = troubled(failed())
    spent(world)
    reruns(world, MAINTAINER)
    assert "Re-run of `tests` by `maintainer` was not obeyed (`retries_spent`)" in world.replies()[-1]
    world.standings[MAINTAINER.id] = Unknown("hub_unavailable")
    reruns(world, MAINTAINER, "")
    assert "Re-run of all checks by `maintainer` was not obeyed (`standing_unknown`)" in world.replies()[-1]


def test_without_a_pull_request_a_refused_re_run_is_not_answered() -> None:
    world = troubled(failed())
    world.run = replace(world.run, change=replace(world.run.change, conversation=None))
    reruns(world, READER)
    assert not [e for e in world.effects if isinstance(e, PublishComment) and e.surface.startswith("reply:")]


def test_without_a_policy_that_can_be_read_nothing_runs_again() -> None:
    world = proposed(PolicyProblem("policy_invalid", "x"))
    pictures = len(shown(world, "policy"))
    reruns(world, MAINTAINER, "policy")
    assert len(shown(world, "policy")) == pictures + 1
    world.says(MAINTAINER, "/retry tests")
    assert "stage_not_found" not in world.replies()[-1]


def test_the_same_evidence_once_more_keeps_what_was_answered() -> None:
    world = asking()
    asked = world.gate("staging").question
    world.run = world.run.with_stage(replace(world.run.stages["tests"], outcome=TIMED_OUT))
    world.tick()
    world.says(MAINTAINER, "/retry tests")
    world.stage_ends(outcome=passed())
    assert world.gate("staging").question == asked


def test_a_webhook_about_a_commit_concerns_the_run_that_decides_on_it() -> None:
    world = troubled(failed())
    assert concerned(world.run) == (("head", world.run.change.head.sha),)
    assert concerned(replace(world.run, state=RunState.SUPERSEDED)) == ()
