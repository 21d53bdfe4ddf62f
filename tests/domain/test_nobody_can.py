"""A question that nobody could answer says so when it is asked, with the smallest fix."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.runs import AUTHOR, REVIEWER, World, policy, proposed

from gate_app.domain.effects import PublishComment
from gate_app.domain.model import Authorship, Unknown
from gate_app.domain.policy import ApproverLine, LadderStep, Permission
from gate_app.domain.run import Run

AUTHORS = ApproverLine(users=("author",))
BOTH = ApproverLine(users=("author", "reviewer"))
WRITE = ApproverLine(permission=Permission.WRITE)


def _of(run: Run, authorship: Authorship | None) -> Run:
    return replace(run, authorship=authorship)


def asked(*lines: ApproverLine, **approval: object) -> World:
    """Staging asks these lines about a change of `author`."""
    world = proposed(policy(*lines, **approval))
    world.identities["reviewer"] = REVIEWER.id
    world.passes(5).stage_ends()
    return world


def question(world: World) -> str:
    asked = [
        e.body for e in world.effects if isinstance(e, PublishComment) and e.surface.startswith("question:")
    ]
    return asked[-1]


@pytest.mark.parametrize(
    ("lines", "missing"),
    [
        pytest.param((AUTHORS,), "1", id="the only one named is the author"),
        pytest.param(
            (ApproverLine(users=("author", "reviewer"), count=2),), "1", id="one of two is the author"
        ),
        pytest.param((BOTH, ApproverLine(users=("reviewer",))), "1", id="one person for two lines"),
        pytest.param((WRITE, AUTHORS), "1", id="beside a line that others meet"),
        pytest.param(
            (ApproverLine(any_of=(AUTHORS, ApproverLine(users=("author",), count=1))),), "1", id="no part"
        ),
    ],
)
def test_a_question_that_nobody_can_answer_says_how_many_more_it_takes(
    lines: tuple[ApproverLine, ...], missing: str
) -> None:
    world = asked(*lines)
    assert "As it stands nobody can approve this" in question(world)
    assert f"Name `{missing}` more in the gate file" in question(world)
    assert "nobody_can_approve" in world.codes("staging")


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param((BOTH,), id="somebody else is named"),
        pytest.param((WRITE,), id="who may write is not known beforehand"),
        pytest.param((ApproverLine(any_of=(AUTHORS, WRITE)),), id="another part can be met"),
        pytest.param(
            (ApproverLine(users=("author", "stranger")),), id="a login that is not known may be anybody"
        ),
    ],
)
def test_a_question_that_somebody_may_answer_does_not(lines: tuple[ApproverLine, ...]) -> None:
    assert "nobody can approve" not in question(asked(*lines))


def test_it_is_not_said_where_it_is_not_certain() -> None:
    world = proposed(policy(AUTHORS))
    world.authorship = Unknown("hub_unavailable", "502")
    world.run = _of(world.run, None)
    world.passes(5).stage_ends()
    assert "nobody can approve" not in question(world)
    handed = asked(AUTHORS, escalate_to=(LadderStep(timedelta(hours=1), WRITE),))
    assert "nobody can approve" not in question(handed)
    allowed = asked(AUTHORS, self_approval=True)
    assert "nobody can approve" not in question(allowed)
    allowed.says(AUTHOR, "/approve staging")
    assert len(allowed.releases("staging")) == 1


def test_what_others_contributed_counts_too() -> None:
    world = proposed(policy(BOTH))
    world.run = _of(world.run, Authorship((AUTHOR.id, REVIEWER.id)))
    world.identities["reviewer"] = REVIEWER.id
    world.passes(5).stage_ends()
    assert "of `author, reviewer` too few did not contribute" in question(world)
