"""The floor of an organisation, over HTTP: what a gate file leaves out is asked for all the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.story import FILES, GATE_FILE, PEOPLE, Place, Story

UNASKED = GATE_FILE.replace(
    "approval: {approvers: [{permission: write, count: 1}]}", "approval: {mode: never}"
)
FLOOR = """\
version: 1
environments:
  "*": {approval: {mode: always, approvers: [{permission: maintain}]}}
"""


@pytest.fixture
def floored(place: Place) -> Iterator[str]:
    """Another organisation, with a floor in its repository `.github`."""
    place.control.create_person("umbrella", kind="Organization")
    place.control.install("umbrella")
    place.control.create_repository("umbrella", ".github", files={".github/gate-floor.yml": FLOOR})
    yield "umbrella"
    place.control.uninstall("umbrella")


def _told(place: Place, owner: str) -> Story:
    created = place.control.create_repository(owner, "greeter", files={**FILES, ".github/gate.yml": UNASKED})
    name = created["full_name"]
    for login, role in PEOPLE.items():
        place.control.set_role(name, login, role)
    commit = place.control.commit(name, {"app.py": "print('bonjour')\n"}, message="Greet", login="author")
    pull = place.control.open_pull(
        name, head_sha=commit["sha"], head_branch="french", title="Greet", author="author"
    )
    return Story(place, name, created["id"], pull)


def test_a_gate_file_that_asks_nobody_asks_whom_the_floor_names(place: Place, floored: str) -> None:
    story = _told(place, floored)
    assert "one person with maintain permission" in story.asks("staging")["body"]
    assert "not_an_approver" in story.replies_to(story.says("reviewer", "/approve staging"))
    assert story.deployments() == []
    assert story.replies_to(story.says("maintainer", "/approve staging")) == "+1"
    story.shows("gate / staging", "success")
