"""Check suites: one for each App, repository and head SHA, asked for when a commit is pushed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gate_app.standin import apps, pulls, repositories, webhooks
from gate_app.standin.apps import App, Installation
from gate_app.standin.git import GitCommit
from gate_app.standin.people import Person
from gate_app.standin.repositories import Repository
from gate_app.standin.state import JsonObject, Transaction, node_id, timestamp


@dataclass(frozen=True)
class CheckSuite:
    """An App's checks of one commit."""

    TABLE: ClassVar[str] = "check_suites"
    id: int
    repository_id: int
    app_id: int
    head_sha: str
    head_branch: str | None
    before: str | None
    created_at: str
    updated_at: str


def request(
    tx: Transaction, repository: Repository, sha: str, branch: str, before: str | None, sender: Person
) -> None:
    """Open a suite for every installed App that may write checks, and ask it for its check runs."""
    for installation in tx.every(Installation, account_id=repository.owner_id):
        app = apps.by_id(tx, installation.app_id)
        if installation.permissions.get("checks") != "write" or existing(tx, repository, app, sha):
            continue
        suite = _insert(tx, repository, app, sha, branch, before)
        payload: JsonObject = {"action": "requested", "check_suite": render(tx, suite)}
        webhooks.emit(tx, repository, sender, "check_suite", payload, only=app)


def existing(tx: Transaction, repository: Repository, app: App, sha: str) -> CheckSuite | None:
    """The App's suite of a commit, if it has one."""
    return tx.get(CheckSuite, repository_id=repository.id, app_id=app.id, head_sha=sha)


def ensure(tx: Transaction, repository: Repository, app: App, sha: str) -> CheckSuite:
    """The App's suite of a commit, made without asking for anything if there is none."""
    return existing(tx, repository, app, sha) or _insert(tx, repository, app, sha, None, None)


def _insert(
    tx: Transaction, repository: Repository, app: App, sha: str, branch: str | None, before: str | None
) -> CheckSuite:
    return tx.insert(
        CheckSuite,
        repository_id=repository.id,
        app_id=app.id,
        head_sha=sha,
        head_branch=branch,
        before=before,
        created_at=tx.now,
        updated_at=tx.now,
    )


def render(tx: Transaction, suite: CheckSuite) -> JsonObject:
    """A suite as `check_suite` events carry it; nothing has been reported yet."""
    repository = repositories.by_id(tx, suite.repository_id)
    return {
        **render_simple(tx, suite),
        "latest_check_runs_count": 0,
        "check_runs_url": f"{_url(tx, suite)}/check-runs",
        "head_commit": _head_commit(repositories.git(tx, repository).commit(suite.head_sha)),
    }


def render_simple(tx: Transaction, suite: CheckSuite) -> JsonObject:
    """A suite as the webhook of a check run names it."""
    repository = repositories.by_id(tx, suite.repository_id)
    found = pulls.with_head(tx, repository, suite.head_sha)
    return {
        "id": suite.id,
        "node_id": node_id("CheckSuite", suite.id),
        "head_branch": suite.head_branch,
        "head_sha": suite.head_sha,
        "status": "queued",
        "conclusion": None,
        "url": _url(tx, suite),
        "before": suite.before,
        "after": suite.head_sha,
        "pull_requests": [pulls.render_minimal(tx, pull) for pull in found],
        "app": apps.render(tx, apps.by_id(tx, suite.app_id)),
        "created_at": suite.created_at,
        "updated_at": suite.updated_at,
    }


def _url(tx: Transaction, suite: CheckSuite) -> str:
    repository = repositories.by_id(tx, suite.repository_id)
    return f"{repositories.api_url(tx, repository)}/check-suites/{suite.id}"


def _head_commit(commit: GitCommit) -> JsonObject:
    return {
        "id": commit.sha,
        "tree_id": commit.tree,
        "message": commit.message,
        "timestamp": timestamp(commit.committer.at),
        "author": {"name": commit.author.name, "email": commit.author.email},
        "committer": {"name": commit.committer.name, "email": commit.committer.email},
    }
