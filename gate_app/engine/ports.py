"""What the engine needs from the rest of the world, as protocols; adapters implement them and nothing else.

Rules of the file: no vendor type passes through a port. A method that reads GitHub returns a value or raises
`HubUnavailable` / `HubRefused`; it never returns None for "could not". Times are aware UTC datetimes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, Protocol

from gate_app.domain.checks import Check, Required
from gate_app.domain.conditions import Authorship, Conditions, EnvironmentFacts, Standing
from gate_app.domain.decide import Decision
from gate_app.domain.effects import (
    CollectReports,
    CreateDeployment,
    DispatchWorkflow,
    Effect,
    PublishCheckRun,
    PublishComment,
    React,
    ReportDeployment,
    StartStage,
)
from gate_app.domain.events import Event
from gate_app.domain.evidence import StageOutcome
from gate_app.domain.model import Change, Content, FirstHead, MergeShown, Person, Repository, Subject, Unknown
from gate_app.domain.policy import Policy
from gate_app.domain.run import Run
from gate_app.domain.workflows import DeploymentSeen, Sought, WorkflowSeen

# --- what comes in ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Delivery:
    """A stored webhook POST, not yet understood. `id` is its row, `guid` GitHub's `X-GitHub-Delivery`."""

    id: int
    guid: str
    event: str
    body: bytes
    received_at: datetime
    attempts: int


@dataclass(frozen=True, slots=True)
class SubjectNoticed:
    """Something about a subject's head or state may have changed: look at it live.

    Level-triggered: order, duplicates and losses do not matter. `sender` is the authenticated actor when the
    delivery says that this one pushed, else None; `before` is what a push says its branch held before it.
    """

    repository: Repository
    subject: Subject
    at: datetime
    sender: Person | None = None
    before: str | None = None
    kind: Literal["subject_noticed"] = "subject_noticed"


@dataclass(frozen=True, slots=True)
class ConversationNoticed:
    """A fact from a pull request's conversation: goes to every open run that converses there."""

    repository: Repository
    conversation: int
    event: Event
    kind: Literal["conversation_noticed"] = "conversation_noticed"


@dataclass(frozen=True, slots=True)
class CommitNoticed:
    """A fact about a commit: goes to every open run that decides on it."""

    repository: Repository
    sha: str
    event: Event
    kind: Literal["commit_noticed"] = "commit_noticed"


@dataclass(frozen=True, slots=True)
class RunNoticed:
    """A fact about one run of ours: a stage ended, a timer is due."""

    run_id: str
    event: Event
    kind: Literal["run_noticed"] = "run_noticed"


@dataclass(frozen=True, slots=True)
class WorkNoticed:
    """Work that somebody else does has changed: the runs that follow it shall look at it live.

    `what` and `name` are a pair of `domain.following.watched`. It carries no fact and a look is at everything
    that the subject's runs follow, so a later one that waits already makes an earlier one superfluous.
    """

    repository: Repository
    what: str
    name: str
    at: datetime
    kind: Literal["work_noticed"] = "work_noticed"


@dataclass(frozen=True, slots=True)
class RollbackDue:
    """The watch of a release saw a breach: ask whether the environment goes back to `target`."""

    run_id: str
    environment: str
    target: Content
    because: str
    at: datetime
    kind: Literal["rollback_due"] = "rollback_due"


Notice = SubjectNoticed | ConversationNoticed | CommitNoticed | RunNoticed | WorkNoticed | RollbackDue

LOOK: Final = "work:"
"""How the meaning of every `WorkNoticed` in an inbox begins."""


@dataclass(frozen=True, slots=True)
class InboxItem:
    """A notice on its way into the inbox of one subject. Equal `meaning` is the same fact: stored once (case 9)."""

    subject: str
    notice: Notice
    meaning: str


@dataclass(frozen=True, slots=True)
class InboxRow:
    """A stored inbox item; rows of one subject are handled in the order of `id`."""

    id: int
    subject: str
    notice: Notice
    delivery: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Ignored:
    """A delivery that means nothing to us, with the reason, so that ignoring is visible."""

    reason: str


def passed_over(comment_id: int) -> str:
    """The reason for which a comment's creation, or its first edit, was ignored: what it becomes later is no command.

    It is remembered with the delivery, because GitHub does not tell an edit within the second of the creation.
    """
    return f"comment {comment_id} is no command"


class Payloads(Protocol):
    """Understands deliveries: (event, action) → notices. Pure.

    Raises ValueError on a body that is not what it claims to be.
    """

    def read(self, event: str, body: bytes) -> Sequence[Notice] | Ignored: ...


