"""Check suites: one for each App, repository and head SHA, asked for when a commit is pushed.

GitHub Actions has one for each workflow run instead. A suite is completed when all its newest check runs are,
with the conclusion of the highest priority; `completed` is told whenever it becomes so. Source: docs "Using
the REST API to interact with checks" (which gives the order by example only).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

from gate_app.standin import apps, history, pulls, repositories, webhooks
from gate_app.standin.apps import App, Installation
from gate_app.standin.errors import not_found
from gate_app.standin.people import Person
from gate_app.standin.repositories import Repository
from gate_app.standin.state import JsonObject, Transaction, node_id

PRIORITY = (
    "startup_failure",
    "action_required",
    "cancelled",
    "timed_out",
    "failure",
    "stale",
    "neutral",
    "success",
    "skipped",
)
State = tuple[str, str | None]
"""A status and a conclusion."""


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
    status: str
    conclusion: str | None
    created_at: str
    updated_at: str


def request(
    tx: Transaction, repository: Repository, sha: str, branch: str, before: str | None, sender: Person
) -> None:
    """Open a suite for every installed App that may write checks, and ask it for its check runs."""
    for installation in tx.every(Installation, account_id=repository.owner_id):
        app = apps.by_id(tx, installation.app_id)
        asked = installation.permissions.get("checks") == "write" and not installation.suspended_at
        reached = installation.reaches(repository.id, repository.owner_id)
        if not (asked and reached) or existing(tx, repository, app, sha):
            continue
        suite = _insert(tx, repository, app, sha, branch, before)
        payload: JsonObject = {"action": "requested", "check_suite": render(tx, suite, 0)}
        webhooks.emit(tx, repository, sender, "check_suite", payload, only=app)


def existing(tx: Transaction, repository: Repository, app: App, sha: str) -> CheckSuite | None:
    """The App's newest suite of a commit, if it has one."""
    return tx.get(CheckSuite, repository_id=repository.id, app_id=app.id, head_sha=sha)


def ensure(tx: Transaction, repository: Repository, app: App, sha: str) -> CheckSuite:
    """The App's suite of a commit, made without asking for anything if there is none."""
    return existing(tx, repository, app, sha) or _insert(tx, repository, app, sha, None, None)


def open_for(tx: Transaction, repository: Repository, app: App, sha: str, branch: str) -> CheckSuite:
    """One more suite of an App on a commit, as each run of GitHub Actions has."""
    return _insert(tx, repository, app, sha, branch, None)


def settle(tx: Transaction, suite: CheckSuite, states: Collection[State]) -> CheckSuite:
    """The suite after its newest check runs have come to be in these states."""
    status, conclusion = _summary(states)
    if (suite.status, suite.conclusion) == (status, conclusion):
        return suite
    settled = tx.update(suite, status=status, conclusion=conclusion, updated_at=tx.now)
    if status == "completed":
        app, repository = apps.by_id(tx, suite.app_id), repositories.by_id(tx, suite.repository_id)
        payload: JsonObject = {"action": "completed", "check_suite": render(tx, settled, len(states))}
        tx.announce("check_suite.completed", id=suite.id, head_sha=suite.head_sha, conclusion=conclusion)
        webhooks.emit(tx, repository, apps.bot(tx, app), "check_suite", payload)
    return settled


def _summary(states: Collection[State]) -> State:
    if all(status == "completed" for status, _ in states):
        return "completed", min((found for _, found in states if found), key=PRIORITY.index)
    return ("queued", None) if all(status == "queued" for status, _ in states) else ("in_progress", None)


def require(tx: Transaction, repository: Repository, identifier: int) -> CheckSuite:
    """The suite with this id. 404 if the repository has none."""
    found = tx.get(CheckSuite, id=identifier, repository_id=repository.id)
    if found is None:
        raise not_found()
    return found


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
        status="queued",
        created_at=tx.now,
        updated_at=tx.now,
    )


def render(tx: Transaction, suite: CheckSuite, runs: int) -> JsonObject:
    """A suite as `check_suite` events carry it, with the number of its newest check runs."""
    repository = repositories.by_id(tx, suite.repository_id)
    return {
        **render_simple(tx, suite),
        "latest_check_runs_count": runs,
        "check_runs_url": f"{_url(tx, suite)}/check-runs",
        "head_commit": history.render_simple_commit(repositories.git(tx, repository).commit(suite.head_sha)),
    }


def render_full(tx: Transaction, suite: CheckSuite, runs: int) -> JsonObject:
    """A suite as the REST API shows it."""
    repository = repositories.by_id(tx, suite.repository_id)
    return {**render(tx, suite, runs), "repository": repositories.render_minimal(tx, repository)}


def render_simple(tx: Transaction, suite: CheckSuite) -> JsonObject:
    """A suite as the webhook of a check run names it."""
    repository = repositories.by_id(tx, suite.repository_id)
    found = pulls.with_head(tx, repository, suite.head_sha)
    return {
        "id": suite.id,
        "node_id": node_id("CheckSuite", suite.id),
        "head_branch": suite.head_branch,
        "head_sha": suite.head_sha,
        "status": suite.status,
        "conclusion": suite.conclusion,
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
