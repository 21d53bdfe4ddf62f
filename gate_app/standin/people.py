"""Accounts: users, bots, organizations and ghosts; teams and their members; roles on repositories.

Rules of this file:

* An account is its numeric id. Logins change hands: a renamed or deleted person frees the old one.
* What a deleted person wrote is shown as GitHub's `ghost`.
* Roles are `role_name`; the `permission` beside it is GitHub's legacy reading (maintain is write, triage is
  read). Source: REST docs, "Get repository permissions for a user".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gate_app.standin.errors import GitHubError, invalid
from gate_app.standin.state import JsonObject, Transaction, node_id

GHOST_ID = 10_137
WEB_FLOW_ID = 19_864_447
WEB_FLOW_EMAIL = "noreply@github.com"
LEGACY_PERMISSION = {
    "admin": "admin",
    "maintain": "write",
    "write": "write",
    "triage": "read",
    "read": "read",
    "none": "none",
}
_MAY = {
    "admin": ("admin", "maintain", "push", "triage", "pull"),
    "maintain": ("maintain", "push", "triage", "pull"),
    "write": ("push", "triage", "pull"),
    "triage": ("triage", "pull"),
    "read": ("pull",),
    "none": (),
}


@dataclass(frozen=True)
class Person:
    """An account; `type` is User, Bot or Organization."""

    TABLE: ClassVar[str] = "people"
    id: int
    login: str
    type: str
    name: str | None
    email: str | None
    deleted: bool
    created_at: str
    updated_at: str


@dataclass(frozen=True)
class Team:
    """A team of an organization."""

    TABLE: ClassVar[str] = "teams"
    id: int
    organization_id: int
    slug: str
    name: str
    created_at: str


@dataclass(frozen=True)
class Membership:
    """A person's place in a team: `state` is active or pending, `role` member or maintainer."""

    TABLE: ClassVar[str] = "memberships"
    id: int
    team_id: int
    person_id: int
    state: str
    role: str


@dataclass(frozen=True)
class Collaborator:
    """The role a person was given on a repository."""

    TABLE: ClassVar[str] = "collaborators"
    id: int
    repository_id: int
    person_id: int
    role: str


def by_login(tx: Transaction, login: str) -> Person | None:
    """The account that has this login now."""
    return tx.get(Person, login=login, deleted=0)


def require(tx: Transaction, login: str) -> Person:
    """The account with this login; a 422 that says how to make it otherwise."""
    found = by_login(tx, login)
    if found is None:
        raise invalid(
            "Person", "login", f"nobody has the login {login}; create it with POST /_standin/people"
        )
    return found


def by_id(tx: Transaction, identifier: int) -> Person:
    """The account with this id, deleted ones included."""
    found = tx.get(Person, id=identifier)
    if found is None:
        raise LookupError(f"no account {identifier}")
    return found


def create(
    tx: Transaction, login: str, kind: str, name: str | None = None, email: str | None = None
) -> Person:
    """A new account. 422 if the login is taken."""
    if by_login(tx, login):
        raise invalid("Person", "login", f"{login} is already taken", code="already_exists")
    person = tx.insert(
        Person, login=login, type=kind, name=name, email=email, created_at=tx.now, updated_at=tx.now
    )
    tx.announce("person.created", id=person.id, login=person.login, type=person.type)
    return person


def account(tx: Transaction, login: str) -> Person:
    """The owner of repositories with this login; an organization is made if there is none."""
    return by_login(tx, login) or create(tx, login, "Organization")


def web_flow(tx: Transaction) -> Person:
    """GitHub's own committer for what is done on its pages."""
    found = tx.get(Person, id=WEB_FLOW_ID)
    return found or tx.insert(
        Person,
        id=WEB_FLOW_ID,
        login="web-flow",
        type="User",
        name="GitHub",
        email=WEB_FLOW_EMAIL,
        created_at=tx.now,
        updated_at=tx.now,
    )


