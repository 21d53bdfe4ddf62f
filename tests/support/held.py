"""Workflow runs whose jobs GitHub holds until the gate answers, for stories."""

from __future__ import annotations

from support.routes import DEPLOYER, TESTS
from support.story import GATE_FILE, Place, Story, tell

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


def with_held_jobs(place: Place) -> Story:
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


def starts(story: Story, file_name: str = "deploy.yml", ref: str | None = None) -> WorkflowRunState:
    """Somebody starts the workflow on the branch of the pull request."""
    branch = ref or story.pull["head_ref"]
    return story.place.control.dispatch_workflow(story.repository, file_name, DEPLOYER, branch)


def reviews(story: Story, run: WorkflowRunState) -> list[tuple[object, object]]:
    found = story.place.control.job_reviews(story.repository, run["id"])
    return [(each["attempt"], each["state"]) for each in found]


def seen(story: Story, run: WorkflowRunState) -> WorkflowRunState:
    return next(each for each in story.workflow_runs() if each["id"] == run["id"])
