"""Repositories and what git knows: contents, commits, branches, comparisons."""

from __future__ import annotations

import json

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from gate_app.standin import contents, history, protection, pulls, pushes, repositories
from gate_app.standin.errors import not_found
from gate_app.standin.face import access
from gate_app.standin.pushes import Push
from gate_app.standin.repositories import Repository

routes = Blueprint("repositories", __name__)


@routes.get("/repos/<owner>/<name>")
def get_repository(owner: str, name: str) -> ResponseReturnValue:
    """Get a repository."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "metadata:read").repository
        return repositories.render_full(tx, repository)


@routes.get("/repositories/<int:identifier>")
def get_repository_by_id(identifier: int) -> ResponseReturnValue:
    """Get a repository by its id, whatever it is called now."""
    with access.state().transaction() as tx:
        caller = access.caller(tx)
        repository = tx.get(Repository, id=identifier)
        if repository is None:
            raise not_found()
        access.permitted(caller, repository, "metadata:read")
        return repositories.render_full(tx, repository)


@routes.route("/repositories/<int:identifier>/<path:rest>", methods=["GET", "POST", "PATCH", "PUT", "DELETE"])
def redirect_to_name(identifier: int, rest: str) -> ResponseReturnValue:
    """Everything under the id of a repository is found under its name."""
    with access.state().transaction() as tx:
        repository = tx.get(Repository, id=identifier)
        if repository is None:
            raise not_found()
        access.permitted(access.caller(tx), repository, "metadata:read")
        query = f"?{request.query_string.decode()}" if request.query_string else ""
        return redirect(f"{repositories.api_url(tx, repository)}/{rest}{query}", 307)


@routes.get("/repos/<owner>/<name>/activity")
def list_activity(owner: str, name: str) -> ResponseReturnValue:
    """List repository activities, newest first, by ref (with or without `refs/heads/`) and kind; the first page."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "contents:read").repository
        ref, kind = request.args.get("ref"), request.args.get("activity_type")
        where = {} if ref is None else {"ref": f"refs/heads/{ref.removeprefix('refs/heads/')}"}
        where |= {} if kind is None else {"kind": kind}
        found = tx.newest_first(Push, repository_id=repository.id, **where)
        return [pushes.render(tx, push) for push in found[: access.per_page()]]


@routes.get("/repos/<owner>/<name>/contents/")
@routes.get("/repos/<owner>/<name>/contents/<path:path>")
def get_contents(owner: str, name: str, path: str = "") -> ResponseReturnValue:
    """Get repository content."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "contents:read").repository
        return contents.render(tx, repository, path.strip("/"), request.args.get("ref"))


@routes.get("/repos/<owner>/<name>/commits/<path:ref>")
def get_commit(owner: str, name: str, ref: str) -> ResponseReturnValue:
    """Get a commit."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "contents:read").repository
        return history.render_commit_with_files(tx, repository, history.resolve(tx, repository, ref))


@routes.get("/repos/<owner>/<name>/commits/<sha>/pulls")
def list_pulls_of_commit(owner: str, name: str, sha: str) -> ResponseReturnValue:
    """List pull requests associated with a commit."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "pull_requests:read").repository
        found = pulls.with_commit(tx, repository, history.resolve(tx, repository, sha))
        return [pulls.render(tx, pull) for pull in access.page(found)]


@routes.get("/repos/<owner>/<name>/git/commits/<sha>")
def get_git_commit(owner: str, name: str, sha: str) -> ResponseReturnValue:
    """Get a commit object."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "contents:read").repository
        if repositories.git(tx, repository).resolve(sha) != sha:
            raise not_found()
        return history.render_git_commit(tx, repository, sha)


@routes.get("/repos/<owner>/<name>/git/ref/<path:ref>")
def get_ref(owner: str, name: str, ref: str) -> ResponseReturnValue:
    """Get a reference."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "contents:read").repository
        return history.render_ref(tx, repository, ref)


@routes.get("/repos/<owner>/<name>/branches/<path:branch>")
def get_branch(owner: str, name: str, branch: str) -> ResponseReturnValue:
    """Get a branch."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "contents:read").repository
        return history.render_branch(tx, repository, branch)


@routes.get("/repos/<owner>/<name>/branches")
def list_branches(owner: str, name: str) -> ResponseReturnValue:
    """List branches, all or those that are protected or not."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "contents:read").repository
        names = repositories.git(tx, repository).branches()
        every = [history.render_short_branch(tx, repository, branch) for branch in names]
        wanted = request.args.get("protected")
        return access.page([one for one in every if wanted in (None, json.dumps(one["protected"]))])


@routes.get("/repos/<owner>/<name>/rules/branches/<path:branch>")
def list_rules(owner: str, name: str, branch: str) -> ResponseReturnValue:
    """Get rules for a branch."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "metadata:read").repository
        return access.page(protection.render_rules(tx, repository, branch))


@routes.get("/repos/<owner>/<name>/branches/<path:branch>/protection/required_status_checks")
def get_required_checks(owner: str, name: str, branch: str) -> ResponseReturnValue:
    """Get status checks protection, for administrators."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "administration:read").repository
        return protection.render_policy(tx, repository, branch)


@routes.get("/repos/<owner>/<name>/compare/<path:basehead>")
def compare(owner: str, name: str, basehead: str) -> ResponseReturnValue:
    """Compare two commits, written `base...head`."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "contents:read").repository
        base, separator, head = basehead.partition("...")
        git = repositories.git(tx, repository)
        found = git.resolve(base), git.resolve(head)
        if not separator or found[0] is None or found[1] is None:
            raise not_found()
        return history.render_comparison(tx, repository, found[0], found[1])
