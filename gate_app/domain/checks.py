"""Other people's checks on a commit, and what they come to together.

Rules of the file: names are compared as the API has them, letter by letter, then as a glob, in which `*` also spans
`/`. A required check that is pinned to an App counts only from that App (case 117), so a commit status, which does not
say who set it, is none. A check is known by its app and its name, newest first: a run in the same check suite replaces
an older one, as a re-run does. A failure in another suite of the same name stands until it is re-run, because two
workflows may give their jobs one name. At least one check must have passed: nothing is green because nothing ran (case
93).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

from gate_app.domain.evidence import (
    MAX_CHECKS,
    MAX_MESSAGE,
    CheckResult,
    Evidence,
    StageOutcome,
    StageReason,
    StageVerdict,
)
from gate_app.domain.policy import Select

NOT_FOUND_AFTER: Final = timedelta(minutes=10)
"""How long a check that is asked for may take to appear."""
_SHOWN: Final = 5


class CheckState(StrEnum):
    """What one check says. `SKIPPED` is GitHub's `skipped` and `neutral`, which pass beside a success;
    `INCONCLUSIVE` ended without saying yes or no (`cancelled`, `stale`, `action_required`, a new word).
    """

    PENDING = "pending"
    PASSED = "passed"
    SKIPPED = "skipped"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Check:
    """One check run or commit status of somebody else.

    `app` is the App's id, 0 for a commit status; `suite` its check suite, 0 for a commit status; a larger `id`
    is newer; `conclusion` is GitHub's word; `at` is when it began, None while it is queued; `link` is its page,
    made from its number.
    """

    app: int
    suite: int
    id: int
    name: str
    state: CheckState
    conclusion: str
    at: datetime | None
    link: str = ""


@dataclass(frozen=True, slots=True)
class CheckReading:
    """What one `checks` stage looks at, read at one moment.

    `checks` match what is asked for; `missing` are names, globs or required contexts that nothing matches.
    """

    checks: tuple[Check, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Required:
    """A context that the base branch requires; `app` is the App that it must come from, None for any."""

    context: str
    app: int | None = None

    def met_by(self, check: Check) -> bool:
        return check.name == self.context and self.app in (None, check.app)


def looked_at(select: Select, standing: Sequence[Check], required: Sequence[Required]) -> CheckReading:
    """What a stage that asks for `select` looks at, of all that stands on the commit and the branch requires."""
    if select == "all":
        return CheckReading(tuple(standing))
    if select == "required":
        met = tuple(check for check in standing if any(each.met_by(check) for each in required))
        missing = [each.context for each in required if not any(each.met_by(check) for check in met)]
        return CheckReading(met, tuple(missing))
    named = tuple(check for check in standing if any(_fits(pattern, check) for pattern in select))
    missing = [pattern for pattern in select if not any(_fits(pattern, check) for check in named)]
    return CheckReading(named, tuple(missing))


def _fits(pattern: str, check: Check) -> bool:
    return check.name == pattern or fnmatchcase(check.name, pattern)


def judge_checks(reading: CheckReading, began: datetime, now: datetime) -> StageOutcome | None:
    """What the checks come to; None while they are running, or may yet appear."""
    checks = settled(reading.checks)
    by_state = {state: [check for check in checks if check.state is state] for state in CheckState}
    if len(checks) > MAX_CHECKS:
        many = f"More than {MAX_CHECKS} checks match; name the ones that count."
        return _unknown(StageReason.CHECKS_TOO_MANY, many, ())
    if by_state[CheckState.FAILED]:
        said = f"Checks failed: {_names(by_state[CheckState.FAILED])}."
        return _outcome(StageVerdict.FAILED, StageReason.CHECKS_FAILED, said, checks)
    if by_state[CheckState.PENDING]:
        return None
    if reading.missing or not checks:
        if now < began + NOT_FOUND_AFTER:
            return None
        return _unknown(StageReason.CHECK_NOT_FOUND, _not_found(reading), checks)
    if by_state[CheckState.INCONCLUSIVE]:
        said = (
            f"Checks ended without a yes or a no: {_names(by_state[CheckState.INCONCLUSIVE])}. Re-run them."
        )
        return _unknown(StageReason.CHECKS_INCONCLUSIVE, said, checks)
    if not by_state[CheckState.PASSED]:
        said = f"Every check was skipped: {_names(checks)}. At least one has to succeed."
        return _unknown(StageReason.CHECKS_SKIPPED, said, checks)
    return _outcome(StageVerdict.PASSED, StageReason.CHECKS_PASSED, "", checks)


def settled(checks: Iterable[Check]) -> tuple[Check, ...]:
    """One check per app and name, in order of name: what still stands of all its runs."""
    newest: dict[tuple[str, int, int], Check] = {}
    for check in sorted(checks, key=lambda check: check.id):
        newest[check.name, check.app, check.suite] = check
    named: dict[tuple[str, int], list[Check]] = {}
    for (name, app, _), check in newest.items():
        named.setdefault((name, app), []).append(check)
    return tuple(_standing(named[key]) for key in sorted(named))


def _standing(runs: Sequence[Check]) -> Check:
    """Of the newest runs in several suites: a failure, else one that still runs, else the newest."""
    for state in (CheckState.FAILED, CheckState.PENDING):
        of_state = [check for check in runs if check.state is state]
        if of_state:
            return of_state[-1]
    return max(runs, key=lambda check: check.id)


def since(reading: CheckReading, moment: datetime) -> CheckReading:
    """The checks that began at that moment or later: what ran before a deployment does not verify it."""
    fresh = (check for check in reading.checks if check.at is None or check.at >= moment)
    return CheckReading(tuple(fresh), reading.missing)


def _not_found(reading: CheckReading) -> str:
    minutes = int(NOT_FOUND_AFTER.total_seconds() // 60)
    if not reading.missing:
        return (
            f"No check of anybody else was found on this commit within {minutes} minutes. Let CI run on it, or "
            "name other stages in the gate file."
        )
    names = ", ".join(reading.missing[:_SHOWN]) + (" …" if len(reading.missing) > _SHOWN else "")
    return f"Not found within {minutes} minutes: {names}. Start it, or name checks as GitHub shows them."


def _names(checks: Sequence[Check]) -> str:
    named = [f"{check.name} ({check.conclusion})" for check in checks[:_SHOWN]]
    return ", ".join(named) + (" …" if len(checks) > _SHOWN else "")


def _unknown(reason: StageReason, detail: str, checks: Sequence[Check]) -> StageOutcome:
    return _outcome(StageVerdict.UNKNOWN, reason, detail, checks)


def _outcome(
    verdict: StageVerdict, reason: StageReason, detail: str, checks: Sequence[Check]
) -> StageOutcome:
    results = tuple(CheckResult(check.name, check.conclusion, check.link) for check in checks)
    evidence = Evidence(summary=said_of(results), checks=results)
    return StageOutcome(verdict, reason, evidence, detail[:MAX_MESSAGE])


def said_of(results: Sequence[CheckResult]) -> str:
    """`3 checks: 2 success, 1 skipped`; the order is that of the alphabet, so that equal results read alike."""
    words: Mapping[str, int] = Counter(result.conclusion for result in results)
    noun = "check" if len(results) == 1 else "checks"
    listed = ", ".join(f"{words[word]} {word}" for word in sorted(words))
    return f"{len(results)} {noun}: {listed}" if results else "no checks"
