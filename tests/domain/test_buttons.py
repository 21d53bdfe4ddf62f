"""Approve and Deny on the gate's check run: what a press says, and which presses say nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.runs import (
    AUTHOR,
    CHANGE,
    HEAD,
    MAINTAINER,
    READER,
    REVIEWER,
    ROBOT,
    asking,
    policy,
    presses,
    proposed,
    shown_buttons,
)

from gate_app.domain.effects import PublishCheckRun
from gate_app.domain.policy import ApproverLine, Permission
from gate_app.domain.run import RunState
from gate_app.domain.verdict import VerdictState


def test_a_gate_that_asks_shows_approve_and_deny_within_githubs_lengths() -> None:
    world = asking()
    assert list(shown_buttons(world, "staging")) == ["Approve", "Deny"]
    shown = [each for each in world.effects if isinstance(each, PublishCheckRun) and each.buttons]
    for button in shown[-1].buttons:
        assert len(button.label) <= 20
        assert len(button.description) <= 40
        assert len(button.identifier) <= 20
    assert {each.conclusion for each in shown} == {"action_required"}


def test_a_gate_that_does_not_ask_shows_no_button() -> None:
    world = proposed()
    assert shown_buttons(world, "staging") == {}
    world.passes(5).stage_ends()
    assert shown_buttons(world, "production") == {}


def test_a_press_of_approve_releases() -> None:
    world = asking()
    presses(world, REVIEWER, "staging", shown_buttons(world, "staging")["Approve"])
    release = world.gate("staging").release
    assert release is not None
    assert release.approved_by == (REVIEWER,)
    assert world.replies() == []
    assert shown_buttons(world, "staging") == {}


def test_a_press_of_deny_denies_by_button() -> None:
    world = asking()
    presses(world, REVIEWER, "staging", shown_buttons(world, "staging")["Deny"])
    closing = world.gate("staging").closing
    assert closing is not None
    assert (closing.state, closing.by, closing.note) == (VerdictState.DENIED, REVIEWER, "denied by button")


def test_a_double_press_and_a_comment_of_one_person_are_one_approval() -> None:
    """Case 48: two lines want two people, whatever one of them does."""
    world = asking(policy(ApproverLine(permission=Permission.WRITE, count=2)))
    button = shown_buttons(world, "staging")["Approve"]
    presses(world, REVIEWER, "staging", button)
    presses(world, REVIEWER, "staging", button)
    world.says(REVIEWER, "/approve staging")
    assert world.state("staging") == "waiting"
    assert len(world.gate("staging").answers) == 2  # the button's once, the comment's
    presses(world, MAINTAINER, "staging", button)
    assert world.gate("staging").release is not None


@pytest.mark.parametrize(
    ("person", "code"),
    [
        pytest.param(AUTHOR, "self_approval", id="the author presses"),
        pytest.param(READER, "not_an_approver", id="somebody who may only read presses (case 47)"),
    ],
)
def test_a_press_that_does_not_count_is_told_where_people_talk(person: object, code: str) -> None:
    world = asking()
    presses(world, person, "staging", shown_buttons(world, "staging")["Approve"])  # type: ignore[arg-type]  # a table
    assert world.gate("staging").release is None
    assert len(world.replies()) == 1
    assert code in world.replies()[0]
    assert "The button for `staging`" in world.replies()[0]


def test_a_bots_press_is_passed_over_in_silence() -> None:
    world = asking()
    presses(world, ROBOT, "staging", shown_buttons(world, "staging")["Approve"])
    assert world.gate("staging").answers == ()
    assert world.replies() == []


@pytest.mark.parametrize(
    ("button", "sha", "environment", "code"),
    [
        pytest.param("approve:000000000000", HEAD.sha, "staging", "binding_changed", id="made up"),
        pytest.param("approve", HEAD.sha, "staging", "binding_changed", id="without a question"),
        pytest.param("shown", "f" * 40, "staging", "sha_mismatch", id="on another commit's check run"),
        pytest.param("shown", HEAD.sha, "production", "binding_changed", id="of another gate"),
        pytest.param("shown", HEAD.sha, "elsewhere", "environment_unknown", id="of a gate that is not"),
    ],
)
def test_a_press_that_answers_no_open_question_is_refused(
    button: str, sha: str, environment: str, code: str
) -> None:
    """Case 47: identifier, gate and head are all compared."""
    world = asking()
    shown = shown_buttons(world, "staging")["Approve"]
    presses(world, REVIEWER, environment, shown if button == "shown" else button, sha)
    assert all(gate.answers == () for gate in world.run.gates.values())
    assert code in world.replies()[0]


def test_a_button_of_an_earlier_question_answers_nothing() -> None:
    world = asking()
    before = shown_buttons(world, "staging")["Approve"]
    world.current_policy = policy(blob="q" * 40)
    world.tick()
    assert shown_buttons(world, "staging")["Approve"] != before
    presses(world, REVIEWER, "staging", before)
    assert world.gate("staging").release is None
    assert "binding_changed" in world.replies()[0]


def test_a_press_after_the_end_comes_too_late() -> None:
    world = asking()
    shown = shown_buttons(world, "staging")
    presses(world, REVIEWER, "staging", shown["Deny"])
    presses(world, MAINTAINER, "staging", shown["Approve"])
    assert "too_late" in world.replies()[-1]
    assert world.gate("staging").release is None


def test_a_run_without_a_conversation_is_answered_by_button_alone() -> None:
    """Case 102: nothing is attached to a guessed pull request; a refused press shows on the check run."""
    world = proposed(change=replace(CHANGE, conversation=None))
    world.passes(5).stage_ends()
    button = shown_buttons(world, "staging")["Approve"]
    presses(world, AUTHOR, "staging", button)
    assert world.replies() == []
    shown = [
        each for each in world.effects if isinstance(each, PublishCheckRun) and each.surface == "gate:staging"
    ]
    assert "self_approval" in shown[-1].summary
    presses(world, REVIEWER, "staging", button)
    assert world.gate("staging").release is not None


def test_a_superseded_run_is_answered_by_no_button() -> None:
    world = asking()
    button = shown_buttons(world, "staging")["Approve"]
    world.run = replace(world.run, state=RunState.SUPERSEDED)
    presses(world, REVIEWER, "staging", button)
    assert world.gate("staging").answers == ()
