"""A journal that is written by what happens in a world of the pure domain."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa
from support.runs import CHANGE, START, World, policy

from gate_app.domain.decide import Decision, decide
from gate_app.domain.effects import PublishComment
from gate_app.domain.events import ChangeProposed, ClockTicked, Event, QuestionShown
from gate_app.domain.model import Subject
from gate_app.domain.opening import open_run
from gate_app.domain.policy import Policy
from gate_app.engine.ports import Step, Transition
from gate_app.store.repository import SqlStore


@dataclass
class Kept(World):
    """A world whose every decision is stored."""

    store: Any = None
    version: int = 0
    asked: set[str] = field(default_factory=set)

    def happens(self, event: Event) -> Decision:
        conditions = self.conditions(event)
        decision = decide(self.run, event, conditions)
        self.store.commit(Transition((Step(self.run, event, conditions, decision, self.version),)))
        self.version += 1
        self.run = decision.run
        self.effects += decision.effects
        self.decisions.append(decision)
        for facts in decision.environments:
            self.environments[facts.name] = replace(facts, version=facts.version + 1)
        for effect in decision.effects:
            if isinstance(effect, PublishComment) and effect.surface.startswith("question:"):
                _, environment, number = effect.surface.split(":")
                if effect.surface not in self.asked:
                    self.asked.add(effect.surface)
                    self.happens(QuestionShown(self.now, environment, int(number), self.last_comment))
        return self.happens(ClockTicked(self.now)) if decision.again else decision


def kept(engine: sa.Engine, rules: Policy | None = None, number: int = 1) -> Kept:
    rules = rules or policy()
    subject = Subject(CHANGE.repository.id, number)
    change = replace(CHANGE, subject=subject, conversation=number)
    world = Kept(open_run(change, 1, rules, START), current_policy=rules, store=SqlStore(engine))
    world.happens(ChangeProposed(START, change))
    return world
