"""What `gate-app simulate` does, and `gate-app validate` with the tests of a policy: files in, lines and a code out.

Rules of the file: everything wrong with a file is told with its place; nothing is fetched, stored or released.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from gate_app import calendars
from gate_app.config.globs import touches
from gate_app.config.problems import ConfigProblem
from gate_app.config.reader import read
from gate_app.config.text import blob_sha
from gate_app.config.validate import EXIT_INVALID, EXIT_VALID, EXIT_WRONG_CALL, Validation, load
from gate_app.domain.policy import Policy
from gate_app.simulation import checkout, report
from gate_app.simulation.cases import differences, read_cases
from gate_app.simulation.facts import Facts
from gate_app.simulation.moments import parsed
from gate_app.simulation.reading import read_facts
from gate_app.simulation.world import simulate
from gate_app.trial.git import GitRefused
from gate_app.trial.refusal import Refusal
from gate_app.trial.repository import CommitRange

DEFAULT_GATE_FILE: Final = Path(".github/gate.yml")
TESTS_FILE: Final = "gate.tests.yml"


@dataclass(frozen=True, slots=True)
class Wish:
    """What to simulate: facts from a file, a change from a checkout, or a change from there and the rest from here."""

    config: Path | None
    facts: Path | None
    repo: Path | None
    base: str | None
    head: str | None
    at: str | None


@dataclass(frozen=True, slots=True)
class Told:
    """What to print, on which stream, and the exit code."""

    exit_code: int
    lines: tuple[str, ...]

    @property
    def went_well(self) -> bool:
        return self.exit_code == EXIT_VALID


def run(wish: Wish, as_json: bool) -> Told:
    """The gates over what the wish names; exit code 0 judged, 1 a file is invalid, 2 a wrong call."""
    at = parsed(wish.at) if wish.at else datetime.now(UTC)
    if at is None:
        return _wrong(
            "--at: that is no moment with a zone, between 1970 and 9000; write `2026-03-02T09:00:00+01:00`"
        )
    if wish.repo is None and (wish.facts is None or wish.base or wish.head):
        return _wrong("Name facts with --facts FILE, or a change with --repo PATH [--base REV] [--head REV]")
    try:
        return _run(wish, at, as_json)
    except GitRefused as fault:
        return _wrong(f"git: {fault}")


def _run(wish: Wish, at: datetime, as_json: bool) -> Told:
    commits = checkout.found_in(wish.repo, wish.base, wish.head) if wish.repo else None
    if isinstance(commits, Refusal):
        return Told(EXIT_WRONG_CALL, commits.lines)
    policy = _policy(wish.config, commits)
    if isinstance(policy, Told):
        return policy
    facts = _facts(wish.facts, policy)
    if isinstance(facts, Told):
        return facts
    if commits is not None:
        facts = checkout.described(commits, facts)
    if wish.at:
        facts = facts.model_copy(update={"at": wish.at})
    found = simulate(policy, facts, at, touches, calendars)
    notes = commits.notes if commits else ()
    if as_json:
        return Told(EXIT_VALID, (json.dumps({**report.as_json(found), "notes": list(notes)}, indent=2),))
    return Told(EXIT_VALID, (*notes, report.text(found)))


def _policy(config: Path | None, commits: CommitRange | None) -> Policy | Told:
    if config is None and commits is not None:
        raw = checkout.gate_file(commits)
        if raw is None:
            missing = f"{commits.base[:12]} has no {checkout.GATE_FILE}; name a gate file with --config"
            return _wrong(missing)
        name = f"{commits.base[:12]}:{checkout.GATE_FILE}"
    else:
        loaded = load(config or DEFAULT_GATE_FILE)
        if isinstance(loaded, Validation):
            return Told(loaded.exit_code, loaded.lines)
        raw, name = loaded, str(config or DEFAULT_GATE_FILE)
    found = read(raw, blob_sha(raw), name)
    return found if isinstance(found, Policy) else _invalid(found)


def _facts(path: Path | None, policy: Policy) -> Facts | Told:
    if path is None:
        return Facts()
    loaded = load(path)
    if isinstance(loaded, Validation):
        return Told(loaded.exit_code, loaded.lines)
    found = read_facts(loaded, policy, str(path))
    return found if isinstance(found, Facts) else _invalid(found)


def tested(gate_file: Path, policy: Policy, tests: Path | None) -> Told:
    """The tests of a policy: those that `tests` names, or those beside the gate file, if there are any."""
    path = tests or gate_file.with_name(TESTS_FILE)
    if tests is None and not path.exists():
        return Told(EXIT_VALID, ())
    loaded = load(path)
    if isinstance(loaded, Validation):
        return Told(loaded.exit_code, loaded.lines)
    cases = read_cases(loaded, policy, str(path))
    if isinstance(cases, tuple):
        return _invalid(cases)
    found = differences(cases, policy, touches, calendars)
    count = f"{len(cases.cases)} {'case' if len(cases.cases) == 1 else 'cases'}"
    if not found:
        return Told(EXIT_VALID, (f"{path}: {count} as expected",))
    lines = [line for each in found for line in _difference(path, each.case, each.environment, each.lines)]
    failed = len({each.case for each in found})
    return Told(EXIT_INVALID, (*lines, f"{path}: {failed} of {count} differ"))


def _difference(path: Path, case: str, environment: str, lines: tuple[str, ...]) -> tuple[str, ...]:
    return (f"{path}: {case}: {environment}", *(f"  {line}" for line in lines))


def _wrong(line: str) -> Told:
    return Told(EXIT_WRONG_CALL, (line,))


def _invalid(problems: tuple[ConfigProblem, ...]) -> Told:
    return Told(EXIT_INVALID, tuple(map(str, problems)))
