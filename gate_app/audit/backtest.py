"""What another policy would have made of the runs that the journal has: whom it would have asked.

Rules of the file: each gate is judged on the facts of the last decision before it was decided, with the judgement of
production; a rule over files that nobody looked for then cannot be told, and is said to be; nothing is changed or sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from gate_app.audit.chronicle import Journal, steps
from gate_app.domain.conditions import Conditions
from gate_app.domain.evaluate import judge
from gate_app.domain.model import Purpose, Unknown
from gate_app.domain.policy import Environment, Policy
from gate_app.domain.proposals import Past
from gate_app.domain.run import Run
from gate_app.domain.shipping import Shipment
from gate_app.domain.verdict import ReasonCode, Verdict


class Asked(StrEnum):
    """Whom a gate needs: nobody, people, nobody because it blocks or skips, or it cannot be told; or it is no gate."""

    NOBODY = "nobody"
    PEOPLE = "people"
    BLOCKED = "blocked"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"
    NO_GATE = "no_gate"


@dataclass(frozen=True, slots=True)
class Tested:
    """One gate of the past: whom it needed then, and whom it would have needed."""

    gate: str
    environment: str
    then: Asked
    now: Asked


def backtest(journal: Journal, policy: Policy, last: int) -> tuple[Tested, ...]:
    """The newest gates of the journal, `last` of each environment at most, under another policy."""
    found: dict[str, tuple[Run, str, Conditions, Verdict]] = {}
    for _, entry, step in steps(journal):
        if entry is None or step.before is None or step.after is None:
            continue
        if step.after.purpose is not Purpose.RELEASE:
            continue
        for name, gate in step.after.gates.items():
            before = step.before.gates.get(name)
            decided = before is not None and (before.release is not None or before.closing is not None)
            judged = entry.verdicts.get(name)
            if decided or judged is None or not _is_told(judged):
                continue
            key = step.after.release_id(name)
            found.pop(key, None)
            found[key] = (step.after.with_gate(gate), name, entry.conditions, judged)
    tested = [_tested(key, *each, policy) for key, each in found.items()]
    kept: dict[str, list[Tested]] = {}
    for each in tested:
        kept.setdefault(each.environment, []).append(each)
    return tuple(each for group in kept.values() for each in group[-last:])


def recent(
    runs: Iterable[Journal], policy: Policy, in_time: Callable[[], bool]
) -> tuple[Past, ...] | Unknown:
    """The same of these runs, by environment: as many of them, in their order, as there is time for."""
    tested: list[Tested] = []
    with suppress(_OutOfTime):
        for journal in runs:
            tested += backtest(_timely(journal, in_time), policy, 1)
    if not tested and not in_time():
        return Unknown("out_of_time", "there was not enough time to read the journal")
    return tuple(_past(name, tested) for name in dict.fromkeys(each.environment for each in tested))


class _OutOfTime(Exception):
    """The run that is read is not counted."""


def _timely(journal: Journal, in_time: Callable[[], bool]) -> Journal:
    for each in journal:
        if not in_time():
            raise _OutOfTime
        yield each


def _past(environment: str, tested: Sequence[Tested]) -> Past:
    group = [each for each in tested if each.environment == environment]
    then, now = Counter(each.then for each in group), Counter(each.now for each in group)
    return Past(environment, len(group), now[Asked.NOBODY], then[Asked.NOBODY], now[Asked.UNKNOWN])


def _is_told(verdict: Verdict) -> bool:
    """Whether it had come so far that it was told whom it needs."""
    return _asked(verdict) is not Asked.UNKNOWN and not any(
        reason.code is ReasonCode.STAGE_RUNNING for root in verdict.reasons for reason in root.walk()
    )


def _tested(
    key: str, run: Run, name: str, conditions: Conditions, verdict: Verdict, policy: Policy
) -> Tested:
    environment = policy.environment(name)
    if environment is None:
        return Tested(key, name, _asked(verdict), Asked.NO_GATE)
    gate = replace(run.gates[name], release=None, closing=None, escalated=False, escalated_lines=())
    told = replace(run, policy=policy, shipments=_shipments(run, environment)).with_gate(gate)
    now = judge(told, gate, replace(conditions, policy=policy))
    return Tested(key, name, _asked(verdict), _asked(now))


def _shipments(run: Run, environment: Environment) -> Mapping[str, Shipment]:
    """What shipped, for the rules of the other policy, where each list of globs was looked for then too."""
    known = run.shipments.get(environment.name)
    if known is None or not set(environment.globs) <= set(known.looked_for):
        return run.shipments
    found = tuple(each for each in known.found if each.globs in environment.globs)
    fitting = replace(known, looked_for=environment.globs, found=found)
    return {**run.shipments, environment.name: fitting}


def _asked(verdict: Verdict) -> Asked:
    codes = {reason.code: reason for reason in verdict.reasons}
    if ReasonCode.PATHS_UNTOUCHED in codes:
        return Asked.SKIPPED
    if ReasonCode.ESCALATION_BLOCKED in codes:
        return Asked.BLOCKED
    if ReasonCode.ESCALATION_UNKNOWN in codes or ReasonCode.PATHS_UNKNOWN in codes:
        return Asked.UNKNOWN
    if ReasonCode.NOBODY_ASKED in codes or ReasonCode.NOT_ESCALATED in codes:
        return Asked.NOBODY
    return Asked.PEOPLE if ReasonCode.APPROVAL in codes else Asked.UNKNOWN


def summary(tested: Sequence[Tested]) -> Iterator[str]:
    """How many of each environment would have needed nobody, then every gate that would have been another one."""
    if not tested:
        yield "The journal has no gates of releases yet."
    for environment in dict.fromkeys(each.environment for each in tested):
        group = [each for each in tested if each.environment == environment]
        then, now = (
            Counter(kinds) for kinds in ([each.then for each in group], [each.now for each in group])
        )
        rest = ", ".join(f"{now[kind]} {_SPOKEN[kind]}" for kind in _SPOKEN if now[kind])
        nobody = f"{now[Asked.NOBODY]} would have needed nobody (then: {then[Asked.NOBODY]})"
        yield f"{environment}: of the last {len(group)}, {nobody}" + (f"; {rest}" if rest else "")
        yield from (
            f"  {each.gate}: {_WAS[each.then]}, {_WAS[each.now]} under this file"
            for each in group
            if each.then is not each.now
        )


_SPOKEN: Final = {
    Asked.PEOPLE: "people",
    Asked.BLOCKED: "blocked",
    Asked.SKIPPED: "skipped",
    Asked.UNKNOWN: "cannot be told",
    Asked.NO_GATE: "without a gate",
}
_WAS: Final = {Asked.NOBODY: "nobody", **_SPOKEN}
