"""Approver lines: who fits one, and which people together meet all that is asked.

Rules of the file: a person fills one place in one line (case 70); whatever could not be read makes a line unknown,
never met; nothing is met because nothing was asked (case 93).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

from gate_app.domain.conditions import Conditions, Standing
from gate_app.domain.model import Unknown
from gate_app.domain.policy import ApproverLine, reaches

Place = tuple[int, ...]
"""Where a line stands: its index in the list, then that of the part within it, and so on."""

Way = Mapping[Place, ApproverLine]
"""Lines with keys of their own which, all met, meet everything that is asked."""

Filled = Mapping[Place, tuple[Standing, ...]]
"""The people who take the places of each line of one way."""


def fits(standing: Standing, line: ApproverLine, conditions: Conditions) -> bool | Unknown:
    """Whether a person meets a line, or may answer in its place by now."""
    lines = (line, *(each.line for each in line.stand_ins))
    found = [_fits_keys(standing, each, conditions) for each in lines]
    return True in found or next((fit for fit in found if isinstance(fit, Unknown)), False)


def _fits_keys(standing: Standing, line: ApproverLine, conditions: Conditions) -> bool | Unknown:
    """Whether a person meets every key of a line; a line without keys fits nobody (case 93).

    Whoever cannot even read the repository fits none, named or not (case 60).
    """
    if not _asks_something(line) or not reaches(standing.permission, standing.role):
        return False
    if standing.permission < line.permission or (line.roles and standing.role not in line.roles):
        return False
    if line.organisations and not set(line.organisations) & set(standing.organisations):
        return False
    in_team = _fits_teams(standing, line)
    if in_team is not True or not line.users:
        return in_team
    identities = [conditions.identities.get(login, Unknown("not_read")) for login in line.users]
    if standing.person.id in identities:
        return True
    return next((identity for identity in identities if isinstance(identity, Unknown)), False)


def fits_any(standing: Standing, lines: Sequence[ApproverLine], conditions: Conditions) -> bool | Unknown:
    """Whether a person fits one of the lines, or a part of one."""
    found = [fits(standing, leaf, conditions) for line in lines for leaf in line.leaves]
    return True in found or next((fit for fit in found if isinstance(fit, Unknown)), False)


def _asks_something(line: ApproverLine) -> bool:
    return bool(line.users or line.teams or line.organisations or line.roles or line.permission)


def _fits_teams(standing: Standing, line: ApproverLine) -> bool | Unknown:
    """Whether a person is in one of the line's teams; a name that another team may have by now is unknown (62)."""
    if not line.teams or set(line.teams) & set(standing.teams):
        return True
    doubtful = sorted(set(line.teams) & set(standing.doubtful))
    return Unknown("team_changed_hands", doubtful[0]) if doubtful else False


def ways(lines: Sequence[ApproverLine], at: Place = ()) -> tuple[Way, ...]:
    """Every way to meet all the lines: one part of each `any_of`, all parts of each `all_of`."""
    choices = [_ways_of(line, (*at, index)) for index, line in enumerate(lines)]
    return tuple(
        {place: leaf for way in chosen for place, leaf in way.items()} for chosen in product(*choices)
    )


def _ways_of(line: ApproverLine, place: Place) -> tuple[Way, ...]:
    if line.any_of:
        parts = enumerate(line.any_of)
        return tuple(way for index, part in parts for way in _ways_of(part, (*place, index)))
    return ways(line.all_of, place) if line.all_of else ({place: line},)


def best(people: Sequence[Standing], lines: Sequence[ApproverLine], conditions: Conditions) -> Filled:
    """Who takes which place on the way that lacks the fewest people, the first of those in the file."""
    filled = [(way, assign(people, way, conditions)) for way in ways(lines)]
    return min(filled, key=lambda each: _lacking(*each))[1]


def _lacking(way: Way, filled: Filled) -> int:
    return sum(max(line.count, 1) - len(filled[place]) for place, line in way.items())


def assign(people: Sequence[Standing], way: Way, conditions: Conditions) -> Filled:
    """Gives each person at most one place in one line so that as many places as possible are filled.

    Maximum bipartite matching by augmenting paths: greedy assignment would refuse sets that do satisfy the
    policy.
    """
    slots = [place for place, line in way.items() for _ in range(line.count)]
    holder: dict[int, int] = {}

    def seat(person: int, tried: set[int]) -> bool:
        for slot, place in enumerate(slots):
            if slot in tried or fits(people[person], way[place], conditions) is not True:
                continue
            tried.add(slot)
            if slot not in holder or seat(holder[slot], tried):
                holder[slot] = person
                return True
        return False

    for person in range(len(people)):
        seat(person, set())
    return {
        place: tuple(people[holder[slot]] for slot in sorted(holder) if slots[slot] == place) for place in way
    }
