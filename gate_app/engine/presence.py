"""Since when what people answered may be about something that was away meanwhile (cases 23, 27, 34).

Rules of the file: read only when an approval stands that may be older; what cannot be read is Unknown, and leaves the
head unknown.
"""

from __future__ import annotations

from datetime import datetime

from gate_app.domain.events import ButtonPressed, CommandGiven, Event, RerunRequested
from gate_app.domain.model import PersonKind, Unknown
from gate_app.domain.run import Run, oldest_approval, pressed_since
from gate_app.engine.elsewhere import or_unknown
from gate_app.engine.ports import Hub, LiveHead


def interrupted_at(hub: Hub, run: Run, event: Event, live: LiveHead) -> datetime | Unknown | None:
    """When the head was away, asked only if something has happened since the oldest approval (23, 34)."""
    approved_at = _oldest_answer(run, event)
    if approved_at is None or (live.touched_at is not None and live.touched_at <= approved_at):
        return None
    return or_unknown(lambda: hub.interrupted_at(run.change.repository, run.change.subject))


def since_kept(hub: Hub, run: Run) -> tuple[str, ...] | Unknown | None:
    """What happened to the pull request since the oldest approval that is kept; None where none is (27)."""
    undecided = [gate for gate in run.gates.values() if gate.turns_on_answers and gate.release is None]
    since = min((gate.kept.since for gate in undecided if gate.kept is not None), default=None)
    if since is None:
        return None
    return or_unknown(lambda: hub.happened_since(run.change.repository, run.change.subject, since))


def from_person(event: CommandGiven | ButtonPressed | RerunRequested) -> bool:
    """Whether a person did it themselves."""
    via_app = isinstance(event, CommandGiven) and event.via_app
    return event.person.account is PersonKind.USER and not via_app


def _oldest_answer(run: Run, event: Event) -> datetime | None:
    """When the oldest approval was given that the decision may turn on, one in the event included."""
    given = [oldest_approval(run)]
    if isinstance(event, CommandGiven) and from_person(event):
        given.append(event.at)
    elif isinstance(event, ButtonPressed) and from_person(event) and event.environment in run.gates:
        given.append(pressed_since(run.gates[event.environment], event.at))
    return min((at for at in given if at is not None), default=None)
