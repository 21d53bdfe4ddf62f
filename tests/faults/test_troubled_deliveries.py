"""Deliveries lost, doubled, late and out of order: the same end, nothing double; reads in trouble wait visibly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from support.endings import expect_one_of_everything
from support.routes import ROUTES, Route
from support.story import FROM_MAIN, Place, open_place, tell, until


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = open_place(tmp_path_factory.mktemp("troubled"), reconcile_seconds=1)
    yield place
    place.end()


@pytest.fixture(autouse=True)
def calm_again(troubled: Place) -> Iterator[None]:
    yield
    troubled.control.trouble_webhooks()
    troubled.control.set_faults()


def case(
    route: str, trouble: Mapping[str, object], what: str, *marks: pytest.MarkDecorator
) -> pytest.ParameterSet:
    return pytest.param(route, trouble, id=f"{what} ({route})", marks=marks)


LOST = {"drop_every": 1}
HALF = {"drop_every": 2}
DOUBLED = {"double_every": 1, "shuffle_window": 6, "seed": 7}
SLOW = {"delay_seconds": 1.5}


@pytest.mark.parametrize(
    ("route", "trouble"),
    [
        case("command", LOST, "case 195: every delivery is lost"),
        case("deployment", DOUBLED, "cases 9, 119: each comes twice, out of order"),
        case("command", HALF, "case 195: every second is lost", pytest.mark.slow),
        case("command", DOUBLED, "cases 9, 119: each comes twice, out of order", pytest.mark.slow),
        case("workflow", DOUBLED, "cases 9, 119: each comes twice, out of order", pytest.mark.slow),
        case(
            "workflow", LOST, "case 195: every delivery is lost", pytest.mark.slow, pytest.mark.timeout(600)
        ),
        *(case(route, SLOW, "each takes its time", pytest.mark.slow) for route in ROUTES),
    ],
)
def test_deliveries_in_trouble_end_the_same(
    troubled: Place, route: str, trouble: Mapping[str, object]
) -> None:
    troubled.control.trouble_webhooks(**trouble)  # type: ignore[arg-type]  # the cases name real arguments
    way = Route(route, troubled)
    story = way.tell()
    story.patience = 240  # a workflow run that nobody tells of is looked at after a minute
    for environment, login in (("staging", "reviewer"), ("production", "maintainer")):
        story.asks(environment)
        story.says(login, f"/approve {environment}")
        way.deploys(story, environment)
    expect_one_of_everything(story)


def test_case_195_only_commits_that_arrived_since_are_asked_about(troubled: Place) -> None:
    """The commit that was there when the App came is not; a merge that no delivery told of is."""
    troubled.control.trouble_webhooks(drop_every=1)
    story = tell(troubled, gate_file=FROM_MAIN)
    story.asks("staging")
    story.rests()
    assert [run.change.subject.number for run in story.runs()] == [1], "main was there before"
    merged = troubled.control.merge(story.repository, story.number, by="maintainer")
    question = story.asks("production")
    assert (merged["merge_commit_sha"] or "")[:12] in question["body"]


@pytest.mark.parametrize(
    "kind",
    [
        "502_before",
        pytest.param("secondary_403", marks=pytest.mark.slow),
        pytest.param("primary_limit", marks=pytest.mark.slow),
    ],
)
def test_case_197_reads_in_trouble_wait_visibly_and_go_on(troubled: Place, kind: str) -> None:
    story = tell(troubled)
    story.asks("staging")
    story.rests()
    troubled.control.set_faults({"method": "GET", "path_regex": "/repos/acme/.*", "times": 6, "kind": kind})
    story.says("reviewer", "/approve staging")
    troubled.control.quiesce()
    troubled.control.set_faults()
    until(story.deployments, "staging is released once GitHub answers again", 100, story.told)
    assert len(story.deployments()) == 1
