"""Intents, imperative: stored with the decision, performed at least once, idempotent.

Rules of the file: `key` is an effect's identity within its run. Of the *level* effects (what a surface shall
show) only the newest of a key matters; the *once* effects carry what tells one occasion from the next in
their key. Texts are complete: performing an effect needs no judgement and no wording.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from gate_app.domain.annotations import Annotation
from gate_app.domain.buttons import Button
from gate_app.domain.model import LATER
from gate_app.domain.probes import Probe
from gate_app.domain.run import StageRole


@dataclass(frozen=True, slots=True)
class StartStage:
    """Start a supervised child for a command stage, a command deployment, or the `probes` of a watch.

    Every attempt of one `occasion` of a deployment is the same deployment; another occasion deploys again.
    """

    stage: str
    attempt: int
    role: StageRole
    sha: str
    command: str
    timeout: timedelta
    junit: str | None = None
    sarif: str | None = None
    environment: str | None = None
    occasion: int = 0
    probes: tuple[Probe, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict, metadata=LATER)
    coverage: str | None = field(default=None, metadata=LATER)
    kind: Literal["start_stage"] = "start_stage"

    @property
    def key(self) -> str:
        return f"start:{self.stage}:{self.attempt}"


@dataclass(frozen=True, slots=True)
class StopStage:
    """End the child of a stage whose result nobody waits for any more."""

    stage: str
    attempt: int
    kind: Literal["stop_stage"] = "stop_stage"

    @property
    def key(self) -> str:
        return f"stop:{self.stage}:{self.attempt}"


@dataclass(frozen=True, slots=True)
class DispatchWorkflow:
    """Once per attempt: have GitHub run a workflow on a branch, and learn which run that is.

    A dispatch names a branch, never a commit, so the commit to deploy and the gate's id go along as `inputs`; a
    workflow that tests gets none. Never sent a second time while the first may have been taken.
    """

    stage: str
    attempt: int
    role: StageRole
    workflow: str
    branch: str
    sha: str
    judged_at: datetime
    inputs: Mapping[str, str] = field(default_factory=dict)
    kind: Literal["dispatch_workflow"] = "dispatch_workflow"

    @property
    def key(self) -> str:
        return f"dispatch:{self.stage}:{self.attempt}"


@dataclass(frozen=True, slots=True)
class CollectReports:
    """Once per attempt of a workflow run: read the reports that it left, and end the stage by them."""

    stage: str
    attempt: int
    workflow_run: int
    run_attempt: int
    conclusion: str
    junit: str | None
    sarif: str | None
    coverage: str | None = field(default=None, metadata=LATER)
    kind: Literal["collect_reports"] = "collect_reports"

    @property
    def key(self) -> str:
        return f"collect:{self.stage}:{self.attempt}:{self.run_attempt}"


CheckStatus = Literal["in_progress", "completed"]
Conclusion = Literal["success", "failure", "action_required", "cancelled", "skipped", "neutral"]


@dataclass(frozen=True, slots=True)
class PublishCheckRun:
    """Level: this check run shall look like this. `surface` is stable; `external_id` finds it again."""

    surface: str
    name: str
    head_sha: str
    external_id: str
    status: CheckStatus
    conclusion: Conclusion | None
    title: str
    summary: str
    buttons: tuple[Button, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    kind: Literal["publish_check_run"] = "publish_check_run"

    @property
    def key(self) -> str:
        return f"show:{self.surface}"


@dataclass(frozen=True, slots=True)
class PublishComment:
    """Level: our comment with this hidden marker shall read like this; the marker finds it again."""

    surface: str
    marker: str
    conversation: int
    body: str
    kind: Literal["publish_comment"] = "publish_comment"

    @property
    def key(self) -> str:
        return f"show:{self.surface}"


@dataclass(frozen=True, slots=True)
class React:
    """Once: acknowledge a comment. `content` is one of GitHub's reaction names."""

    comment_id: int
    content: Literal["+1", "eyes", "confused"]
    kind: Literal["react"] = "react"

    @property
    def key(self) -> str:
        return f"react:{self.comment_id}:{self.content}"


@dataclass(frozen=True, slots=True)
class CreateDeployment:
    """Once per occasion: the deployment record at GitHub, found again by the gate id in its payload.

    This is the release leaving the house, so it is perishable: a performer that cannot carry it out soon
    after `judged_at`, or learns that it did not happen, hands it back to be judged on fresh facts.
    """

    environment: str
    occasion: int
    gate_id: str
    sha: str
    description: str
    judged_at: datetime
    parameters: Mapping[str, str] = field(default_factory=dict, metadata=LATER)
    kind: Literal["create_deployment"] = "create_deployment"

    @property
    def key(self) -> str:
        return f"deployment:{self.environment}:{self.occasion}"


@dataclass(frozen=True, slots=True)
class OpenIssue:
    """Once: the follow-up of an override, an issue found again by its marker. `wanted_by` is the comment on which it
    is opened again if it is gone, 0 at first.
    """

    environment: str
    comment_id: int
    title: str
    body: str
    marker: str
    asked_at: datetime
    wanted_by: int = 0
    kind: Literal["open_issue"] = "open_issue"

    @property
    def key(self) -> str:
        again = f":{self.wanted_by}" if self.wanted_by else ""
        return f"issue:{self.comment_id}{again}"


DeploymentState = Literal["in_progress", "success", "failure"]


@dataclass(frozen=True, slots=True)
class ReportDeployment:
    """Level: the newest status of a deployment of ours."""

    environment: str
    deployment_id: int
    state: DeploymentState
    description: str
    kind: Literal["report_deployment"] = "report_deployment"

    @property
    def key(self) -> str:
        return f"report:{self.environment}"


HeldAnswer = Literal["approved", "rejected", "cancelled", "waiting"]


@dataclass(frozen=True, slots=True)
class AnswerJob:
    """Once: tell GitHub what becomes of the jobs that it holds for an environment in one attempt of a workflow run.

    `cancelled` ends the workflow run, because a rejected one can wedge what queues behind it; `waiting` decides nothing
    and only says why. `stage` is the deployment that an approval lets begin, `attempt` which start of it.
    """

    environment: str
    run_id: int
    run_attempt: int
    answer: HeldAnswer
    comment: str
    judged_at: datetime
    number: int = 0
    stage: str = ""
    attempt: int = 0
    kind: Literal["answer_job"] = "answer_job"

    @property
    def key(self) -> str:
        number = f":{self.number}" if self.number else ""
        return f"held:{self.environment}:{self.run_id}:{self.run_attempt}:{self.answer}{number}"


Topic = Literal["question", "reminder", "escalation", "decision"]


@dataclass(frozen=True, slots=True)
class Notify:
    """Once per occasion: tell a channel of the operator's. `page` is a path below the address of GitHub's pages."""

    channel: str
    topic: Topic
    occasion: str
    title: str
    text: str
    page: str
    kind: Literal["notify"] = "notify"

    @property
    def key(self) -> str:
        return f"notify:{self.channel}:{self.occasion}"


Effect = (
    StartStage
    | DispatchWorkflow
    | CollectReports
    | StopStage
    | PublishCheckRun
    | PublishComment
    | React
    | CreateDeployment
    | ReportDeployment
    | Notify
    | OpenIssue
    | AnswerJob
)
