"""Everything the stand-in knows at one instant, for people and assertions."""

from __future__ import annotations

from gate_app.standin import apps, people, repositories, workflow_runs, workflows
from gate_app.standin.apps import Installation
from gate_app.standin.checks import Annotation, CheckRun
from gate_app.standin.comments import Reaction
from gate_app.standin.deployments import Deployment, DeploymentStatus
from gate_app.standin.issues import Issue
from gate_app.standin.people import Collaborator, Person
from gate_app.standin.pulls import Comment, Pull
from gate_app.standin.repositories import Repository
from gate_app.standin.requests import ApiRequest
from gate_app.standin.shapes import (
    ChangeState,
    CheckRunState,
    CommentState,
    DeliveryState,
    DeploymentState,
    DeploymentStatusState,
    IssueState,
    PersonState,
    PullState,
    RepositoryState,
    RequestState,
    Snapshot,
    WorkflowRunState,
)
from gate_app.standin.state import Change, Transaction
from gate_app.standin.webhooks import Delivery
from gate_app.standin.workflow_runs import WorkflowRun


def take(tx: Transaction, only: Repository | None = None) -> Snapshot:
    """Everything as of now; with `only`, of what lies in repositories that of this one."""
    last = tx.get(Change)
    within = {"repository_id": only.id} if only else {}
    return {
        "people": [of_person(person) for person in tx.every(Person)],
        "repositories": [of_repository(tx, each) for each in ([only] if only else tx.every(Repository))],
        "pulls": [of_pull(tx, pull) for pull in tx.every(Pull, **within)],
        "issues": [of_issue(tx, issue) for issue in tx.every(Issue, **within)],
        "comments": [of_comment(tx, comment) for comment in tx.every(Comment, **within)],
        "check_runs": [of_check_run(tx, run) for run in tx.every(CheckRun, **within)],
        "workflow_runs": [of_workflow_run(tx, run) for run in tx.every(WorkflowRun, **within)],
        "deployments": [of_deployment(tx, deployment) for deployment in tx.every(Deployment, **within)],
        "deliveries": [of_delivery(delivery) for delivery in tx.every(Delivery, **within)],
        "installations": [installation.id for installation in tx.every(Installation)],
        "change": last.id if last else 0,
    }


def of_person(person: Person) -> PersonState:
    """An account."""
    return {"id": person.id, "login": person.login, "type": person.type, "deleted": person.deleted}


def of_repository(tx: Transaction, repository: Repository) -> RepositoryState:
    """A repository, its branches and roles."""
    roles = tx.every(Collaborator, repository_id=repository.id)
    return {
        "id": repository.id,
        "full_name": repositories.full_name(tx, repository),
        "default_branch": repository.default_branch,
        "branches": repositories.git(tx, repository).branches(),
        "collaborators": {_login(tx, role.person_id): role.role for role in roles},
    }


def of_pull(tx: Transaction, pull: Pull) -> PullState:
    """A pull request."""
    return {
        "repository": _name(tx, pull.repository_id),
        "number": pull.number,
        "state": pull.state,
        "merged": pull.merged,
        "title": pull.title,
        "body": pull.body,
        "author": _login(tx, pull.author_id),
        "head_ref": pull.head_ref,
        "head_sha": pull.head_sha,
        "base_ref": pull.base_ref,
        "base_sha": pull.base_sha,
        "merge_commit_sha": pull.merge_commit_sha,
    }


def of_comment(tx: Transaction, comment: Comment) -> CommentState:
    """A comment with its reactions."""
    reactions = tx.every(Reaction, comment_id=comment.id)
    return {
        "id": comment.id,
        "repository": _name(tx, comment.repository_id),
        "number": comment.number,
        "login": _login(tx, comment.author_id),
        "via_app": apps.by_id(tx, comment.app_id).slug if comment.app_id else None,
        "body": comment.body,
        "created_at": comment.created_at,
        "updated_at": comment.updated_at,
        "reactions": [{"login": _login(tx, r.person_id), "content": r.content} for r in reactions],
    }


