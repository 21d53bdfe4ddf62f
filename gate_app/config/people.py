"""What approver lines mean: that each holds something, and that somebody could meet them all.

Rules of the file: a rule is a generator of flaws over the environments and stands in `PEOPLE`; what nobody could ever
open is refused with the smallest fix, as far as the file alone can tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from math import prod

from gate_app.config.asking import ApprovalModel, ApproverLineModel
from gate_app.config.deploying import EnvironmentModel
from gate_app.config.fields import MAX_LINES
from gate_app.config.models import MAX_NESTING
from gate_app.config.problems import Flaw, Path, listed
from gate_app.domain.lines import Place, Way, ways

PeopleRule = Callable[[Mapping[str, EnvironmentModel]], Iterator[Flaw]]

MAX_WAYS = 256
"""How many ways there may be to meet all lines of an environment, with those of all its rules."""

_WHO = ("users", "teams", "organisations", "codeowners")


def approver_lines(name: str, environment: EnvironmentModel) -> Iterator[tuple[Path, ApproverLineModel]]:
    """Every line of an environment, those that rules add, those of a way back and their parts included."""
    for path, lines in _lists(name, environment):
        for index, line in enumerate(lines):
            yield from _with_parts((*path, index), line)


def _lists(name: str, environment: EnvironmentModel) -> Iterator[tuple[Path, Sequence[ApproverLineModel]]]:
    path: Path = ("environments", name, "approval")
    approval = environment.approval
    yield ("environments", name, "rollback", "approvers"), _of_rollback(environment)
    yield (*path, "approvers"), approval.approvers or ()
    yield (*path, "delegates"), approval.delegates or ()
    for number, rule in enumerate(approval.escalate_when or ()):
        yield (*path, "escalate_when", number, "approvers"), rule.approvers or ()


def _of_rollback(environment: EnvironmentModel) -> Sequence[ApproverLineModel]:
    return environment.rollback.approvers if environment.rollback is not None else ()


def _with_parts(path: Path, line: ApproverLineModel) -> Iterator[tuple[Path, ApproverLineModel]]:
    yield path, line
    for key, parts in (("any_of", line.any_of), ("all_of", line.all_of)):
        for index, part in enumerate(parts or ()):
            yield from _with_parts((*path, key, index), part)


def _lines_hold_something(environments: Mapping[str, EnvironmentModel]) -> Iterator[Flaw]:
    for name, environment in environments.items():
        for path, line in approver_lines(name, environment):
            yield from _parts_alone(line, path) if line.parts else _keys_hold_something(line, path)


def _parts_alone(line: ApproverLineModel, path: Path) -> Iterator[Flaw]:
    given = sorted(line.model_fields_set)
    if len(given) > 1:
        reason = f"a line is either its keys or its parts; found {listed(f'`{key}`' for key in given)}"
        yield Flaw(path, reason, "write each as a part of its own")
    nested = [step for step in path if step in ("any_of", "all_of")]
    if len(nested) >= MAX_NESTING:
        yield Flaw(path, f"parts are nested more than {MAX_NESTING} deep", "write it flatter")


def _keys_hold_something(line: ApproverLineModel, path: Path) -> Iterator[Flaw]:
    if "none" in (line.roles or ()):
        yield Flaw((*path, "roles"), "whoever has no role cannot answer", "delete `none`")
    if any(getattr(line, key) is not None for key in _WHO):
        return
    if line.permission is None and line.roles is None:
        fix = "add `permission: write`, `users` or `teams`"
        yield Flaw(path, "anybody would meet this line: it names nobody", fix)
    elif (line.permission or "read") == "read" and "read" in (line.roles or ("read",)):
        key = "permission" if line.roles is None else "roles"
        reason = "anybody can read a public repository, so `read` alone holds nothing"
        yield Flaw((*path, key), reason, "write `permission: write`, or add `users` or `teams`")


def _lines_are_given_once(environments: Mapping[str, EnvironmentModel]) -> Iterator[Flaw]:
    """Two equal lines could be meant as two people, which `count` says plainly."""
    for name, environment in environments.items():
        seen: set[tuple[Path, ApproverLineModel]] = set()
        for path, line in approver_lines(name, environment):
            if (path[:-1], line) in seen:
                fix = "delete one of the two, or write `count: 2`"
                yield Flaw(path, "this line is given twice", fix)
            seen.add((path[:-1], line))


def choices_are_few(environments: Mapping[str, EnvironmentModel]) -> Iterator[Flaw]:
    """Every way to meet the lines is tried at every decision (invariant 11)."""
    for name, environment in environments.items():
        long = False
        counts = []
        for path, lines in _lists(name, environment):
            declared = [line.declared() for line in lines]
            if sum(len(line.leaves) for line in declared) > MAX_LINES:
                reason = f"these are more than {MAX_LINES} lines, parts included"
                yield Flaw(path, reason, "ask for fewer", aim="key")
                long = True
            elif path[-1] != "delegates":  # any of them will do
                counts.append(len(ways(declared)))
        if not long and prod(counts) > MAX_WAYS:
            path = ("environments", name, "approval")
            reason = f"there are more than {MAX_WAYS} ways to meet all these lines, with those of its rules"
            yield Flaw(path, reason, "write fewer `any_of`", aim="key")


def _lines_can_be_met(environments: Mapping[str, EnvironmentModel]) -> Iterator[Flaw]:
    """Lines are met by different people: any set of lines needs as many logins as it counts people."""
    sets = (
        (path, lines)
        for name, environment in environments.items()
        for path, lines in _lists(name, environment)
        if path[-2:] in (("approval", "approvers"), ("rollback", "approvers"))
    )
    for path, declared in sets:
        lines = [line.declared() for line in declared]
        if not lines or sum(len(line.leaves) for line in lines) > MAX_LINES:
            continue
        short = [_short(way) for way in ways(lines)]
        if all(short):
            yield _unmeetable(path, ways(lines)[0], short[0])


def _short(way: Way) -> tuple[Place, ...]:
    """The fewest lines of a way that together name too few people; empty when there are none."""
    named = [place for place, line in way.items() if line.users]
    sets = (some for size in range(1, len(named) + 1) for some in combinations(named, size))
    return next((some for some in sets if len(_logins(way, some)) < _wanted(way, some)), ())


def _logins(way: Way, some: Sequence[Place]) -> set[str]:
    return {login.casefold() for place in some for login in way[place].users}


def _wanted(way: Way, some: Sequence[Place]) -> int:
    return sum(way[place].count for place in some)


def _unmeetable(path: Path, way: Way, some: Sequence[Place]) -> Flaw:
    wanted, found = _wanted(way, some), len(_logins(way, some))
    tops = list(dict.fromkeys(place[0] for place in some))
    where = "this line" if len(tops) == 1 else f"lines {', '.join(str(top + 1) for top in tops)} together"
    reason = f"nobody could open this gate: {where} need {wanted} different people and name {found}"
    alone = len(some) == 1 and len(some[0]) == 1
    step: Path = (tops[0], "count") if alone else (tops[-1],)
    return Flaw((*path, *step), reason, f"name {wanted - found} more, or lower `count`")


def owners_can_answer(owners: Sequence[ApproverLineModel]) -> Iterator[Flaw]:
    """The lines of who owns the policy, judged like the approvers of an environment."""
    approval = ApprovalModel().model_copy(update={"approvers": tuple(owners)})
    alone = {"policy": EnvironmentModel().model_copy(update={"approval": approval})}
    for rule in PEOPLE:
        yield from (replace(flaw, path=("policy", "owners", *flaw.path[4:])) for flaw in rule(alone))


PEOPLE: tuple[PeopleRule, ...] = (
    _lines_hold_something,
    _lines_are_given_once,
    choices_are_few,
    _lines_can_be_met,
)
