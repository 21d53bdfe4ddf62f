"""Workflows at GitHub: may one be started, starting it, finding what that became, following and cancelling it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from support.github import (
    APP_ID,
    BOT,
    NOON,
    REPOSITORY,
    SHA,
    SINKHOLE,
    ScriptedGithub,
    account,
    hub,
    scripted,
)

from gate_app.domain.effects import DispatchWorkflow
from gate_app.domain.run import StageRole
from gate_app.domain.workflows import DeploymentSeen, Sought, WorkflowSeen
from gate_app.errors import HubRefused, HubUnavailable

WORKFLOW = "/repos/acme/shop/actions/workflows/deploy.yml"
DISPATCHES = f"{WORKFLOW}/dispatches"
RUNS = f"{WORKFLOW}/runs"
RUN = "/repos/acme/shop/actions/runs/77"
STATUSES = "/repos/acme/shop/deployments/81/statuses"
INPUTS = {"sha": SHA, "gate": "71#3:1:staging"}
WANTED = DispatchWorkflow("deploy@staging", 1, StageRole.DEPLOY, "deploy.yml", "main", SHA, NOON, INPUTS)
TEST = DispatchWorkflow("tests", 1, StageRole.AUTOMATED, "deploy.yml", "feature", SHA, NOON)
SOUGHT = Sought("deploy.yml", "main", NOON, mark="71#3:1:staging")
LINK = "https://github.com/acme/shop/actions/runs/77"


@pytest.fixture
def github() -> Iterator[ScriptedGithub]:
    with scripted() as github:
        yield github


def workflow_run(number: int = 77, **changed: object) -> dict[str, object]:
    body: dict[str, object] = {
        "id": number,
        "run_attempt": 1,
        "event": "workflow_dispatch",
        "status": "in_progress",
        "conclusion": None,
        "head_branch": "main",
        "head_sha": SHA,
        "display_title": "Deploy",
        "created_at": (NOON + timedelta(seconds=1)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "actor": BOT,
        "url": SINKHOLE,
        "html_url": SINKHOLE,
        "artifacts_url": SINKHOLE,
        "cancel_url": SINKHOLE,
    }
    return {**body, **changed}


# --- may it be started ---


def test_a_workflow_of_the_default_branch_can_be_started(github: ScriptedGithub) -> None:
    github.answers("GET", WORKFLOW, {"id": 5, "state": "active", "url": SINKHOLE})
    assert hub(github).workflow_obstacle(REPOSITORY, "deploy.yml") is None
    assert github.mints[0].body == {"repository_ids": [71], "permissions": {"actions": "write"}}


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (404, {}, "workflow_missing"),
        (403, {}, "permission_missing"),
        (200, {"id": 5, "state": "disabled_manually"}, "workflow_disabled"),
        (200, {"id": 5, "state": "deleted"}, "workflow_disabled"),
    ],
)
def test_what_keeps_a_workflow_is_named(
    github: ScriptedGithub, status: int, body: dict[str, object], code: str
) -> None:
    github.answers("GET", WORKFLOW, body, status)
    found = hub(github).workflow_obstacle(REPOSITORY, "deploy.yml")
    assert found is not None
    assert found.code == code


def test_an_app_without_the_permission_gets_no_token_and_is_told_so(github: ScriptedGithub) -> None:
    github.answers("POST", "/app/installations/5151/access_tokens", {}, 422)
    found = hub(github).workflow_obstacle(REPOSITORY, "deploy.yml")
    assert found is not None
    assert found.code == "permission_missing"


def test_another_refusal_stays_one(github: ScriptedGithub) -> None:
    github.answers("GET", WORKFLOW, {}, 410)
    with pytest.raises(HubRefused):
        hub(github).workflow_obstacle(REPOSITORY, "deploy.yml")


# --- starting it ---


def test_a_start_names_the_branch_and_what_to_deploy_and_asks_which_run_it_is(github: ScriptedGithub) -> None:
    github.answers("POST", DISPATCHES, {"workflow_run_id": 77, "run_url": SINKHOLE, "html_url": SINKHOLE})
    assert hub(github).dispatch_workflow(REPOSITORY, WANTED) == WorkflowSeen(77, 1, "", SHA, LINK)
    assert github.calls[0].body == {"ref": "main", "return_run_details": True, "inputs": INPUTS}


def test_a_test_gets_no_inputs_because_it_may_declare_none(github: ScriptedGithub) -> None:
    github.answers("POST", DISPATCHES, "", 204)
    assert hub(github).dispatch_workflow(REPOSITORY, TEST) is None
    assert github.calls[0].body == {"ref": "feature", "return_run_details": True}


def test_an_answer_that_is_no_answer_may_have_started_it(github: ScriptedGithub) -> None:
    github.answers("POST", DISPATCHES, {"ok": True})
    with pytest.raises(HubUnavailable) as fault:
        hub(github).dispatch_workflow(REPOSITORY, WANTED)
    assert fault.value.retry_at is None


# --- finding what it became ---


def found(github: ScriptedGithub, *runs: dict[str, object], sought: Sought = SOUGHT) -> list[int]:
    github.answers("GET", RUNS, {"total_count": len(runs), "workflow_runs": list(runs)})
    return [run.id for run in hub(github).dispatched_runs(REPOSITORY, sought)]


def test_what_our_bot_started_since_then_may_be_it(github: ScriptedGithub) -> None:
    assert found(github, workflow_run(77), workflow_run(78)) == [77, 78]
    assert github.calls[0].query == {
        "event": "workflow_dispatch",
        "branch": "main",
        "created": ">=2026-11-20T12:00:00Z",
        "per_page": "100",
    }


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"actor": account(12, "reviewer")}, id="a person started it"),
        pytest.param({"actor": None}, id="somebody who is gone started it"),
        pytest.param({"event": "push"}, id="a push started it"),
        pytest.param({"head_branch": "other"}, id="on another branch"),
        pytest.param({"created_at": "2026-11-20T11:59:59Z"}, id="before we asked"),
    ],
)
def test_other_runs_are_not(github: ScriptedGithub, changed: dict[str, object]) -> None:
    assert found(github, workflow_run(**changed)) == []


def test_one_whose_title_names_the_gate_is_it_for_certain(github: ScriptedGithub) -> None:
    github.answers(
        "GET",
        RUNS,
        {
            "total_count": 2,
            "workflow_runs": [workflow_run(77), workflow_run(78, display_title="71#3:1:staging")],
        },
    )
    (run,) = hub(github).dispatched_runs(REPOSITORY, SOUGHT)
    assert (run.id, run.named) == (78, True)


def test_a_test_is_found_by_its_commit(github: ScriptedGithub) -> None:
    other = workflow_run(78, head_sha="e" * 40)
    sought = Sought("deploy.yml", "main", NOON, sha=SHA)
    assert found(github, workflow_run(77), other, sought=sought) == [77]


# --- following and cancelling it ---


@pytest.mark.parametrize(
    ("said", "conclusion"),
    [
        ({}, ""),
        ({"status": "completed", "conclusion": "success"}, "success"),
        ({"status": "completed", "conclusion": None}, "no conclusion"),
        ({"status": "queued", "conclusion": "success", "run_attempt": 2}, ""),
    ],
)
def test_a_run_is_read_as_it_is_now(github: ScriptedGithub, said: dict[str, object], conclusion: str) -> None:
    github.answers("GET", RUN, workflow_run(**said))
    seen = hub(github).workflow_run(REPOSITORY, 77)
    assert (seen.id, seen.conclusion, seen.link) == (77, conclusion, LINK)
    assert seen.attempt == said.get("run_attempt", 1)


def test_another_run_than_asked_for_is_a_fault(github: ScriptedGithub) -> None:
    github.answers("GET", RUN, workflow_run(78))
    with pytest.raises(HubUnavailable):
        hub(github).workflow_run(REPOSITORY, 77)


@pytest.mark.parametrize("status", [202, 409, 404], ids=["taken", "it has ended", "it is gone"])
def test_cancelling_asks_for_the_end_of_what_may_have_ended(github: ScriptedGithub, status: int) -> None:
    github.answers("POST", f"{RUN}/cancel", {}, status)
    hub(github).cancel_workflow_run(REPOSITORY, 77)
    assert github.names() == [f"POST {RUN}/cancel"]


def test_cancelling_without_the_permission_is_refused(github: ScriptedGithub) -> None:
    github.answers("POST", f"{RUN}/cancel", {}, 403)
    with pytest.raises(HubRefused):
        hub(github).cancel_workflow_run(REPOSITORY, 77)


# --- what others say of a deployment ---


def status(number: int, state: str, by: dict[str, object] | None = None, **said: object) -> dict[str, object]:
    creator = account(12, "deployer") if by is None else by
    return {"id": number, "state": state, "description": "", "creator": creator, "log_url": SINKHOLE, **said}


def test_the_newest_status_that_is_not_ours_counts(github: ScriptedGithub) -> None:
    listed = [status(3, "success", BOT), status(2, "in_progress"), status(1, "queued")]
    github.answers("GET", STATUSES, listed)  # type: ignore[arg-type]  # a list of objects is a body as well
    assert hub(github).deployment_seen(REPOSITORY, 81) == DeploymentSeen("in_progress", "deployer")


def test_a_deployment_that_nobody_answered_says_nothing(github: ScriptedGithub) -> None:
    ours = status(1, "success", BOT, performed_via_github_app={"id": APP_ID})
    github.answers("GET", STATUSES, [ours])  # type: ignore[arg-type]  # the same
    assert hub(github).deployment_seen(REPOSITORY, 81) == DeploymentSeen()


def test_a_status_of_somebody_who_is_gone_counts_too(github: ScriptedGithub) -> None:
    github.answers("GET", STATUSES, [{**status(1, "failure"), "creator": None}])  # type: ignore[list-item]  # the same
    assert hub(github).deployment_seen(REPOSITORY, 81) == DeploymentSeen("failure", "ghost")


def test_the_clock_of_the_tests_is_in_utc() -> None:
    assert datetime(2026, 11, 20, 12, tzinfo=UTC) == NOON
