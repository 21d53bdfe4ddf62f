"""SARIF 2.1.0, read from a file that nobody trusts.

Rules of this file (cases 174 and 175):

* Size, nodes, runs, results and every text are bounded; over a bound the report decides nothing.
  No address, schema or ``$ref`` in it is followed; an index that leads nowhere is ignored.
* The author of the change may have written the report: suppressed results, ``kind: pass`` and
  ``level: none`` are findings like any other, and the severity is the worse of what result and rule say.
* A run that scanned nothing (Bandit with a missing folder exits 0 with an empty report) is unknown.

Severity: ``security-severity`` (9 critical, 7 high, 4 medium, else low), else error = high,
warning = medium, note = low. Fingerprints survive moved lines: tool, rule, path, the text found and the
how-manieth of its kind in the file.
"""

import hashlib
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, TypeGuard
from urllib.parse import unquote

import orjson

from gate_app.domain.evidence import MAX_FINDINGS, MAX_NAME, Finding, Severity, StageReason
from gate_app.stages.plaintext import plain_line
from gate_app.stages.reports import Refusal

MAX_RUNS: Final = 20
MAX_NODES: Final = 1_500_000
MAX_FINDING_MESSAGE: Final = 300
_FINGERPRINTED_TEXT: Final = 2_000
_NUMBERS: Final = re.compile(r"\d+")  # in messages they are often line numbers
_LEVELS: Final = {
    "error": Severity.HIGH,
    "warning": Severity.MEDIUM,
    "note": Severity.LOW,
    "none": Severity.LOW,
}
_SCORES: Final = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM), (0.0, Severity.LOW))

_Object = dict[str, object]


@dataclass(frozen=True, slots=True)
class SarifReport:
    """The findings of one or more report files, worst first.

    ``suppressed`` counts the findings that the report itself would have hidden; ``unread`` the files
    that a scanner says it could not read; ``excused`` the remarks in the code that silence a scanner.
    """

    findings: tuple[Finding, ...] = ()
    suppressed: int = 0
    unread: int = 0
    excused: int = 0


class _Unusable(Exception):
    def __init__(self, reason: StageReason, detail: str) -> None:
        super().__init__(detail)
        self.refusal = Refusal(reason, detail)


def read(content: bytes, root: PurePosixPath) -> SarifReport | Refusal:
    """The report in ``content``; absolute paths below ``root`` (the checkout) are made relative to it."""
    try:
        return _report(_document(content), root)
    except _Unusable as unusable:
        return unusable.refusal


def merge(reports: tuple[SarifReport, ...]) -> SarifReport | Refusal:
    """Several report files of one stage as one, worst finding first."""
    findings = [finding for report in reports for finding in report.findings]
    if len(findings) > MAX_FINDINGS:
        return Refusal(StageReason.REPORT_TOO_LARGE, _too_many_findings())
    findings.sort(key=lambda found: (-found.severity.rank, found.path or "", found.line or 0, found.rule))
    return SarifReport(
        tuple(findings),
        suppressed=sum(report.suppressed for report in reports),
        unread=sum(report.unread for report in reports),
        excused=sum(report.excused for report in reports),
    )


# --- document ----------------------------------------------------------------------------------


def _document(content: bytes) -> _Object:
    content = content.removeprefix(b"\xef\xbb\xbf")
    if not content.strip():
        raise _Unusable(StageReason.REPORT_EMPTY, "The scan report is empty.")
    if sum(map(content.count, (b",", b"[", b"{"))) > MAX_NODES:
        raise _Unusable(StageReason.REPORT_TOO_LARGE, "The scan report has too many values to be trusted.")
    try:
        document: object = orjson.loads(content)  # refuses NaN, and nesting beyond 1,024
    except orjson.JSONDecodeError as error:
        raise _Unusable(
            StageReason.REPORT_UNREADABLE, "The scan report is not valid JSON; cut short?"
        ) from error
    if not _is_object(document):
        raise _inconsistent("it is JSON but not SARIF")
    return document


