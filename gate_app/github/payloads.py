"""What deliveries mean: (event, action) → notices, or why nothing follows.

Rules of the file:

* Pure and closed: the table below is all that is understood; the rest is ignored, on purpose and visibly.
* Only the fields used are read, strictly and bounded; no URL of a payload is among them (case 141). A body
  that is not what it claims raises ValueError, whose text repeats nothing of it.
* A notice about a head says "look": what it carries is never believed over a live read.
* A comment that is no command ends here, without a call to GitHub (performance: chatter costs 0 calls).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import Field

from gate_app.domain.events import CommandGiven, CommentChanged
from gate_app.domain.model import PersonKind, Subject
from gate_app.engine.ports import (
    ConversationNoticed,
    Ignored,
    SubjectNoticed,
    passed_over,
)
from gate_app.github.check_payloads import OURS, PRESSED
from gate_app.github.envelope import (
    EARLIEST,
    LATEST,
    DeliveryBody,
    Envelope,
    Moment,
    NamedRepository,
    Read,
    document,
    shown,
    shown_action,
)
from gate_app.github.fields import Account, App, Id, LongText, Reading, RefName, Sha
from gate_app.github.markdown import MARKER, command_line
from gate_app.github.work_payloads import WORK

BRANCH_PREFIX: Final = "refs/heads/"
EpochSeconds = Annotated[int, Field(ge=int(EARLIEST.timestamp()), le=int(LATEST.timestamp()))]


class _Pull(Reading):
    number: Id
    updated_at: Moment


class _PullDelivery(DeliveryBody):
    pull_request: _Pull


class _Changes(Reading):
    """Of an edited pull request; `base` is there when it was retargeted."""

    base: Mapping[str, object] | None = None


class _EditedPullDelivery(_PullDelivery):
    changes: _Changes


class _PushedRepository(NamedRepository):
    """In a push, and only there, `pushed_at` is a number. Dates of commits are anybody's text (case 22)."""

    default_branch: RefName
    pushed_at: EpochSeconds


class _PushDelivery(DeliveryBody):
    repository: _PushedRepository
    ref: RefName
    before: Sha
    after: Sha
    deleted: bool


class _Issue(Reading):
    """`pull_request` is there when the issue is one (case 45)."""

    number: Id
    updated_at: Moment
    pull_request: Mapping[str, object] | None = None


class _Comment(Reading):
    id: Id
    body: LongText | None
    created_at: Moment
    updated_at: Moment
    user: Account | None
    performed_via_github_app: App | None = None


class _CommentDelivery(DeliveryBody):
    issue: _Issue
    comment: _Comment


class _PreviousBody(Reading):
    previous: Annotated[LongText, Field(alias="from")]


class _CommentChanges(Reading):
    body: _PreviousBody | None = None


class _EditedCommentDelivery(_CommentDelivery):
    changes: _CommentChanges


@dataclass(frozen=True, slots=True)
class WebhookPayloads:
    """Understands GitHub's webhooks; see the table at the end for what it knows.

    `app_id` is ours: buttons count on our own check runs only (case 47), and those are no work of others; 0 is
    nobody's.
    """

    app_id: int = 0

    def read(self, event: str, body: bytes) -> Read:
        """The notices of a delivery, or why there are none.

        Raises ValueError when the body is not what `event` claims (case 12).
        """
        envelope = document(Envelope, event, body)
        reader = self._reader(event, envelope.action)
        if reader is None:
            return Ignored(f"not used: {shown(event)}{shown_action(envelope.action)}")
        if envelope.installation is None:
            return Ignored("no installation of ours is named")
        return reader(event, body)

    def _reader(self, event: str, action: str | None) -> _Reader | None:
        plain = UNDERSTOOD.get((event, action)) or UNDERSTOOD.get((event, ANY))
        told_apart = WORK.get((event, action)) or WORK.get((event, ANY)) or OURS.get((event, action))
        if plain is not None or told_apart is None:
            return plain
        return lambda name, body: told_apart(name, body, self.app_id)


# --- pull requests and pushes ---


def _pull_pushed(event: str, body: bytes) -> Read:
    """Opened, reopened or pushed to: the sender brought this head."""
    delivery = document(_PullDelivery, event, body)
    return (_look(delivery, delivery.pull_request, by_sender=delivery.sender),)


def _pull_moved(event: str, body: bytes) -> Read:
    """Closed, merged, turned into a draft or labelled: its head is nobody's new work."""
    delivery = document(_PullDelivery, event, body)
    return (_look(delivery, delivery.pull_request, by_sender=None),)


def _pull_edited(event: str, body: bytes) -> Read:
    """Only another base changes what is decided on (case 25); title and text do not (case 36)."""
    delivery = document(_EditedPullDelivery, event, body)
    if delivery.changes.base is None:
        return Ignored("title or text edited, not the base")
    return (_look(delivery, delivery.pull_request, by_sender=None),)


def _look(delivery: DeliveryBody, pull: _Pull, by_sender: Account | None) -> SubjectNoticed:
    subject = Subject(delivery.repository.id, number=pull.number)
    return SubjectNoticed(delivery.where, subject, pull.updated_at, by_sender.person if by_sender else None)


