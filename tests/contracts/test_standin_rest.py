"""What the stand-in answers to reads, page by page, and what it refuses to write."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

import pytest
from support.standin import API, REPOSITORY, Github, open_pull, send, serving

from gate_app.standin.control import ControlError

CHECK = {"name": "gate / production"}
DONE = {"status": "completed", "conclusion": "action_required"}
OUTPUT = {"title": "Waiting", "summary": "Somebody must answer."}
ACTION = {"label": "Approve", "description": "Deploy it", "identifier": "approve"}
NOTE = {"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m"}


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Github]:
    with serving(tmp_path_factory.mktemp("standin")) as found:
        open_pull(found)
        yield found


@pytest.fixture(scope="module")
def token(github: Github) -> str:
    return github.mint()


@pytest.fixture(scope="module")
def sha(github: Github) -> str:
    return github.control.state()["pulls"][0]["head_sha"]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/branches/main",
        "/collaborators/author/permission",
        "/commits/main",
        "/commits/topic/check-runs",
        "/commits/{sha}",
        "/commits/{sha}/pulls",
        "/compare/main...topic",
        "/contents/",
        "/contents/src/app.py?ref=topic",
        "/git/commits/{sha}",
        "/git/ref/heads/main",
        "/git/ref/pull/1/head",
        "/pulls",
        "/pulls/1",
        "/pulls/1/commits",
        "/pulls/1/files",
    ],
)
def test_every_read_has_the_published_shape(github: Github, token: str, sha: str, path: str) -> None:
    assert github.call("GET", API + path.format(sha=sha), token=token).status == 200


@pytest.mark.parametrize(
    "path", ["/app", "/app/installations", f"{API}/installation", "/orgs/acme/installation"]
)
def test_every_read_of_the_app_has_the_published_shape(github: Github, path: str) -> None:
    assert github.call("GET", path, token=github.jwt()).status == 200


@pytest.mark.parametrize("path", ["/users/author", "/installation/repositories", "/rate_limit"])
def test_every_read_of_an_installation_has_the_published_shape(github: Github, token: str, path: str) -> None:
    assert github.call("GET", path, token=token).status == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/contents/nowhere.txt", 404),
        ("/contents/README.md?ref=nowhere", 404),
        ("/contents/../secrets", 404),
        ("/commits/nowhere", 422),
        ("/commits/--all", 422),
        ("/git/commits/main", 404),
        ("/git/ref/heads/nowhere", 404),
        ("/branches/nowhere", 404),
        ("/compare/main...nowhere", 404),
        ("/pulls/99", 404),
        ("/issues/99/comments", 404),
        ("/issues/comments/1", 404),
        ("/check-runs/1", 404),
        ("/deployments/1", 404),
        ("/collaborators/nobody/permission", 404),
        ("/no-such-thing", 404),
    ],
)
def test_what_is_not_there_is_refused(github: Github, token: str, path: str, status: int) -> None:
    assert github.call("GET", API + path, token=token).status == status


def test_a_file_comes_with_content_and_blob_sha(github: Github, token: str) -> None:
    old = github.call("GET", f"{API}/contents/src/app.py", token=token).body
    new = github.call("GET", f"{API}/contents/src/app.py?ref=topic", token=token).body
    assert [base64.b64decode(body["content"]) for body in (old, new)] == [b"x = 1\n", b"x = 2\n"]
    assert old["sha"] != new["sha"]


def test_a_repository_is_found_by_its_id_whatever_it_is_called(github: Github, token: str) -> None:
    moved = github.control.create_repository("acme", "old-name")
    github.control.change_repository("acme/old-name", name="new-name")
    assert github.call("GET", f"/repositories/{moved['id']}", token=token).body["name"] == "new-name"
    read = github.call("GET", "/repos/acme/old-name", token=token)
    written = github.call("POST", "/repos/acme/old-name/deployments", {"ref": "main"}, token=token)
    assert (read.status, read.headers["Location"]) == (301, f"{github.url}/repositories/{moved['id']}")
    assert (written.status, written.headers["Location"]) == (
        307,
        f"{github.url}/repositories/{moved['id']}/deployments",
    )


def test_what_lies_under_the_id_of_a_repository_redirects_to_its_name(github: Github, token: str) -> None:
    identifier = github.control.state()["repositories"][0]["id"]
    answer = send(
        f"{github.url}/repositories/{identifier}/issues/1/comments?page=2",
        "POST",
        b'{"body": "x"}',
        {"Authorization": f"token {token}"},
    )
    assert (answer.status, answer.headers["Location"]) == (307, f"{github.url}{API}/issues/1/comments?page=2")
    assert github.call("GET", "/repositories/1", token=token).status == 404


def test_pull_requests_are_listed_by_state_head_and_base(github: Github, token: str) -> None:
    number, _ = open_pull(github, "listed")
    github.control.close(REPOSITORY, number)

    def listed(query: str) -> list[int]:
        found = github.call("GET", f"{API}/pulls?{query}", token=token).body
        return [pull["number"] for pull in found]

    assert number not in listed("")
    assert listed("state=closed") == [number]
    assert listed("state=all&head=acme:listed&base=main") == [number]
    assert listed("state=all&head=acme:listed&base=other") == []
    assert listed("state=all&head=stranger:listed") == []


def test_a_closed_pull_request_takes_no_push_and_a_merged_one_stays_so(github: Github) -> None:
    control = github.control
    number, sha = open_pull(github, "over", "x = 7\n")
    control.close(REPOSITORY, number)
    with pytest.raises(ControlError, match="is not open"):
        control.set_head(REPOSITORY, number, sha)
    control.reopen(REPOSITORY, number)
    control.merge(REPOSITORY, number, "maintainer")
    with pytest.raises(ControlError, match="only a closed, unmerged"):
        control.reopen(REPOSITORY, number)


def test_an_archived_repository_is_read_only(github: Github, token: str) -> None:
    github.control.create_repository("acme", "attic")
    github.control.change_repository("acme/attic", archived=True)
    assert github.call("GET", "/repos/acme/attic", token=token).body["archived"] is True
    assert github.call("POST", "/repos/acme/attic/deployments", {"ref": "main"}, token=token).status == 403


@pytest.mark.parametrize(
    ("role", "permission"),
    [
        ("admin", "admin"),
        ("maintain", "write"),
        ("write", "write"),
        ("triage", "read"),
        ("read", "read"),
        ("none", "none"),
    ],
)
def test_the_role_is_told_beside_the_legacy_permission(
    github: Github, token: str, role: str, permission: str
) -> None:
    github.control.set_role(REPOSITORY, "stranger", role)
    body = github.call("GET", f"{API}/collaborators/stranger/permission", token=token).body
    assert (body["role_name"], body["permission"], body["user"]["login"]) == (role, permission, "stranger")
    assert body["user"]["id"] > 0


def test_everybody_may_read_a_public_repository(github: Github, token: str) -> None:
    github.control.create_repository("acme", "open", private=False)
    body = github.call("GET", "/repos/acme/open/collaborators/reader/permission", token=token).body
    assert (body["role_name"], body["permission"]) == ("read", "read")


def test_case_59_a_login_that_changes_hands_has_another_id(github: Github, token: str) -> None:
    was = github.control.create_person("climber")
    github.control.rename_person("climber", "famous")
    now = github.control.create_person("climber")
    assert github.call("GET", f"/user/{was['id']}", token=token).body["login"] == "famous"
    assert github.call("GET", "/users/climber", token=token).body["id"] == now["id"] != was["id"]


def test_case_68_what_a_deleted_person_wrote_is_the_ghosts(github: Github, token: str) -> None:
    person = github.control.create_person("leaver")
    comment = github.control.comment(REPOSITORY, 1, "leaver", "Bye.")
    github.control.delete_person("leaver")
    assert (
        github.call("GET", f"{API}/issues/comments/{comment['id']}", token=token).body["user"]["login"]
        == "ghost"
    )
    assert github.call("GET", "/users/leaver", token=token).status == 404
    assert github.call("GET", f"/user/{person['id']}", token=token).status == 404


def test_an_unchanged_answer_is_not_sent_again(github: Github, token: str) -> None:
    first = github.call("GET", API, token=token)
    again = github.call("GET", API, token=token, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body) == (304, None)


def test_lists_come_in_pages_with_links_between_them(github: Github, token: str) -> None:
    number, _ = open_pull(github, "talk")
    for count in range(32):
        github.control.comment(REPOSITORY, number, "reviewer", f"Comment {count}")
    path = f"{API}/issues/{number}/comments"
    first = github.call("GET", path, token=token)
    assert len(first.body) == 30
    links = {relation: url for url, relation in re.findall(r'<([^>]+)>; rel="(\w+)"', first.headers["Link"])}
    assert sorted(links) == ["last", "next"]
    second = github.call("GET", links["next"].removeprefix(github.url), token=token)
    assert [comment["body"] for comment in second.body] == ["Comment 30", "Comment 31"]
    assert 'rel="prev"' in second.headers["Link"]
    assert 'rel="next"' not in second.headers["Link"]
    whole = github.call("GET", f"{path}?per_page=500", token=token)
    assert len(whole.body) == 32
    assert "Link" not in whole.headers


def test_the_author_of_a_commit_is_found_by_its_email(github: Github, token: str) -> None:
    rules: dict[str, str | None] = {
        "*": "author",
        "reviewer@example.org": "reviewer",
        "nobody@example.org": None,
    }
    github.control.create_repository("acme", "names", identities=rules)
    sha = ""
    for email in ("reviewer@example.org", "nobody@example.org", "whoever@example.org"):
        sha = github.control.commit("acme/names", {email: "x"}, parent=sha or "main", email=email)["sha"]
    github.control.open_pull("acme/names", head_sha=sha, head_branch="topic", title="T", author="reader")
    commits = github.call("GET", "/repos/acme/names/pulls/1/commits", token=token).body
    assert [commit["author"] and commit["author"]["login"] for commit in commits] == [
        "reviewer",
        None,
        "author",
    ]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param({"text": "hello"}, "body", id="a missing property"),
        pytest.param({"body": "hello", "bold": True}, "bold", id="an unknown property"),
        pytest.param({"body": 7}, "body", id="a wrong type"),
        pytest.param({"body": None}, "nil", id="null"),
        pytest.param({"body": "  "}, "blank", id="nothing"),
        pytest.param({"body": "x" * 65_537}, "too long", id="more than 65,536 characters"),
    ],
)
def test_a_comment_that_does_not_fit_is_refused(
    github: Github, token: str, body: dict[str, object], reason: str
) -> None:
    answer = github.call("POST", f"{API}/issues/1/comments", body, token=token)
    assert answer.status == 422
    assert reason in str(answer.body["errors"])


@pytest.mark.parametrize("raw", [b"{", b'"text"', b"[]", b"\xff"])
def test_what_is_no_json_object_is_refused(github: Github, token: str, raw: bytes) -> None:
    headers = {"Authorization": f"token {token}"}
    assert send(f"{github.url}{API}/issues/1/comments", "POST", raw, headers).status == 400


def test_comments_are_edited_deleted_and_reacted_to(github: Github, token: str) -> None:
    made = github.call("POST", f"{API}/issues/1/comments", {"body": "x" * 65_536}, token=token).body
    path = f"{API}/issues/comments/{made['id']}"
    assert made["performed_via_github_app"]["slug"] == "gate-app"
    assert (made["user"]["login"], made["user"]["type"]) == ("gate-app[bot]", "Bot")
    assert github.call("PATCH", path, {"body": "less"}, token=token).body["body"] == "less"
    statuses = [
        github.call("POST", f"{path}/reactions", {"content": "+1"}, token=token).status for _ in range(2)
    ]
    assert statuses == [201, 200]
    assert github.call("GET", path, token=token).body["reactions"]["+1"] == 1
    assert github.call("POST", f"{path}/reactions", {"content": "sad"}, token=token).status == 422
    assert github.call("DELETE", path, token=token).status == 204
    assert github.call("GET", path, token=token).status == 404


def check(**changes: Any) -> dict[str, Any]:
    return {**CHECK, **DONE, "output": OUTPUT, **changes}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param({**CHECK, "status": "completed"}, "conclusion", id="completed without a conclusion"),
        pytest.param(check(conclusion="stale"), "conclusion", id="stale is not ours to set"),
        pytest.param(check(actions=[ACTION] * 4), "actions", id="four actions"),
        pytest.param(check(actions=[ACTION | {"label": "x" * 21}]), "label", id="a label of 21 characters"),
        pytest.param(
            check(actions=[ACTION | {"description": "x" * 41}]), "description", id="a description of 41"
        ),
        pytest.param(
            check(actions=[ACTION | {"identifier": "x" * 21}]), "identifier", id="an identifier of 21"
        ),
        pytest.param(check(output=OUTPUT | {"annotations": [NOTE] * 51}), "annotations", id="51 annotations"),
        pytest.param(
            check(output=OUTPUT | {"summary": "ä" * 32_768}), "65535", id="a summary of 65,536 bytes"
        ),
        pytest.param(check(output=OUTPUT | {"text": "x" * 65_536}), "65535", id="a text of 65,536 bytes"),
        pytest.param(check(output={"summary": "s"}), "title", id="output without a title"),
        pytest.param(
            check(details_url="javascript:x"), "details_url", id="a details_url that is no web address"
        ),
        pytest.param(check(head_sha="f" * 40), "head_sha", id="an unknown commit"),
        pytest.param(check(external_id=None), "nil", id="null where none is allowed"),
        pytest.param(check(colour="red"), "colour", id="an unknown property"),
    ],
)
def test_a_check_run_that_does_not_fit_is_refused(
    github: Github, token: str, sha: str, body: dict[str, Any], reason: str
) -> None:
    answer = github.call("POST", f"{API}/check-runs", {"head_sha": sha, **body}, token=token)
    assert answer.status == 422
    assert reason in str(answer.body)


def test_a_check_run_goes_through_its_states(github: Github, token: str, sha: str) -> None:
    wanted = {**CHECK, "head_sha": sha, "external_id": "gate-1"}
    run = github.call("POST", f"{API}/check-runs", wanted, token=token).body
    assert (run["status"], run["conclusion"], run["external_id"]) == ("queued", None, "gate-1")
    path = f"{API}/check-runs/{run['id']}"
    done = github.call(
        "PATCH", path, {"conclusion": "action_required", "actions": [ACTION]}, token=token
    ).body
    assert (done["status"], done["completed_at"]) == ("completed", "2026-11-02T09:00:00Z")
    again = github.call("PATCH", path, {"status": "in_progress"}, token=token).body
    assert (again["status"], again["conclusion"], again["completed_at"]) == ("in_progress", None, None)
    kept = github.call("PATCH", path, {"output": {"summary": "s", "annotations": [NOTE]}}, token=token).body
    assert (kept["status"], kept["external_id"], kept["name"]) == ("in_progress", "gate-1", CHECK["name"])
    github.call("PATCH", path, {"output": {"summary": "s", "annotations": [NOTE]}}, token=token)
    assert len(github.call("GET", f"{path}/annotations", token=token).body) == 2


def test_check_runs_are_listed_by_name_app_and_latest(github: Github, token: str) -> None:
    _, head = open_pull(github, "checked")
    for conclusion in ("failure", "success"):
        github.call(
            "POST",
            f"{API}/check-runs",
            {"name": "a", "head_sha": head, "conclusion": conclusion},
            token=token,
        )
    ci = github.control.create_check_run(REPOSITORY, {"name": "a", "head_sha": head, "status": "in_progress"})
    path = f"{API}/commits/{head}/check-runs"

    def listed(query: str) -> list[tuple[str, str | None]]:
        body = github.call("GET", path + query, token=token).body
        assert body["total_count"] == len(body["check_runs"])
        return [(run["app"]["slug"], run["conclusion"]) for run in body["check_runs"]]

    assert sorted(listed("")) == [("gate-app", "success"), ("github-actions", None)]
    assert len(listed("?filter=all")) == 3
    assert listed(f"?app_id={github.app['app_id']}") == [("gate-app", "success")]
    assert listed("?status=in_progress&check_name=a") == [("github-actions", None)]
    assert listed("?check_name=b") == []
    github.control.update_check_run(REPOSITORY, ci["id"], {"conclusion": "success"})
    assert listed("?status=in_progress") == []


def test_another_apps_check_run_is_not_ours_to_change(github: Github, token: str, sha: str) -> None:
    ci = github.control.create_check_run(REPOSITORY, {"name": "test", "head_sha": sha})
    assert (
        github.call("PATCH", f"{API}/check-runs/{ci['id']}", {"conclusion": "success"}, token=token).status
        == 403
    )


def test_a_button_can_be_pressed_only_while_it_shows(github: Github, token: str, sha: str) -> None:
    body = {"head_sha": sha, **check(actions=[ACTION])}
    run = github.call("POST", f"{API}/check-runs", body, token=token).body
    github.control.click(REPOSITORY, run["id"], "reviewer", "approve")
    with pytest.raises(ControlError, match="shows no button deny"):
        github.control.click(REPOSITORY, run["id"], "reviewer", "deny")
    github.call("PATCH", f"{API}/check-runs/{run['id']}", {"status": "in_progress"}, token=token)
    with pytest.raises(ControlError, match="shows no button approve"):
        github.control.click(REPOSITORY, run["id"], "reviewer", "approve")


def deployment(sha: str, **changes: Any) -> dict[str, Any]:
    return {"ref": sha, "required_contexts": [], "auto_merge": False, "environment": "staging", **changes}


def test_reactions_are_listed_and_taken_back(github: Github, token: str) -> None:
    comment = github.control.comment(REPOSITORY, 1, "reviewer", "/approve staging")
    path = f"{API}/issues/comments/{comment['id']}/reactions"
    ids = [github.call("POST", path, {"content": kind}, token=token).body["id"] for kind in ("+1", "eyes")]
    assert [r["content"] for r in github.call("GET", path, token=token).body] == ["+1", "eyes"]
    assert [r["id"] for r in github.call("GET", f"{path}?content=eyes", token=token).body] == ids[1:]
    assert github.call("DELETE", f"{path}/{ids[0]}", token=token).status == 204
    assert github.call("DELETE", f"{path}/{ids[0]}", token=token).status == 404
    [kept] = [c for c in github.control.state()["comments"] if c["id"] == comment["id"]]
    assert kept["reactions"] == [{"login": "gate-app[bot]", "content": "eyes"}]


def test_a_team_is_shown_and_its_slug_can_come_back_as_another_team(github: Github, token: str) -> None:
    """Case 62."""
    github.control.set_membership("acme/leads", "maintainer", role="maintainer")
    path = "/orgs/acme/teams/leads"
    first = github.call("GET", path, token=token).body
    assert (first["slug"], first["members_count"]) == ("leads", 1)
    assert github.call("GET", f"{path}/memberships/maintainer", token=token).body["role"] == "maintainer"
    github.control.delete_membership("acme/leads", "maintainer")
    assert github.call("GET", f"{path}/memberships/maintainer", token=token).status == 404
    github.control.delete_team("acme/leads")
    assert github.call("GET", path, token=token).status == 404
    github.control.set_membership("acme/leads", "maintainer")
    assert github.call("GET", path, token=token).body["id"] != first["id"]


def test_members_of_a_team_are_the_accounts_own(github: Github, token: str) -> None:
    github.control.set_membership("acme/reviewers", "reviewer")
    comment = github.control.comment(REPOSITORY, 1, "reviewer", "Hello.")
    body = github.call("GET", f"{API}/issues/comments/{comment['id']}", token=token).body
    assert body["author_association"] == "MEMBER"


def test_others_deploy_too(github: Github, token: str, sha: str) -> None:
    made = github.control.deploy(
        REPOSITORY, "maintainer", {"ref": sha, "required_contexts": [], "auto_merge": False}
    )
    github.control.set_deployment_status(REPOSITORY, made["id"], "maintainer", {"state": "success"})
    body = github.call("GET", f"{API}/deployments/{made['id']}", token=token).body
    assert (body["creator"]["login"], body["performed_via_github_app"]) == ("maintainer", None)
    assert (body["environment"], body["production_environment"]) == ("production", True)
    [status] = github.call("GET", f"{API}/deployments/{made['id']}/statuses", token=token).body
    path = f"{API}/deployments/{made['id']}/statuses/{status['id']}"
    assert github.call("GET", path, token=token).body["state"] == "success"
    assert github.call("GET", path + "0", token=token).status == 404


def test_a_deployment_keeps_what_was_sent(github: Github, token: str, sha: str) -> None:
    body = deployment(sha, payload={"gate": 7}, description="journal 9f", task="deploy:web")
    made = github.call("POST", f"{API}/deployments", body, token=token).body
    assert (made["sha"], made["payload"], made["description"]) == (sha, {"gate": 7}, "journal 9f")
    text = github.call("POST", f"{API}/deployments", deployment(sha, payload="free text"), token=token).body
    assert text["payload"] == "free text"
    found = github.call("GET", f"{API}/deployments?sha={sha}&task=deploy:web", token=token).body
    assert [item["id"] for item in found] == [made["id"]]
    assert github.call("GET", f"{API}/deployments?environment=nowhere", token=token).body == []


def test_a_success_makes_the_earlier_deployment_inactive(github: Github, token: str, sha: str) -> None:
    ids = []
    for _ in range(2):
        made = github.call("POST", f"{API}/deployments", deployment(sha, environment="qa"), token=token).body
        ids.append(made["id"])
        github.call("POST", f"{API}/deployments/{made['id']}/statuses", {"state": "success"}, token=token)
    histories = [github.call("GET", f"{API}/deployments/{i}/statuses", token=token).body for i in ids]
    assert [[status["state"] for status in history] for history in histories] == [
        ["inactive", "success"],
        ["success"],
    ]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param({"ref": "nowhere"}, 422, id="an unknown ref"),
        pytest.param({"environment": "staging"}, 422, id="no ref"),
        pytest.param(
            {"ref": "topic", "auto_merge": False, "required_contexts": ["tests"]}, 409, id="a missing check"
        ),
        pytest.param({"ref": "topic", "auto_merge": False}, 409, id="a check that is not green"),
    ],
)
def test_a_deployment_that_cannot_be_is_refused(
    github: Github, token: str, sha: str, body: dict[str, Any], status: int
) -> None:
    github.control.create_check_run(REPOSITORY, {"name": "lint", "head_sha": sha, "conclusion": "failure"})
    assert github.call("POST", f"{API}/deployments", body, token=token).status == status


def test_a_branch_that_is_behind_is_merged_instead_of_deployed(github: Github, token: str) -> None:
    _, head = open_pull(github, "behind")
    ahead = github.control.commit(REPOSITORY, {"news.txt": "new\n"})["sha"]
    github.control.push(REPOSITORY, "main", ahead, "maintainer")
    answer = github.call(
        "POST", f"{API}/deployments", {"ref": "behind", "required_contexts": []}, token=token
    )
    assert (answer.status, "Auto-merged" in answer.body["message"]) == (202, True)
    assert github.call("GET", f"{API}/branches/behind", token=token).body["commit"]["sha"] != head


@pytest.mark.parametrize(
    "body", [{"state": "done"}, {"state": "success", "description": "x" * 141}, {"description": "x"}]
)
def test_a_deployment_status_that_does_not_fit_is_refused(
    github: Github, token: str, sha: str, body: dict[str, Any]
) -> None:
    made = github.call("POST", f"{API}/deployments", deployment(sha), token=token).body
    assert github.call("POST", f"{API}/deployments/{made['id']}/statuses", body, token=token).status == 422
