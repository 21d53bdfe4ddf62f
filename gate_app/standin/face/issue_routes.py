"""Issues: the App opens some, lists and reads them."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from gate_app.standin import issues, pulls
from gate_app.standin.bodies import NewIssue
from gate_app.standin.face import access
from gate_app.standin.issues import Issue

routes = Blueprint("issues", __name__)
READ = ("issues:read", "pull_requests:read")


@routes.get("/repos/<owner>/<name>/issues")
def list_issues(owner: str, name: str) -> ResponseReturnValue:
    """List repository issues, newest first, by state (open unless asked) and since a moment."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, *READ).repository
        state, since = request.args.get("state", "open"), request.args.get("since", "")
        return access.page(issues.listed(tx, repository, state, since))


@routes.post("/repos/<owner>/<name>/issues")
def create_issue(owner: str, name: str) -> ResponseReturnValue:
    """Create an issue."""
    with access.state().transaction() as tx:
        visit = access.visit(tx, owner, name, "issues:write")
        wanted = access.body(NewIssue)
        author = access.author(tx, visit.caller)
        made = issues.create(tx, visit.repository, author, str(wanted.title), wanted.body or "")
        return issues.render(tx, made), 201


@routes.get("/repos/<owner>/<name>/issues/<int:number>")
def get_issue(owner: str, name: str, number: int) -> ResponseReturnValue:
    """Get an issue; a pull request is one too."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, *READ).repository
        if tx.get(Issue, repository_id=repository.id, number=number) is None:
            return pulls.render_as_issue(tx, pulls.require(tx, repository, number))
        return issues.render(tx, issues.require(tx, repository, number))
