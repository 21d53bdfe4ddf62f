"""Who may answer, over HTTP: roles, organisations, and parts of a line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from support.story import GATE_FILE, Place, tell

WHO = "approval: {approvers: [{permission: write, count: 1}]}"


def asking_for(line: str) -> str:
    """The gate file of the stories, with this line for staging."""
    return GATE_FILE.replace(WHO, f"approval: {{approvers: [{line}]}}", 1)


@pytest.mark.processes
def test_a_custom_role_answers_and_a_member_who_left_does_not(place: Place) -> None:
    line = "{any_of: [{roles: [release-captain]}, {organisations: [acme]}]}"
    story = tell(place, gate_file=asking_for(line))
    story.asks("staging")
    place.control.set_member("acme", "maintainer")
    place.control.set_member("acme", "maintainer", "none")
    refused = story.replies_to(story.says("maintainer", "/approve staging"))
    assert "either one person with role release-captain or one person of acme" in refused
    place.control.set_role(story.repository, "reviewer", "release-captain:write")
    assert story.replies_to(story.says("reviewer", "/approve staging")) == "+1"
    story.shows("gate / staging", "success")


def test_the_owners_of_what_changes_answer(place: Place) -> None:
    story = tell(
        place,
        gate_file=asking_for("{codeowners: true}"),
        base={".github/CODEOWNERS": "* @reviewer\n/app.py @maintainer\n"},
    )
    asked = story.asks("staging")["body"]
    assert "the code owners of what changes (`maintainer` for `app.py`)" in asked
    assert "not_an_approver" in story.replies_to(story.says("reviewer", "/approve staging"))
    assert story.replies_to(story.says("maintainer", "/approve staging")) == "+1"
    story.shows("gate / staging", "success")


def test_an_approver_who_is_away_lets_somebody_else_answer(place: Place) -> None:
    gate_file = GATE_FILE.replace(
        WHO, "approval: {approvers: [{users: [maintainer]}], delegates: [{permission: write}]}", 1
    )
    story = tell(place, gate_file=gate_file)
    story.asks("staging")
    until = (datetime.now(UTC) + timedelta(days=3)).date()
    assert story.replies_to(story.says("maintainer", f"/delegate staging @reviewer until {until}")) == "+1"
    assert story.replies_to(story.says("reviewer", "/approve staging")) == "+1"
    story.shows("gate / staging", "success")