WORKFLOW_SURFACE: Final = "workflow:"
"""How the surface of an object begins that is a workflow run working on a stage: `workflow:<stage>:<attempt>`."""

# --- what is kept ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run with the version it was read at (compare-and-set)."""

    run: Run
    version: int


@dataclass(frozen=True, slots=True)
class Step:
    """One `decide` call, to be stored whole. `expected_version` is 0 for a run that does not exist yet."""

    before: Run
    event: Event
    conditions: Conditions
    decision: Decision
    expected_version: int


@dataclass(frozen=True, slots=True)
class Transition:
    """Everything one transaction stores: steps with their journal entries and effects, and what they handled.

    `inbox_id` is marked done with `note`; `follow_ups` are put into inboxes; `first_head` is remembered,
    unless one is already.
    """

    steps: tuple[Step, ...] = ()
    inbox_id: int | None = None
    note: str = ""
    follow_ups: tuple[InboxItem, ...] = ()
    first_head: FirstHead | None = None


@dataclass(frozen=True, slots=True)
class PendingEffect:
    """A stored effect. `in_doubt` means an earlier try may have reached GitHub: read back before writing."""

    id: int
    run_id: str
    repository: Repository
    effect: Effect
    attempts: int
    revision: int
    in_doubt: bool
    not_before: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class Child:
    """A supervised process working on a stage: what is needed to find, stop and read it after a restart."""

    run_id: str
    stage: str
    attempt: int
    pid: int
    process_started: float
    folder: Path


@dataclass(frozen=True, slots=True)
class SetAside:
    """Something that could not be handled within its bounded tries, shown to the operator (case 211)."""

    what: Literal["delivery", "inbox", "effect"]
    id: int
    subject: str
    note: str
    attempts: int


class Store(Protocol):
    """Durable state. Every method is one transaction; nothing here judges."""

    # deliveries → inbox
    def new_deliveries(self, now: datetime, limit: int) -> Sequence[Delivery]: ...
    def known_deliveries(self, guids: Sequence[str]) -> Collection[str]:
        """Those of the delivery ids that are stored, in whatever state."""

    def route(self, delivery: Delivery, items: Sequence[InboxItem], note: str) -> None:
        """Marks the delivery routed (or ignored, when there are no items) and stores the items, at once."""

    def ignored(self, reason: str) -> bool:
        """Whether a delivery was ignored for that very reason."""

    def delay_delivery(self, delivery: Delivery, note: str, not_before: datetime) -> None:
        """Counts a failed try; after `MAX_ATTEMPTS` the delivery is set aside as dead."""

    # the inbox of a subject
    def put(self, items: Sequence[InboxItem]) -> None: ...
    def next_row(self, subject: str, now: datetime) -> InboxRow | None:
        """The oldest unhandled row, if it is due: a delayed head holds the later rows of its subject back."""

    def repeated(self, row: InboxRow, prefix: str) -> bool:
        """Whether a later unhandled row of the same subject has a meaning that begins so."""

    def delay_row(
        self, row: InboxRow, note: str, not_before: datetime, counted: Literal["counted", "free"]
    ) -> None:
        """Try again later; a `counted` try leads to `dead` after `MAX_ATTEMPTS`, the next row then proceeds."""

    # runs
    def run(self, run_id: str) -> StoredRun | None: ...
    def current(self, subject: str) -> StoredRun | None:
        """The newest run of a subject, final or not."""

    def unfinished(self, subject: str) -> Sequence[StoredRun]:
        """Every run of a subject that is not final, oldest first."""

    def first_head(self, subject: str) -> str | None:
        """The SHA that a branch was first seen at; None when it was not looked at yet."""

    def unfinished_subjects(self, repository_id: int) -> Sequence[str]:
        """The subjects of a repository with a run that is not final."""

    def conversations(self, repository_id: int) -> Sequence[int]:
        """The pull requests in which runs that are not final converse."""

    def conversing(self, repository_id: int, conversation: int) -> Sequence[str]:
        """The subjects whose newest run converses in that pull request, oldest first."""

    def watching(self, repository_id: int, what: str, name: str) -> Sequence[str]:
        """The subjects with a run that is not final and follows that piece of work, once each."""

    def environments(self, repository_id: int, names: Sequence[str]) -> Mapping[str, EnvironmentFacts]: ...
    def pinned_identities(self, repository_id: int, logins: Sequence[str]) -> Mapping[str, int]:
        """Which account each configured login was resolved to first (case 59)."""

    def pin_identity(self, repository_id: int, login: str, person_id: int) -> None:
        """Remembers the first resolution; an existing pin stays."""

    def commit(self, transition: Transition) -> None:
        """Stores it all or nothing. Raises Conflict when a run or an environment moved meanwhile."""

    # effects
    def next_effect(self, subject: str, now: datetime) -> PendingEffect | None:
        """The oldest due effect of the subject's runs, `create_deployment` aside, in order of first request."""

    def next_release(self, subject: str) -> PendingEffect | None:
        """The oldest unfinished `create_deployment`, due or not: it goes before the inbox of its subject."""

    def effect_started(self, effect: PendingEffect) -> None:
        """Committed before the outside call, so that a crash leaves the effect in doubt, not forgotten."""

    def effect_done(self, effect: PendingEffect, result: str, follow_ups: Sequence[InboxItem] = ()) -> None:
        """Done, unless a newer revision of a level effect arrived meanwhile: then it is due again."""

    def effect_delayed(
        self,
        effect: PendingEffect,
        note: str,
        not_before: datetime,
        counted: Literal["counted", "free"],
        last_words: Sequence[InboxItem] = (),
    ) -> bool:
        """Try again later. True when that was the last of `MAX_ATTEMPTS` tries and it is now set aside.

        `last_words` go into inboxes at once with setting it aside, and only then.
        """

    def effect_declined(
        self, effect: PendingEffect, note: str, not_before: datetime, follow_ups: Sequence[InboxItem] = ()
    ) -> None:
        """GitHub did not take it, which is certain: no doubt remains, and it is tried again later."""

    def claimed_runs(self, repository_id: int, ids: Sequence[int]) -> Collection[int]:
        """Those of these workflow runs that are known to work on a stage of ours."""

    def doubtful_dispatches(self, repository_id: int) -> int:
        """How many dispatches may or may not have reached GitHub."""

    def known_object(self, run_id: str, surface: str) -> int | None:
        """GitHub's id of what shows this surface, if we created it."""

    def remember_object(self, run_id: str, surface: str, object_id: int) -> None: ...

    # children
    def child_started(self, child: Child) -> None: ...
    def child_ended(self, child: Child) -> None: ...
    def children(self) -> Sequence[Child]: ...

    # what is due
    def subjects_due(self, now: datetime) -> Sequence[str]:
        """Subjects with a due inbox row or a due effect."""

    def runs_to_wake(self, now: datetime) -> Sequence[StoredRun]:
        """Unfinished runs whose `wake_at` has passed."""

    def set_aside(self) -> Sequence[SetAside]: ...


