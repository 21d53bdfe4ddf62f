"""What we read from GitHub about workflows, what they leave, and deployments: its answers, as in `answers`."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AwareDatetime, Field, StringConstraints, TypeAdapter

from gate_app.github.fields import Account, App, Id, Reading, RefName, Sha, ShortText


class Workflow(Reading):
    """A workflow of the default branch; `state` is `active` unless it is switched off or deleted."""

    id: Id
    state: Annotated[str, StringConstraints(max_length=40)]


class Dispatched(Reading):
    workflow_run_id: Id


class WorkflowRun(Reading):
    """A workflow run in its newest attempt."""

    id: Id
    run_attempt: Annotated[int, Field(ge=1)] = 1
    event: Annotated[str, StringConstraints(max_length=100)]
    status: Annotated[str, StringConstraints(max_length=40)] | None
    conclusion: Annotated[str, StringConstraints(max_length=40)] | None
    head_branch: RefName | None
    head_sha: Sha
    display_title: ShortText
    created_at: AwareDatetime
    actor: Account | None = None


class WorkflowRunPage(Reading):
    total_count: Annotated[int, Field(ge=0)]
    workflow_runs: list[WorkflowRun] = Field(max_length=100)


class Artifact(Reading):
    id: Id
    name: ShortText
    size_in_bytes: Annotated[int, Field(ge=0)]
    expired: bool


class ArtifactPage(Reading):
    total_count: Annotated[int, Field(ge=0)]
    artifacts: list[Artifact] = Field(max_length=100)


class CreatedDeployment(Reading):
    id: Id
    sha: Sha


class Deployment(Reading):
    """A deployment as listed; GitHub gives `payload` back as an object or as the text of one."""

    id: Id
    sha: Sha
    payload: object
    creator: Account | None
    performed_via_github_app: App | None = None


class DeploymentStatusOf(Reading):
    """What somebody says of a deployment."""

    id: Id
    state: Annotated[str, StringConstraints(max_length=40)]
    creator: Account | None
    performed_via_github_app: App | None = None


class DeploymentStatus(Reading):
    state: Annotated[str, StringConstraints(max_length=40)]
    description: ShortText | None


WORKFLOW: Final = TypeAdapter(Workflow)
DISPATCHED: Final[TypeAdapter[Dispatched | None]] = TypeAdapter(Dispatched | None)
WORKFLOW_RUN: Final = TypeAdapter(WorkflowRun)
WORKFLOW_RUNS: Final = TypeAdapter(WorkflowRunPage)
ARTIFACTS: Final = TypeAdapter(ArtifactPage)
CREATED_DEPLOYMENT: Final = TypeAdapter(CreatedDeployment)
DEPLOYMENTS: Final = TypeAdapter(list[Deployment])
DEPLOYMENT_STATUSES_OF: Final = TypeAdapter(list[DeploymentStatusOf])
DEPLOYMENT_STATUSES: Final = TypeAdapter(list[DeploymentStatus])
