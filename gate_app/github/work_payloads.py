"""Deliveries about work that others do: what they name is looked at live, and what they say is not believed.

Rules of the file: the same as in `payloads`. Our own check runs are never work of others, by the App's id. A
delivery names a commit; whether anybody follows it is known to the store, so an unrelated one costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Final

from pydantic import StringConstraints

from gate_app.domain.events import DeployedByOthers
from gate_app.engine.ports import DeploymentNoticed, Ignored, WorkNoticed
from gate_app.github.envelope import EARLIEST, DeliveryBody, Moment, Read, document
from gate_app.github.fields import Account, App, Id, Reading, Sha, ShortText, person_or_ghost
from gate_app.github.held_payloads import rule_requested

OURS: Final = Ignored("our own check run")


class _CheckRun(Reading):
    head_sha: Sha
    started_at: Moment | None
    completed_at: Moment | None
    app: App | None


class _CheckRunDelivery(DeliveryBody):
    check_run: _CheckRun


class _CheckSuite(Reading):
    head_sha: Sha
    updated_at: Moment
    app: App | None


class _CheckSuiteDelivery(DeliveryBody):
    check_suite: _CheckSuite


class _StatusDelivery(DeliveryBody):
    sha: Sha
    updated_at: Moment


def _check_run(event: str, body: bytes, app_id: int) -> Read:
    """A check began, or ended: after a re-run the old end no longer stands."""
    delivery = document(_CheckRunDelivery, event, body)
    run = delivery.check_run
    if run.app is not None and run.app.id == app_id:
        return OURS
    at = run.completed_at or run.started_at or EARLIEST
    return (WorkNoticed(delivery.where, "commit", run.head_sha, at),)


def _check_suite(event: str, body: bytes, app_id: int) -> Read:
    delivery = document(_CheckSuiteDelivery, event, body)
    suite = delivery.check_suite
    if suite.app is not None and suite.app.id == app_id:
        return OURS
    return (WorkNoticed(delivery.where, "commit", suite.head_sha, suite.updated_at),)


def _status(event: str, body: bytes, app_id: int) -> Read:
    delivery = document(_StatusDelivery, event, body)
    return (WorkNoticed(delivery.where, "commit", delivery.sha, delivery.updated_at),)


class _WorkflowRun(Reading):
    id: Id
    updated_at: Moment


class _WorkflowRunDelivery(DeliveryBody):
    workflow_run: _WorkflowRun


class _Deployment(Reading):
    """The deployment; what is not there, as in trimmed deliveries, says nothing of who released what."""

    id: Id
    sha: Sha | None = None
    environment: ShortText = ""
    creator: Account | None = None
    performed_via_github_app: App | None = None


class _Job(Reading):
    """The workflow run whose job made a deployment."""

    id: Id


class _DeploymentStatus(Reading):
    updated_at: Moment
    state: Annotated[str, StringConstraints(max_length=100)] = ""
    performed_via_github_app: App | None = None


class _DeploymentStatusDelivery(DeliveryBody):
    deployment: _Deployment
    deployment_status: _DeploymentStatus
    workflow_run: _Job | None = None


def _workflow_run(event: str, body: bytes, app_id: int) -> Read:
    delivery = document(_WorkflowRunDelivery, event, body)
    run = delivery.workflow_run
    return (WorkNoticed(delivery.where, "workflow_run", str(run.id), run.updated_at),)


def _deployment_status(event: str, body: bytes, app_id: int) -> Read:
    delivery = document(_DeploymentStatusDelivery, event, body)
    status = delivery.deployment_status
    if status.performed_via_github_app is not None and status.performed_via_github_app.id == app_id:
        return Ignored("our own deployment status")
    look = WorkNoticed(delivery.where, "deployment", str(delivery.deployment.id), status.updated_at)
    return (look, *_by_others(delivery, app_id))


def _by_others(delivery: _DeploymentStatusDelivery, app_id: int) -> Iterator[DeploymentNoticed]:
    """That a deployment succeeded which the App did not make."""
    made, status = delivery.deployment, delivery.deployment_status
    ours = made.performed_via_github_app is not None and made.performed_via_github_app.id == app_id
    if status.state != "success" or ours or made.sha is None:
        return
    job = delivery.workflow_run.id if delivery.workflow_run else 0
    by = person_or_ghost(made.creator)
    told = DeployedByOthers(status.updated_at, made.environment, made.id, made.sha, by, job)
    yield DeploymentNoticed(delivery.where, told)


WORK: Final[Mapping[tuple[str, str | None], Callable[[str, bytes, int], Read]]] = {
    ("check_run", "created"): _check_run,
    ("check_run", "completed"): _check_run,
    ("check_suite", "completed"): _check_suite,
    ("status", None): _status,
    ("workflow_run", "requested"): _workflow_run,
    ("workflow_run", "completed"): _workflow_run,
    ("deployment_status", "created"): _deployment_status,
    ("deployment_protection_rule", "requested"): rule_requested,
}
"""What is understood of work that others do."""
