"""An environment in shadow, over HTTP: others deploy, what we would have done is said, and nothing is held."""

from __future__ import annotations

import json

from click.testing import CliRunner
from support.story import GATE_FILE, Place, Story, tell

from gate_app.cli import main

SHADOWED = GATE_FILE.replace("  staging:\n", "  staging:\n    shadow: true\n").replace(
    "    after: staging\n", ""
)


def _would(story: Story) -> list[str]:
    said = CliRunner().invoke(main, ["audit", "export", "--database-url", story.place.app.database_url])
    events = [json.loads(line) for line in said.output.splitlines()]
    ours = [event for event in events if event["repository_id"] == story.repository_id]
    return [event["event"] for event in ours if event["event"].startswith("would_")]


def test_a_gate_in_shadow_says_what_it_would_do_and_neither_asks_nor_deploys(place: Place) -> None:
    story = tell(place, gate_file=SHADOWED)
    story.asks("production")
    shown = story.shows("gate / staging", "neutral")
    assert shown["title"] == "In shadow: a person would be asked"
    assert "not_asked_yet" in story.replies_to(story.says("reviewer", "/approve staging"))
    story.rests()
    assert not [each for each in story.ours() if each["body"].startswith("### Deploy to `staging`?")]
    assert story.deployments() == []
    assert _would(story)[-1] == "would_ask"
