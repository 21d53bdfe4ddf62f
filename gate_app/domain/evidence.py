"""What automated work found: counts, failures, findings, and one verdict with a reason code.

Rules of this file:

* Pure values. Every text and every tuple has a bound; a value over its bound is a programming error of
  the adapter that made it (``ValueError``), because adapters cut and say so (``truncated``) before.
* Closed by default: no counts and no findings mean nothing; only a ``StageOutcome`` says ``passed``.
* An approval is bound to ``digest(evidence)``; how long the work took and what it printed are not in it.
"""

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Final

from gate_app.domain.model import LATER

MAX_FAILURES: Final = 100
"""Failing tests listed by name; the counts stay exact beyond it."""
MAX_FINDINGS: Final = 5_000
"""Findings in one piece of evidence; a report with more is refused as too large, never shortened."""
MAX_CHECKS: Final = 1_000
"""Checks of others that one stage may look at; a stage that matches more is unknown, never shortened."""
MAX_NAME: Final = 300
MAX_MESSAGE: Final = 1_000
MAX_SUMMARY: Final = 500
MAX_LOG_TAIL: Final = 8_192


class StageVerdict(StrEnum):
    """What a stage says about the change. ``unknown`` never opens a gate (statement 4)."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """How bad a finding is; ordered by ``rank``."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """4 for critical down to 1 for low, so that ``max`` and ``>=`` read naturally."""
        return _RANKS[self]

    def at_least(self, threshold: "Severity") -> bool:
        """Whether this is as bad as ``threshold`` or worse."""
        return self.rank >= threshold.rank


_RANKS: Final = {Severity.CRITICAL: 4, Severity.HIGH: 3, Severity.MEDIUM: 2, Severity.LOW: 1}


class StageReason(StrEnum):
    """Stable public names of why a stage ended as it did. Append only."""

    TESTS_PASSED = "tests_passed"
    TESTS_FAILED = "tests_failed"
    NO_TESTS = "no_tests"
    MODULE_MISSING = "module_missing"
    SCAN_CLEAN = "scan_clean"
    FINDINGS_REPORTED = "findings_reported"
    NOTHING_SCANNED = "nothing_scanned"
    REPORT_MISSING = "report_missing"
    REPORT_EMPTY = "report_empty"
    REPORT_UNREADABLE = "report_unreadable"
    REPORT_INCONSISTENT = "report_inconsistent"
    REPORT_TOO_LARGE = "report_too_large"
    COMMAND_SUCCEEDED = "command_succeeded"
    COMMAND_FAILED = "command_failed"
    COMMAND_NOT_FOUND = "command_not_found"
    RELEASED = "released"
    PROBES_HEALTHY = "probes_healthy"
    PROBE_BREACHED = "probe_breached"
    PROBE_UNKNOWN = "probe_unknown"
    TIMED_OUT = "timed_out"
    STOPPED = "stopped"
    WORKSPACE_UNAVAILABLE = "workspace_unavailable"
    ISOLATION_MISSING = "isolation_missing"
    RESULT_UNREADABLE = "result_unreadable"
    STAGE_FAULT = "stage_fault"
    CHECKS_PASSED = "checks_passed"
    CHECKS_FAILED = "checks_failed"
    CHECKS_SKIPPED = "checks_skipped"
    CHECKS_INCONCLUSIVE = "checks_inconclusive"
    CHECKS_TOO_MANY = "checks_too_many"
    CHECKS_UNREADABLE = "checks_unreadable"
    CHECK_NOT_FOUND = "check_not_found"
    WORKFLOW_SUCCEEDED = "workflow_succeeded"
    WORKFLOW_FAILED = "workflow_failed"
    WORKFLOW_INCONCLUSIVE = "workflow_inconclusive"
    WORKFLOW_OTHER_COMMIT = "workflow_other_commit"
    WORKFLOW_RUN_MISSING = "workflow_run_missing"
    WORKFLOW_RUN_AMBIGUOUS = "workflow_run_ambiguous"
    JOB_NOT_ANSWERED = "job_not_answered"
    WORKFLOW_MISSING = "workflow_missing"
    WORKFLOW_DISABLED = "workflow_disabled"
    WORKFLOW_NOT_DISPATCHABLE = "workflow_not_dispatchable"
    WORKFLOW_UNREADABLE = "workflow_unreadable"
    PERMISSION_MISSING = "permission_missing"
    FORK_NOT_DISPATCHED = "fork_not_dispatched"
    DEPLOYMENT_REPORTED_FAILED = "deployment_reported_failed"
    DEPLOYMENT_INACTIVE = "deployment_inactive"
    DEPLOYMENT_UNANSWERED = "deployment_unanswered"


@dataclass(frozen=True, slots=True)
class TestCounts:
    """Tests by how they ended, counted from the cases and never from a report's own totals (case 173).

    ``flaky`` are those that both failed and passed; None where nobody looked for them.
    """

    __test__ = False  # the name starts with "Test", which pytest would collect

    passed: int = 0
    failed: int = 0
    errors: int = 0
    skipped: int = 0
    flaky: int | None = field(default=None, metadata=LATER)

    @property
    def ran(self) -> int:
        """Tests whose body ran to a result; skipped tests and errors before the body are not among them."""
        return self.passed + self.failed

    @property
    def total(self) -> int:
        return self.passed + self.failed + self.errors + self.skipped


@dataclass(frozen=True, slots=True)
class Coverage:
    """Lines that coverage reports measured, and how many of them ran."""

    lines: int
    covered: int

    @property
    def share(self) -> Fraction:
        """From 0 to 1, exactly; of nothing, nothing is covered."""
        return Fraction(self.covered, self.lines) if self.lines else Fraction(0)

    @property
    def shown(self) -> str:
        """`84.2 % of lines covered`, cut and never rounded up."""
        tenths = int(self.share * 1000)
        return f"{tenths // 10}.{tenths % 10} % of lines covered"


@dataclass(frozen=True, slots=True)
class TestFailure:
    """One failing test. ``path`` is relative to the checkout; ``line`` counts from 1."""

    __test__ = False  # see TestCounts

    name: str
    message: str
    path: str | None = None
    line: int | None = None

    def __post_init__(self) -> None:
        _require_text("failure", self.name, MAX_NAME)
        _require_text("failure", self.message, MAX_MESSAGE)


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of a scanner. ``fingerprint`` is the same on both sides of a move by some lines."""

    fingerprint: str
    rule: str
    severity: Severity
    message: str
    path: str | None = None
    line: int | None = None

    def __post_init__(self) -> None:
        _require_text("finding", self.rule, MAX_NAME)
        _require_text("finding", self.message, MAX_MESSAGE)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check of somebody else came to, in GitHub's word; ``link`` is its page at GitHub."""

    name: str
    conclusion: str
    link: str = ""

    def __post_init__(self) -> None:
        _require_text("check", self.name, MAX_NAME)
        _require_text("check", self.conclusion, MAX_NAME)


