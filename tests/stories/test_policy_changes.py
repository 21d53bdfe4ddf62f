"""A pull request that touches the gate file is told what it would change, over HTTP."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner
from support.story import GATE_FILE, Place, Story, tell

from gate_app.cli import main
from gate_app.standin.shapes import CommentState

LOOSE = GATE_FILE.replace("approval: {approvers: [{permission: write, count: 1}]}", "approval: {mode: never}")


def test_case_087_a_looser_gate_file_is_shown_so_and_a_broken_one_with_its_line(place: Place) -> None:
    story = tell(place, {".github/gate.yml": LOOSE})
    looser = story.shows("gate / policy", "failure")
    assert looser["title"] == "Looser than now: staging, production"
    assert "| `staging` | ⚠️ looser | `approval.mode` (looser) |" in looser["summary"]
    story.asks("staging")  # case 86: by the gate file of the default branch
    assert any("Looser than now" in comment["body"] for comment in story.ours())
    asked = story.sees(lambda: _asking(story), "administrators are asked, where nobody owns the file")
    assert "one person with admin permission who did not contribute" in asked["body"]
    story.pushes({".github/gate.yml": GATE_FILE + "surprise: 1\n"})
    broken = story.shows("gate / policy", "failure")
    assert "surprise" in broken["summary"]
    assert "The journal has no runs of these environments yet" in looser["summary"]
    story.pushes({".github/gate.yml": LOOSE + "# a remark\n"})
    again = story.shows("gate / policy", "failure")
    assert "1 of the last 1 run would have needed nobody in `staging` (then: 0)." in again["summary"]
    story.pushes({".github/gate.yml": GATE_FILE + "# a remark\n"})
    assert story.shows("gate / policy", "success")["title"] == "As strict as now"
    assert story.deployments() == []


def test_an_owner_lets_a_looser_gate_file_pass_and_the_auditor_reads_who(place: Place) -> None:
    owned = GATE_FILE + "policy: {owners: [{permission: maintain}]}\n"
    story = tell(place, {".github/gate.yml": owned.replace("after: staging", "paths: ['x/**']")}, owned)
    asked = story.sees(lambda: _asking(story), "the owners are asked")
    refused = story.says("reviewer", "/approve policy")
    assert "(`not_an_approver`): they are not among those" in story.replies_to(refused)
    assert story.replies_to(story.says("maintainer", "/approve policy")) == "+1"
    allowed = story.shows("gate / policy", "success")
    assert allowed["title"] == "Looser than now: production; allowed by maintainer"
    story.rests()
    assert "✅" in next(each["body"] for each in story.ours() if each["id"] == asked["id"])
    told = [event for event in _events(story) if event["environment"] == "policy"]
    assert [event["event"] for event in told] == ["asked", "approval", "approval", "policy_allowed"]
    assert story.deployments() == []


def _asking(story: Story) -> CommentState | None:
    wanted = "### Let this pull request make the gate file looser?"
    return next((each for each in story.ours() if each["body"].startswith(wanted)), None)


def _events(story: Story) -> list[dict[str, Any]]:
    said = CliRunner().invoke(main, ["audit", "export", "--database-url", story.place.app.database_url])
    assert said.exit_code == 0, said.output
    every = [json.loads(line) for line in said.output.splitlines()]
    return [event for event in every if event["repository_id"] == story.repository_id]


def test_a_pull_request_that_leaves_the_gate_file_alone_hears_nothing_of_it(place: Place) -> None:
    story = tell(place)
    story.asks("staging")
    story.rests()
    assert story.check("gate / policy") is None
