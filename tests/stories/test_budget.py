"""What an answer costs at GitHub, and what costs nothing: counted at the stand-in."""

from __future__ import annotations

from support.story import Place, tell

MOST_CALLS = 6
"""From the comment to the release, tokens aside, which last an hour."""


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


def test_talk_costs_nothing_and_neither_does_waiting(place: Place) -> None:
    story = tell(place)
    story.asks("staging")
    story.rests()
    mark = newest(place)
    for text in ("LGTM!", "Shall we /approve staging?", "> /approve staging", "```\n/approve staging\n```"):
        story.says("reviewer", text)
    story.rests()
    assert calls_after(place, mark) == []
