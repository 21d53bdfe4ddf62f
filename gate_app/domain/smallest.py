"""Who could still finish a gate: the smallest sets of people whose approvals are all that its approvals lack.

Rules of the file: nothing is reasoned about rules here; sets are tried, smallest first, with the judgement itself, as
if each of them approved now, so that whatever that judgement heeds is heeded; what was not tried is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

from gate_app.domain.conditions import Conditions
from gate_app.domain.evaluate import judge
from gate_app.domain.model import Person
from gate_app.domain.plan import binding_for
from gate_app.domain.policy import Environment, Policy
from gate_app.domain.run import Answer, Question, Run, button_key
from gate_app.domain.verdict import ReasonCode, Verdict

MAX_TRIED: Final = 1_000
"""Sets that are tried for one gate."""
MAX_SETS: Final = 10
"""Sets that are told."""
TRIAL: Final = "trial"
"""The button of an approval that nobody gave."""


@dataclass(frozen=True, slots=True)
class Finishers:
    """The smallest `sets` of people, each of which would do, none where nobody has to (`needed`) or can.

    `whole` says that these are all of them.
    """

    needed: bool
    sets: tuple[tuple[Person, ...], ...] = ()
    whole: bool = True


def finishers(run: Run, environment: str, conditions: Conditions, people: Sequence[Person]) -> Finishers:
    """Of these people, the smallest sets that could still give every approval of a gate."""
    rules = run.policy.environment(environment) if isinstance(run.policy, Policy) else None
    if rules is None or not _lacks_people(judge(run, run.gates[environment], conditions)):
        return Finishers(needed=False)
    trial = _Trial(run, rules, conditions)
    useful = [person for person in people if trial.counts(person)]
    every = (chosen for size in range(1, len(useful) + 1) for chosen in combinations(useful, size))
    found: list[tuple[Person, ...]] = []
    for tried, chosen in enumerate(every):
        if found and len(chosen) > len(found[0]):
            break
        if tried >= MAX_TRIED or len(found) >= MAX_SETS:
            return Finishers(True, tuple(found), whole=False)
        if not _lacks_people(trial.verdict(chosen)):
            found.append(chosen)
    return Finishers(True, tuple(found))


def _lacks_people(verdict: Verdict) -> bool:
    return any(reason.code is ReasonCode.APPROVAL and not reason.met for reason in verdict.reasons)


@dataclass(frozen=True, slots=True)
class _Trial:
    """A gate, judged as if more people had approved what is, or would be, asked there now."""

    run: Run
    rules: Environment
    conditions: Conditions

    def counts(self, person: Person) -> bool:
        """Whether their approval would count, and none of theirs does already."""
        gate = self.run.gates[self.rules.name]
        before = {judged.answer for judged in judge(self.run, gate, self.conditions).answers if judged.counts}
        if any(each.key in before and each.person.id == person.id for each in gate.answers):
            return False
        given = button_key(person, TRIAL)
        return any(each.counts and each.answer == given for each in self.verdict((person,)).answers)

    def verdict(self, people: Sequence[Person]) -> Verdict:
        now, binding = self.conditions.now, binding_for(self.run, self.rules)
        gate = self.run.gates[self.rules.name]
        question = gate.question or Question(gate.asked + 1, now, binding)
        trial = tuple(
            Answer("approval", person, now, None, "", question.number, binding, button=TRIAL)
            for person in people
        )
        answered = replace(gate, question=question, answers=(*gate.answers, *trial))
        return judge(self.run.with_gate(answered), answered, self.conditions)
