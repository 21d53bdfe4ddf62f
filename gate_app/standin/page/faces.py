"""Who is seen on the page, and as whom its visitor may act."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gate_app.standin import people, roles
from gate_app.standin.errors import GitHubError
from gate_app.standin.people import Person
from gate_app.standin.repositories import Repository
from gate_app.standin.state import Transaction

TINTS: Final = 8


@dataclass(frozen=True)
class Face:
    """An account as it is shown; `tint` chooses one of the colours of the style sheet."""

    login: str
    tint: int
    is_bot: bool = False

    @property
    def initial(self) -> str:
        """What stands in the place of a picture."""
        return self.login[:1].upper()


@dataclass(frozen=True)
class Actor:
    """Somebody the visitor may act as, with their role on the repository."""

    face: Face
    role: str

    @property
    def login(self) -> str:
        return self.face.login

    @property
    def may_push(self) -> bool:
        """Whether they may merge and press the buttons of check runs, which takes write access."""
        return people.may(self.role, "push")

    @property
    def may_close(self) -> bool:
        """Whether they may close anybody's pull request."""
        return people.may(self.role, "triage")


def of(person: Person) -> Face:
    """The face of an account; what a deleted one did is the ghost's."""
    if person.deleted:
        return Face("ghost", 0)
    return Face(person.login.removesuffix("[bot]"), person.id % TINTS, person.type == "Bot")


def by_login(tx: Transaction, login: str) -> Face:
    """The face of whoever had this login; a name alone if nobody has it any more."""
    person = people.by_login(tx, login)
    return of(person) if person else Face(login, 0)


def actors(tx: Transaction, repository: Repository) -> tuple[Actor, ...]:
    """Everybody who can see the repository, whatever for."""
    everybody = tx.every(Person, type="User", deleted=0, suspended=0)
    found = ((person, roles.of(tx, repository, person)) for person in everybody)
    return tuple(
        Actor(of(person), role)
        for person, role in found
        if people.may(role, "pull") and person.id != people.WEB_FLOW_ID
    )


def chosen(everybody: Sequence[Actor], login: str | None, author: Face) -> Actor | None:
    """Who acts: the one asked for, else whoever could answer something, else anybody. 404 for a stranger."""
    if login:
        return _named(everybody, login)
    able = [actor for actor in everybody if actor.may_push and actor.login != author.login]
    return next(iter([*able, *everybody]), None)


def _named(everybody: Sequence[Actor], login: str) -> Actor:
    for actor in everybody:
        if actor.login == login:
            return actor
    raise GitHubError(404, f"{login} cannot see this repository, so nobody can act as {login} here.")
