"""JUnit reports: counted from cases, and hostile ones decide nothing."""

from dataclasses import replace

import pytest
from support.stages import peak_memory

from gate_app.domain.evidence import MAX_FAILURES, MAX_MESSAGE, StageReason, TestCounts
from gate_app.stages.reports import Refusal, junit

PYTEST = b"""<?xml version="1.0" encoding="utf-8"?>
<testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="1" tests="4">
<testcase classname="t.test_a" name="test_ok" time="0.000" />
<testcase classname="t.test_a" name="test_bad"><failure message="AssertionError: no&#10;assert 1 == 2">
E   AssertionError: no

t/test_a.py:3: AssertionError</failure></testcase>
<testcase classname="t.test_a" name="test_s"><skipped message="later">t</skipped></testcase>
<testcase classname="t.test_a" name="test_e"><error message="failed on setup">RuntimeError</error></testcase>
</testsuite></testsuites>"""


def suite(cases: str = "", **declared: object) -> bytes:
    attributes = " ".join(f'{name}="{value}"' for name, value in declared.items())
    return f"<testsuite {attributes}>{cases}</testsuite>".encode()


PASS = '<testcase name="a"/>'
FAIL = '<testcase name="b"><failure message="no"/></testcase>'


def test_every_ending_of_a_pytest_report_is_counted_and_failures_have_a_place():
    report = junit.read(PYTEST)
    assert report.counts == TestCounts(passed=1, failed=1, errors=1, skipped=1, flaky=0)
    assert [failure.name for failure in report.failures] == ["t.test_a.test_bad", "t.test_a.test_e"]
    assert (report.failures[0].path, report.failures[0].line) == ("t/test_a.py", 3)
    assert report.failures[0].message == "AssertionError: no\nassert 1 == 2"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="no byte"),
        pytest.param(b" \n\t ", id="white space"),
    ],
)
def test_an_empty_report_is_empty(content):
    assert refusal(content) is StageReason.REPORT_EMPTY


BOMB = b"""<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<testsuite tests="1"><testcase name="&b;"/></testsuite>"""
EXTERNAL = (
    b"""<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><testsuite><testcase name="&a;"/></testsuite>"""
)
LATE_DTD = b"<!--" + b"x" * 5_000 + b"-->" + BOMB


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(BOMB, id="case 170: an entity bomb"),
        pytest.param(EXTERNAL, id="case 170: an external entity"),
        pytest.param(LATE_DTD, id="case 170: a document type past 4 KB"),
        pytest.param(BOMB.decode().encode("utf-16"), id="case 170: a bomb in UTF-16"),
        pytest.param(
            b'<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd"><testsuite/>', id="case 170: a remote DTD"
        ),
        pytest.param(
            b"<?xml version='1.0' encoding='no-such'?><testsuite/>", id="case 170: unknown encoding"
        ),
        pytest.param(suite(PASS, tests=1)[:-5], id="case 172: cut short"),
        pytest.param(b"<html><body>proxy error</body></html>", id="not JUnit"),
        pytest.param(b"\x00\xff\xfe not xml", id="not XML"),
    ],
)
def test_an_unreadable_report_decides_nothing(content):
    assert refusal(content) is StageReason.REPORT_UNREADABLE


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"<testsuite>" * 200_000, id="case 171: 200,000 deep"),
        pytest.param(
            b"<testsuite>" + b'<testcase name="a"/>' * (junit.MAX_CASES + 1) + b"</testsuite>",
            id="case 171: too many cases",
        ),
        pytest.param(
            b"<testsuite>" + b"<p/>" * (junit.MAX_ELEMENTS + 1) + b"</testsuite>",
            id="case 171: too many elements",
            marks=pytest.mark.processes,
        ),
        pytest.param(
            b'<testsuite><testcase name="' + b"x" * 15_000_000 + b'"/></testsuite>',
            id="case 171: an attribute of 15 MB",
        ),
    ],
)
def test_a_report_over_a_bound_is_refused_loudly(content):
    assert refusal(content) is StageReason.REPORT_TOO_LARGE


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("b'<testsuite>' + b'<testcase name=\"a\"/>' * 99_999", id="case 171: very many cases"),
        pytest.param("b'<testsuite>' + b'<p/>' * 999_998", id="case 171: very many elements"),
        pytest.param("b'<testsuite>' * 1_400_000", id="case 171: very deep"),
        pytest.param("b'<testsuite a=\"' + b'x' * 15_000_000", id="case 171: a very long attribute"),
    ],
)
def test_a_report_is_read_in_little_memory(content):
    assert peak_memory("junit", content) < 100 * 1024


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(suite(PASS, tests=0), id="case 173: declares no tests and has one"),
        pytest.param(suite(PASS, tests=5), id="case 173: declares more tests than it lists"),
        pytest.param(suite(PASS, tests=-1), id="case 173: a negative total"),
        pytest.param(suite(PASS, tests="NaN"), id="case 173: NaN"),
        pytest.param(suite(PASS, tests="1e0"), id="case 173: an exponent"),
        pytest.param(suite(PASS, tests=""), id="case 173: an empty total"),
        pytest.param(suite(PASS, tests=1, failures=1), id="case 173: a failure that is not listed"),
        pytest.param(suite(PASS, tests=1, errors=1), id="case 173: an error that is not listed"),
        pytest.param(
            b'<testsuites tests="9">' + suite(PASS) + b"</testsuites>", id="case 173: an outer total"
        ),
        pytest.param(suite("<failure/>" + PASS), id="case 173: a failure outside of any case"),
        pytest.param(suite("<testcase><testcase/></testcase>"), id="case 173: a case inside a case"),
    ],
)
def test_a_report_that_contradicts_itself_decides_nothing(content):
    assert refusal(content) is StageReason.REPORT_INCONSISTENT


