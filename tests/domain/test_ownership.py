"""Code owners: everybody's files are answered for, by people who own them and may write."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.runs import MAINTAINER, REVIEWER, START, World, asking, policy, proposed

from gate_app.domain.conditions import Standing
from gate_app.domain.model import Person, Unknown
from gate_app.domain.ownership import Owners, Ownership, covers, least, named
from gate_app.domain.policy import ApproverLine, EscalationRule, Permission, StandIn

LINE = ApproverLine(codeowners=True)
DB = Owners(teams=("acme/db",), file="migrations/1.sql")
DOCS = Owners(users=("writer",), others=("docs@example.com",), file="docs/a.md")
ADA, BEN, CLO = Person(201, "ada"), Person(202, "ben"), Person(203, "clo")


def owned_by(*owners: Owners, lines: tuple[ApproverLine, ...] = (LINE,)) -> World:
    """Staging asks the owners: ada is in the team, ben is the writer, clo both; all may write."""
    world = proposed(policy(*lines))
    world.owners["staging"] = owners
    world.identities["writer"] = BEN.id
    world.standings |= {
        ADA.id: Standing(ADA, Permission.WRITE, ("acme/db",)),
        BEN.id: Standing(BEN, Permission.WRITE),
        CLO.id: Standing(CLO, Permission.WRITE, ("acme/db",)),
    }
    world.passes(5).stage_ends()
    return world


@pytest.mark.parametrize(
    ("owners", "people", "released"),
    [
        pytest.param((DB,), [ADA], 1, id="an owner"),
        pytest.param((DB,), [BEN], 0, id="an owner of something else"),
        pytest.param((DB,), [REVIEWER], 0, id="nobody who owns it"),
        pytest.param((DB, DOCS), [ADA], 0, id="an owner of a part"),
        pytest.param((DB, DOCS), [ADA, BEN], 1, id="an owner of each part"),
        pytest.param((Owners(file="x", anybody=True),), [REVIEWER], 1, id="anybody, where nobody owns"),
        pytest.param(
            (Owners(others=("a@example.com",), file="x"),), [REVIEWER], 0, id="an address is nobody"
        ),
        pytest.param((), [ADA], 0, id="case 93: no owners at all"),
    ],
)
def test_every_set_of_owners_is_answered_for(owners: Ownership, people: list[Person], released: int) -> None:
    world = owned_by(*owners)
    for person in people:
        world.says(person, "/approve staging")
    assert len(world.releases("staging")) == released


def test_one_person_may_own_everything_that_changes() -> None:
    world = owned_by(DB, Owners(teams=("acme/db",), users=("nobody",), file="x"))
    world.says(ADA, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_an_owner_who_may_not_write_does_not_count() -> None:
    world = owned_by(DB)
    world.standings[ADA.id] = Standing(ADA, Permission.TRIAGE, ("acme/db",))
    world.says(ADA, "/approve staging")
    assert not world.releases("staging")
    assert "not_an_approver" in world.replies()[-1]


def test_what_is_asked_beside_owners_is_answered_by_somebody_else() -> None:
    world = owned_by(DB, lines=(LINE, ApproverLine(permission=Permission.WRITE)))
    world.says(ADA, "/approve staging")
    assert not world.releases("staging")
    world.says(BEN, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_the_seat_of_an_owner_goes_to_the_one_whom_no_other_line_needs() -> None:
    both = (LINE, ApproverLine(users=("ada",)))
    world = owned_by(DB, lines=both)
    world.identities["ada"] = ADA.id
    world.says(ADA, "/approve staging")
    assert not world.releases("staging")
    world.says(CLO, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_whoever_stands_in_for_owners_answers_for_all_of_them() -> None:
    line = replace(LINE, stand_ins=(StandIn(ApproverLine(permission=Permission.MAINTAIN), START),))
    world = owned_by(DB, DOCS, lines=(line,))
    world.says(MAINTAINER, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_more_owners_than_it_takes_may_be_asked_for() -> None:
    world = owned_by(DB, lines=(replace(LINE, count=2),))
    world.says(ADA, "/approve staging")
    assert not world.releases("staging")
    world.says(CLO, "/approve staging")
    assert len(world.releases("staging")) == 1


@pytest.mark.parametrize("known", [False, True], ids=["not read", "not readable"])
def test_owners_that_cannot_be_told_wait_and_say_so(known: bool) -> None:
    world = asking(policy(LINE))
    if known:
        world.owners["staging"] = Unknown(
            "owners_unreadable", "CODEOWNERS cannot be read in line 3; mend it there"
        )
    world.says(REVIEWER, "/approve staging")
    assert world.state("staging") == "waiting"
    assert "owners_unknown" in world.codes("staging")
    world.says(REVIEWER, "/why")
    assert ("in line 3" if known else "was not read") in world.replies()[-1]
    world.owners["staging"] = (Owners(file="x", anybody=True),)
    world.tick()
    assert not world.releases("staging"), "who is asked was not known when it was said"
    world.says(REVIEWER, "/approve staging")
    assert len(world.releases("staging")) == 1


@pytest.mark.parametrize(
    "before", [pytest.param((DOCS,), id="others"), pytest.param((DOCS, DB), id="others beside them")]
)
def test_an_answer_given_under_other_code_owners_is_void_and_asked_for_anew(before: Ownership) -> None:
    world = owned_by(*before)
    world.says(ADA, "/approve staging")
    world.owners["staging"] = (DB,)
    world.passes(60).tick()
    assert not world.releases("staging")
    asked = [e.body for e in world.effects if getattr(e, "surface", "").startswith("question:staging:")]
    assert "what was asked about has changed, so earlier answers no longer count" in asked[-1]
    world.says(ADA, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_an_answer_that_comes_as_the_owners_change_is_void() -> None:
    world = owned_by(DOCS)
    world.owners["staging"] = (DB,)
    world.says(ADA, "/approve staging")
    assert not world.releases("staging")
    assert "`binding_changed`" in world.replies()[-1]


def test_the_same_owners_of_other_files_and_an_outage_leave_answers_alone() -> None:
    world = owned_by(DB, DOCS)
    world.says(ADA, "/approve staging")
    world.owners["staging"] = Unknown("hub_unavailable", "502")
    world.passes(60).tick()
    world.owners["staging"] = (replace(DOCS, users=("Writer",), file="docs/b.md"), DB)
    world.identities["Writer"] = BEN.id
    world.says(BEN, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_a_team_that_may_be_another_one_by_now_waits() -> None:
    world = owned_by(DB)
    world.standings[ADA.id] = Standing(ADA, Permission.WRITE, doubtful=("acme/db",))
    world.says(ADA, "/approve staging")
    assert not world.releases("staging")
    assert "standing_unknown" in world.replies()[-1]
    world.identities["writer"] = Unknown("login_changed_hands", "writer")
    world.owners["staging"] = (DOCS,)
    world.tick()
    world.says(BEN, "/approve staging")
    assert "standing_unknown" in world.replies()[-1]


def test_the_question_and_the_tree_say_who_owns_what() -> None:
    world = owned_by(DB, DOCS)
    asked = next(e.body for e in world.effects if getattr(e, "surface", "").startswith("question:"))
    assert (
        "as many as it takes of the code owners of what changes (`acme/db` for `migrations/1.sql`; "
        "`writer` or `docs@example.com` for `docs/a.md`) who did not contribute"
    ) in asked
    world.says(ADA, "/approve staging")
    world.says(ADA, "/why staging")
    assert "`1` of `2` from the code owners of what changes (`writer` or" in world.replies()[-1]
    assert "`acme/db`" not in world.replies()[-1]
    world.says(REVIEWER, "/approve staging")
    assert (
        "as many as it takes of the code owners of what changes (as CODEOWNERS says)" in world.replies()[-1]
    )


def test_owners_without_a_file_and_several_at_least_are_said_too() -> None:
    world = owned_by(replace(DB, file=""), Owners(anybody=True), lines=(replace(LINE, count=2),))
    asked = next(e.body for e in world.effects if getattr(e, "surface", "").startswith("question:"))
    assert "at least 2 of the code owners of what changes (`acme/db`; anybody who may write)" in asked


def test_an_owner_within_a_part_and_of_a_rule() -> None:
    rule = EscalationRule(bases=("main",), lines=(LINE,))
    inner = ApproverLine(any_of=(ApproverLine(users=("nobody",)), LINE))
    assert policy(inner).environments[0].asks_owners
    assert policy(escalate_when=(rule,)).environments[0].asks_owners
    assert not policy().environments[0].asks_owners
    world = owned_by(DB, lines=(inner,))
    world.identities["nobody"] = 999
    world.says(ADA, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_the_sets_that_matter_are_those_that_are_within_no_other() -> None:
    wide = Owners(users=("writer", "other"), others=("docs@example.com",))
    assert least([wide, DOCS, DB]) == (DOCS, DB)
    assert least([Owners(anybody=True), DB]) == least([DB, Owners(anybody=True)]) == (DB,)
    assert isinstance(least([]), Unknown)
    assert isinstance(least([Owners(users=(f"u{number}",)) for number in range(21)]), Unknown)
    assert named({"a": (DB, DOCS), "b": Unknown("x"), "c": (DB,)}) == (("writer",), ("acme/db",))


def test_no_group_of_people_is_larger_than_those_who_are_looked_at() -> None:
    assert next(covers([frozenset({0}), frozenset({1}), frozenset({0, 1})], 2, 1)) == (2,)
    assert not any(covers([frozenset({0})] * 11, 1, 11))
