"""Who fits an approver line: somebody with access, in a team that is certainly the one that was meant (60, 62)."""

from __future__ import annotations

import pytest
from support.runs import MAINTAINER, READER, REVIEWER, STANDINGS, World, asking, policy

from gate_app.domain.conditions import Standing
from gate_app.domain.lines import ways
from gate_app.domain.model import Person
from gate_app.domain.policy import ApproverLine, EscalationRule, Permission
from gate_app.domain.verdict import Holds, Reason, ReasonCode


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


CAPTAINS = ApproverLine(roles=("release captain",))
OF_ACME = ApproverLine(organisations=("acme",))


@pytest.mark.parametrize(
    ("line", "standing", "fits"),
    [
        pytest.param(
            CAPTAINS, Standing(REVIEWER, Permission.NONE, role="release captain"), True, id="their role"
        ),
        pytest.param(CAPTAINS, Standing(REVIEWER, Permission.ADMIN, role="admin"), False, id="a higher role"),
        pytest.param(
            CAPTAINS, Standing(REVIEWER, Permission.NONE, role="captain"), False, id="another custom role"
        ),
        pytest.param(
            ApproverLine(roles=("maintain",)),
            Standing(REVIEWER, Permission.MAINTAIN, role="maintain"),
            True,
            id="a role that GitHub has",
        ),
        pytest.param(
            ApproverLine(roles=("release captain",), permission=Permission.WRITE),
            Standing(REVIEWER, Permission.NONE, role="release captain"),
            False,
            id="case 65: what a custom role may is not known",
        ),
        pytest.param(
            ApproverLine(users=("reviewer",)),
            Standing(REVIEWER, Permission.NONE, role="none"),
            False,
            id="case 60: no access any more",
        ),
        pytest.param(
            OF_ACME, Standing(REVIEWER, Permission.READ, organisations=("acme",)), True, id="a member"
        ),
        pytest.param(
            OF_ACME, Standing(REVIEWER, Permission.ADMIN), False, id="an administrator from outside"
        ),
    ],
)
def test_a_role_or_an_organisation_is_what_is_asked_for(
    line: ApproverLine, standing: Standing, fits: bool
) -> None:
    world = asking(policy(line))
    world.identities["reviewer"] = REVIEWER.id
    world.standings[REVIEWER.id] = standing
    world.says(REVIEWER, "/approve staging")
    assert len(world.releases("staging")) == fits


SRE = ApproverLine(teams=("acme/sre",))
MAINTAIN = ApproverLine(permission=Permission.MAINTAIN)
WRITE = ApproverLine(permission=Permission.WRITE)
SECOND = Person(110, "second")
THIRD = Person(111, "third")


def choosing(*lines: ApproverLine) -> World:
    """Staging asks these lines; `second` may write, `third` is in the team."""
    world = asking(policy(*lines))
    world.standings[SECOND.id] = Standing(SECOND, Permission.WRITE)
    world.standings[THIRD.id] = Standing(THIRD, Permission.READ, ("acme/sre",))
    return world


@pytest.mark.parametrize(
    ("line", "people", "released"),
    [
        pytest.param(ApproverLine(any_of=(SRE, MAINTAIN)), [THIRD], 1, id="the first part"),
        pytest.param(ApproverLine(any_of=(SRE, MAINTAIN)), [MAINTAINER], 1, id="the second part"),
        pytest.param(ApproverLine(any_of=(SRE, MAINTAIN)), [SECOND], 0, id="no part"),
        pytest.param(ApproverLine(all_of=(SRE, WRITE)), [REVIEWER], 0, id="case 70: one person in both"),
        pytest.param(ApproverLine(all_of=(SRE, WRITE)), [REVIEWER, SECOND], 1, id="one person for each"),
        pytest.param(ApproverLine(all_of=(SRE, WRITE)), [SECOND, REVIEWER], 1, id="in the other order"),
        pytest.param(
            ApproverLine(any_of=(MAINTAIN, ApproverLine(all_of=(SRE, WRITE)))),
            [THIRD, SECOND],
            1,
            id="a part that has parts",
        ),
        pytest.param(
            ApproverLine(any_of=(ApproverLine(all_of=(SRE, MAINTAIN)), ApproverLine(all_of=(SRE, WRITE)))),
            [THIRD],
            0,
            id="half of either part",
        ),
        pytest.param(
            ApproverLine(any_of=(ApproverLine(), ApproverLine(count=0, permission=Permission.WRITE))),
            [REVIEWER],
            0,
            id="case 93: parts that ask nothing",
        ),
    ],
)
def test_one_of_any_or_all_of_the_parts_by_different_people(
    line: ApproverLine, people: list[Person], released: int
) -> None:
    world = choosing(line)
    for person in people:
        world.says(person, "/approve staging")
    assert len(world.releases("staging")) == released


def test_case_070_a_person_counts_for_one_line_whatever_it_is_made_of() -> None:
    world = choosing(ApproverLine(any_of=(SRE, MAINTAIN)), WRITE)
    world.says(REVIEWER, "/approve staging")
    assert world.state("staging") == "waiting"
    world.says(MAINTAINER, "/approve staging")
    assert len(world.releases("staging")) == 1


def _approval(world: World) -> Reason:
    reasons = world.decisions[-1].verdicts["staging"].reasons
    return next(reason for reason in reasons if reason.code is ReasonCode.APPROVAL)


def test_the_tree_shows_the_parts_and_who_fills_them() -> None:
    world = choosing(ApproverLine(any_of=(ApproverLine(all_of=(SRE, WRITE)), MAINTAIN)))
    world.says(THIRD, "/approve staging")
    (choice,) = _approval(world).children
    assert (choice.code, choice.holds) == (ReasonCode.APPROVER_CHOICE, Holds.UNMET)
    both, maintain = choice.children
    assert both.code is ReasonCode.APPROVER_GROUP
    assert [child.facts["by"] for child in (*both.children, maintain)] == ["third", "", ""]
    world.says(READER, "/why")
    assert "One of these is enough" in world.replies()[-1]
    assert "All of these, by different people" in world.replies()[-1]


def test_the_question_and_the_refusal_say_every_part() -> None:
    world = choosing(ApproverLine(any_of=(ApproverLine(all_of=(SRE, CAPTAINS)), OF_ACME)), WRITE)
    world.says(READER, "/approve staging")
    said = (
        "It takes either (one of `acme/sre` and one person with role release captain) or one person of acme, and "
        "one person with write permission, all different people who did not contribute."
    )
    assert said in world.replies()[-1]


def test_case_093_nothing_asked_is_one_way_that_is_never_enough() -> None:
    assert ways(()) == ({},)
    assert ways((ApproverLine(any_of=(SRE, WRITE)), MAINTAIN)) == (
        {(0, 0): SRE, (1,): MAINTAIN},
        {(0, 1): WRITE, (1,): MAINTAIN},
    )


def test_a_policy_knows_every_group_and_role_that_it_names_and_every_author_it_looks_for() -> None:
    rule = EscalationRule(authors=("octocat",), lines=(ApproverLine(any_of=(OF_ACME, CAPTAINS)),))
    rules = policy(SRE, CAPTAINS, escalate_when=(rule,))
    assert (rules.teams(), rules.organisations(), rules.roles(), rules.authors()) == (
        ("acme/sre",),
        ("acme",),
        ("release captain",),
        ("octocat",),
    )
