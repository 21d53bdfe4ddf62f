"""What happens to workflow runs: dispatched, worked on, cancelled, run again.

Rules of this file, from the REST docs "Workflows", "Workflow runs" and the docs "Deployment environments":

* A run belongs to the head that its ref had when it was dispatched, and keeps it through all attempts.
* `requested`, `in_progress` and `completed` are told in this order, again for each attempt.
* A job with an environment makes a deployment of that head when it starts, and says what became of it.
* A run whose jobs an environment holds waits, and is taken by a runner once they are let go (`held_jobs`).
* What becomes of an attempt is in its script (`runners`); without one it waits for a runner.
"""

from __future__ import annotations

from collections.abc import Mapping

from gate_app.standin import (
    apps,
    artifacts,
    checks,
    deployments,
    held_jobs,
    people,
    repositories,
    runners,
    suites,
    webhooks,
    workflow_runs,
    workflows,
)
from gate_app.standin.apps import App
from gate_app.standin.checks import CheckRun, Report
from gate_app.standin.comments import Author
from gate_app.standin.deployments import Origin, Outcome, Wanted
from gate_app.standin.errors import GitHubError
from gate_app.standin.git import SHA, Git
from gate_app.standin.people import Person
from gate_app.standin.runners import Script
from gate_app.standin.state import JsonObject, Transaction
from gate_app.standin.suites import CheckSuite
from gate_app.standin.workflow_runs import Job, PastAttempt, WorkflowRun
from gate_app.standin.workflows import Workflow

ACTIONS = "github-actions"


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
    return workflow_runs.require(tx, repository, run.id)


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
    app, suite = apps.other(tx, ACTIONS), _suite(tx, run)
    path = workflows.by_id(tx, run.workflow_id).path
    found = workflows.definition(repositories.git(tx, repository), run.head_sha, path)
    environments = {job.name: job.environment_for(run.inputs) for job in found.jobs}
    for name in Script.of(run.script).jobs or environments:
        check = checks.create(tx, repository, app, run.head_sha, Report(name=name, status="queued"), suite)
        checks.update(tx, check, app, Report(details_url=f"{workflow_runs.html_url(tx, run)}/job/{check.id}"))
        facts = {"run_id": run.id, "attempt": run.attempt, "environment": environments.get(name)}
        tx.insert(Job, id=check.id, **facts)
    if held_jobs.ask(tx, run):
        tx.update(run, status="waiting")


def review(
    tx: Transaction, run: WorkflowRun, app: App, environment: str, state: str | None, comment: str | None
) -> None:
    """An App answers for held jobs: the run goes on once nothing waits, and ends with a rejection."""
    held_jobs.review(tx, run, app, environment, state, comment)
    if state == "rejected":
        finish(tx, run, "failure")
    elif state == "approved" and not held_jobs.waiting(tx, run):
        tx.update(run, status="queued", updated_at=tx.now)


def start(tx: Transaction, run: WorkflowRun) -> WorkflowRun:
    """A runner takes the run. 409 if it is not waiting for one."""
    if run.status != "queued":
        raise GitHubError(409, f"Workflow run {run.id} is {run.status}")
    started = tx.update(run, status="in_progress", updated_at=tx.now)
    report = Report(status="in_progress", started_at=tx.now)
    for job, check in workflow_runs.jobs(tx, started, started.attempt):
        checks.update(tx, check, apps.other(tx, ACTIONS), report)
        if job.environment is not None:
            _deploy(tx, started, job, job.environment)
    _tell(tx, started, "in_progress")
    return started


def _deploy(tx: Transaction, run: WorkflowRun, job: Job, environment: str) -> None:
    repository, origin = repositories.by_id(tx, run.repository_id), _origin(tx, run, job)
    wanted = Wanted(ref=run.head_branch, environment=environment)
    deployment = deployments.record(tx, repository, _actions(tx), wanted, run.head_sha, origin)
    tx.update(job, deployment_id=deployment.id)
    deployments.set_status(tx, deployment, _actions(tx), _outcome(tx, run, job, "in_progress"), origin)


def _outcome(tx: Transaction, run: WorkflowRun, job: Job, state: str) -> Outcome:
    page = f"{workflow_runs.html_url(tx, run)}/job/{job.id}"
    return Outcome(state, target_url=page, log_url=page)


def _origin(tx: Transaction, run: WorkflowRun, job: Job) -> Origin:
    workflow, [check] = workflows.by_id(tx, run.workflow_id), tx.every(CheckRun, id=job.id)
    without = {"head_commit": None, "previous_attempt_url": None}  # published as always null here
    return Origin(
        workflow=workflows.render(tx, workflow),
        workflow_run={**workflow_runs.render(tx, run), **without},
        check_run=checks.render_short(tx, check),
    )


def _actions(tx: Transaction) -> Author:
    app = apps.other(tx, ACTIONS)
    return Author(apps.bot(tx, app), app)


def finish(tx: Transaction, run: WorkflowRun, conclusion: str) -> WorkflowRun:
    """The run ends, and so do its jobs. 409 if it has ended before."""
    if run.status == "completed":
        raise GitHubError(409, f"Workflow run {run.id} is completed")
    script = Script.of(run.script)
    for job, check in workflow_runs.jobs(tx, run, run.attempt):
        result = conclusion if conclusion == "cancelled" else script.jobs.get(check.name) or conclusion
        checks.update(tx, check, apps.other(tx, ACTIONS), Report(conclusion=result))
        if job.deployment_id is not None:
            deployment = deployments.by_id(tx, job.deployment_id)
            outcome = _outcome(tx, run, job, "success" if result == "success" else "failure")
            deployments.set_status(tx, deployment, _actions(tx), outcome, _origin(tx, run, job))
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
    return workflow_runs.require(tx, repository, run.id)


def are_moving(tx: Transaction) -> bool:
    """Whether a run will be taken up, or will end, right away and by itself."""
    queued, running = (tx.every(WorkflowRun, status=status) for status in ("queued", "in_progress"))
    scripts = [Script.of(run.script) for run in running]
    return any(Script.of(run.script).starts for run in queued) or any(
        script.conclusion and not script.seconds for script in scripts
    )


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
        "workflow_run": workflow_runs.render(tx, run),
    }
    sender = people.by_id(tx, run.triggering_actor_id)
    webhooks.emit(tx, repository, sender, "workflow_run", payload)
