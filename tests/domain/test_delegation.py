"""Delegation: an approver lets somebody answer in their place, until a day (case 73)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from support.runs import AUTHOR, MAINTAINER, READER, REVIEWER, World, asking, policy

from gate_app.domain.conditions import Standing
from gate_app.domain.delegation import end_of
from gate_app.domain.model import Authorship, Person, Unknown
from gate_app.domain.ownership import Owners
from gate_app.domain.policy import ApproverLine, Permission, Policy

SRE = ApproverLine(teams=("acme/sre",))
WRITERS = ApproverLine(permission=Permission.WRITE)
HELPER = Person(120, "helper")
DELEGATE = "/delegate staging @helper until 2026-03-05"


def rules(*lines: ApproverLine, **approval: object) -> Policy:
    return policy(*(lines or (SRE,)), **{"delegates": (WRITERS,), **approval})


def world_of(found: Policy | None = None) -> World:
    """Staging asks the team; `reviewer` is in it, `helper` may write."""
    world = asking(found or rules())
    world.standings[HELPER.id] = Standing(HELPER, Permission.WRITE)
    world.identities["helper"] = HELPER.id
    return world


def released(world: World) -> bool:
    return len(world.releases("staging")) == 1


def test_a_delegate_answers_for_who_delegated_and_the_tree_says_so() -> None:
    world = world_of(rules(replace(SRE, count=1), ApproverLine(users=("maintainer",))))
    world.identities["maintainer"] = MAINTAINER.id
    world.says(HELPER, "/approve staging")
    assert "not_an_approver" in world.replies()[-1]
    world.says(REVIEWER, DELEGATE)
    world.says(HELPER, "/approve staging")
    world.says(READER, "/why staging")
    assert "`helper (for reviewer)`" in world.replies()[-1]
    world.says(MAINTAINER, "/approve staging")
    assert released(world)
    release = world.gate("staging").release
    assert release is not None
    assert HELPER in release.approved_by
    assert REVIEWER not in release.approved_by


def test_without_an_environment_it_holds_wherever_they_may_approve() -> None:
    world = world_of()
    world.says(REVIEWER, "/delegate @helper until 2026-03-05")
    assert all(len(world.environments[name].delegations) == 1 for name in ("staging", "production"))
    world.says(REVIEWER, "/delegate none")
    assert not any(world.environments[name].delegations for name in ("staging", "production"))


def _before(world: World) -> None:
    world.says(REVIEWER, DELEGATE)


def _taken_back(world: World) -> None:
    world.says(REVIEWER, DELEGATE)
    world.says(REVIEWER, "/delegate staging none")


def _replaced(world: World) -> None:
    world.says(REVIEWER, DELEGATE)
    world.identities["reader"] = READER.id
    world.says(REVIEWER, "/delegate staging @reader until 2026-03-05")


def _over(world: World) -> None:
    world.says(REVIEWER, "/delegate staging @helper until 2026-03-02")
    world.passes(timedelta(hours=15).total_seconds())


def _left(world: World) -> None:
    world.says(REVIEWER, DELEGATE)
    world.standings[REVIEWER.id] = Standing(REVIEWER, Permission.WRITE)


def _no_delegate_any_more(world: World) -> None:
    world.says(REVIEWER, DELEGATE)
    world.standings[HELPER.id] = Standing(HELPER, Permission.TRIAGE)


def _contributed(world: World) -> None:
    world.says(REVIEWER, DELEGATE)
    world.run = replace(world.run, authorship=Authorship((AUTHOR.id, REVIEWER.id)))


def _helped(world: World) -> None:
    world.says(REVIEWER, DELEGATE)
    world.run = replace(world.run, authorship=Authorship((AUTHOR.id, HELPER.id)))


def _nobody(world: World) -> None:
    """Nothing was delegated."""


@pytest.mark.parametrize(
    ("done", "opens"),
    [
        pytest.param(_before, True, id="delegated"),
        pytest.param(_nobody, False, id="not delegated"),
        pytest.param(_taken_back, False, id="taken back"),
        pytest.param(_replaced, False, id="delegated to somebody else since"),
        pytest.param(_over, False, id="the day is over"),
        pytest.param(_left, False, id="case 60: the delegator left the team"),
        pytest.param(_no_delegate_any_more, False, id="the delegate may not be one any more"),
        pytest.param(_contributed, False, id="case 54: the delegator contributed"),
        pytest.param(_helped, False, id="case 54: the delegate contributed"),
    ],
)
def test_a_delegation_opens_only_while_everything_it_rests_on_holds(done: object, opens: bool) -> None:
    world = world_of()
    assert callable(done)
    done(world)
    world.says(HELPER, "/approve staging")
    assert released(world) is opens


def test_the_delegators_own_change_is_not_approved_for_them_even_where_they_may_do_so_themselves() -> None:
    world = world_of(rules(self_approval=True))
    world.says(REVIEWER, DELEGATE)
    world.run = replace(world.run, authorship=Authorship((AUTHOR.id, REVIEWER.id)))
    world.says(HELPER, "/approve staging")
    assert not released(world)
    world.says(REVIEWER, "/approve staging")
    assert released(world)


def test_case_070_delegator_and_delegate_are_one() -> None:
    world = world_of(rules(replace(SRE, count=2)))
    world.says(REVIEWER, DELEGATE)
    world.says(HELPER, "/approve staging")
    world.says(REVIEWER, "/approve staging")
    assert not released(world)


def test_what_was_answered_before_does_not_rest_on_it() -> None:
    world = world_of()
    world.says(HELPER, "/approve staging")
    world.says(REVIEWER, DELEGATE)
    assert not released(world)


def test_a_delegate_who_cannot_write_denies_where_they_could_approve() -> None:
    world = world_of(rules(delegates=(ApproverLine(users=("helper",)),)))
    world.standings[HELPER.id] = Standing(HELPER, Permission.READ)
    world.says(REVIEWER, DELEGATE)
    world.run = replace(
        world.run, authorship=Authorship((AUTHOR.id, REVIEWER.id))
    )  # anybody denies their own
    known = world.standings[REVIEWER.id]
    world.standings[REVIEWER.id] = Unknown("hub_unavailable", "502")
    world.says(HELPER, "/deny staging this breaks billing")
    world.standings[130] = Standing(Person(130, "other"), Permission.WRITE, ("acme/sre",))
    world.says(Person(130, "other"), "/approve staging")
    assert world.state("staging") == "waiting"
    world.standings[REVIEWER.id] = known
    world.tick()
    assert world.state("staging") == "denied"
    assert not world.gate("staging").release


def _too_old(world: World) -> None:
    world.passes(timedelta(hours=2).total_seconds()).tick()


def _other_gate_file(world: World) -> None:
    assert isinstance(world.current_policy, Policy)
    world.current_policy = replace(world.current_policy, blob_sha="z" * 40)
    world.passes(5).tick()


@pytest.mark.parametrize("over", [_too_old, _other_gate_file])
def test_an_approval_of_the_delegator_that_is_over_does_not_stand_in_their_delegates_way(
    over: Callable[[World], None],
) -> None:
    maintainers = ApproverLine(permission=Permission.MAINTAIN)
    world = world_of(rules(SRE, maintainers, approval_expires_after=timedelta(hours=1)))
    world.says(REVIEWER, "/approve staging")
    over(world)
    world.says(REVIEWER, DELEGATE)
    world.says(HELPER, "/approve staging")
    world.says(MAINTAINER, "/approve staging")
    assert released(world)


def test_a_delegation_is_not_handed_on() -> None:
    world = world_of()
    world.identities["third"] = 121
    world.standings[121] = Standing(Person(121, "third"), Permission.WRITE)
    world.says(REVIEWER, DELEGATE)
    world.says(HELPER, "/delegate staging @third until 2026-03-05")
    assert "`delegation_unavailable`" in world.replies()[-1]


def test_while_the_delegator_cannot_be_looked_at_the_answer_waits() -> None:
    world = world_of()
    world.says(REVIEWER, DELEGATE)
    known = world.standings[REVIEWER.id]
    world.standings[REVIEWER.id] = Unknown("hub_unavailable", "502")
    world.says(HELPER, "/approve staging")
    assert "`standing_unknown`" in world.replies()[-1]
    world.standings[REVIEWER.id] = known
    world.tick()
    assert released(world)


def test_who_may_approve_by_themselves_needs_nobody() -> None:
    world = world_of(rules(WRITERS))
    world.says(REVIEWER, DELEGATE)
    world.standings[REVIEWER.id] = Unknown("hub_unavailable", "502")
    world.says(HELPER, "/approve staging")
    assert released(world)


@pytest.mark.parametrize(
    ("person", "line", "code"),
    [
        pytest.param(REVIEWER, "/delegate staging @helper", "command_malformed", id="without an end"),
        pytest.param(
            REVIEWER, "/delegate staging helper until 2026-03-05", "command_malformed", id="nobody named"
        ),
        pytest.param(REVIEWER, "/delegate staging @helper until 2026-02-30", "delegation_day", id="no day"),
        pytest.param(
            REVIEWER, "/delegate staging @helper until 9999-12-31", "delegation_day", id="the end of time"
        ),
        pytest.param(
            REVIEWER, "/delegate staging @helper until 2026-03-01", "delegation_day", id="a day gone by"
        ),
        pytest.param(REVIEWER, "/delegate staging @helper until 2026-07-01", "delegation_day", id="too long"),
        pytest.param(
            REVIEWER, "/delegate staging @ghost until 2026-03-05", "delegate_unknown", id="who is that"
        ),
        pytest.param(
            REVIEWER, "/delegate staging @reviewer until 2026-03-05", "delegate_unknown", id="themselves"
        ),
        pytest.param(MAINTAINER, DELEGATE, "delegation_unavailable", id="who may not approve"),
        pytest.param(READER, DELEGATE, "not_permitted", id="who may not write"),
        pytest.param(REVIEWER, "/delegate none", "nothing_delegated", id="nothing to take back"),
    ],
)
def test_a_refused_delegation_says_why(person: Person, line: str, code: str) -> None:
    world = world_of()
    world.identities["reviewer"] = REVIEWER.id
    world.says(person, line)
    if code == "not_permitted":
        assert not world.environments
        return
    assert f"`{code}`" in world.replies()[-1]


def test_without_delegates_in_the_gate_file_nobody_is_one() -> None:
    world = world_of(rules(delegates=()))
    world.says(REVIEWER, DELEGATE)
    assert "`delegation_unavailable`" in world.replies()[-1]


def test_code_ownership_is_not_delegated_with_the_place_of_another_line() -> None:
    world = world_of(rules(SRE, ApproverLine(codeowners=True)))
    world.owners["staging"] = (Owners(users=("reviewer",), file="a"),)
    world.identities["reviewer"] = REVIEWER.id
    world.standings[130] = Standing(Person(130, "other"), Permission.WRITE, ("acme/sre",))
    world.says(REVIEWER, DELEGATE)
    world.says(Person(130, "other"), "/approve staging")
    world.says(HELPER, "/approve staging")
    world.says(READER, "/why staging")
    assert "`0` of `1` from the code owners" in world.replies()[-1]
    assert not released(world)
    world.says(REVIEWER, "/approve staging")
    assert released(world)


def test_the_end_of_a_day_is_the_beginning_of_the_next_one() -> None:
    found = end_of("2026-03-05")
    assert found is not None
    assert found.isoformat() == "2026-03-06T00:00:00+00:00"
    assert end_of("2026-13-01") is None
