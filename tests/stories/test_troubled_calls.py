"""Every kind of trouble at every call of the story: it waits, goes on, and ends the same, nothing double (194, 197).

The suite lets every write fail once on two routes. `make stories` meets each kind of trouble at all calls in one story
on each route, and at each call in a story of its own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import pytest
from support.endings import expect_one_of_everything
from support.routes import ROUTES, Route
from support.story import SCANNED, Place, Story

from gate_app.standin import faults

CALLS: Final[Mapping[str, tuple[str, str, str]]] = {
    # what, on which route: method, path
    "a token is minted": ("command", "POST", r"/access_tokens$"),
    "the pull request is read": ("workflow", "GET", r"/pulls/\d+$"),
    "its commits are read": ("deployment", "GET", r"/pulls/\d+/commits$"),
    "the commit is read": ("command", "GET", r"/git/commits/"),
    "the default branch is read": ("workflow", "GET", r"/branches/main$"),
    "the pull requests of a commit are read": ("deployment", "GET", r"/commits/\w+/pulls$"),
    "the gate file is read": ("command", "GET", r"/contents/"),
    "what ships is read": ("workflow", "GET", r"/compare/"),
    "what somebody may do is read": ("deployment", "GET", r"/collaborators/"),
    "an answer is read again": ("command", "GET", r"/issues/comments/\d+$"),
    "our comments are read": ("workflow", "GET", r"/issues/\d+/comments$"),
    "what happened to a pull request is read": ("command", "GET", r"/issues/\d+/events$"),
    "a comment is written": ("deployment", "POST", r"/issues/\d+/comments$"),
    "a comment is edited": ("command", "PATCH", r"/issues/comments/\d+$"),
    "an answer is acknowledged": ("workflow", "POST", r"/reactions$"),
    "what stands and where is asked at once": ("deployment", "POST", r"/graphql$"),
    "check runs are read": ("deployment", "GET", r"/check-runs$"),
    "commit statuses are read": ("deployment", "GET", r"/commits/\w+/status$"),
    "a check run is created": ("command", "POST", r"/check-runs$"),
    "a check run is updated": ("workflow", "PATCH", r"/check-runs/\d+$"),
    "our deployments are read": ("deployment", "GET", r"/deployments$"),
    "a deployment is created": ("command", "POST", r"/deployments$"),
    "the statuses of a deployment are read": ("deployment", "GET", r"/deployments/\d+/statuses$"),
    "the state of a deployment is told": ("workflow", "POST", r"/deployments/\d+/statuses$"),
    "commits are fetched": ("command", "*", r"\.git/"),
    "a workflow is read": ("workflow", "GET", r"/actions/workflows/[\w.]+$"),
    "a workflow is dispatched": ("workflow", "POST", r"/dispatches$"),
    "runs of a workflow are looked for": ("workflow", "GET", r"/actions/workflows/[\w.]+/runs$"),
    "a workflow run is read": ("workflow", "GET", r"/actions/runs/\d+$"),
    "artifacts are listed": ("workflow", "GET", r"/actions/runs/\d+/artifacts$"),
    "an artifact is placed": ("workflow", "GET", r"/actions/artifacts/\d+/zip$"),
    "an artifact is fetched": ("workflow", "GET", r"/_downloads/"),
}
PROVOKED_BY: Final = {
    "runs of a workflow are looked for": "a workflow is dispatched",
    "check runs are read": "what stands and where is asked at once",
    "commit statuses are read": "what stands and where is asked at once",
}
"""Calls that are made only when another one lost its answer."""
SOMETIMES: Final = {"what happened to a pull request is read"}
"""Calls that are made only when the page changed after an answer, which takes a whole second."""
WRITES: Final = [call for call, (_, method, _) in CALLS.items() if method in ("POST", "PATCH")]
TRIED_AGAIN: Final = {"502_before", "502_after", "lost_request", "lost_answer"}
"""A read that meets these is asked again at once, before the engine hears of it."""
LONG_LIMIT: Final = "429"
"""Without `Retry-After` it takes a minute each time: too long for all calls in one story."""


@dataclass(frozen=True)
class Trouble:
    """What happens to the next calls, each time it is stirred."""

    route: Route
    kind: str
    calls: Collection[str]

    @property
    def certain(self) -> bool:
        """Whether the story makes one of the calls each time."""
        return not SOMETIMES.issuperset(self.calls)

    def stir(self) -> None:
        kinds = dict.fromkeys(self.calls, self.kind)
        provoked = {PROVOKED_BY[call]: "lost_answer" for call in self.calls if call in PROVOKED_BY}
        met = {**provoked, **kinds}
        self.route.place.control.set_faults(*(_fault(call, kind) for call, kind in met.items()))


def _fault(call: str, kind: str) -> Mapping[str, object]:
    _, method, path = CALLS[call]
    times = 2 if method == "GET" and kind in TRIED_AGAIN else 1
    return {"method": method, "path_regex": path, "times": times, "kind": kind, "seconds": 1}


@pytest.fixture(autouse=True)
def calm_again(place: Place) -> Iterator[None]:
    place.control.set_rate_limit(
        15_000
    )  # an Enterprise organisation's: all of them in one hour are more than 5,000 calls
    yield
    place.control.set_faults()


def newest(place: Place) -> int:
    return max((request["id"] for request in place.control.requests()), default=0)


def expect_the_same_end(trouble: Trouble, parts: Collection[str] = ("staging", "production")) -> Story:
    """The whole story, with the trouble from the start, and again while these `parts` of it are answered."""
    route, before = trouble.route, newest(trouble.route.place)
    trouble.stir()
    story = route.tell(gate_file=SCANNED)
    story.patience = 300  # what could not be read is read again every half minute
    for environment, login in (("staging", "reviewer"), ("production", "maintainer")):
        story.asks(environment)
        if environment in parts:
            trouble.stir()
        story.says(login, f"/approve {environment}")
        route.deploys(story, environment)
    expect_one_of_everything(story)
    met = [r for r in route.place.control.requests(before) if r["fault"] == trouble.kind]
    assert met or not trouble.certain, "the trouble was not met"
    return story


def expect_each_call_is_known(story: Story, before: int) -> None:
    """The table has every call that the story makes."""
    made = [r for r in story.place.control.requests(before) if f"{story.repository}/" in r["path"]]
    strange = {
        f"{r['method']} {r['path']}"
        for r in made
        if not any(method == r["method"] and re.search(path, r["path"]) for _, method, path in CALLS.values())
    }
    assert not strange, "put what the story has learned to ask into CALLS"


@pytest.mark.processes
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param("workflow", "lost_answer", id="dispatched workflows, lost answers"),
        pytest.param("deployment", "502_after", id="work of others, errors although it was done"),
    ],
)
def test_case_194_every_write_fails_once(place: Place, name: str, kind: str) -> None:
    before = newest(place)
    story = expect_the_same_end(Trouble(Route(name, place), kind, WRITES), parts=())
    expect_each_call_is_known(story, before)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", [kind for kind in faults.KINDS if kind != LONG_LIMIT])
@pytest.mark.parametrize("name", ROUTES)
def test_trouble_at_all_calls(place: Place, name: str, kind: str) -> None:
    expect_the_same_end(Trouble(Route(name, place), kind, CALLS), parts=())


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", faults.KINDS)
@pytest.mark.parametrize("call", CALLS)
def test_trouble_at_one_call(place: Place, call: str, kind: str) -> None:
    expect_the_same_end(Trouble(Route(CALLS[call][0], place), kind, [call]))


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("what somebody may do is read", "standing_unknown"),
        ("check runs are read", "stage_unknown"),
        pytest.param("an answer is read again", "comment_unknown", marks=pytest.mark.slow),
        pytest.param("the pull request is read", "head_unknown", marks=pytest.mark.slow),
        pytest.param("the gate file is read", "policy_unreadable", marks=pytest.mark.slow),
    ],
)
def test_case_197_what_cannot_be_read_is_shown_and_releases_nothing_until_it_can(
    place: Place, call: str, code: str
) -> None:
    route = Route("deployment", place)
    story = route.tell()
    story.asks("staging")
    story.rests()
    also = "what stands and where is asked at once"  # or it would tell what the call cannot
    place.control.set_faults(*({**_fault(each, "502_before"), "times": 1_000} for each in (call, also)))
    story.says("reviewer", "/approve staging")
    story.sees(lambda: code in _summary(story), f"{code} is shown")
    assert story.deployments() == []
    place.control.set_faults()
    story.says("reviewer", "/status")
    route.deploys(story, "staging")
    story.shows("gate / staging", "success")


def _summary(story: Story) -> str:
    check = story.check("gate / staging")
    return (check["summary"] or "") if check else ""
