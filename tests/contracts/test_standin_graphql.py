"""Our queries against GitHub's published schema, and how the stand-in refuses one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import parse, validate
from support.graphql_extract import QUERIES
from support.standin import REPOSITORY, Answer, Github, open_pull, serving

from gate_app.standin import graphql

OWNER, _, NAME = REPOSITORY.partition("/")


@pytest.fixture
def github(tmp_path: Path) -> Iterator[Github]:
    with serving(tmp_path) as found:
        open_pull(found)
        yield found


def of_repository(*fields: str) -> str:
    return f'{{ repository(owner: "{OWNER}", name: "{NAME}") {{ databaseId {" ".join(fields)} }} }}'


def of_head(github: Github, fields: str) -> str:
    head = github.control.state()["pulls"][0]["head_sha"]
    return of_repository(f'object(oid: "{head}") {{ ... on Commit {{ {fields} }} }}')


def asked(github: Github, query: str, *permissions: str) -> Answer:
    token = github.mint(permissions=dict.fromkeys(("metadata", *permissions), "read"))
    return github.call("POST", "/graphql", {"query": query}, token=token)


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_of_ours_is_valid_by_the_published_types(query: str) -> None:
    assert validate(graphql.schema(), parse(query)) == []


def test_a_query_counts_apart_and_needs_a_token(github: Github) -> None:
    answer = asked(github, of_repository())
    assert answer.body["data"]["repository"]["databaseId"] > 0
    assert answer.headers["X-RateLimit-Resource"] == "graphql"
    assert github.call("POST", "/graphql", {"query": of_repository()}).status == 401


def test_what_a_token_may_not_see_is_null_with_an_error_beside_it(github: Github) -> None:
    fields = "checkSuites(first: 1) { totalCount } status { contexts { state } }"
    body = asked(github, of_head(github, fields), "contents").body
    assert body["data"]["repository"]["object"] == {"checkSuites": None, "status": None}
    assert [error["type"] for error in body["errors"]] == ["FORBIDDEN", "FORBIDDEN"]
    assert "errors" not in asked(github, of_head(github, fields), "contents", "checks", "statuses").body
    hidden = asked(github, of_repository("pullRequest(number: 1) { number }", "defaultBranchRef { name }"))
    assert [error["type"] for error in hidden.body["errors"]] == ["FORBIDDEN", "FORBIDDEN"]


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ('{ repository(owner: "acme", name: "nothing") { databaseId } }', "NOT_FOUND"),
        (of_repository("pullRequest(number: 99) { number }"), "NOT_FOUND"),
        (of_repository("invented"), None),
        ("{", None),
    ],
)
def test_a_refusal_has_status_200(github: Github, query: str, kind: str | None) -> None:
    answer = asked(github, query, "pull_requests")
    assert answer.status == 200
    assert [error.get("type") for error in answer.body["errors"]] == [kind]


def test_a_list_that_does_not_say_how_many_it_wants_is_refused(github: Github) -> None:
    (error,) = asked(github, of_head(github, "checkSuites { totalCount }"), "contents", "checks").body[
        "errors"
    ]
    assert "first" in error["message"]


def test_what_is_not_there_is_null(github: Github) -> None:
    fields = (f'object(oid: "{"0" * 40}") {{ oid }}', 'ref(qualifiedName: "refs/heads/none") { name }')
    found = asked(github, of_repository(*fields, 'tag: ref(qualifiedName: "main") { name }'), "contents").body
    there = found["data"]["repository"]
    assert (there["object"], there["ref"], there["tag"]) == (None, None, None)


def test_when_the_hour_is_spent_the_refusal_has_status_200_too(github: Github) -> None:
    token = github.mint()
    github.control.set_rate_limit(1)
    answers = [github.call("POST", "/graphql", {"query": of_repository()}, token=token) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[1].body["errors"][0]["type"] == "RATE_LIMITED"
    assert answers[1].headers["X-RateLimit-Remaining"] == "0"