@dataclass(frozen=True, slots=True)
class SeverityCounts:
    """Findings by severity."""

    critical: int = 0
    high: int = 0
    medium: int = 0
    low: int = 0

    @property
    def total(self) -> int:
        return self.critical + self.high + self.medium + self.low


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a stage produced. ``log_tail`` is plain text without control characters, at most 8 KiB.

    ``tests`` is ``None`` when no test report was asked for: that is not the same as zero tests.
    ``isolation`` names what confined the command; ``truncated`` says that something was cut. ``leads_out`` is a link
    of the commit that leads out of it: no release folder can hold that.
    ``coverage`` is ``None`` when nothing was measured.
    """

    summary: str = ""
    tests: TestCounts | None = None
    failures: tuple[TestFailure, ...] = ()
    findings: tuple[Finding, ...] = ()
    duration_ms: int = 0
    isolation: str = ""
    truncated: bool = False
    log_tail: str = ""
    exit_code: int | None = None
    checks: tuple[CheckResult, ...] = ()
    leads_out: str = field(default="", metadata=LATER)
    coverage: Coverage | None = field(default=None, metadata=LATER)

    def __post_init__(self) -> None:
        _require_text("leads out", self.leads_out, MAX_MESSAGE)
        _require_text("summary", self.summary, MAX_SUMMARY)
        _require_text("log tail", self.log_tail, MAX_LOG_TAIL)
        _require_count("failures", len(self.failures), MAX_FAILURES)
        _require_count("findings", len(self.findings), MAX_FINDINGS)
        _require_count("checks", len(self.checks), MAX_CHECKS)

    @property
    def severities(self) -> SeverityCounts:
        """Findings counted by severity."""
        counts = Counter(finding.severity.value for finding in self.findings)
        return SeverityCounts(**counts)


@dataclass(frozen=True, slots=True)
class StageOutcome:
    """The end of a stage. ``detail`` is one plain sentence for people, with the fix where there is one."""

    verdict: StageVerdict
    reason: StageReason
    evidence: Evidence
    detail: str = ""

    def __post_init__(self) -> None:
        _require_text("detail", self.detail, MAX_MESSAGE)


def digest(evidence: Evidence) -> str:
    """SHA-256 (hex) over everything an approver may rely on.

    Left out: the duration, the log tail and the pages of checks, which differ between two runs that found the
    same; and what no stage of its time could have, so that digests of earlier versions stay what they were.
    """
    content = asdict(evidence)
    del content["duration_ms"], content["log_tail"], content["checks"]
    for name in ("leads_out", "coverage"):
        if not content[name]:
            del content[name]
    if evidence.tests is not None and not evidence.tests.flaky:
        del content["tests"]["flaky"]
    if evidence.checks:
        content["checks"] = [[check.name, check.conclusion] for check in evidence.checks]
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def _require_text(what: str, text: str, limit: int) -> None:
    if len(text) > limit:
        raise ValueError(f"{what}: {len(text)} characters, at most {limit}")


def _require_count(what: str, count: int, limit: int) -> None:
    if count > limit:
        raise ValueError(f"{what}: {count}, at most {limit}")
