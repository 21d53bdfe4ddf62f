"""Facts, past tense. `at` is when GitHub (or our own engine) says it happened; it orders facts about one subject.

Rules of the file: an event judges nothing; text from people is carried bounded and raw, to be compared by
the grammar and rendered inert by `wording`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from gate_app.domain.evidence import StageOutcome
from gate_app.domain.grants import Job, JobOutcome, Want
from gate_app.domain.model import LATER, Change, Person


@dataclass(frozen=True, slots=True)
class ChangeProposed:
    """A head is up for decision: a pull request was opened, reopened or pushed to, or a branch moved."""

    at: datetime
    change: Change
    kind: Literal["change_proposed"] = "change_proposed"


@dataclass(frozen=True, slots=True)
class HeadMoved:
    """The subject has a newer head (or another base); the run of the older one is superseded.

    So it is when the repository has another `default_branch`, where its policy comes from; empty was not asked.
    """

    at: datetime
    head_sha: str
    base_ref: str
    kind: Literal["head_moved"] = "head_moved"
    default_branch: str = field(default="", metadata=LATER)


@dataclass(frozen=True, slots=True)
class ChangeClosed:
    """The pull request was closed; `merged` says whether its content reached the base."""

    at: datetime
    merged: bool
    kind: Literal["change_closed"] = "change_closed"


@dataclass(frozen=True, slots=True)
class CommandGiven:
    """A new comment whose first line, a plain paragraph at column 0, begins like a command.

    `line` is that whole line, raw; `body_sha256` is the fingerprint of the whole comment, so that an edit
    before the decision is noticed (case 35). `person.account` is GitHub's `type`; `via_app` says that an app
    wrote it on somebody's behalf (case 44).
    """

    at: datetime
    comment_id: int
    conversation: int
    person: Person
    line: str
    body_sha256: str
    via_app: bool = False
    kind: Literal["command_given"] = "command_given"


@dataclass(frozen=True, slots=True)
class CommentChanged:
    """A comment was edited or deleted after it was written; an answer given in it no longer stands (37).

    `ours` says that it was one of our own, changed by somebody else: what it says now is not what we said.
    """

    at: datetime
    comment_id: int
    conversation: int
    change: Literal["edited", "deleted"]
    kind: Literal["comment_changed"] = "comment_changed"
    ours: bool = field(default=False, metadata=LATER)


@dataclass(frozen=True, slots=True)
class ButtonPressed:
    """A person pressed a button of a gate's check run. GitHub tells no time: `at` is its delivery's.

    `button` is the identifier of the button, `head_sha` the commit that the check run belongs to.
    """

    at: datetime
    environment: str
    person: Person
    button: str
    head_sha: str
    kind: Literal["button_pressed"] = "button_pressed"


@dataclass(frozen=True, slots=True)
class RerunRequested:
    """A person pressed GitHub's "Re-run" on check runs of ours. GitHub tells no time: `at` is its delivery's.

    `shown` is the check run, by what follows the run's id in its external id: `stage:tests`, `production`, `policy`.
    Empty: all of them.
    """

    at: datetime
    person: Person
    shown: str = ""
    kind: Literal["rerun_requested"] = "rerun_requested"


@dataclass(frozen=True, slots=True)
class QuestionShown:
    """The comment that asks a question is there for people to read."""

    at: datetime
    environment: str
    number: int
    comment_id: int
    kind: Literal["question_shown"] = "question_shown"


@dataclass(frozen=True, slots=True)
class StageEnded:
    """A piece of automated work came to its end; `attempt` tells it from earlier tries of the same stage."""

    at: datetime
    stage: str
    attempt: int
    outcome: StageOutcome
    kind: Literal["stage_ended"] = "stage_ended"


@dataclass(frozen=True, slots=True)
class ClockTicked:
    """A due timer: judge afresh, nothing else is new."""

    at: datetime
    kind: Literal["clock_ticked"] = "clock_ticked"


@dataclass(frozen=True, slots=True)
class StageVanished:
    """The worker of a stage is gone and left no result: the stage starts again as a new attempt."""

    at: datetime
    stage: str
    attempt: int
    kind: Literal["stage_vanished"] = "stage_vanished"


@dataclass(frozen=True, slots=True)
class WorkflowDispatched:
    """GitHub took the dispatch of a stage. `workflow_run` is None where it did not say which run that is."""

    at: datetime
    stage: str
    attempt: int
    workflow_run: int | None = None
    link: str = ""
    kind: Literal["workflow_dispatched"] = "workflow_dispatched"


@dataclass(frozen=True, slots=True)
class StageObstructed:
    """A stage that was to start could not, and is tried again: `code` says why, `detail` what mends it."""

    at: datetime
    stage: str
    attempt: int
    code: str
    detail: str
    kind: Literal["stage_obstructed"] = "stage_obstructed"


@dataclass(frozen=True, slots=True)
class ReleaseReturned:
    """A release that had begun certainly did not happen: the gate is judged again, not before `retry_at`.

    `occasion` is which of the gate's releases; 0, in journals of older versions, is the newest.
    """

    at: datetime
    environment: str
    retry_at: datetime
    detail: str
    kind: Literal["release_returned"] = "release_returned"
    occasion: int = field(default=0, metadata=LATER)


@dataclass(frozen=True, slots=True)
class DeploymentCreated:
    """GitHub holds the deployment record of a release that had begun; `occasion` as in `ReleaseReturned`."""

    at: datetime
    environment: str
    deployment_id: int
    kind: Literal["deployment_created"] = "deployment_created"
    occasion: int = field(default=0, metadata=LATER)


@dataclass(frozen=True, slots=True)
class DeployedByOthers:
    """A deployment that the App did not make succeeded, as GitHub tells; `workflow_run` made it, 0 for none."""

    at: datetime
    environment: str
    deployment_id: int
    sha: str
    by: Person
    workflow_run: int = 0
    kind: Literal["deployed_by_others"] = "deployed_by_others"


@dataclass(frozen=True, slots=True)
class FollowUpOpened:
    """The issue is there that follows an override up, which was given in that comment."""

    at: datetime
    comment_id: int
    issue: int
    kind: Literal["follow_up_opened"] = "follow_up_opened"


@dataclass(frozen=True, slots=True)
class JobAsked:
    """A job of a workflow, known by its verified token, wants something of the gate of `environment`.

    `at` is when it was received. `ticket` is the fingerprint of what it fetches its answer with; `outcome` is how its
    deployment ended, where it reports one.
    """

    at: datetime
    environment: str
    ticket: str
    want: Want
    job: Job
    outcome: JobOutcome = ""
    kind: Literal["job_asked"] = "job_asked"


@dataclass(frozen=True, slots=True)
class JobHeld:
    """GitHub may hold jobs of this workflow run until we answer: which ones is read live."""

    at: datetime
    run_id: int
    kind: Literal["job_held"] = "job_held"


Event = (
    ChangeProposed
    | HeadMoved
    | ChangeClosed
    | CommandGiven
    | CommentChanged
    | ButtonPressed
    | RerunRequested
    | QuestionShown
    | StageEnded
    | StageVanished
    | WorkflowDispatched
    | StageObstructed
    | ClockTicked
    | DeployedByOthers
    | ReleaseReturned
    | DeploymentCreated
    | FollowUpOpened
    | JobAsked
    | JobHeld
)
