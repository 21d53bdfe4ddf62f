"""Accounts: users, bots, organizations and ghosts; the rows of their teams, memberships and roles.

Rules of this file:

* An account is its numeric id. Logins change hands: a renamed or deleted person frees the old one.
* What a deleted person wrote is shown as GitHub's `ghost`.
* A suspended person is shown nowhere but in what was written before; logging in, and so everything else, is
  closed to them.
* What comes of memberships and roles is in `organizations`, `teams` and `roles`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import quote

from gate_app.standin.errors import invalid
from gate_app.standin.state import JsonObject, Transaction, node_id

GHOST_ID = 10_137
WEB_FLOW_ID = 19_864_447
WEB_FLOW_EMAIL = "noreply@github.com"
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
    suspended: bool
    created_at: str
    updated_at: str


@dataclass(frozen=True)
class Team:
    """A team of an organization, perhaps within another one."""

    TABLE: ClassVar[str] = "teams"
    id: int
    organization_id: int
    slug: str
    name: str
    parent_id: int | None
    created_at: str


@dataclass(frozen=True)
class Member:
    """A person's place in an organization: `role` is admin (an owner) or member."""

    TABLE: ClassVar[str] = "members"
    id: int
    organization_id: int
    person_id: int
    role: str
    state: str


@dataclass(frozen=True)
class TeamRole:
    """The role that a team's members have on a repository."""

    TABLE: ClassVar[str] = "team_roles"
    id: int
    team_id: int
    repository_id: int
    role: str


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
    """The role a person was given on a repository; a role of the organization's own is `name:role`, after
    the role that it extends."""

    TABLE: ClassVar[str] = "collaborators"
    id: int
    repository_id: int
    person_id: int
    role: str


def by_login(tx: Transaction, login: str) -> Person | None:
    """The account that has this login now."""
    return tx.get(Person, login=login, deleted=0)


def shown(tx: Transaction, login: str) -> Person | None:
    """The account with this login, if it is one that GitHub shows."""
    found = by_login(tx, login)
    return None if found is None or found.suspended else found


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
    tx.delete(Member, person_id=person.id)
    tx.delete(Collaborator, person_id=person.id)
    tx.update(person, deleted=1, updated_at=tx.now)
    tx.announce("person.deleted", id=person.id, login=person.login)


def suspend(tx: Transaction, person: Person, suspended: bool) -> Person:
    """Suspend an account, or end that."""
    tx.announce("person.suspended", id=person.id, login=person.login, suspended=suspended)
    return tx.update(person, suspended=int(suspended), updated_at=tx.now)


def base_of(role: str) -> str:
    """The role that GitHub knows: that of `release-manager:write` is write."""
    return role.rpartition(":")[2]


def set_role(tx: Transaction, repository_id: int, person: Person, role: str) -> None:
    """Give a role on a repository; `none` takes it away."""
    if base_of(role) not in _MAY:
        raise invalid("Collaborator", "role", f"{role} is not one of {', '.join(_MAY)}")
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
    return what in _MAY[base_of(role)]


def association(tx: Transaction, repository_id: int, owner_id: int, person: Person) -> str:
    """The `author_association` of what a person wrote on a repository."""
    if person.id == owner_id:
        return "OWNER"
    if tx.get(Member, organization_id=owner_id, person_id=person.id, state="active"):
        return "MEMBER"
    memberships = tx.every(Membership, person_id=person.id, state="active")
    if any(tx.get(Team, id=membership.team_id, organization_id=owner_id) for membership in memberships):
        return "MEMBER"
    return "COLLABORATOR" if given_role(tx, repository_id, person) else "NONE"


def render(tx: Transaction, person: Person) -> JsonObject:
    """The "simple user" of every body."""
    login, identifier = ("ghost", GHOST_ID) if person.deleted else (person.login, person.id)
    name = quote(login)
    api = f"{tx.url}/users/{name}"
    page = f"apps/{login.removesuffix('[bot]')}" if person.type == "Bot" else name
    return {
        "login": login,
        "id": identifier,
        "node_id": node_id("User", identifier),
        "avatar_url": f"{tx.url}/avatars/{identifier}",
        "gravatar_id": "",
        "url": api,
        "html_url": f"{tx.url}/{page}",
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
