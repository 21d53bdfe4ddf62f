"""SARIF reports: severities, fingerprints, and hostile ones that decide nothing."""

import json
from pathlib import PurePosixPath

import pytest
from support.stages import peak_memory, result, sarif

from gate_app.domain.evidence import MAX_FINDINGS, Severity, StageReason
from gate_app.stages.reports import Refusal
from gate_app.stages.reports import sarif as reader

ROOT = PurePosixPath("/work/checkout")


def findings(content: bytes):
    report = reader.read(content, ROOT)
    assert isinstance(report, reader.SarifReport), report
    return report.findings


def rule(**fields: object) -> dict[str, object]:
    return {"id": "R1", **fields}


def scored(score: object) -> dict[str, object]:
    return {"properties": {"security-severity": score}}


@pytest.mark.parametrize(
    ("fields", "rules", "severity"),
    [
        pytest.param({"level": "error"}, [], Severity.HIGH, id="error is high"),
        pytest.param({"level": "warning"}, [], Severity.MEDIUM, id="warning is medium"),
        pytest.param({"level": "note"}, [], Severity.LOW, id="note is low"),
        pytest.param({}, [], Severity.MEDIUM, id="no level is a warning"),
        pytest.param({"level": "fatal"}, [], Severity.HIGH, id="an unknown level is high"),
        pytest.param({"level": "note"}, [rule(**scored("9.0"))], Severity.CRITICAL, id="9 is critical"),
        pytest.param({"level": "note"}, [rule(**scored("7.0"))], Severity.HIGH, id="7 is high"),
        pytest.param({"level": "error"}, [rule(**scored("4.0"))], Severity.MEDIUM, id="4 is medium"),
        pytest.param({"level": "error"}, [rule(**scored(3.9))], Severity.LOW, id="a number below 4 is low"),
        pytest.param(
            {"level": "error"}, [rule(**scored("NaN"))], Severity.HIGH, id="case 175: NaN is no score"
        ),
        pytest.param(
            {"level": "error"}, [rule(**scored("-1"))], Severity.HIGH, id="case 175: -1 is no score"
        ),
        pytest.param(
            {"level": "error"}, [rule(**scored(True))], Severity.HIGH, id="case 175: true is no score"
        ),
        pytest.param({"level": "error"}, [rule(**scored("1e400"))], Severity.HIGH, id="case 175: infinity"),
        pytest.param(
            scored("1.0"), [rule(**scored("9.8"))], Severity.CRITICAL, id="case 175: the worse score"
        ),
        pytest.param(
            {"level": "none"},
            [rule(defaultConfiguration={"level": "error"})],
            Severity.HIGH,
            id="case 175: level none does not hide the rule's level",
        ),
        pytest.param(
            {"ruleId": None, "ruleIndex": 0}, [rule(**scored(8))], Severity.HIGH, id="rule by index"
        ),
        pytest.param(
            {"ruleIndex": 99}, [rule(**scored(8))], Severity.HIGH, id="case 174: an index to nowhere"
        ),
        pytest.param(
            {"ruleIndex": -1},
            [rule(**scored(8)), {"id": "R2", **scored(1)}],
            Severity.HIGH,
            id="case 174: a negative index",
        ),
        pytest.param({"level": ["error"]}, [], Severity.HIGH, id="a level of the wrong type is high"),
    ],
)
def test_severity(fields, rules, severity):
    assert [found.severity for found in findings(sarif(result(**fields), rules=rules))] == [severity]


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"suppressions": [{"kind": "inSource"}]}, id="case 175: suppressed in the source"),
        pytest.param({"kind": "pass", "level": "none"}, id="case 175: kind pass"),
        pytest.param({"level": "none"}, id="case 175: level none"),
        pytest.param({"baselineState": "absent"}, id="case 175: said to be absent"),
    ],
)
def test_a_result_that_hides_itself_is_a_finding_like_any_other(fields):
    assert len(findings(sarif(result(**fields)))) == 1


def test_suppressed_results_are_counted_as_such():
    report = reader.read(sarif(result(), result(suppressions=[{"kind": "external"}])), ROOT)
    assert (len(report.findings), report.suppressed) == (2, 1)


def test_the_fingerprint_survives_moved_lines_and_a_new_finding_before():
    before = findings(sarif(result(line=3)))
    after = findings(sarif(result("R2", "other", line=1), result(line=40)))
    assert before[0].fingerprint in {found.fingerprint for found in after}


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(result("R2"), id="another rule"),
        pytest.param(result(text="worse call"), id="other code"),
    ],
)
def test_the_fingerprint_differs_for(other):
    one, two = findings(sarif(result(), other))
    assert one.fingerprint != two.fingerprint


def test_equal_findings_in_one_file_have_fingerprints_of_their_own():
    prints = [found.fingerprint for found in findings(sarif(result(line=3), result(line=9)))]
    assert len(set(prints)) == 2


def test_a_message_without_code_is_compared_without_its_line_numbers():
    def message(line: int) -> dict[str, object]:
        return {"ruleId": "R1", "message": {"text": f"defined on line {line}"}}

    assert findings(sarif(message(3)))[0].fingerprint == findings(sarif(message(30)))[0].fingerprint


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        pytest.param("app/main.py", "app/main.py", id="relative"),
        pytest.param("file:///work/checkout/app/a%20b.py", "app/a b.py", id="below the checkout"),
        pytest.param("/work/checkout/app/main.py", "app/main.py", id="absolute below the checkout"),
        pytest.param("file:///etc/passwd", "/etc/passwd", id="case 174: elsewhere, shown and never opened"),
        pytest.param("http://127.0.0.1:1/x", "http:/127.0.0.1:1/x", id="case 174: an address, never fetched"),
    ],
)
def test_paths(uri, path):
    location = {"physicalLocation": {"artifactLocation": {"uri": uri}}}
    assert findings(sarif(result(locations=[location])))[0].path == path


