"""Users, roles on repositories, teams, organizations."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from gate_app.standin import organizations, people, repositories, roles, teams
from gate_app.standin.errors import GitHubError, forbidden, not_found
from gate_app.standin.face import access
from gate_app.standin.people import Person, Team
from gate_app.standin.repositories import Repository
from gate_app.standin.state import Transaction

routes = Blueprint("people", __name__)


@routes.get("/users/<login>")
def get_user(login: str) -> ResponseReturnValue:
    """Get a user."""
    with access.state().transaction() as tx:
        access.caller(tx)
        return people.render_public(tx, _shown(tx, login))


@routes.get("/user/<int:identifier>")
def get_user_by_id(identifier: int) -> ResponseReturnValue:
    """Get a user using their id."""
    with access.state().transaction() as tx:
        access.caller(tx)
        person = tx.get(Person, id=identifier, deleted=0, suspended=0)
        if person is None:
            raise not_found()
        return people.render_public(tx, person)


@routes.get("/repos/<owner>/<name>/collaborators")
def list_collaborators(owner: str, name: str) -> ResponseReturnValue:
    """List repository collaborators, by what they may do if asked."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "metadata:read").repository
        found = roles.collaborators(tx, repository, request.args.get("permission"))
        return [roles.render(tx, person, role) for person, role in access.page(found)]


@routes.get("/repos/<owner>/<name>/collaborators/<login>/permission")
def get_permission(owner: str, name: str, login: str) -> ResponseReturnValue:
    """Get repository permissions for a user."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "metadata:read").repository
        person = people.shown(tx, login)
        if person is None:
            raise GitHubError(404, f"{login} is not a user")
        return roles.render_permission(tx, repository, person)


@routes.get("/orgs/<organization>/repos")
def list_repositories(organization: str) -> ResponseReturnValue:
    """List organization repositories: those that the token reaches, and public ones."""
    with access.state().transaction() as tx:
        caller, owner = access.caller(tx), _shown(tx, organization)
        every = tx.every(Repository, owner_id=owner.id)
        found = [one for one in every if not one.private or caller.sees(one.id, one.owner_id)]
        return [repositories.render_minimal(tx, repository) for repository in access.page(found)]


@routes.get("/orgs/<organization>/memberships/<login>")
def get_organization_membership(organization: str, login: str) -> ResponseReturnValue:
    """Get organization membership for a user; 404 if there is none."""
    with access.state().transaction() as tx:
        owner = _own(tx, organization)
        found = organizations.render_membership(tx, owner, _shown(tx, login))
        if found is None:
            raise not_found()
        return found


@routes.get("/orgs/<organization>/members/<login>")
def check_organization_membership(organization: str, login: str) -> ResponseReturnValue:
    """Check organization membership for a user; 404 if there is no active one."""
    with access.state().transaction() as tx:
        found = organizations.member(tx, _own(tx, organization), _shown(tx, login))
        if found is None or found[1] != "active":
            raise not_found()
    return "", 204


@routes.get("/orgs/<organization>/teams/<slug>")
def get_team(organization: str, slug: str) -> ResponseReturnValue:
    """Get a team by name."""
    with access.state().transaction() as tx:
        return teams.render_team(tx, _team(tx, organization, slug))


@routes.get("/orgs/<organization>/teams/<slug>/members")
def list_members(organization: str, slug: str) -> ResponseReturnValue:
    """List team members, those of child teams included."""
    with access.state().transaction() as tx:
        found = teams.members(tx, _team(tx, organization, slug), request.args.get("role", "all"))
        return [people.render(tx, person) for person in access.page(found)]


@routes.get("/orgs/<organization>/teams/<slug>/memberships/<login>")
def get_membership(organization: str, slug: str, login: str) -> ResponseReturnValue:
    """Get team membership for a user; 404 if there is none."""
    with access.state().transaction() as tx:
        membership = teams.render_membership(tx, _team(tx, organization, slug), _shown(tx, login))
        if membership is None:
            raise not_found()
        return membership


def _shown(tx: Transaction, login: str) -> Person:
    person = people.shown(tx, login)
    if person is None:
        raise not_found()
    return person


def _own(tx: Transaction, organization: str) -> Person:
    """The organization that the installation is on."""
    caller, owner = access.caller(tx), _shown(tx, organization)
    if owner.id != caller.installation.account_id:
        raise not_found()
    if not caller.may("members:read"):
        raise forbidden()
    return owner


def _team(tx: Transaction, organization: str, slug: str) -> Team:
    _own(tx, organization)
    team = teams.team(tx, organization, slug)
    if team is None:
        raise not_found()
    return team
