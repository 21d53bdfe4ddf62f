"""What is due: new deliveries into inboxes, finished children, timers; every 200 ms, and after every signal.

Rules of the file: a lost signal costs one interval, never a delivery; the sweep decides nothing, it only puts
facts into inboxes and wakes subjects; a delivery that cannot be understood is set aside after bounded tries
and never stops its neighbours.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from typing import Final, assert_never

from gate_app.domain.events import (
    ButtonPressed,
    ClockTicked,
    CommandGiven,
    CommentChanged,
    RerunRequested,
    StageEnded,
    StageVanished,
)
from gate_app.domain.evidence import StageOutcome
from gate_app.domain.following import HEAD
from gate_app.engine.calling import JOB_CALL, Calling
from gate_app.engine.holding import HELD, subject_of
from gate_app.engine.ports import (
    LOOK,
    Child,
    Clock,
    CommitNoticed,
    ConversationNoticed,
    Delivery,
    DeploymentNoticed,
    HeldNoticed,
    Ignored,
    InboxItem,
    Jobs,
    Notice,
    Payloads,
    RollbackDue,
    Running,
    RunNoticed,
    Store,
    SubjectNoticed,
    Vanished,
    Workers,
    WorkNoticed,
)
from gate_app.engine.telling import item_for
from gate_app.errors import outline

BATCH: Final = 200
"""Deliveries routed per sweep; the rest is due at the next one."""
POISON_DELAY: Final = timedelta(seconds=2)

log = logging.getLogger("gate_app.engine")


@dataclass(frozen=True, slots=True)
class Sweep:
    """Brings everything that is due to the drains."""

    store: Store
    payloads: Payloads
    workers: Workers
    jobs: Jobs
    now: Clock

    def __call__(self) -> None:
        self._route_deliveries()
        self._collect_children()
        self._wake_runs()
        for subject in self.store.subjects_due(self.now()):
            self.jobs.wake(subject)

    def _route_deliveries(self) -> None:
        for delivery in self.store.new_deliveries(self.now(), BATCH):
            try:
                self._route(delivery)
            except Exception as fault:
                log.error("delivery %s could not be understood: %s", delivery.guid, outline(fault))
                self.store.delay_delivery(delivery, type(fault).__name__, self.now() + POISON_DELAY)

    def _route(self, delivery: Delivery) -> None:
        if delivery.event == JOB_CALL:
            Calling(self.store).route(delivery)
            return
        notices = self.payloads.read(delivery.event, delivery.body)
        if isinstance(notices, Ignored):
            self.store.route(delivery, (), notices.reason)
            return
        received = [_received(notice, delivery) for notice in notices]
        items = [item for notice in received for item in self.addressed(notice, delivery.guid)]
        self.store.route(delivery, items, "" if items else "no run converses there or follows it")

    def addressed(self, notice: Notice, occasion: str) -> Sequence[InboxItem]:
        """A notice with the inboxes it goes to. `occasion` tells apart hints that mean "look again"."""
        match notice:
            case SubjectNoticed():
                return [InboxItem(notice.subject.key, notice, f"look:{occasion}")]
            case ConversationNoticed():
                subjects = self.store.conversing(notice.repository.id, notice.conversation)
                return [InboxItem(subject, notice, meaning_of(notice)) for subject in subjects]
            case CommitNoticed():
                subjects = self.store.watching(notice.repository.id, HEAD, notice.sha)
                return [InboxItem(subject, notice, f"commit:{occasion}") for subject in subjects]
            case RunNoticed():
                return [item_for(notice.run_id, notice.event, f"{notice.run_id}:{occasion}")]
            case WorkNoticed():
                subjects = self.store.watching(notice.repository.id, notice.what, notice.name)
                return [InboxItem(subject, notice, f"{LOOK}{occasion}") for subject in subjects]
            case DeploymentNoticed():
                return self._by_others(notice)
            case HeldNoticed():
                return [InboxItem(subject_of(notice).key, notice, f"{HELD}{occasion}")]
            case RollbackDue():
                raise AssertionError("only a decision makes a rollback due, and it addresses it itself")
            case _:
                assert_never(notice)

    def _by_others(self, notice: DeploymentNoticed) -> Sequence[InboxItem]:
        """To the newest run of the repository, unless a run of ours, or a workflow run of ours, is what deployed."""
        repository, event = notice.repository.id, notice.event
        if self.store.watching(repository, "deployment", str(event.deployment_id)):
            return []
        if event.workflow_run and self.store.claimed_runs(repository, [event.workflow_run]):
            return []
        run_id = self.store.newest_run(repository)
        return [item_for(run_id, event, f"by_others:{event.deployment_id}")] if run_id else []

    def _collect_children(self) -> None:
        for child in self.store.children():
            state = self.workers.poll(child)
            if isinstance(state, Running):
                continue
            event = self._ending(child, state)
            meaning = f"{child.run_id}:{event.kind}:{child.stage}:{child.attempt}"
            self.store.put([item_for(child.run_id, event, meaning)])
            self.store.child_ended(child)

    def _ending(self, child: Child, state: Vanished | StageOutcome) -> StageEnded | StageVanished:
        if isinstance(state, Vanished):
            return StageVanished(self.now(), child.stage, child.attempt)
        return StageEnded(self.now(), child.stage, child.attempt, state)

    def _wake_runs(self) -> None:
        for stored in self.store.runs_to_wake(self.now()):
            run = stored.run
            meaning = f"tick:{run.id}:{run.wake_at.isoformat() if run.wake_at else ''}"
            self.store.put([item_for(run.id, ClockTicked(self.now()), meaning)])


def _received(notice: Notice, delivery: Delivery) -> Notice:
    """GitHub tells no time of a press: it happened when it was told, never before its buttons were shown."""
    if not isinstance(notice, RunNoticed | CommitNoticed):
        return notice
    if not isinstance(notice.event, ButtonPressed | RerunRequested):
        return notice
    at = max(notice.event.at, delivery.received_at)
    return replace(notice, event=replace(notice.event, at=at))


def meaning_of(notice: ConversationNoticed) -> str:
    """What a fact from a conversation means, whatever delivery brought it (case 9)."""
    event = notice.event
    match event:
        case CommandGiven():
            return f"comment:{event.comment_id}:created"
        case CommentChanged():
            return f"comment:{event.comment_id}:{event.change}:{event.at.isoformat()}"
        case _:
            return sha256(repr(notice).encode()).hexdigest()
