"""Line coverage, in Cobertura's XML or LCOV's text, read as a stream from a file that nobody trusts.

Rules of this file (cases 170 to 173):

* Counted from the lines, never from the totals; totals that disagree make the report inconsistent.
* The one document type that Cobertura's writers name is taken off unread; any other, and every entity, is refused.
* Depth, elements, measured lines and the length of one tag are bounded; over a bound the report decides nothing.
* A line of a file that several reports measure is one line, covered where any of them covers it.

Why no library: those on PyPI build the whole tree with the standard library's parser, and trust the totals.
"""

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.etree.ElementTree import Element

from gate_app.domain.evidence import Coverage, StageReason
from gate_app.stages.reports import Refusal
from gate_app.stages.reports.stream import BROKEN, FORBIDDEN, elements, overlong, tag

MAX_DEPTH: Final = 64
MAX_ELEMENTS: Final = 2_000_000
MAX_LINES: Final = 500_000
_DOCTYPE: Final = re.compile(
    rb"<!DOCTYPE\s+coverage\s+SYSTEM\s+([\"'])https?://cobertura\.sourceforge\.net/xml/coverage-[0-9]{2}\.dtd\1\s*>"
)
_PROLOGUE: Final = 1_000
_NUMBER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_HITS: Final = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_LCOV: Final = re.compile(r"([A-Z]{2,6}):(.*)", re.ASCII | re.DOTALL)
_MEASURED: Final = re.compile(r"([0-9]{1,9}),(-?[0-9]{1,18})(?:,.*)?", re.ASCII)

Lines = dict[int, bool]
Files = Mapping[str, Mapping[int, bool]]


@dataclass(frozen=True, slots=True)
class CoverageReport:
    """Each measured line of each file, and whether it ran."""

    files: Files

    @property
    def coverage(self) -> Coverage:
        """All of it together."""
        lines, covered = _totals(self.files)
        return Coverage(lines, covered)


class _Unusable(Exception):
    def __init__(self, reason: StageReason, detail: str) -> None:
        super().__init__(detail)
        self.refusal = Refusal(reason, f"The coverage report {detail}.")


def read(content: bytes) -> CoverageReport | Refusal:
    """The report in ``content``, or why it decides nothing."""
    if not content.strip():
        return Refusal(StageReason.REPORT_EMPTY, "The coverage report is empty.")
    try:
        files = _lcov(content) if _is_lcov(content) else _cobertura(content)
        if not any(files.values()):
            raise _Unusable(StageReason.REPORT_EMPTY, "measures no line")
    except _Unusable as unusable:
        return unusable.refusal
    return CoverageReport(files)


def merge(reports: tuple[CoverageReport, ...]) -> CoverageReport | Refusal:
    """Several report files of one stage as one."""
    together = _Measured()
    try:
        for report in reports:
            for name, lines in report.files.items():
                for number, ran in lines.items():
                    together.add(name, number, ran)
    except _Unusable as unusable:
        return unusable.refusal
    return CoverageReport(together.files)


@dataclass(slots=True)
class _Measured:
    """Lines as they are found, within their bound."""

    files: dict[str, Lines] = field(default_factory=dict)
    count: int = 0

    def add(self, file: str, number: int, ran: bool) -> None:
        lines = self.files.setdefault(file, {})
        if number not in lines:
            self.count += 1
            if self.count > MAX_LINES:
                raise _too_large(f"measures more than {MAX_LINES} lines")
        lines[number] = lines.get(number, False) or ran


def _totals(files: Files) -> tuple[int, int]:
    return sum(map(len, files.values())), sum(sum(lines.values()) for lines in files.values())


# --- Cobertura --------------------------------------------------------------------------------


def _cobertura(content: bytes) -> Files:
    head = _DOCTYPE.sub(b"", content[:_PROLOGUE], count=1)
    content = head + content[_PROLOGUE:]
    if overlong(content):
        raise _too_large("has a tag that is longer than a million bytes")
    reading = _Cobertura()
    try:
        for event, element in elements(content):
            if event == "start":
                reading.start(element)
            else:
                reading.end(element)
    except FORBIDDEN:
        raise _Unusable(StageReason.REPORT_UNREADABLE, "declares a document type; refused") from None
    except BROKEN:
        raise _Unusable(StageReason.REPORT_UNREADABLE, "is not well-formed XML; cut short?") from None
    return reading.files()


