"""The escalation ladder: who may answer a question by now, because others have not.

Rules of the file: a step hands the question to more people and is never an answer itself; it widens the lines of
the environment, not those that a rule of `escalate_when` adds, which are asked because of what they know; what somebody
approved before it was their turn does not count later by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from gate_app.domain.policy import ApprovalPolicy, ApproverLine, Environment, StandIn
from gate_app.domain.run import Gate

StandIns = tuple[StandIn, ...]


def in_hand(gate: Gate, environment: Environment) -> Environment:
    """The environment with the people to whom the open question of the gate was handed on."""
    handed = gate.question.handed if gate.question is not None else ()
    steps = zip(environment.approval.escalate_to, handed, strict=False)
    stand_ins = tuple(StandIn(step.line, at) for step, at in steps)
    if not stand_ins:
        return environment

    def widened(lines: tuple[ApproverLine, ...]) -> tuple[ApproverLine, ...]:
        return tuple(_everywhere(line, lambda _: stand_ins) for line in lines)

    approval = replace(environment.approval, lines=widened(environment.approval.lines))
    return replace(environment, approval=approval, rollback=widened(environment.rollback))


def as_of(policy: ApprovalPolicy, at: datetime) -> ApprovalPolicy:
    """The policy with those stand-ins alone whose turn it was at that moment."""

    def turn(stand_ins: StandIns) -> StandIns:
        return tuple(each for each in stand_ins if each.holds_at(at))

    return replace(policy, lines=tuple(_everywhere(line, turn) for line in policy.lines))


def _everywhere(line: ApproverLine, changed: Callable[[StandIns], StandIns]) -> ApproverLine:
    """A line with other stand-ins, in all its parts."""
    return replace(
        line,
        stand_ins=() if line.parts else changed(line.stand_ins),
        any_of=tuple(_everywhere(part, changed) for part in line.any_of),
        all_of=tuple(_everywhere(part, changed) for part in line.all_of),
    )