# --- GitHub ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LiveChange:
    """What GitHub says about a subject now. `merged` implies not `open`; a branch is always open.

    `adds_nothing` is about the head of a branch that a merged pull request made. `labels` are those of the pull
    request, the merged one for a branch; None when there is none.
    """

    change: Change
    open: bool
    merged: bool
    adds_nothing: MergeShown = MergeShown.NO
    labels: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """`.github/gate.yml` on the default branch of the base repository, as bytes, with its blob SHA."""

    blob_sha: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class PolicyAbsent:
    """The default branch was read and has no such file."""


@dataclass(frozen=True, slots=True)
class PolicyRefused:
    """Something is at that path that is not a plain, small file (case 96)."""

    detail: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What lies between two commits: commits in and out, the messages of those that come in, changed files.

    `files` is None when they could not be listed whole: then anything may have changed, and `lines`, those added
    and removed, is None too.
    """

    ahead: int
    behind: int
    messages: tuple[str, ...]
    files: tuple[str, ...] | None
    lines: int | None = None


@dataclass(frozen=True, slots=True)
class Archive:
    """An artifact of a workflow run: its name, and a zip file that nobody has vouched for."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Artifacts:
    """The archives of a run; `left_out` counts those that did not fit into the bounds."""

    archives: tuple[Archive, ...] = ()
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Checkout:
    """Where to fetch a repository from and the token (contents: read, this repository only) to do it with."""

    url: str
    token: str

    def __repr__(self) -> str:  # a token must not reach a log through a traceback (case 218)
        return f"Checkout(url={self.url!r}, token=…)"


