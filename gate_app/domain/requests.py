"""What moves a run rather than answers a question: `/deploy` asks anew, `/cancel` withdraws, `/retry` and GitHub's
"Re-run" on a check run of ours let a stage that came to no good end run again.

Rules of the file: whoever may write may request; whoever requests a deployment is a contributor of it and does
not approve it; a denial of this head stands (invariant 3); what passed never runs again, and what failed only so
often; nothing here opens a gate, it only lets it ask.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import Final

from gate_app.domain.commands import Command, parse
from gate_app.domain.conditions import Conditions, EnvironmentFacts, Standing
from gate_app.domain.delegating import delegate
from gate_app.domain.draft import RollbackProposal
from gate_app.domain.events import CommandGiven, Event, RerunRequested
from gate_app.domain.evidence import StageVerdict
from gate_app.domain.locking import move_lock
from gate_app.domain.model import Origin, Person, PersonKind, Purpose
from gate_app.domain.occasions import anew
from gate_app.domain.overriding import override, owed
from gate_app.domain.pauses import pause, withdraw
from gate_app.domain.planning import Unplanned, is_denied, modified
from gate_app.domain.policy import ChecksWork, Permission, Policy
from gate_app.domain.review import spoken
from gate_app.domain.rollback import SHOWN_TARGETS, asked_for, taken_back, targets
from gate_app.domain.run import Closing, Gate, Run, RunState, StageRole, StageRun, StageStatus
from gate_app.domain.verdict import ReasonCode, VerdictState
from gate_app.domain.waiving import waive

REQUESTS: Final = (
    "deploy", "modify", "cancel", "retry", "hold", "resume", "ask", "answer", "withdraw", "lock", "unlock",
    "rollback", "override", "waive", "delegate",
)  # fmt: skip
MAX_ATTEMPTS: Final = 10
"""Starts of one stage at one commit beyond which nobody may ask for another one."""


@dataclass(frozen=True, slots=True)
class Obeyed:
    """The run after the request, environments that it changed, and what other runs have to ask."""

    run: Run
    environments: tuple[EnvironmentFacts, ...] = ()
    proposals: tuple[RollbackProposal, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a request changed nothing; `about` is the environment, stage or parameter that it named, `choices` what it
    takes there.
    """

    code: ReasonCode
    about: str = ""
    choices: tuple[str, ...] = ()


def obey(run: Run, event: Event, conditions: Conditions) -> Obeyed | Refused | None:
    """What a request comes to; None for every other event."""
    if not isinstance(run.policy, Policy):
        return None
    if run.purpose is Purpose.ROLLBACK and not _takes_back(run, event):
        return None
    match event:
        case CommandGiven(person=Person(account=PersonKind.USER), via_app=False):
            return _commanded(run, run.policy, event, conditions)
        case RerunRequested(person=Person(account=PersonKind.USER)):
            return _rerun(run, run.policy, event, conditions)
        case _:
            return None


def _takes_back(run: Run, event: Event) -> bool:
    """Of all requests a rollback knows the withdrawal of an answer to it, by the name of its environment."""
    command = parse(event.line, list(run.gates)) if isinstance(event, CommandGiven) else None
    return isinstance(command, Command) and command.verb == "withdraw" and command.environment in run.gates


