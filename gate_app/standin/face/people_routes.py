"""Users, roles on repositories, teams."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from gate_app.standin import people, repositories
from gate_app.standin.errors import GitHubError, forbidden, not_found
from gate_app.standin.face import access
from gate_app.standin.people import Person, Team
from gate_app.standin.state import Transaction

routes = Blueprint("people", __name__)


@routes.get("/users/<login>")
def get_user(login: str) -> ResponseReturnValue:
    """Get a user."""
    with access.state().transaction() as tx:
        access.caller(tx)
        person = people.by_login(tx, login)
        if person is None:
            raise not_found()
        return people.render_public(tx, person)


@routes.get("/user/<int:identifier>")
def get_user_by_id(identifier: int) -> ResponseReturnValue:
    """Get a user using their id."""
    with access.state().transaction() as tx:
        access.caller(tx)
        person = tx.get(Person, id=identifier, deleted=0)
        if person is None:
            raise not_found()
        return people.render_public(tx, person)


@routes.get("/repos/<owner>/<name>/collaborators/<login>/permission")
def get_permission(owner: str, name: str, login: str) -> ResponseReturnValue:
    """Get repository permissions for a user."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "metadata:read").repository
        person = people.by_login(tx, login)
        if person is None:
            raise GitHubError(404, f"{login} is not a user")
        return people.permission(tx, repository.id, person, repositories.everybodys_role(repository))


@routes.get("/orgs/<organization>/teams/<slug>")
def get_team(organization: str, slug: str) -> ResponseReturnValue:
    """Get a team by name."""
    with access.state().transaction() as tx:
        return people.render_team(tx, _team(tx, organization, slug))


@routes.get("/orgs/<organization>/teams/<slug>/memberships/<login>")
def get_membership(organization: str, slug: str, login: str) -> ResponseReturnValue:
    """Get team membership for a user; 404 if there is none."""
    with access.state().transaction() as tx:
        team = _team(tx, organization, slug)
        person = people.by_login(tx, login)
        membership = people.render_membership(tx, team, person) if person else None
        if membership is None:
            raise not_found()
        return membership


def _team(tx: Transaction, organization: str, slug: str) -> Team:
    caller = access.caller(tx)
    team = people.team(tx, organization, slug)
    if team is None or team.organization_id != caller.installation.account_id:
        raise not_found()
    if not caller.may("members:read"):
        raise forbidden()
    return team
