"""Answering the jobs that GitHub holds: once, read back, and never for another attempt than the one decided on.

Rules of the file: what does not wait any more is answered already, or over; so a lost answer is no trouble. GitHub may
refuse an answer just after it told of the job, so a refusal is shown and tried again; an approval is not sent once it
would surprise. A report is never worth a second try.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from gate_app.domain.effects import AnswerJob
from gate_app.domain.events import StageEnded
from gate_app.domain.evidence import Evidence, StageOutcome, StageReason, StageVerdict
from gate_app.domain.run import StageStatus
from gate_app.engine.ports import Clock, Hub, PendingEffect, Store
from gate_app.engine.telling import item_for, obstacle_for
from gate_app.engine.waiting import Waiting
from gate_app.errors import HubRefused, HubUnavailable
from gate_app.failpoints import hit

RETRY: Final = timedelta(seconds=5)
LATEST_AGAIN: Final = timedelta(minutes=10)
WITHIN: Final = timedelta(hours=1)
"""How long after the decision an approval may still be told to GitHub."""
_NOT_YET: Final = 422
"""GitHub's answer while it does not know yet, or no longer, that the job waits (case 111)."""


@dataclass(frozen=True, slots=True)
class Answering:
    """Carries out `AnswerJob`."""

    store: Store
    hub: Hub
    now: Clock

    def perform(self, pending: PendingEffect, effect: AnswerJob) -> None:
        """Sends the answer, or sets the time of the next try."""
        if effect.answer == "approved" and not self._is_wanted(pending, effect):
            self.store.effect_done(pending, "not wanted any more")
            return
        if effect.answer == "approved" and self.now() - effect.judged_at > WITHIN:
            self._give_up(pending, effect)
            return
        self.store.effect_started(pending)
        hit("answer_job.before")
        try:
            said = self._answer(pending, effect)
        except HubUnavailable as fault:
            self._again(pending, effect, str(fault), fault)
            return
        except HubRefused as fault:
            self._refused(pending, effect, fault)
            return
        hit("answer_job.after")
        self.store.effect_done(pending, said)

    def _answer(self, pending: PendingEffect, effect: AnswerJob) -> str:
        seen = self.hub.held_run(pending.repository, effect.run_id)
        if seen.attempt != effect.run_attempt or effect.environment not in seen.environments:
            return "it does not wait any more"
        if effect.answer == "cancelled":
            self.hub.cancel_workflow_run(pending.repository, effect.run_id)
        else:
            self.hub.answer_job(pending.repository, effect)
        return effect.answer

    def _refused(self, pending: PendingEffect, effect: AnswerJob, fault: HubRefused) -> None:
        if effect.answer == "waiting" or fault.status == 404:
            self.store.effect_done(pending, f"not taken ({fault.status})")
            return
        if effect.stage:
            missing = "grant the App `deployments: write`, and enable it as a rule of this environment"
            late = "GitHub does not wait for this answer yet; it is tried again"
            why = (
                f"GitHub refused the answer ({fault.status}): {late if fault.status == _NOT_YET else missing}"
            )
            code = StageReason.JOB_NOT_ANSWERED.value
            self.store.put([obstacle_for(pending.run_id, effect, code, why, self.now())])
        self._again(pending, effect, str(fault), None)

    def _again(
        self, pending: PendingEffect, effect: AnswerJob, note: str, fault: HubUnavailable | None
    ) -> None:
        waited = self.now() - effect.judged_at
        soon = self.now() + min(max(waited, RETRY), LATEST_AGAIN)
        again = fault.retry_at if fault is not None and fault.retry_at is not None else soon
        Waiting(self.store, self.now).effect(pending, note, again, "free")

    def _give_up(self, pending: PendingEffect, effect: AnswerJob) -> None:
        said = "GitHub could not be told of the approval in time; run the workflow again."
        outcome = StageOutcome(StageVerdict.UNKNOWN, StageReason.TIMED_OUT, Evidence(), said)
        event = StageEnded(self.now(), effect.stage, effect.attempt, outcome)
        item = item_for(pending.run_id, event, f"{pending.run_id}:{event.kind}:{effect.key}")
        self.store.effect_done(pending, "given up", [item])

    def _is_wanted(self, pending: PendingEffect, effect: AnswerJob) -> bool:
        stored = self.store.run(pending.run_id)
        stage = stored.run.stages.get(effect.stage) if stored else None
        return stage is not None and stage.attempt == effect.attempt and stage.status is StageStatus.RUNNING
