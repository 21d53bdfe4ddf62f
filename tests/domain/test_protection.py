"""GitHub's own gate: a held job is let go once, for exactly what was approved; everything else keeps it waiting."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support.runs import CHANGE, HEAD, MAINTAINER, REVIEWER, World, policy, proposed

from gate_app.domain.conditions import Head
from gate_app.domain.effects import AnswerJob, CreateDeployment
from gate_app.domain.events import (
    ChangeClosed,
    DeploymentCreated,
    HeadMoved,
    JobHeld,
    ReleaseReturned,
    StageVanished,
)
from gate_app.domain.following import watched
from gate_app.domain.held import KEPT_HELD, HeldRun
from gate_app.domain.kept import Kept
from gate_app.domain.model import Change, Content, Origin, Purpose, Subject, Unknown
from gate_app.domain.overrides import Override
from gate_app.domain.policy import ApprovalMode, CommandRoute, Policy, ProtectionRuleRoute
from gate_app.domain.protection import held_looks, held_reason, held_to_read
from gate_app.domain.run import ReleaseStatus
from gate_app.domain.verdict import ReasonCode
from gate_app.domain.workflows import WorkflowSeen

WAITING = HeldRun(77, 1, "pull_request", "french", HEAD.sha, own=True, environments=("staging",), pulls=(1,))
MAIN = replace(WAITING, event="push", branch="main", pulls=())


def routed(**changed: Any) -> Policy:
    rules = policy(**changed)
    held = tuple(replace(each, deploy=ProtectionRuleRoute()) for each in rules.environments)
    return replace(rules, environments=held)


def passing(**changed: Any) -> World:
    world = proposed(routed(**changed))
    world.stage_ends()
    return world


def holds(world: World, seen: HeldRun | Unknown = WAITING, run_id: int = 77) -> World:
    """GitHub holds a job, and tells of it."""
    world.held[run_id] = seen
    world.passes(1).happens(JobHeld(world.now, run_id))
    return world


def approved(world: World | None = None) -> World:
    world = world or holds(passing())
    world.says(REVIEWER, "/approve staging")
    return world


def released(world: World | None = None) -> World:
    """GitHub has the deployment record: only then the job is answered."""
    world = approved(world)
    world.passes(1).happens(DeploymentCreated(world.now, "staging", 901))
    return world


def answers(world: World) -> list[tuple[str, int, int, str]]:
    """What GitHub was told that decides something."""
    told = [each for each in world.effects if isinstance(each, AnswerJob) and each.answer != "waiting"]
    return [(each.environment, each.run_id, each.run_attempt, each.answer) for each in told]


def reports(world: World) -> list[str]:
    return [e.comment for e in world.effects if isinstance(e, AnswerJob) and e.answer == "waiting"]


def of_branch() -> Change:
    main = Subject(CHANGE.repository.id, ref="refs/heads/main")
    return replace(
        CHANGE,
        subject=main,
        origin=Origin.DEFAULT_BRANCH,
        conversation=None,
        head_branch="main",
        base_ref="main",
    )


def from_branch() -> World:
    rules = routed()
    here = tuple(replace(each, origin=Origin.DEFAULT_BRANCH) for each in rules.environments)
    world = proposed(replace(rules, environments=here), of_branch())
    world.stage_ends()
    return world


# --- what opens nothing -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        pytest.param(replace(WAITING, sha="d" * 40), "job_other_commit", id="same run, other commit"),
        pytest.param(replace(WAITING, own=False), "job_of_fork", id="a job of a fork"),
        pytest.param(
            replace(WAITING, event="pull_request_target"), "job_started_by", id="pull_request_target"
        ),
        pytest.param(replace(WAITING, event="issue_comment"), "job_started_by", id="issue_comment"),
        pytest.param(replace(WAITING, event="workflow_run"), "job_started_by", id="workflow_run"),
        pytest.param(replace(WAITING, event="merge_group"), "job_started_by", id="merge_group"),
        pytest.param(
            replace(WAITING, branch="other"), "job_other_branch", id="the same commit on another branch"
        ),
        pytest.param(replace(WAITING, branch=""), "job_other_branch", id="no branch"),
        pytest.param(Unknown("hub_refused", "404"), "job_unreadable", id="another repository's run"),
        pytest.param(Unknown("hub_unavailable"), "job_unreadable", id="GitHub cannot be reached"),
        pytest.param(replace(WAITING, environments=()), "job_awaited", id="nothing waits any more"),
        pytest.param(replace(WAITING, environments=("production",)), "job_awaited", id="another environment"),
        pytest.param(replace(WAITING, environments=("Staging",)), "job_awaited", id="another letter case"),
        pytest.param(replace(WAITING, environments=("staging ",)), "job_awaited", id="a blank at the end"),
        pytest.param(replace(WAITING, environments=("st\u0430ging",)), "job_awaited", id="a Cyrillic letter"),
        pytest.param(replace(WAITING, environments=("staging/../production",)), "job_awaited", id="a path"),
    ],
)
def test_a_job_that_no_gate_is_for_asks_nobody_and_is_not_answered(
    seen: HeldRun | Unknown, code: str
) -> None:
    world = holds(passing(), seen)
    assert code in world.codes("staging")
    approved(world)
    assert world.gate("staging").question is None
    assert (answers(world), world.releases("staging")) == ([], [])


@pytest.mark.parametrize("event", ["pull_request", "pull_request_target", "release", "issue_comment"])
def test_on_the_default_branch_no_event_counts_that_a_pull_request_causes(event: str) -> None:
    world = holds(from_branch(), replace(MAIN, event=event))
    assert "job_started_by" in world.codes("staging")


@pytest.mark.parametrize("event", ["push", "schedule", "workflow_dispatch", "repository_dispatch"])
def test_a_job_without_a_pull_request_has_a_gate_of_its_own(event: str) -> None:
    world = holds(from_branch(), replace(MAIN, event=event))
    assert world.decisions[-1].verdicts["staging"].asks
    assert "on the check run of commit" in reports(world)[-1]
    assert "#" not in reports(world)[-1]


def test_a_tag_with_the_same_commit_is_another_ref() -> None:
    assert "job_other_branch" in holds(from_branch(), replace(MAIN, branch="v1")).codes("staging")


def test_nobody_is_asked_before_a_job_waits() -> None:
    world = passing()
    assert world.codes("staging") == ("job_awaited",) or "job_awaited" in world.codes("staging")
    assert world.gate("staging").question is None
    assert reports(world) == []


# --- the way that it goes -----------------------------------------------------------------------------------


def test_an_approval_lets_the_job_go_once_github_has_the_record() -> None:
    world = approved()
    assert answers(world) == []
    world.passes(1).happens(DeploymentCreated(world.now, "staging", 901))
    assert answers(world) == [("staging", 77, 1, "approved")]
    (sent,) = [e for e in world.effects if isinstance(e, AnswerJob) and e.answer == "approved"]
    assert "Approved by reviewer." in sent.comment
    assert "every job of this workflow run" in sent.comment
    assert (sent.stage, sent.attempt) == ("deploy@staging", 1)


def test_a_gate_that_asks_nobody_lets_the_job_go_and_says_so() -> None:
    world = holds(passing(mode=ApprovalMode.NEVER))
    world.passes(1).happens(DeploymentCreated(world.now, "staging", 901))
    (sent,) = [e for e in world.effects if isinstance(e, AnswerJob)]
    assert sent.comment.startswith("Approved: the gate file asks nobody.")


def test_the_report_says_where_to_answer_what_it_covers_and_when_github_gives_up() -> None:
    (said,) = reports(holds(passing()))
    assert "answer on #1 or on the check run" in said
    assert "every job of this workflow run" in said
    assert "30 days: on 2026-04-01." in said


def test_the_same_delivery_again_changes_nothing() -> None:
    world = holds(holds(passing()))
    assert len(reports(world)) == 1
    world = holds(released(world))
    assert answers(world) == [("staging", 77, 1, "approved")]


@pytest.mark.parametrize(
    ("conclusion", "status"),
    [
        ("success", ReleaseStatus.HEALTHY),
        ("failure", ReleaseStatus.FAILED),
        ("cancelled", ReleaseStatus.FAILED),
        ("", ReleaseStatus.DEPLOYING),
    ],
)
def test_the_end_of_the_jobs_is_the_end_of_the_release(conclusion: str, status: ReleaseStatus) -> None:
    world = released()
    assert ("workflow_run", "77") in watched(world.run)
    world.workflow_runs["deploy@staging"] = WorkflowSeen(77, 1, conclusion, HEAD.sha)
    world.tick()
    release = world.gate("staging").release
    assert release is not None
    assert release.status is status


def test_a_release_in_flight_is_not_looked_at_as_a_job_that_waits() -> None:
    world = holds(released(), replace(WAITING, attempt=2))
    release = world.gate("staging").release
    assert release is not None
    assert release.held == WAITING.job


def test_two_workflow_runs_are_decided_on_one_after_the_other() -> None:
    world = holds(holds(passing()), replace(WAITING, id=78), 78)
    assert world.gate("staging").job == WAITING.job
    world = released(world)
    world.workflow_runs["deploy@staging"] = WorkflowSeen(77, 1, "success", HEAD.sha)
    world.tick()
    holds(world, replace(WAITING, id=78), 78)
    job = world.gate("staging").job
    assert (job.run_id if job else 0, world.gate("staging").release) == (78, None)


def test_a_gate_remembers_so_many_runs_and_no_more() -> None:
    world = passing()
    for number in range(1, KEPT_HELD + 5):
        holds(world, Unknown("hub_unavailable"), number)
    assert len(world.gate("staging").held) == KEPT_HELD


def test_however_many_wait_the_job_that_people_are_asked_about_stays() -> None:
    """Whoever may start workflows could void every answer otherwise, by starting many."""
    world = holds(passing())
    for number in range(100, 100 + KEPT_HELD + 5):
        holds(world, replace(WAITING, id=number), number)
    assert world.gate("staging").job == WAITING.job
    assert answers(released(world)) == [("staging", 77, 1, "approved")]


# --- what voids an answer ------------------------------------------------------------------------------------


def test_case_105_a_re_run_is_another_question_and_old_answers_are_void() -> None:
    world = holds(passing(), WAITING)
    asked = world.gate("staging").question
    world.says(MAINTAINER, "/hold wait")
    world.says(REVIEWER, "/approve staging")
    holds(world, replace(WAITING, attempt=2))
    world.says(MAINTAINER, "/resume")
    again = world.gate("staging").question
    assert asked is not None
    assert again is not None
    assert again.number == asked.number + 1
    assert world.releases("staging") == []
    released(world)
    assert answers(world) == [("staging", 77, 2, "approved")]


def test_a_re_run_of_what_was_denied_is_a_new_gate() -> None:
    world = holds(passing())
    world.says(REVIEWER, "/deny staging not today")
    assert answers(world) == [("staging", 77, 1, "rejected")]
    holds(world)
    assert world.state("staging") == "denied"
    holds(world, replace(WAITING, attempt=2))
    assert world.decisions[-1].verdicts["staging"].asks
    released(world)
    assert answers(world)[-1] == ("staging", 77, 2, "approved")


def test_a_job_that_was_cancelled_while_it_waited_is_not_released_by_a_late_answer() -> None:
    world = holds(passing())
    world.held[77] = replace(WAITING, environments=())
    approved(world)
    assert world.releases("staging") == []
    assert world.gate("staging").job is None


@pytest.mark.parametrize("unread", [Unknown("hub_unavailable"), Unknown("hub_refused", "403")])
def test_a_job_that_cannot_be_read_releases_nothing_and_keeps_its_question(unread: Unknown) -> None:
    world = holds(passing())
    asked = world.gate("staging").question
    world.held[77] = unread
    approved(world)
    assert "job_unreadable" in world.codes("staging")
    assert world.releases("staging") == []
    world.held[77] = WAITING
    world.tick()
    assert world.gate("staging").question == asked
    assert len(world.releases("staging")) == 1


# --- how a closed gate answers ---------------------------------------------------------------------------------


def test_a_denial_rejects_with_its_reason() -> None:
    world = holds(passing())
    world.says(REVIEWER, "/deny staging not on a Friday")
    (sent,) = [e for e in world.effects if isinstance(e, AnswerJob) and e.answer == "rejected"]
    assert "reviewer" in sent.comment


def test_a_question_that_nobody_answered_is_rejected_and_never_approved() -> None:
    world = holds(passing())
    world.passes(timedelta(hours=49).total_seconds()).tick()
    assert answers(world) == [("staging", 77, 1, "rejected")]


def test_a_newer_commit_cancels_and_does_not_reject() -> None:
    world = holds(passing())
    world.happens(HeadMoved(world.passes(1).now, "d" * 40, "main"))
    assert answers(world) == [("staging", 77, 1, "cancelled")]
    assert watched(world.run) == ()
    assert list(held_looks(world.run, world.now)) == []


def test_closing_the_pull_request_and_cancelling_cancel_the_run() -> None:
    world = holds(passing())
    world.happens(ChangeClosed(world.passes(1).now, merged=False))
    assert answers(world) == [("staging", 77, 1, "cancelled")]
    world = holds(passing())
    world.says(MAINTAINER, "/cancel")
    assert answers(world) == [("staging", 77, 1, "cancelled")]


def test_a_denial_before_the_job_was_let_go_rejects_it() -> None:
    world = approved()
    world.says(REVIEWER, "/deny staging stop")
    world.passes(1).happens(DeploymentCreated(world.now, "staging", 901))
    assert answers(world) == [("staging", 77, 1, "rejected")]


def test_a_release_that_came_back_is_judged_with_its_job() -> None:
    world = approved()
    world.happens(ReleaseReturned(world.passes(1).now, "staging", world.now, "refused"))
    assert len(world.releases("staging")) == 2
    assert [e.occasion for e in world.effects if isinstance(e, CreateDeployment)] == [1, 2]


# --- policies that change ----------------------------------------------------------------------------------------


def test_a_route_that_changed_after_the_release_began_still_lets_its_job_go() -> None:
    world = approved()
    rules = routed(blob="q" * 40)
    world.current_policy = replace(
        rules, environments=tuple(replace(e, deploy=CommandRoute("x")) for e in rules.environments)
    )
    world.passes(1).happens(DeploymentCreated(world.now, "staging", 901))
    assert answers(world) == [("staging", 77, 1, "approved")]


def test_a_head_that_moved_unheard_keeps_the_job_waiting() -> None:
    world = holds(passing())
    world.head = Head("e" * 40, "main", True)
    approved(world)
    assert (world.state("staging"), answers(world)) == ("waiting", [])


def test_an_approval_that_is_kept_over_a_push_is_not_for_another_attempt() -> None:
    world = holds(passing())
    world.says(MAINTAINER, "/hold wait")
    world.says(REVIEWER, "/approve staging")
    gate = world.gate("staging")
    given = gate.answers[0]
    kept = Kept(Content("e" * 40, HEAD.tree), world.now, world.now + timedelta(hours=1), {})
    bound = replace(given, binding=replace(given.binding, head_sha="e" * 40, job="76/1"))
    world.run = world.run.with_gate(replace(gate, answers=(bound,), kept=kept))
    world.says(MAINTAINER, "/resume")
    assert world.releases("staging") == []


def test_an_override_is_for_the_attempt_that_waited() -> None:
    world = holds(passing())
    gate = world.gate("staging")
    given = Override(MAINTAINER, world.now, 9, "d" * 64, "it burns", HEAD.sha, "p" * 40, "x")
    world.run = world.run.with_gate(replace(gate, override=given))
    holds(world)
    assert world.gate("staging").override == given
    holds(world, replace(WAITING, attempt=2))
    assert world.gate("staging").override is None


def test_a_deployment_that_lost_its_worker_is_not_made_again_by_a_route_without_a_job() -> None:
    world = proposed()
    world.stage_ends()
    world.says(REVIEWER, "/approve staging")
    world.happens(DeploymentCreated(world.passes(1).now, "staging", 901))
    world.current_policy = routed(blob="q" * 40)
    world.tick()
    world.happens(StageVanished(world.passes(1).now, "deploy@staging", 1))
    release = world.gate("staging").release
    assert release is not None
    assert (release.status, answers(world)) == (ReleaseStatus.FAILED, [])


def test_a_way_back_says_that_no_job_could_wait_for_it() -> None:
    world = holds(passing())
    back = replace(world.run, purpose=Purpose.ROLLBACK)
    assert held_reason(back, back.gates["staging"], world.conditions()).code is ReasonCode.ROUTE_UNAVAILABLE
    assert held_to_read(back, JobHeld(world.now, 77)) == ()


def test_each_answer_has_a_key_of_its_own() -> None:
    world = released()
    keys = [each.key for each in world.effects if isinstance(each, AnswerJob)]
    assert keys == ["held:staging:77:1:waiting:1", "held:staging:77:1:approved"]
