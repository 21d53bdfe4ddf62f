"""GitHub Actions at the stand-in: workflows are dispatched, run as scripted, upload, and run again."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import github_schema
from support.standin import API, REPOSITORY, Github, open_pull, send, serving

from gate_app.standin.control import ControlError
from gate_app.standin.process import start

CI = """
name: CI
on:
  push:
  workflow_dispatch:
    inputs:
      sha: {required: true}
      level: {type: choice, options: [fast, full], default: fast}
      verbose: {type: boolean, default: false}
jobs:
  test: {name: Unit tests, runs-on: ubuntu-latest}
  lint: {runs-on: ubuntu-latest}
"""
FILES: dict[str, str | None] = {
    ".github/workflows/ci.yml": CI,
    ".github/workflows/deploy.yaml": "on: [workflow_dispatch]\njobs: {deploy: {}}\n",
    ".github/workflows/nightly.yml": "on:\n  schedule: []\njobs: {night: {}}\n",
    ".github/workflows/broken.yml": "on: [\n",
    ".github/workflows/README.md": "No workflow.\n",
}
RUN = ["workflow_run.requested", "workflow_run.in_progress", "workflow_run.completed"]


@pytest.fixture
def github(tmp_path: Path) -> Iterator[Github]:
    with serving(tmp_path) as found:
        sha = found.control.commit(REPOSITORY, FILES)["sha"]
        found.control.push(REPOSITORY, "main", sha, "maintainer")
        found.control.quiesce()
        found.receiver.received.clear()
        yield found


@pytest.fixture
def token(github: Github) -> str:
    return github.mint(permissions={"actions": "write"})


def dispatch(github: Github, token: str, ref: str = "main", **inputs: object) -> int:
    """The id of a new run of ci.yml."""
    body = {"ref": ref, "inputs": {"sha": "1234", **inputs}, "return_run_details": True}
    answer = github.call("POST", f"{API}/actions/workflows/ci.yml/dispatches", body, token=token)
    assert answer.status == 200, answer.body
    return int(answer.body["workflow_run_id"])


def told(github: Github) -> list[dict[str, Any]]:
    """The workflow runs of the webhooks, in order; every webhook is held against its schema."""
    assert github.control.quiesce()["quiet"]
    bodies = [
        github_schema.assert_webhook_valid(webhook.headers["X-GitHub-Event"], webhook.raw)
        for webhook in github.receiver.received
    ]
    return [body["workflow_run"] for body in bodies if "workflow_run" in body]


def test_the_workflows_of_the_default_branch_are_listed_and_read(github: Github, token: str) -> None:
    listed = github.call("GET", f"{API}/actions/workflows", token=token).body
    assert [(w["name"], w["path"].rsplit("/", 1)[1], w["state"]) for w in listed["workflows"]] == [
        (".github/workflows/broken.yml", "broken.yml", "active"),
        ("CI", "ci.yml", "active"),
        (".github/workflows/deploy.yaml", "deploy.yaml", "active"),
        (".github/workflows/nightly.yml", "nightly.yml", "active"),
    ]
    for key in (listed["workflows"][1]["id"], "ci.yml"):
        assert github.call("GET", f"{API}/actions/workflows/{key}", token=token).body["name"] == "CI"
    assert github.call("GET", f"{API}/actions/workflows/none.yml", token=token).status == 404


def test_a_dispatched_workflow_runs_on_the_head_of_its_branch_and_says_so(github: Github, token: str) -> None:
    _, head = open_pull(github)
    github.control.quiesce()
    github.receiver.received.clear()
    github.control.script_workflow(REPOSITORY, "ci.yml", {"conclusion": "success"})
    run_id = dispatch(github, token, "topic")
    runs = told(github)
    assert [name for name in github.receiver.names() if name.startswith("workflow_run")] == RUN
    assert [(run["id"], run["head_sha"], run["head_branch"], run["run_attempt"]) for run in runs] == [
        (run_id, head, "topic", 1)
    ] * 3
    assert [(run["status"], run["conclusion"]) for run in runs] == [
        ("queued", None),
        ("in_progress", None),
        ("completed", "success"),
    ]
    read = github.call("GET", f"{API}/actions/runs/{run_id}", token=token).body
    assert (read["event"], read["actor"]["login"], read["path"]) == (
        "workflow_dispatch",
        "gate-app[bot]",
        ".github/workflows/ci.yml",
    )
    assert [pull["head"]["sha"] for pull in read["pull_requests"]] == [head]
    [state] = github.control.state()["workflow_runs"]
    assert state["inputs"] == {"sha": "1234", "level": "fast", "verbose": "false"}


def test_its_jobs_are_check_runs_of_github_actions(github: Github, token: str) -> None:
    github.control.script_workflow(
        REPOSITORY, "ci.yml", {"conclusion": "failure", "jobs": {"test (3.12)": "failure", "lint": "success"}}
    )
    run_id = dispatch(github, token)
    told(github)
    jobs = github.call("GET", f"{API}/actions/runs/{run_id}/jobs", token=token).body["jobs"]
    assert [(job["name"], job["conclusion"]) for job in jobs] == [
        ("test (3.12)", "failure"),
        ("lint", "success"),
    ]
    assert github.call("GET", f"{API}/actions/jobs/{jobs[0]['id']}", token=token).body == jobs[0]
    checks = github.call("GET", f"{API}/commits/main/check-runs", token=github.mint()).body["check_runs"]
    assert {(c["app"]["slug"], c["name"], c["conclusion"]) for c in checks} == {
        ("github-actions", "test (3.12)", "failure"),
        ("github-actions", "lint", "success"),
    }
    [suite] = [json.loads(w.raw) for w in github.receiver.received if w.name == "check_suite.completed"]
    assert suite["check_suite"]["conclusion"] == "failure"


def test_without_the_wish_for_details_nothing_is_answered(github: Github, token: str) -> None:
    path = f"{API}/actions/workflows/deploy.yaml/dispatches"
    assert github.call("POST", path, {"ref": "refs/heads/main"}, token=token).status == 204


@pytest.mark.parametrize(
    ("file_name", "body", "status", "message"),
    [
        pytest.param("none.yml", {"ref": "main"}, 404, "Not Found", id="an unknown workflow"),
        pytest.param("ci.yml", {"ref": "nowhere"}, 422, "No ref found for: nowhere", id="an unknown ref"),
        pytest.param("ci.yml", {"ref": "{sha}"}, 422, "No ref found for", id="a SHA is no ref"),
        pytest.param("nightly.yml", {"ref": "main"}, 422, "'workflow_dispatch' trigger", id="no trigger"),
        pytest.param("broken.yml", {"ref": "main"}, 422, "'workflow_dispatch' trigger", id="broken YAML"),
        pytest.param(
            "deploy.yaml", {"ref": "old"}, 422, "'workflow_dispatch' trigger", id="a ref without the file"
        ),
        pytest.param("ci.yml", {"ref": "main"}, 422, "Required input 'sha'", id="a missing input"),
        pytest.param(
            "ci.yml",
            {"ref": "main", "inputs": {"sha": "1", "colour": "red"}},
            422,
            'Unexpected inputs provided: ["colour"]',
            id="an unknown input",
        ),
        pytest.param(
            "ci.yml",
            {"ref": "main", "inputs": {"sha": "1", "level": "some"}},
            422,
            "not in the list of allowed values",
            id="a choice that is not offered",
        ),
        pytest.param("ci.yml", {"inputs": {}}, 422, "ref", id="no ref"),
    ],
)
def test_a_dispatch_that_cannot_be_is_refused(
    github: Github, token: str, file_name: str, body: dict[str, Any], status: int, message: str
) -> None:
    first = github.call("GET", f"{API}/commits/main", token=github.mint()).body["parents"][0]["sha"]
    github.control.push(REPOSITORY, "old", first, "maintainer")
    given = body | ({"ref": first} if body.get("ref") == "{sha}" else {})
    answer = github.call("POST", f"{API}/actions/workflows/{file_name}/dispatches", given, token=token)
    assert answer.status == status
    assert message in answer.body["message"]


def test_dispatching_needs_actions_write(github: Github) -> None:
    reading = github.mint(permissions={"actions": "read"})
    path = f"{API}/actions/workflows/deploy.yaml/dispatches"
    assert github.call("POST", path, {"ref": "main"}, token=reading).status == 403
    assert (
        github.call("GET", f"{API}/actions/runs", token=github.mint(permissions={"checks": "read"})).status
        == 403
    )


def test_without_a_script_a_run_waits_for_a_runner(github: Github, token: str) -> None:
    run_id = dispatch(github, token)
    assert [run["status"] for run in told(github)] == ["queued"]
    github.control.start_workflow_run(REPOSITORY, run_id)
    github.control.finish_workflow_run(REPOSITORY, run_id, "timed_out")
    assert [run["conclusion"] for run in told(github)] == [None, None, "timed_out"]
    with pytest.raises(ControlError, match="is completed"):
        github.control.finish_workflow_run(REPOSITORY, run_id)


def test_a_run_may_never_end_or_take_its_time(github: Github, token: str) -> None:
    never, slow = {"conclusion": None}, {"seconds": 0.3}
    github.control.script_workflow(REPOSITORY, "*", never, slow)
    first, second = dispatch(github, token), dispatch(github, token)
    changes = github.control.state()["change"]
    while not any(run["conclusion"] for run in github.control.state()["workflow_runs"]):
        found = github.control.events(after=changes, wait=5)
        assert found, "the slow run never ended"
        changes = found[-1]["id"]
    states = {run["id"]: run["status"] for run in github.control.state()["workflow_runs"]}
    assert states == {first: "in_progress", second: "completed"}


def test_a_run_is_run_again_as_its_next_attempt_on_the_same_head(github: Github, token: str) -> None:
    github.control.script_workflow(REPOSITORY, "ci.yml", {"conclusion": "failure"}, {"conclusion": "success"})
    run_id = dispatch(github, token)
    [*_, failed] = told(github)
    github.control.push(
        REPOSITORY, "main", github.control.commit(REPOSITORY, {"later": "1"})["sha"], "maintainer"
    )
    path = f"{API}/actions/runs/{run_id}"
    assert github.call("POST", f"{path}/rerun", {}, token=token).status == 201
    [*_, again] = told(github)
    assert (again["run_attempt"], again["conclusion"], again["head_sha"]) == (
        2,
        "success",
        failed["head_sha"],
    )
    assert again["previous_attempt_url"].endswith(f"/actions/runs/{run_id}/attempts/1")
    first = github.call("GET", f"{path}/attempts/1", token=token).body
    assert (first["run_attempt"], first["conclusion"]) == (1, "failure")
    assert github.call("GET", f"{path}/attempts/3", token=token).status == 404
    for query, count in (("", 2), ("?filter=all", 4)):
        assert github.call("GET", f"{path}/jobs{query}", token=token).body["total_count"] == count
    old = github.call("GET", f"{path}/attempts/1/jobs", token=token).body["jobs"]
    assert {job["conclusion"] for job in old} == {"failure"}
    latest = github.call("GET", f"{API}/commits/{again['head_sha']}/check-runs", token=github.mint()).body
    assert {check["conclusion"] for check in latest["check_runs"]} == {"success"}


def test_a_run_is_cancelled_once_and_not_run_again_while_it_runs(github: Github, token: str) -> None:
    path = f"{API}/actions/runs/{dispatch(github, token)}"
    assert github.call("POST", f"{path}/rerun", token=token).status == 403
    assert github.call("POST", f"{path}/cancel", token=token).status == 202
    assert told(github)[-1]["conclusion"] == "cancelled"
    assert github.call("POST", f"{path}/cancel", token=token).status == 409
    run_id = int(path.rsplit("/", 1)[1])
    assert github.control.rerun_workflow(REPOSITORY, run_id, "reviewer")["attempt"] == 2
    assert told(github)[-1]["triggering_actor"]["login"] == "reviewer"


def test_runs_are_listed_by_head_branch_status_and_event(github: Github, token: str) -> None:
    _, head = open_pull(github)
    github.control.script_workflow(REPOSITORY, "ci.yml", {"conclusion": "failure"}, {"starts": False})
    ids = [dispatch(github, token), dispatch(github, token, "topic")]
    told(github)

    def listed(query: str, where: str = "runs") -> list[int]:
        body = github.call("GET", f"{API}/actions/{where}?{query}", token=token).body
        assert body["total_count"] == len(body["workflow_runs"])
        return [run["id"] for run in body["workflow_runs"]]

    assert listed("") == listed("event=workflow_dispatch") == ids[::-1]
    assert listed(f"head_sha={head}") == listed("branch=topic") == listed("status=queued") == ids[1:]
    assert listed("status=failure") == ids[:1]
    assert listed("", "workflows/ci.yml/runs") == ids[::-1]
    assert listed("event=push") == listed("", "workflows/deploy.yaml/runs") == []


def test_a_job_with_an_environment_deploys_there(github: Github, token: str) -> None:
    text = """
