"""Holding a change and asking its author, over HTTP."""

from __future__ import annotations

from support.story import GATE_FILE, Place, tell

AFTER_THE_MERGE = (
    GATE_FILE.partition("environments:")[0]
    + """\
environments:
  production:
    approval: {approvers: [{permission: write, count: 1}]}
    deploy: {command: echo "$GATE_SHA"}
"""
)


def test_a_hold_outlives_a_push_and_a_question_reaches_the_author(place: Place) -> None:
    story = tell(place)
    first = story.asks("staging")
    story.says("reviewer", "/ask staging is the dictionary complete?")
    asked = "@author, `reviewer` asks about `staging`: `is the dictionary complete?`"
    story.sees(
        lambda: [each for each in story.ours() if each["body"].startswith(asked)], "the author is asked"
    )
    assert story.replies_to(story.says("author", "/answer it is")) == "+1"
    assert story.replies_to(story.says("reviewer", "/hold until the translators are back")) == "+1"
    story.pushes({"app.py": "print('salut')\n"})
    story.sees(
        lambda: (story.check("gate / staging") or {}).get("title") == "Held by reviewer", "it is held on"
    )
    assert not story.deployments()
    assert story.replies_to(story.says("reviewer", "/resume")) == "+1"
    story.asks("staging", after=first["id"])
    assert story.replies_to(story.says("maintainer", "/approve staging")) == "+1"
    story.shows("gate / staging", "success")


def test_what_ships_with_the_merge_is_held_before_it(place: Place) -> None:
    story = tell(place, gate_file=AFTER_THE_MERGE)
    story.shows("stage / tests", "success")
    assert story.replies_to(story.says("reviewer", "/hold until the translators are back")) == "+1"
    story.sees(
        lambda: [each for each in story.ours() if "**Held.** Nothing that this becomes" in each["body"]],
        "the status says so",
    )
    place.control.merge(story.repository, story.number, by="maintainer")
    assert "**Held by `reviewer`" in story.asks("production")["body"]
    assert story.replies_to(story.says("maintainer", "/approve production")) == "+1"
    story.rests()
    assert not story.deployments()
    assert story.replies_to(story.says("reviewer", "/resume")) == "+1"
    story.sees(story.deployments, "production is deployed")
