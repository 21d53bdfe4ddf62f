"""Whether one policy is stricter or looser than another, environment by environment, key by key.

Rules of the file: what cannot be shown to be as strict as before counts as looser, so a key that this file does not
know of is looser as soon as it differs; reminders and the like, which decide nothing, do not count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final

from gate_app.domain.policy import (
    ApprovalMode,
    ApprovalPolicy,
    ApproverLine,
    CommandRoute,
    Environment,
    Policy,
    WorkflowRoute,
)


class Direction(StrEnum):
    """How a policy compares with the one before it."""

    SAME = "same"
    STRICTER = "stricter"
    LOOSER = "looser"


NEW: Final = "new environment"
"""Stands for a key where an environment is new and asks for too little."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One key of an environment that is not what it was."""

    key: str
    direction: Direction


@dataclass(frozen=True, slots=True)
class Compared:
    """One environment, and what differs in it."""

    environment: str
    differences: tuple[Difference, ...]

    @property
    def direction(self) -> Direction:
        """Looser as soon as anything is."""
        found = {each.direction for each in self.differences}
        return next(
            (each for each in (Direction.LOOSER, Direction.STRICTER) if each in found), Direction.SAME
        )


Comparator = Callable[[Any, Any], bool]
"""Whether the second is at least as strict as the first; they differ."""


def compared(before: Policy, after: Policy) -> tuple[Compared, ...]:
    """Every environment of either policy, those of the newer one first; and who owns it, where that differs."""
    names = dict.fromkeys(each.name for each in (*after.environments, *before.environments))
    owning = tuple(_owners(before.owners, after.owners))
    environments = (Compared(name, tuple(_environment(name, before, after))) for name in names)
    return (*environments, *((Compared("policy", owning),) if owning else ()))


def _owners(old: Sequence[ApproverLine], new: Sequence[ApproverLine]) -> Iterator[Difference]:
    """Who lets a looser gate file pass; those whom no line names, owners of files or administrators, may be anybody."""
    if old != new:
        yield Difference("policy.owners", _direction(bool(old) and _every_line_kept(old, new)))


def _environment(name: str, before: Policy, after: Policy) -> Iterator[Difference]:
    old, new = before.environment(name), after.environment(name)
    if old is None and new is not None and not _is_gated(new, before):
        yield Difference(NEW, Direction.LOOSER)
        return
    if old is None or new is None:
        yield Difference("environment", Direction.STRICTER if old is None else Direction.LOOSER)
        return
    yield from _gates(old, new)
    counted = _counted(after, new)
    for stage in _looked_at(before, old):
        changed = stage in _looked_at(after, new) and before.stage(stage) != after.stage(stage)
        missed = counted is not None and stage in (_counted(before, old) or ()) and stage not in counted
        if changed or missed:
            yield Difference(f"stages.{stage}", Direction.LOOSER)


def _gates(old: Environment, new: Environment) -> Iterator[Difference]:
    yield from _keys(old, new, _OF_ENVIRONMENT, skipped={"name", "approval"})
    yield from _approval(old.approval, new.approval)


def _is_gated(new: Environment, before: Policy) -> bool:
    """Whether nothing is released to a new environment unasked, nor by a gate that asks for less than another one that
    starts the same work.
    """
    if new.shadow:
        return True
    started = isinstance(new.deploy, CommandRoute | WorkflowRoute)
    alike = [each for each in before.environments if started and each.deploy == new.deploy]
    differences = [each for old in alike for each in _gates(old, new)]
    looser = any(each.direction is Direction.LOOSER for each in differences)
    return new.approval.mode is ApprovalMode.ALWAYS and not looser


def _counted(policy: Policy, environment: Environment) -> tuple[str, ...] | None:
    """The stages whose failed tests a rule counts, None where no rule does."""
    rules = environment.approval.escalate_when
    return policy.reporting("junit") if any(rule.failed_over is not None for rule in rules) else None


def _looked_at(policy: Policy, environment: Environment) -> tuple[str, ...]:
    """The stages whose verdict says something here, once each: before, after, and in rules of `escalate_when`."""
    rules = environment.approval.escalate_when
    ruled = [name for rule in rules for name in rule.not_passed]
    counted = _counted(policy, environment) or ()
    return tuple(dict.fromkeys((*environment.needs, *environment.verify, *ruled, *counted)))


