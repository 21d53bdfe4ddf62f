"""Commands that stop the clock or take an answer back: `/hold`, `/resume`, `/ask`, `/answer`, `/withdraw`.

Rules of the file: none of them opens a gate or counts as an answer; whoever may write may hold and ask; a hold is
lifted by who put it on, or by somebody who did not contribute; where nothing deploys from a pull request, a hold is
taken along to the commit that it becomes; an answer is withdrawn by who gave it, and only until
a release has begun.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from gate_app.domain.approvals import contributors
from gate_app.domain.commands import Command
from gate_app.domain.conditions import Conditions, Head
from gate_app.domain.events import CommandGiven
from gate_app.domain.model import Origin, Person, Unknown
from gate_app.domain.patience import Pause
from gate_app.domain.policy import Policy
from gate_app.domain.run import Answer, Gate, Run
from gate_app.domain.verdict import ReasonCode


def pause(run: Run, command: Command, event: CommandGiven, conditions: Conditions) -> Run | ReasonCode:
    """The run after a `/hold`, `/resume`, `/ask` or `/answer`, or why nothing changed."""
    match command.verb:
        case "hold" | "ask":
            return _begun(run, command, event, conditions)
        case "resume":
            return _resumed(run, event, conditions)
        case _:
            return _answered(run, command, event)


def withdraw(run: Run, command: Command, event: CommandGiven) -> Run | ReasonCode:
    """Takes back everything that a person answered or overrode, in one gate or in all that may still be released.

    A release that has begun goes on; one that turns out not to have happened is judged without the answer (case 75).
    """
    gates = [gate for gate in run.every_gate if command.environment in (None, gate.environment)]
    given = [gate for gate in gates if _answers_of(gate, event.person) or _overrode(gate, event.person)]
    open_gates = [gate for gate in given if gate.closing is None and _may_be_released(gate)]
    if not open_gates:
        return ReasonCode.TOO_LATE if given else ReasonCode.NOTHING_TO_WITHDRAW
    for gate in open_gates:
        answers = tuple(
            replace(each, voided="withdrawn") if each in _answers_of(gate, event.person) else each
            for each in gate.answers
        )
        override = None if _overrode(gate, event.person) else gate.override
        run = run.with_gate(replace(gate, answers=answers, override=override))
    return run


def _overrode(gate: Gate, person: Person) -> bool:
    return gate.override is not None and gate.override.by.id == person.id


def _may_be_released(gate: Gate) -> bool:
    return gate.release is None or gate.release.may_return


def _answers_of(gate: Gate, person: Person) -> tuple[Answer, ...]:
    return tuple(each for each in gate.answers if each.person.id == person.id and not each.voided)


def _begun(run: Run, command: Command, event: CommandGiven, conditions: Conditions) -> Run | ReasonCode:
    """Not once the pull request is closed: what it became may have its own run by now, which would not hear of it."""
    if isinstance(conditions.head, Head) and not conditions.head.open:
        return ReasonCode.TOO_LATE
    kind: Literal["hold", "ask"] = "hold" if command.verb == "hold" else "ask"
    undecided = any(gate.closing is None and gate.release is None for gate in run.gates.values())
    if not undecided and not (kind == "hold" and ships_later(run)):
        return ReasonCode.NOTHING_OPEN
    if kind == "hold" and any(each.by.id == event.person.id for each in run.holds):
        return ReasonCode.ALREADY_HELD
    begun = Pause(kind, event.person, event.at, command.reason, command.environment or "")
    return replace(run, pauses=(*run.pauses, begun))


def ships_later(run: Run) -> bool:
    """Whether something deploys what this pull request becomes once it is merged: its holds go along."""
    change = run.change
    merges = change.origin is Origin.PULL_REQUEST and change.default_branch in ("", change.base_ref)
    return merges and isinstance(run.policy, Policy) and bool(run.policy.gated_in(Origin.DEFAULT_BRANCH))


def _resumed(run: Run, event: CommandGiven, conditions: Conditions) -> Run | ReasonCode:
    """Every hold for who did not contribute; for everybody else their own."""
    if not run.holds:
        return ReasonCode.NOT_HELD
    people = contributors(run, conditions)
    touched = {each.id for gate in run.gates.values() for each in gate.requesters}
    touched |= {each.by.id for gate in run.gates.values() for each in gate.modifications}
    contributed = isinstance(people, Unknown) or event.person.id in people | touched
    lifted = [each for each in run.holds if not contributed or each.by.id == event.person.id]
    for each in lifted:
        run = _ended(run, each, event, "")
    return run if lifted else ReasonCode.HELD_BY_ANOTHER


def _answered(run: Run, command: Command, event: CommandGiven) -> Run | ReasonCode:
    """The newest question that is open is answered."""
    asked = next((each for each in reversed(run.pauses) if each.kind == "ask" and each.open), None)
    return ReasonCode.NOTHING_ASKED if asked is None else _ended(run, asked, event, command.reason)


def _ended(run: Run, pause: Pause, event: CommandGiven, text: str) -> Run:
    ended = replace(pause, ended_at=event.at, ended_by=event.person, answer=text)
    return replace(run, pauses=tuple(ended if each is pause else each for each in run.pauses))
