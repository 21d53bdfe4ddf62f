"""Commit statuses, the older kind of check. Source: REST docs "Commit statuses".

A status belongs to a commit and a context, in which the newest counts. The combined state is a failure if one
of them failed, pending if one is or none is there, else a success.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from gate_app.standin import history, people, repositories, webhooks
from gate_app.standin.comments import Author
from gate_app.standin.errors import GitHubError
from gate_app.standin.repositories import Repository
from gate_app.standin.state import JsonObject, Transaction, node_id


@dataclass(frozen=True)
class CommitStatus:
    """A status as it is kept."""

    TABLE: ClassVar[str] = "statuses"
    id: int
    repository_id: int
    sha: str
    context: str
    state: str
    description: str | None
    target_url: str | None
    creator_id: int
    created_at: str


@dataclass(frozen=True)
class Mark:
    """What somebody says of a commit."""

    state: str
    context: str
    description: str | None
    target_url: str | None


def create(tx: Transaction, repository: Repository, sha: str, author: Author, mark: Mark) -> CommitStatus:
    """A new status. 422 if the repository does not have the commit."""
    if repositories.git(tx, repository).resolve(sha) != sha:
        raise GitHubError(422, f"No commit found for SHA: {sha}")
    status = tx.insert(
        CommitStatus,
        repository_id=repository.id,
        sha=sha,
        context=mark.context,
        state=mark.state,
        description=mark.description,
        target_url=mark.target_url,
        creator_id=author.person.id,
        created_at=tx.now,
    )
    tx.announce("status.created", id=status.id, sha=sha, context=status.context, state=status.state)
    webhooks.emit(tx, repository, author.person, "status", _payload(tx, repository, status))
    return status


def of_commit(tx: Transaction, repository: Repository, sha: str) -> list[CommitStatus]:
    """All statuses of a commit, newest first."""
    return tx.newest_first(CommitStatus, repository_id=repository.id, sha=sha)


def latest(statuses: Sequence[CommitStatus]) -> list[CommitStatus]:
    """Of statuses that come newest first, the newest of each context."""
    seen: dict[str, CommitStatus] = {}
    for status in statuses:
        seen.setdefault(status.context, status)
    return list(seen.values())


def combined(statuses: Sequence[CommitStatus]) -> str:
    """The state of a commit with these newest statuses."""
    states = {status.state for status in statuses}
    if states & {"failure", "error"}:
        return "failure"
    return "success" if states == {"success"} else "pending"


def render(tx: Transaction, status: CommitStatus) -> JsonObject:
    """A status as lists show it."""
    creator = people.by_id(tx, status.creator_id)
    return {**render_simple(tx, status), "creator": people.render(tx, creator)}


def render_simple(tx: Transaction, status: CommitStatus) -> JsonObject:
    """A status as the combined status shows it."""
    repository = repositories.by_id(tx, status.repository_id)
    return {
        "url": f"{repositories.api_url(tx, repository)}/statuses/{status.sha}",
        "avatar_url": f"{tx.url}/avatars/{status.creator_id}",
        "id": status.id,
        "node_id": node_id("StatusContext", status.id),
        "state": status.state,
        "description": status.description,
        "target_url": status.target_url,
        "context": status.context,
        "created_at": status.created_at,
        "updated_at": status.created_at,
    }


def render_combined(
    tx: Transaction, repository: Repository, sha: str, shown: Sequence[CommitStatus]
) -> JsonObject:
    """The combined status of a commit, with one page of its newest statuses."""
    found = latest(of_commit(tx, repository, sha))
    api = repositories.api_url(tx, repository)
    return {
        "state": combined(found),
        "statuses": [render_simple(tx, status) for status in shown],
        "sha": sha,
        "total_count": len(found),
        "repository": repositories.render_minimal(tx, repository),
        "commit_url": f"{api}/commits/{sha}",
        "url": f"{api}/commits/{sha}/status",
    }


def _payload(tx: Transaction, repository: Repository, status: CommitStatus) -> JsonObject:
    git = repositories.git(tx, repository)
    kept = ("id", "avatar_url", "context", "description", "state", "target_url", "created_at", "updated_at")
    simple = render_simple(tx, status)
    return {
        **{name: simple[name] for name in kept},
        "sha": status.sha,
        "name": repositories.full_name(tx, repository),
        "commit": history.render_commit(tx, repository, git.commit(status.sha)),
        "branches": [
            history.render_short_branch(tx, repository, name)
            for name, tip in git.branches().items()
            if tip == status.sha
        ],
    }
