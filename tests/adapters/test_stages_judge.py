"""The verdict over how a command ended and what it reported."""

from pathlib import PurePosixPath

import pytest
from support.stages import result, sarif

from gate_app.domain.evidence import Coverage, StageReason, StageVerdict, TestCounts
from gate_app.stages.collect import ReportFile
from gate_app.stages.command import Ending
from gate_app.stages.judge import judge
from gate_app.stages.reports import Refusal

CHECKOUT = PurePosixPath("/checkout")
PASSED, FAILED, UNKNOWN = StageVerdict.PASSED, StageVerdict.FAILED, StageVerdict.UNKNOWN
MISSING = Refusal(StageReason.REPORT_MISSING, "No report.")


def ending(exit_code: int | None, output: str = "") -> Ending:
    return Ending(exit_code, output.encode(), 0, 1_000)


def junit(cases: str) -> tuple[ReportFile, ...]:
    return (ReportFile("reports/junit.xml", f"<testsuite>{cases}</testsuite>".encode()),)


def scan(content: bytes) -> tuple[ReportFile, ...]:
    return (ReportFile("reports/scan.sarif", content),)


GREEN = junit('<testcase name="a"/>')
RED = junit('<testcase name="a"/><testcase name="b"><failure/></testcase>')
UNSTARTED = junit("<testcase name=\"a\"><error>No module named 'flask'</error></testcase>")
MIXED = junit(
    "<testcase name=\"a\"><error>No module named 'flask'</error></testcase>"
    '<testcase name="b"><error>SyntaxError</error></testcase>'
)
PARTLY = junit('<testcase name="a"/><testcase name="b"><error>No module named \'flask\'</error></testcase>')


@pytest.mark.parametrize(
    ("ended", "verdict", "reason"),
    [
        pytest.param(ending(0), PASSED, StageReason.COMMAND_SUCCEEDED, id="exit 0 passes"),
        pytest.param(ending(1), FAILED, StageReason.COMMAND_FAILED, id="exit 1 fails"),
        pytest.param(ending(-9), FAILED, StageReason.COMMAND_FAILED, id="killed fails"),
        pytest.param(ending(None), UNKNOWN, StageReason.TIMED_OUT, id="its time was over"),
        pytest.param(
            ending(127, "sh: jest: not found"), UNKNOWN, StageReason.COMMAND_NOT_FOUND, id="no program"
        ),
        pytest.param(
            ending(1, "/usr/bin/python: No module named pytest"),
            UNKNOWN,
            StageReason.MODULE_MISSING,
            id="Python",
        ),
        pytest.param(
            ending(1, "Error: Cannot find module 'x'"), UNKNOWN, StageReason.MODULE_MISSING, id="Node"
        ),
        pytest.param(
            ending(1, "main.go:3:8: no required module provides package github.com/a/b; to add it:"),
            UNKNOWN,
            StageReason.MODULE_MISSING,
            id="Go",
        ),
        pytest.param(
            ending(101, "error: no matching package named `serde` found"),
            UNKNOWN,
            StageReason.MODULE_MISSING,
            id="cargo",
        ),
    ],
)
def test_without_a_report_the_exit_code_decides(ended, verdict, reason):
    outcome = judge(ended, None, None, "process", CHECKOUT)
    assert (outcome.verdict, outcome.reason) == (verdict, reason)


@pytest.mark.parametrize(
    ("tests", "ended", "verdict", "reason"),
    [
        pytest.param(GREEN, ending(0), PASSED, StageReason.TESTS_PASSED, id="green"),
        pytest.param(RED, ending(1), FAILED, StageReason.TESTS_FAILED, id="red"),
        pytest.param(RED, ending(0), FAILED, StageReason.TESTS_FAILED, id="red, hidden by the exit code"),
        pytest.param(GREEN, ending(1), UNKNOWN, StageReason.REPORT_INCONSISTENT, id="green, but it failed"),
        pytest.param(GREEN, ending(None), UNKNOWN, StageReason.TIMED_OUT, id="green, but out of time"),
        pytest.param(MISSING, ending(0), UNKNOWN, StageReason.REPORT_MISSING, id="no report, exit 0"),
        pytest.param(MISSING, ending(3), UNKNOWN, StageReason.REPORT_MISSING, id="no report, exit 3"),
        pytest.param(MISSING, ending(5), UNKNOWN, StageReason.NO_TESTS, id="no report, pytest's exit 5"),
        pytest.param(
            MISSING, ending(4, "No module named 'x'"), UNKNOWN, StageReason.MODULE_MISSING, id="never began"
        ),
        pytest.param(MISSING, ending(127), UNKNOWN, StageReason.COMMAND_NOT_FOUND, id="no program"),
        pytest.param(
            MISSING, ending(0, "No module named 'x'"), UNKNOWN, StageReason.REPORT_MISSING, id="only words"
        ),
        pytest.param(junit(""), ending(5), UNKNOWN, StageReason.NO_TESTS, id="no case"),
        pytest.param(
            junit('<testcase name="a"><skipped/></testcase>'),
            ending(0),
            UNKNOWN,
            StageReason.NO_TESTS,
            id="skipped",
        ),
        pytest.param(UNSTARTED, ending(2), UNKNOWN, StageReason.MODULE_MISSING, id="nothing started"),
        pytest.param(MIXED, ending(2), FAILED, StageReason.TESTS_FAILED, id="one not explained by a module"),
        pytest.param(PARTLY, ending(1), FAILED, StageReason.TESTS_FAILED, id="some ran"),
        pytest.param(
            (*GREEN, *scan(b"")), ending(0), UNKNOWN, StageReason.REPORT_EMPTY, id="one of two files is empty"
        ),
    ],
)
def test_with_a_test_report_the_report_decides(tests, ended, verdict, reason):
    outcome = judge(ended, tests, None, "process", CHECKOUT)
    assert (outcome.verdict, outcome.reason) == (verdict, reason)


