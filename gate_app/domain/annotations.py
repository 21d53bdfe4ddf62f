"""Findings and failed tests as notes at file and line, for the check run of a stage.

Rules of the file: the worst first and a bounded number; only paths inside the checkout; texts are one plain
line each (GitHub shows them as text). GitHub appends whatever is sent, so the order must be the same every
time: the adapter sends only what is not there yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, Literal

from gate_app.domain.baseline import Comparison
from gate_app.domain.evidence import Evidence, Finding, Severity, TestFailure
from gate_app.domain.inert import plain

MAX_ANNOTATIONS: Final = 100
"""Notes on one check run; the counts in its summary stay exact beyond it."""

Level = Literal["notice", "warning", "failure"]
_LEVELS: Final[dict[Severity, Level]] = {
    Severity.CRITICAL: "failure",
    Severity.HIGH: "failure",
    Severity.MEDIUM: "warning",
    Severity.LOW: "notice",
}


@dataclass(frozen=True, slots=True)
class Annotation:
    """A note at one line (counted from 1) of a file of the checkout."""

    path: str
    line: int
    level: Level
    title: str
    message: str


def annotated(evidence: Evidence, compared: Comparison | None) -> tuple[Annotation, ...]:
    """What of a stage's evidence has a place in a file: failed tests, then findings, the worst first."""
    new = {found.fingerprint for found in compared.new} if compared and compared.environment else set()
    failed = [_of_failure(failure) for failure in evidence.failures]
    ranked = sorted(
        evidence.findings, key=lambda found: (-found.severity.rank, found.path or "", found.line or 0)
    )
    found = [_of_finding(finding, finding.fingerprint in new) for finding in ranked]
    return tuple(note for note in (*failed, *found) if note is not None)[:MAX_ANNOTATIONS]


def _of_failure(failure: TestFailure) -> Annotation | None:
    path = _inside(failure.path)
    if path is None:
        return None
    title, message = plain(failure.name, 200) or "test", plain(failure.message, 1_000) or "failed"
    return Annotation(path, failure.line or 1, "failure", f"{title} failed", message)


def _of_finding(finding: Finding, is_new: bool) -> Annotation | None:
    path = _inside(finding.path)
    if path is None:
        return None
    title = f"{plain(finding.rule, 150)} · {finding.severity.value}{' · new' if is_new else ''}"
    return Annotation(
        path, finding.line or 1, _LEVELS[finding.severity], title, plain(finding.message, 1_000) or title
    )


def _inside(path: str | None) -> str | None:
    """The path if it can be one of the checkout: relative, not climbing out of it, without odd characters."""
    if not path or path.startswith("/") or "\\" in path or not path.isprintable():
        return None
    parts = PurePosixPath(path).parts
    return None if ".." in parts or not parts else str(PurePosixPath(path))
