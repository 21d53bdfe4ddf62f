"""GitHub, as far as this product speaks with it.

Rules of the file: a method that reads returns a value or raises `HubUnavailable` (nothing is known) or `HubRefused`
(definitely not); it never returns None for "could not".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gate_app.domain.checks import Check, Required
from gate_app.domain.conditions import Standing
from gate_app.domain.effects import (
    AnswerJob,
    CreateDeployment,
    DispatchWorkflow,
    OpenIssue,
    PublishCheckRun,
    PublishComment,
    React,
    ReportDeployment,
)
from gate_app.domain.held import HeldJob, HeldRun
from gate_app.domain.model import Authorship, Change, MergeShown, Person, Repository, Subject, Unknown
from gate_app.domain.ownership import Ownership
from gate_app.domain.policy import Policy, Select
from gate_app.domain.proposals import Past
from gate_app.domain.workflows import DeploymentSeen, Sought, WorkflowSeen
from gate_app.engine.ports.notices import ConversationNoticed


@dataclass(frozen=True, slots=True)
class LiveHead:
    """What a decision reads of a subject: as in `LiveChange`, without what a run knows from its beginning."""

    sha: str
    base_ref: str
    open: bool
    merged: bool
    labels: tuple[str, ...] | None
    default_branch: str
    touched_at: datetime | None


@dataclass(frozen=True, slots=True)
class LiveChange:
    """What GitHub says about a subject now. `merged` implies not `open`; a branch is always open.

    `adds_nothing` is about the head of a branch that a merged pull request made. `labels` are those of the pull
    request, the merged one for a branch; None when there is none. Nothing has happened to the subject after
    `touched_at`; None says nothing about that.
    """

    change: Change
    open: bool
    merged: bool
    adds_nothing: MergeShown = MergeShown.NO
    labels: tuple[str, ...] | None = None
    touched_at: datetime | None = None

    @property
    def head(self) -> LiveHead:
        """The part that a decision reads."""
        change, default = self.change, self.change.default_branch
        return LiveHead(
            change.head.sha, change.base_ref, self.open, self.merged, self.labels, default, self.touched_at
        )


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """`.github/gate.yml` on the default branch of the base repository, as bytes, with its blob SHA."""

    blob_sha: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Sight:
    """What one call tells of a run whose stages look at checks: each part what the read of its own would tell.

    `checks` are check runs and commit statuses; `required` is what the rules in force require, where that was asked.
    """

    policy: PolicyFile
    head: LiveHead
    checks: tuple[Check, ...]
    required: tuple[Required, ...]


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
    and removed, is None too. `authorship` is who made the commits that come in, the head aside: who made that one is
    asked of itself. None when they could not be listed whole.
    """

    ahead: int
    behind: int
    messages: tuple[str, ...]
    files: tuple[str, ...] | None
    lines: int | None = None
    authorship: Authorship | None = None


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
    def interrupted_at(self, repository: Repository, subject: Subject) -> datetime | None:
        """When the subject's head was last pushed over, or the pull request closed, reopened or retargeted."""

    def happened_since(self, repository: Repository, subject: Subject, since: datetime) -> tuple[str, ...]:
        """What of that happened to a pull request since a moment, its second included, by GitHub's names."""

    def policy_file(self, repository: Repository) -> PolicyFile | PolicyAbsent | PolicyRefused: ...
    def proposed_file(self, repository: Repository, sha: str) -> PolicyFile | PolicyAbsent | PolicyRefused:
        """`.github/gate.yml` at a commit that is known to be there, a fork's too: never to judge by (case 86)."""

    def owners_file(self, repository: Repository) -> PolicyFile | PolicyAbsent | PolicyRefused:
        """CODEOWNERS of the default branch: the first of the places where GitHub looks."""

    def floor_file(self, repository: Repository) -> PolicyFile | PolicyAbsent | PolicyRefused:
        """The floor of the account that the repository belongs to."""

    def authorship(self, change: Change) -> Authorship: ...
    def compare(self, repository: Repository, base: str, head: str) -> Comparison: ...
    def standing(
        self, repository: Repository, person: Person, teams: Sequence[str], organisations: Sequence[str] = ()
    ) -> Standing:
        """What a person may, and which of the asked teams and organisations they are active in."""

    def team_id(self, repository: Repository, team: str) -> int | None:
        """The id of the team `organisation/slug` now; None when there is none, or it is of another organisation."""

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
    def sight(self, change: Change, gated: Sequence[str], selects: Collection[Select]) -> Sight:
        """`policy_file`, the head of `live_change`, `check_runs`, `commit_statuses` and, where a stage selects
        `required`, `required_by_rules`, all in one call. Raises what a fault of any of them would, and HubUnavailable
        whenever one call does not tell them whole.
        """

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

    def held_run(self, repository: Repository, run_id: int) -> HeldRun:
        """A workflow run of this repository, and the environments that its jobs wait for now."""

    def answer_job(self, repository: Repository, wanted: AnswerJob) -> None:
        """Approves or rejects what waits there, or says only why it waits; GitHub refuses what does not wait."""

    def released_jobs(self, repository: Repository, job: HeldJob, environment: str) -> WorkflowSeen:
        """How the jobs of an environment stand that were let go, as one; `conclusion` is empty until all ended."""

    def comment_fingerprint(self, repository: Repository, comment_id: int) -> str:
        """SHA-256 of the body as it is now; `deleted` or `edited` (updated after its creation) otherwise."""

    def issue_closer(self, repository: Repository, number: int) -> Person | None:
        """Who closed an issue; None while it is open."""

    def open_issue(self, repository: Repository, wanted: OpenIssue) -> int:
        """The number of our issue with that marker, found or opened now."""

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


class Survey(Protocol):
    """What GitHub can be asked so that a lost delivery loses nothing (case 195)."""

    def repositories(self) -> Sequence[Repository]:
        """Every repository of every installation of the App."""

    def heads(self, repository: Repository) -> Mapping[Subject, str]:
        """The head SHA of every open pull request and of the default branch, now."""

    def waiting_runs(self, repository: Repository) -> Sequence[int]:
        """The workflow runs that wait for something before a deployment, now."""

    def policy_file(self, repository: Repository) -> PolicyFile | PolicyAbsent | PolicyRefused: ...
    def commands_since(
        self, repository: Repository, conversation: int, since: datetime
    ) -> Sequence[ConversationNoticed]:
        """Commands in comments of that pull request since then, as the deliveries would have told them."""


class PolicyReader(Protocol):
    """A gate file, under the floor of its organisation where there is one → policy, or the problems in words."""

    def __call__(self, file: PolicyFile, floor: PolicyFile | None) -> Policy | str: ...


class OwnersReader(Protocol):
    """Whose the files are by CODEOWNERS; None for files stands for any of them."""

    def __call__(self, raw: bytes, files: Sequence[str] | None) -> Ownership | Unknown: ...


class PastReader(Protocol):
    """What the last runs of a repository would have been under another policy, in bounded time."""

    def __call__(self, repository_id: int, policy: Policy) -> tuple[Past, ...] | Unknown: ...


class Globs(Protocol):
    """Whether one of the files fits the patterns."""

    def __call__(self, patterns: Sequence[str], files: Sequence[str]) -> bool: ...
