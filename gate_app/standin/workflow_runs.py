"""Workflow runs: dispatched, worked on, cancelled, run again. Source: REST docs "Workflow runs".

Rules of this file:

* A run belongs to the head that its ref had when it was dispatched, and keeps it through all attempts.
* It has a check suite of GitHub Actions of its own, with one check run for each job and attempt.
* `requested`, `in_progress` and `completed` are told in this order, again for each attempt.
* What becomes of an attempt is in its script (`runners`); without one it waits for a runner.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from gate_app.standin import (
    apps,
    artifacts,
    checks,
    history,
    people,
    pulls,
    repositories,
    runners,
    suites,
    webhooks,
    workflows,
)
from gate_app.standin.checks import CheckRun, Report
from gate_app.standin.errors import GitHubError, not_found
from gate_app.standin.git import SHA, Git
from gate_app.standin.people import Person
from gate_app.standin.repositories import Repository
from gate_app.standin.runners import Script
from gate_app.standin.state import JsonObject, Transaction, node_id
from gate_app.standin.suites import CheckSuite
from gate_app.standin.workflows import Workflow

ACTIONS = "github-actions"


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
    """A job of one attempt; its id is that of its check run, which says how it stands."""

    TABLE: ClassVar[str] = "workflow_jobs"
    id: int
    run_id: int
    attempt: int


def dispatch(
    tx: Transaction, workflow: Workflow, actor: Person, ref: str, given: Mapping[str, object]
) -> WorkflowRun:
    """A new run of the workflow as the branch or tag has it. 422 if that does not allow it."""
    repository = repositories.by_id(tx, workflow.repository_id)
    git = repositories.git(tx, repository)
    branch, sha = _head(git, ref)
    found = workflows.definition(git, sha, workflow.path)
    inputs = workflows.filled(found, given)
    suite = suites.open_for(tx, repository, apps.other(tx, ACTIONS), sha, branch)
    run = tx.insert(
        WorkflowRun,
        repository_id=repository.id,
        workflow_id=workflow.id,
        suite_id=suite.id,
        number=tx.count(WorkflowRun, workflow_id=workflow.id) + 1,
        attempt=1,
        name=found.name,
        head_branch=branch,
        head_sha=sha,
        inputs=inputs,
        script=runners.next_script(tx, repository, workflow).facts(),
        actor_id=actor.id,
        triggering_actor_id=actor.id,
        status="queued",
        created_at=tx.now,
        started_at=tx.now,
        updated_at=tx.now,
    )
    _begin(tx, run)
    return run


def _head(git: Git, ref: str) -> tuple[str, str]:
    """The short name and commit of a branch or tag; a SHA is neither."""
    name = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    sha = None if SHA.fullmatch(ref) else git.branch(name) or git.resolve(f"refs/tags/{name}")
    if sha is None:
        raise GitHubError(422, f"No ref found for: {ref}")
    return name, sha


def _begin(tx: Transaction, run: WorkflowRun) -> None:
    repository = repositories.by_id(tx, run.repository_id)
    _tell(tx, run, "requested")
    git, workflow = repositories.git(tx, repository), workflows.by_id(tx, run.workflow_id)
    app, suite = apps.other(tx, ACTIONS), _suite(tx, run)
    script = Script.of(run.script)
    names = list(script.jobs) or workflows.definition(git, run.head_sha, workflow.path).jobs
    for name in names:
        check = checks.create(tx, repository, app, run.head_sha, Report(name=name, status="queued"), suite)
        checks.update(tx, check, app, Report(details_url=f"{html_url(tx, run)}/job/{check.id}"))
        tx.insert(Job, id=check.id, run_id=run.id, attempt=run.attempt)


def start(tx: Transaction, run: WorkflowRun) -> WorkflowRun:
    """A runner takes the run. 409 if it is not waiting for one."""
    if run.status != "queued":
        raise GitHubError(409, f"Workflow run {run.id} is {run.status}")
    started = tx.update(run, status="in_progress", updated_at=tx.now)
    _report_jobs(tx, started, Report(status="in_progress", started_at=tx.now))
    _tell(tx, started, "in_progress")
    return started


def finish(tx: Transaction, run: WorkflowRun, conclusion: str) -> WorkflowRun:
    """The run ends, and so do its jobs. 409 if it has ended before."""
    if run.status == "completed":
        raise GitHubError(409, f"Workflow run {run.id} is completed")
    script = Script.of(run.script)
    for job in jobs(tx, run, run.attempt):
        result = conclusion if conclusion == "cancelled" else script.jobs.get(job.name) or conclusion
        checks.update(tx, job, apps.other(tx, ACTIONS), Report(conclusion=result))
    artifacts.keep(tx, run.repository_id, run.id, script.artifacts)
    done = tx.update(run, status="completed", conclusion=conclusion, updated_at=tx.now)
    _tell(tx, done, "completed")
    return done


def cancel(tx: Transaction, run: WorkflowRun) -> WorkflowRun:
    """Cancel the run. 409 if it has ended."""
    if run.status == "completed":
        raise GitHubError(409, "Cannot cancel a workflow run that is completed.")
    return finish(tx, run, "cancelled")


def rerun(tx: Transaction, run: WorkflowRun, actor: Person) -> WorkflowRun:
    """The next attempt on the same head. 403 while one is under way."""
    if run.status != "completed":
        raise GitHubError(403, "This workflow is already running")
    tx.insert(
        PastAttempt,
        run_id=run.id,
        number=run.attempt,
        conclusion=run.conclusion,
        triggering_actor_id=run.triggering_actor_id,
        started_at=run.started_at,
        updated_at=run.updated_at,
    )
    repository, workflow = repositories.by_id(tx, run.repository_id), workflows.by_id(tx, run.workflow_id)
    again = tx.update(
        run,
        attempt=run.attempt + 1,
        triggering_actor_id=actor.id,
        script=runners.next_script(tx, repository, workflow).facts(),
        status="queued",
        conclusion=None,
        started_at=tx.now,
        updated_at=tx.now,
    )
    _begin(tx, again)
    return again


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


def are_moving(tx: Transaction) -> bool:
    """Whether a run will be taken up, or will end, right away and by itself."""
    queued, running = (tx.every(WorkflowRun, status=status) for status in ("queued", "in_progress"))
    scripts = [Script.of(run.script) for run in running]
    return any(Script.of(run.script).starts for run in queued) or any(
        script.conclusion and not script.seconds for script in scripts
    )


def jobs(tx: Transaction, run: WorkflowRun, number: int | None = None) -> list[CheckRun]:
    """The check runs of the jobs of one attempt, or of all, in the order of the file."""
    where = {} if number is None else {"attempt": number}
    found = [tx.get(CheckRun, id=job.id) for job in tx.every(Job, run_id=run.id, **where)]
    return [check for check in found if check is not None]


def _report_jobs(tx: Transaction, run: WorkflowRun, report: Report) -> None:
    for job in jobs(tx, run, run.attempt):
        checks.update(tx, job, apps.other(tx, ACTIONS), report)


def _suite(tx: Transaction, run: WorkflowRun) -> CheckSuite:
    found = tx.get(CheckSuite, id=run.suite_id)
    if found is None:
        raise LookupError(f"no check suite {run.suite_id}")
    return found


def _tell(tx: Transaction, run: WorkflowRun, action: str) -> None:
    repository = repositories.by_id(tx, run.repository_id)
    facts = {"name": run.name, "head_sha": run.head_sha, "attempt": run.attempt, "conclusion": run.conclusion}
    tx.announce(f"workflow_run.{action}", id=run.id, **facts)
    payload: JsonObject = {
        "action": action,
        "workflow": workflows.render(tx, workflows.by_id(tx, run.workflow_id)),
        "workflow_run": render(tx, run),
    }
    sender = people.by_id(tx, run.triggering_actor_id)
    webhooks.emit(tx, repository, sender, "workflow_run", payload)


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


def render_job(tx: Transaction, run: WorkflowRun, check: CheckRun) -> JsonObject:
    """The body of a job."""
    job = tx.get(Job, id=check.id)
    repository = repositories.by_id(tx, run.repository_id)
    api, taken = repositories.api_url(tx, repository), check.status != "queued"
    return {
        "id": check.id,
        "run_id": run.id,
        "run_url": api_url(tx, run),
        "run_attempt": job.attempt if job else run.attempt,
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
