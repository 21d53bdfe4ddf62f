"""Control API: what people and other Apps do: pulls, comments, clicks, checks, deployments."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint
from flask.typing import ResponseReturnValue

from gate_app.standin import (
    apps,
    checks,
    comments,
    deployments,
    issues,
    lifecycle,
    people,
    pulls,
    snapshot,
    statuses,
    suites,
)
from gate_app.standin.comments import Author
from gate_app.standin.errors import GitHubError
from gate_app.standin.face import access
from gate_app.standin.face import control_bodies as given
from gate_app.standin.face.guard import guard
from gate_app.standin.face.setup_routes import named, the_app
from gate_app.standin.lifecycle import Proposal
from gate_app.standin.people import Person
from gate_app.standin.pulls import Pull
from gate_app.standin.state import Transaction

routes = Blueprint("activity", __name__, url_prefix="/_standin/repositories/<owner>/<name>")
routes.before_request(guard)


@routes.post("/pulls")
def open_pull(owner: str, name: str) -> ResponseReturnValue:
    """Open a pull request."""
    wanted = access.body(given.NewPull)
    with access.state().transaction() as tx:
        pull = lifecycle.open_pull(tx, named(tx, owner, name), Proposal(**wanted.model_dump()))
        return dict(snapshot.of_pull(tx, pull)), 201


@routes.put("/pulls/<int:number>/head")
def push_to_pull(owner: str, name: str, number: int) -> ResponseReturnValue:
    """Push another commit to a pull request."""
    wanted = access.body(given.PullHead)

    def change(tx: Transaction, pull: Pull, by: Person) -> Pull:
        return lifecycle.set_head(tx, pull, wanted.head_sha, by)

    return _changed(owner, name, number, wanted.by, change)


@routes.patch("/pulls/<int:number>")
def change_pull(owner: str, name: str, number: int) -> ResponseReturnValue:
    """Give a pull request another base or title."""
    wanted = access.body(given.PullChange)

    def change(tx: Transaction, pull: Pull, by: Person) -> Pull:
        titled = lifecycle.edit(tx, pull, wanted.title, by) if wanted.title else pull
        return lifecycle.retarget(tx, titled, wanted.base, by) if wanted.base else titled

    return _changed(owner, name, number, wanted.by, change)


@routes.put("/pulls/<int:number>/labels")
def label_pull(owner: str, name: str, number: int) -> ResponseReturnValue:
    """Let a pull request wear exactly these labels."""
    wanted = access.body(given.Labels)

    def change(tx: Transaction, pull: Pull, by: Person) -> Pull:
        return lifecycle.label(tx, pull, wanted.labels, by)

    return _changed(owner, name, number, wanted.by, change)


@routes.post("/pulls/<int:number>/merge")
def merge_pull(owner: str, name: str, number: int) -> ResponseReturnValue:
    """Merge a pull request."""
    wanted = access.body(given.Merge)

    def change(tx: Transaction, pull: Pull, by: Person) -> Pull:
        return lifecycle.merge(tx, pull, wanted.method, by)

    return _changed(owner, name, number, wanted.by, change)


@routes.post("/pulls/<int:number>/close")
def close_pull(owner: str, name: str, number: int) -> ResponseReturnValue:
    """Close a pull request without merging it."""
    return _changed(owner, name, number, access.body(given.Actor).by, lifecycle.close)


@routes.post("/pulls/<int:number>/reopen")
def reopen_pull(owner: str, name: str, number: int) -> ResponseReturnValue:
    """Open a closed pull request again."""
    return _changed(owner, name, number, access.body(given.Actor).by, lifecycle.reopen)


def _changed(
    owner: str, name: str, number: int, by: str | None, change: Callable[[Transaction, Pull, Person], Pull]
) -> ResponseReturnValue:
    """The pull request after the change, made by its author unless somebody else is named."""
    with access.state().transaction() as tx:
        pull = pulls.require(tx, named(tx, owner, name), number)
        person = people.require(tx, by) if by else people.by_id(tx, pull.author_id)
        return dict(snapshot.of_pull(tx, change(tx, pull, person)))


@routes.post("/issues/<int:number>/close")
def close_issue(owner: str, name: str, number: int) -> ResponseReturnValue:
    """Close an issue as a person."""
    with access.state().transaction() as tx:
        issue = issues.require(tx, named(tx, owner, name), number)
        person = people.require(tx, access.body(given.Closer).login)
        return dict(snapshot.of_issue(tx, issues.close(tx, issue, person)))


@routes.post("/issues/<int:number>/comments")
def comment(owner: str, name: str, number: int) -> ResponseReturnValue:
    """Comment as a person."""
    wanted = access.body(given.Remark)
    with access.state().transaction() as tx:
        author = Author(people.require(tx, wanted.login), the_app(tx) if wanted.via_app else None)
        made = comments.create(tx, named(tx, owner, name), number, author, wanted.body)
        return dict(snapshot.of_comment(tx, made)), 201


@routes.patch("/issues/comments/<int:identifier>")
def edit_comment(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """Edit a comment as a person."""
    wanted = access.body(given.Remark)
    with access.state().transaction() as tx:
        found = comments.require(tx, named(tx, owner, name), identifier)
        edited = comments.edit(tx, found, people.require(tx, wanted.login), wanted.body)
        return dict(snapshot.of_comment(tx, edited))


@routes.delete("/issues/comments/<int:identifier>")
def delete_comment(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """Delete a comment as a person."""
    wanted = access.body(given.Commenter)
    with access.state().transaction() as tx:
        found = comments.require(tx, named(tx, owner, name), identifier)
        comments.delete(tx, found, people.require(tx, wanted.login))
    return "", 204


@routes.post("/check-runs")
def create_check_run(owner: str, name: str) -> ResponseReturnValue:
    """Create a check run of another App."""
    wanted = access.body(given.ForeignCheckRun)
    with access.state().transaction() as tx:
        repository, app = named(tx, owner, name), apps.other(tx, wanted.app)
        run = checks.create(tx, repository, app, wanted.check_run.head_sha, wanted.check_run.report())
        return dict(snapshot.of_check_run(tx, run)), 201


@routes.patch("/check-runs/<int:identifier>")
def update_check_run(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """Update a check run as the App that owns it; the App under test does so itself."""
    wanted = access.body(given.ForeignReport)
    with access.state().transaction() as tx:
        run = checks.require(tx, named(tx, owner, name), identifier)
        app = apps.by_id(tx, run.app_id)
        if app.public_key:
            raise GitHubError(403, f"{app.slug} updates its check runs itself")
        return dict(snapshot.of_check_run(tx, checks.update(tx, run, app, wanted.report.report())))


@routes.post("/check-runs/<int:identifier>/click")
def click(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """Press a button of a check run."""
    wanted = access.body(given.Click)
    with access.state().transaction() as tx:
        run = checks.require(tx, named(tx, owner, name), identifier)
        checks.click(tx, run, wanted.identifier, people.require(tx, wanted.login))
    return {}


@routes.post("/check-runs/<int:identifier>/rerequest")
def rerequest(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """Press "Re-run" of a check run."""
    wanted = access.body(given.Commenter)
    with access.state().transaction() as tx:
        run = checks.require(tx, named(tx, owner, name), identifier)
        checks.rerequest(tx, run, people.require(tx, wanted.login))
    return {}


@routes.post("/check-suites/<int:identifier>/rerequest")
def rerequest_suite(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """Press "Re-run all checks" of a check suite."""
    wanted = access.body(given.Commenter)
    with access.state().transaction() as tx:
        suite = suites.require(tx, named(tx, owner, name), identifier)
        checks.rerequest_suite(tx, suite, people.require(tx, wanted.login))
    return {}


@routes.post("/statuses")
def set_status(owner: str, name: str) -> ResponseReturnValue:
    """Set a commit status as a person or another service."""
    wanted = access.body(given.ForeignCommitStatus)
    with access.state().transaction() as tx:
        author, mark = Author(people.require(tx, wanted.login)), wanted.status.mark()
        statuses.create(tx, named(tx, owner, name), wanted.sha, author, mark)
    return {}, 201


@routes.post("/deployments")
def create_deployment(owner: str, name: str) -> ResponseReturnValue:
    """Create a deployment as a person or another App."""
    wanted = access.body(given.ForeignDeployment)
    with access.state().transaction() as tx:
        author = _deployer(tx, wanted)
        made = deployments.create(tx, named(tx, owner, name), author, wanted.deployment.wanted())
        if isinstance(made, str):
            return {"message": made}, 202
        return dict(snapshot.of_deployment(tx, made)), 201


@routes.post("/deployments/<int:identifier>/statuses")
def set_deployment_status(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """Set a deployment status as a person or another App."""
    wanted = access.body(given.ForeignStatus)
    with access.state().transaction() as tx:
        deployment = deployments.require(tx, named(tx, owner, name), identifier)
        deployments.set_status(tx, deployment, _deployer(tx, wanted), wanted.status.outcome())
        return dict(snapshot.of_deployment(tx, deployment)), 201


def _deployer(tx: Transaction, wanted: given.Deployer) -> Author:
    if wanted.login:
        return Author(people.require(tx, wanted.login))
    app = apps.other(tx, wanted.app or "")
    return Author(apps.bot(tx, app), app)
