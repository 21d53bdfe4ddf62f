"""What happened, one event at a time: the difference that each entry of the journal made.

Rules of the file: an event says who, what, on which commit and policy, and where in the chain it stands; people are
numbers beside their names of then; an entry that this version would decide otherwise is said to be, because what
follows from it may then not be what was recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol

from gate_app.domain.events import CommandGiven, DeployedByOthers
from gate_app.domain.keeping import is_kept
from gate_app.domain.model import Person
from gate_app.domain.modification import Modification
from gate_app.domain.run import Gate, Release, ReleaseStatus, Run, RunState
from gate_app.domain.verdict import Verdict, VerdictState
from gate_app.engine.replay import Place, Recorded, Retraced, differs, retrace


class SealedPlace(Place, Protocol):
    """Where an entry stands, and its hash."""

    @property
    def hash(self) -> str: ...


class DatedEntry(Recorded, Protocol):
    """An entry, and what caused it when."""

    @property
    def at(self) -> datetime: ...
    @property
    def delivery(self) -> str: ...


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One thing that happened; what does not apply is empty, and 0 for a number.

    `entry` and `hash` are its place in the chain of the repository; `gate` names the gate (`71#3:1:production`);
    `person` is the login of then, `person_id` who it was; `policy` is the blob of the gate file; `delivery` is
    GitHub's id of what caused it.
    """

    at: datetime | None
    repository_id: int
    repository: str
    entry: int
    hash: str
    event: str
    run: str
    environment: str = ""
    gate: str = ""
    person_id: int = 0
    person: str = ""
    sha: str = ""
    policy: str = ""
    verdict: str = ""
    codes: tuple[str, ...] = ()
    detail: str = ""
    delivery: str = ""


OUTSIDE: Final = "released_outside"
"""The event of a deployment that no release of ours brought there."""

Journal = Iterable[tuple[SealedPlace, DatedEntry | None]]
Digest = Callable[[Run], str]


def chronicle(journal: Journal, digest: Digest) -> Iterator[AuditEvent]:
    """Every event of a journal, in its order. `digest` is the store's fingerprint of a run."""
    shadows: dict[str, str] = {}
    for place, entry, step in steps(journal):
        yield from events_of(place, entry, step, digest, shadows)


def steps(journal: Journal) -> Iterator[tuple[SealedPlace, DatedEntry | None, Retraced]]:
    """Each entry beside what deciding it again gave: for each one that is read, one comes out."""
    last: list[tuple[SealedPlace, DatedEntry | None]] = []

    def passing() -> Iterator[tuple[Place, Recorded | None]]:
        for each in journal:
            last[:] = [each]
            yield each

    for step in retrace(passing()):
        yield (*last[0], step)


def events_of(
    place: SealedPlace, entry: DatedEntry | None, step: Retraced, digest: Digest, shadows: dict[str, str]
) -> Iterator[AuditEvent]:
    """What one entry made different; `shadows` remembers what was last said of gates in shadow, and of a gate file."""
    about = AuditEvent(None, place.repository_id, "", place.number, place.hash, "", place.run_id)
    if entry is None:
        yield replace(about, event="entry_unreadable", detail="this entry cannot be read")
        return
    about = replace(about, at=entry.at, delivery=entry.delivery)
    if step.before is None or step.after is None:
        yield replace(about, event="run_unknown", detail="the run before this entry could not be read")
        return
    about = _of_run(about, step.after)
    if differs(step, digest):
        yield replace(about, event="replays_otherwise", detail="this version decides this entry otherwise")
    if entry.opening is not None:
        yield _by(replace(about, event="opened", detail=step.after.change.title), step.after.change.author)
    if isinstance(entry.event, CommandGiven):
        yield _by(replace(about, event="comment", detail=entry.event.line), entry.event.person)
    if isinstance(entry.event, DeployedByOthers):
        yield from _outside(about, entry.event, step)
    if step.before.state is not step.after.state and step.after.state is not RunState.OPEN:
        yield replace(about, event=step.after.state.value)
    yield from _stages(about, step.before, step.after)
    known = {} if entry.opening is not None else {each.environment: each for each in step.before.every_gate}
    for gate in step.after.every_gate:
        name, of_file = gate.environment, gate is step.after.review
        about_gate = step.after.gate_id(name) if of_file else step.after.release_id(name)
        here = replace(about, environment=name, gate=about_gate)
        yield from _gate(here, known.get(name, Gate(name)), gate, entry.verdicts)
        told = _review if of_file else _shadow
        yield from told(here, entry.verdicts.get(name), shadows)


def _outside(about: AuditEvent, event: DeployedByOthers, step: Retraced) -> Iterator[AuditEvent]:
    """A deployment that came past the gate of the environment it went to."""
    for facts in step.decision.environments if step.decision else ():
        if any(each.id == event.deployment_id for each in facts.outside):
            said = replace(about, event=OUTSIDE, environment=facts.name, sha=event.sha)
            yield _by(replace(said, detail=f"deployment {event.deployment_id}"), event.by)