def _commanded(
    run: Run, policy: Policy, event: CommandGiven, conditions: Conditions
) -> Obeyed | Refused | None:
    command = parse(event.line, spoken(run))
    if not isinstance(command, Command) or command.verb not in REQUESTS:
        return None
    obstacle = _unread(event, conditions)
    if command.verb == "withdraw" and obstacle is None:  # everybody may take back what they said
        return _moved(withdraw(run, command, event), command)
    obstacle = obstacle or _obstacle(run, event.person, conditions)
    if obstacle is not None:
        return Refused(obstacle, command.environment or command.stage)
    match command.verb:
        case "retry":
            return _retry(run, policy, command.stage)
        case "cancel":
            return _cancel(run, event, conditions)
        case "modify":
            return _modify(run, policy, command, event, conditions)
        case "deploy":
            return _deploy(run, policy, command, event, conditions)
        case "rollback":
            return _rollback(run, command, event, conditions)
        case "delegate":
            delegated = delegate(policy, command, event, conditions)
            if isinstance(delegated, ReasonCode):
                return Refused(delegated, command.environment or "")
            return Obeyed(run, delegated)
        case "override":
            return _override(run, policy, command, event, conditions)
        case "waive":
            waived = waive(run, policy, command, event, conditions)
            return Refused(waived) if isinstance(waived, ReasonCode) else Obeyed(run, waived)
        case "lock" | "unlock":
            locked = move_lock(policy, command, event, conditions)
            if isinstance(locked, ReasonCode):
                return Refused(locked, command.environment or "", tuple(run.gates))
            return Obeyed(run, (locked,))
        case _:
            return _moved(pause(run, command, event, conditions), command)


def _moved(found: Run | ReasonCode, command: Command) -> Obeyed | Refused:
    return Obeyed(found) if isinstance(found, Run) else Refused(found, command.environment or "")


def _unread(event: CommandGiven, conditions: Conditions) -> ReasonCode | None:
    """Whether the comment may not read any more as it did."""
    body = conditions.comments.get(event.comment_id)
    if not isinstance(body, str):
        return ReasonCode.COMMENT_UNKNOWN
    return ReasonCode.COMMENT_CHANGED if body != event.body_sha256 else None


def _obstacle(run: Run, person: Person, conditions: Conditions) -> ReasonCode | None:
    """Grounds against any request of a person: what they may here, and whether anything is left to move."""
    standing = conditions.standings.get(person.id)
    if not isinstance(standing, Standing):
        return ReasonCode.STANDING_UNKNOWN
    if standing.permission < Permission.WRITE:
        return ReasonCode.NOT_PERMITTED
    return ReasonCode.TOO_LATE if run.state is not RunState.OPEN else None


def _rerun(run: Run, policy: Policy, event: RerunRequested, conditions: Conditions) -> Obeyed | Refused:
    """One stage, or every one that may run again; the check run of a gate is only shown again (case 50)."""
    kind, _, named = event.shown.partition(":")
    stage = named.partition(":")[0] if kind == "stage" else ""
    obstacle = _obstacle(run, event.person, conditions)
    if obstacle is not None:
        return Refused(obstacle, stage or event.shown)
    if not stage:
        names = [each.name for each in policy.automated()] if not event.shown else []
        return Obeyed(reduce(lambda so_far, name: _retried(so_far, policy, name), names, run))
    found = _retry(run, policy, stage)
    passed = isinstance(found, Refused) and found.code is ReasonCode.STAGE_NOT_FAILED
    return Obeyed(run) if passed else found


def _retried(run: Run, policy: Policy, name: str) -> Run:
    """The run with the stage started again, if that may be."""
    found = _retry(run, policy, name)
    return found.run if isinstance(found, Obeyed) else run


def _retry(run: Run, policy: Policy, name: str) -> Obeyed | Refused:
    """A stage of this head that failed or came to no verdict, while a gate may still wait for it."""
    if run.final:
        return Refused(ReasonCode.TOO_LATE, name)
    stage = run.stages.get(name)
    obstacle = _not_retried(stage, policy)
    if stage is None or obstacle is not None:
        return Refused(obstacle or ReasonCode.STAGE_NOT_FOUND, name)
    return Obeyed(run.with_stage(stage.anew()))


