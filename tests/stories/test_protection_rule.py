"""GitHub holds the job until the gate answers: over HTTP, with the rules of the stand-in."""

from __future__ import annotations

from support.routes import DEPLOYER, TESTS
from support.story import GATE_FILE, Place, Story, tell, until

from gate_app.standin.shapes import WorkflowRunState

DEPLOY = 'deploy: {command: echo "$GATE_ENVIRONMENT runs $GATE_SHA"}'
HELD = GATE_FILE.replace(TESTS, "checks: [test]").replace(DEPLOY, "deploy: protection_rule")
DEPLOY_YML = """\
on: workflow_dispatch
jobs:
  one: {runs-on: ubuntu-latest, environment: staging, steps: [{run: "true"}]}
  two: {runs-on: ubuntu-latest, environment: staging, steps: [{run: "true"}]}
"""
ELSEWHERE_YML = DEPLOY_YML.replace("environment: staging", "environment: 'a/b c'")
WORKFLOWS = {
    ".github/workflows/deploy.yml": DEPLOY_YML,
    ".github/workflows/elsewhere.yml": ELSEWHERE_YML,
}
ENDS = {"*": {"conclusion": "success"}}


def proposed(place: Place) -> Story:
    """A pull request whose checks have passed; GitHub holds every job of staging, and of another environment."""
    story = tell(place, {"app.py": "print('salut')\n"}, HELD, WORKFLOWS, ENDS)
    for environment in ("staging", "a/b c"):
        place.control.protect_environment(story.repository, environment, place.registered["app_id"])
    check = {
        "name": "test",
        "head_sha": story.pull["head_sha"],
        "status": "completed",
        "conclusion": "success",
    }
    place.control.create_check_run(story.repository, check)
    return story


def runs(story: Story, file_name: str = "deploy.yml", ref: str | None = None) -> WorkflowRunState:
    """Somebody starts the workflow on the branch of the pull request."""
    branch = ref or story.pull["head_ref"]
    return story.place.control.dispatch_workflow(story.repository, file_name, DEPLOYER, branch)


def reviews(story: Story, run: WorkflowRunState) -> list[tuple[object, object]]:
    found = story.place.control.job_reviews(story.repository, run["id"])
    return [(each["attempt"], each["state"]) for each in found]


def now(story: Story, run: WorkflowRunState) -> WorkflowRunState:
    return next(each for each in story.workflow_runs() if each["id"] == run["id"])


def test_the_job_waits_for_a_person_and_goes_on(place: Place) -> None:
    story = proposed(place)
    run = runs(story)
    story.asks("staging")
    assert now(story, run)["status"] == "waiting"
    until(lambda: reviews(story, run), "GitHub is told why it waits")
    story.says("reviewer", "/approve staging")
    story.shows("gate / staging", "success")
    assert reviews(story, run) == [(1, ""), (1, "approved")]
    assert now(story, run)["jobs"] == {"one": "success", "two": "success"}


def test_a_denial_fails_the_run_and_running_it_again_asks_again(place: Place) -> None:
    story = proposed(place)
    run = runs(story)
    story.asks("staging")
    story.says("reviewer", "/deny staging not on a Friday")
    until(lambda: now(story, run)["conclusion"] == "failure", "the run has failed")
    place.control.rerun_workflow(story.repository, run["id"], DEPLOYER)
    until(lambda: (2, "") in reviews(story, run), "the second attempt waits for a person")
    story.pushes({"app.py": "print('ciao')\n"})
    until(
        lambda: now(story, run)["conclusion"] == "cancelled", "a newer commit cancels it", told=place.app.log
    )
    assert (2, "rejected") not in reviews(story, run)


def test_a_job_that_no_gate_is_for_is_told_why_and_waits(place: Place) -> None:
    story = proposed(place)
    other = runs(story, "elsewhere.yml")
    until(lambda: reviews(story, other), "it is told why it waits", told=place.app.log)
    (told,) = place.control.job_reviews(story.repository, other["id"])
    assert "does not name `a/b c`" in str(told["comment"])
    assert "gate-app init" in str(told["comment"])
    story.rests()
    assert now(story, other)["status"] == "waiting"
