"""Check suites."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from gate_app.standin import apps, checks, history, job_deployments, suites
from gate_app.standin.bodies import NewCheckSuite
from gate_app.standin.face import access
from gate_app.standin.face.check_routes import matches
from gate_app.standin.state import JsonObject, Transaction
from gate_app.standin.suites import CheckSuite

routes = Blueprint("suites", __name__, url_prefix="/repos/<owner>/<name>")


@routes.post("/check-suites")
def create_suite(owner: str, name: str) -> ResponseReturnValue:
    """Create a check suite; 200 if the App has one on this commit."""
    with access.state().transaction() as tx:
        visit = access.visit(tx, owner, name, "checks:write")
        sha, app = access.body(NewCheckSuite).head_sha, visit.caller.app
        known = suites.existing(tx, visit.repository, app, history.resolve(tx, visit.repository, sha))
        suite = known or suites.ensure(tx, visit.repository, app, sha)
        return _rendered(tx, suite), 200 if known else 201


@routes.get("/check-suites/<int:identifier>")
def get_suite(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """Get a check suite."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "checks:read").repository
        return _rendered(tx, suites.require(tx, repository, identifier))


@routes.get("/commits/<path:ref>/check-suites")
def list_suites(owner: str, name: str, ref: str) -> ResponseReturnValue:
    """List check suites for a Git reference, by App if asked."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "checks:read").repository
        sha, app_id = history.resolve(tx, repository, ref), request.args.get("app_id")
        every = tx.every(CheckSuite, repository_id=repository.id, head_sha=sha)
        found = [suite for suite in every if app_id in (None, str(suite.app_id))]
        shown = [_rendered(tx, suite) for suite in access.page(found)]
        return {"total_count": len(found), "check_suites": shown}


@routes.get("/check-suites/<int:identifier>/check-runs")
def list_runs_of_suite(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """List check runs in a check suite: the latest of each name, or all."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "checks:read").repository
        suite, every = suites.require(tx, repository, identifier), request.args.get("filter") == "all"
        runs = [run for run in checks.of_suite(tx, suite, every=every) if matches(run)]
        return {
            "total_count": len(runs),
            "check_runs": [job_deployments.render(tx, run) for run in access.page(runs)],
        }


@routes.post("/check-suites/<int:identifier>/rerequest")
def rerequest_suite(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """Rerequest a check suite."""
    with access.state().transaction() as tx:
        visit = access.visit(tx, owner, name, "checks:write")
        suite = suites.require(tx, visit.repository, identifier)
        checks.rerequest_suite(tx, suite, apps.bot(tx, visit.caller.app))
    return {}, 201


def _rendered(tx: Transaction, suite: CheckSuite) -> JsonObject:
    return suites.render_full(tx, suite, len(checks.of_suite(tx, suite)))
