"""From how a command ended and what it reported to one outcome.

Rules of this file:

* With a report, the report decides: one that is missing, empty, unreadable or inconsistent makes the
  stage unknown whatever the exit code says, and so does a green report of a command that failed.
* Tests that could not start are unknown and name what is missing; tests that ran and failed are failed.
* Findings do not fail a scan. Whether they close a gate is the domain's to judge.
* A coverage report measures and judges nothing; one that cannot be read makes the stage unknown all the same.
* Without a report of tests or findings, how the command ended decides, and only 0 passes.
"""

from dataclasses import dataclass, replace
from pathlib import PurePath, PurePosixPath
from typing import Final

from gate_app.domain.evidence import (
    MAX_LOG_TAIL,
    MAX_MESSAGE,
    MAX_SUMMARY,
    Evidence,
    StageOutcome,
    StageReason,
    StageVerdict,
    TestCounts,
)
from gate_app.stages.collect import Collected, ReportFile
from gate_app.stages.command import COMMAND_NOT_FOUND, Ending
from gate_app.stages.plaintext import cut, plain_tail
from gate_app.stages.reports import Refusal, coverage, junit, sarif
from gate_app.stages.reports.missing import missing_module

_PYTEST_NO_TESTS: Final = 5
_FIRST_ABNORMAL_EXIT: Final = 126  # the shell could not run it, or a signal ended it
_ENDINGS: Final = {
    "command": (StageReason.COMMAND_SUCCEEDED, StageReason.COMMAND_FAILED),
    "workflow": (StageReason.WORKFLOW_SUCCEEDED, StageReason.WORKFLOW_FAILED),
}
"""Of what works without a report of tests or findings: that it passed, that it failed."""


@dataclass(frozen=True, slots=True)
class _Judgement:
    verdict: StageVerdict
    reason: StageReason
    summary: str
    detail: str = ""


def judge(
    ending: Ending,
    tests: Collected,
    scan: Collected,
    isolation: str,
    checkout: PurePath,
    measured: Collected = None,
) -> StageOutcome:
    """The outcome of a stage that ran one command in ``checkout``; ``measured`` are its coverage reports."""
    evidence = Evidence(
        duration_ms=ending.duration_ms,
        isolation=isolation,
        truncated=ending.dropped > 0,
        log_tail=plain_tail(ending.tail, MAX_LOG_TAIL),
        exit_code=ending.exit_code,
    )
    if ending.timed_out:
        late = f"The command was stopped after {ending.duration_ms // 1000} s."
        return outcome(_unknown(StageReason.TIMED_OUT, late), evidence)
    judgements = []
    if tests is None and scan is None:
        judgements.append(_of_exit_code(ending, evidence))
    if tests is not None:
        judgement, evidence = _of_tests(tests, ending, evidence)
        judgements.append(judgement)
    if scan is not None:
        judgement, evidence = _of_scan(scan, ending, evidence, checkout)
        judgements.append(judgement)
    if measured is not None:
        judgement, evidence = _of_coverage(measured, evidence)
        judgements.append(judgement)
    return outcome(_worst(judgements), evidence)


def outcome(judgement: _Judgement, evidence: Evidence) -> StageOutcome:
    """Puts words of bounded length around a judgement."""
    return StageOutcome(
        judgement.verdict,
        judgement.reason,
        replace(evidence, summary=cut(judgement.summary, MAX_SUMMARY)),
        cut(judgement.detail, MAX_MESSAGE),
    )


def refused(reason: StageReason, detail: str, evidence: Evidence | None = None) -> StageOutcome:
    """An unknown outcome for work that did not come as far as a judgement."""
    return outcome(_unknown(reason, detail), evidence or Evidence())


def _unknown(reason: StageReason, detail: str) -> _Judgement:
    return _Judgement(StageVerdict.UNKNOWN, reason, detail, detail)


