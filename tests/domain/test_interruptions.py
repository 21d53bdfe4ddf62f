"""Heads that were away and are back, pull requests closed and reopened, another default branch (cases 23, 34, 88)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.runs import HEAD, MAINTAINER, REVIEWER, World, asking, policy

from gate_app.domain.conditions import Head
from gate_app.domain.events import ChangeProposed, HeadMoved
from gate_app.domain.policy import ApproverLine, Permission
from gate_app.domain.run import RunState

TWO = policy(ApproverLine(permission=Permission.WRITE, count=2))


def is_back(world: World, seconds: float = 0) -> None:
    """The head was away and is back, so many seconds from now; no delivery told it."""
    assert isinstance(world.head, Head)
    world.head = replace(world.head, interrupted_at=world.now + timedelta(seconds=seconds))


def test_case_023_an_approval_from_before_the_head_was_away_does_not_count() -> None:
    world = asking(TWO)
    world.says(REVIEWER, "/approve staging")
    is_back(world, 1)
    world.passes(1).says(MAINTAINER, "/approve staging")
    assert not world.releases("staging")
    question = world.gate("staging").question
    assert question is not None
    assert question.number == 2
    assert "what it answers has changed since" in world.replies()[-1]


def test_case_034_after_it_was_reopened_the_same_people_may_approve_again() -> None:
    world = asking(TWO)
    world.says(REVIEWER, "/approve staging")
    is_back(world, 1)
    world.passes(2).tick()
    for person in (REVIEWER, MAINTAINER):
        assert not world.releases("staging")
        world.says(person, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_within_one_second_the_interruption_comes_later() -> None:
    world = asking(TWO)
    world.says(REVIEWER, "/approve staging")
    is_back(world)
    world.tick()
    question = world.gate("staging").question
    assert question is not None
    assert question.number == 2


def test_an_approval_after_the_head_was_back_counts() -> None:
    world = asking()
    is_back(world)
    world.passes(5).says(REVIEWER, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_the_same_interruption_asks_once() -> None:
    world = asking(TWO)
    world.says(REVIEWER, "/approve staging")
    is_back(world, 1)
    world.passes(2).tick()
    world.says(REVIEWER, "/approve staging")
    world.tick()
    question = world.gate("staging").question
    assert question is not None
    assert question.number == 2


# --- case 88


@pytest.mark.parametrize("default_branch", ["", "main"])
def test_the_same_default_branch_or_none_told_is_no_news(default_branch: str) -> None:
    world = asking()
    world.happens(HeadMoved(world.now, HEAD.sha, "main", default_branch=default_branch))
    assert world.run.state is RunState.OPEN


def test_case_088_under_another_default_branch_nothing_is_released() -> None:
    world = asking()
    world.head = Head(HEAD.sha, "main", open=True, default_branch="trunk")
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")
    assert "default_branch_changed" in world.codes("staging")


def test_case_088_the_run_ends_and_says_why() -> None:
    world = asking()
    decision = world.happens(HeadMoved(world.now, HEAD.sha, "main", default_branch="trunk"))
    assert world.run.state is RunState.SUPERSEDED
    assert decision.verdicts["staging"].codes == ("default_branch_changed",)


def test_case_088_a_run_that_has_ended_keeps_its_end() -> None:
    world = asking()
    world.happens(HeadMoved(world.now, "d" * 40, "main"))
    decision = world.happens(HeadMoved(world.now, HEAD.sha, "main", default_branch="trunk"))
    assert decision.verdicts["staging"].codes == ("run_superseded",)


def test_case_088_a_run_of_an_older_release_does_not_know_its_default_branch() -> None:
    world = asking()
    world.run = replace(world.run, change=replace(world.run.change, default_branch=""))
    world.happens(ChangeProposed(world.now, world.run.change))
    world.happens(HeadMoved(world.now, HEAD.sha, "main", default_branch="trunk"))
    assert world.run.state is RunState.OPEN
