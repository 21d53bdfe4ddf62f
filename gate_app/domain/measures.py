"""Conditions of escalation rules over what test and coverage reports say: tests that failed or flake, lines covered.

Rules of the file: as in `triggers`, what cannot be told holds (invariant 4): a stage that reports and did not count,
an older environment that nobody measured, a report that was not read whole.
"""

from __future__ import annotations

from collections.abc import Iterator

from gate_app.domain.conditions import Conditions
from gate_app.domain.evidence import Coverage, Evidence, StageVerdict
from gate_app.domain.policy import Environment, EscalationRule
from gate_app.domain.run import Run
from gate_app.domain.triggers import Hit, reporting, tests_of


def of_measures(
    rule: EscalationRule, run: Run, environment: Environment, conditions: Conditions
) -> Iterator[Hit | None]:
    """What of the conditions of this room holds; None for each that does not."""
    if rule.skipped_over is not None:
        yield _of_skipped(rule.skipped_over, run, environment)
    if rule.flaky_over is not None:
        yield _of_flaky(rule.flaky_over, run, environment)
    if rule.failed_over is not None:
        yield _of_failed(rule.failed_over, run)
    if rule.removed_over is not None:
        yield _of_removed(rule.removed_over, run, environment, conditions)
    if rule.coverage_over is not None:
        yield _of_coverage(rule.coverage_over, run, environment, conditions)


def coverage_of(run: Run, environment: Environment) -> Coverage | None:
    """What the stages cover that a gate needs, together; None where none measures, or one of them did not."""
    names = set(environment.needs).intersection(reporting(run, "coverage"))
    outcomes = [run.stages[name].outcome if name in run.stages else None for name in names]
    found = [each.evidence.coverage for each in outcomes if each and each.verdict is StageVerdict.PASSED]
    measured = [each for each in found if each is not None]
    if not measured or len(measured) < len(names):
        return None
    return Coverage(sum(each.lines for each in measured), sum(each.covered for each in measured))


def _needed(run: Run, environment: Environment) -> list[Evidence]:
    """What the stages found that a gate needs and that have ended."""
    outcomes = (run.stages[name].outcome for name in environment.needs if name in run.stages)
    return [outcome.evidence for outcome in outcomes if outcome is not None]


def _of_skipped(over: int, run: Run, environment: Environment) -> Hit | None:
    evidence = _needed(run, environment)
    tests = [part.tests for part in evidence if part.tests is not None]
    skipped = sum(each.skipped for each in tests)
    told = bool(tests) and not any(part.truncated for part in evidence)
    said = f"{skipped} skipped" if told else "how many were skipped cannot be told"
    return Hit(f"skipped_tests: > {over}", said) if not told or skipped > over else None


def _of_flaky(over: int, run: Run, environment: Environment) -> Hit | None:
    evidence = _needed(run, environment)
    found = [part.tests.flaky for part in evidence if part.tests is not None]
    flaky = [count for count in found if count is not None]
    told = bool(flaky) and len(flaky) == len(found) and not any(part.truncated for part in evidence)
    said = f"{sum(flaky)} flaky" if told else "how many are flaky cannot be told"
    return Hit(f"flaky_tests: > {over}", said) if not told or sum(flaky) > over else None


def _of_failed(over: int, run: Run) -> Hit | None:
    """Over every stage that reports tests, needed or not: where a needed one has some, its gate is held anyway."""
    names = reporting(run, "junit")
    outcomes = [run.stages[name].outcome if name in run.stages else None for name in names]
    known = [each for each in outcomes if each is not None and each.verdict is not StageVerdict.UNKNOWN]
    tests = [each.evidence.tests for each in known if not each.evidence.truncated]
    counted = [each.failed + each.errors for each in tests if each is not None]
    told = bool(names) and len(counted) == len(names)
    said = f"{sum(counted)} failed" if told else "how many failed cannot be told"
    return Hit(f"failed_tests: > {over}", said) if not told or sum(counted) > over else None


def _of_removed(over: int, run: Run, environment: Environment, conditions: Conditions) -> Hit | None:
    before, now = conditions.environment(environment.name).tests, tests_of(run, environment)
    if before is None or now is None:
        return Hit(f"removed_tests: > {over}", "how many there were cannot be told")
    return Hit(f"removed_tests: > {over}", f"{before - now} fewer") if before - now > over else None


def _of_coverage(over: int, run: Run, environment: Environment, conditions: Conditions) -> Hit | None:
    """In points of percent, exactly: what runs there against what would."""
    condition = f"coverage_drop: > {over / 1000:g}"
    before, now = conditions.environment(environment.name).coverage, coverage_of(run, environment)
    if now is None:
        return Hit(condition, "how many lines are covered cannot be told")
    if before is None:
        return Hit(condition, f"{now.shown}, and what runs there was not measured")
    drop = before.share - now.share
    said = f"{now.shown}, and {before.shown} of what runs there"
    return Hit(condition, said) if drop * 100_000 > over else None
