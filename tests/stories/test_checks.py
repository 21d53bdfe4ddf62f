"""Stories of gates that wait for the checks of others: CI that is somebody else's, and people who rely on it."""

from __future__ import annotations

from support.story import Place, Story, tell

THREE_LINES = """\
version: 1
environments:
  production: {}
"""
CHECKED = """\
version: 1
environments:
  production:
    from: pull_request
    deploy: {command: echo "$GATE_ENVIRONMENT runs $GATE_SHA"}
"""


def reports(story: Story, name: str, conclusion: str | None, sha: str | None = None) -> int:
    """A check run of Actions on the head begins, or ends like this."""
    ended = {"status": "in_progress"} if conclusion is None else {"conclusion": conclusion}
    wanted = {"name": name, "head_sha": sha or story.pull["head_sha"], **ended}
    return story.place.control.create_check_run(story.repository, wanted)["id"]


def ends(story: Story, check_run: int, conclusion: str) -> None:
    story.place.control.update_check_run(story.repository, check_run, {"conclusion": conclusion})


def asks_nothing(story: Story) -> None:
    story.rests()
    assert not any("### Deploy" in comment["body"] for comment in story.comments())


def test_the_three_line_gate_file_waits_for_every_check_of_others_on_the_merged_commit(place: Place) -> None:
    story = tell(place, gate_file=THREE_LINES)
    story.rests()
    assert story.ours() == [], "nothing is said before the merge"
    merged = place.control.merge(story.repository, story.number, by="maintainer")
    sha = merged["merge_commit_sha"]
    assert sha is not None
    story.pull = {**merged, "head_sha": sha}
    story.sees(lambda: story.check("stage / checks"), "the checks are waited for")
    one, two = reports(story, "build", None), reports(story, "test", None)
    ends(story, one, "success")
    story.rests()
    shown = story.check("stage / checks")
    assert shown is not None
    assert shown["conclusion"] is None
    ends(story, two, "success")
    summary = story.shows("stage / checks", "success")["summary"] or ""
    assert "2 checks: 2 success" in summary
    assert f"/{story.repository}/runs/{one})" in summary


def test_green_checks_of_others_bring_the_question_and_red_ones_take_it_back(place: Place) -> None:
    story = tell(place, gate_file=CHECKED)
    reports(story, "test", "success")
    story.asks("production")
    reports(story, "test", "failure")
    story.shows("gate / production", "failure")
    story.says("reviewer", "/approve production")
    story.rests()
    assert story.deployments() == []
    reports(story, "test", "success")
    story.sees(story.deployments, "the same evidence again: the answer given meanwhile counts")


def test_evidence_that_grew_after_the_question_is_asked_about_anew(place: Place) -> None:
    story = tell(place, gate_file=CHECKED)
    reports(story, "test", "success")
    first = story.asks("production")
    ends(story, reports(story, "lint", None), "success")
    asked = "### Deploy to `production`?"
    story.sees(
        lambda: [c for c in story.ours() if c["id"] > first["id"] and c["body"].startswith(asked)],
        "the larger evidence is asked about",
    )
    story.says("reviewer", "/approve production")
    story.sees(story.deployments, "production is deployed")


def test_a_failing_status_of_another_tool_closes_the_gate(place: Place) -> None:
    story = tell(place, gate_file=CHECKED)
    reports(story, "test", "success")
    head = story.pull["head_sha"]
    place.control.set_status(story.repository, head, "maintainer", {"state": "failure", "context": "ci/old"})
    assert "ci/old" in (story.shows("stage / checks", "failure")["title"] or "")
    story.shows("gate / production", "failure")


def test_only_what_the_branch_requires_counts_when_the_file_says_so(place: Place) -> None:
    required = "stages:\n  ci: {checks: required}\n"
    story = tell(place, gate_file=CHECKED.replace("environments:", f"{required}environments:"))
    place.control.require_checks(story.repository, "main", {"test": None})
    reports(story, "coffee", "failure")
    asks_nothing(story)
    reports(story, "test", "success")
    story.asks("production")


def test_our_own_check_runs_never_make_a_gate_green(place: Place) -> None:
    story = tell(place, gate_file=CHECKED)
    story.sees(lambda: story.check("stage / checks"), "the checks are waited for")
    asks_nothing(story)


def test_a_check_that_turned_red_behind_our_back_releases_nothing(place: Place) -> None:
    story = tell(place, gate_file=CHECKED)
    reports(story, "test", "success")
    story.asks("production")
    place.control.trouble_webhooks(drop_every=1)
    reports(story, "test", "failure")
    place.control.trouble_webhooks()
    story.says("reviewer", "/approve production")
    story.shows("gate / production", "failure")
    story.rests()
    assert story.deployments() == []