def _not_retried(stage: StageRun | None, policy: Policy) -> ReasonCode | None:
    """Why a stage does not run again."""
    if stage is None:
        return ReasonCode.STAGE_NOT_FOUND
    if stage.role is not StageRole.AUTOMATED:
        return ReasonCode.STAGE_OF_RELEASE
    if any(spec.name == stage.stage and isinstance(spec.work, ChecksWork) for spec in policy.stages):
        return ReasonCode.STAGE_OF_OTHERS
    ended = stage.outcome if stage.status is StageStatus.ENDED else None
    if ended is None or ended.verdict is StageVerdict.PASSED:
        return ReasonCode.STAGE_NOT_FAILED
    return ReasonCode.RETRIES_SPENT if stage.attempt >= MAX_ATTEMPTS else None


def _cancel(run: Run, event: CommandGiven, conditions: Conditions) -> Obeyed | Refused:
    """Closes every gate that is still open; a release that has begun goes on."""
    open_gates = [gate for gate in run.gates.values() if not gate.closing and not gate.release]
    if not open_gates:
        return Refused(ReasonCode.NOTHING_OPEN)
    for gate in open_gates:
        closing = Closing(VerdictState.CANCELLED, conditions.now, ReasonCode.CANCELLED, event.person)
        run = run.with_gate(replace(gate, closing=closing))
    return Obeyed(run)


def _rollback(run: Run, command: Command, event: CommandGiven, conditions: Conditions) -> Obeyed | Refused:
    """A run of its own asks; until that is decided nothing else is released there."""
    name = command.environment or ""
    found = asked_for(run, command, event, conditions)
    if isinstance(found, ReasonCode):
        healthy = targets(conditions.environment(name))[:SHOWN_TARGETS]
        return Refused(found, name, tuple(each.sha[:12] for each in healthy))
    facts, proposal = found
    return Obeyed(run, (facts,), (proposal,))


def _override(
    run: Run, policy: Policy, command: Command, event: CommandGiven, conditions: Conditions
) -> Obeyed | Refused:
    found = override(run, policy, command, event, conditions)
    if isinstance(found, ReasonCode):
        issues = owed(run, command.environment or "", conditions)
        return Refused(found, command.environment or "", tuple(str(number) for number in issues))
    gate, facts = found
    return Obeyed(run.with_gate(gate), (facts,))


def _deploy(
    run: Run, policy: Policy, command: Command, event: CommandGiven, conditions: Conditions
) -> Obeyed | Refused:
    name = command.environment or ""
    environment = policy.environment(name)
    if command.sha is not None and not run.change.head.sha.startswith(command.sha):
        return Refused(ReasonCode.SHA_MISMATCH, name)
    if environment is None or environment.origin not in (run.change.origin, Origin.COMMAND):
        return Refused(ReasonCode.DEPLOYS_FROM_ELSEWHERE, name)
    if taken_back(run.gates.get(name), name, run, conditions):
        return Refused(ReasonCode.ROLLBACK_PENDING, name)
    obstacle = _not_again(run.gates[name]) if name in run.gates else None
    if obstacle is not None:
        return Refused(obstacle, name)
    return Obeyed(run.with_gate(anew(run.gates.get(name, Gate(name)), event.person)))


def _modify(
    run: Run, policy: Policy, command: Command, event: CommandGiven, conditions: Conditions
) -> Obeyed | Refused:
    """Another version of the plan: what was answered about the last one is void, and who changed it contributed."""
    gate = modified(run, policy, command, event, conditions)
    if isinstance(gate, Unplanned):
        return Refused(gate.code, gate.about, gate.choices)
    return Obeyed(run.with_gate(anew(gate, event.person) if is_denied(gate) else gate))


def _not_again(gate: Gate) -> ReasonCode | None:
    """Why a gate that this run has cannot be asked about again."""
    if gate.release is not None:
        return ReasonCode.RELEASE_UNDER_WAY if gate.release.in_flight else None
    if gate.closing is None:
        return ReasonCode.ALREADY_OPEN
    return ReasonCode.DENIAL_STANDS if gate.closing.state is VerdictState.DENIED else None