def _report(document: _Object, root: PurePosixPath) -> SarifReport:
    if not str(document.get("version", "")).startswith("2."):
        raise _inconsistent("it does not say that it is SARIF 2")
    runs = document.get("runs")
    if not isinstance(runs, list) or not runs:
        raise _Unusable(StageReason.NOTHING_SCANNED, "The scan report holds no run of a scanner.")
    if len(runs) > MAX_RUNS:
        raise _Unusable(StageReason.REPORT_TOO_LARGE, f"The scan report has more than {MAX_RUNS} runs.")
    merged = merge(tuple(_run(run, root) for run in runs))
    if isinstance(merged, Refusal):
        raise _Unusable(merged.reason, merged.detail)
    return merged


def _run(run: object, root: PurePosixPath) -> SarifReport:
    if not _is_object(run):
        raise _inconsistent("a run is not an object")
    tool = _text(_object(_object(run, "tool"), "driver").get("name")).strip()
    if not tool:
        raise _inconsistent("a run does not name its tool")
    results = run.get("results")
    if not isinstance(results, list):
        raise _inconsistent("a run has no results, so the scan did not happen (SARIF 3.14.23)")
    if len(results) > MAX_FINDINGS:
        raise _Unusable(StageReason.REPORT_TOO_LARGE, _too_many_findings())
    unread = _unread(run)
    if not results:
        _require_something_scanned(run, tool, unread)
    reader = _ResultReader(tool.lower(), run, root)
    findings = tuple(reader.finding(result) for result in results)
    return SarifReport(
        findings, suppressed=sum(map(_is_suppressed, results)), unread=unread, excused=_excused(run)
    )


def _require_something_scanned(run: _Object, tool: str, unread: int) -> None:
    nothing = _bandit_totals(run).get("loc") == 0 or run.get("artifacts") == []
    if nothing or unread:
        name = plain_line(tool, 60)
        raise _Unusable(StageReason.NOTHING_SCANNED, f"{name} ran but scanned nothing; are its paths right?")


def _bandit_totals(run: _Object) -> _Object:
    return _object(_object(_object(run, "properties"), "metrics"), "_totals")


def _excused(run: _Object) -> int:
    """``# nosec`` remarks, with and without the name of a rule."""
    counts = (_bandit_totals(run).get(name) for name in ("nosec", "skipped_tests"))
    return sum(count for count in counts if isinstance(count, int) and count > 0)


def _unread(run: _Object) -> int:
    """Errors that the tool notes about itself; raises when it says that it did not succeed."""
    errors = 0
    for invocation in filter(_is_object, _list(run, "invocations")):
        if invocation.get("executionSuccessful") is False:
            raise _inconsistent("the tool says that its run was not successful")
        for kind in ("toolConfigurationNotifications", "toolExecutionNotifications"):
            notes = filter(_is_object, _list(invocation, kind))
            errors += sum(note.get("level") == "error" for note in notes)
    return errors


# --- results -----------------------------------------------------------------------------------


