"""Dispatching a workflow, at most once: sent, or looked for where an earlier try may have been taken.

Rules of the file: GitHub has no way to ask "was this dispatch taken?", so a try in doubt is looked for twice, a
settling time apart, before it is sent again; what cannot be told apart waits for a person and is never sent again.
A refusal is certain: it is shown with its fix and tried again, ever more rarely.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gate_app.domain.effects import DispatchWorkflow
from gate_app.domain.events import StageEnded, WorkflowDispatched
from gate_app.domain.evidence import MAX_MESSAGE, Evidence, StageOutcome, StageReason, StageVerdict
from gate_app.domain.model import Unknown
from gate_app.domain.run import StageRole, StageStatus
from gate_app.domain.workflows import CLOCKS_APART, NOT_THERE, Sought, WorkflowSeen
from gate_app.engine.elsewhere import Elsewhere
from gate_app.engine.ports import Clock, Hub, InboxItem, PendingEffect, Store
from gate_app.engine.telling import item_for, obstacle_for
from gate_app.engine.waiting import Waiting
from gate_app.errors import HubRefused, HubUnavailable
from gate_app.failpoints import hit

SETTLING: Final = timedelta(seconds=30)
"""How long GitHub may take to show a run that it has accepted."""
RETRY: Final = timedelta(seconds=5)
SOONEST_AGAIN: Final = timedelta(seconds=30)
LATEST_AGAIN: Final = timedelta(minutes=30)
DEPLOY_WITHIN: Final = timedelta(hours=1)
"""How long after its approval a deployment may still be started; later it would surprise."""
LOOKED: Final = "looked for; not there yet"

_REFUSALS: Final[Mapping[int, tuple[StageReason, str]]] = {
    403: (StageReason.PERMISSION_MISSING, "grant the App `actions: write` and accept it for this account"),
    404: (
        StageReason.WORKFLOW_MISSING,
        "put the file into .github/workflows of the default branch, and grant the App `actions: write`",
    ),
    422: (
        StageReason.WORKFLOW_NOT_DISPATCHABLE,
        "it needs `on: workflow_dispatch` on that branch, with the inputs `sha` and `gate` when it deploys, and must "
        "not be disabled",
    ),
}


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Carries out `DispatchWorkflow`."""

    store: Store
    hub: Hub
    now: Clock
    settling: timedelta = SETTLING

    @property
    def _waiting(self) -> Waiting:
        return Waiting(self.store, self.now)

    def perform(self, pending: PendingEffect, effect: DispatchWorkflow) -> None:
        """Sends the dispatch, resolves one in doubt, or sets the time of the next try."""
        if pending.in_doubt:
            self._resolve(pending, effect)
        elif not self._is_wanted(pending, effect):
            self.store.effect_done(pending, "not wanted any more")
        elif self._is_too_late(effect):
            self._give_up(pending, effect, StageReason.TIMED_OUT, "It could not be started in time.")
        else:
            self._send(pending, effect)

    def _send(self, pending: PendingEffect, effect: DispatchWorkflow) -> None:
        self.store.effect_started(pending)
        hit("dispatch_workflow.before")
        try:
            seen = self.hub.dispatch_workflow(pending.repository, effect)
        except HubUnavailable as fault:
            if fault.retry_at is None:  # it may have been taken
                self._waiting.effect(pending, str(fault), self.now() + RETRY, "free")
            else:
                self._waiting.declined(pending, str(fault), fault.retry_at)
            return
        except HubRefused as fault:
            code, fix = _REFUSALS.get(fault.status, (StageReason.WORKFLOW_NOT_DISPATCHABLE, "see the log"))
            why = f"GitHub refused to start {effect.workflow} on {effect.branch} ({fault.status}): {fix}"
            self._refused(pending, effect, code, why)
            return
        hit("dispatch_workflow.after")
        self._taken(pending, effect, seen)

    def _taken(self, pending: PendingEffect, effect: DispatchWorkflow, seen: WorkflowSeen | None) -> None:
        at = self.now()
        event = (
            WorkflowDispatched(at, effect.stage, effect.attempt, seen.id, seen.link)
            if seen is not None
            else WorkflowDispatched(at, effect.stage, effect.attempt)
        )
        item = item_for(pending.run_id, event, f"{pending.run_id}:{event.kind}:{effect.key}")
        self.store.effect_done(pending, str(seen.id) if seen else "taken", [item])

    # --- in doubt -----------------------------------------------------------------------------------------

    def _resolve(self, pending: PendingEffect, effect: DispatchWorkflow) -> None:
        """Looks for the run. What is found at the first look may still be a rival's: it has to settle too."""
        found = Elsewhere(self.hub, self.store).dispatched(pending.repository, _sought(effect))
        if isinstance(found, Unknown) and found.code != NOT_THERE:
            self._obstructed(pending, effect, found)
        elif pending.note != LOOKED and not (isinstance(found, WorkflowSeen) and found.named):
            self._waiting.effect(pending, LOOKED, self.now() + self.settling, "free")
        elif isinstance(found, Unknown):
            self._waiting.declined(pending, "it was not taken", self.now())
        elif self._has_rivals(pending, effect, found):
            several = "several dispatches are in doubt, and the runs found cannot be told apart"
            self._obstructed(pending, effect, Unknown(StageReason.WORKFLOW_RUN_AMBIGUOUS.value, several))
        elif not self._is_wanted(pending, effect):
            self.hub.cancel_workflow_run(pending.repository, found.id)
            self.store.effect_done(pending, "found, and cancelled: not wanted any more")
        else:
            self._taken(pending, effect, found)

    def _has_rivals(self, pending: PendingEffect, effect: DispatchWorkflow, found: WorkflowSeen) -> bool:
        """Whether another dispatch in doubt may have become this run; a test's run is known by its commit."""
        if found.named or effect.role is not StageRole.DEPLOY:
            return False
        return self.store.doubtful_dispatches(pending.repository.id) > 1

    # --- what cannot be done now ---------------------------------------------------------------------------

    def _refused(self, pending: PendingEffect, effect: DispatchWorkflow, code: StageReason, why: str) -> None:
        """Certainly not taken: said at once, tried again later, given up when a deployment would come too late."""
        if self._is_too_late(effect):
            self._give_up(pending, effect, code, why)
            return
        self._waiting.declined(
            pending, why, self._again(effect), [self._obstacle(pending, effect, code.value, why)]
        )

    def _obstructed(self, pending: PendingEffect, effect: DispatchWorkflow, why: Unknown) -> None:
        """In doubt, and it cannot be found out now: never sent again before it is."""
        if why.code == StageReason.WORKFLOW_RUN_AMBIGUOUS and self._is_too_late(effect):
            self._give_up(pending, effect, StageReason.WORKFLOW_RUN_AMBIGUOUS, why.detail)
            return
        self.store.put([self._obstacle(pending, effect, why.code, why.detail)])
        self._waiting.effect(pending, pending.note, self._again(effect), "free", told=why.detail or why.code)

    def _obstacle(self, pending: PendingEffect, effect: DispatchWorkflow, code: str, why: str) -> InboxItem:
        return obstacle_for(pending.run_id, effect, code, why, self.now())

    def _give_up(self, pending: PendingEffect, effect: DispatchWorkflow, code: StageReason, why: str) -> None:
        outcome = StageOutcome(StageVerdict.UNKNOWN, code, Evidence(), why[:MAX_MESSAGE])
        event = StageEnded(self.now(), effect.stage, effect.attempt, outcome)
        item = item_for(pending.run_id, event, f"{pending.run_id}:{event.kind}:{effect.key}")
        self.store.effect_done(pending, "given up", [item])

    def _again(self, effect: DispatchWorkflow) -> datetime:
        """The longer it cannot be done, the longer until the next try."""
        waited = self.now() - effect.judged_at
        return self.now() + min(max(waited, SOONEST_AGAIN), LATEST_AGAIN)

    def _is_too_late(self, effect: DispatchWorkflow) -> bool:
        return effect.role is StageRole.DEPLOY and self.now() - effect.judged_at > DEPLOY_WITHIN

    def _is_wanted(self, pending: PendingEffect, effect: DispatchWorkflow) -> bool:
        stored = self.store.run(pending.run_id)
        stage = stored.run.stages.get(effect.stage) if stored else None
        return stage is not None and stage.attempt == effect.attempt and stage.status is StageStatus.RUNNING


def _sought(effect: DispatchWorkflow) -> Sought:
    testing = effect.role is not StageRole.DEPLOY
    return Sought(
        effect.workflow,
        effect.branch,
        effect.judged_at - CLOCKS_APART,
        mark=effect.inputs.get("gate", ""),
        sha=effect.sha if testing else "",
    )
