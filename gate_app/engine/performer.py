"""Effects: read back, then write, through the ports; done, or tried again at a time, never by sleeping.

Rules of the file: every outside call has a failpoint before and after it (`failpoints`), and is preceded by a
committed mark, so that a crash leaves the effect in doubt and never forgotten. A release in doubt is resolved
before anything else of its subject; one that certainly did not happen is handed back to be judged again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, assert_never

from gate_app.domain.effects import (
    AnswerJob,
    CollectReports,
    CreateDeployment,
    DispatchWorkflow,
    Notify,
    OpenIssue,
    PublishCheckRun,
    PublishComment,
    React,
    ReportDeployment,
    StartStage,
    StopStage,
)
from gate_app.domain.events import (
    DeploymentCreated,
    Event,
    FollowUpOpened,
    QuestionShown,
    ReleaseReturned,
    StageEnded,
)
from gate_app.domain.evidence import MAX_MESSAGE, Evidence, StageOutcome, StageReason, StageVerdict
from gate_app.domain.reminders import NUDGE, too_late
from gate_app.domain.run import StageStatus
from gate_app.engine.answering import Answering
from gate_app.engine.dispatcher import LOOKED, SETTLING, Dispatcher
from gate_app.engine.notifying import Notifier
from gate_app.engine.ports import (
    WORKFLOW_SURFACE,
    Channels,
    Child,
    Clock,
    Hub,
    InboxItem,
    PendingEffect,
    Store,
    Workers,
)
from gate_app.engine.telling import item_for, obstacle_for
from gate_app.engine.waiting import Waiting
from gate_app.errors import HubRefused, HubUnavailable
from gate_app.failpoints import hit

FRESH: Final = timedelta(seconds=30)
"""How old the facts of a release may be when it leaves the house; older ones are read and judged again."""
FIRST_RETRY: Final = timedelta(seconds=1)
"""When to try an effect again after GitHub could not be reached for it once: mostly it was one lost answer."""
RETRY: Final = timedelta(seconds=5)
"""When to try again after GitHub could not be reached and did not say when."""
RECORDING: Final = timedelta(seconds=12)
"""How long a request that we gave up may still make a deployment: GitHub ends each after ten seconds (REST docs:
"Troubleshooting the REST API", timeouts). Nothing is sent again before that."""
MAX_DOUBLINGS: Final = 6
"""How often the wait after a failed try doubles, from `RETRY` on."""
REFUSED_RELEASE_RETRY: Final = timedelta(minutes=5)
"""When a release that GitHub refused is judged again: a person has to mend something first."""


@dataclass(frozen=True, slots=True)
class Performer:
    """Carries out stored effects."""

    store: Store
    hub: Hub
    workers: Workers
    now: Clock
    settling: timedelta = SETTLING
    recording: timedelta = RECORDING
    channels: Channels | None = None

    @property
    def _waiting(self) -> Waiting:
        return Waiting(self.store, self.now)

    def perform(self, pending: PendingEffect) -> None:
        """Performs one effect, or sets the time of its next try."""
        if isinstance(pending.effect, DispatchWorkflow):
            self._dispatch(pending, pending.effect)
            return
        if isinstance(pending.effect, Notify):
            self._notify(pending, pending.effect)
            return
        if isinstance(pending.effect, AnswerJob):
            Answering(self.store, self.hub, self.now).perform(pending, pending.effect)
            return
        name = pending.effect.kind
        self.store.effect_started(pending)
        hit(f"{name}.before")
        try:
            result = self._do(pending)
        except HubUnavailable as fault:
            self._unreachable(pending, fault)
            return
        except HubRefused as fault:
            self.failed(pending, str(fault), StageReason.WORKSPACE_UNAVAILABLE)
            return
        hit(f"{name}.after")
        self.store.effect_done(pending, result, self._shown(pending, result))

    def _do(self, pending: PendingEffect) -> str:
        effect, repository = pending.effect, pending.repository
        match effect:
            case PublishCheckRun():
                return self._publish(
                    pending,
                    effect.surface,
                    lambda known: self.hub.publish_check_run(repository, effect, known),
                )
            case PublishComment():
                if self._too_late(pending, effect):
                    return "not wanted any more"
                return self._publish(
                    pending, effect.surface, lambda known: self.hub.publish_comment(repository, effect, known)
                )
            case React():
                self.hub.react(repository, effect)
                return effect.content
            case ReportDeployment():
                self.hub.report_deployment(repository, effect)
                return effect.state
            case OpenIssue():
                return str(self.hub.open_issue(repository, effect))
            case StartStage():
                return self._start(pending, effect)
            case StopStage():
                return self._stop(pending, effect)
            case CollectReports():
                return self._collect(pending, effect)
            case CreateDeployment() | DispatchWorkflow() | Notify() | AnswerJob():
                raise AssertionError("these go through `release`, `_dispatch`, `_notify` and `Answering`")
            case _:
                assert_never(effect)

    def _shown(self, pending: PendingEffect, comment_id: str) -> tuple[InboxItem, ...]:
        """A question that is on the page is told to its run, once: only then can it be answered in a comment.

        So is the issue that follows an override up.
        """
        effect = pending.effect
        if isinstance(effect, OpenIssue):
            opened = FollowUpOpened(self.now(), effect.comment_id, int(comment_id))
            return (self._item(pending, opened, effect.key),)
        if not isinstance(effect, PublishComment) or not effect.surface.startswith("question:"):
            return ()
        environment, _, number = effect.surface.removeprefix("question:").rpartition(":")
        event = QuestionShown(self.now(), environment, int(number), int(comment_id))
        return (self._item(pending, event, effect.surface),)

    def _too_late(self, pending: PendingEffect, effect: PublishComment) -> bool:
        """Whether the question that a comment is about has ended before it could be written."""
        if not effect.surface.startswith(NUDGE):
            return False
        stored = self.store.run(pending.run_id)
        return stored is not None and too_late(stored.run, effect.surface)

    def _publish(self, pending: PendingEffect, surface: str, publish: Callable[[int | None], int]) -> str:
        known = self.store.known_object(pending.run_id, surface)
        found = publish(known)
        hit(f"{pending.effect.kind}.written")
        if found != known:
            self.store.remember_object(pending.run_id, surface, found)
        return str(found)

    def _unreachable(self, pending: PendingEffect, fault: HubUnavailable) -> None:
        """Nothing is known: tried again without end, when GitHub says or soon, and less often from then on."""
        if isinstance(pending.effect, CollectReports):
            at = self.now()
            self.store.put([obstacle_for(pending.run_id, pending.effect, "hub_unavailable", str(fault), at)])
        wait = RETRY if pending.in_doubt else FIRST_RETRY
        self._waiting.effect(pending, str(fault), fault.retry_at or self.now() + wait, "free")

    def failed(self, pending: PendingEffect, note: str, reason: StageReason) -> None:
        """A try came to nothing: tried again a bounded number of times, then set aside, and its run is told.

        `reason` is why a stage that never started is unknown.
        """
        last_words = self._last_words(pending, note, reason)
        self._waiting.effect(pending, note, next_try(self.now(), pending.attempts), "counted", last_words)

    def _last_words(self, pending: PendingEffect, note: str, reason: StageReason) -> tuple[InboxItem, ...]:
        """What the run hears if this effect is given up: only a stage is waited for."""
        effect = pending.effect
        if not isinstance(effect, StartStage | DispatchWorkflow | CollectReports):
            return ()
        collecting = isinstance(effect, CollectReports)
        what = "The reports could not be read" if collecting else "The stage could not be started"
        why = StageReason.REPORT_UNREADABLE if collecting else reason
        outcome = StageOutcome(StageVerdict.UNKNOWN, why, Evidence(), f"{what}: {note}"[:MAX_MESSAGE])
        event = StageEnded(self.now(), effect.stage, effect.attempt, outcome)
        return (self._item(pending, event, effect.key),)

    # --- stages -------------------------------------------------------------------------------------------

    def _start(self, pending: PendingEffect, effect: StartStage) -> str:
        """Starts the worker unless it already runs or nobody waits for it any more."""
        if self._child(pending.run_id, effect.stage, effect.attempt) is not None:
            return "running already"
        if not self._still_wanted(pending.run_id, effect):
            return "not wanted any more"
        checkout = None if effect.probes else self.hub.checkout(pending.repository)
        started = self.workers.start(pending.run_id, pending.repository, effect, checkout)
        if isinstance(started, StageOutcome):
            ended = StageEnded(self.now(), effect.stage, effect.attempt, started)
            self.store.put([self._item(pending, ended, effect.key)])
            return started.reason.value
        hit("start_stage.started")
        self.store.child_started(started)
        return str(started.pid)

    def _collect(self, pending: PendingEffect, effect: CollectReports) -> str:
        """Reads what a workflow run left, and ends the stage by it."""
        left = self.hub.artifacts(pending.repository, effect.workflow_run)
        outcome = self.workers.judge(pending.repository, effect, left)
        event = StageEnded(self.now(), effect.stage, effect.attempt, outcome)
        self.store.put([self._item(pending, event, effect.key)])
        return outcome.verdict.value

    def _still_wanted(self, run_id: str, effect: StartStage) -> bool:
        stored = self.store.run(run_id)
        stage = stored.run.stages.get(effect.stage) if stored else None
        return stage is not None and stage.attempt == effect.attempt and stage.status is StageStatus.RUNNING

    def _dispatch(self, pending: PendingEffect, effect: DispatchWorkflow) -> None:
        try:
            Dispatcher(self.store, self.hub, self.now, self.settling).perform(pending, effect)
        except HubUnavailable as fault:
            self._waiting.effect(
                pending, pending.note, fault.retry_at or self.now() + RETRY, "free", told=str(fault)
            )

    def _notify(self, pending: PendingEffect, effect: Notify) -> None:
        if self.channels is None:
            self.store.effect_done(pending, "there are no channels")
            return
        Notifier(self.store, self.channels, self.now).send(pending, effect)

    def _stop(self, pending: PendingEffect, effect: StopStage) -> str:
        child = self._child(pending.run_id, effect.stage, effect.attempt)
        if child is None:
            surface = f"{WORKFLOW_SURFACE}{effect.stage}:{effect.attempt}"
            run_id = self.store.known_object(pending.run_id, surface)
            if run_id is None:
                return "not running"
            self.hub.cancel_workflow_run(pending.repository, run_id)
            return f"cancelled workflow run {run_id}"
        self.workers.stop(child)
        self.store.child_ended(child)
        return "stopped"

    def _child(self, run_id: str, stage: str, attempt: int) -> Child | None:
        wanted = (run_id, stage, attempt)
        return next((c for c in self.store.children() if (c.run_id, c.stage, c.attempt) == wanted), None)

    # --- the release --------------------------------------------------------------------------------------

    def release(self, pending: PendingEffect, effect: CreateDeployment) -> bool:
        """Creates the deployment, or hands the release back. False: in doubt and not due, everything waits."""
        if pending.not_before > self.now():
            return False
        try:
            return self._resolve(pending, effect) if pending.in_doubt else self._create(pending, effect)
        except HubUnavailable as fault:
            self._unreachable(pending, fault)
            return False

    def _resolve(self, pending: PendingEffect, effect: CreateDeployment) -> bool:
        """An earlier try may have reached GitHub: only GitHub can say, twice where it says no (case 194)."""
        try:
            found = self.hub.find_deployment(pending.repository, effect)
        except HubRefused as fault:
            raise HubUnavailable(f"in doubt, and GitHub will not say: {fault}") from fault
        if found is not None:
            return self._released(pending, effect, found)
        if pending.note != LOOKED:  # what was sent may still be under way at GitHub
            self._waiting.effect(pending, LOOKED, self.now() + self.recording, "free")
            return False
        return self._return(pending, effect, "it did not reach GitHub")

    def _create(self, pending: PendingEffect, effect: CreateDeployment) -> bool:
        if self.now() - effect.judged_at > FRESH:
            return self._return(pending, effect, "the facts were no longer fresh")
        self.store.effect_started(pending)
        hit("create_deployment.before")
        try:
            created = self.hub.create_deployment(pending.repository, effect)
        except HubRefused as fault:
            return self._return(pending, effect, str(fault), REFUSED_RELEASE_RETRY)
        hit("create_deployment.after")
        return self._released(pending, effect, created)

    def _released(self, pending: PendingEffect, effect: CreateDeployment, deployment_id: int) -> bool:
        event = DeploymentCreated(self.now(), effect.environment, deployment_id, occasion=effect.occasion)
        self.store.effect_done(pending, str(deployment_id), [self._item(pending, event, effect.key)])
        return True

    def _return(
        self, pending: PendingEffect, effect: CreateDeployment, detail: str, after: timedelta = timedelta(0)
    ) -> bool:
        at, retry_at = self.now(), self.now() + after
        event = ReleaseReturned(at, effect.environment, retry_at, detail, occasion=effect.occasion)
        self.store.effect_done(pending, "returned", [self._item(pending, event, effect.key)])
        return True

    # --- telling the run ----------------------------------------------------------------------------------

    def _item(self, pending: PendingEffect, event: Event, key: str) -> InboxItem:
        return item_for(pending.run_id, event, f"{pending.run_id}:{event.kind}:{key}")


def next_try(now: datetime, attempts: int) -> datetime:
    """When to try again what has failed after `attempts` counted tries before."""
    return now + RETRY * (1 << min(attempts, MAX_DOUBLINGS))