def test_a_path_may_stand_in_the_list_of_artifacts():
    location = {"physicalLocation": {"artifactLocation": {"index": 0}}}
    content = sarif(result(locations=[location]), artifacts=[{"location": {"uri": "app/x.py"}}])
    assert findings(content)[0].path == "app/x.py"


def test_rules_of_an_extension_are_found():
    reference = {"index": 0, "toolComponent": {"index": 0}}
    tool = {"driver": {"name": "codeql"}, "extensions": [{"rules": [rule(**scored("9.9"))]}]}
    content = sarif({**result(ruleId=None), "rule": reference}, tool=tool)
    assert findings(content)[0].severity is Severity.CRITICAL


BANDIT_NOTHING = {"properties": {"metrics": {"_totals": {"loc": 0}}}}
NOTED = {"invocations": [{"toolConfigurationNotifications": [{"level": "error"}]}]}


def many(count: int) -> bytes:
    return sarif(*[result()] * count)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", StageReason.REPORT_EMPTY, id="no byte"),
        pytest.param(b"\xef\xbb\xbf \n", StageReason.REPORT_EMPTY, id="a byte order mark alone"),
        pytest.param(sarif(result())[:-9], StageReason.REPORT_UNREADABLE, id="case 172: cut short"),
        pytest.param(b"<html/>", StageReason.REPORT_UNREADABLE, id="not JSON"),
        pytest.param(b'{"version": NaN}', StageReason.REPORT_UNREADABLE, id="case 174: NaN"),
        pytest.param(b"[" * 200_000, StageReason.REPORT_UNREADABLE, id="case 171: 200,000 deep"),
        pytest.param(b"[" * 16_000_000, StageReason.REPORT_TOO_LARGE, id="case 171: 16 million deep"),
        pytest.param(
            b"[" + b"[]," * 5_000_000, StageReason.REPORT_TOO_LARGE, id="case 171: 5 million values"
        ),
        pytest.param(b"[]", StageReason.REPORT_INCONSISTENT, id="a list"),
        pytest.param(b"{}", StageReason.REPORT_INCONSISTENT, id="an empty object"),
        pytest.param(b'{"version":"2.1.0"}', StageReason.NOTHING_SCANNED, id="no runs"),
        pytest.param(
            b'{"version":"2.1.0","runs":[]}', StageReason.NOTHING_SCANNED, id="an empty list of runs"
        ),
        pytest.param(b'{"version":"2.1.0","runs":[7]}', StageReason.REPORT_INCONSISTENT, id="a run of 7"),
        pytest.param(sarif(tool={}), StageReason.REPORT_INCONSISTENT, id="a run without a tool"),
        pytest.param(sarif(results=None), StageReason.REPORT_INCONSISTENT, id="a run without results"),
        pytest.param(sarif(**BANDIT_NOTHING), StageReason.NOTHING_SCANNED, id="Bandit read no line"),
        pytest.param(sarif(artifacts=[]), StageReason.NOTHING_SCANNED, id="a run over no file"),
        pytest.param(
            sarif(**NOTED), StageReason.NOTHING_SCANNED, id="nothing found, but the tool notes an error"
        ),
        pytest.param(
            sarif(invocations=[{"executionSuccessful": False}]),
            StageReason.REPORT_INCONSISTENT,
            id="the tool says it failed",
        ),
        pytest.param(
            json.dumps({"version": "2.1.0", "runs": [{}] * 21}).encode(),
            StageReason.REPORT_TOO_LARGE,
            id="case 174: 21 runs",
        ),
        pytest.param(many(MAX_FINDINGS + 1), StageReason.REPORT_TOO_LARGE, id="case 174: too many results"),
    ],
)
def test_a_report_that_decides_nothing(content, reason):
    report = reader.read(content, ROOT)
    assert isinstance(report, Refusal), report
    assert report.reason is reason


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("b'[' + b'[],' * 700_000 + b'[]]'", id="case 171: as many values as allowed"),
        pytest.param("b'[' + b'[],' * 5_000_000", id="case 171: many more"),
        pytest.param("b'[' * 16_000_000", id="case 171: very deep"),
    ],
)
def test_a_report_is_read_in_bounded_memory(content):
    assert peak_memory("sarif", f"{content}, PurePosixPath('/')") < 256 * 1024


def test_a_clean_scan_that_scanned_something_has_no_findings():
    assert findings(sarif(properties={"metrics": {"_totals": {"loc": 7}}})) == ()


def test_files_that_the_scanner_could_not_read_are_counted():
    assert reader.read(sarif(result(), **NOTED), ROOT).unread == 1


def test_remarks_that_silence_the_scanner_are_counted():
    totals = {"loc": 7, "nosec": 2, "skipped_tests": 1}
    assert reader.read(sarif(properties={"metrics": {"_totals": totals}}), ROOT).excused == 3


def test_the_worst_finding_comes_first():
    content = sarif(result("A", level="note"), result("B", level="error"), result("C", level="warning"))
    assert [found.rule for found in findings(content)] == ["B", "C", "A"]


def test_several_reports_together_are_bounded_like_one():
    report = reader.read(many(MAX_FINDINGS - 1), ROOT)
    merged = reader.merge((report, report))
    assert isinstance(merged, Refusal)
    assert merged.reason is StageReason.REPORT_TOO_LARGE


def test_case_178_texts_are_plain_and_bounded():
    found = findings(sarif(result("R\x1b[31m1\u202e", text="x" * 10_000)))[0]
    assert found.rule == "R1\\u202e"
    assert len(found.message) == reader.MAX_FINDING_MESSAGE
