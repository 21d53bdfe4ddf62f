"""`/waive`: who may, for how long, and what a waiver changes.

Rules of the file: approvers of an environment who did not contribute waive for that environment; a waiver takes a
finding out of what fails a stage, and out of nothing else: rules of `escalate_when` see it, and it does not become part
of what the environment is known to have, so that it fails again once the waiver is over.
"""

from __future__ import annotations

from dataclasses import replace

from gate_app.domain.approvals import owners_of_change
from gate_app.domain.commands import Command
from gate_app.domain.conditions import Conditions, EnvironmentFacts, Standing
from gate_app.domain.events import CommandGiven
from gate_app.domain.evidence import Finding
from gate_app.domain.lines import fits_any
from gate_app.domain.model import Purpose, Unknown
from gate_app.domain.policy import ApprovalPolicy, Policy
from gate_app.domain.run import Run, StageRole
from gate_app.domain.verdict import ReasonCode
from gate_app.domain.waivers import LONGEST, MOST, Waiver


def waived(facts: EnvironmentFacts, conditions: Conditions) -> frozenset[str]:
    """The fingerprints of the findings that do not hold an environment now."""
    return frozenset(each.fingerprint for each in facts.waivers if each.holds(conditions.now))


def found_by(run: Run) -> tuple[Finding, ...]:
    """Every finding of the stages that ran before any deployment."""
    outcomes = (each.outcome for each in run.stages.values() if each.role is StageRole.AUTOMATED)
    return tuple(finding for outcome in outcomes if outcome for finding in outcome.evidence.findings)


def waive(
    run: Run, policy: Policy, command: Command, event: CommandGiven, conditions: Conditions
) -> tuple[EnvironmentFacts, ...] | ReasonCode:
    """The environments for which the finding is waived, or why it is for none."""
    meant = {each.fingerprint: each for each in found_by(run) if each.fingerprint.startswith(command.finding)}
    if len(meant) != 1 or run.purpose is Purpose.ROLLBACK:
        return ReasonCode.FINDING_NOT_FOUND
    if command.until is None or not event.at < command.until <= event.at + LONGEST:
        return ReasonCode.WAIVER_TIME
    names = [name for name in run.gates if _may_approve(name, policy, event, conditions)]
    whose = [_own(run, name, policy, event, conditions) for name in names]
    names = [name for name, own in zip(names, whose, strict=True) if own is None]
    if not names:
        return next((own for own in whose if own is not None), ReasonCode.NOT_AN_APPROVER)
    finding = next(iter(meant.values()))
    what = f"{finding.rule} in {finding.path or '?'}"[:200]
    given = Waiver(finding.fingerprint, event.person, event.at, command.until, command.reason, what)
    facts = tuple(_with(conditions.environment(name), given, conditions) for name in names)
    if any(len(each.waivers) > MOST for each in facts):
        return ReasonCode.WAIVERS_SPENT
    return facts


def _own(
    run: Run, name: str, policy: Policy, event: CommandGiven, conditions: Conditions
) -> ReasonCode | None:
    """Whether it is their own change that somebody would wave through there, or may be."""
    environment = policy.environment(name)
    approval = environment.approval if environment is not None else ApprovalPolicy()
    people = owners_of_change(run, run.gates[name], approval, conditions)
    if isinstance(people, Unknown):
        return ReasonCode.CONTRIBUTORS_UNKNOWN
    return ReasonCode.SELF_APPROVAL if event.person.id in people else None


def _may_approve(name: str, policy: Policy, event: CommandGiven, conditions: Conditions) -> bool:
    environment, standing = policy.environment(name), conditions.standings.get(event.person.id)
    lines = environment.approval.lines if environment is not None else ()
    return isinstance(standing, Standing) and fits_any(standing, lines, conditions) is True


def _with(facts: EnvironmentFacts, given: Waiver, conditions: Conditions) -> EnvironmentFacts:
    """Those that are over go; the newest of a finding takes the place of earlier ones."""
    kept = (
        each for each in facts.waivers if each.holds(conditions.now) and each.fingerprint != given.fingerprint
    )
    return replace(facts, waivers=(given, *kept))