on: {workflow_dispatch: {inputs: {where: {required: true}}}}
jobs:
  build: {}
  deploy: {environment: {name: "${{ inputs.where }}"}}
"""
    sha = github.control.commit(REPOSITORY, {".github/workflows/release.yml": text})["sha"]
    github.control.push(REPOSITORY, "main", sha, "maintainer")
    github.control.script_workflow(REPOSITORY, "release.yml", {"conclusion": "failure"}, {})
    body = {"ref": "main", "inputs": {"where": "staging/eu"}, "return_run_details": True}
    path = f"{API}/actions/workflows/release.yml/dispatches"
    run_id = github.call("POST", path, body, token=token).body["workflow_run_id"]
    told(github)
    github.call("POST", f"{API}/actions/runs/{run_id}/rerun", token=token)
    runs = [run for run in told(github) if run is not None]
    assert {(run["id"], run["head_sha"]) for run in runs} == {(run_id, sha)}
    made = [
        (d["environment"], d["sha"], d["ref"], d["creator"], [s["state"] for s in d["statuses"]])
        for d in github.control.state()["deployments"]
    ]
    common = ("staging/eu", sha, "main", "github-actions[bot]")
    assert made == [(*common, ["in_progress", "failure"]), (*common, ["in_progress", "success"])]
    origins = [json.loads(w.raw) for w in github.receiver.received if w.name == "deployment_status.created"]
    assert {(body["check_run"]["name"], body["workflow"]["path"]) for body in origins} == {
        ("deploy", ".github/workflows/release.yml")
    }


def test_people_dispatch_too(github: Github) -> None:
    run = github.control.dispatch_workflow(REPOSITORY, "deploy.yaml", "maintainer")
    assert (run["actor"], run["head_branch"], run["number"]) == ("maintainer", "main", 1)
    assert told(github)[0]["actor"]["login"] == "maintainer"


def test_artifacts_are_listed_and_downloaded_without_the_token(github: Github, token: str) -> None:
    reports = {"reports": {"reports/junit.xml": "<testsuite/>"}, "logs": {"log.txt": "done"}}
    github.control.script_workflow(REPOSITORY, "ci.yml", {"artifacts": reports})
    run_id = dispatch(github, token)
    told(github)
    listed = github.call("GET", f"{API}/actions/runs/{run_id}/artifacts?name=reports", token=token).body
    [artifact] = listed["artifacts"]
    assert (listed["total_count"], artifact["workflow_run"]["id"]) == (1, run_id)
    assert github.call("GET", f"{API}/actions/artifacts", token=token).body["total_count"] == 2
    path = f"{API}/actions/artifacts/{artifact['id']}"
    assert github.call("GET", path, token=token).body == artifact
    moved = github.call("GET", f"{path}/zip", token=token)
    assert moved.status == 302
    place = moved.headers["Location"]
    assert place.startswith(github.url.replace("127.0.0.1", "localhost")), "another host than the API's"
    fetched = send(place.replace("localhost", "127.0.0.1"), "GET", raw=True)
    with zipfile.ZipFile(io.BytesIO(fetched.body)) as archive:
        assert archive.read("reports/junit.xml") == b"<testsuite/>"
    assert send(place.replace("localhost", "127.0.0.1"), "GET", headers={"Authorization": "x"}).status == 400
    github.clock.forward(minutes=2)
    assert send(place.replace("localhost", "127.0.0.1"), "GET").status == 404
    github.clock.forward(days=91)
    assert github.call("GET", f"{path}/zip", token=github.mint()).status == 410


def test_a_killed_stand_in_goes_on_with_its_runs(tmp_path: Path) -> None:
    process = start(tmp_path)
    try:
        process.control.create_person("author")
        process.control.create_repository(
            "acme", "shop", files={".github/workflows/ci.yml": str(FILES[".github/workflows/deploy.yaml"])}
        )
        process.control.script_workflow("acme/shop", "ci.yml", {"seconds": 0.2})
        process.control.dispatch_workflow("acme/shop", "ci.yml", "author")
    finally:
        process.kill()
    again = start(tmp_path, process.port)
    try:
        changes = 0
        while again.control.state()["workflow_runs"][0]["conclusion"] is None:
            found = again.control.events(after=changes, wait=5)
            assert found, "the run never ended"
            changes = found[-1]["id"]
    finally:
        again.stop()
    assert (tmp_path / "standin.log").read_text() == ""


def test_the_check_run_of_a_job_names_the_deployment_that_it_made(github: Github) -> None:
    """By either way to read it; a job without an environment names none."""
    name = ".github/workflows/release.yml"
    text = "on: workflow_dispatch\njobs: {ship: {environment: Production}, test: {}}\n"
    sha = github.control.commit(REPOSITORY, {name: text})["sha"]
    github.control.push(REPOSITORY, "main", sha, "maintainer")
    run = github.control.dispatch_workflow(REPOSITORY, "release.yml", "maintainer")
    github.control.start_workflow_run(REPOSITORY, run["id"])
    token = github.mint(permissions={"checks": "read", "contents": "read"})
    listed = github.call("GET", f"{API}/commits/{sha}/check-runs", token=token).body["check_runs"]
    places = {each["name"]: each.get("deployment", {}).get("environment") for each in listed}
    assert places == {"ship": "Production", "test": None}
