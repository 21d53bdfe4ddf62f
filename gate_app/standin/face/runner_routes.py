"""Control API: GitHub Actions: what runners do, and what people do with workflow runs."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from gate_app.standin import (
    apps,
    held_jobs,
    people,
    runners,
    snapshot,
    workflow_lifecycle,
    workflow_runs,
    workflows,
)
from gate_app.standin.face import access
from gate_app.standin.face import control_bodies as given
from gate_app.standin.face.guard import guard
from gate_app.standin.face.setup_routes import named

routes = Blueprint("runners", __name__, url_prefix="/_standin/repositories/<owner>/<name>")
routes.before_request(guard)


@routes.put("/workflows/<file_name>/scripts")
def set_scripts(owner: str, name: str, file_name: str) -> ResponseReturnValue:
    """Say what the next attempts of a workflow do."""
    wanted = [script.script() for script in access.body(given.ScriptList).scripts]
    with access.state().transaction() as tx:
        runners.set_scripts(tx, named(tx, owner, name), file_name, wanted)
    return {}


@routes.post("/workflows/<file_name>/dispatches")
def dispatch(owner: str, name: str, file_name: str) -> ResponseReturnValue:
    """Run a workflow as a person."""
    wanted = access.body(given.HandDispatch)
    with access.state().transaction() as tx:
        repository, actor = named(tx, owner, name), people.require(tx, wanted.login)
        workflow = workflows.require(tx, repository, file_name)
        ref = wanted.ref or repository.default_branch
        run = workflow_lifecycle.dispatch(tx, workflow, actor, ref, wanted.inputs)
        return dict(snapshot.of_workflow_run(tx, run)), 201


@routes.put("/environments/<path:environment>/rule")
def protect(owner: str, name: str, environment: str) -> ResponseReturnValue:
    """Let an App hold the jobs of an environment, or nobody."""
    wanted = access.body(given.HoldingApp).app_id
    with access.state().transaction() as tx:
        repository = named(tx, owner, name)
        if wanted is None:
            held_jobs.unprotect(tx, repository, environment)
        else:
            held_jobs.protect(tx, repository, environment, apps.by_id(tx, wanted))
    return {}


@routes.get("/runs/<int:identifier>/reviews")
def list_reviews(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """What Apps said of the jobs of a run that waited, in order."""
    with access.state().transaction() as tx:
        run = workflow_runs.require(tx, named(tx, owner, name), identifier)
        shown = ("attempt", "environment", "state", "comment")
        return [
            {key: getattr(each, key) for key in shown} for each in tx.every(held_jobs.Review, run_id=run.id)
        ]


@routes.post("/runs/<int:identifier>/start")
def start(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """Let a runner take a queued workflow run."""
    with access.state().transaction() as tx:
        run = workflow_runs.require(tx, named(tx, owner, name), identifier)
        return dict(snapshot.of_workflow_run(tx, workflow_lifecycle.start(tx, run)))


@routes.post("/runs/<int:identifier>/finish")
def finish(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """End a workflow run."""
    conclusion = access.body(given.Ending).conclusion
    with access.state().transaction() as tx:
        run = workflow_runs.require(tx, named(tx, owner, name), identifier)
        return dict(snapshot.of_workflow_run(tx, workflow_lifecycle.finish(tx, run, conclusion)))


@routes.post("/runs/<int:identifier>/rerun")
def rerun(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """Run a completed workflow run again, as a person."""
    login = access.body(given.Commenter).login
    with access.state().transaction() as tx:
        run = workflow_runs.require(tx, named(tx, owner, name), identifier)
        again = workflow_lifecycle.rerun(tx, run, people.require(tx, login))
        return dict(snapshot.of_workflow_run(tx, again)), 201
