"""The way back: to what an environment has run before and was healthy there, by hand or after a breach.

Rules of the file: only content that was released and healthy in that environment is gone back to; while a way back is
asked about or under way, it has the environment, so that no answer can mean both it and a release (case 83); whoever
asks for it does not approve it, while contributors may: it takes their work out, not in. Without asking it happens at
once, in the decision that opens its run, or not at all.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from gate_app.domain.commands import Command
from gate_app.domain.conditions import Conditions, EnvironmentFacts
from gate_app.domain.draft import RollbackProposal
from gate_app.domain.events import CommandGiven
from gate_app.domain.model import Content
from gate_app.domain.opening import rollback_subject
from gate_app.domain.policy import ApprovalMode, ApprovalPolicy, Environment, Policy
from gate_app.domain.run import Gate, Run
from gate_app.domain.verdict import ReasonCode

SHOWN_TARGETS: Final = 5
"""How many contents are named that an environment could go back to."""


def rollback_approval(environment: Environment) -> ApprovalPolicy:
    """Who answers for a way back: the lines of `rollback`, else those of a release; a person in any case."""
    lines = environment.rollback or environment.approval.lines
    return replace(environment.approval, lines=lines, mode=ApprovalMode.ALWAYS)


def by_rule(run: Run, gate: Gate, environment: Environment) -> bool:
    """Whether the policy goes back after a breach without asking: the one of the breach, and now or not at all.

    What a person asks for is always asked about.
    """
    rules, monitor = run.policy, environment.monitor
    if not run.by_rule or not isinstance(rules, Policy) or rules.blob_sha != run.by_rule:
        return False
    asked = bool(gate.requesters) or gate.question is not None
    return monitor is not None and monitor.on_breach == "rollback" and not asked


def asked_for(
    run: Run, command: Command, event: CommandGiven, conditions: Conditions
) -> tuple[EnvironmentFacts, RollbackProposal] | ReasonCode:
    """The environment, taken for the way back, and what has to be asked; or why nothing is."""
    name = command.environment or ""
    facts, gate = conditions.environment(name), run.gates.get(name)
    if gate is not None and gate.closing is None and gate.release is None:
        return ReasonCode.ALREADY_OPEN
    if facts.busy_with is not None:
        return ReasonCode.ROLLBACK_TOO_EARLY
    target = _target(facts, command.sha)
    if target is None or facts.running is None:
        return ReasonCode.ROLLBACK_TARGET
    holder = f"{rollback_subject(run.change.repository, name).key}:{event.comment_id}:{name}"
    proposal = RollbackProposal(name, target, command.reason, facts.running.sha, event.person, holder)
    return replace(facts, busy_with=holder), proposal


def targets(facts: EnvironmentFacts) -> tuple[Content, ...]:
    """What an environment can go back to: healthy there once, and not what runs there; the newest first."""
    now = facts.running
    return tuple(each for each in facts.verified if now is None or not each.same_as(now))


def way_back(facts: EnvironmentFacts) -> Content | None:
    """What is gone back to where nobody says otherwise: what the plan names, else what ran there before."""
    known = targets(facts)
    planned = (each for each in known if each.sha == facts.way_back)
    return next(planned, known[0] if known else None)


def _target(facts: EnvironmentFacts, sha: str | None) -> Content | None:
    """The named one, else the usual one."""
    if sha is None:
        return way_back(facts)
    fitting = [each for each in targets(facts) if each.sha.startswith(sha)]
    return fitting[0] if len(fitting) == 1 else None


def taken_back(gate: Gate | None, environment: str, run: Run, conditions: Conditions) -> bool:
    """Whether a way back is asked about or under way there: answers that name the environment are answers to it.

    After a breach the environment stays with the gate whose release failed, until its way back begins.
    """
    holder = conditions.environment(environment).busy_with or ""
    if holder.startswith(f"{rollback_subject(run.change.repository, environment).key}:"):
        return True
    failed = gate.release.failure if gate is not None and gate.release is not None else None
    return failed is ReasonCode.WATCH_BREACHED and holder == run.gate_id(environment)
