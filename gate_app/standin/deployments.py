"""Deployments and their statuses. Source: REST docs "Deployments", "Deployment statuses".

Rules of this file:

* Without `required_contexts: []` every check of the commit must be green (409 otherwise); without
  `auto_merge: false` a branch that is behind the default branch is merged instead of deployed (202).
* A success makes the earlier deployments of the same environment inactive, unless they are transient or
  production, or the status asks not to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from gate_app.standin import (
    apps,
    checks,
    environments,
    merging,
    people,
    pushes,
    repositories,
    statuses,
    webhooks,
)
from gate_app.standin.comments import Author
from gate_app.standin.errors import GitHubError, not_found
from gate_app.standin.repositories import Repository
from gate_app.standin.state import JsonObject, Transaction, node_id

PASSING = frozenset({"success", "neutral", "skipped"})


@dataclass(frozen=True)
class Deployment:
    """A deployment as it is kept; `payload` holds what was sent under the key `sent`."""

    TABLE: ClassVar[str] = "deployments"
    id: int
    repository_id: int
    sha: str
    ref: str
    task: str
    environment: str
    description: str | None
    payload: dict[str, object]
    transient_environment: bool
    production_environment: bool
    creator_id: int
    app_id: int | None
    created_at: str
    updated_at: str


@dataclass(frozen=True)
class DeploymentStatus:
    """What became of a deployment at some time."""

    TABLE: ClassVar[str] = "deployment_statuses"
    id: int
    deployment_id: int
    state: str
    description: str
    environment: str
    target_url: str
    log_url: str
    environment_url: str
    creator_id: int
    app_id: int | None
    created_at: str


@dataclass(frozen=True)
class Wanted:
    """What is needed to create a deployment; an environment named production is one unless said otherwise."""

    ref: str
    environment: str
    task: str = "deploy"
    description: str | None = None
    payload: dict[str, object] | str = field(default_factory=dict)
    required_contexts: Sequence[str] | None = None
    auto_merge: bool = True
    transient_environment: bool = False
    production_environment: bool | None = None

    @property
    def is_production(self) -> bool:
        """Whether people use this environment."""
        named = self.environment == "production"
        return named if self.production_environment is None else self.production_environment


@dataclass(frozen=True)
class Origin:
    """What a deployment comes from, in the bodies of webhooks: a job of a workflow run, or nothing."""

    workflow: JsonObject | None = None
    workflow_run: JsonObject | None = None
    check_run: JsonObject | None = None


NOWHERE = Origin()


@dataclass(frozen=True)
class Outcome:
    """A status to be set on a deployment."""

    state: str
    description: str = ""
    environment: str | None = None
    target_url: str = ""
    log_url: str = ""
    environment_url: str = ""
    auto_inactive: bool = True


def create(tx: Transaction, repository: Repository, author: Author, wanted: Wanted) -> Deployment | str:
    """A new deployment, or the message of the merge that was made instead. 409 if checks are not green."""
    sha = repositories.git(tx, repository).resolve(wanted.ref)
    if sha is None:
        raise GitHubError(422, f"No ref found for: {wanted.ref}")
    merged = _merge_default_branch(tx, repository, author, wanted) if wanted.auto_merge else None
    if merged:
        return merged
    _require_checks(tx, repository, sha, wanted)
    return record(tx, repository, author, wanted, sha, NOWHERE)


def record(
    tx: Transaction, repository: Repository, author: Author, wanted: Wanted, sha: str, origin: Origin
) -> Deployment:
    """A new deployment of a commit, which nothing stands against; so the environment exists, too."""
    environments.ensure(tx, repository, wanted.environment)
    deployment = tx.insert(
        Deployment,
        repository_id=repository.id,
        sha=sha,
        ref=wanted.ref,
        task=wanted.task,
        environment=wanted.environment,
        description=wanted.description,
        payload={"sent": wanted.payload},
        transient_environment=wanted.transient_environment,
        production_environment=wanted.is_production,
        creator_id=author.person.id,
        app_id=author.app.id if author.app else None,
        created_at=tx.now,
        updated_at=tx.now,
    )
    tx.announce("deployment.created", id=deployment.id, environment=deployment.environment, sha=sha)
    flow: JsonObject = {"workflow": origin.workflow, "workflow_run": origin.workflow_run}
    payload: JsonObject = {"action": "created", "deployment": render(tx, deployment), **flow}
    webhooks.emit(tx, repository, author.person, "deployment", payload)
    return deployment


def _merge_default_branch(
    tx: Transaction, repository: Repository, author: Author, wanted: Wanted
) -> str | None:
    git = repositories.git(tx, repository)
    head, base = git.branch(wanted.ref), git.branch(repository.default_branch)
    if head is None or base is None or git.contains(head, base):
        return None
    committer = repositories.signature(author.person, tx.instant)
    title = f"Merge branch '{repository.default_branch}' into {wanted.ref}"
    merge = merging.Merge(head, base, title, "", committer, committer)
    try:
        merged = merging.merge_commit(git, merge)
    except GitHubError:
        message = f"Conflict merging {repository.default_branch} into {wanted.ref}"
        raise GitHubError(409, message) from None
    pushes.push(tx, repository, wanted.ref, merged, author.person)
    return f"Auto-merged {repository.default_branch} into {wanted.ref} on deployment."


def _require_checks(tx: Transaction, repository: Repository, sha: str, wanted: Wanted) -> None:
    marks = statuses.latest(statuses.of_commit(tx, repository, sha))
    runs = checks.latest(checks.of_commit(tx, repository, sha))
    found = {mark.context: mark.state for mark in marks} | {
        run.name: run.conclusion for run in reversed(runs)
    }
    contexts = found if wanted.required_contexts is None else wanted.required_contexts
    if any(found.get(name) not in PASSING for name in contexts):
        raise GitHubError(409, f"Conflict: Commit status checks failed for {wanted.ref}.")


def require(tx: Transaction, repository: Repository, identifier: int) -> Deployment:
    """The deployment with this id. 404 if the repository has none."""
    found = tx.get(Deployment, id=identifier, repository_id=repository.id)
    if found is None:
        raise not_found()
    return found


def by_id(tx: Transaction, identifier: int) -> Deployment:
    """The deployment with this id."""
    found = tx.get(Deployment, id=identifier)
    if found is None:
        raise LookupError(f"no deployment {identifier}")
    return found


def set_status(
    tx: Transaction, deployment: Deployment, author: Author, outcome: Outcome, origin: Origin = NOWHERE
) -> DeploymentStatus:
    """A new status of a deployment."""
    if outcome.state == "success" and outcome.auto_inactive:
        _retire_earlier(tx, deployment, author)
    return _add_status(tx, deployment, author, outcome, origin)


def _retire_earlier(tx: Transaction, deployment: Deployment, author: Author) -> None:
    same_place = {"repository_id": deployment.repository_id, "environment": deployment.environment}
    temporary = {"transient_environment": 0, "production_environment": 0}
    for earlier in tx.every(Deployment, **same_place, **temporary):
        last = tx.get(DeploymentStatus, deployment_id=earlier.id)
        if earlier.id < deployment.id and last and last.state == "success":
            _add_status(tx, earlier, author, Outcome("inactive"), NOWHERE)


def _add_status(
    tx: Transaction, deployment: Deployment, author: Author, outcome: Outcome, origin: Origin
) -> DeploymentStatus:
    repository = repositories.by_id(tx, deployment.repository_id)
    status = tx.insert(
        DeploymentStatus,
        deployment_id=deployment.id,
        state=outcome.state,
        description=outcome.description,
        environment=outcome.environment or deployment.environment,
        target_url=outcome.target_url,
        log_url=outcome.log_url,
        environment_url=outcome.environment_url,
        creator_id=author.person.id,
        app_id=author.app.id if author.app else None,
        created_at=tx.now,
    )
    tx.update(deployment, updated_at=tx.now)
    facts = {"environment": status.environment, "state": status.state, "description": status.description}
    tx.announce("deployment_status.created", id=status.id, deployment_id=deployment.id, **facts)
    payload: JsonObject = {
        "action": "created",
        "deployment": render(tx, deployment),
        "deployment_status": render_status(tx, deployment, status),
        "check_run": origin.check_run,
        "workflow": origin.workflow,
        "workflow_run": origin.workflow_run,
    }
    webhooks.emit(tx, repository, author.person, "deployment_status", payload)
    return status


def render(tx: Transaction, deployment: Deployment) -> JsonObject:
    """The deployment of every body."""
    repository = repositories.by_id(tx, deployment.repository_id)
    api = repositories.api_url(tx, repository)
    url = f"{api}/deployments/{deployment.id}"
    app = apps.by_id(tx, deployment.app_id) if deployment.app_id else None
    return {
        "url": url,
        "id": deployment.id,
        "node_id": node_id("Deployment", deployment.id),
        "task": deployment.task,
        "original_environment": deployment.environment,
        "environment": deployment.environment,
        "description": deployment.description,
        "created_at": deployment.created_at,
        "updated_at": deployment.updated_at,
        "statuses_url": f"{url}/statuses",
        "repository_url": api,
        "creator": people.render(tx, people.by_id(tx, deployment.creator_id)),
        "sha": deployment.sha,
        "ref": deployment.ref,
        "payload": deployment.payload["sent"],
        "transient_environment": deployment.transient_environment,
        "production_environment": deployment.production_environment,
        "performed_via_github_app": apps.render(tx, app) if app else None,
    }


def render_status(tx: Transaction, deployment: Deployment, status: DeploymentStatus) -> JsonObject:
    """The deployment status of every body."""
    repository = repositories.by_id(tx, deployment.repository_id)
    api = repositories.api_url(tx, repository)
    url = f"{api}/deployments/{deployment.id}"
    app = apps.by_id(tx, status.app_id) if status.app_id else None
    return {
        "url": f"{url}/statuses/{status.id}",
        "id": status.id,
        "node_id": node_id("DeploymentStatus", status.id),
        "state": status.state,
        "creator": people.render(tx, people.by_id(tx, status.creator_id)),
        "description": status.description,
        "environment": status.environment,
        "target_url": status.target_url,
        "log_url": status.log_url,
        "environment_url": status.environment_url,
        "created_at": status.created_at,
        "updated_at": status.created_at,
        "deployment_url": url,
        "repository_url": api,
        "performed_via_github_app": apps.render(tx, app) if app else None,
    }