def rename(tx: Transaction, person: Person, login: str) -> Person:
    """Give the account another login; the old one is free from now on."""
    if by_login(tx, login):
        raise invalid("Person", "login", f"{login} is already taken", code="already_exists")
    tx.announce("person.renamed", id=person.id, login=login, was=person.login)
    return tx.update(person, login=login, updated_at=tx.now)


def delete(tx: Transaction, person: Person) -> None:
    """Close the account: its roles and memberships end, what it wrote becomes the ghost's."""
    tx.delete(Membership, person_id=person.id)
    tx.delete(Collaborator, person_id=person.id)
    tx.update(person, deleted=1, updated_at=tx.now)
    tx.announce("person.deleted", id=person.id, login=person.login)


def set_role(tx: Transaction, repository_id: int, person: Person, role: str) -> None:
    """Give a role on a repository; `none` takes it away."""
    if role not in LEGACY_PERMISSION:
        raise invalid("Collaborator", "role", f"{role} is not one of {', '.join(LEGACY_PERMISSION)}")
    tx.delete(Collaborator, repository_id=repository_id, person_id=person.id)
    if role != "none":
        tx.insert(Collaborator, repository_id=repository_id, person_id=person.id, role=role)
    tx.announce("collaborator.changed", repository_id=repository_id, login=person.login, role=role)


def given_role(tx: Transaction, repository_id: int, person: Person) -> str | None:
    """The role a person was given on a repository, if any."""
    found = tx.get(Collaborator, repository_id=repository_id, person_id=person.id)
    return found.role if found else None


def may(role: str, what: str) -> bool:
    """Whether a role allows something: admin, maintain, push, triage or pull."""
    return what in _MAY[role]


def permission(tx: Transaction, repository_id: int, person: Person, fallback: str) -> JsonObject:
    """The body of "Get repository permissions for a user"; `fallback` is the role of everybody."""
    role = given_role(tx, repository_id, person) or fallback
    may = {name: name in _MAY[role] for name in _MAY["admin"]}
    user = {**render(tx, person), "permissions": may, "role_name": role}
    return {"permission": LEGACY_PERMISSION[role], "role_name": role, "user": user}


def team(tx: Transaction, organization: str, slug: str) -> Team | None:
    """The team of this organization with this slug."""
    owner = by_login(tx, organization)
    return tx.get(Team, organization_id=owner.id, slug=slug) if owner else None


def set_membership(
    tx: Transaction, organization: str, slug: str, person: Person, state: str, role: str
) -> Membership:
    """Put a person into a team, which is made if there is none."""
    owner = account(tx, organization)
    if owner.type != "Organization":
        raise GitHubError(422, f"{organization} is a user; only organizations have teams")
    found = team(tx, organization, slug) or tx.insert(
        Team, organization_id=owner.id, slug=slug, name=slug, created_at=tx.now
    )
    tx.delete(Membership, team_id=found.id, person_id=person.id)
    tx.announce("membership.changed", team=f"{organization}/{slug}", login=person.login, state=state)
    return tx.insert(Membership, team_id=found.id, person_id=person.id, state=state, role=role)


def delete_membership(tx: Transaction, organization: str, slug: str, person: Person) -> None:
    """Take a person out of a team, if both are there."""
    found = team(tx, organization, slug)
    if found:
        tx.delete(Membership, team_id=found.id, person_id=person.id)
        tx.announce("membership.deleted", team=f"{organization}/{slug}", login=person.login)


def delete_team(tx: Transaction, organization: str, slug: str) -> None:
    """Delete a team and its memberships, if it is there; one made later under its slug is another team."""
    found = team(tx, organization, slug)
    if found:
        tx.delete(Membership, team_id=found.id)
        tx.delete(Team, id=found.id)
        tx.announce("team.deleted", team=f"{organization}/{slug}")


def association(tx: Transaction, repository_id: int, owner_id: int, person: Person) -> str:
    """The `author_association` of what a person wrote on a repository."""
    if person.id == owner_id:
        return "OWNER"
    memberships = tx.every(Membership, person_id=person.id, state="active")
    if any(tx.get(Team, id=membership.team_id, organization_id=owner_id) for membership in memberships):
        return "MEMBER"
    return "COLLABORATOR" if given_role(tx, repository_id, person) else "NONE"