def _of_run(about: AuditEvent, run: Run) -> AuditEvent:
    blob = run.policy.blob_sha
    return replace(about, repository=run.change.repository.full_name, sha=run.change.head.sha, policy=blob)


def _stages(about: AuditEvent, before: Run, after: Run) -> Iterator[AuditEvent]:
    """Stages that ended, or found something else."""
    for key, stage in after.stages.items():
        was = before.stages[key].outcome if key in before.stages else None
        if stage.outcome is None or stage.outcome == was:
            continue
        said = f"{key}: {stage.outcome.detail or stage.outcome.evidence.summary}".removesuffix(": ")
        yield replace(
            about,
            event="stage_ended",
            environment=stage.environment or "",
            verdict=stage.outcome.verdict.value,
            codes=(stage.outcome.reason.value,),
            detail=said,
        )


def _gate(
    about: AuditEvent, before: Gate, after: Gate, verdicts: Mapping[str, Verdict]
) -> Iterator[AuditEvent]:
    verdict = verdicts.get(after.environment)
    if verdict is not None:
        about = replace(about, verdict=verdict.state.value, codes=verdict.codes)
    for each in after.modifications[len(before.modifications) :]:
        yield _by(replace(about, event="plan_changed", detail=_changed(each)), each.by)
    if after.override is not None and after.override != before.override:
        yield _by(replace(about, event="override", detail=after.override.reason), after.override.by)
    given = {answer.key: answer for answer in before.answers}
    for answer in after.answers:
        was = given.get(answer.key)
        if was is None:
            kind = "approval_kept" if is_kept(answer, after) else answer.kind
            yield _by(replace(about, event=kind, detail=answer.reason), answer.person)
        elif answer.voided != was.voided:
            yield _by(replace(about, event="answer_void", detail=answer.voided), answer.person)
    asked = after.question
    if asked is not None and (before.question is None or before.question.number != asked.number):
        yield replace(about, event="asked", detail=f"question {asked.number}")
    if after.closing is not None and after.closing != before.closing:
        closed = replace(about, event="closed", verdict=after.closing.state.value, detail=after.closing.note)
        yield _by(replace(closed, codes=(after.closing.code.value,)), after.closing.by)
    yield from _release(about, before.release, after.release)


def _review(about: AuditEvent, verdict: Verdict | None, shadows: dict[str, str]) -> Iterator[AuditEvent]:
    """That a looser gate file may pass, or may not any more."""
    if verdict is None:
        return
    may = "policy_allowed" if verdict.state is VerdictState.APPROVED else "policy_held"
    if shadows.get(about.gate, "policy_held") != may:
        yield replace(about, event=may, verdict=verdict.state.value, codes=verdict.codes)
    shadows[about.gate] = may


def _changed(change: Modification) -> str:
    """What somebody made of a plan, in the words of a plan block."""
    said = [f"{name}={value}" for name, value in change.values.items()]
    if change.rollback is not None:
        said.append(f"rollback: {change.rollback or 'none'}")
    if change.notes is not None:
        said.append(f"notes: {change.notes}")
    return " ".join(said)


def _shadow(about: AuditEvent, verdict: Verdict | None, shadows: dict[str, str]) -> Iterator[AuditEvent]:
    """What would have happened to a gate in shadow, each time that it becomes something else."""
    if verdict is None or not verdict.in_shadow:
        return
    beneath = verdict.beneath
    would = "ask" if beneath.asks else "release" if beneath.state is VerdictState.APPROVED else "hold"
    if shadows.get(about.gate) != would:
        shadows[about.gate] = would
        event = f"would_{would}"
        yield replace(about, event=event, verdict=beneath.state.value, codes=beneath.codes)


def _release(about: AuditEvent, before: Release | None, after: Release | None) -> Iterator[AuditEvent]:
    if after is None:
        if before is not None and before.in_flight:
            yield replace(about, event="release_returned")
        return
    again = before is not None and before.begun_at == after.begun_at
    if not again:
        by = ", ".join(f"{person.login} ({person.id})" for person in after.approved_by)
        own = "; self_approved" if after.exceptions else ""
        begun = f"approved by {by}{own}" if by else after.unasked
        if after.override is not None:
            begun = f"overridden by {after.override.by.login} ({after.override.by.id})"
        yield replace(about, event="release_begun", detail=begun)
        for person in after.exceptions:
            said = "this approval counts only because `self_approval: true` allows it"
            yield _by(replace(about, event="self_approval", detail=said), person)
    if after.deployment_id is not None and (not again or before is None or before.deployment_id is None):
        yield replace(about, event="deployment_recorded", detail=str(after.deployment_id))
    if not after.in_flight and (not again or before is None or before.in_flight):
        healthy = after.status is ReleaseStatus.HEALTHY
        codes = (after.failure.value,) if after.failure else ()
        yield replace(about, event="release_healthy" if healthy else "release_failed", codes=codes)


def _by(event: AuditEvent, person: Person | None) -> AuditEvent:
    return event if person is None else replace(event, person_id=person.id, person=person.login)
