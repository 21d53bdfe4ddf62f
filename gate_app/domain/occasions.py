"""A gate that asks again: what carries over to the next occasion, and what does not."""

from __future__ import annotations

from gate_app.domain.model import Person
from gate_app.domain.run import Gate
from gate_app.domain.verdict import VerdictState


def anew(gate: Gate, *requesters: Person) -> Gate:
    """The gate on a new occasion: earlier answers do not carry over, its questions go on counting."""
    return Gate(
        gate.environment,
        occasions=gate.occasions,
        requested=gate.requested + 1,
        requesters=tuple(dict.fromkeys((*gate.requesters, *requesters))),
        asked=gate.question.number if gate.question else gate.asked,
        modifications=gate.modifications,
        escalated=gate.escalated,
        escalated_lines=gate.escalated_lines,
        denied=gate.closing if gate.closing and gate.closing.state is VerdictState.DENIED else gate.denied,
        held=gate.held,
        answered=gate.answered,
    )
