"""What git knows beyond single commits: trees, histories, tags and refs."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from gate_app.standin import history, repositories
from gate_app.standin.errors import not_found
from gate_app.standin.face import access
from gate_app.standin.state import timestamp

routes = Blueprint("history", __name__, url_prefix="/repos/<owner>/<name>")
READ = "contents:read"


@routes.get("/git/trees/<path:tree>")
def get_tree(owner: str, name: str, tree: str) -> ResponseReturnValue:
    """Get a tree, with everything below it if asked."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, READ).repository
        return history.render_tree(tx, repository, tree, recursive="recursive" in request.args)


@routes.get("/commits")
def list_commits(owner: str, name: str) -> ResponseReturnValue:
    """List commits, newest first, from a branch or SHA, by path and time if asked."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, READ).repository
        git = repositories.git(tx, repository)
        head = git.resolve(request.args.get("sha", repository.default_branch))
        if head is None:
            raise not_found()
        since, until = request.args.get("since", ""), request.args.get("until", "9999")
        found = [
            commit
            for commit in git.history(head, request.args.get("path"))
            if since <= timestamp(commit.committer.at) <= until
        ]
        return [history.render_commit(tx, repository, commit) for commit in access.page(found)]


@routes.get("/tags")
def list_tags(owner: str, name: str) -> ResponseReturnValue:
    """List repository tags."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, READ).repository
        found = repositories.git(tx, repository).refs("tags/")
        tags = [(ref.removeprefix("tags/"), sha) for ref, sha in found.items()]
        return [history.render_tag(tx, repository, tag, sha) for tag, sha in access.page(tags)]


@routes.get("/git/matching-refs/<path:prefix>")
def list_refs(owner: str, name: str, prefix: str) -> ResponseReturnValue:
    """List matching references, `heads/x` or `tags/x`."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, READ).repository
        found = list(repositories.git(tx, repository).refs(prefix))
        return [history.render_ref(tx, repository, ref) for ref in access.page(found)]
