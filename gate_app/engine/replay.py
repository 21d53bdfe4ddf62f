"""Deciding again what was decided: the same events and conditions must give the same verdicts and effects.

Rules of the file: a replay emits nothing and stores nothing; a run is taken whole from its first entry and
made again, entry by entry, with the decision function of this version. A difference means that the rules
changed since, or that the record is not what was decided. Words are no rules: what is shown at GitHub may read
otherwise in another version, which is counted and is no difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from gate_app.domain.conditions import Conditions
from gate_app.domain.decide import Decision, decide
from gate_app.domain.effects import Effect, PublishCheckRun, PublishComment
from gate_app.domain.events import Event
from gate_app.domain.run import Run
from gate_app.domain.surface import REPLY, shown_digest
from gate_app.domain.verdict import Verdict


class Place(Protocol):
    """Where something stands in the journal."""

    @property
    def repository_id(self) -> int: ...
    @property
    def number(self) -> int: ...
    @property
    def run_id(self) -> str: ...


class Recorded(Place, Protocol):
    """One journal entry, as far as a replay reads it; `after` is the digest of the run it left behind."""

    @property
    def opening(self) -> Run | None: ...
    @property
    def event(self) -> Event: ...
    @property
    def conditions(self) -> Conditions: ...
    @property
    def verdicts(self) -> Mapping[str, Verdict]: ...
    @property
    def effects(self) -> Sequence[Effect]: ...
    @property
    def after(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Difference:
    """An entry that a replay decides differently.

    `what` is verdicts, effects, run, or opening: the run before it is not known; `entry` is one that cannot be read.
    """

    repository_id: int
    number: int
    run_id: str
    what: str


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """How many entries were decided again, where that differed from the record, and how many only read otherwise."""

    entries: int
    differences: tuple[Difference, ...]
    reworded: int = 0

    @property
    def agrees(self) -> bool:
        return not self.differences


def replay(entries: Iterable[tuple[Place, Recorded | None]], digest: Callable[[Run], str]) -> ReplayReport:
    """Decides every entry again, in the order of the journal; None is one that cannot be read.

    `digest` is the store's fingerprint of a run.
    """
    differences: list[Difference] = []
    count = reworded = 0
    for step in retrace(entries):
        count += 1
        found = _differences(step, digest)
        reworded += "words" in found
        place = step.place
        differences += [
            Difference(place.repository_id, place.number, place.run_id, what)
            for what in found
            if what != "words"
        ]
    return ReplayReport(count, tuple(differences), reworded)


@dataclass(frozen=True, slots=True)
class Retraced:
    """One entry, decided again: the run before it, the decision, and the run after it in the words of then.

    All three are None where the entry cannot be read (`entry` is None then too) or the run before it is not known.
    """

    place: Place
    entry: Recorded | None
    before: Run | None = None
    decision: Decision | None = None
    after: Run | None = None


def retrace(entries: Iterable[tuple[Place, Recorded | None]]) -> Iterator[Retraced]:
    """Makes every run again, entry by entry, in the order of the journal."""
    runs: dict[str, Run] = {}
    for place, entry in entries:
        if entry is None:
            runs.pop(place.run_id, None)
            yield Retraced(place, None)
            continue
        before = entry.opening if entry.opening is not None else runs.get(entry.run_id)
        if before is None:
            yield Retraced(place, entry)
            continue
        decision = decide(before, entry.event, entry.conditions)
        after = replace(decision.run, published={**before.published, **_shown(entry.effects)})
        runs[entry.run_id] = after
        yield Retraced(place, entry, before, decision, after)


def differs(step: Retraced, digest: Callable[[Run], str]) -> bool:
    """Whether this version decides an entry otherwise than it was recorded, words aside."""
    return bool(set(_differences(step, digest)) - {"words"})


def _differences(step: Retraced, digest: Callable[[Run], str]) -> list[str]:
    """What differs, of an entry that was decided again."""
    entry, decision, after = step.entry, step.decision, step.after
    if entry is None:
        return ["entry"]
    if decision is None or after is None:
        return ["opening"]
    compared = {
        "verdicts": dict(decision.verdicts) == dict(entry.verdicts),
        "effects": _acts(decision.effects) == _acts(entry.effects),
        "run": digest(after) == entry.after,
        "words": tuple(decision.effects) == tuple(entry.effects),
    }
    return [what for what, same in compared.items() if not same]


def _shown(effects: Sequence[Effect]) -> Mapping[str, str]:
    """What these effects make a run remember of its surfaces; a reply is said once and not remembered."""
    return {
        effect.surface: shown_digest(effect)
        for effect in effects
        if isinstance(effect, PublishCheckRun | PublishComment) and not effect.surface.startswith(REPLY)
    }


def _acts(effects: Sequence[Effect]) -> list[Effect]:
    """The effects that do more than show words."""
    return [effect for effect in effects if not isinstance(effect, PublishCheckRun | PublishComment)]
