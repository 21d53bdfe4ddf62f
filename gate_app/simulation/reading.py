"""From bytes to facts about a change under one policy, or to problems with their places.

Rules of the file: facts about a stage or an environment that the policy does not have are a mistake, never ignored.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from gate_app.config.problems import ConfigProblem, Flaw, Path, did_you_mean, listed, quote
from gate_app.config.reader import read_as
from gate_app.domain.policy import Policy
from gate_app.simulation.facts import FACTS_PLACES, Facts, FactsFile


def read_facts(raw: bytes, policy: Policy, file_name: str) -> FactsFile | tuple[ConfigProblem, ...]:
    """The facts in `raw`, or everything that is wrong with them (never empty)."""
    return read_as(FactsFile, FACTS_PLACES, raw, file_name, lambda facts: misfits(facts, policy))


def misfits(facts: Facts, policy: Policy, path: Path = ()) -> Iterator[Flaw]:
    """What facts speak of that the policy does not have; `path` is where they stand in their file."""
    stages = facts.stages if isinstance(facts.stages, dict) else {}
    yield from unknown_names(stages, [each.name for each in policy.stages], "stage", (*path, "stages"))
    names = [each.name for each in policy.environments]
    yield from unknown_names(facts.environments, names, "environment", (*path, "environments"))


def unknown_names(given: Collection[str], known: Collection[str], noun: str, path: Path) -> Iterator[Flaw]:
    """A flaw for each given name that the gate file does not have."""
    for name in given:
        if name not in known:
            likely = did_you_mean(name, known)
            fix = f"did you mean `{likely}`?" if likely else f"known: {listed(map(quote, known))}"
            yield Flaw((*path, name), f"the gate file has no {noun} {quote(name)}", fix, aim="key")
