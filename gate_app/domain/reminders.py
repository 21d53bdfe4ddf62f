"""What an open question says besides itself: reminders, whom it is handed on to, whom a rule has added since.

Rules of the file: nothing here answers a question; each is one new short comment, said once and never edited, because
an edit notifies nobody, and what is due at one time is one comment; the clock is that of the question's patience,
inside working hours where there are any, and one that cannot be told rings for nobody (invariant 4).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from gate_app.domain import reminder_words
from gate_app.domain.draft import Draft
from gate_app.domain.effects import PublishComment
from gate_app.domain.model import Unknown
from gate_app.domain.patience import expiry, reached
from gate_app.domain.policy import Environment
from gate_app.domain.run import Answer, Gate, Question, Run
from gate_app.domain.verdict import ReasonCode, Verdict

NUDGE: Final = "nudge:"
"""How the surface of such a comment begins: `nudge:staging:1:reminder:2`."""
_CALENDAR_READ: Final = timedelta(days=1)
"""When to look again for a clock that rings later than the calendar was read."""


def remind(draft: Draft, environment: Environment, verdict: Verdict) -> None:
    """Says what is due about the open question of a gate, and remembers that it was said."""
    gate = draft.run.gates[environment.name]
    asked = gate.question
    if asked is None or not verdict.asks or any(pause.open for pause in draft.run.pauses):
        return
    steps, reminders = _due(draft, environment, asked)
    added = tuple(line for line in gate.escalated_lines if line not in asked.told)
    handed = environment.approval.escalate_to[len(asked.handed) : steps]
    since = replace(
        asked,
        reminded=max(reminders, asked.reminded),
        handed=(*asked.handed, *(draft.now for _ in handed)),
        told=(*asked.told, *added),
    )
    if since == asked:
        return
    draft.put_gate(replace(gate, question=since))
    words = reminder_words.Words(draft.run, environment, verdict, draft.conditions)
    if handed:
        _say(draft, environment, since, f"handed:{steps}", words.handed_on([step.line for step in handed]))
    elif since.reminded > asked.reminded:
        _say(draft, environment, since, f"reminder:{since.reminded}", words.reminder())
    if added and (said := words.added(added)):
        _say(draft, environment, since, f"added:{len(since.told)}", said)


def _due(draft: Draft, environment: Environment, asked: Question) -> tuple[int, int]:
    """How many steps of the ladder, and how many reminders, have come since the question was asked."""
    approval = environment.approval
    waits = ([step.after for step in approval.escalate_to], approval.remind_after)
    steps, reminders = (
        sum(1 for after in each if (at := _rings(draft, environment, asked, after)) and at <= draft.now)
        for each in waits
    )
    return steps, reminders


def _rings(draft: Draft, environment: Environment, asked: Question, after: timedelta) -> datetime | None:
    """When the clock of a question shows that much, as far as that is known."""
    if environment.approval.working_hours is None:
        return expiry(asked.asked_at, after, draft.run.pauses)
    spans = draft.conditions.working.get(environment.name, Unknown("not_read"))
    return None if isinstance(spans, Unknown) else reached(asked.asked_at, after, draft.run.pauses, spans)


def next_rings(draft: Draft, environment: Environment, verdict: Verdict) -> list[datetime]:
    """When the next reminder and the next step of an open question are due, and when its approvals become too old."""
    gate, approval = draft.run.gates[environment.name], environment.approval
    if gate.question is None:
        return []
    steps = [step.after for step in approval.escalate_to[len(gate.question.handed) :]]
    waits = [*steps[:1], *approval.remind_after[gate.question.reminded :][:1]]
    rings = [
        _rings(draft, environment, gate.question, after) or draft.now + _CALENDAR_READ for after in waits
    ]
    counting = {judged.answer for judged in verdict.answers if judged.counts}
    ends = [_ends(answer, environment) for answer in gate.answers if answer.key in counting]
    return [at for at in (*rings, *(end + timedelta(seconds=1) for end in ends if end)) if at > draft.now]


def _ends(answer: Answer, environment: Environment) -> datetime | None:
    """When an approval becomes too old to release anything."""
    lasts = environment.approval.approval_expires_after
    return answer.at + lasts if lasts is not None and answer.kind == "approval" else None


def _say(draft: Draft, environment: Environment, asked: Question, what: str, body: str) -> None:
    conversation = draft.run.change.conversation
    if conversation is None:
        return
    surface = f"{NUDGE}{environment.name}:{asked.number}:{what}"
    draft.effects.append(PublishComment(surface, f"{draft.run.id}:{surface}", conversation, body))


def too_late(run: Run, surface: str) -> bool:
    """Whether the question that such a comment is about has ended, or was asked anew, before it was said."""
    environment, number, *_ = surface.removeprefix(NUDGE).split(":")
    gate = run.gates.get(environment)
    if gate is None or gate.closing is not None or gate.release is not None or gate.question is None:
        return True
    return gate.question.number != int(number)


def asked_anew(gate: Gate, environment: Environment, verdict: Verdict) -> str:
    """The code of what has it asked again although nothing has changed: an approval became too old; else empty."""
    asked = gate.question
    expired = {each.answer for each in verdict.answers if each.code is ReasonCode.APPROVAL_EXPIRED}
    ends = [_ends(answer, environment) for answer in gate.answers if answer.key in expired]
    since = asked is not None and any(end is not None and end > asked.asked_at for end in ends)
    return ReasonCode.APPROVAL_EXPIRED.value if since else ""
