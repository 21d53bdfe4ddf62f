"""Deployments at the stand-in that others make, what stands against one, and environments."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import github_schema
from support.standin import API, REPOSITORY, Github, open_pull, serving

from gate_app.standin.control import ControlError

FREE = {"required_contexts": [], "auto_merge": False}


@pytest.fixture
def github(tmp_path: Path) -> Iterator[Github]:
    with serving(tmp_path, events=["deployment"]) as found:
        open_pull(found)
        found.control.quiesce()
        found.receiver.received.clear()
        yield found


def test_people_and_apps_deploy_and_we_are_told(github: Github) -> None:
    control = github.control
    by_hand = control.deploy(REPOSITORY, "maintainer", {"ref": "main", "environment": "staging", **FREE})
    control.set_deployment_status(REPOSITORY, by_hand["id"], "maintainer", {"state": "success"})
    by_app = control.deploy(REPOSITORY, None, {"ref": "topic", **FREE}, app="argo-cd")
    control.set_deployment_status(REPOSITORY, by_app["id"], None, {"state": "in_progress"}, app="argo-cd")
    assert control.quiesce()["quiet"]
    seen = []
    for webhook in github.receiver.received:
        body = github_schema.assert_webhook_valid(webhook.headers["X-GitHub-Event"], webhook.raw)
        app = body["deployment"]["performed_via_github_app"]
        seen.append((webhook.name, body["sender"]["login"], app and app["slug"]))
    assert seen == [
        ("deployment.created", "maintainer", None),
        ("deployment_status.created", "maintainer", None),
        ("deployment.created", "argo-cd[bot]", "argo-cd"),
        ("deployment_status.created", "argo-cd[bot]", "argo-cd"),
    ]
    with pytest.raises(ControlError, match="either a login or an app"):
        control.deploy(REPOSITORY, None, {"ref": "main", **FREE})


def test_environments_come_with_their_first_deployment_whatever_the_case(github: Github) -> None:
    token = github.mint(permissions={"actions": "read", "deployments": "read"})
    for name in ("staging/eu", "Staging/EU", "production"):
        github.control.deploy(REPOSITORY, "maintainer", {"ref": "main", "environment": name, **FREE})
    listed = github.call("GET", f"{API}/environments", token=token).body
    assert [place["name"] for place in listed["environments"]] == ["staging/eu", "production"]
    assert listed["total_count"] == 2
    for spelt in ("staging%2Feu", "STAGING%2feu"):
        assert github.call("GET", f"{API}/environments/{spelt}", token=token).body["name"] == "staging/eu"
    assert github.call("GET", f"{API}/environments/nowhere", token=token).status == 404
    found = github.call("GET", f"{API}/deployments?environment=STAGING/EU", token=token).body
    assert len(found) == 2
    assert (
        github.call("GET", f"{API}/environments", token=github.mint(permissions={"checks": "read"})).status
        == 403
    )


def test_a_red_or_missing_status_stands_against_a_deployment(github: Github) -> None:
    sha, token = github.control.state()["pulls"][0]["head_sha"], github.mint()
    body = {"ref": "topic", "auto_merge": False}
    github.control.set_status(REPOSITORY, sha, "maintainer", {"state": "failure", "context": "ci"})
    assert github.call("POST", f"{API}/deployments", body, token=token).status == 409
    github.control.set_status(REPOSITORY, sha, "maintainer", {"state": "success", "context": "ci"})
    assert github.call("POST", f"{API}/deployments", body, token=token).status == 201
    wanted = {**body, "required_contexts": ["ci", "lint"]}
    assert github.call("POST", f"{API}/deployments", wanted, token=token).status == 409
    github.control.create_check_run(REPOSITORY, {"name": "lint", "head_sha": sha, "conclusion": "neutral"})
    assert github.call("POST", f"{API}/deployments", wanted, token=token).status == 201


def test_a_deployment_of_a_workflow_says_which_run_made_it(github: Github) -> None:
    text = "on: workflow_dispatch\njobs: {ship: {environment: production}}\n"
    sha = github.control.commit(REPOSITORY, {".github/workflows/ship.yml": text})["sha"]
    github.control.push(REPOSITORY, "main", sha, "maintainer")
    run = github.control.dispatch_workflow(REPOSITORY, "ship.yml", "maintainer")
    assert github.control.state()["deployments"] == []
    github.control.start_workflow_run(REPOSITORY, run["id"])
    github.control.quiesce()
    [made] = [json.loads(w.raw) for w in github.receiver.received if w.name == "deployment.created"]
    assert (made["workflow_run"]["id"], made["deployment"]["production_environment"]) == (run["id"], True)
