"""JUnit XML, read as a stream from a file that nobody trusts.

Rules of this file (cases 170 to 173):

* Counted from the test cases, never from the totals; totals that disagree make the report inconsistent.
* A document type declaration, and with it every entity, is refused. Nothing is fetched.
* Flaky is a case that both failed and passed in one report: as Surefire writes it (`flakyFailure`), or listed twice.
* Depth, elements, cases, the length of one tag and of every text are bounded; over a bound the report
  decides nothing.

Why not ``junitparser``: it builds the whole tree with the standard library's parser (or lxml), so a bomb
is in memory before any bound could be checked, and it trusts the totals. ``defusedxml`` streams.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from xml.etree.ElementTree import Element

from gate_app.domain.evidence import (
    MAX_FAILURES,
    MAX_MESSAGE,
    MAX_NAME,
    StageReason,
    TestCounts,
    TestFailure,
)
from gate_app.stages.plaintext import plain, plain_line
from gate_app.stages.reports import Refusal
from gate_app.stages.reports.missing import missing_module
from gate_app.stages.reports.stream import BROKEN, FORBIDDEN, elements, overlong, tag

MAX_DEPTH: Final = 64
MAX_CASES: Final = 100_000
MAX_ELEMENTS: Final = 1_000_000
_NUMBER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_LOCATION: Final = re.compile(r"^([^\s:][^\n:]{0,300}\.\w{1,8}):([0-9]{1,7}):", re.MULTILINE | re.ASCII)
_SEARCHED_TEXT: Final = 65_536
_PASSED: Final = 1
_BROKE: Final = 2


class _Ending(StrEnum):
    PASSED = "passed"
    SKIPPED = "skipped"
    FAILED = "failed"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class JUnitReport:
    """The tests of one or more report files.

    ``unstarted`` holds the names of missing modules, one for each failing case that a missing module
    explains; ``unlisted`` is the number of failures beyond the listed ones.
    """

    counts: TestCounts
    failures: tuple[TestFailure, ...] = ()
    unstarted: tuple[str, ...] = ()
    unlisted: int = 0

    @property
    def broken(self) -> int:
        """Cases that failed or could not run."""
        return self.counts.failed + self.counts.errors


def read(content: bytes) -> JUnitReport | Refusal:
    """The report in ``content``, or why it decides nothing."""
    if not content.strip():
        return Refusal(StageReason.REPORT_EMPTY, "The test report is empty.")
    if overlong(content):
        return _too_large("one tag is longer than a million bytes")
    reading = _Reading()
    try:
        for event, element in elements(content):
            refusal = reading.start(element) if event == "start" else reading.end(element)
            if refusal is not None:
                return refusal
    except FORBIDDEN:
        return Refusal(StageReason.REPORT_UNREADABLE, "The test report declares a document type; refused.")
    except BROKEN:
        return Refusal(StageReason.REPORT_UNREADABLE, "The test report is not well-formed XML; cut short?")
    return reading.report()


def merge(reports: tuple[JUnitReport, ...]) -> JUnitReport:
    """Several report files of one stage as one."""
    failures = tuple(failure for report in reports for failure in report.failures)
    return JUnitReport(
        counts=TestCounts(
            passed=sum(report.counts.passed for report in reports),
            failed=sum(report.counts.failed for report in reports),
            errors=sum(report.counts.errors for report in reports),
            skipped=sum(report.counts.skipped for report in reports),
            flaky=sum(report.counts.flaky or 0 for report in reports),
        ),
        failures=failures[:MAX_FAILURES],
        unstarted=tuple(name for report in reports for name in report.unstarted)[:MAX_FAILURES],
        unlisted=sum(report.unlisted for report in reports) + max(0, len(failures) - MAX_FAILURES),
    )


@dataclass(slots=True)
class _Suite:
    """An open suite: what it declares, and the cases seen directly in it and anywhere below."""

    declared: dict[str, int]
    name: str = ""
    direct: int = 0
    below: int = 0
    broken: int = 0


@dataclass(slots=True)
class _Case:
    """An open test case."""

    name: str
    path: str | None
    line: int | None
    ending: _Ending
    message: str = ""
    missing: str | None = None
    failed_once: bool = False

    @property
    def broken(self) -> bool:
        return self.ending in (_Ending.FAILED, _Ending.ERROR)


@dataclass(slots=True)
class _Reading:
    """The state between two elements of the stream."""

    open: list[Element] = field(default_factory=list)
    suites: list[_Suite] = field(default_factory=list)
    case: _Case | None = None
    elements: int = 0
    endings: dict[_Ending, int] = field(default_factory=lambda: dict.fromkeys(_Ending, 0))
    failures: list[TestFailure] = field(default_factory=list)
    unstarted: list[str] = field(default_factory=list)
    disagreement: str | None = None
    ended: dict[tuple[str, str], int] = field(default_factory=dict)
    flaky: set[tuple[str, str]] = field(default_factory=set)

    def start(self, element: Element) -> Refusal | None:
        self.elements += 1
        self.open.append(element)
        if len(self.open) > MAX_DEPTH:
            return _too_large(f"nested deeper than {MAX_DEPTH}")
        if self.elements > MAX_ELEMENTS:
            return _too_large(f"more than {MAX_ELEMENTS} elements")
        return self._start_known(element)

    def _start_known(self, element: Element) -> Refusal | None:
        name = tag(element)
        if len(self.open) == 1 and name not in ("testsuites", "testsuite"):
            return Refusal(StageReason.REPORT_UNREADABLE, "The test report is XML but not JUnit.")
        if name in ("testsuites", "testsuite"):
            self.suites.append(_Suite(self._declared(element), name=element.get("name", "")))
        if name == "testcase":
            return self._start_case(element)
        return None

    def _start_case(self, element: Element) -> Refusal | None:
        if self.case is not None:
            return Refusal(StageReason.REPORT_INCONSISTENT, "The report has a test case inside a test case.")
        if sum(self.endings.values()) >= MAX_CASES:
            return _too_large(f"more than {MAX_CASES} test cases")
        self.case = _opened_case(element)
        return None

    def end(self, element: Element) -> Refusal | None:
        match tag(element):
            case "failure":
                self._break_case(element, _Ending.FAILED)
            case "error":
                self._break_case(element, _Ending.ERROR)
            case "flakyFailure" | "flakyError" | "rerunFailure" | "rerunError":
                self._failed_once()
            case "skipped" if self.case is not None and self.case.ending is _Ending.PASSED:
                self.case.ending = _Ending.SKIPPED
            case "testcase":
                self._close_case()
            case "testsuite" | "testsuites":
                self._close_suite()
        self._forget()
        return None

    def _break_case(self, element: Element, ending: _Ending) -> None:
        if self.case is None:
            self.disagreement = "a failure stands outside any test case"
            return
        text = _text(element)
        if self.case.ending is not _Ending.FAILED:
            self.case.ending = ending
        self.case.message = self.case.message or _message(element, text)
        self.case.missing = self.case.missing or missing_module(text)
        if self.case.path is None:
            self.case.path, self.case.line = _location(text)

    def _failed_once(self) -> None:
        """Surefire's words for a run of a case beside the one that it ended with."""
        if self.case is None:
            self.disagreement = "a failure stands outside any test case"
            return
        self.case.failed_once = True

    def _close_case(self) -> None:
        case, self.case = self.case, None
        if case is None:
            return
        self.endings[case.ending] += 1
        for suite in self.suites:
            suite.below += 1
            suite.broken += case.broken
        if self.suites:
            self.suites[-1].direct += 1
        if case.broken:
            self._list_failure(case)
        if case.ending is not _Ending.SKIPPED:
            self._remember(case)

    def _remember(self, case: _Case) -> None:
        """A case is known by its suite and its name; listed twice with both endings, it is flaky too."""
        known = (self.suites[-1].name if self.suites else "", case.name)
        self.ended[known] = self.ended.get(known, 0) | (_BROKE if case.broken else _PASSED)
        if self.ended[known] == _PASSED | _BROKE or (case.failed_once and not case.broken):
            self.flaky.add(known)

    def _list_failure(self, case: _Case) -> None:
        if case.missing is not None:
            self.unstarted.append(case.missing)
        if len(self.failures) < MAX_FAILURES:
            self.failures.append(TestFailure(case.name, case.message, case.path, case.line))

    def _close_suite(self) -> None:
        suite = self.suites.pop()
        declared = suite.declared
        if "tests" in declared and declared["tests"] not in (suite.direct, suite.below):
            self.disagreement = f"a suite declares {declared['tests']} tests and lists {suite.below}"
        if declared.get("failures", 0) + declared.get("errors", 0) > suite.broken:
            self.disagreement = "a suite declares failures that it does not list"

    def _declared(self, element: Element) -> dict[str, int]:
        declared = {}
        for name in ("tests", "failures", "errors", "skipped"):
            value = element.get(name)
            if value is None:
                continue
            if not _NUMBER.fullmatch(value):
                self.disagreement = f"{name} is not a number of tests"
                continue
            declared[name] = int(value)
        return declared

    def _forget(self) -> None:
        """Drops the element that just ended, so that memory does not grow with the report."""
        element = self.open.pop()
        element.clear()
        if self.open:
            del self.open[-1][:]

    def report(self) -> JUnitReport | Refusal:
        counts = TestCounts(
            passed=self.endings[_Ending.PASSED],
            failed=self.endings[_Ending.FAILED],
            errors=self.endings[_Ending.ERROR],
            skipped=self.endings[_Ending.SKIPPED],
            flaky=len(self.flaky),
        )
        broken = counts.failed + counts.errors
        if self.disagreement is not None and not broken:
            return Refusal(
                StageReason.REPORT_INCONSISTENT, f"The test report contradicts itself: {self.disagreement}."
            )
        return JUnitReport(
            counts, tuple(self.failures), tuple(self.unstarted), unlisted=broken - len(self.failures)
        )


