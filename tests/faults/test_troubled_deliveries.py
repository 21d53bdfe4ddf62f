"""Deliveries lost, doubled and out of order; GitHub answering badly: the same end, nothing double."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
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


def expect_the_same_end(place: Place) -> None:
    story = tell(place)
    story.asks("staging")
    story.says("reviewer", "/approve staging")
    story.asks("production")
    story.says("maintainer", "/approve production")
    story.shows("gate / production", "success")
    story.rests()
    assert [deployment["environment"] for deployment in story.deployments()] == ["staging", "production"]
    story.expect_one_comment_each()
    names = [run["name"] for run in story.state()["check_runs"]]
    assert len(names) == len(set(names)), names


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param({"drop_every": 1}, id="case 195: every delivery is lost"),
        pytest.param(
            {"double_every": 1, "shuffle_window": 6, "seed": 7},
            id="cases 9, 119: each comes twice, out of order",
        ),
        pytest.param({"drop_every": 2}, id="case 195: every second is lost", marks=pytest.mark.slow),
        pytest.param({"double_every": 1}, id="case 9: every delivery comes twice", marks=pytest.mark.slow),
        pytest.param({"shuffle_window": 6, "seed": 8}, id="case 119: out of order", marks=pytest.mark.slow),
    ],
)
def test_deliveries_in_trouble_end_the_same(troubled: Place, trouble: Mapping[str, int]) -> None:
    troubled.control.trouble_webhooks(**trouble)
    expect_the_same_end(troubled)


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


WRITES = ("comments$", "check-runs$", "deployments$", "reactions$", "statuses$")


@pytest.mark.parametrize("kind", ["502_after", "lost_answer"])
def test_case_194_writes_that_lost_their_answer_are_read_back_before_they_are_repeated(
    troubled: Place, kind: str
) -> None:
    troubled.control.set_faults(
        *[{"method": "POST", "path_regex": path, "times": 2, "kind": kind} for path in WRITES]
    )
    expect_the_same_end(troubled)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["502_before", "502_after", "lost_answer", "429_retry_after"])
@pytest.mark.parametrize("path", WRITES)
def test_case_194_each_write_in_each_trouble(troubled: Place, path: str, kind: str) -> None:
    troubled.control.set_faults({"method": "POST", "path_regex": path, "times": 2, "kind": kind})
    expect_the_same_end(troubled)


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
