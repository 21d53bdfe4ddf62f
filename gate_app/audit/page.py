"""One page about one deployment: what shipped, who was asked, who answered what and why, on which evidence.

Rules of the file: Markdown, made of the journal alone; what people, reports and repositories wrote is boxed; the page
ends with where it stands in the chain and whether the chain is whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from gate_app.audit.chronicle import AuditEvent, DatedEntry, Digest, Journal, events_of, steps
from gate_app.domain.approver_words import wanted
from gate_app.domain.brief import counts, ships
from gate_app.domain.conditions import Conditions
from gate_app.domain.escalation import in_force
from gate_app.domain.evidence import digest as evidence_digest_of
from gate_app.domain.inert import code
from gate_app.domain.plan import plan_for
from gate_app.domain.policy import Environment, Policy
from gate_app.domain.run import Run
from gate_app.domain.sentences import phrase
from gate_app.domain.verdict import Verdict
from gate_app.domain.wording import tree

_PEOPLE: Final = ("comment", "approval", "denial", "answer_void", "override", "plan_changed")


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verification of the whole journal said: the head of the chain, and whether it is whole."""

    number: int
    hash: str
    whole: bool
    compared: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Markdown, and whether the journal that it is made of is whole."""

    text: str
    whole: bool


@dataclass(slots=True)
class _Found:
    """What the journal says of one gate, gathered while it is read."""

    run: Run | None = None
    environment: str = ""
    decided: tuple[Run, Verdict, Conditions] | None = None
    events: list[AuditEvent] = field(default_factory=list)


def page(journal: Journal, digest: Digest, gate: str, verified: Verified) -> Page | None:
    """The page about the gate of that id (`71#3:1:production`), None where the journal has none."""
    found = _Found()
    run_id, shadows = gate.rpartition(":")[0], dict[str, str]()
    of_run = ((place, entry) for place, entry in journal if place.run_id == run_id)
    for place, entry, step in steps(of_run):
        found.events += [
            event for event in events_of(place, entry, step, digest, shadows) if event.gate in ("", gate)
        ]
        if entry is not None and step.after is not None:
            _keep(found, gate, entry, step.after)
    if found.run is None:
        return None
    text = "\n\n".join(part for part in _parts(found, found.run, gate, verified) if part)
    return Page(f"{text}\n", verified.whole)


def _keep(found: _Found, gate: str, entry: DatedEntry, after: Run) -> None:
    """The run as this entry left it, and the last judgement before a release began."""
    name = next((name for name in after.gates if after.release_id(name) == gate), None)
    if name is None:
        return
    undecided = found.run is None or found.run.gates[name].release is None
    found.run, found.environment = after, name
    if undecided and name in entry.verdicts:
        found.decided = (after, entry.verdicts[name], entry.conditions)


def _parts(found: _Found, run: Run, gate: str, verified: Verified) -> Iterator[str]:
    state = run.gates[found.environment]
    environment = run.policy.environment(found.environment) if isinstance(run.policy, Policy) else None
    yield f"# Deployment of {code(run.change.head.sha[:12])} to {code(found.environment)}"
    yield "\n".join(_summary(run, gate, found))
    yield f"## What shipped\n\n{ships(run, found.environment) or 'What would ship was never known.'}"
    if found.decided is not None and environment is not None:
        at, verdict, conditions = found.decided
        yield "\n".join(("## Who was asked", "", *_asked(at, environment, conditions, found.events)))
        yield "\n".join(("## Who answered", "", *_answers(at, verdict, found.environment)))
        yield "\n".join(("## Evidence", "", *_evidence(at, environment)))
        yield f"## The judgement\n\n{verdict.state.value}:\n\n{tree(verdict.reasons)}"
    else:
        yield "It was not judged under a gate file that could be read."
    if state.release is not None and state.release.parameters:
        rows = [f"- {code(name)}: {code(value)}" for name, value in state.release.parameters.items()]
        yield "\n".join(("## Parameters", "", *rows))
    yield "\n".join(("## What happened", "", *(_line(event) for event in found.events)))
    yield "\n".join(("## The record", "", *_record(found.events, verified)))


def _summary(run: Run, gate: str, found: _Found) -> Iterator[str]:
    change, state = run.change, run.gates[found.environment]
    release = state.release
    ended = release.ended_at if release else None
    closing = state.closing
    outcome = release.status.value if release else closing.state.value if closing else "under decision"
    rows = (
        ("Gate", code(gate)),
        ("Repository", code(change.repository.full_name)),
        ("Change", f"{code(change.title, 150)} by {code(change.author.login)} ({change.author.id})"),
        ("Pull request", f"#{change.conversation}" if change.conversation else "none"),
        ("Commit", code(change.head.sha)),
        ("Gate file", code(run.policy.blob_sha or "none that could be read")),
        ("Outcome", outcome),
        ("Released", f"{_moment(release.begun_at)}" if release else "no"),
        ("Ended", _moment(ended) if ended else "not yet" if release else "never began"),
        ("Deployment at GitHub", str(release.deployment_id or "none") if release else "none"),
    )
    yield "| | |"
    yield "|---|---|"
    yield from (f"| {name} | {value} |" for name, value in rows)


def _asked(
    run: Run, environment: Environment, conditions: Conditions, events: Sequence[AuditEvent]
) -> Iterator[str]:
    asked = [event for event in events if event.event == "asked" and event.at is not None]
    if not asked:
        yield "Nobody was asked."
        return
    yield f"{wanted(in_force(run, run.gates[environment.name], environment, conditions))}:"
    yield ""
    yield from (f"- {_moment(event.at)}: {event.detail}" for event in asked if event.at is not None)


def _answers(run: Run, verdict: Verdict, environment: str) -> Iterator[str]:
    given = run.gates[environment].answers
    if not given:
        yield "Nobody."
        return
    yield "| when | who | what | why | counted |"
    yield "|---|---|---|---|---|"
    for answer in given:
        judged = verdict.judged(answer.key)
        counted = "not judged" if judged is None else "yes" if judged.counts else phrase(judged.code)
        who = f"{code(answer.person.login)} ({answer.person.id})"
        why = code(answer.reason, 300) if answer.reason else ""
        yield f"| {_moment(answer.at)} | {who} | {answer.kind} | {why} | {counted} |"


def _evidence(run: Run, environment: Environment) -> Iterator[str]:
    for name in environment.needs:
        stage = run.stages.get(name)
        outcome = stage.outcome if stage is not None else None
        if outcome is None:
            yield f"- {code(name)}: none"
            continue
        mark = evidence_digest_of(outcome.evidence)
        said = f": {code(outcome.detail, 300)}" if outcome.detail else ""
        yield (
            f"- {code(name)}: {outcome.verdict.value} ({outcome.reason.value}), {counts(outcome.evidence)}{said}; "
            f"digest {code(mark)}"
        )
    plan = plan_for(run, environment)
    yield f"- plan: version {plan.version}, digest {code(plan.digest)}"
    values = " ".join(f"{name}={value}" for name, value in plan.parameters.items())
    told = (("parameters", values), ("way back", plan.rollback), ("notes", plan.notes))
    yield from (f"- plan, {what}: {code(said, 1_200)}" for what, said in told if said)


def _line(event: AuditEvent) -> str:
    when = _moment(event.at) if event.at else "at an unknown time"
    who = f" by {code(event.person)} ({event.person_id})" if event.person_id else ""
    what = f": {code(event.detail, 300)}" if event.detail else ""
    codes = f" [{', '.join(event.codes)}]" if event.codes and event.event not in _PEOPLE else ""
    return f"- {when}, entry {event.entry}: {event.event}{who}{what}{codes}"


def _record(events: Sequence[AuditEvent], verified: Verified) -> Iterator[str]:
    first, last = events[0], events[-1]
    where = f"entries {first.entry} to {last.entry} of the chain of repository {last.repository_id}"
    yield f"- It is in {where}; the last of them has the hash {code(last.hash)}."
    yield f"- The chain has {verified.number} entries; its head is {code(verified.hash)}."
    if not verified.whole:
        yield "- **The journal is not whole**: `gate-app audit verify` says what was changed."
    elif verified.compared:
        yield "- The journal is whole, and continues the heads that were remembered elsewhere."
    else:
        yield "- The journal is whole in itself; with `--heads` it would be compared with heads remembered elsewhere."


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
