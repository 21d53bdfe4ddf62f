"""Report files: found by pattern inside the checkout, and never through a link."""

import os

import pytest

from gate_app.domain.evidence import StageReason
from gate_app.stages import collect
from gate_app.stages.reports import Refusal


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "checkout"
    folder.mkdir()
    return folder


def found(checkout, pattern, known=None):
    files = collect.collect(checkout, pattern, known or {})
    return files if isinstance(files, Refusal) else [file.name for file in files]


def write(path, text="x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_every_file_that_matches_is_read(checkout):
    write(checkout / "reports" / "a.xml", "A")
    write(checkout / "reports" / "deep" / "b.xml", "B")
    write(checkout / "reports" / "c.txt")
    assert found(checkout, "reports/**/*.xml") == ["reports/a.xml", "reports/deep/b.xml"]


def test_no_pattern_asks_for_nothing(checkout):
    assert collect.before(checkout, None) == {}
    assert collect.collect(checkout, None, {}) is None


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("/etc/passwd", id="case 176: absolute"),
        pytest.param("../outside/*.xml", id="case 176: leads out"),
        pytest.param("reports/../../x", id="case 176: leads out in the middle"),
        pytest.param("", id="empty"),
        pytest.param("a\0b", id="NUL"),
    ],
)
def test_a_pattern_that_leads_out_finds_nothing(checkout, pattern):
    write(checkout.parent / "outside" / "a.xml")
    assert collect.problem_of_pattern(pattern) is not None
    assert found(checkout, pattern).reason is StageReason.REPORT_MISSING


def test_case_176_a_linked_report_does_not_count(checkout):
    write(checkout.parent / "secret.xml")
    (checkout / "a.xml").symlink_to(checkout.parent / "secret.xml")
    assert found(checkout, "*.xml").reason is StageReason.REPORT_MISSING


def test_case_176_a_report_in_a_linked_folder_does_not_count(checkout):
    write(checkout.parent / "outside" / "a.xml")
    (checkout / "reports").symlink_to(checkout.parent / "outside")
    assert found(checkout, "reports/*.xml").reason is StageReason.REPORT_MISSING
    assert found(checkout, "**/*.xml").reason is StageReason.REPORT_MISSING


def test_a_pipe_or_a_folder_is_not_a_report_and_is_not_opened(checkout):
    os.mkfifo(checkout / "a.xml")
    (checkout / "b.xml").mkdir()
    assert found(checkout, "*.xml").reason is StageReason.REPORT_MISSING


def test_only_what_was_written_since_counts(checkout):
    write(checkout / "old.xml")
    write(checkout / "rewritten.xml")
    known = collect.before(checkout, "*.xml")
    write(checkout / "new.xml")
    (checkout / "rewritten.xml").unlink()
    write(checkout / "rewritten.xml")
    assert found(checkout, "*.xml", known) == ["new.xml", "rewritten.xml"]


def test_case_171_reports_have_a_common_bound(checkout):
    for name in ("a.xml", "b.xml"):
        write(checkout / name, "x" * (collect.MAX_BYTES // 2 + 1))
    assert found(checkout, "*.xml").reason is StageReason.REPORT_TOO_LARGE


def test_the_number_of_reports_has_a_bound(checkout):
    for number in range(collect.MAX_FILES + 1):
        write(checkout / f"{number}.xml")
    assert found(checkout, "*.xml").reason is StageReason.REPORT_TOO_LARGE
