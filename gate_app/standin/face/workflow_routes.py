"""Workflows, their runs and jobs."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from gate_app.standin import apps, held_jobs, people, workflow_lifecycle, workflow_runs, workflows
from gate_app.standin.bodies import Dispatch, Rerun, RuleReview
from gate_app.standin.checks import CheckRun
from gate_app.standin.errors import not_found
from gate_app.standin.face import access
from gate_app.standin.repositories import Repository
from gate_app.standin.state import JsonObject, Transaction
from gate_app.standin.workflow_runs import Job, WorkflowRun

routes = Blueprint("workflows", __name__, url_prefix="/repos/<owner>/<name>/actions")
READ, WRITE = "actions:read", "actions:write"


@routes.get("/workflows")
def list_workflows(owner: str, name: str) -> ResponseReturnValue:
    """List repository workflows."""
    with access.state().transaction() as tx:
        found = workflows.every(tx, access.visit(tx, owner, name, READ).repository)
        shown = [workflows.render(tx, workflow) for workflow in access.page(found)]
        return {"total_count": len(found), "workflows": shown}


@routes.get("/workflows/<key>")
def get_workflow(owner: str, name: str, key: str) -> ResponseReturnValue:
    """Get a workflow by its id or file name."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, READ).repository
        return workflows.render(tx, workflows.require(tx, repository, key))


@routes.post("/workflows/<key>/dispatches")
def dispatch(owner: str, name: str, key: str) -> ResponseReturnValue:
    """Create a workflow dispatch event; with the run's id only if it was asked for."""
    with access.state().transaction() as tx:
        visit = access.visit(tx, owner, name, WRITE)
        workflow = workflows.require(tx, visit.repository, key)
        wanted, actor = access.body(Dispatch), apps.bot(tx, visit.caller.app)
        run = workflow_lifecycle.dispatch(tx, workflow, actor, wanted.ref, wanted.inputs)
        if not wanted.return_run_details:
            return "", 204
        addresses = {
            "run_url": workflow_runs.api_url(tx, run),
            "html_url": workflow_runs.html_url(tx, run),
        }
        return {"workflow_run_id": run.id, **addresses}, 200


@routes.get("/workflows/<key>/runs")
def list_runs_of_workflow(owner: str, name: str, key: str) -> ResponseReturnValue:
    """List workflow runs for a workflow, newest first."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, READ).repository
        workflow = workflows.require(tx, repository, key)
        return _listed(tx, tx.newest_first(WorkflowRun, workflow_id=workflow.id))


@routes.get("/runs")
def list_runs(owner: str, name: str) -> ResponseReturnValue:
    """List workflow runs for a repository, newest first."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, READ).repository
        return _listed(tx, tx.newest_first(WorkflowRun, repository_id=repository.id))


def _listed(tx: Transaction, runs: list[WorkflowRun]) -> JsonObject:
    found = [run for run in runs if _matches(tx, run)]
    shown = [workflow_runs.render(tx, run) for run in access.page(found)]
    return {"total_count": len(found), "workflow_runs": shown}


def _matches(tx: Transaction, run: WorkflowRun) -> bool:
    facts = {
        "head_sha": (run.head_sha,),
        "branch": (run.head_branch,),
        "event": ("workflow_dispatch",),
        "status": (run.status, run.conclusion),
        "actor": (people.by_id(tx, run.actor_id).login,),
        "check_suite_id": (str(run.suite_id),),
    }
    asked = {name: request.args.get(name) for name in facts}
    return all(value is None or value in facts[name] for name, value in asked.items())


@routes.get("/runs/<int:identifier>")
def get_run(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """Get a workflow run."""
    with access.state().transaction() as tx:
        return workflow_runs.render(tx, _run(tx, owner, name, identifier))


@routes.get("/runs/<int:identifier>/attempts/<int:number>")
def get_attempt(owner: str, name: str, identifier: int, number: int) -> ResponseReturnValue:
    """Get a workflow run attempt."""
    with access.state().transaction() as tx:
        run = _run(tx, owner, name, identifier)
        return workflow_runs.render(tx, workflow_runs.attempt(tx, run, number))


@routes.post("/runs/<int:identifier>/rerun")
@routes.post("/runs/<int:identifier>/rerun-failed-jobs")
def rerun(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """Re-run a workflow; here its failed jobs never run without the others."""
    with access.state().transaction() as tx:
        visit = access.visit(tx, owner, name, WRITE)
        run = workflow_runs.require(tx, visit.repository, identifier)
        access.body(Rerun)
        workflow_lifecycle.rerun(tx, run, apps.bot(tx, visit.caller.app))
    return {}, 201


@routes.post("/runs/<int:identifier>/cancel")
@routes.post("/runs/<int:identifier>/force-cancel")
def cancel(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """Cancel a workflow run."""
    with access.state().transaction() as tx:
        workflow_lifecycle.cancel(tx, _run(tx, owner, name, identifier, WRITE))
    return {}, 202


@routes.get("/runs/<int:identifier>/pending_deployments")
def list_pending(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """Get pending deployments for a workflow run."""
    with access.state().transaction() as tx:
        run = _run(tx, owner, name, identifier)
        return [held_jobs.render_pending(tx, place) for place in held_jobs.waiting(tx, run)]


@routes.post("/runs/<int:identifier>/deployment_protection_rule")
def review(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """Review custom deployment protection rules for a workflow run."""
    with access.state().transaction() as tx:
        visit = access.visit(tx, owner, name, "deployments:write")
        run = workflow_runs.require(tx, visit.repository, identifier)
        said = access.body(RuleReview)
        workflow_lifecycle.review(tx, run, visit.caller.app, said.environment_name, said.state, said.comment)
    return "", 204


@routes.get("/runs/<int:identifier>/jobs")
def list_jobs(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """List jobs for a workflow run: of its newest attempt, or of all."""
    with access.state().transaction() as tx:
        run = _run(tx, owner, name, identifier)
        every = request.args.get("filter") == "all"
        return _jobs(tx, run, None if every else run.attempt)


@routes.get("/runs/<int:identifier>/attempts/<int:number>/jobs")
def list_jobs_of_attempt(owner: str, name: str, identifier: int, number: int) -> ResponseReturnValue:
    """List jobs for a workflow run attempt."""
    with access.state().transaction() as tx:
        run = _run(tx, owner, name, identifier)
        return _jobs(tx, workflow_runs.attempt(tx, run, number), number)


def _jobs(tx: Transaction, run: WorkflowRun, attempt: int | None) -> JsonObject:
    found = workflow_runs.jobs(tx, run, attempt)
    shown = [workflow_runs.render_job(tx, run, job, check) for job, check in access.page(found)]
    return {"total_count": len(found), "jobs": shown}


@routes.get("/jobs/<int:identifier>")
def get_job(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """Get a job for a workflow run."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, READ).repository
        job, check = tx.get(Job, id=identifier), tx.get(CheckRun, id=identifier)
        run = tx.get(WorkflowRun, id=job.run_id, repository_id=repository.id) if job else None
        if run is None or job is None or check is None:
            raise not_found()
        return workflow_runs.render_job(tx, run, job, check)


def _run(tx: Transaction, owner: str, name: str, identifier: int, permission: str = READ) -> WorkflowRun:
    repository: Repository = access.visit(tx, owner, name, permission).repository
    return workflow_runs.require(tx, repository, identifier)
