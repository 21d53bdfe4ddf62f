"""How a story must have ended, whatever happened on the way: everything is there, and nothing twice."""

from __future__ import annotations

from collections import Counter

from support.story import Story

from gate_app.bootstrap import replay_journal, verify_journal
from gate_app.domain.events import CommandGiven
from gate_app.standin.shapes import DeploymentState
from gate_app.store.database import existing
from gate_app.store.journal import Entry, entries


def expect_one_of_everything(story: Story) -> None:
    """Both environments released once, each question once, each check run once, and the record is whole."""
    story.shows("gate / production", "success")
    story.sees(
        lambda: all(_succeeded(each) for each in story.released()), "each deployment says it succeeded"
    )
    story.rests()
    assert [each["environment"] for each in story.released()] == ["staging", "production"]
    assert all(_succeeded(each) for each in story.released())
    story.expect_one_comment_each()
    names = [run["name"] for run in story.own_checks()]
    assert len(names) == len(set(names)), names
    for comment in story.comments():
        assert len(comment["reactions"]) <= 1
    expect_one_run_of_each_workflow(story)
    expect_one_decision_each(story)


def _succeeded(deployment: DeploymentState) -> bool:
    """By its last status, which a limit of GitHub's may hold back for longer than a story rests."""
    return bool(deployment["statuses"]) and deployment["statuses"][-1]["state"] == "success"


def expect_one_run_of_each_workflow(story: Story) -> None:
    """The tests ran once, and each environment was deployed to once."""
    started = [(run["file_name"], run["inputs"].get("gate", "")) for run in story.workflow_runs()]
    assert len(started) == len(set(started)), started


def expect_one_decision_each(story: Story) -> None:
    """Each answer was taken in once, and of each gate one release is in effect."""
    with existing(story.place.app.database_url) as database:
        journal = [sealed.entry for sealed in entries(database, repository_id=story.repository_id)]
    taken = [entry.event.comment_id for entry in journal if isinstance(entry.event, CommandGiven)]
    assert len(taken) == len(set(taken)), taken
    assert in_effect(journal) == {gate: 1 for entry in journal for gate, _ in entry.released}


def in_effect(journal: list[Entry]) -> dict[str, int]:
    """How many releases of each gate began and were not handed back."""
    found: Counter[str] = Counter()
    for entry in journal:
        found.update(gate for gate, _ in entry.released)
        found.subtract(gate for gate, _ in entry.returned)
    return dict(found)


def expect_a_whole_record(story: Story) -> None:
    """The chain verifies, and deciding everything again comes to the same."""
    assert verify_journal(story.place.app.database_url, None, None).clean
    assert replay_journal(story.place.app.database_url).agrees
