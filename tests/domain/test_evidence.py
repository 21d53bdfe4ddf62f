"""Evidence: bounded values, severities in order, and a digest that approvals can be bound to."""

from dataclasses import replace

import pytest

from gate_app.domain.evidence import (
    MAX_FAILURES,
    MAX_FINDINGS,
    MAX_LOG_TAIL,
    MAX_MESSAGE,
    MAX_NAME,
    MAX_SUMMARY,
    Evidence,
    Finding,
    Severity,
    SeverityCounts,
    StageOutcome,
    StageReason,
    StageVerdict,
    TestCounts,
    TestFailure,
    digest,
)

FINDING = Finding("f1", "B602", Severity.HIGH, "shell=True", "app/main.py", 3)
EVIDENCE = Evidence("1 passed", TestCounts(passed=1), findings=(FINDING,), isolation="process", exit_code=0)


def test_severities_are_ordered_from_low_to_critical():
    ranked = sorted(Severity, key=lambda severity: severity.rank)
    assert ranked == [Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL]


@pytest.mark.parametrize(
    ("severity", "threshold", "reached"),
    [
        pytest.param(Severity.HIGH, Severity.HIGH, True, id="the threshold itself counts"),
        pytest.param(Severity.CRITICAL, Severity.HIGH, True, id="worse counts"),
        pytest.param(Severity.MEDIUM, Severity.HIGH, False, id="milder does not count"),
    ],
)
def test_a_threshold_is_reached_by_itself_and_by_worse(severity, threshold, reached):
    assert severity.at_least(threshold) is reached


def test_findings_are_counted_by_severity():
    low = replace(FINDING, severity=Severity.LOW)
    evidence = replace(EVIDENCE, findings=(FINDING, low, low))
    assert evidence.severities == SeverityCounts(high=1, low=2)
    assert evidence.severities.total == 3


def test_skipped_tests_and_errors_did_not_run():
    counts = TestCounts(passed=2, failed=1, errors=4, skipped=8)
    assert (counts.ran, counts.total) == (3, 15)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"summary": "2 passed"}, id="the summary"),
        pytest.param({"tests": TestCounts(passed=2)}, id="the test counts"),
        pytest.param({"tests": None}, id="no test report at all"),
        pytest.param({"failures": (TestFailure("t", "m"),)}, id="a failure"),
        pytest.param({"findings": ()}, id="a finding gone"),
        pytest.param({"findings": (replace(FINDING, severity=Severity.LOW),)}, id="a severity"),
        pytest.param({"isolation": "namespaces"}, id="the isolation"),
        pytest.param({"truncated": True}, id="a truncation"),
        pytest.param({"exit_code": 1}, id="the exit code"),
    ],
)
def test_the_digest_changes_with(changed):
    assert digest(replace(EVIDENCE, **changed)) != digest(EVIDENCE)


def test_the_digest_does_not_change_with_how_long_it_took_or_what_it_printed():
    assert digest(replace(EVIDENCE, duration_ms=99, log_tail="1 passed in 0.1s")) == digest(EVIDENCE)


@pytest.mark.parametrize(
    "too_large",
    [
        pytest.param(lambda: Evidence(summary="x" * (MAX_SUMMARY + 1)), id="summary"),
        pytest.param(lambda: Evidence(log_tail="x" * (MAX_LOG_TAIL + 1)), id="log tail"),
        pytest.param(lambda: Evidence(failures=(TestFailure("t", "m"),) * (MAX_FAILURES + 1)), id="failures"),
        pytest.param(lambda: Evidence(findings=(FINDING,) * (MAX_FINDINGS + 1)), id="findings"),
        pytest.param(lambda: TestFailure("x" * (MAX_NAME + 1), "m"), id="name of a failure"),
        pytest.param(lambda: TestFailure("t", "x" * (MAX_MESSAGE + 1)), id="message of a failure"),
        pytest.param(lambda: replace(FINDING, rule="x" * (MAX_NAME + 1)), id="rule of a finding"),
        pytest.param(lambda: replace(FINDING, message="x" * (MAX_MESSAGE + 1)), id="message of a finding"),
        pytest.param(
            lambda: StageOutcome(
                StageVerdict.PASSED, StageReason.TESTS_PASSED, EVIDENCE, "x" * (MAX_MESSAGE + 1)
            ),
            id="detail",
        ),
    ],
)
def test_a_value_over_its_bound_cannot_be_made(too_large):
    with pytest.raises(ValueError, match="at most"):
        too_large()


def test_a_link_that_leads_out_changes_the_evidence() -> None:
    assert digest(Evidence(leads_out="link → /etc")) != digest(Evidence())
