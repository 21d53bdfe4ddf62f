"""What the engine itself tells a run."""

from __future__ import annotations

from gate_app.domain.events import Event
from gate_app.domain.model import Subject
from gate_app.engine.ports import InboxItem, RunNoticed


def item_for(run_id: str, event: Event, meaning: str) -> InboxItem:
    """A fact of our own about a run, addressed to its subject."""
    subject, _, _ = run_id.rpartition(":")
    return InboxItem(Subject.parse(subject).key, RunNoticed(run_id, event), meaning)
