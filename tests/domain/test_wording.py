"""What people read: complete, short, and harmless whatever it shows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from support.runs import CHANGE, MAINTAINER, REVIEWER, asking, passed, policy, proposed

from gate_app.domain import wording
from gate_app.domain.effects import PublishCheckRun, PublishComment
from gate_app.domain.evidence import (
    Evidence,
    Finding,
    Severity,
    StageOutcome,
    StageReason,
    StageVerdict,
    TestCounts,
    TestFailure,
)
from gate_app.domain.inert import boxed, code, fenced, plain
from gate_app.domain.model import Origin, Unknown
from gate_app.domain.policy import ApproverLine, Permission, PolicyProblem
from gate_app.domain.sentences import SENTENCES, phrase
from gate_app.domain.verdict import Holds, Reason, ReasonCode, all_of, met

MARKDOWN = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable("table")
LIST = {"bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close"}
SAFE = {"inline", "paragraph_open", "paragraph_close", "text", "code_inline", "fence", "softbreak"}


def tokens(text: str) -> set[str]:
    parsed = MARKDOWN.parse(text)
    return {token.type for token in parsed} | {
        child.type for token in parsed for child in token.children or ()
    }


@given(st.text(max_size=300))
@settings(max_examples=1_500, deadline=None)
def test_case_167_a_boxed_text_is_one_code_span_and_nothing_else(text: str) -> None:
    assert tokens(f"before {code(text)} after") <= SAFE


@given(st.text(max_size=300))
@settings(max_examples=1_000, deadline=None)
def test_case_167_a_fenced_text_never_leaves_its_fence(text: str) -> None:
    assert tokens(fenced(text)) == {"fence"}


@given(st.text(max_size=300))
@settings(max_examples=1_000, deadline=None)
def test_case_167_a_message_in_a_list_stays_in_its_item_and_inert(text: str) -> None:
    item = f"- `name`:{boxed(text, 300, '  ')}\n- `next`: x"
    assert tokens(item) <= SAFE | LIST
    assert MARKDOWN.render(item).count("<li>") == 2


@pytest.mark.parametrize(
    "text",
    [
        "`",
        "``` x",
        "@acme/sre",
        "#1",
        "fixes #1",
        "![x](http://evil)",
        "<img src=x>",
        "a\nb",
        "a|b",
        "\u202e",
        "|",
    ],
)
def test_case_167_hostile_texts_stay_inside(text: str) -> None:
    row = f"| {code(text)} | x |\n"
    html = MARKDOWN.render("| a | b |\n|---|---|\n" + row)
    assert html.count("<td>") == 2
    assert "<img" not in html
    assert "<a " not in html
    assert "\u202e" not in html


def test_invisible_characters_are_spelled_out_and_texts_are_cut() -> None:
    assert plain("a\u200bb\tc", 50) == "a\\u200bb c"
    assert plain("x" * 60, 10) == "x" * 9 + "…"


def test_lines_stay_readable_in_one_line_and_in_a_list() -> None:
    assert plain("assert 1 == 2\r\n  +  where 1 = f()\n", 50) == "assert 1 == 2 ⏎ +  where 1 = f()"
    assert code("one\ntwo") == "`one ⏎ two`"
    assert boxed("one line\n") == " `one line`"
    assert boxed("one\r\n  two", indent="  ") == "\n  ```text\n  one\n    two\n  ```"


def test_every_reason_code_has_a_sentence() -> None:
    assert set(SENTENCES) == set(ReasonCode)
    for each in ReasonCode:
        assert phrase(each)


def test_trivially_false() -> None:
    assert not all_of(ReasonCode.NEEDS, ()).met
    assert all_of(ReasonCode.NEEDS, (met(ReasonCode.STAGE_PASSED),)).met
    worst = all_of(
        ReasonCode.NEEDS, (met(ReasonCode.STAGE_PASSED), Reason(ReasonCode.STAGE_UNKNOWN, Holds.UNKNOWN))
    )
    assert worst.holds is Holds.UNKNOWN


def rich() -> StageOutcome:
    evidence = Evidence(
        tests=TestCounts(10, 1, 1, 2),
        failures=(TestFailure("test_x", "assert 1 == 2"), TestFailure("test_y", "E  1\n+  2")),
        findings=(
            Finding("f1", "B602", Severity.HIGH, "shell=True", "app.py", 3),
            Finding("f2", "B101", Severity.LOW, "assert"),
        ),
        log_tail="the end",
    )
    return StageOutcome(StageVerdict.PASSED, StageReason.TESTS_PASSED, evidence)


def test_the_check_run_of_a_stage_shows_counts_failures_findings_and_the_end_of_its_output() -> None:
    world = proposed()
    checks = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "stage:tests"]
    assert checks[-1].status == "in_progress"
    world.stage_ends(outcome=rich())
    checks = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "stage:tests"]
    for part in (
        "10 passed, 1 failed, 1 error, 2 skipped",
        "1 high, 1 low",
        "- `test_x`: `assert 1 == 2`",
        "- `test_y`:\n  ```text\n  E  1\n  +  2\n  ```",
        "`app.py`",
        "the end",
    ):
        assert part in checks[-1].summary


def test_the_question_has_all_its_parts() -> None:
    rules = policy(
        ApproverLine(users=("author", "maintainer"), permission=Permission.MAINTAIN),
        ApproverLine(teams=("acme/sre",), count=2),
    )
    world = proposed(rules)
    world.stage_ends(outcome=rich())
    question = [
        e.body for e in world.effects if isinstance(e, PublishComment) and e.surface == "question:staging:1"
    ][-1]
    for part in (
        "Deploy to `staging`?",
        "`Greet in French`",
        "**Why a person is asked:**",
        "look at 2 findings and 2 skipped tests first",
        "@maintainer",
        "@acme/sre",
        "one of `author` or @maintainer, with maintain permission, and 2 people of @acme/sre, all different people",
        "/approve staging",
        "/deny staging",
        "Open until",
    ):
        assert part in question
    assert "@author" not in question


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (passed(), "approve, because every stage is clean"),
        (
            StageOutcome(StageVerdict.PASSED, StageReason.TESTS_PASSED, Evidence(truncated=True)),
            "none, because the evidence is incomplete",
        ),
        (
            StageOutcome(
                StageVerdict.PASSED, StageReason.TESTS_PASSED, Evidence(tests=TestCounts(1, 0, 0, 1))
            ),
            "look at 1 skipped test first",
        ),
    ],
)
def test_the_recommendation_is_a_table(outcome: StageOutcome, said: str) -> None:
    world = proposed()
    world.stage_ends(outcome=outcome)
    question = [
        e.body for e in world.effects if isinstance(e, PublishComment) and e.surface == "question:staging:1"
    ]
    assert said in question[-1]


def test_an_answered_question_reads_its_outcome() -> None:
    world = asking()
    world.says(REVIEWER, "/approve staging")
    world.deploys("staging")
    bodies = [
        e.body for e in world.effects if isinstance(e, PublishComment) and e.surface == "question:staging:1"
    ]
    assert "approved by `reviewer`" in bodies[-1]
    assert "Released and healthy" in bodies[-1]


def test_case_168_a_title_cannot_pass_for_our_verdict() -> None:
    world = proposed(change=replace(CHANGE, title="x`\n\n### ✅ approved by @cto"))
    world.stage_ends()
    bodies = [
        e.body for e in world.effects if isinstance(e, PublishComment) and e.surface == "question:staging:1"
    ]
    html = MARKDOWN.render(bodies[-1])
    assert html.count("<h3>") == 1
    assert "<code>x`" in html


@pytest.mark.parametrize(
    ("known", "title"),
    [
        (Unknown("hub_unavailable", "502"), "Waiting: the gate file cannot be read right now"),
        (PolicyProblem("policy_missing", "gone"), "Waiting: the gate file is gone"),
    ],
)
def test_the_title_of_a_waiting_gate_says_what_for(known: Unknown | PolicyProblem, title: str) -> None:
    world = proposed()
    world.current_policy = known
    world.tick()
    checks = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "gate:staging"]
    assert checks[-1].title == title
    assert checks[-1].status == "in_progress"


def test_a_waiting_gate_has_buttons_to_come_and_says_how_to_answer() -> None:
    world = asking()
    checks = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "gate:staging"]
    assert (checks[-1].status, checks[-1].conclusion) == ("completed", "action_required")
    assert "/approve staging" in checks[-1].summary


def test_a_broken_policy_answers_why_and_status() -> None:
    world = proposed(PolicyProblem("policy_invalid", "line 3"))
    world.says(MAINTAINER, "/why")
    assert "cannot be obeyed" in world.replies()[-1]
    world.says(MAINTAINER, "/status")
    assert "line 3" in world.replies()[-1]
    world.says(MAINTAINER, "/help")
    assert "Environments here: none" in world.replies()[-1]


def test_the_status_of_a_change_that_nothing_gates_shows_no_empty_tables() -> None:
    rules = policy()
    later = tuple(replace(each, origin=Origin.DEFAULT_BRANCH) for each in rules.environments)
    world = proposed(replace(rules, stages=(), environments=later))
    assert wording.status(world.run, {}, world.conditions()) == f"**Gate App** · {code(CHANGE.head.sha[:12])}"


def test_counts_of_nothing_say_so() -> None:
    assert wording.counts(Evidence()) == "no counts"
    assert wording.counts(Evidence(tests=TestCounts())) == "no tests"
    assert wording.counts(Evidence(summary="3 files")) == "3 files"
