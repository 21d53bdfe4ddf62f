"""Which gate a command speaks of, and whether that gate was asking when the command was written.

Rules of the file: without an environment it is the only asking gate, else nothing happens and the choices
are listed; an answer older than the question it would answer never counts (case 9); a named SHA must be the
head on the card (cases 28, 29). A rollback asks beside the run that it follows, so its environment has to be
named. An override may release what nobody was asked about, so a denial of it needs no question.
"""

from __future__ import annotations

from dataclasses import dataclass

from gate_app.domain.buttons import Kind, pressed
from gate_app.domain.commands import Command
from gate_app.domain.events import ButtonPressed, CommandGiven
from gate_app.domain.model import Purpose
from gate_app.domain.proposals import REVIEWED
from gate_app.domain.review import under_review
from gate_app.domain.run import Gate, Question, Run, RunState
from gate_app.domain.verdict import ReasonCode


@dataclass(frozen=True, slots=True)
class Target:
    """The gate a command speaks of and the question it answers; None for the denial of an override before any."""

    gate: Gate
    question: Question | None


@dataclass(frozen=True, slots=True)
class NoTarget:
    """Why a command finds no gate to answer; `choices` are environments to name instead."""

    code: ReasonCode
    environment: str = ""
    choices: tuple[str, ...] = ()


def asking(run: Run) -> tuple[Gate, ...]:
    """The gates with an open question, in configured order."""
    if run.state is not RunState.OPEN:
        return ()
    return tuple(
        gate for gate in run.gates.values() if gate.question and not gate.closing and not gate.release
    )


def target_of(run: Run, command: Command, event: CommandGiven) -> Target | NoTarget:
    """The gate that an approval or denial answers, or why there is none."""
    gate = _named(run, command)
    if isinstance(gate, NoTarget):
        return gate
    if run.purpose is Purpose.ROLLBACK and command.environment is None:
        return NoTarget(ReasonCode.ENVIRONMENT_AMBIGUOUS, choices=(gate.environment,))
    if _too_late(run, gate, "denial" if command.verb == "deny" else "approval"):
        return NoTarget(ReasonCode.TOO_LATE, gate.environment)
    if not (_deniable(gate) if command.verb == "deny" else gate.question):
        return NoTarget(ReasonCode.NOT_ASKED_YET, gate.environment)
    if command.sha is not None and not run.change.head.sha.startswith(command.sha):
        return NoTarget(ReasonCode.SHA_MISMATCH, gate.environment)
    return Target(gate, gate.question)


def _too_late(run: Run, gate: Gate, answer: Kind) -> bool:
    """A denial still comes in time while a begun release may yet come back (invariant 3, case 75)."""
    if gate.closing or run.state is not RunState.OPEN:
        return True
    if gate.release is None:
        return False
    return answer == "approval" or not gate.release.may_return


@dataclass(frozen=True, slots=True)
class Pressed:
    """The open question that a press answers, and how."""

    gate: Gate
    question: Question
    answer: Kind


def target_of_press(run: Run, event: ButtonPressed) -> Pressed | NoTarget:
    """The question whose button was pressed, or why the press answers none (case 47)."""
    gate = run.gates.get(event.environment)
    if gate is None:
        return NoTarget(ReasonCode.ENVIRONMENT_UNKNOWN, event.environment, tuple(run.gates))
    if _too_late(run, gate, "approval"):
        if gate.question is None or _too_late(run, gate, "denial"):
            return NoTarget(ReasonCode.TOO_LATE, gate.environment)
        if pressed(run, gate.environment, gate.question, event.button) != "denial":
            return NoTarget(ReasonCode.TOO_LATE, gate.environment)
        return Pressed(gate, gate.question, "denial")
    if event.head_sha != run.shown_sha:
        return NoTarget(ReasonCode.SHA_MISMATCH, gate.environment)
    kind = pressed(run, gate.environment, gate.question, event.button) if gate.question else None
    if gate.question is None or kind is None:
        return NoTarget(ReasonCode.BINDING_CHANGED, gate.environment)
    return Pressed(gate, gate.question, kind)


def _deniable(gate: Gate) -> bool:
    """Whether there is something to deny: a question, or an override."""
    return gate.question is not None or gate.override is not None


def _denied_by(run: Run) -> tuple[Gate, ...]:
    """The gates that a denial still reaches."""
    return tuple(
        gate for gate in run.gates.values() if _deniable(gate) and not _too_late(run, gate, "denial")
    )


def _reread(run: Run) -> bool:
    """Whether a gate file that was looser is compared anew with the one in force: a no is heard meanwhile."""
    return run.proposal is not None and bool(run.proposal.looser)


def _named(run: Run, command: Command) -> Gate | NoTarget:
    if command.environment == REVIEWED:
        heard = under_review(run) is not None or (command.verb == "deny" and _reread(run))
        return (run.review if heard else None) or NoTarget(ReasonCode.POLICY_NOT_ASKED, REVIEWED)
    if command.environment is not None:
        gate = run.gates.get(command.environment)
        return gate or NoTarget(ReasonCode.ENVIRONMENT_UNKNOWN, command.environment, tuple(run.gates))
    open_gates = _denied_by(run) if command.verb == "deny" else asking(run)
    if len(open_gates) == 1:
        return open_gates[0]
    if open_gates:
        return NoTarget(
            ReasonCode.ENVIRONMENT_AMBIGUOUS, choices=tuple(gate.environment for gate in open_gates)
        )
    ended = tuple(name for name, gate in run.gates.items() if gate.closing or gate.release)
    code = ReasonCode.TOO_LATE if ended and len(ended) == len(run.gates) else ReasonCode.NOT_ASKED_YET
    return NoTarget(code, choices=tuple(run.gates))
