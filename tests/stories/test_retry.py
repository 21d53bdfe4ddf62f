"""A stage that failed runs again because somebody asks: by comment, by GitHub's "Re-run", for one check or for all."""

from __future__ import annotations

from support.story import GATE_FILE, Place, Story, tell, until

from gate_app.standin.shapes import CheckRunState

TESTED_THERE = GATE_FILE.replace(
    '    command: sh ./check.sh\n    junit: "reports/junit.xml"\n', "    workflow: tests.yml\n"
)
TESTS_YML = "on: workflow_dispatch\njobs: {tests: {runs-on: ubuntu-latest, steps: [{run: pytest}]}}\n"


def flaky(place: Place) -> Story:
    """The tests of the pull request fail at first and would pass the next time."""
    story = tell(place, gate_file=TESTED_THERE, base={".github/workflows/tests.yml": TESTS_YML})
    place.control.script_workflow(
        story.repository, "tests.yml", {"conclusion": "failure"}, {"conclusion": "success"}
    )
    until(lambda: [r.get("conclusion") for r in tries(story)] == ["failure"], "the tests fail")
    return story


def tries(story: Story) -> list[CheckRunState]:
    """The check runs of the stage on the head, oldest first: what runs again gets one of its own."""
    runs = [run for run in story.state()["check_runs"] if run["name"] == "stage / tests"]
    return sorted(runs, key=lambda run: run["id"])


def passes_again(story: Story) -> None:
    story.asks("staging")
    assert [run["conclusion"] for run in tries(story)] == ["failure", "success"]
    assert len([run for run in story.workflow_runs() if run["head_sha"] == story.pull["head_sha"]]) == 2


def test_a_comment_has_a_failed_stage_run_again_and_then_the_gate_asks(place: Place) -> None:
    story = flaky(place)
    assert "not_permitted" in story.replies_to(story.says("reader", "/retry tests"))
    assert story.replies_to(story.says("author", "/retry tests")) == "+1"
    passes_again(story)
    assert "stage_not_failed" in story.replies_to(story.says("author", "/retry tests"))


def test_re_run_at_github_does_the_same(place: Place) -> None:
    story = flaky(place)
    place.control.rerequest(story.repository, tries(story)[0]["id"], "reviewer")
    passes_again(story)


def test_re_run_of_all_checks_does_the_same_and_a_second_press_is_no_news(place: Place) -> None:
    story = flaky(place)
    suite = tries(story)[0]["suite_id"]
    place.control.rerequest_suite(story.repository, suite, "reviewer")
    passes_again(story)
    place.control.rerequest_suite(story.repository, suite, "reviewer")
    story.rests()
    assert len(tries(story)) == 2
    assert story.shows("gate / staging", "action_required")
