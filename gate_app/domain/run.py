"""One change travelling through the pinned configuration, and everything that happened to it so far.

Rules of the file: a run is a value; `record` and `settle` make the next one. It holds facts and what we
have asked the world to do, never a judgement (those are made afresh by `evaluate`), but for closings and
releases: they are decisions taken, and they absorb (case 80).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal

from gate_app.domain.evidence import StageOutcome
from gate_app.domain.grants import Ask, Job
from gate_app.domain.held import HeldJob
from gate_app.domain.kept import Kept
from gate_app.domain.model import (
    LATER,
    Authorship,
    Change,
    Content,
    Origin,
    Person,
    Purpose,
    Unknown,
)
from gate_app.domain.modification import Modification
from gate_app.domain.overrides import Override
from gate_app.domain.patience import Pause, expiry
from gate_app.domain.policy import ApproverLine, Policy, PolicyProblem
from gate_app.domain.proposals import REVIEWED, Proposal
from gate_app.domain.shipping import Shipment
from gate_app.domain.verdict import ReasonCode, VerdictState


class StageStatus(StrEnum):
    """`LOST` is a stage whose worker vanished: it starts again."""

    RUNNING = "running"
    LOST = "lost"
    ENDED = "ended"


class StageRole(StrEnum):
    """Why a stage runs: before any deployment, as the deployment itself, to verify one, or to watch it."""

    AUTOMATED = "automated"
    DEPLOY = "deploy"
    VERIFY = "verify"
    WATCH = "watch"


@dataclass(frozen=True, slots=True)
class Followed:
    """What works on a stage at GitHub: a workflow run, or a deployment that others carry out.

    `judged` is the newest attempt of the workflow run whose end was taken in; a re-run has a later one.
    `collecting` is the attempt whose reports are being read, 0 for none.
    """

    what: Literal["workflow_run", "deployment"]
    id: int
    link: str = ""
    judged: int = 0
    collecting: int = field(default=0, metadata=LATER)


@dataclass(frozen=True, slots=True)
class StageRun:
    """One stage of this run. `key` is `tests`, `deploy@staging` or `integration@staging`.

    `attempt` counts every start of that key, `restarts` those since a worker vanished, `series` is the attempt that
    began them. Of a stage that GitHub works on: `dispatched_at` is when it took the work, `followed` the run that does
    it, once known. `obstacle` is why a running stage does not get on, with what mends it.
    """

    key: str
    stage: str
    role: StageRole
    environment: str | None
    attempt: int
    status: StageStatus
    started_at: datetime
    ended_at: datetime | None = None
    outcome: StageOutcome | None = None
    restarts: int = 0
    dispatched_at: datetime | None = None
    followed: Followed | None = None
    obstacle: Unknown | None = None

    @property
    def series(self) -> int:
        return self.attempt - self.restarts

    def anew(self) -> StageRun:
        """The stage as one that starts again although no worker was lost: a new series of attempts."""
        return replace(self, status=StageStatus.LOST, outcome=None, restarts=-1)


@dataclass(frozen=True, slots=True)
class Binding:
    """What an answer is bound to; any difference voids it and says which part changed.

    `interrupted_at` is when the head was last seen to have been away, or the pull request closed, and to be back;
    `disturbed` counts the questions that somebody else edited or deleted; `owners` is the digest of the code owners who
    were asked, empty where none are, or they were not known; `job` names the attempt of the workflow run that GitHub
    holds until the answer, empty where it holds none.
    """

    head_sha: str
    plan_digest: str
    evidence_digest: str
    policy_blob: str
    interrupted_at: datetime | None = field(default=None, metadata=LATER)
    disturbed: int = field(default=0, metadata=LATER)
    owners: str = field(default="", metadata=LATER)
    job: str = field(default="", metadata=LATER)

    def changed(self, now: Binding) -> tuple[str, ...]:
        """The parts that differ, in words a person knows."""
        parts = (
            ("head", self.head_sha, now.head_sha),
            ("plan", self.plan_digest, now.plan_digest),
            ("evidence", self.evidence_digest, now.evidence_digest),
            ("policy", self.policy_blob, now.policy_blob),
            ("presence", self.interrupted_at, now.interrupted_at),
            ("question", self.disturbed, now.disturbed),
            ("owners", self.owners, now.owners),
            ("job", self.job, now.job),
        )
        return tuple(name for name, before, after in parts if before != after)


@dataclass(frozen=True, slots=True)
class Question:
    """A person was asked. A new number is a new question: earlier answers do not carry over.

    `comment_id` is the comment that asks, once it is there: ids grow, so they tell before from after without clocks.
    `because` is the code of what made it ask anew, where that is not in the binding. `reminded` counts the reminders
    that are over, `handed` says when each step of the ladder was taken, `told` are lines that rules added and whose
    people have heard of it.
    """

    number: int
    asked_at: datetime
    binding: Binding
    comment_id: int | None = None
    because: str = field(default="", metadata=LATER)
    reminded: int = field(default=0, metadata=LATER)
    handed: tuple[datetime, ...] = field(default=(), metadata=LATER)
    told: tuple[ApproverLine, ...] = field(default=(), metadata=LATER)


@dataclass(frozen=True, slots=True)
class Answer:
    """One person's answer to one question, as given; whether it counts is judged afresh every time.

    Given in a comment (`comment_id` and the fingerprint of its body) or by a button (`button`, its identifier).
    """

    kind: Literal["approval", "denial"]
    person: Person
    at: datetime
    comment_id: int | None
    body_sha256: str
    question: int
    binding: Binding
    reason: str = ""
    voided: Literal["", "edited", "deleted", "withdrawn"] = ""
    button: str = ""

    @property
    def key(self) -> str:
        """Tells this answer from every other one of the gate; the same button pressed twice is one (case 48)."""
        return comment_key(self.comment_id) if self.comment_id else button_key(self.person, self.button)


def comment_key(comment_id: int) -> str:
    """The key of an answer given in a comment."""
    return f"comment:{comment_id}"


def button_key(person: Person, button: str) -> str:
    """The key of an answer given by a button."""
    return f"button:{person.id}:{button}"


@dataclass(frozen=True, slots=True)
class Closing:
    """A gate that is closed for good in this run: `state` is denied, expired or superseded."""

    state: VerdictState
    at: datetime
    code: ReasonCode
    by: Person | None = None
    note: str = ""


class ReleaseStatus(StrEnum):
    """How far a release that had begun has come. `HEALTHY` and `FAILED` are its ends."""

    BEGUN = "begun"
    DEPLOYING = "deploying"
    VERIFYING = "verifying"
    WATCHING = "watching"
    HEALTHY = "healthy"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Release:
    """The one effective release of a gate (invariant 2); begun in the decision that found it approved.

    `unasked` is the code of why nobody was asked, empty where somebody was; `override` is what took its place.
    `exceptions` are contributors whose approvals counted because the policy allows that. `redeemed` is the job that has
    its grant; nobody else gets it. `held` is the job that GitHub held for it.
    """

    begun_at: datetime
    content: Content
    status: ReleaseStatus = ReleaseStatus.BEGUN
    deployment_id: int | None = None
    ended_at: datetime | None = None
    failure: ReasonCode | None = None
    approved_by: tuple[Person, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict, metadata=LATER)
    unasked: str = field(default="", metadata=LATER)
    exceptions: tuple[Person, ...] = field(default=(), metadata=LATER)
    override: Override | None = field(default=None, metadata=LATER)
    redeemed: Job | None = field(default=None, metadata=LATER)
    held: HeldJob | None = field(default=None, metadata=LATER)

    @property
    def may_return(self) -> bool:
        """Begun, and not known to have reached GitHub: it may yet come back without having happened."""
        return self.status is ReleaseStatus.BEGUN and self.deployment_id is None

    @property
    def in_flight(self) -> bool:
        return self.status not in (ReleaseStatus.HEALTHY, ReleaseStatus.FAILED)


@dataclass(frozen=True, slots=True)
class Returned:
    """A begun release came back without having happened; the gate stays shut until `retry_at`."""

    retry_at: datetime
    detail: str


@dataclass(frozen=True, slots=True)
class Gate:
    """The checkpoint in front of one environment, in this run.

    `occasions` counts how often a release was begun; `returned` is set when the last one did not happen. `requested`
    counts the `/deploy`s that made it ask anew, `requesters` are who gave them, `asked` is the number of its last
    question before that. `held_until` is the end of the freeze in which it was found approved. `escalated` says that
    a rule fired for this commit, `escalated_lines` whom rules asked beside everybody else; `denied` is the denial
    after which its plan was changed. `disturbed` counts its questions that somebody else edited or deleted; `owners`
    is the digest of the code owners that it asks, as last read, empty before. `asks` are jobs that want an answer,
    oldest first; `redeeming` is the one that wants the grant in this very decision. `kept` says what those answers were
    given for that come from the head before. `held` are workflow runs whose jobs GitHub may hold here, `job` the
    attempt that is decided on, `answered` the keys of those that have their answer.
    """

    environment: str
    question: Question | None = None
    answers: tuple[Answer, ...] = ()
    occasions: int = 0
    requested: int = 0
    requesters: tuple[Person, ...] = ()
    asked: int = 0
    returned: Returned | None = None
    closing: Closing | None = None
    release: Release | None = None
    held_until: datetime | None = field(default=None, metadata=LATER)
    modifications: tuple[Modification, ...] = field(default=(), metadata=LATER)
    escalated: bool = field(default=False, metadata=LATER)
    escalated_lines: tuple[ApproverLine, ...] = field(default=(), metadata=LATER)
    denied: Closing | None = field(default=None, metadata=LATER)
    disturbed: int = field(default=0, metadata=LATER)
    owners: str = field(default="", metadata=LATER)
    override: Override | None = field(default=None, metadata=LATER)
    asks: tuple[Ask, ...] = field(default=(), metadata=LATER)
    redeeming: Job | None = field(default=None, metadata=LATER)
    kept: Kept | None = field(default=None, metadata=LATER)
    held: tuple[int, ...] = field(default=(), metadata=LATER)
    job: HeldJob | None = field(default=None, metadata=LATER)
    answered: tuple[str, ...] = field(default=(), metadata=LATER)

    def given(self, key: str) -> Answer | None:
        """The answer that this comment or press gave."""
        return next((answer for answer in self.answers if answer.key == key), None)

    @property
    def denials(self) -> tuple[Answer, ...]:
        """The denials that stand as they were written."""
        return tuple(answer for answer in self.answers if answer.kind == "denial" and not answer.voided)

    @property
    def turns_on_answers(self) -> bool:
        """Whether answers may still decide: nothing is closed or released, or a denial came before any work."""
        if self.release is None:
            return self.closing is None
        return self.release.status is ReleaseStatus.BEGUN and bool(self.denials)

    @property
    def ended(self) -> bool:
        """Nothing can happen to this gate any more."""
        if self.release is not None:
            return not self.release.in_flight
        return self.closing is not None


class RunState(StrEnum):
    """`OPEN` while the change is; `SUPERSEDED` by a newer head; `MERGED` or `CLOSED` with the pull request."""

    OPEN = "open"
    SUPERSEDED = "superseded"
    MERGED = "merged"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Run:
    """The whole state of one run. `sequence` counts the runs of a subject from 1.

    `authorship` is who changed this content, once known; `published` remembers the digest of what was last asked to
    be shown on each surface, so that only differences become effects; `pushers` are everybody seen pushing to this
    subject, over all its runs; `heard` are people below write permission who already got their one answer. A rollback
    says `because` of what, is shown on the commit that it takes out, and `follows` the gate of the breached release,
    which holds the environment for it. `interrupted_at` is when GitHub says that the head was away, or the pull
    request closed, after somebody had approved (cases 23, 34); `ended` is the code of an end that `state` alone does
    not explain. `pauses` are holds and questions, oldest first. `proposal` is what its pull request makes of the gate
    file, once known, and `review` the gate where its owners let a looser one pass. `by_rule` is the blob of the
    policy by which a rollback asks nobody, until it was judged once.
    """

    id: str
    sequence: int
    change: Change
    opened_at: datetime
    policy: Policy | PolicyProblem
    state: RunState = RunState.OPEN
    stages: Mapping[str, StageRun] = field(default_factory=dict)
    gates: Mapping[str, Gate] = field(default_factory=dict)
    authorship: Authorship | None = None
    published: Mapping[str, str] = field(default_factory=dict)
    pushers: tuple[int, ...] = ()
    heard: tuple[int, ...] = ()
    shipments: Mapping[str, Shipment] = field(default_factory=dict)
    purpose: Purpose = Purpose.RELEASE
    shown_on: str = ""
    because: str = ""
    follows: str = ""
    wake_at: datetime | None = None
    interrupted_at: datetime | None = field(default=None, metadata=LATER)
    ended: str = field(default="", metadata=LATER)
    pauses: tuple[Pause, ...] = field(default=(), metadata=LATER)
    proposal: Proposal | None = field(default=None, metadata=LATER)
    by_rule: str = field(default="", metadata=LATER)
    review: Gate | None = field(default=None, metadata=LATER)

    @property
    def shown_sha(self) -> str:
        """The commit whose page shows this run: a rollback shows where the breach is, not on old content."""
        return self.shown_on or self.change.head.sha

    @property
    def final(self) -> bool:
        """All gates closed and all watches ended: nothing opens any more."""
        if any(stage.status is StageStatus.RUNNING for stage in self.stages.values()):
            return False
        if self.state is not RunState.OPEN and not self.gates:
            return True
        if self.state is RunState.OPEN and self.review is not None and not self.review.closing:
            return False
        return bool(self.gates) and all(gate.ended for gate in self.gates.values())

    @property
    def every_gate(self) -> tuple[Gate, ...]:
        """The gates of environments, and the review of a looser gate file."""
        return (*self.gates.values(), *((self.review,) if self.review else ()))

    @property
    def holds(self) -> tuple[Pause, ...]:
        """The holds that nobody has lifted yet, the oldest first; one for each person."""
        return tuple(each for each in self.pauses if each.kind == "hold" and each.open)

    def expires_at(self, gate: Gate, patience: timedelta) -> datetime | None:
        """When a gate's question is over, None without one.

        Time in which it was held or somebody waited for an answer does not count, nor does a freeze in which it was
        approved.
        """
        if gate.question is None:
            return None
        since = max(gate.question.asked_at, gate.held_until or gate.question.asked_at)
        return expiry(since, patience, self.pauses)

    def release_id(self, environment: str) -> str:
        """Names the release of a gate's present occasion: the gate, and which `/deploy` made it ask anew."""
        gate = self.gates[environment]
        return self.gate_id(environment) + (f"+{gate.requested}" if gate.requested else "")

    def gate_id(self, environment: str) -> str:
        """Names this gate everywhere outside: check runs, deployments, locks."""
        return f"{self.id}:{environment}"

    def with_gate(self, gate: Gate) -> Run:
        if gate.environment == REVIEWED:
            return replace(self, review=gate)
        return replace(self, gates={**self.gates, gate.environment: gate})

    def with_stage(self, stage: StageRun) -> Run:
        return replace(self, stages={**self.stages, stage.key: stage})


