"""Tests of a policy, kept beside it in `.github/gate.tests.yml`: facts, and what each gate has to say to them.

Rules of the file: a case is judged as a simulation is; facts of a case go before those of the file, key by key; a case
that expects nothing is refused; where the facts name no moment it is always the same one, so that no weekend and no
holiday changes what a test says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from gate_app.config.fields import MAX_ENVIRONMENTS, Name, exactly
from gate_app.config.models import ANY
from gate_app.config.problems import ConfigProblem, Flaw, did_you_mean
from gate_app.config.reader import read_as
from gate_app.config.shape import Strict
from gate_app.domain.calendar import Calendar
from gate_app.domain.policy import Policy
from gate_app.domain.shipping import Globs
from gate_app.domain.verdict import ReasonCode
from gate_app.domain.wording import tree
from gate_app.simulation.facts import FACTS_PLACES, Account, Facts, Text
from gate_app.simulation.reading import misfits, unknown_names
from gate_app.simulation.world import Outcome, simulate

MAX_CASES: Final = 200
DEFAULT_MOMENT: Final = datetime(2026, 3, 3, 12, tzinfo=UTC)
"""A Tuesday at noon: when cases are judged that say nothing of it."""
NOT_ASKED: Final = "not_asked"
"""What is expected of an environment that nobody asked for yet (`from: command`)."""

Word = Literal["waiting", "approved", "denied", "expired", "superseded", "skipped", "cancelled", "not_asked"]


def _code(text: str) -> str:
    known = [code.value for code in ReasonCode]
    if text not in known:
        likely = did_you_mean(text, known)
        fix = f"did you mean `{likely}`?" if likely else "docs/reason-codes.md lists them"
        raise PydanticCustomError("other_type", "is no reason code", {"fix": fix})
    return text


Code = Annotated[str, AfterValidator(_code)]
People = Annotated[tuple[Account, ...], Field(min_length=1, max_length=50)]


class Expectation(Strict):
    """What one gate has to say."""

    verdict: Word
    """`waiting`, `approved`, `denied`, `expired`, `skipped`, `cancelled`, `superseded`; `not_asked`."""

    codes: Annotated[tuple[Code, ...], Field(max_length=50)] = ()
    """Reason codes that hold it or, of an open gate, that opened it; each of them, and there may be more."""

    finishers: Annotated[tuple[People, ...], Field(max_length=50)] | None = None
    """The smallest sets of people that could still finish it, all of them; empty: nobody could, or has to."""


def _form(value: object) -> str:
    return "word" if isinstance(value, str) else "long"


class Case(Strict):
    """One test."""

    facts: Facts = Facts()
    """What is so, on top of the facts of the file."""

    expect: Annotated[
        dict[
            Name,
            Annotated[
                Annotated[Word, Tag("word")] | Annotated[Expectation, Tag("long")], Discriminator(_form)
            ],
        ],
        Field(min_length=1, max_length=MAX_ENVIRONMENTS),
    ]
    """What gates have to say, by environment; a word alone is the verdict."""

    @property
    def expected(self) -> Mapping[str, Expectation]:
        """What is expected, in its long form."""
        return {
            name: Expectation(verdict=each) if isinstance(each, str) else each
            for name, each in self.expect.items()
        }


class CasesFile(Strict):
    """Tests of a gate file."""

    version: Annotated[Literal[1], exactly(int, "write `version: 1`")]
    """The version of this format: 1."""

    facts: Facts = Facts()
    """What is so in every case."""

    cases: Annotated[dict[Text, Case], Field(min_length=1, max_length=MAX_CASES)]
    """The tests, by what they say."""


CASES_PLACES: Final[Mapping[tuple[str, ...], type[Strict]]] = MappingProxyType(
    {
        (): CasesFile,
        ("cases", ANY): Case,
        ("cases", ANY, "expect", ANY): Expectation,
        ("facts",): Facts,
        ("cases", ANY, "facts"): Facts,
        **{("facts", *place): model for place, model in FACTS_PLACES.items() if place},
        **{("cases", ANY, "facts", *place): model for place, model in FACTS_PLACES.items() if place},
    }
)
"""Which model describes the keys at a path of the file."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One gate that says something else than a case expects; `lines` show both, and why."""

    case: str
    environment: str
    lines: tuple[str, ...]


def read_cases(raw: bytes, policy: Policy, file_name: str) -> CasesFile | tuple[ConfigProblem, ...]:
    """The tests in `raw`, or everything that is wrong with them (never empty)."""
    return read_as(CasesFile, CASES_PLACES, raw, file_name, lambda file: _misfits(file, policy))


def _misfits(file: CasesFile, policy: Policy) -> Iterator[Flaw]:
    environments = [each.name for each in policy.environments]
    yield from misfits(file.facts, policy, ("facts",))
    for name, case in file.cases.items():
        yield from misfits(case.facts, policy, ("cases", name, "facts"))
        yield from unknown_names(case.expect, environments, "environment", ("cases", name, "expect"))


def differences(
    file: CasesFile, policy: Policy, touches: Globs, calendar: Calendar
) -> tuple[Difference, ...]:
    """What does not come out as expected, in the order of the file."""
    found = []
    for name, case in file.cases.items():
        facts = Facts.model_validate(_merged(_said(file.facts), _said(case.facts)))
        outcomes = simulate(policy, facts, DEFAULT_MOMENT, touches, calendar).outcomes
        by_name = {outcome.environment: outcome for outcome in outcomes}
        for environment, wanted in case.expected.items():
            lines = tuple(_differs(wanted, by_name[environment]))
            if lines:
                found.append(Difference(name, environment, lines))
    return tuple(found)


def _said(facts: Facts) -> dict[str, object]:
    return facts.model_dump(exclude_unset=True)


def _merged(under: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    """Mappings key by key; anything else is replaced whole."""
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        merged[key] = _merged(below, value) if both else value  # type: ignore[arg-type]  # `both` says so
    return merged


def _differs(wanted: Expectation, outcome: Outcome) -> Iterator[str]:
    verdict = outcome.verdict
    found = verdict.state.value if verdict else NOT_ASKED
    codes = verdict.codes if verdict else ()
    missing = [code for code in wanted.codes if code not in codes]
    able = {frozenset(person.login for person in chosen) for chosen in outcome.finishers.sets}
    meant = None if wanted.finishers is None else {frozenset(chosen) for chosen in wanted.finishers}
    if found != wanted.verdict:
        yield from (f"- verdict: {wanted.verdict}", f"+ verdict: {found}")
    if missing:
        yield from (f"- codes: {', '.join(missing)}", f"+ codes: {', '.join(codes) or 'none'}")
    if meant is not None and meant != able:
        yield from (f"- finishers: {_sets(meant)}", f"+ finishers: {_sets(able)}")
    if verdict is not None and (found != wanted.verdict or missing):
        yield from tree(verdict.reasons).split("\n")


def _sets(sets: set[frozenset[str]]) -> str:
    return " or ".join(sorted(" and ".join(sorted(chosen)) for chosen in sets)) or "nobody"
