"""What of the evidence is shown at file and line, and what is new against what an environment runs."""

from __future__ import annotations

import pytest
from support.runs import asking, passed, proposed

from gate_app.domain.annotations import MAX_ANNOTATIONS, annotated
from gate_app.domain.baseline import Comparison, compare, first_needing
from gate_app.domain.conditions import EnvironmentFacts
from gate_app.domain.effects import PublishCheckRun, PublishComment
from gate_app.domain.evidence import Evidence, Finding, Severity, TestFailure
from gate_app.domain.model import Content
from gate_app.domain.policy import PolicyProblem


def finding(
    mark: str, severity: Severity = Severity.HIGH, path: str | None = "src/app.py", line: int | None = 7
) -> Finding:
    return Finding(mark, "B602", severity, "shell=True", path, line)


def test_failed_tests_come_first_then_the_worst_findings() -> None:
    evidence = Evidence(
        failures=(TestFailure("test_greet", "assert 'a' == 'b'", "tests/test_app.py", 12),),
        findings=(finding("1", Severity.LOW), finding("2", Severity.CRITICAL), finding("3", Severity.MEDIUM)),
    )
    shown = annotated(evidence, None)
    assert [(note.level, note.path, note.line) for note in shown] == [
        ("failure", "tests/test_app.py", 12),
        ("failure", "src/app.py", 7),
        ("warning", "src/app.py", 7),
        ("notice", "src/app.py", 7),
    ]
    assert shown[0].title == "test_greet failed"


def test_what_is_new_is_said_where_there_is_something_to_compare_with() -> None:
    one, other = finding("1"), finding("2")
    shown = annotated(Evidence(findings=(one, other)), Comparison("staging", (other,), 1, 0))
    assert [note.title for note in shown] == ["B602 · high", "B602 · high · new"]
    without = annotated(Evidence(findings=(one,)), Comparison(None, (one,), 0, 0))
    assert [note.title for note in without] == ["B602 · high"]


@pytest.mark.parametrize(
    "path", [None, "", "/etc/passwd", "../secrets", "a/../../b", "C:\\app.py", "a\u202eb.py", "."], ids=repr
)
def test_a_place_outside_the_checkout_gets_no_note(path: str | None) -> None:
    failure = TestFailure("test", "message", path, 3)
    assert annotated(Evidence(findings=(finding("1", path=path),), failures=(failure,)), None) == ()


def test_a_note_without_a_line_stands_at_the_first_and_never_without_a_text() -> None:
    note = annotated(Evidence(failures=(TestFailure("", "", "a.py"),)), None)[0]
    assert (note.line, note.title, note.message) == (1, "test failed", "failed")
    note = annotated(Evidence(findings=(Finding("1", "B1", Severity.LOW, "", "a.py"),)), None)[0]
    assert note.message == "B1 · low"


def test_the_number_of_notes_is_bounded() -> None:
    many = tuple(finding(str(number)) for number in range(MAX_ANNOTATIONS + 20))
    assert len(annotated(Evidence(findings=many), None)) == MAX_ANNOTATIONS


def test_findings_are_new_unchanged_or_fixed() -> None:
    evidence = [
        Evidence(findings=(finding("1"), finding("2"))),
        Evidence(findings=(finding("2"), finding("3"))),
    ]
    found = compare(evidence, "staging", ("2", "3", "4", "5"))
    assert ([each.fingerprint for each in found.new], found.unchanged, found.fixed) == (["1"], 2, 2)


def test_without_a_baseline_everything_is_new() -> None:
    found = compare([Evidence(findings=(finding("1"),))], "staging", None)
    assert (found.environment, len(found.new), found.unchanged, found.fixed) == (None, 1, 0, 0)


def test_the_check_run_and_the_question_compare_with_what_staging_runs() -> None:
    world = proposed()
    running = EnvironmentFacts("staging", 3, running=Content("e" * 40, "f" * 40), baseline=("old", "gone"))
    world.environments["staging"] = running
    world.passes(5).stage_ends(outcome=passed(finding("old"), finding("new", Severity.MEDIUM)))
    check = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "stage:tests"][-1]
    assert "1 new (1 medium), 1 unchanged against what `staging` runs." in check.summary
    assert [note.title for note in check.annotations] == ["B602 · high", "B602 · medium · new"]
    question = [
        e for e in world.effects if isinstance(e, PublishComment) and e.surface.startswith("question")
    ][-1]
    assert "1 new (1 medium), 1 unchanged, 1 fixed against what `staging` runs." in question.body


def test_a_first_deployment_says_that_there_is_nothing_to_compare_with() -> None:
    world = proposed()
    world.passes(5).stage_ends(outcome=passed(finding("one")))
    check = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "stage:tests"][-1]
    assert "Findings: all new, because nothing of ours runs there yet." in check.summary


def test_evidence_without_findings_compares_nothing() -> None:
    world = asking()
    question = [
        e for e in world.effects if isinstance(e, PublishComment) and e.surface.startswith("question")
    ][-1]
    assert "Findings:" not in question.body


def test_without_a_policy_no_environment_needs_a_stage() -> None:
    world = proposed(PolicyProblem("policy_invalid", "x"))
    assert first_needing(world.run, "tests") is None