def of_issue(tx: Transaction, issue: Issue) -> IssueState:
    """An issue."""
    return {
        "repository": _name(tx, issue.repository_id),
        "number": issue.number,
        "state": issue.state,
        "title": issue.title,
        "body": issue.body,
        "login": _login(tx, issue.author_id),
    }


def of_check_run(tx: Transaction, run: CheckRun) -> CheckRunState:
    """A check run with its annotations."""
    return {
        "id": run.id,
        "repository": _name(tx, run.repository_id),
        "app": apps.by_id(tx, run.app_id).slug,
        "name": run.name,
        "head_sha": run.head_sha,
        "external_id": run.external_id,
        "suite_id": run.suite_id,
        "status": run.status,
        "conclusion": run.conclusion,
        "title": run.title,
        "summary": run.summary,
        "text": run.text,
        "details_url": run.details_url,
        "started_at": run.started_at,
        "completed_at": run.completed_at,
        "actions": run.actions,
        "annotations": [row.facts for row in tx.every(Annotation, check_run_id=run.id)],
    }


def of_workflow_run(tx: Transaction, run: WorkflowRun) -> WorkflowRunState:
    """A workflow run with its jobs."""
    jobs = workflow_runs.jobs(tx, run, run.attempt)
    return {
        "id": run.id,
        "repository": _name(tx, run.repository_id),
        "file_name": workflows.by_id(tx, run.workflow_id).file_name,
        "name": run.name,
        "number": run.number,
        "attempt": run.attempt,
        "head_branch": run.head_branch,
        "head_sha": run.head_sha,
        "inputs": run.inputs,
        "actor": _login(tx, run.actor_id),
        "status": run.status,
        "conclusion": run.conclusion,
        "jobs": {check.name: check.conclusion or check.status for _, check in jobs},
    }


def of_deployment(tx: Transaction, deployment: Deployment) -> DeploymentState:
    """A deployment with its statuses."""
    statuses = tx.every(DeploymentStatus, deployment_id=deployment.id)
    return {
        "id": deployment.id,
        "repository": _name(tx, deployment.repository_id),
        "sha": deployment.sha,
        "ref": deployment.ref,
        "task": deployment.task,
        "environment": deployment.environment,
        "description": deployment.description,
        "payload": deployment.payload["sent"],
        "creator": _login(tx, deployment.creator_id),
        "created_at": deployment.created_at,
        "statuses": [_status(status) for status in statuses],
    }


def _status(status: DeploymentStatus) -> DeploymentStatusState:
    return {
        "id": status.id,
        "state": status.state,
        "description": status.description,
        "environment": status.environment,
        "environment_url": status.environment_url,
        "log_url": status.log_url,
        "created_at": status.created_at,
    }


def of_delivery(delivery: Delivery) -> DeliveryState:
    """A webhook delivery."""
    return {
        "id": delivery.id,
        "guid": delivery.guid,
        "event": delivery.event,
        "action": delivery.action,
        "redelivery": delivery.redelivery,
        "pending": delivery.pending,
        "status": delivery.status,
        "status_code": delivery.status_code,
    }


def of_request(request: ApiRequest) -> RequestState:
    """A recorded API call."""
    return {
        "id": request.id,
        "at": request.at,
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "identity": request.identity,
        "permissions": request.permissions,
        "api_version": request.api_version,
        "status": request.status,
        "fault": request.fault,
    }


def of_change(change: Change) -> ChangeState:
    """An entry of the feed of changes."""
    return {"id": change.id, "at": change.at, "kind": change.kind, "facts": change.facts}


def _login(tx: Transaction, person_id: int) -> str:
    person = people.by_id(tx, person_id)
    return "ghost" if person.deleted else person.login


def _name(tx: Transaction, repository_id: int) -> str:
    return repositories.full_name(tx, repositories.by_id(tx, repository_id))
