"""Workflow runs: their rows and the bodies that show them. What happens to them is in `workflow_lifecycle`.

A run has a check suite of GitHub Actions of its own, with one check run for each job and attempt. Source: REST
docs "Workflow runs", "Workflow jobs".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from gate_app.standin import history, people, pulls, repositories, workflows
from gate_app.standin.checks import CheckRun
from gate_app.standin.errors import not_found
from gate_app.standin.repositories import Repository
from gate_app.standin.state import JsonObject, Transaction, node_id


@dataclass(frozen=True)
class WorkflowRun:
    """A workflow run in its newest attempt; `script` is what that attempt will do."""

    TABLE: ClassVar[str] = "workflow_runs"
    id: int
    repository_id: int
    workflow_id: int
    suite_id: int
    number: int
    attempt: int
    name: str
    head_branch: str
    head_sha: str
    inputs: dict[str, str]
    script: dict[str, object]
    actor_id: int
    triggering_actor_id: int
    status: str
    conclusion: str | None
    created_at: str
    started_at: str
    updated_at: str


@dataclass(frozen=True)
class PastAttempt:
    """What an earlier attempt of a run came to."""

    TABLE: ClassVar[str] = "workflow_attempts"
    id: int
    run_id: int
    number: int
    conclusion: str | None
    triggering_actor_id: int
    started_at: str
    updated_at: str


@dataclass(frozen=True)
class Job:
    """A job of one attempt; its id is that of its check run, which says how it stands.

    One that names an environment deploys there: it has made the deployment once it has started."""

    TABLE: ClassVar[str] = "workflow_jobs"
    id: int
    run_id: int
    attempt: int
    environment: str | None
    deployment_id: int | None


def require(tx: Transaction, repository: Repository, identifier: int) -> WorkflowRun:
    """The run with this id. 404 if the repository has none."""
    found = tx.get(WorkflowRun, id=identifier, repository_id=repository.id)
    if found is None:
        raise not_found()
    return found


def attempt(tx: Transaction, run: WorkflowRun, number: int) -> WorkflowRun:
    """The run as it was in one of its attempts. 404 if there was none of this number."""
    if number == run.attempt:
        return run
    past = tx.get(PastAttempt, run_id=run.id, number=number)
    if past is None:
        raise not_found()
    return replace(
        run,
        attempt=number,
        status="completed",
        conclusion=past.conclusion,
        triggering_actor_id=past.triggering_actor_id,
        started_at=past.started_at,
        updated_at=past.updated_at,
    )


def jobs(tx: Transaction, run: WorkflowRun, number: int | None = None) -> list[tuple[Job, CheckRun]]:
    """The jobs of one attempt, or of all, in the order of the file, each with its check run."""
    where = {} if number is None else {"attempt": number}
    pairs = [(job, tx.get(CheckRun, id=job.id)) for job in tx.every(Job, run_id=run.id, **where)]
    return [(job, check) for job, check in pairs if check is not None]


def api_url(tx: Transaction, run: WorkflowRun) -> str:
    """The address of the run in the REST API."""
    repository = repositories.by_id(tx, run.repository_id)
    return f"{repositories.api_url(tx, repository)}/actions/runs/{run.id}"


def html_url(tx: Transaction, run: WorkflowRun) -> str:
    """The address of the run's page."""
    repository = repositories.by_id(tx, run.repository_id)
    return f"{repositories.html_url(tx, repository)}/actions/runs/{run.id}"


def render(tx: Transaction, run: WorkflowRun) -> JsonObject:
    """The workflow run of every body."""
    repository = repositories.by_id(tx, run.repository_id)
    url, workflow = api_url(tx, run), workflows.by_id(tx, run.workflow_id)
    short = repositories.render_minimal(tx, repository)
    past = f"{url}/attempts/{run.attempt - 1}" if run.attempt > 1 else None
    suite = f"{repositories.api_url(tx, repository)}/check-suites/{run.suite_id}"
    return {
        "id": run.id,
        "name": run.name,
        "node_id": node_id("WorkflowRun", run.id),
        "head_branch": run.head_branch,
        "head_sha": run.head_sha,
        "path": workflow.path,
        "display_title": run.name,
        "run_number": run.number,
        "event": "workflow_dispatch",
        "status": run.status,
        "conclusion": run.conclusion,
        "workflow_id": workflow.id,
        "check_suite_id": run.suite_id,
        "check_suite_node_id": node_id("CheckSuite", run.suite_id),
        "url": url,
        "html_url": html_url(tx, run),
        "pull_requests": [
            pulls.render_minimal(tx, pull) for pull in pulls.with_head(tx, repository, run.head_sha)
        ],
        "created_at": run.created_at,
        "updated_at": run.updated_at,
        "actor": people.render(tx, people.by_id(tx, run.actor_id)),
        "run_attempt": run.attempt,
        "referenced_workflows": [],
        "run_started_at": run.started_at,
        "triggering_actor": people.render(tx, people.by_id(tx, run.triggering_actor_id)),
        **{f"{name}_url": f"{url}/{name}" for name in ("jobs", "logs", "artifacts", "cancel", "rerun")},
        "check_suite_url": suite,
        "previous_attempt_url": past,
        "workflow_url": workflows.api_url(tx, workflow),
        "head_commit": history.render_simple_commit(repositories.git(tx, repository).commit(run.head_sha)),
        "repository": short,
        "head_repository": short,
    }


def render_short(run: WorkflowRun) -> JsonObject:
    """The run as its artifacts name it."""
    return {
        "id": run.id,
        "repository_id": run.repository_id,
        "head_repository_id": run.repository_id,
        "head_branch": run.head_branch,
        "head_sha": run.head_sha,
    }


def render_job(tx: Transaction, run: WorkflowRun, job: Job, check: CheckRun) -> JsonObject:
    """The body of a job."""
    repository = repositories.by_id(tx, run.repository_id)
    api, taken = repositories.api_url(tx, repository), check.status != "queued"
    return {
        "id": check.id,
        "run_id": run.id,
        "run_url": api_url(tx, run),
        "run_attempt": job.attempt,
        "node_id": node_id("CheckRun", check.id),
        "head_sha": check.head_sha,
        "url": f"{api}/actions/jobs/{check.id}",
        "html_url": check.details_url,
        "status": check.status,
        "conclusion": check.conclusion,
        "created_at": run.created_at,
        "started_at": check.started_at,
        "completed_at": check.completed_at,
        "name": check.name,
        "steps": [],
        "check_run_url": f"{api}/check-runs/{check.id}",
        "labels": ["ubuntu-latest"],
        "runner_id": 1 if taken else None,
        "runner_name": "Stand-in" if taken else None,
        "runner_group_id": 1 if taken else None,
        "runner_group_name": "Default" if taken else None,
        "workflow_name": run.name,
        "head_branch": run.head_branch,
    }
