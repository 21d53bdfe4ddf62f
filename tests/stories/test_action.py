"""A job in CI redeems an approved gate: the step as a runner runs it, tokens of the stand-in's issuer, over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.action import DEPLOY_YML, DISPATCHED, GRANT, Runner, asking
from support.routes import DEPLOYER
from support.story import Place, Story, tell, until

from gate_app.standin.shapes import DeploymentState


def approved(place: Place, gate_file: str = GRANT) -> Story:
    story = asking(place, gate_file)
    story.says("reviewer", "/approve staging")
    return story


def ours(story: Story) -> list[DeploymentState]:
    """The deployments that the app made; jobs with an environment make their own."""
    return [each for each in story.released() if each["creator"] == story.place.registered["bot_login"]]


def by_hand(story: Story, tmp_path: Path, job: str = "deploy", **claims: object) -> tuple[Runner, int]:
    """Somebody runs the workflow; the runner of one of its jobs."""
    run = story.place.control.dispatch_workflow(story.repository, "deploy.yml", DEPLOYER)
    return of_run(story, tmp_path, run["id"], job, **claims), run["id"]


def of_run(story: Story, tmp_path: Path, run: int, job: str = "deploy", **claims: object) -> Runner:
    known = story.place.control.become_job(story.repository, run, job, claims)
    return Runner(tmp_path, story.place.app.environment["GATE_BASE_URL"], known)


def test_a_job_redeems_the_approval_deploys_what_was_approved_and_says_how_it_ended(
    place: Place, tmp_path: Path
) -> None:
    story = approved(place)
    runner, _ = by_hand(story, tmp_path)
    ended = runner.does("redeem", environment="staging")
    assert (ended.code, *ended.said) == (0, "approved", "grant_given"), ended.log
    assert ended.outputs["sha"] == story.pull["head_sha"]
    assert ended.outputs["grant-id"]
    assert ended.result["approved_by"] == ["reviewer"]
    assert "reviewer" in ended.summary
    (made,) = ours(story)
    assert made["sha"] == story.pull["head_sha"]

    assert runner.does("report", environment="staging", outcome="success").said == ("noted", "report_heard")
    story.shows("gate / staging", "success")


def test_the_end_of_the_workflow_run_ends_the_release_too(place: Place, tmp_path: Path) -> None:
    story = approved(place)
    runner, run = by_hand(story, tmp_path)
    assert runner.does("redeem", environment="staging").code == 0
    place.control.finish_workflow_run(story.repository, run, "failure")
    story.shows("gate / staging", "failure")


def test_one_line_waits_for_a_person_and_goes_on(place: Place, tmp_path: Path) -> None:
    story = asking(place)
    runner, _ = by_hand(story, tmp_path)
    waiting = runner.begin("gate", environment="staging", wait="2")
    until(lambda: story.runs()[0].gates["staging"].asks, "the job is heard")
    story.says("reviewer", "/approve staging")
    ended = runner.end(waiting)
    assert (ended.code, *ended.said) == (0, "approved", "grant_given"), ended.log


def test_a_job_that_is_cancelled_takes_its_request_back(place: Place, tmp_path: Path) -> None:
    story = asking(place)
    runner, _ = by_hand(story, tmp_path)
    waiting = runner.begin("gate", environment="staging", wait="2")
    until(lambda: story.runs()[0].gates["staging"].asks, "the job is heard")
    waiting.terminate()
    ended = runner.end(waiting)
    assert (ended.code, *ended.said) == (130, "denied", "job_cancelled")
    until(lambda: [a.want for a in story.runs()[0].gates["staging"].asks] == ["withdraw"], "it is withdrawn")


def test_the_workflow_that_the_app_dispatched_redeems_and_nobody_else_does(
    place: Place, tmp_path: Path
) -> None:
    """The hostile set of the dispatch route: by hand, edited on a branch, forged, run again, another environment."""
    story = approved(place, DISPATCHED)
    dispatched = story.sees(lambda: story.workflow_runs(), "the workflow is dispatched")[0]
    hand, _ = by_hand(story, tmp_path)
    gate = dispatched["inputs"]["gate"]
    assert hand.does("redeem", environment="staging", gate=gate).said == ("denied", "job_not_dispatched")

    edited = f"{story.repository}/.github/workflows/deploy.yml@refs/heads/edited"
    hostile = {
        "job_ref": {"job_workflow_ref": edited, "workflow_ref": edited, "ref": "refs/heads/edited"},
        "job_event": {"event_name": "pull_request_target"},
        "job_environment": {"environment": "production"},
        "job_not_dispatched": {"run_attempt": "2"},
        "repository_unknown": {"repository_id": "999999"},
    }
    for code, claims in hostile.items():
        runner = of_run(story, tmp_path, dispatched["id"], **claims)
        ended = runner.does("redeem", environment="staging", gate=gate)
        assert (ended.code, *ended.said, ended.outputs["grant-id"]) == (1, "denied", code, ""), ended.log

    ended = of_run(story, tmp_path, dispatched["id"]).does("redeem", environment="staging", gate=gate)
    assert (ended.code, *ended.said) == (0, "approved", "grant_given"), ended.log
    assert ended.outputs["sha"] == story.pull["head_sha"]
    second = of_run(story, tmp_path, dispatched["id"]).does("redeem", environment="staging", gate=gate)
    assert second.said == ("denied", "grant_used")


@pytest.mark.processes
def test_of_many_jobs_that_ask_at_once_one_gets_the_grant(place: Place, tmp_path: Path) -> None:
    """Case 125: by different runs, at the same moment."""
    story = approved(place)
    runners = []
    for number in range(5):
        (tmp_path / str(number)).mkdir()
        runners.append(by_hand(story, tmp_path / str(number))[0])
    begun = [runner.begin("redeem", environment="staging", wait="1") for runner in runners]
    said = sorted(runner.end(each).said for runner, each in zip(runners, begun, strict=True))
    assert said == [("approved", "grant_given"), *[("denied", "grant_used")] * 4]
    assert len(ours(story)) == 1


def test_the_three_line_gate_file_lets_the_push_to_main_deploy_once_a_person_said_so(
    place: Place, tmp_path: Path
) -> None:
    """Every check but that of the waiting job itself, one person, whoever redeems: the whole default."""
    name, three_lines = "main.yml", "version: 1\nenvironments:\n  production: {}\n"
    workflow = DEPLOY_YML.split("  other:")[0].replace("environment: staging", "environment: production")
    files = {f".github/workflows/{name}": workflow}
    story = tell(place, {"app.py": "print('salut')\n"}, three_lines, files, {name: {"conclusion": None}})
    head = place.control.merge(story.repository, story.number, by="maintainer")["merge_commit_sha"] or ""
    pushed = place.control.dispatch_workflow(story.repository, name, DEPLOYER)
    check = {"name": "test", "head_sha": head, "status": "completed", "conclusion": "success"}
    place.control.create_check_run(story.repository, check)
    runner = of_run(story, tmp_path, pushed["id"], event_name="push")
    waiting = runner.begin("gate", environment="production", wait="1")
    story.asks("production")
    story.says("reviewer", "/approve production")
    ended = runner.end(waiting)
    assert (ended.code, *ended.said, ended.outputs["sha"]) == (0, "approved", "grant_given", head), ended.log
