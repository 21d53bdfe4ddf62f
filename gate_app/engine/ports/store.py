"""What is kept, and what is asked of it.

Rules of the file: every method of the store is one transaction; nothing here judges.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol

from gate_app.domain.conditions import Conditions, EnvironmentFacts
from gate_app.domain.decide import Decision
from gate_app.domain.effects import Effect
from gate_app.domain.events import Event
from gate_app.domain.grants import JobAnswer
from gate_app.domain.model import FirstHead, Repository
from gate_app.domain.run import Run
from gate_app.engine.ports.notices import Delivery, InboxItem, InboxRow
from gate_app.engine.ports.workers import Child

WORKFLOW_SURFACE: Final = "workflow:"
"""How the surface of an object begins that is a workflow run working on a stage: `workflow:<stage>:<attempt>`."""


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
    """A stored effect. `in_doubt` means an earlier try may have reached GitHub: read back before writing.

    `since` is when it was first delayed.
    """

    id: int
    run_id: str
    repository: Repository
    effect: Effect
    attempts: int
    revision: int
    in_doubt: bool
    not_before: datetime
    note: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class SetAside:
    """Something that could not be handled within its bounded tries, shown to the operator (case 211)."""

    what: Literal["delivery", "inbox", "effect"]
    id: int
    subject: str
    note: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Delayed:
    """Something that waits for its next try, with why and since when, for the operator."""

    what: Literal["inbox", "effect"]
    id: int
    subject: str
    note: str
    since: datetime
    not_before: datetime


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

    def told(self, repository_id: int, conversation: int, meaning: str) -> bool:
        """Whether a subject that converses there, or once did, has that fact in its inbox."""

    def repeated(self, row: InboxRow, prefix: str) -> bool:
        """Whether a later unhandled row of the same subject has a meaning that begins so."""

    def delay_row(
        self,
        row: InboxRow,
        note: str,
        not_before: datetime,
        counted: Literal["counted", "free"],
        since: datetime | None = None,
    ) -> None:
        """Try again later; a `counted` try leads to `dead` after `MAX_ATTEMPTS`, the next row then proceeds.

        `since` is when it began to wait.
        """

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
        """Which account each configured login, or team each configured name, was resolved to first (59, 62)."""

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
        since: datetime | None = None,
    ) -> bool:
        """Try again later. True when that was the last of `MAX_ATTEMPTS` tries and it is now set aside.

        `last_words` go into inboxes at once with setting it aside, and only then.
        """

    def effect_declined(
        self,
        effect: PendingEffect,
        note: str,
        not_before: datetime,
        follow_ups: Sequence[InboxItem] = (),
        since: datetime | None = None,
    ) -> None:
        """GitHub did not take it, which is certain: no doubt remains, and it is tried again later."""

    def newest_run(self, repository_id: int) -> str | None:
        """The id of the run of a repository that was opened last; None where there is none."""

    def claimed_runs(self, repository_id: int, ids: Sequence[int]) -> Collection[int]:
        """Those of these workflow runs that are known to work on a stage of ours."""

    def doubtful_dispatches(self, repository_id: int) -> int:
        """How many dispatches may or may not have reached GitHub."""

    def known_object(self, run_id: str, surface: str) -> int | None:
        """GitHub's id of what shows this surface, if we created it."""

    def remember_object(self, run_id: str, surface: str, object_id: int) -> None: ...

    # jobs that call
    def answer(self, told: JobAnswer, at: datetime) -> None:
        """Tells a job something that no decision says; what one says is stored with it."""

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
    def delayed(self) -> Sequence[Delayed]:
        """What was delayed and is not done yet, the longest first."""
