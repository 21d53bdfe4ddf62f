"""What people ask for besides answers, and what a change ships where, over HTTP."""

from __future__ import annotations

from support.story import GATE_FILE, Place, Story, tell

MONOREPO = GATE_FILE.replace("  staging:\n", '  staging:\n    paths: ["services/api/**"]\n').replace(
    "    after: staging\n", ""
)
ON_COMMAND = GATE_FILE.replace(
    "  production:\n    from: pull_request\n    after: staging\n", "  production:\n    from: command\n"
)


def test_the_question_says_what_ships(place: Place) -> None:
    story = tell(place)
    question = story.asks("staging")
    assert "**Ships:** 1 commit in, nothing of ours runs in `staging` yet." in question["body"]
    status = next(c["body"] for c in story.ours() if c["body"].startswith("**Gate App**"))
    assert "- `Greet in French`" in status


def test_a_change_that_touches_nothing_of_an_environment_skips_it(place: Place) -> None:
    story = tell(place, gate_file=MONOREPO)
    story.asks("production")
    assert story.shows("gate / staging", "skipped")["title"] == "Skipped: the change touches nothing of it"
    touching = tell(place, {"services/api/app.py": "1\n"}, gate_file=MONOREPO)
    touching.asks("staging")


def test_cancel_closes_and_deploy_asks_again(place: Place) -> None:
    story = tell(place)
    first = story.asks("staging")
    assert story.replies_to(story.says("author", "/cancel")) == "+1"
    story.shows("gate / staging", "cancelled")
    assert story.replies_to(story.says("author", "/deploy staging")) == "+1"
    story.shows("gate / staging", "action_required")
    story.rests()
    questions = [c["id"] for c in story.ours() if c["body"].startswith("### Deploy to `staging`?")]
    assert first["id"] not in questions
    assert len(questions) == 1
    assert "self_approval" in story.replies_to(story.says("author", "/approve staging"))
    assert story.replies_to(story.says("reviewer", "/approve staging")) == "+1"
    story.shows("gate / staging", "success")
    assert [d["environment"] for d in story.deployments()] == ["staging"]
    story.shows("gate / production", "cancelled")


def test_an_environment_on_command_waits_for_it(place: Place) -> None:
    story = tell(place, gate_file=ON_COMMAND)
    story.asks("staging")
    assert story.check("gate / production") is None
    assert story.replies_to(story.says("maintainer", "/deploy production")) == "+1"
    story.asks("production")
    assert story.replies_to(story.says("reviewer", "/approve production")) == "+1"
    story.shows("gate / production", "success")


def press(story: Story, login: str, label: str) -> None:
    """A person presses a button of the staging gate as it is shown now."""
    shown = story.shows("gate / staging", "action_required")
    identifier = {action["label"]: action["identifier"] for action in shown["actions"]}[label]
    story.place.control.click(story.repository, shown["id"], login, identifier)


def test_a_press_of_approve_releases(place: Place) -> None:
    story = tell(place)
    story.asks("staging")
    press(story, "reviewer", "Approve")
    story.asks("production")
    assert [d["environment"] for d in story.deployments()] == ["staging"]


def test_a_press_of_deny_denies(place: Place) -> None:
    story = tell(place)
    story.asks("staging")
    press(story, "reviewer", "Deny")
    summary = story.shows("gate / staging", "failure")["summary"]
    assert "denied by button" in summary


def test_a_press_of_the_author_releases_nothing_and_is_answered(place: Place) -> None:
    story = tell(place)
    question = story.asks("staging")
    press(story, "author", "Approve")
    assert "self_approval" in story.replies_to(question)
    story.rests()
    assert story.deployments() == []
