"""What we said, changed by somebody else: it is said again, and a question is asked anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest
from support.runs import MAINTAINER, REVIEWER, World, asking, policy, presses, shown_buttons

from gate_app.domain.effects import PublishComment
from gate_app.domain.events import CommentChanged, QuestionShown
from gate_app.domain.policy import ApproverLine, Permission

TWO = policy(ApproverLine(permission=Permission.WRITE, count=2))
ASKED = 70


def asking_in_a_comment(world: World | None = None) -> World:
    """Staging asks, and its comment has an id."""
    world = world or asking(TWO)
    world.last_comment = ASKED
    question = world.gate("staging").question
    assert question is not None
    gate = replace(world.gate("staging"), question=replace(question, comment_id=ASKED))
    world.run = world.run.with_gate(gate)
    return world


def is_changed(
    world: World, comment_id: int = ASKED, change: Literal["edited", "deleted"] = "edited"
) -> list[str]:
    """Somebody changes one of our comments; the surfaces that are written again."""
    decision = world.happens(CommentChanged(world.now, comment_id, 1, change, ours=True))
    return [effect.surface for effect in decision.effects if isinstance(effect, PublishComment)]


def number(world: World) -> int:
    question = world.gate("staging").question
    assert question is not None
    return question.number


@pytest.mark.parametrize("change", ["edited", "deleted"])
def test_an_open_question_is_asked_anew_and_the_old_one_written_over(
    change: Literal["edited", "deleted"],
) -> None:
    world = asking_in_a_comment()
    assert is_changed(world, change=change) == ["status", "question:staging:1", "question:staging:2"]
    assert number(world) == 2
    said = [effect.body for effect in world.effects if isinstance(effect, PublishComment)]
    assert "was replaced" in said[-2]
    assert "somebody edited or deleted the comment that asked" in said[-1]


def test_answers_to_a_question_that_was_changed_do_not_count() -> None:
    world = asking_in_a_comment()
    world.says(REVIEWER, "/approve staging")
    is_changed(world)
    world.says(MAINTAINER, "/approve staging")
    assert not world.releases("staging")
    world.says(REVIEWER, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_a_button_of_the_changed_question_answers_nothing() -> None:
    world = asking_in_a_comment()
    old = shown_buttons(world, "staging")["Approve"]
    is_changed(world)
    presses(world, REVIEWER, "staging", old)
    assert world.gate("staging").answers == ()
    assert shown_buttons(world, "staging")["Approve"] != old


def test_the_status_is_written_again_and_nothing_is_asked_anew() -> None:
    world = asking_in_a_comment()
    assert is_changed(world, comment_id=5) == ["status", "question:staging:1"]
    assert number(world) == 1


def test_the_outcome_of_a_question_is_written_again() -> None:
    world = asking_in_a_comment()
    world.says(REVIEWER, "/deny staging no")
    assert is_changed(world) == ["status", "question:staging:1"]
    assert world.gate("staging").disturbed == 0


def test_what_came_before_the_question_was_shown_is_none_of_it() -> None:
    world = asking(TWO)
    world.happens(QuestionShown(world.now, "staging", 1, ASKED))
    before = number(world)
    is_changed(world, comment_id=ASKED + 1)
    assert number(world) == before
