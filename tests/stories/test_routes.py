"""The story on every way to deploy: our own command, a workflow that we dispatch, a deployment that others make."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from support.story import GATE_FILE, Place, Story, tell, until

from gate_app.standin.shapes import DeploymentState

DEPLOY_YML = """\
on:
  workflow_dispatch:
    inputs:
      sha: {required: true}
      gate: {required: true}
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps: [{run: "true"}]
"""
COMMAND = 'deploy: {command: echo "$GATE_ENVIRONMENT runs $GATE_SHA"}'
ROUTES = {
    "command": COMMAND,
    "workflow": "deploy: {workflow: deploy.yml}",
    "deployment": "deploy: deployment",
}
DEPLOYER = "maintainer"


@dataclass
class Route:
    """How the stories of one parameter deploy."""

    name: str
    place: Place

    @property
    def gate_file(self) -> str:
        return GATE_FILE.replace(COMMAND, ROUTES[self.name])

    def tell(self, gate_file: str | None = None, ends: str = "success") -> Story:
        story = tell(
            self.place,
            gate_file=gate_file or self.gate_file,
            base={".github/workflows/deploy.yml": DEPLOY_YML},
        )
        if self.name == "workflow":
            self.place.control.script_workflow(story.repository, "deploy.yml", {"conclusion": ends})
        return story

    def deploys(self, story: Story, environment: str, state: str = "success") -> DeploymentState:
        """Waits for the deployment; on the route of that name somebody reacts to it."""
        made = until(lambda: _deployment(story, environment), f"{environment} is deployed\n{story.told()}")
        if self.name == "deployment":
            for word in ("in_progress", state):
                self.place.control.set_deployment_status(
                    story.repository, made["id"], DEPLOYER, {"state": word}
                )
        return made


def _deployment(story: Story, environment: str) -> DeploymentState | None:
    ours = [
        d for d in story.deployments() if d["environment"] == environment and d["creator"].endswith("[bot]")
    ]
    return ours[-1] if ours else None


@pytest.fixture(params=ROUTES)
def route(request: pytest.FixtureRequest, place: Place) -> Route:
    return Route(request.param, place)


@pytest.fixture
def by_workflow(place: Place) -> Route:
    return Route("workflow", place)


@pytest.fixture
def by_others(place: Place) -> Route:
    return Route("deployment", place)


def test_a_change_is_tested_asked_about_and_released_to_staging_and_production(route: Route) -> None:
    story = route.tell()
    story.asks("staging")
    assert story.replies_to(story.says("reviewer", "/approve staging")) == "+1"
    route.deploys(story, "staging")
    story.asks("production")
    assert story.replies_to(story.says("maintainer", "/approve production")) == "+1"
    route.deploys(story, "production")
    story.shows("gate / production", "success")
    story.rests()
    head = story.pull["head_sha"]
    ours = [d for d in story.deployments() if d["creator"].endswith("[bot]")]
    assert [(d["environment"], d["sha"], d["statuses"][-1]["state"]) for d in ours] == [
        ("staging", head, "success"),
        ("production", head, "success"),
    ]


def test_a_denied_change_goes_nowhere(route: Route) -> None:
    story = route.tell()
    story.asks("staging")
    story.says("reviewer", "/deny staging the greeting is wrong")
    story.shows("gate / staging", "failure")
    story.rests()
    assert story.deployments() == []
    assert story.workflow_runs() == []


def test_case_020_an_approval_of_a_head_that_moved_releases_nothing(route: Route) -> None:
    story = route.tell()
    story.asks("staging")
    route.place.control.trouble_webhooks(hold=True)
    try:
        old = story.pull["head_sha"]
        story.pushes({"app.py": "print('evil')\n"})
        story.says("reviewer", f"/approve staging {old}")
    finally:
        route.place.control.trouble_webhooks()
    until(lambda: len(story.runs()) == 2, "the push is seen")
    story.rests()
    assert story.deployments() == []
    assert story.workflow_runs() == []


def test_a_push_supersedes_the_question_and_the_new_head_is_released(route: Route) -> None:
    story = route.tell()
    old = story.asks("staging")
    story.pushes({"app.py": "print('salut')\n"})
    until(
        lambda: [c for c in story.ours() if c["id"] > old["id"] and "### Deploy" in c["body"]],
        "the new head is asked about",
    )
    story.says("reviewer", "/approve staging")
    assert route.deploys(story, "staging")["sha"] == story.pull["head_sha"]
    story.shows("gate / staging", "success")


def test_an_environment_of_the_default_branch_deploys_the_merge_commit(route: Route) -> None:
    story = route.tell(route.gate_file.replace("  production:\n    from: pull_request\n", "  production:\n"))
    story.asks("staging")
    story.says("reviewer", "/approve staging")
    route.deploys(story, "staging")
    story.shows("gate / staging", "success")
    merged = route.place.control.merge(story.repository, story.number, by="maintainer", method="merge")
    story.asks("production")
    story.says("reviewer", "/approve production")
    assert route.deploys(story, "production")["sha"] == merged["merge_commit_sha"]


# --- a workflow that we dispatch -------------------------------------------------------------------------


def test_the_workflow_runs_from_the_default_branch_with_the_commit_and_the_gate(by_workflow: Route) -> None:
    story = by_workflow.tell()
    story.asks("staging")
    story.says("reviewer", "/approve staging")
    story.shows("gate / staging", "success")
    (run,) = story.workflow_runs()
    assert run["head_branch"] == "main"
    assert run["head_sha"] != story.pull["head_sha"]
    gate = f"{story.repository_id}#{story.number}:1:staging"
    assert run["inputs"] == {"sha": story.pull["head_sha"], "gate": gate}
    assert f"/actions/runs/{run['id']})" in (
        story.shows("stage / deploy@staging", "success")["summary"] or ""
    )


def test_a_workflow_that_fails_is_no_release(by_workflow: Route) -> None:
    story = by_workflow.tell(ends="failure")
    story.asks("staging")
    story.says("reviewer", "/approve staging")
    story.shows("gate / staging", "failure")
    story.rests()
    (ours,) = story.deployments()
    assert ours["statuses"][-1]["state"] == "failure"


def test_a_workflow_that_is_not_there_is_said_before_anybody_is_asked(by_workflow: Route) -> None:
    story = by_workflow.tell(by_workflow.gate_file.replace("deploy.yml", "ship.yml"))
    until(lambda: "workflow_missing" in _summary(story), "the missing workflow is named")
    story.rests()
    assert not any("### Deploy" in comment["body"] for comment in story.comments())


def test_a_workflow_that_lacks_the_inputs_waits_visibly_and_releases_nothing(by_workflow: Route) -> None:
    story = tell(
        by_workflow.place,
        gate_file=by_workflow.gate_file,
        base={".github/workflows/deploy.yml": "on: workflow_dispatch\njobs: {deploy: {}}\n"},
    )
    story.asks("staging")
    story.says("reviewer", "/approve staging")
    until(lambda: "workflow_not_dispatchable" in _summary(story), "the refusal is shown with its fix")
    assert story.workflow_runs() == []


def test_deployments_of_the_workflows_own_jobs_are_not_taken_for_somebody_elses(by_workflow: Route) -> None:
    with_job = DEPLOY_YML.replace("    runs-on", "    environment: staging\n    runs-on")
    story = tell(
        by_workflow.place, gate_file=by_workflow.gate_file, base={".github/workflows/deploy.yml": with_job}
    )
    by_workflow.place.control.script_workflow(story.repository, "deploy.yml", {"conclusion": "success"})
    story.asks("staging")
    story.says("reviewer", "/approve staging")
    story.shows("gate / staging", "success")
    story.asks("production")
    assert "released_outside" not in _summary(story)


def _summary(story: Story) -> str:
    check = story.check("gate / staging")
    return (check["summary"] or "") if check else ""


# --- a deployment that others carry out --------------------------------------------------------------------


def test_what_others_report_as_failed_is_no_release(by_others: Route) -> None:
    story = by_others.tell()
    story.asks("staging")
    story.says("reviewer", "/approve staging")
    by_others.deploys(story, "staging", "failure")
    story.shows("gate / staging", "failure")


def test_nothing_is_healthy_before_somebody_else_says_so(by_others: Route) -> None:
    story = by_others.tell()
    story.asks("staging")
    story.says("reviewer", "/approve staging")
    until(lambda: _deployment(story, "staging"), "the deployment is there")
    story.rests()
    check = story.check("gate / staging")
    assert check is not None
    assert check["conclusion"] is None
    (made,) = story.deployments()
    assert made["statuses"] == []


def test_a_status_whose_webhook_is_lost_is_read_with_the_next_look(by_others: Route) -> None:
    story = by_others.tell()
    story.asks("staging")
    story.says("reviewer", "/approve staging")
    made = until(lambda: _deployment(story, "staging"), "the deployment is there")
    story.rests()
    control = by_others.place.control
    control.trouble_webhooks(drop_every=1)
    control.set_deployment_status(story.repository, made["id"], DEPLOYER, {"state": "in_progress"})
    control.trouble_webhooks()
    control.set_deployment_status(story.repository, made["id"], DEPLOYER, {"state": "success"})
    story.shows("gate / staging", "success")