def _worst(judgements: list[_Judgement]) -> _Judgement:
    """Failed before unknown before passed; the summaries of all are kept."""
    order = (StageVerdict.FAILED, StageVerdict.UNKNOWN, StageVerdict.PASSED)
    worst = min(judgements, key=lambda judgement: order.index(judgement.verdict))
    return replace(worst, summary="; ".join(judgement.summary for judgement in judgements))


# --- without a report --------------------------------------------------------------------------


def _of_exit_code(ending: Ending, evidence: Evidence) -> _Judgement:
    passed, failed = _ENDINGS[ending.by]
    if ending.exit_code == 0:
        return _Judgement(StageVerdict.PASSED, passed, f"The {ending.by} succeeded.")
    explained = _could_not_start(ending, evidence)
    if explained is not None:
        return explained
    said = f"The {ending.by} exited with {ending.exit_code}."
    return _Judgement(StageVerdict.FAILED, failed, said, said)


def _could_not_start(ending: Ending, evidence: Evidence) -> _Judgement | None:
    """Why work never began, read from the exit code and the output of a command that failed."""
    missing = missing_module(evidence.log_tail)
    if missing is not None:
        return _module_missing(missing)
    if ending.exit_code == COMMAND_NOT_FOUND:
        return _unknown(
            StageReason.COMMAND_NOT_FOUND, "A program of the command was not found; is it installed here?"
        )
    return None


def _module_missing(name: str) -> _Judgement:
    return _unknown(
        StageReason.MODULE_MISSING,
        f"Tests could not start: no module named {name}. Install it where the stage runs, "
        "or name another test command.",
    )


# --- test reports ------------------------------------------------------------------------------


def _of_tests(
    tests: tuple[ReportFile, ...] | Refusal, ending: Ending, evidence: Evidence
) -> tuple[_Judgement, Evidence]:
    if isinstance(tests, Refusal):
        return _no_test_report(tests, ending, evidence), evidence
    readings = []
    for file in tests:
        reading = junit.read(file.content)
        if isinstance(reading, Refusal):
            return _unknown(reading.reason, f"{reading.detail} ({file.name})"), _cut_short(reading, evidence)
        readings.append(reading)
    report = junit.merge(tuple(readings))
    evidence = replace(
        evidence,
        tests=report.counts,
        failures=report.failures,
        truncated=evidence.truncated or report.unlisted > 0,
    )
    return _of_counts(report, ending), evidence


def _no_test_report(refusal: Refusal, ending: Ending, evidence: Evidence) -> _Judgement:
    if refusal.reason is StageReason.REPORT_MISSING and ending.exit_code != 0:
        explained = _could_not_start(ending, evidence)
        if explained is not None:
            return explained
        if ending.exit_code == _PYTEST_NO_TESTS:
            return _unknown(StageReason.NO_TESTS, "No tests were found.")
        return _unknown(refusal.reason, f"{refusal.detail} It exited with {ending.exit_code}.")
    return _unknown(refusal.reason, refusal.detail)


def _of_counts(report: junit.JUnitReport, ending: Ending) -> _Judgement:
    counts = report.counts
    said = _said(counts)
    if report.broken and not counts.passed and len(report.unstarted) >= min(report.broken, 100):
        return _module_missing(report.unstarted[0])
    if report.broken:
        return _Judgement(StageVerdict.FAILED, StageReason.TESTS_FAILED, said, f"Tests failed: {said}.")
    if not counts.passed:
        nothing = "Every test was skipped." if counts.skipped else "No tests were found."
        return _unknown(StageReason.NO_TESTS, nothing)
    if ending.exit_code != 0:
        return _unknown(
            StageReason.REPORT_INCONSISTENT,
            f"The report says {said}, but the {ending.by} exited with {ending.exit_code}.",
        )
    return _Judgement(StageVerdict.PASSED, StageReason.TESTS_PASSED, said)


def _said(counts: TestCounts) -> str:
    parts = [f"{counts.passed} passed"]
    for number, word in ((counts.failed, "failed"), (counts.errors, "errors"), (counts.skipped, "skipped")):
        if number:
            parts.append(f"{number} {word}")
    return ", ".join(parts)


# --- scan reports ------------------------------------------------------------------------------


