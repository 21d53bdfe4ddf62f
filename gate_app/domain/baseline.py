"""What is new: the findings of a change against those of what an environment runs today.

Rules of the file: compared by fingerprint, which survives moved lines; without a baseline (nothing of ours
runs there) everything is new, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gate_app.domain.conditions import Conditions
from gate_app.domain.evidence import Evidence, Finding, Severity
from gate_app.domain.policy import Policy
from gate_app.domain.run import Run, StageRole, StageRun


@dataclass(frozen=True, slots=True)
class Comparison:
    """Findings that the environment does not have, the number it has too, and how many of its are gone.

    `environment` is None when there is nothing to compare with; `fixed` is then 0.
    """

    environment: str | None
    new: tuple[Finding, ...]
    unchanged: int
    fixed: int


def compare(
    evidence: Iterable[Evidence], environment: str | None, baseline: tuple[str, ...] | None
) -> Comparison:
    """The findings of all that evidence together against one baseline."""
    findings = {found.fingerprint: found for part in evidence for found in part.findings}
    if baseline is None:
        return Comparison(None, tuple(findings.values()), 0, 0)
    known = frozenset(baseline)
    new = tuple(found for mark, found in findings.items() if mark not in known)
    return Comparison(environment, new, len(findings) - len(new), len(known - findings.keys()))


def findings_at_least(
    threshold: Severity, run: Run, stage: str, baseline: tuple[str, ...] | None
) -> tuple[Finding, ...]:
    """What a stage found at or above a severity that the baseline does not have; without one, all of it."""
    outcome = run.stages[stage].outcome if stage in run.stages else None
    found = outcome.evidence.findings if outcome is not None else ()
    known = frozenset(baseline or ())
    return tuple(
        finding
        for finding in found
        if finding.severity.at_least(threshold) and finding.fingerprint not in known
    )


def compared_stage(run: Run, stage: StageRun, conditions: Conditions) -> Comparison | None:
    """One stage against the first environment that needs it; None when it found nothing to compare.

    What is fixed is a matter of all stages together and is not said of one.
    """
    if stage.outcome is None or not stage.outcome.evidence.findings:
        return None
    name = first_needing(run, stage.stage)
    facts = conditions.environments.get(name) if name else None
    found = compare([stage.outcome.evidence], name, facts.baseline if facts else None)
    return Comparison(found.environment, found.new, found.unchanged, 0)


def first_needing(run: Run, stage: str) -> str | None:
    """The first environment of this run whose gate needs the stage."""
    if not isinstance(run.policy, Policy):
        return None
    named = (environment for environment in run.policy.environments if environment.name in run.gates)
    return next((environment.name for environment in named if stage in environment.needs), None)


def automated_evidence(run: Run) -> Mapping[str, Evidence]:
    """The evidence of every automated stage that ended, by stage."""
    return {
        key: stage.outcome.evidence
        for key, stage in run.stages.items()
        if stage.role is StageRole.AUTOMATED and stage.outcome is not None
    }
