"""Channels, end to end: what a chat hears while a gate is decided on, and what a chat that is away does to it."""

from __future__ import annotations

from support.chat import chat
from support.story import GATE_FILE, Place, tell


def test_a_chat_hears_of_a_question_and_of_its_answer(place: Place) -> None:
    with chat(port=place.chat_port) as ops:
        story = tell(place, gate_file=f"{GATE_FILE}notify: [ops, pager]\n")
        story.asks("staging")
        story.sees(lambda: len(ops.taken) == 1, "the question is told")
        assert story.replies_to(story.says("maintainer", "/deny staging the token is hunter2")) == "+1"
        story.sees(lambda: len(ops.taken) == 2, "the decision is told")
    asked, denied = (each["message"] for each in ops.taken)
    assert asked.startswith("A person is asked: deploy ")
    assert denied.startswith("Denied by maintainer: deploy ")
    assert "/pull/" in asked
    assert "hunter2" not in denied
    summary = (story.check("gate / staging") or {}).get("summary") or ""
    assert "`notify` names `pager`, which the operator of this app has not configured." in summary


def test_a_chat_that_is_away_holds_nothing_up(place: Place) -> None:
    story = tell(place, gate_file=f"{GATE_FILE}notify: [ops]\n")
    story.asks("staging")
    assert story.replies_to(story.says("maintainer", "/approve staging")) == "+1"
    story.shows("gate / staging", "success")