@pytest.mark.parametrize(
    ("content", "counts"),
    [
        pytest.param(suite(FAIL, tests=0, failures=0), TestCounts(failed=1), id="case 173: a hidden failure"),
        pytest.param(suite(PASS + FAIL), TestCounts(passed=1, failed=1), id="no totals at all"),
        pytest.param(
            b'<testsuites tests="2"><testsuite tests="2">'
            + suite(PASS, tests=1)
            + suite(PASS, tests=1)
            + b"</testsuite></testsuites>",
            TestCounts(passed=2),
            id="case 173: nested suites are not counted twice",
        ),
        pytest.param(
            b'<x:testsuite xmlns:x="urn:x"><x:testcase name="a"/></x:testsuite>',
            TestCounts(passed=1),
            id="a namespace",
        ),
        pytest.param(
            suite('<testcase name="a"><failure/><error/></testcase>'),
            TestCounts(failed=1),
            id="a case that failed twice is one failure",
        ),
        pytest.param(
            suite('<testcase name="a"><skipped/><failure/></testcase>'),
            TestCounts(failed=1),
            id="a skipped case that failed is a failure",
        ),
        pytest.param(suite('<testcase name="a" status="notrun"/>'), TestCounts(skipped=1), id="GoogleTest"),
        pytest.param(suite(PASS).decode().encode("utf-16"), TestCounts(passed=1), id="UTF-16"),
        pytest.param(
            suite("<testcase><system-out><![CDATA[" + "x" * 1_100_000 + "]]></system-out></testcase>"),
            TestCounts(passed=1),
            id="a long log is not a long tag",
        ),
    ],
)
def test_the_cases_are_counted_whatever_the_totals_say(content, counts):
    assert replace(junit.read(content).counts, flaky=None) == counts


def test_more_failures_than_are_listed_are_still_counted():
    report = junit.read(suite(FAIL * (MAX_FAILURES + 7)))
    assert (report.counts.failed, len(report.failures), report.unlisted) == (
        MAX_FAILURES + 7,
        MAX_FAILURES,
        7,
    )
    both = junit.merge((report, report))
    assert (both.counts.failed, len(both.failures), both.unlisted) == (
        2 * MAX_FAILURES + 14,
        MAX_FAILURES,
        114,
    )


def test_case_178_names_and_messages_are_plain_and_bounded():
    hostile = '<testcase name="a&#x202e;b&#10;::add-mask::x"><failure message="{}"/></testcase>'
    report = junit.read(suite(hostile.format("x" * 100_000)))
    assert report.failures[0].name == "a\\u202eb ::add-mask::x"
    assert len(report.failures[0].message) == MAX_MESSAGE


def test_a_missing_module_is_named():
    body = "ImportError while importing test module\nE   ModuleNotFoundError: No module named 'nosuch'"
    report = junit.read(
        suite(f'<testcase name="t"><error message="collection failure">{body}</error></testcase>')
    )
    assert report.unstarted == ("nosuch",)
    assert "nosuch" in report.failures[0].message


def refusal(content: bytes) -> StageReason:
    report = junit.read(content)
    assert isinstance(report, Refusal), report
    return report.reason


FLAKED = '<testcase name="a"><flakyFailure message="once">stack</flakyFailure></testcase>'


@pytest.mark.parametrize(
    ("content", "flaky"),
    [
        pytest.param(suite(PASS + FAIL), 0, id="none"),
        pytest.param(suite(FLAKED), 1, id="failed once, then passed, as Surefire writes it"),
        pytest.param(suite('<testcase name="a"><flakyError/></testcase>'), 1, id="broke once, then passed"),
        pytest.param(suite('<testcase name="a"><rerunFailure/></testcase>'), 1, id="run again and passed"),
        pytest.param(
            suite('<testcase name="a"><failure/><rerunFailure/></testcase>'), 0, id="failed every time"
        ),
        pytest.param(suite(FLAKED + FLAKED), 1, id="one test, twice"),
        pytest.param(suite(PASS + '<testcase name="a"><failure/></testcase>'), 1, id="listed with both ends"),
        pytest.param(suite(PASS + '<testcase name="a"><skipped/></testcase>'), 0, id="passed and skipped"),
        pytest.param(
            b'<testsuites><testsuite name="x">' + PASS.encode() + b'</testsuite><testsuite name="y">'
            b'<testcase name="a"><failure/></testcase></testsuite></testsuites>',
            0,
            id="of one name in two suites",
        ),
    ],
)
def test_flaky_is_what_failed_and_passed_in_one_report(content, flaky):
    assert junit.read(content).counts.flaky == flaky


def test_what_fails_on_one_platform_and_passes_on_another_is_not_flaky():
    readings = (junit.read(suite(PASS)), junit.read(suite('<testcase name="a"><failure/></testcase>')))
    assert junit.merge(readings).counts.flaky == 0


def test_a_flaky_failure_outside_any_case_makes_the_report_inconsistent():
    assert refusal(suite(PASS + "<flakyFailure/>")) is StageReason.REPORT_INCONSISTENT
