"""The next state under construction, while consequences are drawn.

Rules of the file: the only mutable value of the domain; it lives for one `settle` and is never kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gate_app.domain.conditions import Conditions, EnvironmentFacts
from gate_app.domain.effects import Effect
from gate_app.domain.grants import JobAnswer
from gate_app.domain.model import Content, Person
from gate_app.domain.run import Gate, Run, StageRun
from gate_app.domain.verdict import Verdict


@dataclass(frozen=True, slots=True)
class RollbackProposal:
    """An environment should be taken back to content that passed there.

    After a breach `because` is what its watch saw; by hand it is the reason of who asks, `by`, with the commit that
    would be taken out and the id that has the environment meanwhile, `holder`. `by_rule` is the blob of the policy that
    says to ask nobody, empty where it asks.
    """

    environment: str
    target: Content
    because: str
    takes_out: str = ""
    by: Person | None = None
    holder: str = ""
    by_rule: str = ""


@dataclass(slots=True)
class Draft:
    """A run being settled: what becomes of it, and what has to happen outside.

    `environments` are changed facts by name; `relied_on` are (name, version) pairs that a release rests on;
    `proposals` are questions that other runs have to ask; `answers` are what jobs are told from now on.
    """

    run: Run
    verdicts: Mapping[str, Verdict]
    conditions: Conditions
    effects: list[Effect] = field(default_factory=list)
    environments: dict[str, EnvironmentFacts] = field(default_factory=dict)
    relied_on: list[tuple[str, int]] = field(default_factory=list)
    proposals: list[RollbackProposal] = field(default_factory=list)
    answers: list[JobAnswer] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        return self.conditions.now

    def put_gate(self, gate: Gate) -> None:
        self.run = self.run.with_gate(gate)

    def put_stage(self, stage: StageRun) -> None:
        self.run = self.run.with_stage(stage)

    def environment(self, name: str) -> EnvironmentFacts:
        """The facts as this draft would leave them."""
        return self.environments.get(name, self.conditions.environment(name))

    def put_environment(self, facts: EnvironmentFacts) -> None:
        self.environments[facts.name] = facts
