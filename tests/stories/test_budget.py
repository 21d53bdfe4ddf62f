"""What an answer costs at GitHub, and what costs nothing: counted at the stand-in."""

from __future__ import annotations

from support.story import GATE_FILE, Place, tell, until

MOST_CALLS = 6
"""From the comment to the release, tokens aside, which last an hour."""
MOST_CALLS_WITH_CHECKS = MOST_CALLS + 2
"""Check runs and commit statuses are two lists at GitHub; why no call is left out for them: `docs/github.md`."""
CHECKED = """\
version: 1
stages:
  ci: {checks: all}
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


def calls_after(place: Place, mark: int) -> list[str]:
    """What the App asked GitHub since then: method and path below the repository."""
    recorded = [r for r in place.control.requests(mark) if not r["path"].startswith("/app")]
    return [f"{r['method']} {'/'.join(r['path'].split('/')[4:])}" for r in recorded]


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


def test_with_checks_of_others_it_costs_their_two_lists_more_in_as_many_round_trips(place: Place) -> None:
    story = tell(place, gate_file=CHECKED)
    wanted = {"name": "test", "head_sha": story.pull["head_sha"], "conclusion": "success"}
    place.control.create_check_run(story.repository, wanted)
    story.asks("staging")
    story.rests()
    mark = newest(place)
    story.says("reviewer", "/approve staging")
    story.sees(story.deployments, "staging is deployed")
    called = calls_after(place, mark)
    release = called.index("POST deployments")
    assert release < MOST_CALLS_WITH_CHECKS, called[: release + 1]
    head = story.pull["head_sha"]
    assert {f"GET commits/{head}/check-runs", f"GET commits/{head}/status"} < set(called[: release - 1])
    assert called[release - 1] == "GET deployments", "the third round trip is the release itself"


def test_an_answer_on_a_merged_pull_request_costs_one_call_more(place: Place) -> None:
    """Which pull request made the head of a branch, and which branch is the default one, takes one call."""
    story = tell(place, gate_file=ON_MAIN)
    until(lambda: story.runs(), "the pull request was seen")
    place.control.merge(story.repository, story.number, by="maintainer", method="merge")
    story.asks("production")
    story.rests()
    mark = newest(place)
    story.says("reviewer", "/approve production")
    story.sees(story.deployments, "production is deployed")
    called = calls_after(place, mark)
    assert called.index("POST deployments") < MOST_CALLS + 1, called


def test_talk_costs_nothing_and_neither_does_waiting(place: Place) -> None:
    story = tell(place)
    story.asks("staging")
    story.rests()
    mark = newest(place)
    for text in ("LGTM!", "Shall we /approve staging?", "> /approve staging", "```\n/approve staging\n```"):
        story.says("reviewer", text)
    story.rests()
    assert calls_after(place, mark) == []
