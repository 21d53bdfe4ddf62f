"""Deciding again what was decided: the same events and conditions must give the same verdicts and effects.

Rules of the file: a replay emits nothing and stores nothing; a run is taken whole from its first entry and
made again, entry by entry, with the decision function of this version. A difference means that the rules
changed since, or that the record is not what was decided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gate_app.domain.conditions import Conditions
from gate_app.domain.decide import decide
from gate_app.domain.effects import Effect
from gate_app.domain.events import Event
from gate_app.domain.run import Run
from gate_app.domain.verdict import Verdict


class Recorded(Protocol):
    """One journal entry, as far as a replay reads it; `after` is the digest of the run it left behind."""

    @property
    def repository_id(self) -> int: ...
    @property
    def number(self) -> int: ...
    @property
    def run_id(self) -> str: ...
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
    """An entry that a replay decides differently; `what` is verdicts, effects, run or opening."""

    repository_id: int
    number: int
    run_id: str
    what: str


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """How many entries were decided again, and where that differed from the record."""

    entries: int
    differences: tuple[Difference, ...]

    @property
    def agrees(self) -> bool:
        return not self.differences


def replay(entries: Iterable[Recorded], digest: Callable[[Run], str]) -> ReplayReport:
    """Decides every entry again, in the order of the journal; `digest` is the store's fingerprint of a run."""
    runs: dict[str, Run] = {}
    differences: list[Difference] = []
    count = 0
    for entry in entries:
        count += 1
        differences += [
            Difference(entry.repository_id, entry.number, entry.run_id, what)
            for what in _decided_again(entry, runs, digest)
        ]
    return ReplayReport(count, tuple(differences))


def _decided_again(entry: Recorded, runs: dict[str, Run], digest: Callable[[Run], str]) -> list[str]:
    """What differs; `runs` moves on to the run that this version's decision leaves behind."""
    before = entry.opening if entry.opening is not None else runs.get(entry.run_id)
    if before is None:
        return ["opening"]
    decision = decide(before, entry.event, entry.conditions)
    runs[entry.run_id] = decision.run
    compared = {
        "verdicts": dict(decision.verdicts) == dict(entry.verdicts),
        "effects": tuple(decision.effects) == tuple(entry.effects),
        "run": digest(decision.run) == entry.after,
    }
    return [what for what, same in compared.items() if not same]
