"""Which deployment a job of a workflow made: its check run names it.

Source: REST docs "Checks" (`deployment` of a check run), GraphQL docs (`CheckRun.deployment`).
"""

from __future__ import annotations

from gate_app.standin import checks, deployments
from gate_app.standin.checks import CheckRun
from gate_app.standin.deployments import Deployment
from gate_app.standin.state import JsonObject, Transaction
from gate_app.standin.workflow_runs import Job

_SHOWN = (
    "url",
    "id",
    "node_id",
    "task",
    "original_environment",
    "environment",
    "description",
    "created_at",
    "updated_at",
    "statuses_url",
    "repository_url",
)


def of_check(tx: Transaction, run: CheckRun) -> Deployment | None:
    """The deployment that the job of a check run made; None for every other check run."""
    job = tx.get(Job, id=run.id)
    return None if job is None or job.deployment_id is None else deployments.by_id(tx, job.deployment_id)


def render(tx: Transaction, run: CheckRun) -> JsonObject:
    """A check run, with the deployment of its job where that made one."""
    made = of_check(tx, run)
    if made is None:
        return checks.render(tx, run)
    whole = deployments.render(tx, made)
    return {**checks.render(tx, run), "deployment": {name: whole[name] for name in _SHOWN if name in whole}}
