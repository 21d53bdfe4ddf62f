"""Artifacts of workflow runs, and the other host that they are downloaded from."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, Response, redirect, request
from flask.typing import ResponseReturnValue

from gate_app.standin import artifacts, repositories, workflow_runs
from gate_app.standin.artifacts import DOWNLOADS, Artifact
from gate_app.standin.errors import GitHubError
from gate_app.standin.face import access
from gate_app.standin.state import JsonObject, Transaction

routes = Blueprint("artifacts", __name__)
READ = "actions:read"


@routes.get("/repos/<owner>/<name>/actions/artifacts")
def list_artifacts(owner: str, name: str) -> ResponseReturnValue:
    """List artifacts for a repository, newest first."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, READ).repository
        return _listed(tx, tx.newest_first(Artifact, repository_id=repository.id))


@routes.get("/repos/<owner>/<name>/actions/runs/<int:identifier>/artifacts")
def list_artifacts_of_run(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """List workflow run artifacts, newest first."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, READ).repository
        run = workflow_runs.require(tx, repository, identifier)
        return _listed(tx, tx.newest_first(Artifact, run_id=run.id))


def _listed(tx: Transaction, every: Sequence[Artifact]) -> JsonObject:
    name = request.args.get("name")
    found = [artifact for artifact in every if name in (None, artifact.name)]
    shown = [_rendered(tx, artifact) for artifact in access.page(found)]
    return {"total_count": len(found), "artifacts": shown}


@routes.get("/repos/<owner>/<name>/actions/artifacts/<int:identifier>")
def get_artifact(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """Get an artifact."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, READ).repository
        return _rendered(tx, artifacts.require(tx, repository, identifier))


@routes.get("/repos/<owner>/<name>/actions/artifacts/<int:identifier>/zip")
def download(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """Download an artifact: a redirect to where it lies."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, READ).repository
        return redirect(artifacts.ticket(tx, artifacts.require(tx, repository, identifier)), 302)


@routes.get(f"{DOWNLOADS}/<secret>")
def fetch(secret: str) -> ResponseReturnValue:
    """The zip archive; whoever sends a credential along has followed the redirect too faithfully."""
    if "Authorization" in request.headers:
        raise GitHubError(400, "Authentication information is not given in the correct format.")
    with access.state().transaction() as tx:
        artifact = artifacts.redeem(tx, secret)
        return Response(artifact.content, content_type="application/zip")


def _rendered(tx: Transaction, artifact: Artifact) -> JsonObject:
    repository = repositories.by_id(tx, artifact.repository_id)
    run = workflow_runs.require(tx, repository, artifact.run_id)
    return artifacts.render(tx, artifact, workflow_runs.render_short(run))