def oldest_approval(run: Run) -> datetime | None:
    """When the oldest approval, or override, was given that may still open a gate; None when there is none."""
    waiting = [gate for gate in run.every_gate if not gate.closing and not gate.release]
    standing = [
        pressed_since(gate, answer.at) if answer.button else answer.at
        for gate in waiting
        for answer in gate.answers
        if answer.kind == "approval" and not answer.voided
        if answer.binding.head_sha == run.change.head.sha
        if answer.binding.interrupted_at == run.interrupted_at
    ]
    overriding = [gate.override.at for gate in waiting if gate.override]
    away = run.interrupted_at
    return min((*standing, *(at for at in overriding if away is None or away < at)), default=None)


def pressed_since(gate: Gate, told_at: datetime) -> datetime:
    """The earliest moment of a press: GitHub tells no time of it, and what is told may be told late."""
    return min(gate.question.asked_at, told_at) if gate.question else told_at


STATUS: Final = "status"
QUESTION: Final = "question:"
"""The surfaces of our comments: the status of the pull request, and how those of questions begin."""


def is_comment(surface: str) -> bool:
    """Whether a surface is a comment that is kept up to date."""
    return surface == STATUS or surface.startswith(QUESTION)


def passed_on(run: Run) -> bool:
    """Whether the conversation belongs to another run by now: that of the commit on the default branch."""
    if run.state is not RunState.MERGED or not isinstance(run.policy, Policy):
        return False
    return bool(run.policy.gated_in(Origin.DEFAULT_BRANCH))
