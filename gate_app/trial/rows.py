"""What is shown of a trial: one row for each stage and each gate, in the order in which they come.

Rules of the file: pure; the text of a row changes only when its state does, so that plain output has one line
for each change; texts of stages and reports are made inert before they are shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gate_app.domain import brief
from gate_app.domain.evidence import StageOutcome, StageReason, StageVerdict
from gate_app.domain.headlines import gate_title
from gate_app.domain.model import Origin
from gate_app.domain.policy import Environment, Policy
from gate_app.domain.run import Gate, Run, StageRun, StageStatus
from gate_app.domain.verdict import Verdict
from gate_app.stages.plaintext import plain_line
from gate_app.trial.people import Resident, able_to_answer
from gate_app.trial.picture import Picture
from gate_app.trial.standing import Moving, Outcome, Standing, waits_for_others

MAX_DETAIL: Final = 300


@dataclass(frozen=True, slots=True)
class Row:
    """`tone` is good, bad, busy, asks or calm; `since` is given while something runs or is waited for."""

    key: str
    name: str
    state: str
    tone: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Cast:
    """What does not change during a trial: the policy and the people."""

    policy: Policy
    people: tuple[Resident, ...]


def rows(cast: Cast, picture: Picture, standing: Standing) -> tuple[Row, ...]:
    """Everything worth showing of one look."""
    return tuple(_rows(cast, picture, standing))


def _rows(cast: Cast, picture: Picture, standing: Standing) -> Iterator[Row]:
    for origin in Origin:
        run = picture.run_of(origin)
        if run is None:
            continue
        place = "" if origin is Origin.PULL_REQUEST else " on main"
        yield from (_stage(run, stage, place) for stage in run.stages.values() if stage.environment is None)
        for environment in cast.policy.gated_in(origin):
            yield _gate(cast, picture, standing, run, environment)
            yield from (
                _stage(run, stage, place)
                for stage in run.stages.values()
                if stage.environment == environment.name
            )


def _stage(run: Run, stage: StageRun, place: str) -> Row:
    key, name = f"{run.id} {stage.key}", f"{stage.key}{place}"
    if waits_for_others(run, stage):
        return Row(key, name, "waits for checks of others, and nobody reports any here", "bad")
    if stage.status is not StageStatus.ENDED or stage.outcome is None:
        again = "" if stage.attempt == 1 else f", attempt {stage.attempt}"
        return Row(key, name, f"running{again}", "busy", stage.started_at)
    return Row(key, name, _ending(stage.outcome), _TONES[stage.outcome.verdict])


_TONES: Final = {
    StageVerdict.PASSED: "good",
    StageVerdict.FAILED: "bad",
    StageVerdict.UNKNOWN: "bad",
}


def _ending(outcome: StageOutcome) -> str:
    seconds = f"{outcome.evidence.duration_ms / 1000:.1f} s"
    if outcome.verdict is StageVerdict.PASSED:
        found = outcome.detail or brief.counts(outcome.evidence)
        return f"passed: {plain_line(found, MAX_DETAIL)} ({seconds})"
    return f"{outcome.verdict.value}: {why_not(outcome)} ({seconds})"


def why_not(outcome: StageOutcome) -> str:
    """Why a stage did not pass: the counts where tests failed, else what the stage says of itself."""
    if outcome.reason is StageReason.TESTS_FAILED and outcome.evidence.tests is not None:
        return brief.counts(outcome.evidence)
    return plain_line(outcome.detail or outcome.reason.value.replace("_", " "), MAX_DETAIL)


def _gate(cast: Cast, picture: Picture, standing: Standing, run: Run, environment: Environment) -> Row:
    gate = run.gates.get(environment.name)
    verdict = picture.overview.verdicts.get(run.id, {}).get(environment.name)
    key, name = f"{run.id} gate {environment.name}", f"gate {environment.name}"
    if gate is None or verdict is None:
        return Row(key, name, "not judged yet", "calm")
    if verdict.asks:
        return Row(key, name, _who_is_waited_for(cast, gate, environment), "asks", _asked_at(gate))
    tone = {Moving.MACHINE: "calm", Outcome.RELEASED: "good"}.get(standing.stands[environment.name], "bad")
    return Row(key, name, _gate_words(gate, verdict), tone)


def _who_is_waited_for(cast: Cast, gate: Gate, environment: Environment) -> str:
    who = " or ".join(able_to_answer(environment, cast.people)) or "nobody here could answer"
    again = f" (question {gate.question.number})" if gate.question and gate.question.number > 1 else ""
    return f"waits for a person: {who}{again}"


def _asked_at(gate: Gate) -> datetime | None:
    return gate.question.asked_at if gate.question else None


def _gate_words(gate: Gate, verdict: Verdict) -> str:
    """Where a gate stands that does not ask: what it waits for, or how it ended, by whom and why."""
    title = gate_title(gate, verdict)
    said = title[:1].lower() + title[1:]
    if gate.closing is None:
        return said
    by = f" by {gate.closing.by.login}" if gate.closing.by else ""
    note = f": {plain_line(gate.closing.note, MAX_DETAIL)}" if gate.closing.note else ""
    return f"{said}{by}{note}"
