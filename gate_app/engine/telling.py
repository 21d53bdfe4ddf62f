"""What the engine itself tells a run."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from gate_app.domain.effects import AnswerJob, CollectReports, DispatchWorkflow
from gate_app.domain.events import Event, StageObstructed
from gate_app.domain.evidence import MAX_MESSAGE
from gate_app.domain.model import Subject
from gate_app.engine.ports import InboxItem, RunNoticed


def item_for(run_id: str, event: Event, meaning: str) -> InboxItem:
    """A fact of our own about a run, addressed to its subject."""
    subject, _, _ = run_id.rpartition(":")
    return InboxItem(Subject.parse(subject).key, RunNoticed(run_id, event), meaning)


def obstacle_for(
    run_id: str, effect: DispatchWorkflow | CollectReports | AnswerJob, code: str, why: str, at: datetime
) -> InboxItem:
    """What keeps a stage from getting on, told once for each reason."""
    event = StageObstructed(at, effect.stage, effect.attempt, code, why[:MAX_MESSAGE])
    said = sha256(f"{code}:{why}".encode()).hexdigest()[:16]
    return item_for(run_id, event, f"{run_id}:{event.kind}:{effect.key}:{said}")
