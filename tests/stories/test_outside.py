"""A deployment past the gate, over HTTP: shown on the pull request, and listed for the auditor."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from support.routes import Route
from support.story import Place, Story, tell

from gate_app.cli import main


def _outside(story: Story, *options: str) -> list[dict[str, object]]:
    words = ["audit", "outside", "--database-url", story.place.app.database_url, *options]
    said = CliRunner().invoke(main, words)
    assert said.exit_code == 0, said.output
    every = [json.loads(line) for line in said.output.splitlines()]
    return [event for event in every if event["repository_id"] == story.repository_id]


def test_what_somebody_deploys_by_hand_is_seen_and_what_we_release_is_not(place: Place) -> None:
    story = tell(place)
    story.asks("staging")
    control, sha = place.control, story.pull["base_sha"]
    wanted = {"ref": sha, "environment": "staging", "required_contexts": [], "auto_merge": False}
    made = control.deploy(story.repository, "maintainer", wanted)
    control.set_deployment_status(story.repository, made["id"], "maintainer", {"state": "success"})
    warned = f"`staging` was released to outside the gate: `{sha[:12]}` by `maintainer`"
    story.sees(lambda: any(warned in each["body"] for each in story.ours()), "the status comment warns")
    story.sees(
        lambda: warned in (story.check("gate / staging") or {"summary": ""})["summary"], "the check run warns"
    )
    story.says("reviewer", "/approve staging")
    story.shows("gate / staging", "success")
    story.rests()
    (told,) = _outside(story)
    assert (told["environment"], told["sha"], told["person"]) == ("staging", sha, "maintainer")
    assert told["detail"] == f"deployment {made['id']}"
    assert _outside(story, "--environment", "production") == []


@pytest.mark.parametrize("name", ["workflow", "deployment"])
def test_the_jobs_and_statuses_of_a_release_are_that_release(place: Place, name: str) -> None:
    route = Route(name, place)
    story = route.tell()
    story.asks("staging")
    story.says("reviewer", "/approve staging")
    route.deploys(story, "staging")
    story.shows("gate / staging", "success")
    story.rests()
    assert _outside(story) == []
