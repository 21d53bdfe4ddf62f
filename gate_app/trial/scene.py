"""What the stand-in is told: the App, the repository at the base of the range, its people, the pull request.

Rules of the file: everything goes through the control API; the pull request is opened last, when the App is
ready to be told about it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gate_app.config import DEFAULT_FILE_NAME
from gate_app.standin.control import Control
from gate_app.trial.configuration import Configuration
from gate_app.trial.people import AUTHOR, Resident
from gate_app.trial.repository import CommitRange

DEFAULT_BRANCH: Final = "main"
HEAD_BRANCH: Final = "change"
_OWNER: Final = "acme"
_UNFIT: Final = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Scene:
    """The repository (`owner/name`) on the stand-in and the number of its pull request."""

    repository: str
    pull_request: int

    def page(self, stand_in: str) -> str:
        """The address of the pull request's page on the stand-in."""
        return f"{stand_in}/{self.repository}/pull/{self.pull_request}"


def owner_of(configuration: Configuration) -> str:
    """The account that owns the repository: the organization that the policy names, of a team or by itself."""
    named = (*configuration.policy.organisations(), *configuration.policy.teams())
    return next((each.partition("/")[0] for each in named), _OWNER)


def furnish(
    control: Control, commits: CommitRange, configuration: Configuration, people: tuple[Resident, ...]
) -> str:
    """Creates the repository and its people, and returns its full name. Raises `ControlError`."""
    files = {} if configuration.proposed is None else {DEFAULT_FILE_NAME: configuration.proposed}
    created = control.create_repository(
        owner_of(configuration),
        _UNFIT.sub("-", commits.checkout.name).strip("-.")[:80] or "repository",
        checkout=str(commits.checkout),
        base=commits.base,
        default_branch=DEFAULT_BRANCH,
        files=files,
        identities=dict.fromkeys((*commits.emails, "*"), AUTHOR),
    )
    for person in people:
        control.create_person(person.login, repository=created["full_name"], role=person.role)
        for team in person.teams:
            control.set_membership(team, person.login)
        for organisation in person.organisations:
            control.set_member(organisation, person.login)
    return created["full_name"]


def open_pull_request(control: Control, repository: str, commits: CommitRange) -> Scene:
    """Opens the pull request of the range in the author's name. Raises `ControlError`."""
    pull = control.open_pull(
        repository, head_sha=commits.head, head_branch=HEAD_BRANCH, title=commits.title, author=AUTHOR
    )
    return Scene(repository, pull["number"])
