"""Nobody approves their own work: of the head, or of all that ships; and what is said where the policy allows it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.runs import AUTHOR, CHANGE, MAINTAINER, READER, REVIEWER, START, World, asking, policy, proposed

from gate_app.domain.conditions import EnvironmentFacts
from gate_app.domain.effects import PublishCheckRun, PublishComment
from gate_app.domain.events import ChangeProposed
from gate_app.domain.model import Authorship, Content
from gate_app.domain.opening import open_run
from gate_app.domain.policy import ApproverLine, Permission
from gate_app.domain.shipping import Shipment
from gate_app.domain.verdict import ReasonCode


def _last_check(world: World, environment: str) -> str:
    shown = [
        e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == f"gate:{environment}"
    ]
    return shown[-1].summary


def test_an_approval_of_ones_own_work_is_an_exception_that_is_said_and_journalled() -> None:
    world = asking(policy(ApproverLine(permission=Permission.WRITE, count=2), self_approval=True))
    world.says(AUTHOR, "/approve staging")
    world.says(READER, "/why")
    assert "An exception: approved by `author` although they contributed" in world.replies()[-1]
    world.says(REVIEWER, "/approve staging")
    codes = [reason.code for reason in world.decisions[-2].verdicts["staging"].reasons]
    assert ReasonCode.SELF_APPROVED in codes
    release = world.gate("staging").release
    assert release is not None
    assert release.exceptions == (AUTHOR,)
    assert "`self_approved`" in _last_check(world, "staging")


def test_an_approval_of_others_is_no_exception_where_ones_own_is_allowed() -> None:
    world = asking(policy(self_approval=True))
    world.says(REVIEWER, "/approve staging")
    release = world.gate("staging").release
    assert release is not None
    assert release.exceptions == ()
    assert "self_approved" not in _last_check(world, "staging")


RUNS = Content("9" * 40, "8" * 40)
BEFORE = Shipment(RUNS.sha, False, 2, 0, authorship=Authorship((REVIEWER.id,)))


def _shipping(shipment: Shipment | None, running: Content | None = RUNS) -> World:
    """Staging asks about all that ships, compared with what runs there."""
    world = proposed(policy(contributors="shipped"))
    world.environments["staging"] = EnvironmentFacts("staging", running=running)
    if shipment is not None:
        world.run = replace(world.run, shipments={"staging": shipment})
    world.passes(5).stage_ends()
    return world


@pytest.mark.parametrize(
    ("shipment", "said"),
    [
        pytest.param(BEFORE, "self_approval", id="who made a commit that ships"),
        pytest.param(None, "contributors_unknown", id="what ships is not known"),
        pytest.param(
            replace(BEFORE, authorship=None), "contributors_unknown", id="case 32: not all are listed"
        ),
        pytest.param(replace(BEFORE, base="7" * 40), "contributors_unknown", id="against what ran before"),
        pytest.param(
            replace(BEFORE, authorship=Authorship((), ("a@example.com",))),
            "contributors_unknown",
            id="case 55: a commit of nobody's",
        ),
    ],
)
def test_whoever_made_anything_that_ships_does_not_approve_it(shipment: Shipment | None, said: str) -> None:
    world = _shipping(shipment)
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")
    assert f"`{said}`" in world.replies()[-1]


def test_where_nothing_runs_yet_nobody_knows_who_made_all_that_ships() -> None:
    first = Shipment(CHANGE.base_sha, True, 1, 0, authorship=Authorship(()))
    world = _shipping(first, running=None)
    world.says(MAINTAINER, "/approve staging")
    assert not world.releases("staging")
    assert "`contributors_unknown`" in world.replies()[-1]


def test_who_made_nothing_of_what_ships_approves_it() -> None:
    world = _shipping(BEFORE)
    asked = [
        e.body for e in world.effects if isinstance(e, PublishComment) and e.surface.startswith("question:")
    ]
    assert "who did not contribute to anything that ships" in asked[-1]
    world.says(MAINTAINER, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_case_54_the_author_is_a_contributor_whoever_made_and_pushed_the_commits() -> None:
    change = replace(CHANGE, pusher=REVIEWER)
    world = World(open_run(change, 1, policy(), START), authorship=Authorship((REVIEWER.id,)))
    world.happens(ChangeProposed(START, change))
    world.passes(5).stage_ends()
    for person in (AUTHOR, REVIEWER):
        world.says(person, "/approve staging")
        assert "self_approval" in world.replies()[-1]
    world.says(MAINTAINER, "/approve staging")
    assert len(world.releases("staging")) == 1
