"""A pull request that touches the gate file is told what it would change, over HTTP."""

from __future__ import annotations

from support.story import GATE_FILE, Place, tell

LOOSE = GATE_FILE.replace("approval: {approvers: [{permission: write, count: 1}]}", "approval: {mode: never}")


def test_case_087_a_looser_gate_file_is_shown_so_and_a_broken_one_with_its_line(place: Place) -> None:
    story = tell(place, {".github/gate.yml": LOOSE})
    looser = story.shows("gate / policy", "failure")
    assert looser["title"] == "Looser than now: staging, production"
    assert "| `staging` | ⚠️ looser | `approval.mode` (looser) |" in looser["summary"]
    story.asks("staging")  # case 86: by the gate file of the default branch
    assert any("Looser than now" in comment["body"] for comment in story.ours())
    story.pushes({".github/gate.yml": GATE_FILE + "surprise: 1\n"})
    broken = story.shows("gate / policy", "failure")
    assert "surprise" in broken["summary"]
    story.pushes({".github/gate.yml": GATE_FILE + "# a remark\n"})
    assert story.shows("gate / policy", "success")["title"] == "As strict as now"
    assert story.deployments() == []


def test_a_pull_request_that_leaves_the_gate_file_alone_hears_nothing_of_it(place: Place) -> None:
    story = tell(place)
    story.asks("staging")
    story.rests()
    assert story.check("gate / policy") is None
