"""Commit statuses."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from gate_app.standin import history, statuses
from gate_app.standin.bodies import NewStatus
from gate_app.standin.face import access

routes = Blueprint("statuses", __name__, url_prefix="/repos/<owner>/<name>")


@routes.post("/statuses/<sha>")
def create_status(owner: str, name: str, sha: str) -> ResponseReturnValue:
    """Create a commit status."""
    with access.state().transaction() as tx:
        visit = access.visit(tx, owner, name, "statuses:write")
        mark, author = access.body(NewStatus).mark(), access.author(tx, visit.caller)
        return statuses.render(tx, statuses.create(tx, visit.repository, sha, author, mark)), 201


@routes.get("/commits/<path:ref>/statuses")
def list_statuses(owner: str, name: str, ref: str) -> ResponseReturnValue:
    """List commit statuses for a reference, newest first."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "statuses:read").repository
        found = statuses.of_commit(tx, repository, history.resolve(tx, repository, ref))
        return [statuses.render(tx, status) for status in access.page(found)]


@routes.get("/commits/<path:ref>/status")
def get_combined(owner: str, name: str, ref: str) -> ResponseReturnValue:
    """Get the combined status for a specific reference."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "statuses:read").repository
        sha = history.resolve(tx, repository, ref)
        found = statuses.latest(statuses.of_commit(tx, repository, sha))
        return statuses.render_combined(tx, repository, sha, access.page(found))
