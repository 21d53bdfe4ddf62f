"""Pull requests, read only: the app under test never opens or merges one."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from gate_app.standin import history, issue_events, people, pulls, repositories
from gate_app.standin.face import access
from gate_app.standin.pulls import Pull
from gate_app.standin.state import Transaction

routes = Blueprint("pulls", __name__)


@routes.get("/repos/<owner>/<name>/pulls")
def list_pulls(owner: str, name: str) -> ResponseReturnValue:
    """List pull requests, newest first, by state (open unless asked) and head (`owner:branch`)."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "pull_requests:read").repository
        wanted = request.args.get("state", "open")
        where = {} if wanted == "all" else {"state": wanted}
        found = tx.newest_first(Pull, repository_id=repository.id, **where)
        head, base = request.args.get("head"), request.args.get("base")
        matching = [
            pull
            for pull in found
            if (head is None or _label(tx, pull) == head) and (base is None or pull.base_ref == base)
        ]
        return [pulls.render(tx, pull) for pull in access.page(matching)]


def _label(tx: Transaction, pull: Pull) -> str:
    owner_id = repositories.by_id(tx, pull.head_repository_id).owner_id
    return f"{people.by_id(tx, owner_id).login}:{pull.head_ref}"


@routes.get("/repos/<owner>/<name>/pulls/<int:number>")
def get_pull(owner: str, name: str, number: int) -> ResponseReturnValue:
    """Get a pull request."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "pull_requests:read").repository
        return pulls.render_with_mergeability(tx, pulls.require(tx, repository, number))


@routes.get("/repos/<owner>/<name>/pulls/<int:number>/commits")
def list_commits(owner: str, name: str, number: int) -> ResponseReturnValue:
    """List commits on a pull request, at most 250."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "pull_requests:read").repository
        found = pulls.commits(tx, pulls.require(tx, repository, number))
        return [history.render_commit(tx, repository, commit) for commit in access.page(found)]


@routes.get("/repos/<owner>/<name>/pulls/<int:number>/files")
def list_files(owner: str, name: str, number: int) -> ResponseReturnValue:
    """List pull request files, at most 3000."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "pull_requests:read").repository
        pull = pulls.require(tx, repository, number)
        return history.render_files(tx, repository, pull.head_sha, access.page(pulls.files(tx, pull)))


@routes.get("/repos/<owner>/<name>/issues/<int:number>/events")
def list_events(owner: str, name: str, number: int) -> ResponseReturnValue:
    """List issue events, oldest first."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "issues:read", "pull_requests:read").repository
        pulls.require(tx, repository, number)
        found = issue_events.of_pull(tx, repository, number)
        return [issue_events.render(tx, event) for event in access.page(found)]