def _approval(old: ApprovalPolicy, new: ApprovalPolicy) -> Iterator[Difference]:
    if (old.mode, old.escalate_when) != (new.mode, new.escalate_when):
        yield Difference("approval.mode", _direction(_asks_as_often(old, new)))
    if old.mode is ApprovalMode.NEVER:  # nobody was asked, so whom and until when said nothing
        return
    for each in _keys(old, new, _OF_APPROVAL, skipped={"mode", "escalate_when", *_DECIDES_NOTHING}):
        yield Difference(f"approval.{each.key}", each.direction)


def _keys(
    old: Environment | ApprovalPolicy,
    new: Environment | ApprovalPolicy,
    comparators: Mapping[str, Comparator],
    skipped: set[str],
) -> Iterator[Difference]:
    for each in fields(old):
        before, after = getattr(old, each.name), getattr(new, each.name)
        if each.name in skipped or before == after:
            continue
        known = comparators.get(each.name)
        yield Difference(
            _SPOKEN.get(each.name, each.name), _direction(known is not None and known(before, after))
        )


def _direction(as_strict: bool) -> Direction:
    return Direction.STRICTER if as_strict else Direction.LOOSER


def _asks_as_often(old: ApprovalPolicy, new: ApprovalPolicy) -> bool:
    """Whether everybody whom the old policy asked, or blocked, is still asked, or blocked."""
    if old.mode is ApprovalMode.NEVER:
        return True
    if old.mode is ApprovalMode.ALWAYS:
        return new.mode is ApprovalMode.ALWAYS
    if new.mode is ApprovalMode.ALWAYS:
        return not any(rule.block or rule.lines for rule in old.escalate_when)
    return new.mode is ApprovalMode.ESCALATE and set(old.escalate_when) <= set(new.escalate_when)


def _contains(old: Sequence[object], new: Sequence[object]) -> bool:
    return all(each in new for each in old)


def _every_line_kept(old: Sequence[ApproverLine], new: Sequence[ApproverLine]) -> bool:
    """Whether each line of before has one of its own now that asks for no less."""
    if not old:
        return True
    first, rest = old[0], old[1:]
    for index, line in enumerate(new):
        if _as_strict(first, line) and _every_line_kept(rest, (*new[:index], *new[index + 1 :])):
            return True
    return False


def _as_strict(old: ApproverLine, new: ApproverLine) -> bool:
    """Whether whoever meets the new line meets the old one: fewer people, a higher permission, no fewer of them."""
    if old == new:
        return True
    if old.parts or new.parts or new.count < old.count or new.permission < old.permission:
        return False
    known = {"users", "teams", "organisations", "roles", "permission", "count"}
    others = [each.name for each in fields(old) if each.name not in known]
    if any(getattr(old, name) != getattr(new, name) for name in others):
        return False
    groups = (
        (getattr(old, name), getattr(new, name)) for name in ("users", "teams", "organisations", "roles")
    )
    return all(not before or (after and set(after) <= set(before)) for before, after in groups)


_OF_ENVIRONMENT: Final[Mapping[str, Comparator]] = {
    "needs": _contains,
    "after": lambda old, new: old is None,
    "verify": _contains,
    "monitor": lambda old, new: old is None and new.on_breach != "rollback",
    "soak": lambda old, new: new > old,
    "freeze": _contains,
    "shadow": lambda old, new: not new,
    "override": lambda old, new: new is None,
}
_OF_APPROVAL: Final[Mapping[str, Comparator]] = {
    "lines": _every_line_kept,
    "self_approval": lambda old, new: not new,
    "keeps": lambda old, new: not new,
    "contributors": lambda old, new: new == "shipped",
    "expires_after": lambda old, new: new < old,
    "approval_expires_after": lambda old, new: new is not None and (old is None or new < old),
    "escalate_to": lambda old, new: _contains(new, old),
    "delegates": lambda old, new: _contains(new, old),
}
_DECIDES_NOTHING: Final = {"remind_after"}
_SPOKEN: Final = {"lines": "approvers", "keeps": "same_content", "origin": "from"}
"""Keys by the names that the gate file has for them."""