class _ResultReader:
    """Makes findings of the results of one run; counts repeated ones so that each has its own print."""

    def __init__(self, tool: str, run: _Object, root: PurePosixPath) -> None:
        self._tool = tool
        self._root = root
        self._artifacts = _list(run, "artifacts")
        self._driver = _list(_object(_object(run, "tool"), "driver"), "rules")
        self._extensions = [
            _list(extension, "rules")
            for extension in filter(_is_object, _list(_object(run, "tool"), "extensions"))
        ]
        self._by_id = {_text(rule.get("id")): rule for rule in reversed(self._all_rules())}
        self._seen: Counter[str] = Counter()

    def finding(self, result: object) -> Finding:
        if not _is_object(result):
            raise _inconsistent("a result is not an object")
        rule = self._rule(result)
        name = _text(result.get("ruleId")) or _text(rule.get("id")) or "unnamed rule"
        message = _message(result, rule)
        path, line, snippet = self._place(result)
        return Finding(
            fingerprint=self._fingerprint(name, path or "", snippet or _NUMBERS.sub("#", message)),
            rule=plain_line(name, MAX_NAME),
            severity=_severity(result, rule),
            message=plain_line(message, MAX_FINDING_MESSAGE),
            path=path,
            line=line,
        )

    def _all_rules(self) -> list[_Object]:
        return [rule for rules in (self._driver, *self._extensions) for rule in rules if _is_object(rule)]

    def _rule(self, result: _Object) -> _Object:
        reference = _object(result, "rule")
        extension = _object(reference, "toolComponent").get("index")
        rules = self._driver if extension is None else _at(self._extensions, extension)
        index = result.get("ruleIndex", reference.get("index"))
        rule = _at(rules, index) if isinstance(rules, list) else None
        if _is_object(rule):
            return rule
        return self._by_id.get(_text(result.get("ruleId")) or _text(reference.get("id")), {})

    def _place(self, result: _Object) -> tuple[str | None, int | None, str]:
        location = _at(_list(result, "locations"), 0)
        physical = _object(location, "physicalLocation") if _is_object(location) else {}
        artifact = _object(physical, "artifactLocation")
        uri = _text(artifact.get("uri"))
        if not uri:
            listed = _at(self._artifacts, artifact.get("index"))
            uri = _text(_object(listed, "location").get("uri")) if _is_object(listed) else ""
        region = _object(physical, "region")
        line = region.get("startLine")
        snippet = _text(_object(region, "snippet").get("text"))
        return self._relative(uri), line if _is_line(line) else None, snippet

    def _relative(self, uri: str) -> str | None:
        """A path for display and comparison only; it is never opened."""
        if not uri:
            return None
        path = PurePosixPath(unquote(uri[: MAX_NAME * 4].removeprefix("file://")))
        if path.is_relative_to(self._root):
            path = path.relative_to(self._root)
        return plain_line(str(path), MAX_NAME)

    def _fingerprint(self, rule: str, path: str, text: str) -> str:
        kind = "\x00".join((self._tool, rule, path, " ".join(text[:_FINGERPRINTED_TEXT].split())))
        self._seen[kind] += 1
        return hashlib.sha256(f"{kind}\x00{self._seen[kind]}".encode("utf-8", "replace")).hexdigest()[:32]


def _severity(result: _Object, rule: _Object) -> Severity:
    scores = [
        score
        for holder in (result, rule)
        if (score := _score(_object(holder, "properties").get("security-severity"))) is not None
    ]
    if scores:
        return next(severity for floor, severity in _SCORES if max(scores) >= floor)
    default = _object(rule, "defaultConfiguration").get("level")
    stated = [_level(level) for level in (result.get("level"), default) if level is not None]
    return max(stated, key=lambda severity: severity.rank, default=Severity.MEDIUM)  # SARIF 3.27.10


def _score(value: object) -> float | None:
    """CVSS-like, 0 to 10; anything else is as if it were not there, never a low score."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return None
    try:
        score = float(value)
    except (ValueError, OverflowError):
        return None
    return score if math.isfinite(score) and 0 <= score <= 10 else None


def _level(level: object) -> Severity:
    """An unknown level is taken as bad."""
    return _LEVELS.get(_text(level), Severity.HIGH)


def _message(result: _Object, rule: _Object) -> str:
    message = _object(result, "message")
    text = _text(message.get("text")) or _text(message.get("markdown"))
    if not text:
        known = _object(_object(rule, "messageStrings"), _text(message.get("id")))
        text = _text(known.get("text")) or _text(_object(rule, "shortDescription").get("text"))
    return text or "no message"


def _is_suppressed(result: object) -> bool:
    if not _is_object(result):
        return False
    hidden_kind = result.get("kind", "fail") != "fail"
    return hidden_kind or bool(_list(result, "suppressions")) or result.get("level") == "none"


# --- reading values of unknown type -------------------------------------------------------------


def _is_object(value: object) -> TypeGuard[_Object]:
    return isinstance(value, dict)


def _object(holder: Mapping[str, object], key: str) -> _Object:
    value = holder.get(key)
    return value if _is_object(value) else {}


def _list(holder: Mapping[str, object], key: str) -> list[object]:
    value = holder.get(key)
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _at(values: Sequence[object], index: object) -> object:
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(values):
        return None
    return values[index]


def _is_line(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10_000_000


def _inconsistent(detail: str) -> _Unusable:
    return _Unusable(StageReason.REPORT_INCONSISTENT, f"The scan report decides nothing: {detail}.")


def _too_many_findings() -> str:
    return f"The scan report has more than {MAX_FINDINGS} findings; narrow what is scanned."
