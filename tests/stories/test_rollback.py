"""An environment is kept for a pull request, and taken back by hand, over HTTP."""

from __future__ import annotations

import pytest
from support.story import GATE_FILE, Place, Story, tell

ONLY_STAGING = GATE_FILE.partition("  production:")[0]


def released(story: Story, files: dict[str, str] | None = None) -> str:
    """The head of the pull request, or a new one, runs in staging."""
    asked = max((c["id"] for c in story.ours()), default=0) if files else 0
    sha = story.pushes(files) if files else story.pull["head_sha"]
    story.asks("staging", after=asked)
    assert story.replies_to(story.says("reviewer", "/approve staging")) == "+1"
    story.shows("gate / staging", "success")
    return sha


@pytest.mark.processes
def test_what_was_healthy_before_is_released_again(place: Place) -> None:
    story = tell(place, gate_file=ONLY_STAGING)
    healthy = released(story)
    assert story.replies_to(story.says("author", "/lock staging until this works for 2h")) == "+1"
    story.sees(
        lambda: [c for c in story.ours() if "Locked for this pull request by `author`" in c["body"]],
        "the lock is shown",
    )
    broken = released(story, {"app.py": "print('broken')\n"})
    assert story.replies_to(story.says("reviewer", "/rollback staging the greeting is missing")) == "+1"
    asked = story.sees(
        lambda: next((c for c in story.ours() if c["body"].startswith("### Roll back `staging`")), None),
        "a rollback is asked about",
    )
    assert f"`reviewer` asks to take out `{broken[:12]}`: `the greeting is missing`" in asked["body"]
    assert "self_approval" in story.replies_to(story.says("reviewer", "/approve staging"))
    assert story.replies_to(story.says("author", "/approve staging")) == "+1"
    story.shows("rollback / staging", "success")
    story.rests()
    assert [d["sha"] for d in story.deployments()] == [healthy, broken, healthy]
    assert story.replies_to(story.says("maintainer", "/unlock staging")) == "+1"