def render(tx: Transaction, person: Person) -> JsonObject:
    """The "simple user" of every body."""
    login, identifier = ("ghost", GHOST_ID) if person.deleted else (person.login, person.id)
    api = f"{tx.url}/users/{login}"
    return {
        "login": login,
        "id": identifier,
        "node_id": node_id("User", identifier),
        "avatar_url": f"{tx.url}/avatars/{identifier}",
        "gravatar_id": "",
        "url": api,
        "html_url": f"{tx.url}/{login}",
        "followers_url": f"{api}/followers",
        "following_url": f"{api}/following{{/other_user}}",
        "gists_url": f"{api}/gists{{/gist_id}}",
        "starred_url": f"{api}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{api}/subscriptions",
        "organizations_url": f"{api}/orgs",
        "repos_url": f"{api}/repos",
        "events_url": f"{api}/events{{/privacy}}",
        "received_events_url": f"{api}/received_events",
        "type": "User" if person.deleted else person.type,
        "site_admin": False,
    }


def render_public(tx: Transaction, person: Person) -> JsonObject:
    """The longer body of `GET /users/{login}`."""
    absent: JsonObject = dict.fromkeys(("company", "location", "email", "hireable", "bio"), None)
    counts = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    times = {"created_at": person.created_at, "updated_at": person.updated_at}
    return {**render(tx, person), "name": person.name, "blog": "", **absent, **counts, **times}


def render_organization(tx: Transaction, person: Person) -> JsonObject:
    """The short `organization` that webhooks carry."""
    api = f"{tx.url}/orgs/{person.login}"
    return {
        "login": person.login,
        "id": person.id,
        "node_id": node_id("Organization", person.id),
        "url": api,
        "repos_url": f"{api}/repos",
        "events_url": f"{api}/events",
        "hooks_url": f"{api}/hooks",
        "issues_url": f"{api}/issues",
        "members_url": f"{api}/members{{/member}}",
        "public_members_url": f"{api}/public_members{{/member}}",
        "avatar_url": f"{tx.url}/avatars/{person.id}",
        "description": None,
    }


def render_team(tx: Transaction, found: Team) -> JsonObject:
    """The full body of `GET /orgs/{org}/teams/{slug}`."""
    owner = by_id(tx, found.organization_id)
    api = f"{tx.url}/organizations/{owner.id}/team/{found.id}"
    zeros = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    organization = {
        **render_organization(tx, owner),
        **zeros,
        "html_url": f"{tx.url}/{owner.login}",
        "has_organization_projects": True,
        "has_repository_projects": True,
        "created_at": owner.created_at,
        "updated_at": owner.updated_at,
        "archived_at": None,
        "type": "Organization",
    }
    return {
        "id": found.id,
        "node_id": node_id("Team", found.id),
        "url": api,
        "html_url": f"{tx.url}/orgs/{owner.login}/teams/{found.slug}",
        "name": found.name,
        "slug": found.slug,
        "description": None,
        "privacy": "closed",
        "notification_setting": "notifications_enabled",
        "permission": "pull",
        "members_url": f"{api}/members{{/member}}",
        "repositories_url": f"{api}/repos",
        "parent": None,
        "members_count": tx.count(Membership, team_id=found.id, state="active"),
        "repos_count": 0,
        "created_at": found.created_at,
        "updated_at": found.created_at,
        "organization": organization,
        "type": "organization",
    }


def render_membership(tx: Transaction, found: Team, person: Person) -> JsonObject | None:
    """The body of a team membership, or None if the person has none."""
    membership = tx.get(Membership, team_id=found.id, person_id=person.id)
    if membership is None:
        return None
    url = f"{tx.url}/organizations/{found.organization_id}/team/{found.id}/memberships/{person.login}"
    return {"url": url, "role": membership.role, "state": membership.state}
