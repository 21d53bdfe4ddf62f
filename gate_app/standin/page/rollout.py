"""What a pull request was deployed to, and what runs in each environment now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gate_app.standin import people
from gate_app.standin.deployments import Deployment, DeploymentStatus
from gate_app.standin.page import faces
from gate_app.standin.page.checklist import Look
from gate_app.standin.page.faces import Face
from gate_app.standin.pulls import Pull, PullCommit
from gate_app.standin.repositories import Repository
from gate_app.standin.state import Transaction

MAX_DEPLOYMENTS: Final = 10

LOOKS: Final = {
    "none": Look("clock", "calm", "created"),
    "pending": Look("clock", "busy", "pending"),
    "queued": Look("clock", "busy", "queued"),
    "in_progress": Look("ring", "busy", "in progress"),
    "success": Look("rocket", "good", "active"),
    "failure": Look("cross", "bad", "failed"),
    "error": Look("cross", "bad", "error"),
    "inactive": Look("stop", "calm", "inactive"),
}


@dataclass(frozen=True)
class Status:
    """What became of a deployment at some time."""

    look: Look
    description: str
    url: str | None
    at: str


@dataclass(frozen=True)
class Release:
    """A deployment with its statuses, newest first; `is_ours` says that it deployed this pull request."""

    id: int
    environment: str
    sha: str
    face: Face
    at: str
    description: str
    statuses: tuple[Status, ...]
    is_ours: bool

    @property
    def look(self) -> Look:
        return self.statuses[0].look if self.statuses else LOOKS["none"]

    @property
    def latest(self) -> str:
        """The newest words about it."""
        return next((status.description for status in self.statuses if status.description), self.description)

    @property
    def news(self) -> str:
        """What a person who cannot see the page is told when this changes."""
        return f"Deployment to {self.environment}: {self.look.word}"


@dataclass(frozen=True)
class Environment:
    """One environment and its newest deployments, newest first."""

    name: str
    releases: tuple[Release, ...]

    @property
    def current(self) -> Release:
        return self.releases[0]


def of_pull(tx: Transaction, repository: Repository, pull: Pull) -> tuple[Environment, ...]:
    """The environments this pull request was deployed to, in the order in which it first was."""
    ours = {row.sha for row in tx.every(PullCommit, pull_id=pull.id)} | {pull.head_sha}
    every = tx.every(Deployment, repository_id=repository.id)
    names = dict.fromkeys(row.environment for row in every if row.sha in ours)
    return tuple(
        Environment(name, tuple(_newest(tx, [row for row in every if row.environment == name], ours)))
        for name in names
    )


def _newest(tx: Transaction, rows: list[Deployment], ours: set[str]) -> list[Release]:
    return [_release(tx, row, row.sha in ours) for row in rows[: -MAX_DEPLOYMENTS - 1 : -1]]


def _release(tx: Transaction, row: Deployment, is_ours: bool) -> Release:
    statuses = tx.newest_first(DeploymentStatus, deployment_id=row.id)
    return Release(
        id=row.id,
        environment=row.environment,
        sha=row.sha,
        face=faces.of(people.by_id(tx, row.creator_id)),
        at=row.created_at,
        description=row.description or "",
        statuses=tuple(_status(status) for status in statuses),
        is_ours=is_ours,
    )


def _status(row: DeploymentStatus) -> Status:
    urls = (row.environment_url, row.log_url, row.target_url)
    url = next((url for url in urls if url.startswith(("https://", "http://"))), None)
    return Status(LOOKS.get(row.state, LOOKS["none"]), row.description, url, row.created_at)
