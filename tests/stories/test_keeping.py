"""An approval outlives a rebase that leaves the content as it was, over HTTP."""

from __future__ import annotations

import pytest
from support.story import GATE_FILE, Place, Story, tell

WHO = "approval: {approvers: [{permission: write, count: 1}]}"
KEEPING = GATE_FILE.replace(
    WHO, "approval: {same_content: keep, approvers: [{permission: write, count: 2}]}", 1
)
FRENCH = {"app.py": "print('bonjour')\n"}


def rebases(story: Story, files: dict[str, str]) -> str:
    """The author writes the pull request anew on the default branch, and pushes it with force."""
    commit = story.place.control.commit(story.repository, files, message="Reworded", login="author")
    story.pull = story.place.control.set_head(story.repository, story.number, commit["sha"], by="author")
    return commit["sha"]


@pytest.mark.processes
def test_who_approved_is_not_asked_again_after_a_rebase_and_is_after_a_change(place: Place) -> None:
    story = tell(place, gate_file=KEEPING)
    asked = story.asks("staging")
    assert story.replies_to(story.says("reviewer", "/approve staging")) == "+1"
    before = story.pull["head_sha"]

    sha = rebases(story, FRENCH)
    asked = story.asks("staging", after=asked["id"])
    check = story.sees(
        lambda: (
            found
            if "approval_kept" in ((found := story.check("gate / staging")) or {}).get("summary", "")
            else None
        ),
        "the approval is kept",
    )
    assert f"Approved at `{before[:12]}` by `reviewer`, and kept" in (check["summary"] or "")

    rebases(story, {"app.py": "print('salut')\n"})
    asked = story.asks("staging", after=asked["id"])
    assert story.replies_to(story.says("maintainer", "/approve staging")) == "+1"
    assert not story.deployments(), "another content: both are asked"
    assert story.replies_to(story.says("reviewer", "/approve staging")) == "+1"
    story.shows("gate / staging", "success")
    assert sha not in [each["sha"] for each in story.deployments()]
