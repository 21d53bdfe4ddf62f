"""What a person may do on a repository, all reasons taken together.

Rules of this file, from the REST docs "Collaborators" and the docs "Repository roles for an organization":

* The highest counts of: the role that was given, those of teams, that of everybody; owners are administrators.
* `role_name` is the role itself; the `permission` beside it is the older reading: maintain is write, triage is
  read, and an organization's own role is the role that it extends.
"""

from __future__ import annotations

from gate_app.standin import people, repositories, teams
from gate_app.standin.people import Member, Person
from gate_app.standin.repositories import Repository
from gate_app.standin.state import JsonObject, Transaction

LEGACY_PERMISSION = {
    "admin": "admin",
    "maintain": "write",
    "write": "write",
    "triage": "read",
    "read": "read",
    "none": "none",
}
_RISING = ("none", "read", "triage", "write", "maintain", "admin")
_FLAGS = ("admin", "maintain", "push", "triage", "pull")


def of(tx: Transaction, repository: Repository, person: Person) -> str:
    """The role of a person on a repository, `name:role` if it is the organization's own."""
    owner = {"organization_id": repository.owner_id, "person_id": person.id}
    if person.id == repository.owner_id or tx.get(Member, **owner, role="admin", state="active"):
        return "admin"
    given = people.given_role(tx, repository.id, person) or "none"
    found = [given, *teams.roles(tx, repository.id, person), repositories.everybodys_role(repository)]
    return max(found, key=lambda role: _RISING.index(people.base_of(role)))


def collaborators(tx: Transaction, repository: Repository, flag: str | None) -> list[tuple[Person, str]]:
    """Everybody with a role of their own on a repository, or those whose role allows something."""
    everybodys = repositories.everybodys_role(repository)
    found = [
        (person, of(tx, repository, person))
        for person in tx.every(Person, type="User", deleted=0, suspended=0)
    ]
    named = [
        pair for pair in found if pair[1] not in ("none", everybodys) or _is_given(tx, repository, pair[0])
    ]
    return [pair for pair in named if flag is None or people.may(pair[1], flag)]


def _is_given(tx: Transaction, repository: Repository, person: Person) -> bool:
    return people.given_role(tx, repository.id, person) is not None


def render(tx: Transaction, person: Person, role: str) -> JsonObject:
    """A person with a role."""
    may = {flag: people.may(role, flag) for flag in _FLAGS}
    return {**people.render(tx, person), "permissions": may, "role_name": role.partition(":")[0]}


def render_permission(tx: Transaction, repository: Repository, person: Person) -> JsonObject:
    """The body of "Get repository permissions for a user"."""
    role = of(tx, repository, person)
    user = render(tx, person, role)
    permission = LEGACY_PERMISSION[people.base_of(role)]
    return {"permission": permission, "role_name": user["role_name"], "user": user}
