"""What the operator's channels are told: questions, reminders, who was asked instead, decisions.

Rules of the file: names, numbers and people alone; no title, reason, parameter or anything else that somebody typed,
because every service reads texts its own way; each is told once; what nobody was asked is no news, but an override is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gate_app.domain.draft import Draft
from gate_app.domain.effects import Notify, Topic
from gate_app.domain.model import Purpose
from gate_app.domain.policy import Policy
from gate_app.domain.run import Gate, Release, Run
from gate_app.domain.verdict import VerdictState

News = tuple[Topic, str, str]
"""A topic, which occasion of it, and what is said."""

_DECIDED: Final = {
    VerdictState.DENIED: "Denied",
    VerdictState.EXPIRED: "Nobody answered in time: denied",
    VerdictState.CANCELLED: "Cancelled",
}


def announce(before: Run, draft: Draft) -> None:
    """Tells every channel of the gate file that the operator has what this decision has brought."""
    run = draft.run
    channels = draft.conditions.channels if isinstance(run.policy, Policy) else ()
    for gate in run.gates.values() if channels else ():
        for topic, occasion, said in _news(before.gates.get(gate.environment), gate):
            for channel in channels:
                draft.effects.append(_message(run, gate, channel, topic, occasion, said))


def _news(before: Gate | None, gate: Gate) -> Iterator[News]:
    asked, known = gate.question, before.question if before is not None else None
    if asked is None:
        if gate.release is not None and gate.release.override is not None:
            yield from _decision(before, gate)
        return
    if known is None or asked.number > known.number:
        yield "question", f"question:{asked.number}", "A person is asked"
        known = None
    handed, reminded = (len(known.handed), known.reminded) if known is not None else (0, 0)
    if known is not None and len(asked.told) > len(known.told):
        yield "escalation", f"added:{asked.number}.{len(asked.told)}", "A rule asks more people"
    if len(asked.handed) > handed:
        yield "escalation", f"handed:{asked.number}.{len(asked.handed)}", "Nobody has answered: handed on"
    elif asked.reminded > reminded:
        yield "reminder", f"reminder:{asked.number}.{asked.reminded}", "Still waiting for an answer"
    yield from _decision(before, gate)


def _decision(before: Gate | None, gate: Gate) -> Iterator[News]:
    if gate.release is not None and (before is None or before.release is None):
        yield "decision", f"released:{gate.occasions}", _released(gate.release)
    if gate.closing is not None and (before is None or before.closing is None):
        said = _DECIDED.get(gate.closing.state)
        if said is not None and gate.question is not None:
            by = f" by {gate.closing.by.login}" if gate.closing.by is not None else ""
            yield "decision", f"closed:{gate.question.number}", f"{said}{by}"


def _released(release: Release) -> str:
    if release.override is not None:
        return f"Overridden by {release.override.by.login}"
    people = ", ".join(person.login for person in release.approved_by)
    return f"Approved by {people}" if people else "Released"


def _message(run: Run, gate: Gate, channel: str, topic: Topic, occasion: str, said: str) -> Notify:
    change = run.change
    name, head = change.repository.full_name, change.head.sha
    pull = change.conversation
    where = f"{name} #{pull}" if pull is not None else name
    back = run.purpose is Purpose.ROLLBACK
    doing = "roll back to" if back else "deploy"
    return Notify(
        channel=channel,
        topic=topic,
        occasion=f"{gate.environment}:{occasion}",
        title=f"{where}: {gate.environment}",
        text=f"{said}: {doing} {head[:12]} {'in' if back else 'to'} {gate.environment}, {where}.",
        page=f"{name}/pull/{pull}" if pull is not None else f"{name}/commit/{run.shown_sha}",
    )


def unheard(run: Run, channels: tuple[str, ...]) -> tuple[str, ...]:
    """The channels of the gate file that the operator does not have."""
    named = run.policy.notify if isinstance(run.policy, Policy) else ()
    return tuple(name for name in named if name not in channels)
