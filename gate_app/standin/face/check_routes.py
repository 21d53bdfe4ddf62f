"""Check runs of the calling App, and those of others to read."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from gate_app.standin import apps, checks, history, job_deployments
from gate_app.standin.bodies import CheckRunUpdate, NewCheckRun
from gate_app.standin.checks import CheckRun
from gate_app.standin.face import access

routes = Blueprint("checks", __name__)


@routes.post("/repos/<owner>/<name>/check-runs")
def create_check_run(owner: str, name: str) -> ResponseReturnValue:
    """Create a check run."""
    with access.state().transaction() as tx:
        visit = access.visit(tx, owner, name, "checks:write")
        wanted = access.body(NewCheckRun)
        run = checks.create(tx, visit.repository, visit.caller.app, wanted.head_sha, wanted.report())
        return checks.render(tx, run), 201


@routes.patch("/repos/<owner>/<name>/check-runs/<int:identifier>")
def update_check_run(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """Update a check run."""
    with access.state().transaction() as tx:
        visit = access.visit(tx, owner, name, "checks:write")
        run = checks.require(tx, visit.repository, identifier)
        report = access.body(CheckRunUpdate).report()
        return checks.render(tx, checks.update(tx, run, visit.caller.app, report))


@routes.get("/repos/<owner>/<name>/check-runs/<int:identifier>")
def get_check_run(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """Get a check run."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "checks:read").repository
        return job_deployments.render(tx, checks.require(tx, repository, identifier))


@routes.get("/repos/<owner>/<name>/check-runs/<int:identifier>/annotations")
def list_annotations(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """List check run annotations."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "checks:read").repository
        return access.page(checks.render_annotations(tx, checks.require(tx, repository, identifier)))


@routes.post("/repos/<owner>/<name>/check-runs/<int:identifier>/rerequest")
def rerequest_check_run(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """Rerequest a check run."""
    with access.state().transaction() as tx:
        visit = access.visit(tx, owner, name, "checks:write")
        run = checks.require(tx, visit.repository, identifier)
        checks.rerequest(tx, run, apps.bot(tx, visit.caller.app))
    return {}, 201


@routes.get("/repos/<owner>/<name>/commits/<path:ref>/check-runs")
def list_check_runs(owner: str, name: str, ref: str) -> ResponseReturnValue:
    """List check runs for a Git reference: the latest of each name, or all."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "checks:read").repository
        found = checks.of_commit(tx, repository, history.resolve(tx, repository, ref))
        shown = found if request.args.get("filter") == "all" else checks.latest(found)
        matching = [run for run in shown if matches(run)]
        runs = [job_deployments.render(tx, run) for run in access.page(matching)]
        return {"total_count": len(matching), "check_runs": runs}


def matches(run: CheckRun) -> bool:
    """Whether the check run is among those that the query asks for."""
    facts = {"check_name": run.name, "status": run.status, "app_id": str(run.app_id)}
    return all(request.args.get(name) in (None, value) for name, value in facts.items())