def _pushed(event: str, body: bytes) -> Read:
    delivery = document(_PushDelivery, event, body)
    repository = delivery.repository
    if delivery.ref != f"{BRANCH_PREFIX}{repository.default_branch}":
        return Ignored("a push to another ref than the default branch")
    if delivery.deleted or set(delivery.after) == {"0"}:
        return Ignored("the branch was deleted")
    subject = Subject(repository.id, ref=delivery.ref)
    at = datetime.fromtimestamp(repository.pushed_at, UTC)
    return (SubjectNoticed(delivery.where, subject, at, delivery.sender.person, delivery.before),)


# --- conversations ---


def _comment_created(event: str, body: bytes) -> Read:
    delivery = document(_CommentDelivery, event, body)
    comment = delivery.comment
    if delivery.issue.pull_request is None:
        return NOT_A_PULL_REQUEST
    line = command_line(comment.body or "")
    if line is None:
        return Ignored(passed_over(comment.id))
    if comment.user is None or comment.user.id != delivery.sender.id:
        return Ignored("the comment's author is not the one who created it, or is gone")
    given = CommandGiven(
        at=comment.created_at,
        comment_id=comment.id,
        conversation=delivery.issue.number,
        person=comment.user.person,
        line=line,
        body_sha256=hashlib.sha256((comment.body or "").encode()).hexdigest(),
        via_app=comment.performed_via_github_app is not None,
    )
    return (ConversationNoticed(delivery.where, delivery.issue.number, given),)


def _comment_edited(event: str, body: bytes) -> Read:
    """An edit never makes a command; it can only take one back (case 35)."""
    delivery = document(_EditedCommentDelivery, event, body)
    before = delivery.changes.body
    if delivery.issue.pull_request is None:
        return NOT_A_PULL_REQUEST
    if _is_ours(delivery, before.previous if before else "", delivery.comment.body or ""):
        return _ours_changed(delivery, delivery.comment.updated_at, "edited")
    if before is not None and command_line(before.previous) is None:
        return Ignored(passed_over(delivery.comment.id))
    comment, issue = delivery.comment, delivery.issue
    changed = CommentChanged(comment.updated_at, comment.id, issue.number, "edited")
    return (ConversationNoticed(delivery.where, issue.number, changed),)


def _comment_deleted(event: str, body: bytes) -> Read:
    """GitHub tells no time of the deletion; the conversation was last touched by it."""
    delivery = document(_CommentDelivery, event, body)
    comment, issue = delivery.comment, delivery.issue
    if issue.pull_request is None:
        return NOT_A_PULL_REQUEST
    at = max(comment.updated_at, issue.updated_at)
    if _is_ours(delivery, comment.body or ""):
        return _ours_changed(delivery, at, "deleted")
    if command_line(comment.body or "") is None:
        return Ignored("the deleted comment was no command")
    changed = CommentChanged(at, comment.id, issue.number, "deleted")
    return (ConversationNoticed(delivery.where, issue.number, changed),)


def _is_ours(delivery: _CommentDelivery, *texts: str) -> bool:
    """Whether a bot's comment with our hidden marker was changed by somebody else.

    Anybody can copy the marker (case 169): then our comments are written again as they are, and nothing else happens.
    """
    user = delivery.comment.user
    if user is None or user.person.account is PersonKind.USER or user.id == delivery.sender.id:
        return False
    return any(MARKER in text for text in texts)


def _ours_changed(delivery: _CommentDelivery, at: datetime, change: Literal["edited", "deleted"]) -> Read:
    number = delivery.issue.number
    changed = CommentChanged(at, delivery.comment.id, number, change, ours=True)
    return (ConversationNoticed(delivery.where, number, changed),)


# --- the table ---

NOT_A_PULL_REQUEST: Final = Ignored("a comment on an issue; commands count on pull requests")
ANY: Final = None
"""The action of events that have none."""

_Reader = Callable[[str, bytes], Read]

UNDERSTOOD: Final[Mapping[tuple[str, str | None], _Reader]] = {
    ("pull_request", "opened"): _pull_pushed,
    ("pull_request", "reopened"): _pull_pushed,
    ("pull_request", "synchronize"): _pull_pushed,
    ("pull_request", "edited"): _pull_edited,
    ("pull_request", "closed"): _pull_moved,
    ("pull_request", "converted_to_draft"): _pull_moved,
    ("pull_request", "ready_for_review"): _pull_moved,
    ("pull_request", "labeled"): _pull_moved,
    ("pull_request", "unlabeled"): _pull_moved,
    ("push", ANY): _pushed,
    ("issue_comment", "created"): _comment_created,
    ("issue_comment", "edited"): _comment_edited,
    ("issue_comment", "deleted"): _comment_deleted,
}
"""Everything that is understood, but for what people press on our check runs and for work of others."""


def essential_events() -> frozenset[str]:
    """The events without which nothing works as described."""
    return frozenset(event for event, _action in (*UNDERSTOOD, PRESSED))


def work_events() -> frozenset[str]:
    """The events that tell of work of others at once; without them it is noticed when it is looked at."""
    return frozenset(event for event, _action in WORK) - essential_events()


def subscribed_events() -> frozenset[str]:
    """Everything that an App has to subscribe to: what is understood, and nothing else."""
    return essential_events() | work_events()