def _opened_case(element: Element) -> _Case:
    name = element.get("name", "").strip() or "unnamed test"
    group = element.get("classname", "").strip()
    line = element.get("line", "")
    path = element.get("file")
    not_run = element.get("status") in ("notrun", "disabled")  # GoogleTest
    return _Case(
        name=plain_line(f"{group}.{name}" if group else name, MAX_NAME),
        path=plain_line(path, MAX_NAME) if path else None,
        line=int(line) if _NUMBER.fullmatch(line) else None,
        ending=_Ending.SKIPPED if not_run else _Ending.PASSED,
    )


def _text(element: Element) -> str:
    """Message and body; of a very long body the end, where the error stands."""
    return f"{element.get('message', '')[:_SEARCHED_TEXT]}\n{(element.text or '')[-_SEARCHED_TEXT:]}"


def _message(element: Element, text: str) -> str:
    stated = element.get("message", "").strip()
    if missing_module(text) is not None and missing_module(stated) is None:
        stated = f"No module named {missing_module(text)}. {stated}"
    return plain(stated or text.strip() or "no message", MAX_MESSAGE)


def _location(text: str) -> tuple[str | None, int | None]:
    """The last ``path:line:`` of a traceback, as pytest prints it."""
    places = _LOCATION.findall(text)
    if not places:
        return None, None
    path, line = places[-1]
    return plain_line(path, MAX_NAME), int(line)


def _too_large(detail: str) -> Refusal:
    return Refusal(StageReason.REPORT_TOO_LARGE, f"The test report is too large to be trusted: {detail}.")
