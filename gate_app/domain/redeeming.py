"""The job that deploys: whether it may have the grant, and what jobs are told that ask.

Rules of the file: each thing that a token says is compared with the gate by itself, and one that differs is enough
for a no (case 129). A job redeems in the decision in which it asks, by rules that are judged afresh then, or not at
all. It gets the grant only once GitHub has the deployment record. Answers are level-triggered: what a job is told is
what is so now.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from gate_app.domain.draft import Draft
from gate_app.domain.grants import REDEEMING_EVENTS, Ask, Job, Told, fingerprint_of, told_as
from gate_app.domain.policy import GrantRoute, Policy, WorkflowRoute
from gate_app.domain.run import Gate, Release, ReleaseStatus, Run, StageRun, StageStatus
from gate_app.domain.sentences import sentence
from gate_app.domain.verdict import Reason, ReasonCode, Verdict, VerdictState, met, refused, unmet

FIRST_ATTEMPT: Final = 1
"""A workflow run that we dispatched is ours in its first attempt alone: somebody else runs it again (case 105)."""


GOOD_FOR: Final = timedelta(minutes=10)
"""How old a redemption may be when it is judged: after an outage its job is gone, or asks again."""


def grant_reason(run: Run, gate: Gate, route: GrantRoute, now: datetime) -> Reason:
    """Whether a job that may have it redeems the grant in this decision; one that may not changes nothing."""
    job = gate.redeeming
    if job is not None and now - gate.asks[-1].at > GOOD_FOR:
        return unmet(ReasonCode.GRANT_AWAITED)
    if job is None or unfit_for(job, run, gate.environment, route) is not None:
        return unmet(ReasonCode.GRANT_AWAITED)
    return met(ReasonCode.GRANT_REDEEMED, run=str(job.run_id))


def unfit_for(job: Job, run: Run, environment: str, route: object = None) -> Reason | None:
    """Why a job cannot redeem anything of this run, whatever was approved; None where nothing speaks against it."""
    change = run.change
    if (job.repository_id, job.repository) != (change.repository.id, change.repository.full_name):
        return refused(ReasonCode.JOB_FOREIGN)
    if change.repository.owner_id not in (0, job.owner_id):  # transferred, or made again under the same name
        return refused(ReasonCode.JOB_FOREIGN)
    if job.event not in REDEEMING_EVENTS:
        return refused(ReasonCode.JOB_EVENT, event=job.event)
    if not job.is_on(change.default_branch):
        return refused(ReasonCode.JOB_REF)
    if job.environment not in ("", environment):
        return refused(ReasonCode.JOB_ENVIRONMENT, environment=job.environment)
    if job.event == "push" and job.sha != change.head.sha:
        return refused(ReasonCode.JOB_COMMIT)
    named = route.workflow if isinstance(route, GrantRoute | WorkflowRoute) else ""
    if named and {job.workflow, job.called_from} != {named}:
        return refused(ReasonCode.JOB_WORKFLOW, workflow=named)
    return None


def settle_jobs(draft: Draft) -> None:
    """Ends what is only for this decision, and tells every job what is new to it."""
    for name in tuple(draft.run.gates):
        _redeem_dispatched(draft, name)
        gate = draft.run.gates[name]
        asks = tuple(_told(draft, gate, ask) for ask in gate.asks)
        if (asks, None) != (gate.asks, gate.redeeming):
            draft.put_gate(replace(gate, asks=asks, redeeming=None))


def _told(draft: Draft, gate: Gate, ask: Ask) -> Ask:
    answer = answer_to(draft.run, gate, ask, draft.verdicts[gate.environment]).answer(ask.ticket)
    if ask.told == fingerprint_of(answer):
        return ask
    draft.answers.append(answer)
    return told_as(ask, answer)


# --- a workflow that we dispatched -------------------------------------------------------------------------


def _redeem_dispatched(draft: Draft, name: str) -> None:
    """The first job of the very run that we started takes the grant; it was approved before it was dispatched."""
    gate = draft.run.gates[name]
    release = gate.release
    if release is None or release.redeemed is not None or not _is_dispatched(draft.run, name):
        return
    for ask in gate.asks:
        if ask.want == "redeem" and _keeps_out(draft.run, name, ask.job) is None:
            draft.put_gate(replace(gate, release=replace(release, redeemed=ask.job)))
            return


def _is_dispatched(run: Run, environment: str) -> bool:
    return isinstance(_route(run, environment), WorkflowRoute)


def _route(run: Run, environment: str) -> object:
    found = run.policy.environment(environment) if isinstance(run.policy, Policy) else None
    return found.deploy if found else None


def _deploying(run: Run, environment: str) -> StageRun | None:
    return run.stages.get(f"deploy@{environment}")


def _keeps_out(run: Run, environment: str, job: Job) -> Reason | None:
    """Why a job does not get the grant of a release that a workflow of ours carries out."""
    unfit = unfit_for(job, run, environment, _route(run, environment))
    if unfit is not None:
        return unfit
    stage = _deploying(run, environment)
    if stage is None or (stage.followed is None and stage.status is StageStatus.RUNNING):
        return unmet(ReasonCode.GRANT_PREPARED)
    ours = (stage.followed.id if stage.followed else 0, FIRST_ATTEMPT)
    if stage.status is not StageStatus.RUNNING or (job.run_id, job.attempt) != ours:
        return refused(ReasonCode.JOB_NOT_DISPATCHED)
    return None


# --- what a job is told --------------------------------------------------------------------------------------


def answer_to(run: Run, gate: Gate, ask: Ask, verdict: Verdict) -> Told:
    """What is so now, for one job that asked."""
    if ask.want == "withdraw":
        return _said(run, gate, "withdrawn", met(ReasonCode.REQUEST_WITHDRAWN), final=True)
    if ask.want == "report":
        heard = reports_on(run, gate, ask.job) is not None
        reason = met(ReasonCode.REPORT_HEARD) if heard else refused(ReasonCode.REPORT_NOT_EXPECTED)
        return _said(run, gate, "noted" if heard else "denied", reason, final=True)
    unfit = unfit_for(ask.job, run, gate.environment, _route(run, gate.environment))
    if ask.want == "redeem" and unfit is not None:
        return _said(run, gate, "denied", unfit, final=True)
    if gate.release is not None:
        return _of_release(run, gate, gate.release, ask)
    return _of_verdict(run, gate, ask, verdict)


def _of_verdict(run: Run, gate: Gate, ask: Ask, verdict: Verdict) -> Told:
    """A gate that nothing was released from: waiting, approved but for the job, or closed."""
    if ask.want == "request" and verdict.awaits_job:
        return _said(run, gate, "approved", met(ReasonCode.GRANT_AWAITED), final=True)
    if verdict.state is not VerdictState.WAITING:
        return _said(run, gate, verdict.state.value, verdict.reasons[0], final=True)
    held = (reason for reason in verdict.holding if reason.code is not ReasonCode.GRANT_AWAITED)
    leaves = [reason for reason in held if not reason.children]
    return _said(run, gate, "waiting", (leaves or [unmet(ReasonCode.GRANT_AWAITED)])[0], final=False)


def _of_release(run: Run, gate: Gate, release: Release, ask: Ask) -> Told:
    route = _route(run, gate.environment)
    if ask.want == "request":
        return _said(run, gate, "approved", met(ReasonCode.RELEASED), final=True)
    if not isinstance(route, GrantRoute | WorkflowRoute):
        kind = getattr(route, "kind", "nothing")
        return _said(run, gate, "denied", refused(ReasonCode.GRANT_NOT_BY_JOB, route=kind), final=True)
    if release.redeemed is not None and release.redeemed != ask.job:
        used = refused(ReasonCode.GRANT_USED, run=str(release.redeemed.run_id))
        return _said(run, gate, "denied", used, final=True)
    if release.redeemed is None:
        why = _keeps_out(run, gate.environment, ask.job) or refused(ReasonCode.JOB_NOT_DISPATCHED)
        waits = why.code is ReasonCode.GRANT_PREPARED
        return _said(run, gate, "waiting" if waits else "denied", why, final=not waits)
    # Also for who has the grant: it is over, others may deploy by now.
    if release.status is ReleaseStatus.FAILED:
        ended = refused(release.failure or ReasonCode.DEPLOYMENT_FAILED)
        return _said(run, gate, "denied", ended, final=True)
    if _deploying(run, gate.environment) is not None:
        return _granted(run, gate, release)
    return _said(run, gate, "waiting", unmet(ReasonCode.GRANT_PREPARED), final=False)


def _granted(run: Run, gate: Gate, release: Release) -> Told:
    """The grant: what was approved, and nothing that the job said."""
    told = _said(run, gate, "approved", met(ReasonCode.GRANT_GIVEN), final=True)
    what = {
        "grant_id": f"{run.release_id(gate.environment)}/{gate.occasions}",
        "sha": release.content.sha,
        "parameters": dict(release.parameters),
    }
    return replace(told, grant=what)


def _said(run: Run, gate: Gate, decision: str, reason: Reason, final: bool) -> Told:
    approved_by = gate.release.approved_by if gate.release else ()
    return Told(
        decision,
        reason.code.value,
        sentence(reason).replace("`", ""),
        gate.environment,
        run.release_id(gate.environment),
        final,
        approved_by=tuple(person.login for person in approved_by),
        sha=run.change.head.sha,
    )


def reports_on(run: Run, gate: Gate, job: Job) -> StageRun | None:
    """The deployment whose end a job may tell: the one that its own attempt of its own run has the grant for."""
    release = gate.release
    if release is None or release.redeemed is None or release.redeemed.run != job.run:
        return None
    return _deploying(run, gate.environment)
