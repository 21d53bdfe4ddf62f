"""What others say of a commit at the stand-in: suites, statuses, re-runs, and what a branch requires."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import github_schema
from support.standin import API, REPOSITORY, Github, open_pull, serving

SUBSCRIBED = {"permissions": {"statuses": "write", "administration": "read"}, "events": ["status"]}


@pytest.fixture
def github(tmp_path: Path) -> Iterator[Github]:
    with serving(tmp_path, **SUBSCRIBED) as found:  # type: ignore[arg-type]
        open_pull(found)
        found.control.quiesce()
        found.receiver.received.clear()
        yield found


@pytest.fixture
def sha(github: Github) -> str:
    return github.control.state()["pulls"][0]["head_sha"]


def told(github: Github, event: str) -> list[dict[str, Any]]:
    """The bodies of one kind of webhook in order; every webhook is held against its schema."""
    assert github.control.quiesce()["quiet"]
    for webhook in github.receiver.received:
        github_schema.assert_webhook_valid(webhook.headers["X-GitHub-Event"], webhook.raw)
    return [json.loads(w.raw) for w in github.receiver.received if w.name == event]


def test_a_suite_is_completed_with_the_conclusion_of_the_highest_priority(github: Github, sha: str) -> None:
    token, control = github.mint(), github.control

    def suite() -> tuple[str, str | None, int]:
        body = github.call("GET", f"{API}/commits/{sha}/check-suites?app_id={ci}", token=token).body
        [only] = body["check_suites"]
        return only["status"], only["conclusion"], only["latest_check_runs_count"]

    test = control.create_check_run(REPOSITORY, {"name": "test", "head_sha": sha}, "ci")
    ci = github.call("GET", f"{API}/check-runs/{test['id']}", token=token).body["app"]["id"]
    assert suite() == ("queued", None, 1)
    control.create_check_run(REPOSITORY, {"name": "lint", "head_sha": sha, "conclusion": "success"}, "ci")
    assert suite() == ("in_progress", None, 2)
    control.update_check_run(REPOSITORY, test["id"], {"conclusion": "timed_out"})
    assert suite() == ("completed", "timed_out", 2)
    control.create_check_run(REPOSITORY, {"name": "test", "head_sha": sha, "conclusion": "success"}, "ci")
    assert suite() == ("completed", "success", 2)
    conclusions = [body["check_suite"]["conclusion"] for body in told(github, "check_suite.completed")]
    assert conclusions == ["timed_out", "success"]


def test_suites_are_made_read_and_asked_for_again(github: Github, sha: str) -> None:
    token = github.mint()
    [own] = github.call("GET", f"{API}/commits/topic/check-suites", token=token).body["check_suites"]
    known = github.call("POST", f"{API}/check-suites", {"head_sha": sha}, token=token)
    assert (known.status, known.body["id"]) == (200, own["id"])
    first = github.call("GET", f"{API}/commits/main", token=token).body["sha"]
    made = github.call("POST", f"{API}/check-suites", {"head_sha": first}, token=token)
    assert made.status == 201
    path = f"{API}/check-suites/{made.body['id']}"
    assert github.call("GET", path, token=token).body["head_sha"] == first
    github.call("POST", f"{API}/check-runs", {"name": "a", "head_sha": first}, token=token)
    assert github.call("GET", f"{path}/check-runs", token=token).body["total_count"] == 1
    assert github.call("POST", f"{path}/rerequest", token=token).status == 201
    github.control.rerequest_suite(REPOSITORY, own["id"], "reviewer")
    asked = [(b["check_suite"]["id"], b["sender"]["login"]) for b in told(github, "check_suite.rerequested")]
    assert asked == [(made.body["id"], "gate-app[bot]"), (own["id"], "reviewer")]
    assert github.call("GET", f"{API}/check-suites/1", token=token).status == 404


def test_asking_another_app_to_run_again_is_not_told_to_us(github: Github, sha: str) -> None:
    run = github.control.create_check_run(REPOSITORY, {"name": "test", "head_sha": sha}, "ci")
    path = f"{API}/check-runs/{run['id']}/rerequest"
    assert github.call("POST", path, token=github.mint()).status == 201
    assert told(github, "check_run.rerequested") == []
    assert len(told(github, "check_run.created")) == 1


def test_the_newest_status_of_each_context_makes_the_combined_one(github: Github, sha: str) -> None:
    token, path = github.mint(), f"{API}/commits/topic/status"

    def combined() -> tuple[str, list[tuple[str, str]]]:
        body = github.call("GET", path, token=token).body
        assert (body["sha"], body["total_count"]) == (sha, len(body["statuses"]))
        return body["state"], sorted((status["context"], status["state"]) for status in body["statuses"])

    assert combined() == ("pending", [])
    github.control.set_status(REPOSITORY, sha, "maintainer", {"state": "pending", "context": "ci/build"})
    body = {
        "state": "success",
        "context": "gate",
        "description": "Open",
        "target_url": "https://gate.example",
    }
    assert github.call("POST", f"{API}/statuses/{sha}", body, token=token).body["creator"]["type"] == "Bot"
    assert combined() == ("pending", [("ci/build", "pending"), ("gate", "success")])
    github.control.set_status(REPOSITORY, sha, "maintainer", {"state": "error", "context": "ci/build"})
    assert combined() == ("failure", [("ci/build", "error"), ("gate", "success")])
    github.control.set_status(REPOSITORY, sha, "maintainer", {"state": "success", "context": "ci/build"})
    assert combined()[0] == "success"
    listed = github.call("GET", f"{API}/commits/{sha}/statuses", token=token).body
    assert [status["state"] for status in listed] == ["success", "error", "success", "pending"]
    assert [(b["context"], [x["name"] for x in b["branches"]]) for b in told(github, "status")][:1] == [
        ("ci/build", ["topic"])
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"state": "done"},
        {"state": "success", "description": "x" * 141},
        {"state": "success", "target_url": "javascript:x"},
        {"context": "gate"},
    ],
)
def test_a_status_that_does_not_fit_is_refused(github: Github, sha: str, body: dict[str, Any]) -> None:
    assert github.call("POST", f"{API}/statuses/{sha}", body, token=github.mint()).status == 422
    fine = {"state": "success"}
    assert github.call("POST", f"{API}/statuses/{'f' * 40}", fine, token=github.mint()).status == 422
    reading = github.mint(permissions={"statuses": "read"})
    assert github.call("POST", f"{API}/statuses/{sha}", fine, token=reading).status == 403


def test_a_branch_says_which_checks_it_requires(github: Github) -> None:
    token = github.mint()
    control = github.control
    control.require_checks(REPOSITORY, "main", {"test (3.12)": "github-actions", "lint": None})
    branch = github.call("GET", f"{API}/branches/main", token=token).body
    checks = branch["protection"]["required_status_checks"]
    assert (branch["protected"], checks["contexts"]) == (True, ["test (3.12)", "lint"])
    assert [check["app_id"] is None for check in checks["checks"]] == [False, True]
    path = f"{API}/branches/main/protection/required_status_checks"
    assert github.call("GET", path, token=token).body["contexts"] == ["test (3.12)", "lint"]
    assert github.call("GET", path, token=github.mint(permissions={"contents": "read"})).status == 403
    assert github.call("GET", path.replace("main", "topic"), token=token).status == 404
    listed = github.call("GET", f"{API}/branches?protected=true", token=token).body
    assert [one["name"] for one in listed] == ["main"]
    assert len(github.call("GET", f"{API}/branches", token=token).body) == 2


def test_a_ruleset_says_it_elsewhere(github: Github) -> None:
    rules, token = f"{API}/rules/branches/main", github.mint(permissions={"metadata": "read"})
    assert github.call("GET", rules, token=token).body == []
    github.control.require_checks(REPOSITORY, "main", {"test": "ci", "lint": None}, "ruleset")
    [rule] = github.call("GET", rules, token=token).body
    wanted = rule["parameters"]["required_status_checks"]
    assert [(check["context"], "integration_id" in check) for check in wanted] == [
        ("test", True),
        ("lint", False),
    ]
    branch = github.call("GET", f"{API}/branches/main", token=github.mint()).body
    assert (branch["protected"], branch["protection"]["enabled"]) == (True, False)
    github.control.require_checks(REPOSITORY, "main", {}, "ruleset")
    assert github.call("GET", rules, token=token).body == []
