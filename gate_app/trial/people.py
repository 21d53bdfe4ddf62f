"""The people of the stand-in: who they are, and which of them may answer a gate.

Rules of the file: every commit of the range belongs to `author`, who may write and still never counts; the
names that a configuration asks for exist, so that its gates can be answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gate_app.domain.policy import ApproverLine, Environment, Permission, Policy

AUTHOR: Final = "author"
REVIEWER: Final = "reviewer"
MAINTAINER: Final = "maintainer"
READER: Final = "reader"


@dataclass(frozen=True, slots=True)
class Resident:
    """A person with a role on the repository, and the teams (`organization/slug`) they are in."""

    login: str
    role: str
    teams: tuple[str, ...] = ()


def residents(policy: Policy) -> tuple[Resident, ...]:
    """Everybody there is: the four, and each login that the policy names. Teams hold those who approve."""
    teams = policy.teams()
    four = (
        Resident(AUTHOR, "write"),
        Resident(REVIEWER, "write", teams),
        Resident(MAINTAINER, "maintain", teams),
        Resident(READER, "read"),
    )
    known = {person.login for person in four}
    named = (login for login in policy.logins() if login.lower() not in known)
    return (*four, *(Resident(login, "write") for login in named))


def able_to_answer(environment: Environment, people: tuple[Resident, ...]) -> tuple[str, ...]:
    """The logins that fit a line of the environment's policy; the author contributed and never does."""
    others = (person for person in people if person.login != AUTHOR)
    return tuple(
        person.login for person in others if any(_fits(person, line) for line in environment.approval.lines)
    )


def _fits(person: Resident, line: ApproverLine) -> bool:
    if Permission.of_role(person.role) < line.permission:
        return False
    if line.teams and not set(line.teams) & set(person.teams):
        return False
    return not line.users or person.login.lower() in {user.lower() for user in line.users}
