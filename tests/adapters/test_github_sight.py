"""Several reads in one call of GraphQL: the same facts as by themselves, or none, so that each is read by itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support.github import (
    BASE_SHA,
    NOON,
    OTHER_SHA,
    REPOSITORY,
    SHA,
    ScriptedGithub,
    change,
    comment,
    hub,
    scripted,
)

from gate_app.domain.checks import Check, CheckState, Required, looked_at
from gate_app.domain.model import Subject
from gate_app.domain.policy import Select
from gate_app.engine.ports import LiveHead, PolicyFile, Sight
from gate_app.errors import HubRefused, HubUnavailable
from gate_app.github.reads import blob_sha

QUERY = "/graphql"
COMMENT = "/repos/acme/shop/issues/comments/501"
APP_ID = 4711
ACTIONS = 15368
GATE_FILE = b"version: 1\nenvironments: {production: {}}\n"
MAIN = Subject(REPOSITORY.id, ref="refs/heads/main")
Body = dict[str, Any]


@pytest.fixture
def github() -> Iterator[ScriptedGithub]:
    with scripted() as github:
        yield github


def listed(*nodes: object) -> Body:
    return {"totalCount": len(nodes), "nodes": list(nodes)}


def run(name: str = "test", number: int = 34_567_891_230, **changed: object) -> Body:
    body = {
        "databaseId": number,
        "name": name,
        "status": "COMPLETED",
        "conclusion": "SUCCESS",
        "startedAt": "2026-11-20T11:59:00Z",
        "deployment": None,
    }
    return {**body, **changed}


def suite(*runs: Body, app: int | None = ACTIONS) -> Body:
    made_by = {"databaseId": app} if app is not None else None
    return {"databaseId": 31_245_678_900, "app": made_by, "checkRuns": listed(*runs)}


def file(raw: bytes = GATE_FILE, **changed: object) -> Body:
    shown = {"isTruncated": False, "text": raw.decode(errors="replace")}
    return {"mode": 0o100644, "type": "blob", "oid": blob_sha(raw), "object": shown, **changed}


def pull_request(**changed: object) -> Body:
    body: Body = {
        "number": 3,
        "state": "OPEN",
        "merged": False,
        "updatedAt": "2026-11-20T11:59:00Z",
        "headRefOid": SHA,
        "baseRefName": "main",
        "labels": listed({"name": "blue"}),
    }
    return {**body, **changed}


def merged_pull(**changed: object) -> Body:
    body: Body = {
        "number": 3,
        "mergedAt": "2026-11-20T11:58:00Z",
        "headRefOid": OTHER_SHA,
        "headRefName": "feature",
        "baseRefOid": BASE_SHA,
        "baseRefName": "main",
        "mergeCommit": {"oid": SHA},
        "baseRepository": {"databaseId": REPOSITORY.id},
        "labels": listed({"name": "blue"}),
    }
    return {**body, **changed}


def rule(*required: tuple[str, int | None], kind: str = "REQUIRED_STATUS_CHECKS") -> Body:
    asked = [{"context": context, "integrationId": app} for context, app in required]
    return {"type": kind, "parameters": {"requiredStatusChecks": asked}}


def repository(*suites: Body, contexts: Sequence[Body] = (), **changed: object) -> Body:
    """What GitHub tells of the repository, with these checks on the head."""
    status = {"contexts": list(contexts)} if contexts else None
    body: Body = {
        "databaseId": REPOSITORY.id,
        "pushedAt": "2026-11-20T11:57:00Z",
        "defaultBranchRef": {"name": "main", "target": {"file": file()}},
        "pullRequest": pull_request(),
        "ref": {"name": "main", "rules": listed(rule(("test", ACTIONS)))},
        "object": {"oid": SHA, "checkSuites": listed(*suites), "status": status},
    }
    return {**body, **changed}


def answered(github: ScriptedGithub, told: Body, headers: Mapping[str, str] | None = None) -> None:
    github.answers("POST", QUERY, {"data": {"repository": told}}, headers=headers)


def sight(github: ScriptedGithub, select: Select = "all", *gated: str) -> Sight:
    return hub(github).sight(change(), gated, [select])


def branch_sight(github: ScriptedGithub) -> Sight:
    return hub(github).sight(replace(change(), subject=MAIN), (), ["all"])


def test_one_call_tells_the_file_the_head_and_the_checks(github: ScriptedGithub) -> None:
    red = {"context": "ci/old", "state": "FAILURE", "createdAt": "2026-11-20T11:58:00Z"}
    answered(github, repository(suite(run()), contexts=[red]))
    found = sight(github)
    assert github.names() == [f"POST {QUERY}"]
    assert found.policy == PolicyFile(blob_sha(GATE_FILE), GATE_FILE)
    assert found.head == LiveHead(SHA, "main", True, False, ("blue",), "main", NOON - timedelta(minutes=1))
    assert [(each.name, each.state, each.conclusion) for each in found.checks] == [
        ("test", CheckState.PASSED, "success"),
        ("ci/old", CheckState.FAILED, "failure"),
    ]
    first = found.checks[0]
    assert (first.app, first.suite, first.id) == (ACTIONS, 31_245_678_900, 34_567_891_230)
    assert first.link == "https://github.com/acme/shop/runs/34567891230"
    assert found.required == ()


def test_what_is_asked_is_a_fixed_text_with_variables(github: ScriptedGithub) -> None:
    answered(github, repository())
    sight(github)
    body = github.calls[0].body
    assert isinstance(body, dict)
    assert not any(word in body["query"] for word in ("acme", "shop", SHA, "refs/heads"))
    assert body["variables"] == {
        "owner": "acme",
        "name": "shop",
        "sha": SHA,
        "file": ".github/gate.yml",
        "ref": "refs/heads/main",
        "number": 3,
        "pull": True,
        "branch": False,
        "rules": False,
    }


def test_a_renamed_repository_is_asked_for_by_the_name_that_it_has_now(github: ScriptedGithub) -> None:
    github.minted_name = "acme/store"
    answered(github, repository())
    sight(github)
    body = github.calls[0].body
    assert isinstance(body, dict)
    assert body["variables"]["name"] == "store"


def test_on_an_enterprise_server_graphql_lies_beside_the_rest(github: ScriptedGithub) -> None:
    github.elsewhere.add_callback("POST", re.compile(r"^https://ghe\.acme:443/"), callback=github.handle)
    github.answers("POST", "/api/graphql", {"data": {"repository": repository()}})
    hub(github, api_url="https://ghe.acme/api/v3").sight(change(), (), ["all"])
    assert github.names() == ["POST /api/graphql"]


@pytest.mark.parametrize(
    ("said", "state", "word"),
    [
        ({"conclusion": "NEUTRAL"}, CheckState.SKIPPED, "neutral"),
        ({"conclusion": "SKIPPED"}, CheckState.SKIPPED, "skipped"),
        ({"conclusion": "TIMED_OUT"}, CheckState.FAILED, "timed_out"),
        ({"conclusion": "STARTUP_FAILURE"}, CheckState.FAILED, "startup_failure"),
        ({"conclusion": "ACTION_REQUIRED"}, CheckState.INCONCLUSIVE, "action_required"),
        ({"conclusion": "A_NEW_WORD"}, CheckState.INCONCLUSIVE, "a_new_word"),
        ({"conclusion": None}, CheckState.INCONCLUSIVE, "no conclusion"),
        ({"status": "QUEUED", "conclusion": None, "startedAt": None}, CheckState.PENDING, "queued"),
        ({"status": "IN_PROGRESS", "conclusion": None}, CheckState.PENDING, "in_progress"),
    ],
)
def test_a_check_run_says_what_its_own_list_says(
    github: ScriptedGithub, said: Body, state: CheckState, word: str
) -> None:
    answered(github, repository(suite(run(**said))))
    (check,) = sight(github).checks
    assert (check.state, check.conclusion) == (state, word)


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("SUCCESS", CheckState.PASSED),
        ("ERROR", CheckState.FAILED),
        ("PENDING", CheckState.PENDING),
        ("EXPECTED", CheckState.PENDING),
        ("A_NEW_WORD", CheckState.PENDING),
    ],
)
def test_a_commit_status_says_what_its_own_list_says(
    github: ScriptedGithub, said: str, state: CheckState
) -> None:
    told = {"context": "ci", "state": said, "createdAt": "2026-11-20T11:58:00Z"}
    answered(github, repository(contexts=[told]))
    assert [check.state for check in sight(github).checks] == [state]


def test_ours_never_count_and_neither_does_a_job_that_waits_for_the_gate(github: ScriptedGithub) -> None:
    deploys = run("deploy", 7, deployment={"environment": "Production"})
    preview = run("preview", 8, deployment={"environment": "preview"})
    answered(github, repository(suite(run("gate / x", 6), app=APP_ID), suite(deploys, preview)))
    assert [check.name for check in sight(github, "all", "production").checks] == ["preview"]


def test_what_rules_require_is_told_where_a_stage_asks_for_it(github: ScriptedGithub) -> None:
    rules = listed(
        rule(("test", ACTIONS), ("lint", None), ("any", -1)), {"type": "DELETION", "parameters": None}
    )
    answered(github, repository(suite(run(), run("lint", 8)), ref={"name": "main", "rules": rules}))
    found = sight(github, "required")
    assert found.required == (Required("test", ACTIONS), Required("lint"), Required("any"))
    reading = looked_at("required", found.checks, found.required)
    assert ([check.name for check in reading.checks], reading.missing) == (["test", "lint"], ("any",))
    body = github.calls[0].body
    assert isinstance(body, dict)
    assert body["variables"]["rules"] is True


def test_the_head_of_a_branch_has_the_labels_of_the_pull_request_that_made_it(github: ScriptedGithub) -> None:
    another = merged_pull(number=4, mergeCommit={"oid": BASE_SHA}, labels=listed({"name": "red"}))
    unmerged = merged_pull(number=5, mergedAt=None, mergeCommit=None, baseRepository=None)
    tip = {"oid": SHA, "associatedPullRequests": listed(merged_pull(), another, unmerged)}
    answered(github, repository(ref={"name": "main", "target": tip}, pullRequest=None))
    since = NOON - timedelta(minutes=3)
    assert branch_sight(github).head == LiveHead(SHA, "main", True, False, ("blue",), "main", since)
    body = github.calls[0].body
    assert isinstance(body, dict)
    assert (body["variables"]["pull"], body["variables"]["branch"]) == (False, True)


def test_the_head_of_a_branch_that_nobody_asked_to_pull_has_no_labels(github: ScriptedGithub) -> None:
    tip = {"oid": BASE_SHA, "associatedPullRequests": listed(merged_pull())}
    answered(github, repository(ref={"name": "main", "target": tip}, pullRequest=None))
    head = branch_sight(github).head
    assert (head.sha, head.labels) == (BASE_SHA, None)


CUT = {"totalCount": 101, "nodes": []}
BINARY = {"isTruncated": False, "text": None}
TRUNCATED = {"isTruncated": True, "text": "version: 1"}
HUGE = b"#" * 70_000


def default(shown: Body | None) -> Body:
    return {"defaultBranchRef": {"name": "main", "target": {"file": shown}}}


def with_ref(told: Body | None) -> Body:
    return {"ref": told}


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(repository(databaseId=72), id="another repository has the name"),
        pytest.param(repository(databaseId=None), id="a repository without a number"),
        pytest.param(repository(object=None), id="the commit is not there"),
        pytest.param(
            repository(object={"oid": OTHER_SHA, "checkSuites": listed(), "status": None}),
            id="another commit",
        ),
        pytest.param(
            repository(object={"oid": SHA, "checkSuites": CUT, "status": None}),
            id="more suites than are listed",
        ),
        pytest.param(
            repository(object={"oid": SHA, "checkSuites": None, "status": None}),
            id="no list of suites at all",
        ),
        pytest.param(repository({**suite(), "checkRuns": CUT}), id="more check runs than are listed"),
        pytest.param(repository(suite(run(), app=None)), id="an App that is not named"),
        pytest.param(repository(suite(run(databaseId=None))), id="a check run without a number"),
        pytest.param(repository(suite(run(status=None))), id="a check run without a status"),
        pytest.param(
            repository(suite(run(deployment={"environment": None}))), id="deploys nobody knows where"
        ),
        pytest.param(repository(**default(None)), id="no gate file, or it is not for us"),
        pytest.param(repository(defaultBranchRef=None), id="no default branch"),
        pytest.param(repository(**default(file(mode=0o120000))), id="a link"),
        pytest.param(repository(**default(file(mode=0o160000, type="commit"))), id="a submodule"),
        pytest.param(repository(**default(file(object=None))), id="a folder"),
        pytest.param(repository(**default(file(object=BINARY))), id="a file that is no text"),
        pytest.param(repository(**default(file(object=TRUNCATED))), id="half a file"),
        pytest.param(repository(**default(file(b"\xff"))), id="a text that was mended on the way"),
        pytest.param(repository(**default(file(HUGE))), id="a file that is too large"),
        pytest.param(repository(pullRequest=None), id="no pull request"),
        pytest.param(repository(pullRequest=pull_request(number=4)), id="another pull request"),
        pytest.param(repository(pullRequest=pull_request(labels=CUT)), id="more labels than are listed"),
        pytest.param(repository(pullRequest=pull_request(state="DRAFT")), id="a state that nobody knows"),
        pytest.param(repository(**with_ref(None)), id="no base branch"),
        pytest.param(repository(**with_ref({"name": "other", "rules": listed()})), id="another branch"),
        pytest.param(repository(**with_ref({"name": "main", "rules": None})), id="rules that are not told"),
        pytest.param(repository(**with_ref({"name": "main", "rules": CUT})), id="more rules than are listed"),
        pytest.param(
            repository(**with_ref({"name": "main", "rules": listed({**rule(), "parameters": None})})),
            id="a rule that does not say what it requires",
        ),
        pytest.param(
            repository(**with_ref({"name": "main", "rules": listed({**rule(), "parameters": {}})})),
            id="a rule with parameters of another kind",
        ),
        pytest.param(
            repository(**with_ref({"name": "main", "rules": listed(None)})), id="a rule that is hidden"
        ),
    ],
)
def test_what_is_not_told_whole_is_not_told(github: ScriptedGithub, told: Body) -> None:
    answered(github, told)
    with pytest.raises(HubUnavailable) as fault:
        sight(github, "required")
    assert fault.value.retry_at is None


@pytest.mark.parametrize(
    "ref",
    [
        pytest.param(None, id="gone"),
        pytest.param({"name": "other", "target": None}, id="another branch"),
        pytest.param({"name": "main", "target": None}, id="no head"),
        pytest.param({"name": "main", "target": {"oid": SHA, "associatedPullRequests": CUT}}, id="too many"),
    ],
)
def test_a_branch_that_is_not_told_whole_is_not_told(github: ScriptedGithub, ref: Body | None) -> None:
    answered(github, repository(ref=ref, pullRequest=None))
    with pytest.raises(HubUnavailable):
        branch_sight(github)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            {"data": {"repository": repository()}, "errors": [{"message": "x"}]}, id="an error beside it"
        ),
        pytest.param(
            {"data": None, "errors": [{"type": "FORBIDDEN", "path": ["repository"], "message": "no"}]},
            id="nothing but an error",
        ),
        pytest.param(
            {"errors": [{"extensions": {"code": "undefinedField"}, "message": "x"}]}, id="an older GitHub"
        ),
        pytest.param({"data": {"repository": None}}, id="no repository"),
        pytest.param({"data": None}, id="nothing"),
        pytest.param({}, id="an empty object"),
        pytest.param("<html>", id="a page"),
        pytest.param('{"data": {"repository"', id="half a text"),
        pytest.param("", id="no text"),
    ],
)
def test_an_answer_that_is_none(github: ScriptedGithub, body: Body | str) -> None:
    github.answers("POST", QUERY, body)
    with pytest.raises(HubUnavailable):
        sight(github)


def test_it_is_sent_once_and_whoever_asks_is_told_why_it_may_not(github: ScriptedGithub) -> None:
    github.answers("POST", QUERY, {"message": "Bad Gateway"}, 502)
    with pytest.raises(HubUnavailable):
        sight(github)
    assert github.names() == [f"POST {QUERY}"]
    github.scripted.clear()
    with pytest.raises(HubRefused):
        sight(github)


RESET = NOON + timedelta(minutes=20)


def hour(remaining: int, resource: str = "graphql") -> dict[str, str]:
    return {
        "X-RateLimit-Limit": "5000",
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": str(int(RESET.timestamp())),
        "X-RateLimit-Resource": resource,
    }


LIMITED = {"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded for installation ID 5."}]}
SECONDARY = {"errors": [{"message": "You have exceeded a secondary rate limit."}]}


@pytest.mark.parametrize(
    ("status", "body"), [(200, LIMITED), (403, {"message": "API rate limit exceeded"}), (200, {"data": None})]
)
def test_when_the_hour_of_graphql_is_spent_the_rest_goes_on(
    github: ScriptedGithub, status: int, body: Body
) -> None:
    github.answers("POST", QUERY, body, status, hour(0))
    github.answers("GET", COMMENT, comment(), headers=hour(4_000, "core"))
    client = hub(github)
    for _ in range(2):
        with pytest.raises(HubUnavailable):
            client.sight(change(), (), ["all"])
    assert client.comment_fingerprint(REPOSITORY, 501)
    assert github.names() == [f"POST {QUERY}", f"GET {COMMENT}"], "it is not asked again before the reset"
    github.clock.now = RESET + timedelta(seconds=1)
    with pytest.raises(HubUnavailable):
        client.sight(change(), (), ["all"])
    assert github.names()[2:] == [f"POST {QUERY}"]


def test_when_the_hour_of_the_rest_is_nearly_spent_graphql_is_not(github: ScriptedGithub) -> None:
    answered(github, repository(), hour(4_000))
    github.answers("GET", COMMENT, comment(), headers=hour(1, "core"))
    client = hub(github)
    client.sight(change(), (), ["all"])
    client.comment_fingerprint(REPOSITORY, 501)
    client.sight(change(), (), ["all"])
    client.comment_fingerprint(REPOSITORY, 501)
    assert len(github.calls) == 4


@pytest.mark.parametrize(
    ("status", "body", "headers", "wait"),
    [
        (200, SECONDARY, {}, 60),
        (200, SECONDARY, {"Retry-After": "30"}, 30),
        (200, {"errors": [{"message": "wait"}]}, {"Retry-After": "30"}, 30),
        (403, {"message": "You have exceeded a secondary rate limit"}, {"Retry-After": "45"}, 45),
        (429, {}, {}, 60),
    ],
)
def test_a_secondary_limit_leaves_the_installation_alone_altogether(
    github: ScriptedGithub, status: int, body: Body, headers: dict[str, str], wait: int
) -> None:
    github.answers("POST", QUERY, body, status, {**hour(4_000), **headers})
    github.answers("GET", COMMENT, comment())
    client = hub(github)
    with pytest.raises(HubUnavailable) as limited:
        client.sight(change(), (), ["all"])
    assert limited.value.retry_at == NOON + timedelta(seconds=wait)
    with pytest.raises(HubUnavailable, match="asked this installation to wait"):
        client.comment_fingerprint(REPOSITORY, 501)
    github.clock.passes(timedelta(seconds=wait + 1))
    assert client.comment_fingerprint(REPOSITORY, 501)


def test_words_of_strangers_are_no_limit(github: ScriptedGithub) -> None:
    """A label that reads like GitHub's refusal, beside some other error, stops nobody."""
    labels = listed({"name": "secondary rate limit"})
    told = repository(pullRequest=pull_request(labels=labels))
    body = json.dumps({"data": {"repository": told}, "errors": [{"message": "timeout"}]})
    github.answers("POST", QUERY, body)
    with pytest.raises(HubUnavailable) as fault:
        sight(github)
    assert fault.value.retry_at is None


def test_the_checks_are_those_of_the_commit_under_decision(github: ScriptedGithub) -> None:
    """A head that moved meanwhile is seen as such, and its checks are not taken for those of this one."""
    answered(github, repository(suite(run()), pullRequest=pull_request(headRefOid=OTHER_SHA)))
    found = sight(github)
    assert found.head.sha == OTHER_SHA
    assert isinstance(found.checks[0], Check)
