"""Installations at the stand-in, and how an App sees its own webhook and its deliveries."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import github_schema
from support.standin import API, REPOSITORY, SECRET, Github, open_pull, serving

EVENTS = ("installation", "installation_repositories")


@pytest.fixture
def github(tmp_path: Path) -> Iterator[Github]:
    with serving(tmp_path) as found:
        found.control.quiesce()
        found.receiver.received.clear()
        yield found


def told(github: Github) -> list[str]:
    """The names of the webhooks in order; what is about installations is held against its schema."""
    assert github.control.quiesce()["quiet"]
    for webhook in github.receiver.received:
        if webhook.headers["X-GitHub-Event"] in EVENTS:
            github_schema.assert_webhook_valid(webhook.headers["X-GitHub-Event"], webhook.raw)
    return github.receiver.names()


def test_a_suspended_installation_does_and_hears_nothing(github: Github) -> None:
    token, path = github.mint(), f"/app/installations/{github.app['installation_id']}"
    github.control.suspend("acme")
    open_pull(github)
    assert told(github) == ["installation.suspend"]
    refused = github.call("GET", API, token=token)
    assert (refused.status, refused.body["message"]) == (403, "This installation has been suspended")
    assert github.call("POST", f"{path}/access_tokens", {}, token=github.jwt()).status == 403
    shown = github.call("GET", path, token=github.jwt()).body
    assert (shown["suspended_by"]["login"], shown["suspended_at"] is None) == ("acme", False)
    github.control.suspend("acme", False)
    assert told(github)[1:] == ["installation.unsuspend"]
    assert github.call("GET", API, token=token).status == 200


def test_an_app_that_was_removed_is_nobody(github: Github) -> None:
    token = github.mint()
    github.control.uninstall("acme")
    assert told(github) == ["installation.deleted"]
    assert github.call("GET", API, token=token).status == 401
    assert github.call("GET", f"{API}/installation", token=github.jwt()).status == 404
    assert github.call("GET", "/app/installations", token=github.jwt()).body == []
    again = github.control.install("acme")
    assert again["installation_id"] != github.app["installation_id"]


def test_an_installation_on_some_repositories_does_not_see_the_others(github: Github) -> None:
    github.control.create_repository("acme", "other")
    token = github.mint()
    github.control.select_repositories("acme", ["other"])
    assert told(github) == ["installation_repositories.removed"]
    assert github.call("GET", API, token=token).status == 404
    assert github.call("GET", "/repos/acme/other", token=token).status == 200
    assert github.call("GET", f"{API}/installation", token=github.jwt()).status == 404
    listed = github.call("GET", "/installation/repositories", token=token).body
    assert (listed["repository_selection"], [one["name"] for one in listed["repositories"]]) == (
        "selected",
        ["other"],
    )
    wanted = {"repositories": ["shop"]}
    path = f"/app/installations/{github.app['installation_id']}/access_tokens"
    assert github.call("POST", path, wanted, token=github.jwt()).status == 422
    open_pull(github)
    github.control.select_repositories("acme", None)
    assert told(github)[1:] == ["installation_repositories.added"]
    assert github.call("GET", API, token=token).status == 200


def test_new_permissions_count_once_they_are_accepted(github: Github) -> None:
    wanted = {"permissions": {"contents": "write"}}
    path = f"/app/installations/{github.app['installation_id']}/access_tokens"
    github.control.change_app(permissions={"contents": "write", "metadata": "read"}, events=["push"])
    assert github.call("GET", "/app", token=github.jwt()).body["events"] == ["push"]
    assert github.call("POST", path, wanted, token=github.jwt()).status == 422
    github.control.accept_permissions("acme")
    assert told(github) == ["installation.new_permissions_accepted"]
    assert github.call("POST", path, wanted, token=github.jwt()).status == 201
    open_pull(github)
    assert told(github)[1:] == ["push"]


def test_a_public_repository_elsewhere_is_read_but_not_written(github: Github) -> None:
    github.control.create_repository("umbrella", "open", private=False)
    token = github.mint()
    assert github.call("GET", "/repos/umbrella/open", token=token).status == 200
    refused = github.call("POST", "/repos/umbrella/open/deployments", {"ref": "main"}, token=token)
    assert (refused.status, refused.body["message"]) == (403, "Resource not accessible by integration")


def test_the_app_sees_where_its_webhooks_go_and_moves_them(github: Github) -> None:
    config = github.call("GET", "/app/hook/config", token=github.jwt()).body
    assert (config["url"], config["secret"], config["content_type"]) == (
        github.receiver.url,
        "********",
        "json",
    )
    moved = {"url": "http://127.0.0.1:9/", "secret": "another secret"}
    assert github.call("PATCH", "/app/hook/config", moved, token=github.jwt()).body["url"] == moved["url"]
    assert github.call("PATCH", "/app/hook/config", {"url": "ftp://x"}, token=github.jwt()).status == 422


def test_every_delivery_is_found_page_by_page_with_the_body_that_was_sent(github: Github) -> None:
    number, _ = open_pull(github)
    for count in range(5):
        github.control.comment(REPOSITORY, number, "reviewer", str(count))
    github.control.quiesce()
    path, guids = "/app/hook/deliveries?per_page=3", []
    while path:
        answer = github.call("GET", path, token=github.jwt())
        guids += [item["guid"] for item in answer.body]
        link = answer.headers.get("Link", "")
        path = link.partition("<")[2].partition(">")[0].removeprefix(github.url)
    sent = [webhook.headers["X-GitHub-Delivery"] for webhook in github.receiver.received]
    assert guids[: len(sent)] == sent[::-1]
    assert len(guids) == len(set(guids)) == len(sent) + 1, "the installation was told before"
    newest = github.call("GET", "/app/hook/deliveries?per_page=1", token=github.jwt()).body[0]
    whole = github.call("GET", f"/app/hook/deliveries/{newest['id']}", token=github.jwt()).body
    raw = github.control.webhook_body(newest["id"])
    assert whole["request"]["payload"]["comment"]["body"] == "4"
    signature = hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
    assert whole["request"]["headers"]["X-Hub-Signature-256"] == f"sha256={signature}"


def test_a_delivery_is_gone_after_three_days(github: Github) -> None:
    open_pull(github)
    github.control.quiesce()
    old = github.call("GET", "/app/hook/deliveries", token=github.jwt()).body[0]["id"]
    github.clock.forward(days=3, minutes=1)
    assert github.call("GET", "/app/hook/deliveries", token=github.jwt()).body == []
    assert github.call("GET", f"/app/hook/deliveries/{old}", token=github.jwt()).status == 404
    assert github.call("POST", f"/app/hook/deliveries/{old}/attempts", token=github.jwt()).status == 404


@pytest.mark.parametrize("path", ["?cursor=nonsense", "?cursor=v1_"])
def test_a_cursor_that_is_none_is_refused(github: Github, path: str) -> None:
    assert github.call("GET", f"/app/hook/deliveries{path}", token=github.jwt()).status == 400
