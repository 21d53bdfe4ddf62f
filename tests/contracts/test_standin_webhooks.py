"""The webhooks that the stand-in sends: their bodies, their signatures, and their troubles."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import github_schema
from support.standin import API, REPOSITORY, SECRET, Github, open_pull, serving

ACTION = {"label": "Approve", "description": "Deploy it", "identifier": "approve"}


@pytest.fixture
def github(tmp_path: Path) -> Iterator[Github]:
    with serving(tmp_path, events=["deployment"]) as found:
        found.control.quiesce()
        found.receiver.received.clear()
        yield found


def everything_happens(github: Github) -> None:
    """Each kind of event at least once."""
    control, token = github.control, github.mint()
    number, sha = open_pull(github)
    body = {"name": "gate", "head_sha": sha, "conclusion": "action_required", "actions": [ACTION]}
    run = github.call("POST", f"{API}/check-runs", body, token=token).body
    control.click(REPOSITORY, run["id"], "reviewer", "approve")
    control.rerequest(REPOSITORY, run["id"], "reviewer")
    github.call("POST", f"{API}/issues/{number}/comments", {"body": "A question"}, token=token)
    comment = control.comment(REPOSITORY, number, "reviewer", "/approve")
    control.edit_comment(REPOSITORY, comment["id"], "author", "/deny")
    control.delete_comment(REPOSITORY, comment["id"], "author")
    wanted = {"ref": sha, "required_contexts": [], "auto_merge": False, "payload": {"gate": 1}}
    made = github.call("POST", f"{API}/deployments", wanted, token=token).body
    github.call("POST", f"{API}/deployments/{made['id']}/statuses", {"state": "success"}, token=token)
    control.push(REPOSITORY, "release", sha, "maintainer")
    control.change_pull(REPOSITORY, number, base="release")
    control.change_pull(REPOSITORY, number, base="main")
    control.close(REPOSITORY, number)
    control.reopen(REPOSITORY, number)
    control.set_head(REPOSITORY, number, control.commit(REPOSITORY, {"n": "1"}, parent="topic")["sha"])
    control.merge(REPOSITORY, number, "maintainer")
    assert control.quiesce()["quiet"]


EVERY_EVENT = {
    "check_run.completed",
    "check_run.created",
    "check_run.requested_action",
    "check_run.rerequested",
    "check_suite.completed",
    "check_suite.requested",
    "deployment.created",
    "deployment_status.created",
    "issue_comment.created",
    "issue_comment.deleted",
    "issue_comment.edited",
    "pull_request.closed",
    "pull_request.edited",
    "pull_request.opened",
    "pull_request.reopened",
    "pull_request.synchronize",
    "push",
}


def test_every_webhook_has_the_published_shape_and_is_signed(github: Github) -> None:
    everything_happens(github)
    assert set(github.receiver.names()) == EVERY_EVENT
    for webhook in github.receiver.received:
        body = github_schema.assert_webhook_valid(webhook.headers["X-GitHub-Event"], webhook.raw)
        assert body["installation"]["id"] == github.app["installation_id"]
        assert body["repository"]["full_name"] == REPOSITORY
        expected = hmac.new(SECRET.encode(), webhook.raw, hashlib.sha256).hexdigest()
        assert webhook.headers["X-Hub-Signature-256"] == f"sha256={expected}"
        assert str(uuid.UUID(webhook.headers["X-GitHub-Delivery"])) == webhook.headers["X-GitHub-Delivery"]
        assert webhook.headers["User-Agent"].startswith("GitHub-Hookshot/")
        assert webhook.headers["Content-Type"] == "application/json"
        assert webhook.headers["X-GitHub-Hook-Installation-Target-Type"] == "integration"
        assert webhook.headers["X-GitHub-Hook-Installation-Target-ID"] == str(github.app["app_id"])


def test_the_installation_is_announced(tmp_path: Path) -> None:
    with serving(tmp_path) as github:
        github.control.quiesce()
        webhook = github.receiver.received[0]
        assert webhook.name == "installation.created"
        github_schema.assert_webhook_valid("installation", webhook.raw)


def test_own_comments_come_back_as_a_bots_and_peoples_as_peoples(github: Github) -> None:
    number, _ = open_pull(github)
    github.call("POST", f"{API}/issues/{number}/comments", {"body": "Mine"}, token=github.mint())
    github.control.comment(REPOSITORY, number, "reviewer", "By hand")
    github.control.comment(REPOSITORY, number, "reviewer", "Through the App", via_app=True)
    github.control.quiesce()
    bodies = [json.loads(w.raw) for w in github.receiver.received if w.name == "issue_comment.created"]
    seen = [
        (
            body["sender"]["type"],
            body["comment"]["user"]["id"] == github.app["bot_user_id"],
            bool(body["comment"]["performed_via_github_app"]),
        )
        for body in bodies
    ]
    assert seen == [("Bot", True, True), ("User", False, False), ("User", False, True)]


def test_an_edit_tells_what_was_there_before(github: Github) -> None:
    number, _ = open_pull(github)
    comment = github.control.comment(REPOSITORY, number, "reviewer", "/approve")
    github.control.edit_comment(REPOSITORY, comment["id"], "author", "/deny")
    github.control.quiesce()
    body = json.loads(github.receiver.received[-1].raw)
    assert body["changes"]["body"]["from"] == "/approve"
    assert (body["sender"]["login"], body["comment"]["user"]["login"]) == ("author", "reviewer")


def test_a_push_supersedes_with_before_and_after(github: Github) -> None:
    number, sha = open_pull(github)
    newer = github.control.commit(REPOSITORY, {"n": "1"}, parent="topic")["sha"]
    github.control.set_head(REPOSITORY, number, newer)
    other = github.control.commit(REPOSITORY, {"n": "2"})["sha"]
    github.control.set_head(REPOSITORY, number, other)
    github.control.quiesce()
    pushes = [json.loads(w.raw) for w in github.receiver.received if w.name == "push"]
    synced = [json.loads(w.raw) for w in github.receiver.received if w.name == "pull_request.synchronize"]
    assert [(p["before"], p["after"], p["created"], p["forced"]) for p in pushes] == [
        ("0" * 40, sha, True, False),
        (sha, newer, False, False),
        (newer, other, False, True),
    ]
    assert [(s["before"], s["after"], s["pull_request"]["head"]["sha"]) for s in synced] == [
        (sha, newer, newer),
        (newer, other, other),
    ]


def test_check_runs_of_a_fork_name_no_pull_request(github: Github) -> None:
    sha = github.control.commit(REPOSITORY, {"n": "1"}, login="stranger")["sha"]
    pull = github.control.open_pull(
        REPOSITORY, head_sha=sha, head_branch="main", title="T", author="stranger", fork_owner="stranger"
    )
    run = github.call("POST", f"{API}/check-runs", {"name": "x", "head_sha": sha}, token=github.mint()).body
    assert run["pull_requests"] == []
    body = github.call("GET", f"{API}/pulls/{pull['number']}", token=github.mint()).body
    assert (body["head"]["label"], body["head"]["repo"]["fork"]) == ("stranger:main", True)
    github.control.quiesce()
    assert github.receiver.names() == ["pull_request.opened", "check_run.created"]


def test_a_failed_delivery_is_listed_and_redelivered_under_its_guid(github: Github) -> None:
    github.receiver.status = 500
    open_pull(github)
    github.control.quiesce()
    failed = github.call("GET", "/app/hook/deliveries?status=failure&per_page=2", token=github.jwt())
    assert [item["status_code"] for item in failed.body] == [500, 500]
    assert "cursor=v1_" in failed.headers["Link"]
    first = failed.body[0]
    detail = github.call("GET", f"/app/hook/deliveries/{first['id']}", token=github.jwt()).body
    assert detail["request"]["headers"]["X-GitHub-Delivery"] == first["guid"]
    github.receiver.status = 202
    github.receiver.received.clear()
    path = f"/app/hook/deliveries/{first['id']}/attempts"
    assert github.call("POST", path, token=github.jwt()).status == 202
    github.control.quiesce()
    assert [webhook.headers["X-GitHub-Delivery"] for webhook in github.receiver.received] == [first["guid"]]
    newest = github.call("GET", "/app/hook/deliveries?per_page=1", token=github.jwt()).body[0]
    assert (newest["guid"], newest["redelivery"], newest["status"]) == (first["guid"], True, "OK")
    assert len(github.call("GET", "/app/hook/deliveries?status=success", token=github.jwt()).body) == 2


def test_every_third_webhook_is_dropped_and_says_so(github: Github) -> None:
    number, _ = open_pull(github)
    github.control.quiesce()
    github.receiver.received.clear()
    github.control.trouble_webhooks(drop_every=3)
    for count in range(9):
        github.control.comment(REPOSITORY, number, "reviewer", str(count))
    github.control.quiesce()
    assert len(github.receiver.received) == 6
    failed = github.call("GET", "/app/hook/deliveries?status=failure", token=github.jwt()).body
    assert [(item["status"], item["status_code"]) for item in failed] == [("timed out", 0)] * 3


def test_every_second_webhook_comes_twice_under_one_guid(github: Github) -> None:
    number, _ = open_pull(github)
    github.control.quiesce()
    github.receiver.received.clear()
    github.control.trouble_webhooks(double_every=2)
    for count in range(4):
        github.control.comment(REPOSITORY, number, "reviewer", str(count))
    github.control.quiesce()
    guids = [webhook.headers["X-GitHub-Delivery"] for webhook in github.receiver.received]
    assert (len(guids), len(set(guids))) == (6, 4)


def test_webhooks_are_held_and_shuffled(github: Github) -> None:
    number, _ = open_pull(github)
    github.control.quiesce()
    github.receiver.received.clear()
    github.control.trouble_webhooks(hold=True)
    for count in range(8):
        github.control.comment(REPOSITORY, number, "reviewer", str(count))
    assert github.control.quiesce(0.1) == {"quiet": False, "pending": 8}
    github.control.trouble_webhooks(shuffle_window=8, seed=7)
    assert github.control.quiesce()["quiet"]
    order = [int(json.loads(webhook.raw)["comment"]["body"]) for webhook in github.receiver.received]
    assert sorted(order) == list(range(8)) != order


def test_webhooks_are_dropped_or_overtaken_by_name(github: Github) -> None:
    github.control.trouble_webhooks(drop_events=["push"], hold_events=["pull_request.opened", "check_suite"])
    number, _ = open_pull(github)
    github.control.comment(REPOSITORY, number, "reviewer", "Overtakes.")
    assert github.control.quiesce()["quiet"]
    assert github.receiver.names() == ["issue_comment.created"]
    failed = github.call("GET", "/app/hook/deliveries?status=failure", token=github.jwt()).body
    assert [item["event"] for item in failed] == ["push"]
    github.control.trouble_webhooks()
    assert github.control.quiesce()["quiet"]
    assert github.receiver.names()[1:] == ["check_suite.requested", "pull_request.opened"]


def test_a_slow_webhook_comes_all_the_same(github: Github) -> None:
    github.control.trouble_webhooks(delay_seconds=0.2)
    open_pull(github)
    assert github.control.quiesce(0.1)["pending"] > 0
    assert github.control.quiesce()["quiet"]
    assert len(github.receiver.received) == 3


def test_the_exact_bytes_of_a_webhook_can_be_seen(github: Github) -> None:
    open_pull(github)
    github.control.quiesce()
    delivery = github.control.state()["deliveries"][-1]
    assert github.control.webhook_body(delivery["id"]) == github.receiver.received[-1].raw


def test_the_hook_can_move_and_change_its_secret(github: Github) -> None:
    github.control.change_hook(webhook_secret="another secret, rotated")
    open_pull(github)
    github.control.quiesce()
    webhook = github.receiver.received[-1]
    expected = hmac.new(b"another secret, rotated", webhook.raw, hashlib.sha256).hexdigest()
    assert webhook.headers["X-Hub-Signature-256"] == f"sha256={expected}"


def test_an_app_gets_only_the_events_it_subscribed_to(tmp_path: Path) -> None:
    with serving(tmp_path) as github:
        github.control.create_repository("umbrella", "quiet")
        sha = github.control.commit("umbrella/quiet", {"a": "1"})["sha"]
        github.control.quiesce()
        github.receiver.received.clear()
        github.control.push("umbrella/quiet", "main", sha, "author")
        assert github.receiver.names() == []
        installed = github.control.install("umbrella")
        github.control.push("umbrella/quiet", "next", sha, "author")
        github.control.quiesce()
        ids = {json.loads(webhook.raw)["installation"]["id"] for webhook in github.receiver.received}
        assert ids == {installed["installation_id"]}
