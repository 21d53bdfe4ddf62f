"""What approvals were given for that outlive a push which leaves the content as it was.

Rules of the file: equal or better is shown by numbers, part by part; what nobody measured before or now, or what was
not read whole, is neither (invariant 4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gate_app.domain.evidence import Coverage, Evidence, TestCounts, digest
from gate_app.domain.model import Content


@dataclass(frozen=True, slots=True)
class Measured:
    """The evidence of one stage, as far as a later one can be compared with it; `reports`: there are numbers."""

    digest: str
    tests: TestCounts | None
    coverage: Coverage | None
    findings: tuple[str, ...]
    reports: bool

    @staticmethod
    def of(evidence: Evidence) -> Measured:
        """The numbers of it; checks of others, and what was cut, have none."""
        numbers = (evidence.tests, evidence.coverage, *evidence.findings)
        reports = any(each is not None for each in numbers)
        findings = tuple(sorted({found.fingerprint for found in evidence.findings}))
        whole = reports and not evidence.truncated and not evidence.checks
        return Measured(digest(evidence), evidence.tests, evidence.coverage, findings, whole)


@dataclass(frozen=True, slots=True)
class Kept:
    """Approvals of an earlier head of a pull request: given since `since` to `head`, and none is kept after `until`.

    `measured` is the evidence that they were given on, by stage.
    """

    head: Content
    since: datetime
    until: datetime
    measured: Mapping[str, Measured]


def as_good(now: Measured, before: Measured) -> bool:
    """Whether evidence is what it was, or better in every part."""
    if now.digest == before.digest:
        return True
    if not (now.reports and before.reports) or not set(now.findings) <= set(before.findings):
        return False
    covered = before.coverage is None or (
        now.coverage is not None and now.coverage.share >= before.coverage.share
    )
    return covered and (before.tests is None or (now.tests is not None and _tested(now.tests, before.tests)))


def _tested(now: TestCounts, before: TestCounts) -> bool:
    more = now.passed >= before.passed and now.total >= before.total
    broken = now.failed + now.errors <= before.failed + before.errors
    flaky = before.flaky is None or (now.flaky is not None and now.flaky <= before.flaky)
    return more and broken and flaky and now.skipped <= before.skipped
