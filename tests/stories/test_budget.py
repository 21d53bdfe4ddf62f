"""What an answer costs at GitHub, and what costs nothing: counted at the stand-in."""

from __future__ import annotations

import pytest
from support.story import GATE_FILE, Place, tell, until

MOST_CALLS = 6
"""From the comment to the release, tokens aside, which last an hour."""
CHECKED = """\
version: 1
stages:
  ci: {checks: SELECTED}
environments:
  staging:
    from: pull_request
    needs: [ci]
    deploy: {command: echo "$GATE_ENVIRONMENT runs $GATE_SHA"}
"""

ON_MAIN = (
    GATE_FILE[: GATE_FILE.index("  staging:")]
    + """\
  production:
    approval: {approvers: [{permission: write, count: 1}]}
    deploy: {command: echo "$GATE_ENVIRONMENT runs $GATE_SHA"}
"""
)
CHECKED_ON_MAIN = ON_MAIN.replace("environments:", "  ci: {checks: required}\nenvironments:").replace(
    "  production:\n", "  production:\n    needs: [tests, ci]\n"
)


def calls_after(place: Place, mark: int) -> list[str]:
    """What the App asked GitHub since then: method and path below the repository."""
    recorded = [r for r in place.control.requests(mark) if not r["path"].startswith("/app")]
    return [f"{r['method']} {'/'.join(r['path'].split('/')[4:]) or r['path']}" for r in recorded]


def newest(place: Place) -> int:
    return max((request["id"] for request in place.control.requests()), default=0)


def test_an_answer_costs_at_most_six_calls_to_the_release(place: Place) -> None:
    story = tell(place)
    story.asks("staging")
    story.rests()
    mark = newest(place)
    story.says("reviewer", "/approve staging")
    story.asks("production")
    called = calls_after(place, mark)
    release = called.index("POST deployments")
    assert release < MOST_CALLS, called[: release + 1]


@pytest.mark.parametrize(
    ("selected", "calls"),
    [
        ("all", ["GET issues/comments", "GET collaborators/reviewer", "POST /graphql"]),
        ("[test, lint*]", ["GET issues/comments", "GET collaborators/reviewer", "POST /graphql"]),
        (
            "required",
            ["GET issues/comments", "GET collaborators/reviewer", "POST /graphql", "GET branches/main"],
        ),
    ],
)
def test_the_checks_of_others_cost_nothing_more(place: Place, selected: str, calls: list[str]) -> None:
    """One query tells what stands on the commit, where its pull request is, and what the gate file says."""
    story = tell(place, gate_file=CHECKED.replace("SELECTED", selected))
    place.control.require_checks(story.repository, "main", {"test": "github-actions"})
    place.control.require_checks(story.repository, "main", {"lint": None}, "ruleset")
    for name in ("test", "lint"):
        wanted = {"name": name, "head_sha": story.pull["head_sha"], "conclusion": "success"}
        place.control.create_check_run(story.repository, wanted)
    story.asks("staging")
    story.rests()
    mark = newest(place)
    story.says("reviewer", "/approve staging")
    story.sees(story.deployments, "staging is deployed")
    called = calls_after(place, mark)
    first, last = called[: (release := called.index("POST deployments")) - 1], called[release - 1]
    assert sorted("/".join(each.split("/")[:2]) if each[0] == "G" else each for each in first) == sorted(
        calls
    )
    assert last == "GET deployments", "the third round trip is the release itself"
    assert release < MOST_CALLS


@pytest.mark.parametrize(
    ("gate_file", "most"),
    [
        pytest.param(ON_MAIN, MOST_CALLS + 1, id="which pull request made the head takes a call"),
        pytest.param(CHECKED_ON_MAIN, MOST_CALLS, id="the query for the checks tells that too"),
    ],
)
def test_an_answer_on_a_merged_pull_request_costs_one_call_more_at_most(
    place: Place, gate_file: str, most: int
) -> None:
    story = tell(place, gate_file=gate_file)
    until(lambda: story.runs(), "the pull request was seen")
    merged = place.control.merge(story.repository, story.number, by="maintainer", method="merge")
    place.control.require_checks(story.repository, "main", {"test": None}, "ruleset")
    wanted = {"name": "test", "head_sha": merged["merge_commit_sha"], "conclusion": "success"}
    place.control.create_check_run(story.repository, wanted)
    story.asks("production")
    story.rests()
    mark = newest(place)
    story.says("reviewer", "/approve production")
    story.sees(story.deployments, "production is deployed")
    called = calls_after(place, mark)
    assert called.index("POST deployments") < most, called
    assert ("POST /graphql" in called) is (gate_file is CHECKED_ON_MAIN)


def test_talk_costs_nothing_and_neither_does_waiting(place: Place) -> None:
    story = tell(place)
    story.asks("staging")
    story.rests()
    mark = newest(place)
    for text in ("LGTM!", "Shall we /approve staging?", "> /approve staging", "```\n/approve staging\n```"):
        story.says("reviewer", text)
    story.rests()
    assert calls_after(place, mark) == []
