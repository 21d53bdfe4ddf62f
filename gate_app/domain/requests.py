"""Commands that move a run rather than answer a question: `/deploy` asks anew, `/cancel` withdraws.

Rules of the file: whoever may write may request; whoever requests a deployment is a contributor of it and does
not approve it; a denial of this head stands (invariant 3); nothing here opens a gate, it only lets it ask.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gate_app.domain.commands import Command, parse
from gate_app.domain.conditions import Conditions, Standing
from gate_app.domain.events import CommandGiven, Event
from gate_app.domain.model import Origin, PersonKind, Purpose
from gate_app.domain.policy import Environment, Permission, Policy
from gate_app.domain.run import Closing, Gate, Run, RunState
from gate_app.domain.verdict import ReasonCode, VerdictState


@dataclass(frozen=True, slots=True)
class Obeyed:
    """The run after the request."""

    run: Run


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a request changed nothing."""

    code: ReasonCode
    environment: str = ""


def obey(run: Run, event: Event, conditions: Conditions) -> Obeyed | Refused | None:
    """What a `/deploy` or `/cancel` comes to; None for every other event."""
    if not isinstance(event, CommandGiven) or not isinstance(run.policy, Policy):
        return None
    if event.person.account is not PersonKind.USER or event.via_app or run.purpose is Purpose.ROLLBACK:
        return None
    command = parse(event.line, [environment.name for environment in run.policy.environments])
    if not isinstance(command, Command) or command.verb not in ("deploy", "cancel"):
        return None
    obstacle = _obstacle(run, event, conditions)
    if obstacle is not None:
        return Refused(obstacle, command.environment or "")
    environment = run.policy.environment(command.environment or "")
    return _deploy(run, environment, command, event) if environment else _cancel(run, event, conditions)


def _obstacle(run: Run, event: CommandGiven, conditions: Conditions) -> ReasonCode | None:
    """Grounds against any request: the comment as it reads now, and what its author may here."""
    body = conditions.comments.get(event.comment_id)
    if not isinstance(body, str):
        return ReasonCode.COMMENT_UNKNOWN
    if body != event.body_sha256:
        return ReasonCode.COMMENT_CHANGED
    standing = conditions.standings.get(event.person.id)
    if not isinstance(standing, Standing):
        return ReasonCode.STANDING_UNKNOWN
    if standing.permission < Permission.WRITE:
        return ReasonCode.NOT_PERMITTED
    return ReasonCode.TOO_LATE if run.state is not RunState.OPEN else None


def _cancel(run: Run, event: CommandGiven, conditions: Conditions) -> Obeyed | Refused:
    """Closes every gate that is still open; a release that has begun goes on."""
    open_gates = [gate for gate in run.gates.values() if not gate.closing and not gate.release]
    if not open_gates:
        return Refused(ReasonCode.NOTHING_OPEN)
    for gate in open_gates:
        closing = Closing(VerdictState.CANCELLED, conditions.now, ReasonCode.CANCELLED, event.person)
        run = run.with_gate(replace(gate, closing=closing))
    return Obeyed(run)


def _deploy(run: Run, environment: Environment, command: Command, event: CommandGiven) -> Obeyed | Refused:
    name = environment.name
    if command.sha is not None and not run.change.head.sha.startswith(command.sha):
        return Refused(ReasonCode.SHA_MISMATCH, name)
    if environment.origin not in (run.change.origin, Origin.COMMAND):
        return Refused(ReasonCode.DEPLOYS_FROM_ELSEWHERE, name)
    obstacle = _not_again(run.gates[name]) if name in run.gates else None
    if obstacle is not None:
        return Refused(obstacle, name)
    return Obeyed(run.with_gate(_anew(run.gates.get(name, Gate(name)), event)))


def _not_again(gate: Gate) -> ReasonCode | None:
    """Why a gate that this run has cannot be asked about again."""
    if gate.release is not None:
        return ReasonCode.RELEASE_UNDER_WAY if gate.release.in_flight else None
    if gate.closing is None:
        return ReasonCode.ALREADY_OPEN
    return ReasonCode.DENIAL_STANDS if gate.closing.state is VerdictState.DENIED else None


def _anew(gate: Gate, event: CommandGiven) -> Gate:
    """The gate on a new occasion: earlier answers do not carry over, its questions go on counting."""
    return Gate(
        gate.environment,
        occasions=gate.occasions,
        requested=gate.requested + 1,
        requesters=tuple(dict.fromkeys((*gate.requesters, event.person))),
        asked=gate.question.number if gate.question else gate.asked,
    )