CLEAN = scan(sarif())
FOUND = scan(sarif(result(level="error")))


@pytest.mark.parametrize(
    ("scanned", "ended", "verdict", "reason"),
    [
        pytest.param(CLEAN, ending(0), PASSED, StageReason.SCAN_CLEAN, id="clean"),
        pytest.param(FOUND, ending(0), PASSED, StageReason.FINDINGS_REPORTED, id="findings"),
        pytest.param(FOUND, ending(1), PASSED, StageReason.FINDINGS_REPORTED, id="findings, said by exit 1"),
        pytest.param(CLEAN, ending(2), UNKNOWN, StageReason.REPORT_INCONSISTENT, id="clean, but it failed"),
        pytest.param(FOUND, ending(-11), UNKNOWN, StageReason.REPORT_INCONSISTENT, id="it crashed"),
        pytest.param(FOUND, ending(137), UNKNOWN, StageReason.REPORT_INCONSISTENT, id="it was killed"),
        pytest.param(MISSING, ending(0), UNKNOWN, StageReason.REPORT_MISSING, id="no report"),
        pytest.param(MISSING, ending(127), UNKNOWN, StageReason.COMMAND_NOT_FOUND, id="no scanner"),
        pytest.param(scan(b""), ending(0), UNKNOWN, StageReason.REPORT_EMPTY, id="an empty report"),
    ],
)
def test_with_a_scan_report_the_report_decides(scanned, ended, verdict, reason):
    outcome = judge(ended, None, scanned, "process", CHECKOUT)
    assert (outcome.verdict, outcome.reason) == (verdict, reason)


@pytest.mark.parametrize(
    ("tests", "scanned", "verdict"),
    [
        pytest.param(GREEN, CLEAN, PASSED, id="both pass"),
        pytest.param(RED, CLEAN, FAILED, id="tests fail"),
        pytest.param(GREEN, scan(b""), UNKNOWN, id="the scan is unknown"),
        pytest.param(RED, scan(b""), FAILED, id="failed goes before unknown"),
    ],
)
def test_a_stage_with_both_reports_is_as_good_as_the_worse(tests, scanned, verdict):
    assert judge(ending(0), tests, scanned, "process", CHECKOUT).verdict is verdict


def test_the_evidence_of_both_reports_is_kept():
    evidence = judge(ending(0), GREEN, FOUND, "process", CHECKOUT).evidence
    assert evidence.tests == TestCounts(passed=1, flaky=0)
    assert evidence.summary == "1 passed; 1 finding: 1 high"
    assert (evidence.isolation, evidence.duration_ms, evidence.exit_code) == ("process", 1_000, 0)


def test_case_171_truncation_is_loud():
    too_many = junit('<testcase name="a"/>' * 100_001)
    outcome = judge(ending(0), too_many, None, "process", CHECKOUT)
    assert (outcome.verdict, outcome.reason) == (UNKNOWN, StageReason.REPORT_TOO_LARGE)
    assert outcome.evidence.truncated


def test_what_a_scan_would_have_hidden_is_said():
    hidden = scan(sarif(result(suppressions=[{"kind": "inSource"}])))
    assert "suppressed" in judge(ending(0), None, hidden, "process", CHECKOUT).detail


LCOV = (ReportFile("lcov.info", b"SF:a.py\nDA:1,1\nDA:2,1\nDA:3,0\nend_of_record\n"),)
CUT = (ReportFile("lcov.info", b"SF:a.py\nDA:1,1\n"),)


@pytest.mark.parametrize(
    ("tests", "measured", "ended", "verdict", "reason"),
    [
        pytest.param(GREEN, LCOV, ending(0), PASSED, StageReason.TESTS_PASSED, id="measured beside tests"),
        pytest.param(None, LCOV, ending(0), PASSED, StageReason.COMMAND_SUCCEEDED, id="measured alone"),
        pytest.param(None, LCOV, ending(2), FAILED, StageReason.COMMAND_FAILED, id="measured, but it failed"),
        pytest.param(RED, CUT, ending(1), FAILED, StageReason.TESTS_FAILED, id="red, and cut short"),
        pytest.param(GREEN, CUT, ending(0), UNKNOWN, StageReason.REPORT_UNREADABLE, id="case 172: cut short"),
        pytest.param(GREEN, MISSING, ending(0), UNKNOWN, StageReason.REPORT_MISSING, id="not measured"),
    ],
)
def test_a_coverage_report_measures_and_one_that_cannot_be_read_is_unknown(
    tests, measured, ended, verdict, reason
):
    outcome = judge(ended, tests, None, "process", CHECKOUT, measured)
    assert (outcome.verdict, outcome.reason) == (verdict, reason)
    assert outcome.evidence.coverage == (Coverage(3, 2) if measured is LCOV else None)
    assert ("66.6 % of lines covered" in outcome.evidence.summary) == (measured is LCOV)


def test_files_that_several_reports_measure_are_measured_once():
    again = ReportFile("b.info", b"SF:a.py\nDA:1,0\nDA:3,1\nend_of_record\nSF:b.py\nDA:1,0\nend_of_record\n")
    outcome = judge(ending(0), None, None, "process", CHECKOUT, (*LCOV, again))
    assert outcome.evidence.coverage == Coverage(4, 3)
