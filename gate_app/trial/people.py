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

_BUILT_IN: Final = frozenset(permission.name.lower() for permission in Permission)


@dataclass(frozen=True, slots=True)
class Resident:
    """A person with a role on the repository, the teams (`organization/slug`) and the organizations they are in."""

    login: str
    role: str
    teams: tuple[str, ...] = ()
    organisations: tuple[str, ...] = ()


def residents(policy: Policy) -> tuple[Resident, ...]:
    """Everybody there is: the four, and each login that the policy names. Teams hold those who approve."""
    teams, within = policy.teams(), policy.organisations()
    four = (
        Resident(AUTHOR, "write"),
        Resident(REVIEWER, "write", teams, within),
        Resident(MAINTAINER, "maintain", teams, within),
        Resident(READER, "read"),
    )
    known = {person.login for person in four}
    named = (login for login in policy.logins() if login.lower() not in known)
    custom = (role for role in policy.roles() if role not in _BUILT_IN)
    return (
        *four,
        *(Resident(login, "write") for login in named),
        *(Resident(role.replace(" ", "-"), f"{role}:write", teams, within) for role in custom),
    )


def able_to_answer(environment: Environment, people: tuple[Resident, ...]) -> tuple[str, ...]:
    """The logins that fit a line of the environment's policy; the author contributed and never does."""
    others = (person for person in people if person.login != AUTHOR)
    return tuple(
        person.login
        for person in others
        if any(_fits(person, leaf) for line in environment.approval.lines for leaf in line.leaves)
    )


def _fits(person: Resident, line: ApproverLine) -> bool:
    role = person.role.partition(":")[0]
    if Permission.of_role(role) < line.permission or (line.roles and role not in line.roles):
        return False
    if line.teams and not set(line.teams) & set(person.teams):
        return False
    if line.codeowners:  # whoever they are, they are not among these
        return False
    if line.organisations and not set(line.organisations) & set(person.organisations):
        return False
    return not line.users or person.login.lower() in {user.lower() for user in line.users}
