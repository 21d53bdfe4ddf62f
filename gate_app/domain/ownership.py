"""Code owners: whose files a deployment changes, and which people together answer for all of them.

Rules of the file: CODEOWNERS is read from the default branch, outside; each set of owners needs one of them, and one
person may answer for several sets, as GitHub has it; a file without owners is everybody's who may write; whoever owns
but may not write does not count (docs: about code owners). What cannot be told is never met (invariant 4).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from gate_app.domain.model import Unknown

MAX_SETS: Final = 20
"""How many sets of owners a deployment may need; beyond, it is unknown, and said."""
MAX_SEATED: Final = 10
"""How many people are looked at to answer for them: those who answered first."""


@dataclass(frozen=True, slots=True)
class Owners:
    """Who owns some of the changed files, `file` the first of them, empty where it cannot be told which change.

    `anybody` are files without owners. `others` are owners whose account cannot be told, such as e-mail addresses.
    """

    users: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    file: str = ""
    anybody: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """As they stand in the file, without `@`."""
        return (*self.users, *self.teams, *self.others)

    def within(self, other: Owners) -> bool:
        """Whether everybody who answers for these also answers for the other files."""
        return other.anybody or (not self.anybody and set(self.names) <= set(other.names))


Ownership = tuple[Owners, ...]
"""The sets of owners that all have to be answered for; none is within another one."""


def least(found: Sequence[Owners]) -> Ownership | Unknown:
    """The sets that matter: whoever answers for a part of a set answers for it."""
    kept: list[Owners] = []
    for owners in dict.fromkeys(found):
        if any(other.within(owners) for other in kept):
            continue
        kept = [*(other for other in kept if not owners.within(other)), owners]
    if not kept:
        return Unknown("owners_none", "no file is known to change")
    if len(kept) > MAX_SETS:
        return Unknown("owners_many", f"{len(kept)} different sets of owners; deploy less at once")
    return tuple(kept)


def named(every: Mapping[str, Ownership | Unknown]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Every login and every team among the owners, once, in order."""
    sets = [owners for known in every.values() if not isinstance(known, Unknown) for owners in known]
    users = dict.fromkeys(user for owners in sets for user in owners.users)
    teams = dict.fromkeys(team for owners in sets for team in owners.teams)
    return tuple(users), tuple(teams)


def covers(answered: Sequence[frozenset[int]], sets: int, least_people: int) -> Iterator[tuple[int, ...]]:
    """The groups of people who together answer for all sets, the smallest first, nobody in them for nothing.

    `answered` are the sets that each person answers for, by index. At least `least_people` make a group.
    """
    people = range(min(len(answered), MAX_SEATED))
    for size in range(max(least_people, 1), len(people) + 1):
        for some in combinations(people, size):
            if len(frozenset().union(*(answered[each] for each in some))) == sets:
                yield some