class Hub(Protocol):
    """GitHub, as far as this product speaks with it. Reads are live; writes are idempotent by read-back.

    Every method may raise HubUnavailable (nothing is known) or HubRefused (definitely not).
    """

    def live_change(self, repository: Repository, subject: Subject) -> LiveChange: ...
    def policy_file(self, repository: Repository) -> PolicyFile | PolicyAbsent | PolicyRefused: ...
    def authorship(self, change: Change) -> Authorship: ...
    def compare(self, repository: Repository, base: str, head: str) -> Comparison: ...
    def standing(self, repository: Repository, person: Person, teams: Sequence[str]) -> Standing: ...
    def identity(self, repository: Repository, login: str) -> int | None:
        """The account id behind a login now; None when there is no such account."""

    def check_runs(self, change: Change, gated: Sequence[str]) -> Sequence[Check]:
        """The check runs on the head; never our own.

        A job that deploys to one of the `gated` environments is no check of what it deploys.
        """

    def commit_statuses(self, change: Change) -> Sequence[Check]:
        """The newest commit status of each context on the head."""

    def required_by_rules(self, repository: Repository, branch: str) -> Sequence[Required]: ...
    def required_by_protection(self, repository: Repository, branch: str) -> Sequence[Required]: ...

    def workflow_obstacle(self, repository: Repository, workflow: str) -> Unknown | None:
        """Why a workflow of the default branch cannot be dispatched by us, as far as can be told before; else
        None. The code is that of a `StageReason`.
        """

    def dispatch_workflow(self, repository: Repository, wanted: DispatchWorkflow) -> WorkflowSeen | None:
        """Starts the workflow. None when GitHub took it and did not say which run that is."""

    def dispatched_runs(self, repository: Repository, sought: Sought) -> Sequence[WorkflowSeen]:
        """The runs of ours that a dispatch may have become; only those that are named, if any are."""

    def workflow_run(self, repository: Repository, run_id: int) -> WorkflowSeen: ...
    def artifacts(self, repository: Repository, run_id: int) -> Artifacts:
        """What a workflow run left, as archives, bounded."""

    def cancel_workflow_run(self, repository: Repository, run_id: int) -> None:
        """Asks for its end; one that has ended already is none the worse."""

    def deployment_seen(self, repository: Repository, deployment_id: int) -> DeploymentSeen:
        """The newest status that is not ours."""

    def comment_fingerprint(self, repository: Repository, comment_id: int) -> str:
        """SHA-256 of the body as it is now; `deleted` or `edited` (updated after its creation) otherwise."""

    def checkout(self, repository: Repository) -> Checkout: ...

    def publish_check_run(self, repository: Repository, wanted: PublishCheckRun, known: int | None) -> int:
        """Creates or updates; without `known`, finds an existing one of ours by external id first."""

    def publish_comment(self, repository: Repository, wanted: PublishComment, known: int | None) -> int:
        """Creates or updates; without `known`, finds ours by `wanted.marker`.

        A marker counts only in our own comments (case 169).
        """

    def react(self, repository: Repository, wanted: React) -> None: ...
    def find_deployment(self, repository: Repository, wanted: CreateDeployment) -> int | None:
        """Our deployment whose payload names this gate; None says that it certainly does not exist (case 194)."""

    def create_deployment(self, repository: Repository, wanted: CreateDeployment) -> int:
        """Finds it, else creates it."""

    def report_deployment(self, repository: Repository, wanted: ReportDeployment) -> None: ...


# --- our own workers -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Running:
    """The child is at work; `phase` says at what."""

    phase: str


@dataclass(frozen=True, slots=True)
class Vanished:
    """The child is gone and left no result: start again as a new attempt."""


class Workers(Protocol):
    """Supervised children for command stages and command deployments."""

    def start(
        self, run_id: str, repository: Repository, wanted: StartStage, checkout: Checkout
    ) -> Child | StageOutcome:
        """The child, or how the stage ends without one: what it needs is not to be had on this machine."""

    def poll(self, child: Child) -> Running | Vanished | StageOutcome: ...
    def stop(self, child: Child) -> None: ...
    def judge(self, repository: Repository, asked: CollectReports, left: Artifacts) -> StageOutcome:
        """How a workflow stage ends by the reports that its run left."""


class Survey(Protocol):
    """What GitHub can be asked so that a lost delivery loses nothing (case 195)."""

    def repositories(self) -> Sequence[Repository]:
        """Every repository of every installation of the App."""

    def heads(self, repository: Repository) -> Mapping[Subject, str]:
        """The head SHA of every open pull request and of the default branch, now."""

    def commands_since(
        self, repository: Repository, conversation: int, since: datetime
    ) -> Sequence[ConversationNoticed]:
        """Commands in comments of that pull request since then, as the deliveries would have told them."""


class PolicyReader(Protocol):
    """Bytes of a gate file → policy, or the problems in words."""

    def __call__(self, raw: bytes, blob_sha: str) -> Policy | str: ...


class Globs(Protocol):
    """Whether one of the files fits the patterns."""

    def __call__(self, patterns: Sequence[str], files: Sequence[str]) -> bool: ...


class Jobs(Protocol):
    """The durable wake-up service. At most one drain per subject runs at a time, in the whole installation."""

    def start(self, handler: Callable[[str], None]) -> None: ...
    def wake(self, subject: str) -> None: ...
    def stop(self) -> None: ...


Clock = Callable[[], datetime]
