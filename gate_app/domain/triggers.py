"""Conditions of escalation rules that turn on circumstances: what kind of change it is, when, by whom, how sure.

Rules of the file: each condition yields what it found, or None where it does not hold; what cannot be told holds
(invariant 4); a stage that has not ended yet is waited for by `undecided`, not judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from gate_app.domain.conditions import Conditions
from gate_app.domain.evidence import StageVerdict
from gate_app.domain.kinds import KINDS
from gate_app.domain.model import PersonKind, Unknown
from gate_app.domain.policy import Environment, EscalationRule, Policy
from gate_app.domain.run import Run, StageStatus
from gate_app.domain.shipping import Shipment


@dataclass(frozen=True, slots=True)
class Hit:
    """One condition of a rule that holds: as the gate file has it, and what was found."""

    condition: str
    found: str


def undecided(run: Run, environment: Environment) -> bool:
    """Whether a stage that a rule looks at has not ended yet: what fires now would ask to the end."""
    rules = environment.approval.escalate_when
    names = {name for rule in rules for name in rule.not_passed}
    if any(rule.looks_at_evidence for rule in rules):
        names |= set(environment.needs)
    if any(rule.failed_over is not None for rule in rules):
        names |= set(reporting(run, "junit"))
    stages = [run.stages.get(name) for name in names]
    return any(stage is not None and stage.status is not StageStatus.ENDED for stage in stages)


def reporting(run: Run, report: Literal["junit", "sarif", "coverage"]) -> tuple[str, ...]:
    """The stages before a deployment that leave a report of that kind, by name."""
    return run.policy.reporting(report) if isinstance(run.policy, Policy) else ()


def of_circumstances(
    rule: EscalationRule, run: Run, environment: Environment, conditions: Conditions, shipment: Shipment
) -> Iterator[Hit | None]:
    """What of the conditions of this room holds; None for each that does not."""
    if rule.changes:
        yield _of_kinds(rule, shipment)
    if rule.not_passed:
        yield _of_stages(rule, run)
    if rule.confidence_below is not None:
        yield _of_confidence(rule.confidence_below, shipment)
    if rule.outside is not None:
        within = conditions.at_work.get(rule.outside.shown, Unknown("not_read"))
        said = (
            "the calendar cannot be told"
            if isinstance(within, Unknown)
            else f"it is {conditions.now:%H:%M} UTC"
        )
        yield None if within is True else Hit(f"outside_hours: {rule.outside.shown}", said)
    if rule.author_is:
        yield _of_author(rule, run, environment, conditions)


def _of_author(
    rule: EscalationRule, run: Run, environment: Environment, conditions: Conditions
) -> Hit | None:
    """A bot, or somebody of whom nothing has been released and healthy there yet."""
    author = run.change.author
    if rule.author_is == "bot":
        fires = author.account is not PersonKind.USER
    else:
        fires = author.id not in conditions.environment(environment.name).authors
    return Hit(f"author_is: {rule.author_is}", author.login) if fires else None


def _of_kinds(rule: EscalationRule, shipment: Shipment) -> Hit | None:
    files = {found.globs: found.file for found in shipment.found}
    for kind in rule.changes:
        file = files.get(KINDS[kind])
        if file is not None:
            said = f"{file} changes" if file else "which files changed cannot be told"
            return Hit(f"changes: {kind}", said)
    return None


def _of_stages(rule: EscalationRule, run: Run) -> Hit | None:
    for name in rule.not_passed:
        stage = run.stages.get(name)
        verdict = stage.outcome.verdict if stage is not None and stage.outcome is not None else None
        if verdict is not StageVerdict.PASSED:
            said = "failed" if verdict is StageVerdict.FAILED else "came to no verdict"
            return Hit(f"not_passed: {name}", f"{name} {said}")
    return None


def tests_of(run: Run, environment: Environment) -> int | None:
    """How many tests the stages report that a gate needs; None where none does, or not all were read."""
    outcomes = [run.stages[name].outcome for name in environment.needs if name in run.stages]
    evidence = [outcome.evidence for outcome in outcomes if outcome is not None]
    counted = [part.tests.total for part in evidence if part.tests is not None]
    return sum(counted) if counted and not any(part.truncated for part in evidence) else None


def _of_confidence(below: int, shipment: Shipment) -> Hit | None:
    stated = shipment.confidence
    if stated is not None and stated >= below:
        return None
    said = "not every commit states one" if stated is None else f"{stated / 1000:g} stated"
    return Hit(f"confidence: < {below / 1000:g}", said)
