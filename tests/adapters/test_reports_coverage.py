"""Coverage reports: counted from lines, and hostile ones decide nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.stages import peak_memory

from gate_app.domain.evidence import Coverage, StageReason
from gate_app.stages.reports import Refusal, coverage

COVERAGE_PY = b"""<?xml version="1.0" ?>
<coverage version="7.6" timestamp="1" lines-valid="4" lines-covered="3" line-rate="0.75" branch-rate="0">
<sources><source>/src</source></sources><packages><package name="app"><classes>
<class name="a.py" filename="app/a.py"><methods/><lines><line number="1" hits="1"/><line number="2" hits="0"/>
</lines></class>
<class name="b.py" filename="app/b.py"><methods><method name="f"><lines><line number="9" hits="0"/></lines></method>
</methods><lines><line number="1" hits="7"/><line number="3" hits="1" branch="true"/></lines></class>
</classes></package></packages></coverage>"""
DOCTYPE = b'<!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd">'
LCOV = b"""TN:unit
SF:app/a.py
FN:1,main
FNDA:1,main
DA:1,3
DA:2,0,checksum
BRDA:1,0,0,1
LF:2
LH:1
end_of_record
"""


def cobertura(lines: str = '<line number="1" hits="1"/>', root: str = "") -> bytes:
    return f'<coverage {root}><class filename="a.py"><lines>{lines}</lines></class></coverage>'.encode()


@pytest.mark.parametrize(
    ("content", "measured"),
    [
        pytest.param(COVERAGE_PY, Coverage(4, 3), id="as coverage.py writes it"),
        pytest.param(
            COVERAGE_PY.replace(b"<coverage", DOCTYPE + b"<coverage", 1),
            Coverage(4, 3),
            id="with the document type of Cobertura",
        ),
        pytest.param(LCOV, Coverage(2, 1), id="LCOV"),
        pytest.param(LCOV.replace(b"\n", b"\r\n"), Coverage(2, 1), id="LCOV of Windows"),
        pytest.param(LCOV + LCOV, Coverage(2, 1), id="one file of two tests"),
        pytest.param(
            LCOV.replace(b"DA:1,3", b"DA:1,-3").replace(b"LH:1", b"LH:0"), Coverage(2, 0), id="overflown"
        ),
        pytest.param(
            cobertura('<line number="1" hits="0"/><line number="1" hits="2"/>', 'lines-valid="2"'),
            Coverage(1, 1),
            id="one line in two classes, counted twice by the tool",
        ),
    ],
)
def test_lines_are_counted_once(content, measured):
    assert coverage.read(content).coverage == measured


HOSTILE = [
    pytest.param(b"", StageReason.REPORT_EMPTY, id="no byte"),
    pytest.param(cobertura(""), StageReason.REPORT_EMPTY, id="no line"),
    pytest.param(b"TN:\n", StageReason.REPORT_EMPTY, id="no record"),
    pytest.param(COVERAGE_PY[:-12], StageReason.REPORT_UNREADABLE, id="case 172: XML that is cut short"),
    pytest.param(LCOV[:-20], StageReason.REPORT_UNREADABLE, id="case 172: a record without an end"),
    pytest.param(b"<report/>", StageReason.REPORT_UNREADABLE, id="another XML"),
    pytest.param(b"<html>proxy error</html>", StageReason.REPORT_UNREADABLE, id="a page"),
    pytest.param(b"coverage: 100%\n", StageReason.REPORT_UNREADABLE, id="a sentence"),
    pytest.param(
        b'<!DOCTYPE coverage [<!ENTITY a "b">]>' + cobertura(),
        StageReason.REPORT_UNREADABLE,
        id="case 170: entities",
    ),
    pytest.param(
        b'<!DOCTYPE coverage SYSTEM "http://127.0.0.1/x.dtd">' + cobertura(),
        StageReason.REPORT_UNREADABLE,
        id="case 170: a document type of somebody else",
    ),
    pytest.param(
        DOCTYPE + DOCTYPE + cobertura(), StageReason.REPORT_UNREADABLE, id="case 170: two document types"
    ),
    pytest.param(
        cobertura(root='lines-valid="9"'),
        StageReason.REPORT_INCONSISTENT,
        id="case 173: more lines than listed",
    ),
    pytest.param(
        cobertura('<line number="1" hits="0"/>', 'lines-covered="1"'),
        StageReason.REPORT_INCONSISTENT,
        id="case 173: more covered than listed",
    ),
    pytest.param(
        cobertura(root='lines-valid="-1"'), StageReason.REPORT_INCONSISTENT, id="case 173: a negative total"
    ),
    pytest.param(
        cobertura('<line number="1" hits="NaN"/>'), StageReason.REPORT_INCONSISTENT, id="case 173: NaN"
    ),
    pytest.param(
        cobertura('<line number="1"/>'),
        StageReason.REPORT_INCONSISTENT,
        id="case 173: a line without a count",
    ),
    pytest.param(LCOV.replace(b"LF:2", b"LF:3"), StageReason.REPORT_INCONSISTENT, id="case 173: LF lies"),
    pytest.param(LCOV.replace(b"LH:1", b"LH:2"), StageReason.REPORT_INCONSISTENT, id="case 173: LH lies"),
    pytest.param(
        LCOV.replace(b"LH:1", b"LH:x"), StageReason.REPORT_INCONSISTENT, id="case 173: LH is no number"
    ),
    pytest.param(b"DA:1,1\n", StageReason.REPORT_INCONSISTENT, id="a line of no file"),
    pytest.param(b"end_of_record\n", StageReason.REPORT_INCONSISTENT, id="an end of nothing"),
    pytest.param(b"SF:a\nSF:b\n", StageReason.REPORT_INCONSISTENT, id="a record in a record"),
    pytest.param(b"<a>" * 100, StageReason.REPORT_UNREADABLE, id="another XML, deep"),
    pytest.param(b"<coverage>" * 100, StageReason.REPORT_TOO_LARGE, id="case 171: deep"),
    pytest.param(
        b'<coverage a="' + b"x" * 1_100_000,
        StageReason.REPORT_TOO_LARGE,
        id="case 171: a very long attribute",
    ),
    pytest.param(
        b"SF:a\n" + b"".join(b"DA:%d,1\n" % n for n in range(coverage.MAX_LINES + 1)),
        StageReason.REPORT_TOO_LARGE,
        id="case 171: too many lines",
    ),
]


@pytest.mark.parametrize(("content", "reason"), HOSTILE)
def test_a_hostile_report_decides_nothing(content, reason):
    found = coverage.read(content)
    assert isinstance(found, Refusal)
    assert found.reason is reason


def test_a_report_is_read_in_little_memory():
    content = "b'SF:a\\n' + b''.join(b'DA:%d,1\\n' % n for n in range(499_999)) + b'end_of_record'"
    assert peak_memory("coverage", content) < 150 * 1024


def test_several_reports_are_bounded_together():
    half = coverage.MAX_LINES // 2 + 1
    reading, other = (coverage.CoverageReport({name: dict.fromkeys(range(half), True)}) for name in "ab")
    assert coverage.merge((reading, reading)).coverage == Coverage(half, half)
    assert coverage.merge((reading, other)).reason is StageReason.REPORT_TOO_LARGE


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.sampled_from([COVERAGE_PY, LCOV]).flatmap(
            lambda text: st.tuples(
                st.integers(0, len(text)), st.integers(0, len(text)), st.binary(max_size=5)
            ).map(lambda cut: text[: cut[0]] + cut[2] + text[cut[1] :])
        ),
    )
)
def test_no_content_raises(content):
    found = coverage.read(content)
    assert isinstance(found, Refusal) or found.coverage.lines > 0
