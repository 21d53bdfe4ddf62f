"""Who could still finish a gate: the smallest sets of people."""

from __future__ import annotations

from support.runs import AUTHOR, MAINTAINER, READER, REVIEWER, ROBOT, World, asking, policy, proposed

from gate_app.domain.conditions import Standing
from gate_app.domain.model import Person
from gate_app.domain.policy import ApproverLine, Permission, PolicyProblem
from gate_app.domain.smallest import MAX_SETS, MAX_TRIED, Finishers, finishers

EVERYBODY = (AUTHOR, REVIEWER, MAINTAINER, READER, ROBOT)
SRE = ApproverLine(teams=("acme/sre",))
MAINTAIN = ApproverLine(permission=Permission.MAINTAIN)
WRITE = ApproverLine(permission=Permission.WRITE)


def able(world: World, people: tuple[Person, ...] = EVERYBODY) -> Finishers:
    return finishers(world.run, "staging", world.conditions(), people)


def test_anybody_who_fits_the_one_line_could() -> None:
    assert able(asking()) == Finishers(True, ((REVIEWER,), (MAINTAINER,)))


def test_it_is_told_before_the_question_is_asked_too() -> None:
    assert able(proposed()).sets == ((REVIEWER,), (MAINTAINER,))


def test_two_lines_take_two_people_and_one_of_them_once_the_other_has_answered() -> None:
    world = asking(policy(SRE, MAINTAIN))
    assert able(world).sets == ((REVIEWER, MAINTAINER),)
    world.says(REVIEWER, "/approve staging")
    assert able(world).sets == ((MAINTAINER,),)


def test_nobody_could_where_the_only_one_contributed() -> None:
    assert able(asking(policy(ApproverLine(permission=Permission.ADMIN)))) == Finishers(True)


def test_nobody_has_to_where_it_is_decided_or_there_is_no_gate_to_judge() -> None:
    world = asking()
    world.says(REVIEWER, "/approve staging")
    assert able(world) == Finishers(needed=False)
    broken = asking()
    broken.run = proposed(PolicyProblem("policy_invalid", "broken")).run.with_gate(broken.gate("staging"))
    assert able(broken) == Finishers(needed=False)


def test_what_was_not_tried_is_said() -> None:
    many = tuple(Person(1_000 + number, f"p{number}") for number in range(MAX_SETS + 5))
    world = asking()
    world.standings.update({person.id: Standing(person, Permission.WRITE) for person in many})
    found = able(world, many)
    assert (len(found.sets), found.whole) == (MAX_SETS, False)
    world = asking(policy(ApproverLine(permission=Permission.WRITE, count=8)))
    world.standings.update({person.id: Standing(person, Permission.WRITE) for person in many})
    found = able(world, many)
    assert (found.sets, found.whole) == ((), False)
    assert 2 ** len(many) > MAX_TRIED