def _of_scan(
    scan: tuple[ReportFile, ...] | Refusal, ending: Ending, evidence: Evidence, checkout: PurePath
) -> tuple[_Judgement, Evidence]:
    if isinstance(scan, Refusal):
        return _no_scan_report(scan, ending, evidence), evidence
    readings = []
    for file in scan:
        reading = sarif.read(file.content, PurePosixPath(checkout))
        if isinstance(reading, Refusal):
            return _unknown(reading.reason, f"{reading.detail} ({file.name})"), _cut_short(reading, evidence)
        readings.append(reading)
    report = sarif.merge(tuple(readings))
    if isinstance(report, Refusal):
        return _unknown(report.reason, report.detail), _cut_short(report, evidence)
    evidence = replace(evidence, findings=report.findings)
    return _of_findings(report, ending, evidence), evidence


def _no_scan_report(refusal: Refusal, ending: Ending, evidence: Evidence) -> _Judgement:
    explained = _could_not_start(ending, evidence) if ending.exit_code != 0 else None
    if explained is not None and refusal.reason is StageReason.REPORT_MISSING:
        return replace(explained, detail=f"The scanner could not start. {explained.detail}")
    return _unknown(refusal.reason, refusal.detail)


def _of_findings(report: sarif.SarifReport, ending: Ending, evidence: Evidence) -> _Judgement:
    exit_code = ending.exit_code or 0
    if exit_code < 0 or exit_code >= _FIRST_ABNORMAL_EXIT or (exit_code and not report.findings):
        return _unknown(
            StageReason.REPORT_INCONSISTENT,
            f"The scan reports {len(report.findings)} findings, but the {ending.by} exited with {exit_code}.",
        )
    reason = StageReason.FINDINGS_REPORTED if report.findings else StageReason.SCAN_CLEAN
    return _Judgement(StageVerdict.PASSED, reason, _found(report, evidence), _aside(report))


def _found(report: sarif.SarifReport, evidence: Evidence) -> str:
    if not report.findings:
        return "no findings"
    counts = evidence.severities
    parts = [
        f"{number} {word}"
        for word, number in (
            ("critical", counts.critical),
            ("high", counts.high),
            ("medium", counts.medium),
            ("low", counts.low),
        )
        if number
    ]
    noun = "finding" if counts.total == 1 else "findings"
    return f"{counts.total} {noun}: {', '.join(parts)}"


def _aside(report: sarif.SarifReport) -> str:
    """What the report would have hidden or left out."""
    parts = []
    if report.suppressed:
        parts.append(f"{report.suppressed} of them are suppressed in the report and count all the same.")
    if report.excused:
        parts.append(f"{report.excused} remarks in the code (such as # nosec) silence the scanner.")
    if report.unread:
        parts.append(f"{report.unread} files could not be read by the scanner.")
    return " ".join(parts)


# --- coverage reports --------------------------------------------------------------------------


def _of_coverage(
    measured: tuple[ReportFile, ...] | Refusal, evidence: Evidence
) -> tuple[_Judgement, Evidence]:
    if isinstance(measured, Refusal):
        return _unknown(measured.reason, f"Coverage: {measured.detail}"), evidence
    readings = []
    for file in measured:
        reading = coverage.read(file.content)
        if isinstance(reading, Refusal):
            return _unknown(reading.reason, f"{reading.detail} ({file.name})"), _cut_short(reading, evidence)
        readings.append(reading)
    report = coverage.merge(tuple(readings))
    if isinstance(report, Refusal):
        return _unknown(report.reason, report.detail), _cut_short(report, evidence)
    found = report.coverage
    passed = _Judgement(StageVerdict.PASSED, StageReason.COMMAND_SUCCEEDED, found.shown)
    return passed, replace(evidence, coverage=found)


def _cut_short(refusal: Refusal, evidence: Evidence) -> Evidence:
    """Truncation is loud (case 171)."""
    return replace(evidence, truncated=evidence.truncated or refusal.reason is StageReason.REPORT_TOO_LARGE)
