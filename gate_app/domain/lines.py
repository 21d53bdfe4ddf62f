"""Approver lines: who fits one, and which people together meet all that is asked.

Rules of the file: a person fills one place in one line (case 70); whatever could not be read makes a line unknown,
never met; nothing is met because nothing was asked (case 93).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from gate_app.domain.conditions import Conditions, Standing
from gate_app.domain.model import Unknown
from gate_app.domain.ownership import Owners, Ownership, covers
from gate_app.domain.policy import ApproverLine, Permission, reaches

Place = tuple[int, ...]
"""Where a line stands: its index in the list, then that of the part within it, and so on."""

Way = Mapping[Place, ApproverLine]
"""Lines with keys of their own which, all met, meet everything that is asked."""

Filled = Mapping[Place, tuple[Standing, ...]]
"""The people who take the places of each line of one way."""


def fits(standing: Standing, line: ApproverLine, conditions: Conditions) -> bool | Unknown:
    """Whether a person meets a line, or may answer in its place by now."""
    lines = (line, *_by_turn(line, standing))
    found = [_fits_keys(place, each, conditions) for place in _places(standing, line) for each in lines]
    return True in found or next((fit for fit in found if isinstance(fit, Unknown)), False)


def _places(standing: Standing, line: ApproverLine) -> tuple[Standing, ...]:
    """Those as whom somebody may meet a line; who answers for code owners does so as themselves alone."""
    return (standing,) if line.codeowners else standing.places


def _by_turn(line: ApproverLine, standing: Standing) -> Iterator[ApproverLine]:
    """What stands in for a line by the time of an answer; what was said before does not count later by itself."""
    at = standing.answered_at
    return (each.line for each in line.stand_ins if at is None or each.holds_at(at))


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
    keys = (
        _fits_teams(standing, line.teams) if line.teams else True,
        _fits_users(standing, line.users, conditions) if line.users else True,
        _owns(standing, line, conditions) if line.codeowners else True,
    )
    doubt = next((key for key in keys if isinstance(key, Unknown)), True)
    return False if False in keys else doubt


def fits_any(standing: Standing, lines: Sequence[ApproverLine], conditions: Conditions) -> bool | Unknown:
    """Whether a person fits one of the lines, or a part of one."""
    found = [fits(standing, leaf, conditions) for line in lines for leaf in line.leaves]
    return True in found or next((fit for fit in found if isinstance(fit, Unknown)), False)


def _asks_something(line: ApproverLine) -> bool:
    groups = line.users or line.teams or line.organisations or line.roles
    return bool(groups or line.permission or line.codeowners)


def _fits_teams(standing: Standing, teams: Sequence[str]) -> bool | Unknown:
    """Whether a person is in one of the teams; a name that another team may have by now is unknown (62)."""
    if set(teams) & set(standing.teams):
        return True
    doubtful = sorted(set(teams) & set(standing.doubtful))
    return Unknown("team_changed_hands", doubtful[0]) if doubtful else False


def _fits_users(standing: Standing, users: Sequence[str], conditions: Conditions) -> bool | Unknown:
    identities = [conditions.identities.get(login, Unknown("not_read")) for login in users]
    if standing.person.id in identities:
        return True
    return next((identity for identity in identities if isinstance(identity, Unknown)), False)


def _owns(standing: Standing, line: ApproverLine, conditions: Conditions) -> bool | Unknown:
    """Whether a person answers for a set of owners at all."""
    if isinstance(line.owners, Unknown):
        return line.owners
    found = [answers_for(standing, owners, conditions) for owners in line.owners]
    return True in found or next((each for each in found if isinstance(each, Unknown)), False)


def answers_for(standing: Standing, owners: Owners, conditions: Conditions) -> bool | Unknown:
    """Whether a person answers for one set of owners: one of them who may write."""
    if standing.permission < Permission.WRITE:
        return False
    if owners.anybody:
        return True
    found = (_fits_teams(standing, owners.teams), _fits_users(standing, owners.users, conditions))
    return True in found or next((each for each in found if isinstance(each, Unknown)), False)


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


@dataclass(frozen=True, slots=True)
class Short:
    """Lines that name too few people who may answer: how many more it takes, and who they name."""

    missing: int
    users: tuple[str, ...]


def short(lines: Sequence[ApproverLine], excluded: Collection[int], conditions: Conditions) -> Short | None:
    """What nobody could meet on any way, as far as lines that name people tell; None where somebody may.

    Every set of lines takes as many different people as it counts (Hall). A login that is not known may be anybody.
    """
    found = [_short(way, excluded, conditions) for way in ways(lines)]
    known = [each for each in found if each is not None]
    return min(known, key=lambda each: each.missing) if len(known) == len(found) else None


def _short(way: Way, excluded: Collection[int], conditions: Conditions) -> Short | None:
    named = [line for line in way.values() if line.users and not line.stand_ins]
    for some in (some for size in range(1, len(named) + 1) for some in combinations(named, size)):
        users = tuple(dict.fromkeys(user for line in some for user in line.users))
        people = {who if isinstance(who := conditions.identities.get(user), int) else user for user in users}
        missing = sum(line.count for line in some) - len(people - set(excluded))
        if missing > 0:
            return Short(missing, users)
    return None


def best(people: Sequence[Standing], lines: Sequence[ApproverLine], conditions: Conditions) -> Filled:
    """Who takes which place on the way that lacks the fewest people, the first of those in the file."""
    filled = [(way, assign(people, way, conditions)) for way in ways(lines)]
    return min(filled, key=lambda each: _lacking(*each))[1]


def _lacking(way: Way, filled: Filled) -> int:
    """How many people are missing, at least; whoever answers for code owners, answers for all of them or is missing."""
    return sum(max(max(line.count, 1) - len(filled[place]), 0) for place, line in way.items())


def assign(people: Sequence[Standing], way: Way, conditions: Conditions) -> Filled:
    """Gives each person at most one place in one line so that as many places as possible are filled.

    Code owners answer together: a line of theirs has people who answer for all sets of them, or nobody.
    """
    place = next((place for place, line in way.items() if line.codeowners), None)
    if place is None:
        return _matched(people, way, conditions)
    rest = {other: line for other, line in way.items() if other != place}
    tried = [{**assign(people, rest, conditions), place: ()}]
    for seated in _owning(people, way[place], conditions):
        others = [person for person in people if person not in seated]
        tried.append({**assign(others, rest, conditions), place: seated})
    return min(tried, key=lambda filled: _lacking(way, filled))


def _owning(
    people: Sequence[Standing], line: ApproverLine, conditions: Conditions
) -> Iterator[tuple[Standing, ...]]:
    """Groups of people who fit the line and answer for every set of owners; who stands in answers for all."""
    if isinstance(line.owners, Unknown) or not line.owners:
        return
    fitting = [person for person in people if fits(person, line, conditions) is True]
    answered = [frozenset(_answered(person, line, line.owners, conditions)) for person in fitting]
    for some in covers(answered, len(line.owners), line.count):
        yield tuple(fitting[index] for index in some)


def _answered(
    person: Standing, line: ApproverLine, every: Ownership, conditions: Conditions
) -> Iterator[int]:
    """The sets of owners that somebody who fits the line answers for, by index."""
    stands_in = any(_fits_keys(person, each, conditions) is True for each in _by_turn(line, person))
    for index, owners in enumerate(every):
        if stands_in or answers_for(person, owners, conditions) is True:
            yield index


def _matched(people: Sequence[Standing], way: Way, conditions: Conditions) -> Filled:
    """Maximum bipartite matching by augmenting paths: greedy assignment would refuse sets that do satisfy a policy."""
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
