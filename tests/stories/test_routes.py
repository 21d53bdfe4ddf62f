"""What is particular to each way to test and deploy: our own command, a workflow that we dispatch, others' work."""

from __future__ import annotations

import pytest
from support.routes import DEPLOY_YML, DEPLOYER, WORKFLOWS, Route, deployment, runs
from support.story import Place, Story, tell, until


@pytest.fixture
def by_workflow(place: Place) -> Route:
    return Route("workflow", place)


@pytest.fixture
def by_others(place: Place) -> Route:
    return Route("deployment", place)


# --- a command of our own --------------------------------------------------------------------------------


def test_what_a_command_deployed_lies_there_and_each_step_of_it_was_told(place: Place) -> None:
    story = tell(place)
    story.asks("staging")
    story.says("reviewer", "/approve staging")
    story.shows("gate / staging", "success")
    story.rests()
    (made,) = story.deployments()
    assert [status["state"] for status in made["statuses"]] == ["in_progress", "success"]
    assert (story.release("staging") / "app.py").read_text() == "print('bonjour')\n"


# --- a workflow that we dispatch -------------------------------------------------------------------------


def test_the_workflow_runs_from_the_default_branch_with_the_commit_and_the_gate(by_workflow: Route) -> None:
    story = by_workflow.tell()
    story.asks("staging")
    story.says("reviewer", "/approve staging")
    story.shows("gate / staging", "success")
    (run,) = [each for each in story.workflow_runs() if each["file_name"] == "deploy.yml"]
    assert run["head_branch"] == "main"
    assert run["head_sha"] != story.pull["head_sha"]
    gate = f"{story.repository_id}#{story.number}:1:staging"
    assert run["inputs"] == {"sha": story.pull["head_sha"], "gate": gate}
    assert f"/actions/runs/{run['id']})" in (
        story.shows("stage / deploy@staging", "success")["summary"] or ""
    )


def test_a_workflow_that_fails_is_no_release(by_workflow: Route) -> None:
    story = by_workflow.tell(scripts={"deploy.yml": {"conclusion": "failure"}})
    story.asks("staging")
    story.says("reviewer", "/approve staging")
    story.shows("gate / staging", "failure")
    story.rests()
    (ours,) = story.deployments()
    assert ours["statuses"][-1]["state"] == "failure"


def test_a_workflow_that_is_not_there_is_said_before_anybody_is_asked(by_workflow: Route) -> None:
    left_out = {path: text for path, text in WORKFLOWS.items() if not path.endswith("deploy.yml")}
    story = by_workflow.tell(workflows=left_out)
    until(lambda: "workflow_missing" in _summary(story), "the missing workflow is named")
    story.rests()
    assert not any("### Deploy" in comment["body"] for comment in story.comments())


def test_a_workflow_that_lacks_the_inputs_waits_visibly_and_releases_nothing(by_workflow: Route) -> None:
    without = {".github/workflows/deploy.yml": "on: workflow_dispatch\njobs: {deploy: {}}\n"}
    story = by_workflow.tell(workflows={**WORKFLOWS, **without})
    story.asks("staging")
    story.says("reviewer", "/approve staging")
    until(lambda: "workflow_not_dispatchable" in _summary(story), "the refusal is shown with its fix")
    assert not any(run["file_name"] == "deploy.yml" for run in story.workflow_runs())


def test_deployments_of_the_workflows_own_jobs_are_not_taken_for_somebody_elses(by_workflow: Route) -> None:
    with_job = DEPLOY_YML.replace("    runs-on", "    environment: staging\n    runs-on")
    story = by_workflow.tell(workflows={**WORKFLOWS, ".github/workflows/deploy.yml": with_job})
    story.asks("staging")
    story.says("reviewer", "/approve staging")
    story.shows("gate / staging", "success")
    story.asks("production")
    assert "released_outside" not in _summary(story)


def _summary(story: Story, name: str = "gate / staging") -> str:
    check = story.check(name)
    return (check["summary"] or "") if check else ""


def test_a_workflow_that_left_no_reports_is_unknown_until_it_is_run_again(by_workflow: Route) -> None:
    story = by_workflow.tell(scripts={"ci.yml": {"conclusion": "success"}})
    story.sees(lambda: "report_missing" in _summary(story, "stage / tests"), "nothing was reported")
    (silent,) = story.workflow_runs()
    control = by_workflow.place.control
    control.script_workflow(story.repository, "ci.yml", runs()["ci.yml"])
    control.rerun_workflow(story.repository, silent["id"], "author")
    story.asks("staging")


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
    until(lambda: deployment(story, "staging"), "the deployment is there")
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
    made = until(lambda: deployment(story, "staging"), "the deployment is there")
    story.rests()
    control = by_others.place.control
    control.trouble_webhooks(drop_every=1)
    control.set_deployment_status(story.repository, made["id"], DEPLOYER, {"state": "in_progress"})
    control.trouble_webhooks()
    control.set_deployment_status(story.repository, made["id"], DEPLOYER, {"state": "success"})
    story.shows("gate / staging", "success")
