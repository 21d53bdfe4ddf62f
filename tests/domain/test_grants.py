"""The grant: exchanged once, by a job that may have it, for what was approved; everything else is a no."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support.runs import AUTHOR, HEAD, REVIEWER, World, policy, proposed

from gate_app.domain.conditions import EnvironmentFacts, Head
from gate_app.domain.decide import decide
from gate_app.domain.effects import CreateDeployment, DispatchWorkflow, ReportDeployment
from gate_app.domain.events import (
    ChangeClosed,
    DeployedByOthers,
    DeploymentCreated,
    HeadMoved,
    JobAsked,
    ReleaseReturned,
    WorkflowDispatched,
)
from gate_app.domain.grants import KEPT_ASKS, Job
from gate_app.domain.model import Unknown
from gate_app.domain.policy import CommandRoute, GrantRoute, Policy, ProtectionRuleRoute, WorkflowRoute
from gate_app.domain.run import ReleaseStatus
from gate_app.domain.workflows import WorkflowSeen

MAIN = "refs/heads/main"
JOB = Job(
    repository_id=71,
    owner_id=9,
    repository="acme/greeter",
    run_id=77,
    attempt=1,
    workflow="deploy.yml",
    workflow_ref=MAIN,
    called_from="deploy.yml",
    called_from_ref=MAIN,
    event="workflow_dispatch",
    run_ref=MAIN,
    sha="d" * 40,
    environment="staging",
    key="k" * 64,
)
WORKFLOW = WorkflowRoute("deploy.yml")
GRANT = GrantRoute()


def routed(route: Any = GRANT, **changed: Any) -> Policy:
    rules = policy(**changed)
    return replace(rules, environments=tuple(replace(e, deploy=route) for e in rules.environments))


def approved(route: Any = GRANT, **changed: Any) -> World:
    world = proposed(routed(route, **changed))
    world.stage_ends()
    world.says(REVIEWER, "/approve staging")
    return world


def asks(
    world: World, job: Job = JOB, want: Any = "redeem", outcome: Any = "", environment: str = "staging"
) -> dict[str, Any]:
    """A job asks, and is told what the decision came to."""
    world.passes(1)
    ticket = f"{len(world.decisions):064x}"
    world.happens(JobAsked(world.now, environment, ticket, want, job, outcome))
    return told(world, ticket)


def told(world: World, ticket: str) -> dict[str, Any]:
    """What whoever has this ticket reads now."""
    answers = [each for decision in world.decisions for each in decision.answers if each.ticket == ticket]
    return dict(json.loads(answers[-1].body)) if answers else {}


def created(world: World) -> World:
    world.passes(1).happens(DeploymentCreated(world.now, "staging", 901))
    return world


def redeemed(world: World | None = None, job: Job = JOB) -> World:
    """The job asked, and GitHub has the deployment record."""
    world = world or approved()
    assert asks(world, job)["reason_code"] == "grant_prepared"
    return created(world)


def last(world: World) -> dict[str, Any]:
    return told(world, world.gate("staging").asks[-1].ticket)


def status(world: World) -> ReleaseStatus | None:
    release = world.gate("staging").release
    return release.status if release else None


# --- the way that it goes --------------------------------------------------------------------------------


def test_an_approval_releases_nothing_until_a_job_redeems_it() -> None:
    world = approved()
    assert world.codes("staging") == ("grant_awaited",)
    assert world.releases("staging") == []
    assert status(world) is None


def test_people_are_asked_before_any_job_is_there() -> None:
    world = proposed(routed())
    world.stage_ends()
    assert world.decisions[-1].verdicts["staging"].asks


def test_the_job_gets_what_was_approved_once_github_has_the_record() -> None:
    world = redeemed()
    grant = last(world)
    assert (grant["decision"], grant["reason_code"], grant["final"]) == ("approved", "grant_given", True)
    assert grant["sha"] == HEAD.sha
    assert grant["grant_id"] == "71#1:1:staging/1"
    assert grant["approved_by"] == ["reviewer"]
    assert [type(e) for e in world.effects].count(CreateDeployment) == 1


def test_before_that_it_is_told_to_wait_and_gets_no_grant() -> None:
    world = approved()
    waits = asks(world)
    assert (waits["decision"], waits["final"], waits["grant_id"]) == ("waiting", False, "")


def test_the_parameters_are_those_of_the_approved_plan() -> None:
    from gate_app.domain.parameters import Parameter

    rules = routed(parameters=(Parameter("percent", "integer", default="10", minimum=1, maximum=100),))
    world = proposed(rules)
    world.stage_ends()
    world.says(AUTHOR, "/modify staging percent=25")
    world.says(REVIEWER, "/approve staging")
    assert last(redeemed(world))["parameters"] == {"percent": "25"}


def test_the_end_of_the_workflow_run_ends_the_release() -> None:
    world = redeemed()
    assert status(world) is ReleaseStatus.DEPLOYING
    world.workflow_runs["deploy@staging"] = WorkflowSeen(77, 1, "success", "d" * 40)
    world.passes(60).tick()
    assert status(world) is ReleaseStatus.HEALTHY
    assert [e.state for e in world.effects if isinstance(e, ReportDeployment)] == ["in_progress", "success"]


@pytest.mark.parametrize(
    ("outcome", "ends"),
    [("success", "healthy"), ("failure", "deployment_failed"), ("cancelled", "deployment_unknown")],
)
def test_the_job_itself_may_say_how_it_ended(outcome: str, ends: str) -> None:
    world = redeemed()
    assert asks(world, want="report", outcome=outcome)["reason_code"] == "report_heard"
    assert world.codes("staging") == (ends,)


def test_a_report_counts_although_the_run_goes_on() -> None:
    """Production may follow in the same run, and waits for staging."""
    world = redeemed()
    world.workflow_runs["deploy@staging"] = WorkflowSeen(77, 1, "", "d" * 40)
    asks(world, want="report", outcome="success")
    assert status(world) is ReleaseStatus.HEALTHY


def test_a_report_is_heard_once() -> None:
    world = redeemed()
    asks(world, want="report", outcome="failure")
    asks(world, want="report", outcome="success")
    assert world.codes("staging") == ("deployment_failed",)


@pytest.mark.parametrize(
    "job", [replace(JOB, run_id=78), replace(JOB, attempt=2), replace(JOB, repository_id=72)]
)
def test_nobody_else_reports_its_end(job: Job) -> None:
    world = redeemed()
    assert asks(world, job, "report", "success")["reason_code"] == "report_not_expected"
    assert status(world) is ReleaseStatus.DEPLOYING


def test_a_report_before_any_redemption_ends_nothing() -> None:
    world = approved()
    assert asks(world, want="report", outcome="success")["decision"] == "denied"
    assert status(world) is None


def test_a_job_that_redeems_in_a_later_attempt_is_not_judged_by_the_earlier_one() -> None:
    world = redeemed(job=replace(JOB, attempt=2))
    world.workflow_runs["deploy@staging"] = WorkflowSeen(77, 1, "failure", "d" * 40)
    world.passes(60).tick()
    assert status(world) is ReleaseStatus.DEPLOYING


# --- once ------------------------------------------------------------------------------------------------


def test_whoever_asks_again_because_the_answer_was_lost_gets_the_same() -> None:
    world = redeemed()
    before = last(world)
    assert asks(world) == before
    assert len(world.releases("staging")) == 1


@pytest.mark.parametrize(
    "other",
    [
        replace(JOB, run_id=78),
        replace(JOB, attempt=2),
        replace(JOB, key="x" * 64),
        replace(JOB, workflow="other.yml", called_from="other.yml"),
    ],
    ids=["another run", "run again", "another job of the run", "another workflow"],
)
def test_there_is_one_redeemer_ever(other: Job) -> None:
    """Cases 105, 129."""
    world = redeemed()
    answer = asks(world, other)
    assert (answer["decision"], answer["reason_code"], answer["grant_id"]) == ("denied", "grant_used", "")
    world.passes(1).happens(DeploymentCreated(world.now, "staging", 901))
    assert len(world.releases("staging")) == 1


def test_after_its_end_the_grant_is_still_used() -> None:
    world = redeemed()
    asks(world, want="report", outcome="success")
    assert asks(world, replace(JOB, run_id=78))["reason_code"] == "grant_used"
    assert asks(world)["reason_code"] == "grant_given"


def test_what_failed_is_granted_no_more_not_even_to_who_had_it() -> None:
    """Its environment is free: a newer release may be under way when a lost answer is asked for again."""
    world = redeemed()
    asks(world, replace(JOB, key="x" * 64), want="report", outcome="failure")
    assert status(world) is ReleaseStatus.FAILED
    again = asks(world)
    assert (again["decision"], again["reason_code"], again["grant_id"]) == ("denied", "deployment_failed", "")


@pytest.mark.parametrize(("minutes", "redeems"), [(9, True), (11, False)])
def test_a_redemption_that_was_stored_long_ago_releases_nothing(minutes: int, redeems: bool) -> None:
    """After an outage nobody may be there any more to deploy."""
    world = approved()
    world.passes(minutes * 60)
    sent = world.now - timedelta(minutes=minutes)
    world.happens(JobAsked(sent, "staging", "t" * 64, "redeem", JOB))
    assert bool(world.releases("staging")) is redeems
    assert (told(world, "t" * 64)["reason_code"] == "grant_awaited") is not redeems


def test_an_earlier_ask_is_not_redeemed_by_a_later_approval() -> None:
    """Nobody may be there any more to deploy."""
    world = proposed(routed())
    world.stage_ends()
    assert asks(world)["reason_code"] == "approval_missing"
    world.says(REVIEWER, "/approve staging")
    assert world.codes("staging") == ("grant_awaited",)
    assert world.releases("staging") == []


# --- each thing that a token says ------------------------------------------------------------------------


@pytest.mark.parametrize("route", [GrantRoute("deploy.yml"), WORKFLOW], ids=["grant", "workflow"])
@pytest.mark.parametrize(
    ("claim", "value", "code"),
    [
        ("repository_id", 72, "job_foreign"),
        ("repository", "acme/other", "job_foreign"),
        ("owner_id", 10, "job_foreign"),
        ("event", "pull_request_target", "job_event"),
        ("event", "workflow_run", "job_event"),
        ("event", "issue_comment", "job_event"),
        ("event", "pull_request", "job_event"),
        ("run_ref", "refs/heads/feature", "job_ref"),
        ("run_ref", "refs/tags/main", "job_ref"),
        ("workflow_ref", "refs/heads/feature", "job_ref"),
        ("workflow_ref", "refs/pull/1/merge", "job_ref"),
        ("called_from_ref", "refs/heads/feature", "job_ref"),
        ("environment", "production", "job_environment"),
        ("environment", "Staging", "job_environment"),
        ("workflow", "other.yml", "job_workflow"),
        ("called_from", "other.yml", "job_workflow"),
    ],
)
def test_one_claim_that_differs_is_a_no(route: Any, claim: str, value: Any, code: str) -> None:
    """Cases 105, 129, 130, 132, 133."""
    world = dispatched() if isinstance(route, WorkflowRoute) else approved(route)
    answer = asks(world, replace(JOB, **{claim: value}))
    assert (answer["decision"], answer["reason_code"], answer["final"]) == ("denied", code, True)
    release = world.gate("staging").release
    assert release is None or release.redeemed is None
    assert world.gate("staging").redeeming is None


def test_a_push_redeems_for_its_own_commit_alone() -> None:
    assert asks(approved(), replace(JOB, event="push"))["reason_code"] == "job_commit"
    assert asks(approved(), replace(JOB, event="push", sha=HEAD.sha))["reason_code"] == "grant_prepared"


def test_a_job_without_an_environment_of_githubs_may_redeem() -> None:
    """Not every plan has environments."""
    assert asks(approved(), replace(JOB, environment=""))["reason_code"] == "grant_prepared"


def test_an_unknown_default_branch_is_nobodys() -> None:
    world = approved()
    world.run = replace(world.run, change=replace(world.run.change, default_branch=""))
    nothing = replace(JOB, run_ref="refs/heads/", workflow_ref="refs/heads/", called_from_ref="refs/heads/")
    assert [asks(world, job)["reason_code"] for job in (JOB, nothing)] == ["job_ref", "job_ref"]


# --- at redemption everything holds anew -----------------------------------------------------------------


def test_an_approver_who_may_not_write_any_more_does_not_count() -> None:
    world = approved()
    world.standings[REVIEWER.id] = Unknown("hub_unavailable")
    assert asks(world)["decision"] == "waiting"
    assert status(world) is None


def test_a_denial_after_the_approval_closes_it_for_every_job() -> None:
    world = approved()
    world.says(AUTHOR, "/deny staging broken")
    assert asks(world)["reason_code"] == "denied"


def test_a_newer_commit_takes_the_grant_away() -> None:
    world = approved()
    world.head = Head("e" * 40, "main", open=True)
    assert asks(world)["reason_code"] == "head_moved"
    world.happens(HeadMoved(world.now, "e" * 40, "main"))
    assert asks(world)["decision"] == "superseded"


def test_an_approval_that_nobody_redeems_expires() -> None:
    world = approved()
    world.passes(49 * 3600).tick()
    assert asks(world)["decision"] == "expired"


def test_another_release_under_way_there_is_waited_for() -> None:
    world = approved()
    world.environments["staging"] = EnvironmentFacts("staging", busy_with="71#9:1:staging")
    assert asks(world)["reason_code"] == "environment_busy"


def test_a_release_that_did_not_happen_takes_the_grant_back() -> None:
    world = approved()
    asks(world)
    world.happens(ReleaseReturned(world.now, "staging", world.now, "422"))
    assert last(world)["decision"] == "waiting"
    assert asks(created_again := world, replace(JOB, run_id=78))["reason_code"] == "grant_prepared"
    assert len(created_again.releases("staging")) == 2


def test_a_no_that_is_heard_before_the_grant_is_given_keeps_it() -> None:
    world = approved()
    asks(world)
    world.says(AUTHOR, "/deny staging broken")
    created(world)
    assert status(world) is ReleaseStatus.FAILED
    assert (last(world)["decision"], last(world)["grant_id"]) == ("denied", "")


def test_closing_the_pull_request_before_it_is_given_keeps_it_too() -> None:
    world = approved()
    asks(world)
    world.happens(ChangeClosed(world.now, merged=False))
    created(world)
    assert last(world)["reason_code"] == "change_closed"


def test_a_route_that_changes_in_between_does_not_deploy_twice() -> None:
    world = approved()
    asks(world)
    world.current_policy = replace(routed(WORKFLOW), blob_sha="q" * 40)
    world.tick()
    created(world)
    assert not [effect for effect in world.effects if isinstance(effect, DispatchWorkflow)]


@pytest.mark.parametrize("route", [GRANT, ProtectionRuleRoute()], ids=["grant", "protection_rule"])
def test_a_workflow_release_whose_route_becomes_one_that_is_not_ours_is_nobodys(route: Any) -> None:
    world = approved(WORKFLOW)
    world.current_policy = replace(routed(route), blob_sha="q" * 40)
    world.tick()
    created(world)
    assert world.codes("staging") == ("route_unavailable",)


# --- the workflow that we dispatched ---------------------------------------------------------------------


def dispatched() -> World:
    world = created(approved(WORKFLOW))
    world.happens(WorkflowDispatched(world.now, "deploy@staging", 1, 77, "https://github.com/x"))
    return world


def test_the_run_that_we_started_redeems_and_learns_what_to_deploy() -> None:
    world = dispatched()
    answer = asks(world)
    assert (answer["decision"], answer["sha"]) == ("approved", HEAD.sha)
    assert asks(world) == answer


def test_a_no_after_the_workflow_was_started_comes_too_late() -> None:
    """docs/action.md, What is not promised: the release began with the dispatch."""
    world = dispatched()
    world.says(REVIEWER, "/deny staging not now")
    assert asks(world)["reason_code"] == "grant_given"
    assert status(world) is ReleaseStatus.DEPLOYING


def test_a_run_that_is_quicker_than_our_bookkeeping_waits_for_it() -> None:
    world = created(approved(WORKFLOW))
    assert asks(world)["reason_code"] == "grant_prepared"
    world.happens(WorkflowDispatched(world.now, "deploy@staging", 1, 77, "https://github.com/x"))
    assert last(world)["decision"] == "approved"


def test_before_anything_was_approved_there_is_nothing_to_redeem() -> None:
    world = proposed(routed(WORKFLOW))
    world.stage_ends()
    assert asks(world)["reason_code"] == "approval_missing"


def test_before_github_has_the_record_it_waits() -> None:
    assert asks(approved(WORKFLOW))["reason_code"] == "grant_prepared"


@pytest.mark.parametrize(
    "job", [replace(JOB, run_id=78), replace(JOB, attempt=2)], ids=["by hand", "run again"]
)
def test_a_run_by_hand_and_one_that_is_run_again_get_nothing(job: Job) -> None:
    world = dispatched()
    assert asks(world, job)["reason_code"] == "job_not_dispatched"
    assert asks(world)["decision"] == "approved"


def test_once_the_run_has_ended_it_redeems_nothing_any_more() -> None:
    world = dispatched()
    world.workflow_runs["deploy@staging"] = WorkflowSeen(77, 1, "success", "d" * 40)
    world.passes(60).tick()
    assert asks(world)["reason_code"] == "job_not_dispatched"


def test_where_nobody_redeems_a_job_is_told_so() -> None:
    world = approved(CommandRoute("deploy"))
    answer = asks(world)
    assert (answer["decision"], answer["reason_code"]) == ("denied", "grant_not_by_job")


# --- who only waits --------------------------------------------------------------------------------------


def test_a_request_is_told_whenever_something_is_new() -> None:
    world = proposed(routed())
    first = asks(world, want="request")
    assert (first["decision"], first["reason_code"]) == ("waiting", "stage_running")
    world.stage_ends()
    assert last(world)["reason_code"] == "approval_missing"
    world.says(REVIEWER, "/approve staging")
    assert (last(world)["decision"], last(world)["final"]) == ("approved", True)
    assert last(world)["grant_id"] == ""


def test_a_request_for_what_is_released_already_says_so() -> None:
    assert asks(redeemed(), want="request")["reason_code"] == "released"


def test_the_same_answer_is_written_once() -> None:
    world = proposed(routed())
    asks(world, want="request")
    count = sum(len(decision.answers) for decision in world.decisions)
    world.passes(1).tick()
    assert sum(len(decision.answers) for decision in world.decisions) == count


def test_a_job_that_is_cancelled_is_told_nothing_more() -> None:
    world = proposed(routed())
    asks(world, want="request")
    assert asks(world, want="withdraw")["decision"] == "withdrawn"
    assert [ask.want for ask in world.gate("staging").asks] == ["withdraw"]


def test_the_oldest_asks_are_forgotten() -> None:
    world = proposed(routed())
    for number in range(KEPT_ASKS + 5):
        asks(world, replace(JOB, run_id=100 + number), "request")
    assert [ask.job.run_id for ask in world.gate("staging").asks] == list(range(105, 105 + KEPT_ASKS))


def test_however_many_ask_the_job_with_the_grant_learns_what_to_deploy() -> None:
    """Any branch's jobs may ask; so many of them in the second before the record is there must not hide the answer."""
    world = approved()
    assert asks(world)["reason_code"] == "grant_prepared"
    (ask,) = world.gate("staging").asks
    pull = "refs/pull/9/merge"
    other = replace(JOB, event="pull_request", run_ref=pull, workflow_ref=pull, called_from_ref=pull, key="")
    for number in range(KEPT_ASKS + 5):
        asks(world, replace(other, run_id=1_000 + number), want="request")
    assert len(world.gate("staging").asks) == KEPT_ASKS
    assert told(created(world), ask.ticket)["reason_code"] == "grant_given"


def test_the_same_call_delivered_twice_is_one_ask() -> None:
    world = approved()
    event = JobAsked(world.now, "staging", "t" * 64, "redeem", JOB)
    world.happens(event)
    world.happens(event)
    assert len(world.gate("staging").asks) == 1
    assert len(world.releases("staging")) == 1


def test_an_environment_that_has_no_gate_here_is_passed_over() -> None:
    world = approved()
    event = JobAsked(world.now, "moon", "t" * 64, "redeem", JOB)
    assert decide(world.run, event, world.conditions(event)).run.gates == world.run.gates


def test_deciding_a_redemption_again_gives_the_same() -> None:
    world = approved()
    event = JobAsked(world.passes(1).now, "staging", "t" * 64, "redeem", JOB)
    conditions = world.conditions(event)
    assert decide(world.run, event, conditions) == decide(world.run, event, conditions)


def test_a_deployment_by_the_job_that_redeemed_is_that_release_and_none_outside_the_gate() -> None:
    world = redeemed()
    for number, job in ((7, JOB.run_id), (8, JOB.run_id + 1)):
        world.happens(DeployedByOthers(world.now, "staging", number, "e" * 40, REVIEWER, job))
    assert [each.id for each in world.environments["staging"].outside] == [8]
