"""What comes in: deliveries, what they mean, and the inbox of each subject."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, Protocol

from gate_app.domain.events import DeployedByOthers, Event
from gate_app.domain.model import LATER, Content, Person, Repository, Subject


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
    delivery says that this one pushed, else None; `before` is what a push says its branch held before it. `waited_for`
    says that a job waits for a decision about the head, which is asked about even if it was there first.
    """

    repository: Repository
    subject: Subject
    at: datetime
    sender: Person | None = None
    before: str | None = None
    kind: Literal["subject_noticed"] = "subject_noticed"
    waited_for: bool = field(default=False, metadata=LATER)


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
    """Ask whether the environment goes back to `target`: the watch of a release saw a breach, or somebody wants it.

    By hand `takes_out` is the commit that runs there, `by` who asks, and `holder` what has the environment meanwhile.
    `by_rule` is the blob of the policy that said at the breach to ask nobody, empty where it asks.
    """

    run_id: str
    environment: str
    target: Content
    because: str
    at: datetime
    kind: Literal["rollback_due"] = "rollback_due"
    takes_out: str = field(default="", metadata=LATER)
    by: Person | None = field(default=None, metadata=LATER)
    holder: str = field(default="", metadata=LATER)
    by_rule: str = field(default="", metadata=LATER)


@dataclass(frozen=True, slots=True)
class DeploymentNoticed:
    """A deployment that the App did not make succeeded: told to one run of the repository, which journals it."""

    repository: Repository
    event: DeployedByOthers
    kind: Literal["deployment_noticed"] = "deployment_noticed"


@dataclass(frozen=True, slots=True)
class HeldNoticed:
    """Jobs of a workflow run may wait for us: look at it live. `again`: it was told why before."""

    repository: Repository
    run_id: int
    again: bool = False
    kind: Literal["held_noticed"] = "held_noticed"


Notice = (
    SubjectNoticed
    | ConversationNoticed
    | CommitNoticed
    | RunNoticed
    | WorkNoticed
    | RollbackDue
    | DeploymentNoticed
    | HeldNoticed
)


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
    """A stored inbox item; rows of one subject are handled in the order of `id`.

    `since` is when it was first delayed.
    """

    id: int
    subject: str
    notice: Notice
    delivery: str
    attempts: int
    since: datetime | None = None


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