@dataclass(slots=True)
class _Cobertura:
    """The state between two elements of the stream. ``listed`` and ``ran`` count lines as often as they stand there."""

    measured: _Measured = field(default_factory=_Measured)
    open: list[Element] = field(default_factory=list)
    elements: int = 0
    declared: dict[str, int] = field(default_factory=dict)
    file: str | None = None
    in_methods: int = 0
    listed: int = 0
    ran: int = 0

    def start(self, element: Element) -> None:
        self.elements += 1
        self.open.append(element)
        if len(self.open) > MAX_DEPTH:
            raise _too_large(f"is nested deeper than {MAX_DEPTH}")
        if self.elements > MAX_ELEMENTS:
            raise _too_large(f"has more than {MAX_ELEMENTS} elements")
        name = tag(element)
        if len(self.open) == 1:
            self._root(element, name)
        elif name == "class":
            self.file = element.get("filename") or element.get("name") or ""
        elif name == "methods":
            self.in_methods += 1
        elif name == "line" and self.file is not None and not self.in_methods:
            self._line(element, self.file)

    def end(self, element: Element) -> None:
        name = tag(element)
        if name == "class":
            self.file = None
        elif name == "methods":
            self.in_methods -= 1
        self.open.pop()
        element.clear()
        if self.open:  # so that memory does not grow with the report
            del self.open[-1][:]

    def _root(self, element: Element, name: str) -> None:
        if name != "coverage":
            raise _Unusable(StageReason.REPORT_UNREADABLE, "is XML but not Cobertura")
        for key in ("lines-valid", "lines-covered"):
            value = element.get(key)
            if value is not None and not _NUMBER.fullmatch(value):
                raise _inconsistent(f"{key} is not a number of lines")
            if value is not None:
                self.declared[key] = int(value)

    def _line(self, element: Element, file: str) -> None:
        number, hits = element.get("number", ""), element.get("hits", "")
        if not _NUMBER.fullmatch(number) or not _HITS.fullmatch(hits):
            raise _inconsistent("a line without a number or a count")
        self.listed += 1
        self.ran += int(hits) > 0
        self.measured.add(file, int(number), int(hits) > 0)

    def files(self) -> Files:
        lines, covered = _totals(self.measured.files)
        for key, counted in (("lines-valid", (lines, self.listed)), ("lines-covered", (covered, self.ran))):
            if self.declared.get(key, counted[0]) not in counted:
                raise _inconsistent(f"{key} is {self.declared[key]}, and {counted[0]} are listed")
        return self.measured.files


# --- LCOV -------------------------------------------------------------------------------------


def _is_lcov(content: bytes) -> bool:
    return content.lstrip()[:3].isascii() and content.lstrip()[:1] != b"<"


def _lcov(content: bytes) -> Files:
    reading = _Lcov()
    for line in io.BytesIO(content):
        reading.line(line.decode("utf-8", "replace").strip())
    if reading.file is not None:
        raise _Unusable(StageReason.REPORT_UNREADABLE, "is cut short: its last record has no end")
    return reading.measured.files


@dataclass(slots=True)
class _Lcov:
    """The state between two lines: the record that is open, and what it declares."""

    measured: _Measured = field(default_factory=_Measured)
    file: str | None = None
    lines: Lines = field(default_factory=dict)
    declared: dict[str, int] = field(default_factory=dict)

    def line(self, text: str) -> None:
        if not text or text.startswith("#"):
            return
        if text == "end_of_record":
            self._close()
            return
        found = _LCOV.fullmatch(text)
        if found is None:
            raise _Unusable(StageReason.REPORT_UNREADABLE, "is neither Cobertura nor LCOV")
        self._entry(found[1], found[2])

    def _entry(self, key: str, value: str) -> None:
        if key == "SF":
            if self.file is not None:
                raise _inconsistent("a record begins inside another one")
            self.file, self.lines, self.declared = value, {}, {}
        elif key == "DA":
            self._hits(value)
        elif key in ("LF", "LH"):
            if not _NUMBER.fullmatch(value):
                raise _inconsistent(f"{key} is not a number of lines")
            self.declared[key] = int(value)

    def _hits(self, value: str) -> None:
        found = _MEASURED.fullmatch(value)
        if found is None or self.file is None:
            raise _inconsistent("a line without a file, a number or a count")
        number, ran = int(found[1]), int(found[2]) > 0
        self.lines[number] = self.lines.get(number, False) or ran
        self.measured.add(self.file, number, ran)

    def _close(self) -> None:
        if self.file is None:
            raise _inconsistent("a record ends that did not begin")
        counted = {"LF": len(self.lines), "LH": sum(self.lines.values())}
        for key, number in self.declared.items():
            if number != counted[key]:
                raise _inconsistent(f"{key} is {number}, and {counted[key]} are listed")
        self.file = None


def _inconsistent(detail: str) -> _Unusable:
    return _Unusable(StageReason.REPORT_INCONSISTENT, f"contradicts itself: {detail}")


def _too_large(detail: str) -> _Unusable:
    return _Unusable(StageReason.REPORT_TOO_LARGE, f"{detail}, so it is too large to be trusted")
