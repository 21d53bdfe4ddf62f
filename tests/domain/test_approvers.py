"""Who fits an approver line: somebody with access, in a team that is certainly the one that was meant (60, 62)."""

from __future__ import annotations

import pytest
from support.runs import REVIEWER, STANDINGS, asking, policy

from gate_app.domain.conditions import Standing
from gate_app.domain.policy import ApproverLine, Permission


def test_case_062_a_team_whose_name_may_mean_another_one_by_now_waits() -> None:
    world = asking(policy(ApproverLine(teams=("acme/sre",))))
    world.standings[REVIEWER.id] = Standing(REVIEWER, Permission.WRITE, doubtful=("acme/sre",))
    world.says(REVIEWER, "/approve staging")
    assert world.state("staging") == "waiting"
    assert "could not say right now" in world.replies()[-1]
    world.standings[REVIEWER.id] = STANDINGS[REVIEWER.id]
    world.tick()
    assert len(world.releases("staging")) == 1


def test_case_062_a_team_that_is_certain_is_enough_beside_one_that_is_not() -> None:
    world = asking(policy(ApproverLine(teams=("acme/sre", "acme/leads"))))
    world.standings[REVIEWER.id] = Standing(REVIEWER, Permission.WRITE, ("acme/leads",), ("acme/sre",))
    world.says(REVIEWER, "/approve staging")
    assert len(world.releases("staging")) == 1


@pytest.mark.parametrize(
    ("permission", "released"), [(Permission.NONE, 0), (Permission.READ, 1)], ids=["no access", "may read"]
)
def test_case_060_somebody_named_who_lost_all_access_does_not_count(
    permission: Permission, released: int
) -> None:
    world = asking(policy(ApproverLine(users=("reviewer",))))
    world.identities["reviewer"] = REVIEWER.id
    world.standings[REVIEWER.id] = Standing(REVIEWER, permission)
    world.says(REVIEWER, "/approve staging")
    assert len(world.releases("staging")) == released
