"""What a delegation does for an answer, and how `/delegate` makes one and takes it back.

Rules of the file: whoever delegates fits an approver line now, and so does not need to be asked what they may; the
delegate is one of the `delegates` of the gate file; a delegation of somebody who answered themselves, or to whom the
change belongs, does nothing. An approval of theirs that is too old, or of something else, is no answer any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from gate_app.domain.commands import Command
from gate_app.domain.conditions import Conditions, EnvironmentFacts, Standing
from gate_app.domain.delegation import LONGEST, Delegation, end_of, made
from gate_app.domain.events import CommandGiven
from gate_app.domain.lines import fits_any
from gate_app.domain.model import Person, Unknown
from gate_app.domain.policy import ApprovalPolicy, Environment, Policy
from gate_app.domain.run import Answer, Gate
from gate_app.domain.verdict import ReasonCode


def seated(
    standing: Standing,
    answer: Answer,
    gate: Gate,
    policy: ApprovalPolicy,
    own: frozenset[int] | Unknown,
    conditions: Conditions,
) -> Standing | Unknown:
    """Somebody who answered, with those in whose place they may answer too; `own` are those whose change it is.

    Unknown where it turns on somebody of whom it cannot be told what they may.
    """
    delegations = [*_holding(answer, gate, policy, conditions)]
    if not delegations or fits_any(standing, policy.delegates, conditions) is not True:
        return standing
    places = [
        conditions.standings.get(each.by.id, Unknown("not_read"))
        for each in delegations
        if not isinstance(own, Unknown) and each.by.id not in own
    ]
    known = tuple(
        replace(place, answered_at=standing.answered_at) for place in places if isinstance(place, Standing)
    )
    if len(known) < len(places) and fits_any(standing, policy.lines, conditions) is not True:
        return Unknown("delegator_unknown")
    return replace(standing, instead_of=known)


def _holding(
    answer: Answer, gate: Gate, policy: ApprovalPolicy, conditions: Conditions
) -> Iterator[Delegation]:
    """Delegations that an answer rests on: in force, and of people who did not answer themselves."""
    answered = {
        each.person.id for each in gate.answers if _stands_beside(each, answer, policy, conditions.now)
    }
    for each in conditions.environment(gate.environment).delegations:
        if (
            each.to.id == answer.person.id
            and each.by.id not in answered
            and each.holds(answer.at, conditions.now)
        ):
            yield each


def _stands_beside(other: Answer, answer: Answer, policy: ApprovalPolicy, now: datetime) -> bool:
    """Whether another answer still says something about what this one answers."""
    if other.voided or other.kind == "denial":
        return not other.voided
    return not other.binding.changed(answer.binding) and not policy.outlived(other.at, now)


def delegate(
    policy: Policy, command: Command, event: CommandGiven, conditions: Conditions
) -> tuple[EnvironmentFacts, ...] | ReasonCode:
    """The environments after a `/delegate`, or why nothing changed."""
    given = dict(command.values)
    if not given:
        return _taken_back(policy, command, event, conditions)
    until = end_of(given["until"])
    if until is None or not event.at < until <= event.at + LONGEST:
        return ReasonCode.DELEGATION_DAY
    found = conditions.identities.get(given["login"])
    if not isinstance(found, int) or found == event.person.id:
        return ReasonCode.DELEGATE_UNKNOWN
    to, standing = Person(found, given["login"]), conditions.standings.get(event.person.id)
    able = [
        conditions.environment(each.name)
        for each in _meant(policy, command)
        if each.approval.delegates
        and isinstance(standing, Standing)
        and fits_any(standing, each.approval.lines, conditions) is True
    ]
    if not able:
        return ReasonCode.DELEGATION_UNAVAILABLE
    return tuple(
        replace(facts, delegations=made(facts.delegations, event.person, to, event.at, until))
        for facts in able
    )


def _meant(policy: Policy, command: Command) -> tuple[Environment, ...]:
    return tuple(each for each in policy.environments if command.environment in (None, each.name))


def _taken_back(
    policy: Policy, command: Command, event: CommandGiven, conditions: Conditions
) -> tuple[EnvironmentFacts, ...] | ReasonCode:
    every = [conditions.environment(each.name) for each in _meant(policy, command)]
    changed = tuple(
        replace(facts, delegations=made(facts.delegations, event.person, None, event.at, event.at))
        for facts in every
        if any(each.by.id == event.person.id and each.at <= event.at for each in facts.delegations)
    )
    return changed or ReasonCode.NOTHING_DELEGATED
