"""What people make of a plan: the values, the notes and the way back that the next version of it has.

Rules of the file: only what the gate file declares, within its bounds, at every ingress (case 159); a way back leads
to what was released and healthy in that environment, never to anything else; where nobody is asked nobody could say
yes to another plan, so there it stays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from gate_app.domain.commands import Command
from gate_app.domain.conditions import Conditions
from gate_app.domain.events import CommandGiven
from gate_app.domain.modification import Modification
from gate_app.domain.plan import plan_for
from gate_app.domain.policy import ApprovalMode, Environment, Policy
from gate_app.domain.rollback import SHOWN_TARGETS
from gate_app.domain.run import Gate, Run
from gate_app.domain.verdict import ReasonCode, VerdictState

MAX_MODIFICATIONS: Final = 50
"""Versions of one plan: each of them is shown and asked about."""


@dataclass(frozen=True, slots=True)
class Unplanned:
    """Why a plan stays as it is; `about` is the environment or parameter named, `choices` what would be taken."""

    code: ReasonCode
    about: str = ""
    choices: tuple[str, ...] = ()


def modified(
    run: Run, policy: Policy, command: Command, event: CommandGiven, conditions: Conditions
) -> Gate | Unplanned:
    """The gate with the next version of its plan, on the occasion that it is on."""
    meant = _meant(run, policy, command)
    if isinstance(meant, Unplanned):
        return meant
    gate, environment = meant
    if gate.release is not None or (gate.closing is not None and not is_denied(gate)):
        return Unplanned(ReasonCode.TOO_LATE, gate.environment)
    flaw = _flaw(environment, command)
    if flaw is not None:
        return flaw
    target = _target(run, command, environment, conditions)
    if isinstance(target, Unplanned):
        return target
    change = Modification(
        event.person, event.at, event.comment_id, dict(command.values), command.notes, target
    )
    changed = replace(gate, modifications=(*gate.modifications, change))
    if not is_denied(gate) and _same(run, environment, gate, changed):
        return Unplanned(ReasonCode.PARAMETERS_UNCHANGED, gate.environment)
    if len(gate.modifications) >= MAX_MODIFICATIONS:
        return Unplanned(ReasonCode.PARAMETERS_SPENT, gate.environment)
    return changed


def is_denied(gate: Gate) -> bool:
    """Whether somebody said no to the plan as it stands."""
    return gate.closing is not None and gate.closing.state is VerdictState.DENIED


def _meant(run: Run, policy: Policy, command: Command) -> tuple[Gate, Environment] | Unplanned:
    """The one gate that it speaks of: of values, one whose environment has parameters."""
    name = command.environment
    meant = [
        (run.gates[each.name], each)
        for each in policy.environments
        if each.name in run.gates
        and name in (None, each.name)
        and (not command.values or each.approval.parameters)
    ]
    if len(meant) > 1:
        return Unplanned(ReasonCode.ENVIRONMENT_AMBIGUOUS, "", tuple(each.name for _, each in meant))
    if not meant:
        elsewhere = ReasonCode.DEPLOYS_FROM_ELSEWHERE if name else ReasonCode.NOTHING_OPEN
        return Unplanned(ReasonCode.PARAMETER_UNKNOWN if command.values else elsewhere, name or "")
    return meant[0]


def _flaw(environment: Environment, command: Command) -> Unplanned | None:
    """What of the new plan the gate file does not allow."""
    if environment.approval.mode is ApprovalMode.NEVER:
        return Unplanned(ReasonCode.PLAN_UNASKED, environment.name)
    declared = environment.approval.parameters
    for name, value in command.values:
        parameter = next((each for each in declared if each.name == name), None)
        if parameter is None:
            return Unplanned(ReasonCode.PARAMETER_UNKNOWN, name, tuple(each.name for each in declared))
        if not parameter.accepts(value):
            return Unplanned(ReasonCode.PARAMETER_INVALID, name, (parameter.wanted,))
    return None


def _target(
    run: Run, command: Command, environment: Environment, conditions: Conditions
) -> str | Unplanned | None:
    """The whole SHA of the way back that was named; empty where it is taken back, None where none was named."""
    if not command.rollback:
        return command.rollback
    healthy = [
        each.sha
        for each in conditions.environment(environment.name).verified
        if not each.same_as(run.change.head)
    ]
    fitting = [sha for sha in healthy if sha.startswith(command.rollback)]
    if len(fitting) != 1:
        shown = tuple(sha[:12] for sha in healthy[:SHOWN_TARGETS])
        return Unplanned(ReasonCode.ROLLBACK_TARGET, environment.name, shown)
    return fitting[0]


def _same(run: Run, environment: Environment, before: Gate, after: Gate) -> bool:
    """Whether the plan says what it said, but for the number of its version."""
    old, new = (plan_for(run.with_gate(gate), environment) for gate in (before, after))
    return replace(new, version=old.version) == old
