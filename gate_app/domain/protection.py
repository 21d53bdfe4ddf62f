"""GitHub's own gate: the route `protection_rule`, on which GitHub holds the job until we answer.

Rules of the file: an answer is for one attempt of one workflow run at one commit, and people are asked once that one
waits; a re-run is another occasion and inherits nothing (case 105). Every doubt keeps the job waiting. What a newer
commit made superfluous is cancelled and not rejected. Each attempt is answered once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from gate_app.domain.conditions import Conditions
from gate_app.domain.draft import Draft
from gate_app.domain.effects import AnswerJob, HeldAnswer
from gate_app.domain.events import Event, JobHeld
from gate_app.domain.held import KEPT_ANSWERED, KEPT_HELD, HeldJob, HeldRun
from gate_app.domain.inert import plain
from gate_app.domain.model import Origin, Purpose, Unknown
from gate_app.domain.occasions import anew
from gate_app.domain.policy import Policy, ProtectionRuleRoute
from gate_app.domain.run import Gate, ReleaseStatus, Run, RunState
from gate_app.domain.sentences import sentence
from gate_app.domain.verdict import (
    Reason,
    ReasonCode,
    Verdict,
    VerdictState,
    met,
    refused,
    unknown,
    unmet,
)

FROM_BRANCH: Final = frozenset({"push", "workflow_dispatch", "schedule", "repository_dispatch"})
"""What may have started the workflow of a job that is let through: nothing that strangers cause."""
FROM_PULL_REQUEST: Final = frozenset({"push", "pull_request", "workflow_dispatch"})
"""The same where the head of a pull request is deployed, which is what people look at then."""
LONGEST_HELD: Final = timedelta(days=30)
"""After this GitHub fails a job that waits (docs: "Reviewing deployments")."""
SOONEST_LOOK: Final = timedelta(minutes=1)
LATEST_LOOK: Final = timedelta(minutes=15)


def heard_of(run: Run, run_id: int) -> Run:
    """The run after it was heard that this workflow run may wait for its gates."""
    for name in held_gates(run):
        gate = run.gates[name]
        if run_id not in gate.held:
            run = run.with_gate(replace(gate, held=_kept(gate, run_id)))
    return run


def _kept(gate: Gate, run_id: int) -> tuple[int, ...]:
    """What is remembered with one more; the run that is decided on is not pushed out by others."""
    decided = gate.job.run_id if gate.job is not None else 0
    others = [each for each in (*gate.held, run_id) if each != decided]
    room = KEPT_HELD - (decided in gate.held)
    return tuple(each for each in (*gate.held, run_id) if each == decided or each in others[-room:])


def held_gates(run: Run) -> tuple[str, ...]:
    """The environments of this run that GitHub itself holds; a way back has no job that could wait."""
    if not isinstance(run.policy, Policy) or run.purpose is Purpose.ROLLBACK:
        return ()
    ours = [each.name for each in run.policy.environments if isinstance(each.deploy, ProtectionRuleRoute)]
    return tuple(name for name in ours if name in run.gates)


def held_to_read(run: Run, event: Event) -> tuple[int, ...]:
    """The workflow runs that the decision on `event` turns on, once each."""
    if run.state is not RunState.OPEN:
        return ()
    open_gates = [run.gates[name] for name in held_gates(run) if not _under_way(run.gates[name])]
    heard = [each for gate in open_gates for each in gate.held]
    new = [event.run_id] if isinstance(event, JobHeld) and open_gates else []
    return tuple(dict.fromkeys((*heard, *new)))


def _under_way(gate: Gate) -> bool:
    return gate.release is not None and gate.release.in_flight


# --- which job is decided on -------------------------------------------------------------------------------


def with_held(run: Run, conditions: Conditions) -> Run:
    """The run with the job that each of its gates decides on; a gate that was over asks anew for another attempt."""
    if run.state is not RunState.OPEN:
        return run
    for name in held_gates(run):
        gate = run.gates[name]
        if not _under_way(gate):
            run = run.with_gate(_with_job(run, _still_heard(gate, conditions), conditions))
    return run


def _still_heard(gate: Gate, conditions: Conditions) -> Gate:
    """Forgets workflow runs that wait for nothing here any more, or have their answer."""
    kept = [
        run_id
        for run_id in gate.held
        if not isinstance(seen := conditions.held.get(run_id), HeldRun)
        or (gate.environment in seen.environments and seen.job.key not in gate.answered)
    ]
    return replace(gate, held=tuple(kept))


def _with_job(run: Run, gate: Gate, conditions: Conditions) -> Gate:
    over = gate.release is not None or gate.closing is not None
    waiting = [
        seen.job
        for run_id in gate.held
        if isinstance(seen := conditions.held.get(run_id), HeldRun) and misfit(seen, run) is None
    ]
    if over:
        others = [job for job in waiting if job != gate.job]  # its own answer is still to be given
        return replace(anew(gate), job=others[0]) if others else gate
    if gate.job in waiting or (gate.job is not None and _unread(gate.job, gate.held, conditions)):
        return gate
    kept = gate.override if gate.job is None else None  # what was overridden was another attempt
    return replace(gate, job=waiting[0] if waiting else None, override=kept)


def _unread(job: HeldJob, heard: Collection[int], conditions: Conditions) -> bool:
    """What could not be read may still wait."""
    return job.run_id in heard and not isinstance(conditions.held.get(job.run_id), HeldRun)


def misfit(seen: HeldRun, run: Run) -> Reason | None:
    """Why no gate of this run is for that workflow run; None where nothing speaks against it."""
    change = run.change
    pulled = change.origin is Origin.PULL_REQUEST
    if not seen.own:
        return refused(ReasonCode.JOB_OF_FORK)
    if seen.event not in (FROM_PULL_REQUEST if pulled else FROM_BRANCH):
        return refused(ReasonCode.JOB_STARTED_BY, event=seen.event)
    if seen.sha != change.head.sha:
        return refused(ReasonCode.JOB_OTHER_COMMIT, sha=seen.sha[:12])
    if seen.branch != (change.head_branch if pulled else change.default_branch):
        return refused(ReasonCode.JOB_OTHER_BRANCH, branch=seen.branch)
    return None


def held_reason(run: Run, gate: Gate, conditions: Conditions) -> Reason:
    """Whether GitHub holds a job that this gate is for, now."""
    if run.purpose is Purpose.ROLLBACK:
        return unknown(ReasonCode.ROUTE_UNAVAILABLE, route=ProtectionRuleRoute().kind)
    seen = [conditions.held.get(run_id) for run_id in gate.held]
    if gate.job is not None:
        if any(isinstance(each, HeldRun) and each.job == gate.job for each in seen):
            return met(ReasonCode.JOB_HELD, run=str(gate.job.run_id), attempt=str(gate.job.attempt))
        return _unreadable(conditions.held.get(gate.job.run_id))
    misfits = [found for each in seen if isinstance(each, HeldRun) and (found := misfit(each, run))]
    if misfits:
        return misfits[0]
    unread = [each for each in seen if isinstance(each, Unknown)]
    return _unreadable(unread[0]) if unread else unmet(ReasonCode.JOB_AWAITED)


def _unreadable(seen: HeldRun | Unknown | None) -> Reason:
    detail = seen.detail if isinstance(seen, Unknown) else ""
    return unknown(ReasonCode.JOB_UNREADABLE, detail=detail)


# --- what GitHub is told -----------------------------------------------------------------------------------


def approval_of(draft: Draft, gate: Gate, stage: str, attempt: int) -> AnswerJob | None:
    """The answer that lets the held jobs go, for the release that has just begun to deploy."""
    release = gate.release
    if release is None or release.held is None:
        return None
    by = ", ".join(plain(person.login, 40) for person in release.approved_by)
    said = f"Approved by {by}." if by else "Approved: the gate file asks nobody."
    return AnswerJob(
        gate.environment,
        release.held.run_id,
        release.held.attempt,
        "approved",
        f"{said} One answer for every job of this workflow run in this environment. "
        f"Gate {draft.run.release_id(gate.environment)}, commit {release.content.sha[:12]}.",
        draft.now,
        stage=stage,
        attempt=attempt,
    )


def with_answered(gate: Gate, job: HeldJob) -> Gate:
    """The gate, which remembers that this attempt has its answer."""
    return replace(gate, answered=(*gate.answered, job.key)[-KEPT_ANSWERED:])


def settle_held(draft: Draft) -> None:
    """Answers jobs whose gate closed, and says once what those wait for that it asks about."""
    for gate in tuple(draft.run.gates.values()):
        job = gate.job
        if job is None or job.key in gate.answered:
            continue
        verdict = draft.verdicts[gate.environment]
        if _ended_badly(gate):
            draft.effects.append(_closed(draft, gate, job, verdict))
            draft.put_gate(with_answered(draft.run.gates[gate.environment], job))
        elif gate.question is not None and gate.question.asked_at == draft.now and gate.release is None:
            draft.effects.append(_asks(draft, gate, job, gate.question.number))


def _ended_badly(gate: Gate) -> bool:
    failed = gate.release is not None and gate.release.status is ReleaseStatus.FAILED
    return failed or (gate.release is None and gate.closing is not None)


_CANCELLED: Final = frozenset({VerdictState.SUPERSEDED, VerdictState.CANCELLED})


def _closed(draft: Draft, gate: Gate, job: HeldJob, verdict: Verdict) -> AnswerJob:
    state = gate.closing.state if gate.closing is not None else verdict.state
    answer: HeldAnswer = "cancelled" if state in _CANCELLED else "rejected"
    said = sentence(verdict.reasons[0])
    comment = f"{said} Gate {draft.run.release_id(gate.environment)}."
    return AnswerJob(gate.environment, job.run_id, job.attempt, answer, comment, draft.now)


def _asks(draft: Draft, gate: Gate, job: HeldJob, number: int) -> AnswerJob:
    """Where the question is, and when GitHub itself would end the waiting."""
    change = draft.run.change
    where = f"on #{change.conversation} or " if change.conversation is not None else ""
    until = (draft.now + LONGEST_HELD).strftime("%Y-%m-%d")
    comment = (
        f"Waiting for a person: answer {where}on the check run of commit {change.head.sha[:12]}. One answer is for "
        f"every job of this workflow run in this environment. GitHub itself fails a job that waited for 30 days: on "
        f"{until}."
    )
    return AnswerJob(gate.environment, job.run_id, job.attempt, "waiting", comment, draft.now, number)


# --- when to look again ------------------------------------------------------------------------------------


def held_looks(run: Run, now: datetime) -> Iterator[datetime]:
    """When to look whether the jobs still wait, should nobody tell: the longer they wait, the more rarely."""
    if run.state is not RunState.OPEN:
        return
    for name in held_gates(run):
        gate = run.gates[name]
        if gate.held and gate.release is None and gate.closing is None:
            since = gate.question.asked_at if gate.question else run.opened_at
            yield now + min(max(now - since, SOONEST_LOOK), LATEST_LOOK)


def held_watched(run: Run) -> tuple[tuple[str, str], ...]:
    """The workflow runs that a webhook may name."""
    gates = [run.gates[name] for name in held_gates(run)] if run.state is RunState.OPEN else []
    return tuple(("workflow_run", str(each)) for gate in gates for each in gate.held)
