"""Reports in artifacts: found wherever the upload put them, and never trusted to be an archive of honest size."""

from __future__ import annotations

import stat
import struct
import zipfile
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate_app.domain.effects import CollectReports
from gate_app.domain.evidence import Coverage, StageOutcome, StageReason
from gate_app.domain.model import Repository
from gate_app.engine.ports import Archive, Artifacts
from gate_app.stages.artifacts import judge_artifacts

SHOP = Repository(71, "acme", "shop", 5)
GREEN = '<testsuite><testcase classname="a" name="one"/></testsuite>'
RED = '<testsuite><testcase classname="a" name="one"><failure message="boom"/></testcase></testsuite>'
CLEAN = (
    '{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "scan", "rules": []}}, "artifacts": '
    '[{"location": {"uri": "app.py"}}], "results": []}]}'
)


def zipped(files: dict[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    raw = BytesIO()
    with zipfile.ZipFile(raw, "w", method) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return raw.getvalue()


def judged(
    *archives: bytes | dict[str, str | bytes],
    junit: str | None = "reports/junit*.xml",
    sarif: str | None = None,
    coverage: str | None = None,
    conclusion: str = "success",
    left_out: int = 0,
) -> StageOutcome:
    made = [each if isinstance(each, bytes) else zipped(each) for each in archives]
    left = Artifacts(tuple(Archive(f"artifact-{n}", raw) for n, raw in enumerate(made)), left_out)
    asked = CollectReports("tests", 1, 77, 1, conclusion, junit, sarif, coverage)
    return judge_artifacts(SHOP, asked, left)


@pytest.mark.parametrize(
    "name", ["reports/junit.xml", "junit-unit.xml"], ids=["as in the repository", "as an upload strips it"]
)
def test_a_report_is_found_by_its_pattern_or_the_end_of_it(name: str) -> None:
    outcome = judged({name: GREEN, "notes.txt": "hello"})
    assert (outcome.verdict.value, outcome.reason.value) == ("passed", "tests_passed")
    assert outcome.evidence.tests is not None
    assert outcome.evidence.tests.passed == 1


def test_what_matches_more_of_the_pattern_wins() -> None:
    assert judged({"junit.xml": RED, "reports/junit.xml": GREEN}).verdict.value == "passed"


def test_the_reports_of_all_artifacts_count_together() -> None:
    outcome = judged({"junit-1.xml": GREEN}, {"junit-2.xml": RED}, conclusion="failure")
    assert outcome.verdict.value == "failed"
    assert outcome.evidence.tests is not None
    assert outcome.evidence.tests.total == 2


def test_folders_between_are_spanned_by_two_stars() -> None:
    assert judged({"a/b/out.xml": GREEN}, junit="**/out.xml").verdict.value == "passed"


def test_tests_and_scans_of_one_run_are_judged_together() -> None:
    files: dict[str, str | bytes] = {"junit.xml": GREEN, "scan.sarif": CLEAN}
    outcome = judged(files, junit="junit.xml", sarif="*.sarif")
    assert outcome.verdict.value == "passed"
    assert outcome.evidence.summary == "1 passed; no findings"


def test_coverage_is_read_beside_how_the_workflow_ended() -> None:
    lcov = "SF:app.py\nDA:1,1\nDA:2,0\nend_of_record\n"
    outcome = judged({"lcov.info": lcov}, junit=None, coverage="reports/lcov.info")
    assert (outcome.reason, outcome.evidence.coverage) == (StageReason.WORKFLOW_SUCCEEDED, Coverage(2, 1))
    failed = judged({"lcov.info": lcov}, junit=None, coverage="lcov.info", conclusion="failure")
    assert (failed.reason, failed.evidence.coverage) == (StageReason.WORKFLOW_FAILED, Coverage(2, 1))


def test_a_workflow_without_the_coverage_report_that_was_asked_for_is_unknown() -> None:
    outcome = judged({"junit.xml": GREEN}, coverage="lcov.info")
    assert (outcome.verdict.value, outcome.reason) == ("unknown", StageReason.REPORT_MISSING)


def test_a_red_report_fails_whatever_the_workflow_says() -> None:
    assert judged({"junit.xml": RED}, conclusion="success").verdict.value == "failed"


def test_a_green_report_of_a_workflow_that_failed_is_inconsistent() -> None:
    outcome = judged({"junit.xml": GREEN}, conclusion="failure")
    assert outcome.reason.value == "report_inconsistent"
    assert "the workflow exited with 1" in outcome.detail


def test_no_report_is_unknown_and_says_what_was_not_looked_into() -> None:
    assert judged().reason.value == "report_missing"
    outcome = judged({"notes.txt": "hello"}, left_out=2)
    assert outcome.verdict.value == "unknown"
    assert "Artifacts of the run that were not looked into: 2." in outcome.detail


def test_what_was_not_looked_into_is_said_of_a_stage_that_passed_too() -> None:
    outcome = judged({"junit.xml": GREEN}, left_out=1)
    assert outcome.verdict.value == "passed"
    assert outcome.detail == "1 passed. Artifacts of the run that were not looked into: 1."


# --- hostile archives --------------------------------------------------------------------------------------


def linked() -> bytes:
    raw = BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        link = zipfile.ZipInfo("junit.xml")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    return raw.getvalue()


def encrypted() -> bytes:
    """The archive with the mark of encryption set on its entry."""
    raw = bytearray(zipped({"junit.xml": GREEN}, zipfile.ZIP_STORED))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.find(signature) + offset] |= 1
    return bytes(raw)


def lying() -> bytes:
    """The archive with another byte in its content than its checksum says."""
    raw = bytearray(zipped({"junit.xml": GREEN}, zipfile.ZIP_STORED))
    raw[raw.find(b"one")] = ord("O")
    return bytes(raw)


def nameless() -> bytes:
    """The archive with a name that a NUL ends before it begins."""
    raw = zipped({"junit.xml": GREEN}, zipfile.ZIP_STORED)
    return raw.replace(b"junit.xml", b"\0unit.xml")


def with_directory_of(size: int) -> bytes:
    raw = bytearray(zipped({"junit.xml": GREEN}))
    end = raw.rfind(b"PK\x05\x06")
    raw[end + 12 : end + 16] = struct.pack("<L", size)
    return bytes(raw)


@pytest.mark.parametrize(
    ("archive", "reason"),
    [
        pytest.param(b"", "report_unreadable", id="nothing"),
        pytest.param(b"<html>", "report_unreadable", id="no archive"),
        pytest.param(b"PK\x05\x06", "report_unreadable", id="the beginning of an end"),
        pytest.param(with_directory_of(50), "report_unreadable", id="a damaged directory"),
        pytest.param(with_directory_of(2**31), "report_too_large", id="a directory of two gigabytes"),
        pytest.param(encrypted(), "report_unreadable", id="encrypted"),
        pytest.param(lying(), "report_unreadable", id="a wrong checksum"),
        pytest.param(linked(), "report_missing", id="case 176: a link"),
        pytest.param(zipped({"../junit.xml": GREEN}), "report_missing", id="a path that leads out"),
        pytest.param(zipped({"/junit.xml": GREEN}), "report_missing", id="an absolute path"),
        pytest.param(
            zipped({"junit.xml": GREEN}, zipfile.ZIP_LZMA), "report_unreadable", id="an unusual packing"
        ),
        pytest.param(nameless(), "report_missing", id="an entry without a name"),
        pytest.param(zipped({"junit.xml/": ""}), "report_missing", id="a folder"),
        pytest.param(zipped({"junit.xml": ""}), "report_empty", id="an empty report"),
        pytest.param(zipped({"junit.xml": b"\0" * 20_000_000}), "report_too_large", id="a bomb of zeros"),
        pytest.param(
            zipped({f"junit{n}.xml": b" " * 9_000_000 for n in range(3)}),
            "report_too_large",
            id="several bombs",
        ),
        pytest.param(
            zipped({f"junit{n}.xml": GREEN for n in range(201)}), "report_too_large", id="more files than 200"
        ),
        pytest.param(
            zipped({"x" * 120 + str(n): "" for n in range(13_000)}), "report_too_large", id="13,000 entries"
        ),
    ],
)
def test_case_171_a_hostile_archive_is_unknown_and_never_a_crash(archive: bytes, reason: str) -> None:
    outcome = judged(archive)
    assert (outcome.verdict.value, outcome.reason.value) == ("unknown", reason)


@given(st.data())
@settings(max_examples=150)
def test_case_171_no_damage_to_an_archive_is_a_crash(data: st.DataObject) -> None:
    raw = bytearray(zipped({"junit.xml": GREEN, "notes/a.txt": "hello"}))
    places = st.tuples(st.integers(0, len(raw) - 1), st.integers(0, 255))
    for place, byte in data.draw(st.lists(places, min_size=1, max_size=6)):
        raw[place] = byte
    assert judged(bytes(raw)).verdict.value in ("passed", "unknown")


def test_an_archive_of_the_large_kind_is_refused() -> None:
    raw = zipped({"junit.xml": GREEN})
    end = raw.rfind(b"PK\x05\x06")
    large = raw[:end] + b"PK\x06\x07" + b"\0" * 16 + raw[end:]
    assert judged(large).reason.value == "report_too_large"


def test_one_damaged_artifact_makes_all_unknown() -> None:
    assert judged({"junit.xml": GREEN}, b"damaged").reason.value == "report_unreadable"
