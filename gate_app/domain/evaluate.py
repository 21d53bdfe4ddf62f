"""All rules, and rules only: every gate judged afresh over all facts, whatever just happened.

Rules of the file: level-triggered, so order and duplicates of events do not matter; an Unknown never opens;
each ground is a `Reason` with its code, whether it holds or not, so that `/why` and the check run show the
same tree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final, assert_never

from gate_app.domain.approvals import UNKNOWN_CODES, judge_answers
from gate_app.domain.baseline import findings_at_least
from gate_app.domain.conditions import Conditions, EnvironmentFacts
from gate_app.domain.escalation import Escalation, escalate, owned
from gate_app.domain.evidence import Finding, Severity, StageVerdict
from gate_app.domain.exceptional import exception_reasons
from gate_app.domain.halting import halted
from gate_app.domain.ladder import in_hand
from gate_app.domain.learned import current_shipment
from gate_app.domain.locking import lock_reasons
from gate_app.domain.model import Purpose, Unknown
from gate_app.domain.overriding import in_their_place, overridden
from gate_app.domain.plan import binding_for
from gate_app.domain.policy import (
    ApprovalMode,
    ApprovalPolicy,
    CommandRoute,
    Environment,
    GrantRoute,
    Policy,
    PolicyProblem,
    ProtectionRuleRoute,
    WorkflowRoute,
)
from gate_app.domain.protection import held_reason
from gate_app.domain.quorum import judge_lines
from gate_app.domain.redeeming import grant_reason
from gate_app.domain.rollback import by_rule, rollback_approval
from gate_app.domain.run import Gate, Release, ReleaseStatus, Run, RunState, StageRun, StageStatus
from gate_app.domain.verdict import (
    Judged,
    Reason,
    ReasonCode,
    Verdict,
    VerdictState,
    all_of,
    met,
    refused,
    unknown,
    unmet,
)
from gate_app.domain.waiving import waived


def evaluate(run: Run, conditions: Conditions) -> Mapping[str, Verdict]:
    """The verdict of every gate of the run, by environment."""
    return {name: judge(run, gate, conditions) for name, gate in run.gates.items()}


def judge(run: Run, gate: Gate, conditions: Conditions) -> Verdict:
    """The verdict of one gate: decisions already taken first, then the rules."""
    if gate.release is not None:
        halt = halted(run, gate, conditions)
        if halt is not None:
            return halt
        deploying = run.stages.get(f"deploy@{gate.environment}")
        return Verdict(gate.environment, VerdictState.APPROVED, (_release_reason(gate.release, deploying),))
    if gate.closing is not None:
        by = gate.closing.by.login if gate.closing.by else ""
        reason = refused(gate.closing.code, by=by, note=gate.closing.note)
        return Verdict(gate.environment, gate.closing.state, (reason,))
    if run.state is not RunState.OPEN:
        return Verdict(gate.environment, VerdictState.SUPERSEDED, (_run_ended(run),))
    if not isinstance(run.policy, Policy):
        return Verdict(gate.environment, VerdictState.WAITING, (policy_reason(run, conditions),))
    environment = run.policy.environment(gate.environment)
    if environment is None:
        return Verdict(gate.environment, VerdictState.SUPERSEDED, (refused(ReasonCode.ENVIRONMENT_REMOVED),))
    return _judge_open(run, gate, in_hand(gate, environment), conditions)


def _judge_open(run: Run, gate: Gate, environment: Environment, conditions: Conditions) -> Verdict:
    if run.purpose is Purpose.ROLLBACK:
        return _judge_rollback(run, gate, environment, conditions)
    paths = _paths_reasons(run, environment, conditions)
    if any(reason.code is ReasonCode.PATHS_UNTOUCHED for reason in paths):
        return Verdict(gate.environment, VerdictState.SKIPPED, paths)
    escalation = escalate(run, gate, environment, conditions)
    approval = owned(escalation.approval if escalation else environment.approval, gate, conditions)
    answers = judge_answers(run, gate, approval, binding_for(run, environment), conditions)
    grounds = (
        policy_reason(run, conditions),
        *head_reasons(run, conditions),
        *paths,
        _needs_reason(run, environment, conditions),
        *_after_reasons(run, environment, conditions),
        *_freeze_reasons(environment, conditions),
        *lock_reasons(run, environment.name, conditions),
        *_held_reasons(run),
        _free_reason(run, environment, conditions),
        _way_out(run, gate, environment, conditions),
        *_returned_reasons(gate, conditions),
        *pending_denials(gate, answers),
        *_approval_reasons(run, gate, answers, approval, escalation, conditions),
        *exception_reasons(run, gate, answers, approval, conditions),
    )
    verdict = _weighed(run, gate, environment, answers, grounds, conditions)
    override = overridden(run, gate, environment, conditions)
    if override is None or verdict.state is not VerdictState.WAITING:
        return verdict
    return _weighed(run, gate, environment, answers, in_their_place(override, grounds), conditions)


def _weighed(
    run: Run,
    gate: Gate,
    environment: Environment,
    answers: tuple[Judged, ...],
    grounds: tuple[Reason, ...],
    conditions: Conditions,
) -> Verdict:
    """Denial first, then expiry; approved only when every ground holds."""
    denial = standing_denial(gate, answers)
    if denial is not None:
        return Verdict(gate.environment, VerdictState.DENIED, (denial, *grounds), answers)
    if _expired(run, gate, environment, conditions.now):
        return Verdict(gate.environment, VerdictState.EXPIRED, (_expiry(environment), *grounds), answers)
    state = VerdictState.APPROVED if all(ground.met for ground in grounds) else VerdictState.WAITING
    return Verdict(gate.environment, state, grounds, answers)


def _release_reason(release: Release, deploying: StageRun | None) -> Reason:
    obstacle = deploying.obstacle if deploying and deploying.status is StageStatus.RUNNING else None
    if release.status is ReleaseStatus.DEPLOYING and obstacle is not None:
        return unknown(ReasonCode.DEPLOYMENT_BLOCKED, code=obstacle.code, detail=obstacle.detail)
    match release.status:
        case ReleaseStatus.HEALTHY:
            return met(ReasonCode.HEALTHY)
        case ReleaseStatus.FAILED:
            return refused(release.failure or ReasonCode.DEPLOYMENT_FAILED)
        case ReleaseStatus.VERIFYING:
            return met(ReasonCode.RELEASED)
        case ReleaseStatus.WATCHING:
            return met(ReasonCode.WATCHING)
        case _:
            return met(ReasonCode.DEPLOYMENT_RUNNING)


def _run_ended(run: Run) -> Reason:
    if run.purpose is Purpose.ROLLBACK:
        return refused(ReasonCode.ROLLBACK_REPLACED)
    if run.ended:
        return refused(ReasonCode(run.ended))
    code = ReasonCode.RUN_SUPERSEDED if run.state is RunState.SUPERSEDED else ReasonCode.CHANGE_CLOSED
    return refused(code)


def _judge_rollback(run: Run, gate: Gate, environment: Environment, conditions: Conditions) -> Verdict:
    """Back to what was healthy there: its stages, its head and its contributors are not in question again.

    A person answers, whatever the policy says of releases, unless it goes back by itself after a breach; where
    anything is in its way then, a person answers too.
    """
    approval = owned(rollback_approval(environment), gate, conditions)
    answers = judge_answers(run, gate, approval, binding_for(run, environment), conditions)
    by = ", ".join(person.login for person in gate.requesters)
    grounds = (
        policy_reason(run, conditions),
        met(ReasonCode.ROLLBACK_TO, sha=run.change.head.sha, detail=run.because, by=by),
        *lock_reasons(run, environment.name, conditions),
        _free_reason(run, environment, conditions),
        _way_out(run, gate, environment, conditions),
        *_returned_reasons(gate, conditions),
        *pending_denials(gate, answers),
    )
    unasked = by_rule(run, gate, environment) and all(ground.met for ground in grounds)
    grounds = (
        *grounds,
        met(ReasonCode.ROLLBACK_BY_RULE)
        if unasked
        else judge_lines(run, gate, answers, approval, conditions),
        *exception_reasons(run, gate, answers, approval, conditions),
    )
    return _weighed(run, gate, environment, answers, grounds, conditions)


def policy_reason(run: Run, conditions: Conditions) -> Reason:
    """The policy that the trusted ref holds now must be the one the run is pinned to (invariant 12)."""
    current = conditions.policy
    match current:
        case Unknown():
            return unknown(ReasonCode.POLICY_UNREADABLE, detail=current.detail)
        case PolicyProblem():
            return unknown(ReasonCode(current.code), detail=current.detail)
        case Policy() if isinstance(run.policy, Policy) and current.blob_sha == run.policy.blob_sha:
            return met(ReasonCode.POLICY_CURRENT, blob=current.blob_sha)
        case _:
            return unknown(ReasonCode.POLICY_UNREADABLE, detail="the pinned policy does not gate this")


def head_reasons(run: Run, conditions: Conditions) -> tuple[Reason, ...]:
    """The head at GitHub, read now, is the one under decision (cases 20, 24, 25, 34, 88)."""
    head = conditions.head
    if isinstance(head, Unknown):
        return (unknown(ReasonCode.HEAD_UNKNOWN, detail=head.detail),)
    if not head.open:
        return (unmet(ReasonCode.CHANGE_CLOSED),)
    if head.sha != run.change.head.sha:
        return (unmet(ReasonCode.HEAD_MOVED, now=head.sha),)
    if head.base_ref != run.change.base_ref:
        return (unmet(ReasonCode.BASE_CHANGED, now=head.base_ref),)
    if not run.change.trusts(head.default_branch):
        return (unmet(ReasonCode.DEFAULT_BRANCH_CHANGED, now=head.default_branch),)
    return (met(ReasonCode.HEAD_UNCHANGED, sha=head.sha),)


def _needs_reason(run: Run, environment: Environment, conditions: Conditions) -> Reason:
    children = tuple(_stage_reason(run, name, environment, conditions) for name in environment.needs)
    return all_of(ReasonCode.NEEDS, children)


def _stage_reason(run: Run, name: str, environment: Environment, conditions: Conditions) -> Reason:
    stage = run.stages.get(name)
    if stage is not None and stage.status is StageStatus.RUNNING and stage.obstacle is not None:
        blocked = {"stage": name, "code": stage.obstacle.code, "detail": stage.obstacle.detail}
        return unknown(ReasonCode.STAGE_UNKNOWN, **blocked)
    if stage is None or stage.status is not StageStatus.ENDED or stage.outcome is None:
        return unmet(ReasonCode.STAGE_RUNNING, stage=name)
    facts = {"stage": name, "code": stage.outcome.reason.value, "detail": stage.outcome.detail}
    match stage.outcome.verdict:
        case StageVerdict.FAILED:
            return refused(ReasonCode.STAGE_FAILED, **facts)
        case StageVerdict.UNKNOWN:
            return unknown(ReasonCode.STAGE_UNKNOWN, **facts)
        case StageVerdict.PASSED:
            found = new_findings(run, name, environment, conditions)
            if found:
                return refused(
                    ReasonCode.NEW_FINDINGS, stage=name, count=str(len(found)), worst=_worst(found).value
                )
            return _passed(run, name, environment, conditions, facts)
        case _:
            assert_never(stage.outcome.verdict)


def _passed(
    run: Run, stage: str, environment: Environment, conditions: Conditions, facts: Mapping[str, str]
) -> Reason:
    """Passed, and whether only because something is waived."""
    here = conditions.environment(environment.name)
    marks = {each.fingerprint for each in _failing(run, stage, environment, conditions)}
    waivers = [each for each in here.waivers if each.holds(conditions.now) and each.fingerprint in marks]
    if not waivers:
        return met(ReasonCode.STAGE_PASSED, **facts)
    said = ", ".join(f"{each.what}, by {each.by.login}: {each.reason}" for each in waivers)
    until = min(each.until for each in waivers).isoformat()
    return met(ReasonCode.FINDINGS_WAIVED, stage=stage, until=until, note=said)


def new_findings(
    run: Run, stage: str, environment: Environment, conditions: Conditions
) -> tuple[Finding, ...]:
    """Findings at or above the stage's threshold that what the environment runs today does not have, nobody waived.

    Without a baseline (nothing of ours runs there) all findings are new.
    """
    not_held = waived(conditions.environment(environment.name), conditions)
    found = _failing(run, stage, environment, conditions)
    return tuple(each for each in found if each.fingerprint not in not_held)


def _failing(run: Run, stage: str, environment: Environment, conditions: Conditions) -> tuple[Finding, ...]:
    threshold = run.policy.stage(stage).new_findings if isinstance(run.policy, Policy) else None
    if threshold is None:
        return ()
    return findings_at_least(threshold, run, stage, conditions.environment(environment.name).baseline)


def _worst(findings: tuple[Finding, ...]) -> Severity:
    return max((finding.severity for finding in findings), key=lambda severity: severity.rank)


def _after_reasons(run: Run, environment: Environment, conditions: Conditions) -> tuple[Reason, ...]:
    """The same content passed in the earlier environment, across merges by its tree, and long enough ago."""
    if environment.after is None:
        return ()
    facts = conditions.environment(environment.after)
    there = [content.sha for content in facts.verified if content.same_as(run.change.head)]
    passed = [sha for sha in there if sha not in facts.overridden]
    if not passed:
        overridden_there = {"overridden": there[0]} if there else {}
        return (unmet(ReasonCode.AFTER_UNMET, after=environment.after, **overridden_there),)
    after = met(ReasonCode.AFTER_MET, after=environment.after)
    if not environment.soak:
        return (after,)
    return (after, _soak_reason(environment, environment.after, facts, passed, conditions.now))


def _soak_reason(
    environment: Environment, after: str, facts: EnvironmentFacts, passed: list[str], now: datetime
) -> Reason:
    """The same content under another SHA is the same content; each stretch in which it ran there counts alone."""
    known = [sha for sha in passed if sha in facts.healthy_since]
    if not known:  # it passed before this was noted down
        return unknown(ReasonCode.SOAK_UNKNOWN, after=after)
    ran = [facts.healthy_until.get(sha, now) - facts.healthy_since[sha] for sha in known]
    if max(ran) >= environment.soak:
        return met(ReasonCode.SOAKED, after=after)
    running = [facts.healthy_since[sha] for sha in known if sha not in facts.healthy_until]
    if not running:
        return unmet(ReasonCode.SOAK_CUT_SHORT, after=after)
    return unmet(ReasonCode.SOAKING, after=after, until=(min(running) + environment.soak).isoformat())


def _freeze_reasons(environment: Environment, conditions: Conditions) -> tuple[Reason, ...]:
    """What has no window is never frozen; what has one is not released unless its calendar was read."""
    if not environment.freeze:
        return ()
    freeze = conditions.freezes.get(environment.name, Unknown("not_read"))
    if isinstance(freeze, Unknown):
        return (unknown(ReasonCode.FREEZE_UNKNOWN, detail=freeze.detail),)
    if freeze is None:
        return (met(ReasonCode.NOT_FROZEN),)
    facts = {"until": freeze.until.isoformat(), "shown": freeze.shown, "detail": freeze.reason}
    return (unmet(ReasonCode.FROZEN, **facts),)


def _paths_reasons(run: Run, environment: Environment, conditions: Conditions) -> tuple[Reason, ...]:
    """A change that touches nothing an environment is made of has nothing to release there."""
    if not environment.paths:
        return ()
    shipment = current_shipment(run, environment, conditions)
    if shipment is None or shipment.paths != environment.paths:
        return (unknown(ReasonCode.PATHS_UNKNOWN),)
    if shipment.touched:
        return (met(ReasonCode.PATHS_TOUCHED),)
    return (refused(ReasonCode.PATHS_UNTOUCHED, paths=", ".join(environment.paths)),)


def _free_reason(run: Run, environment: Environment, conditions: Conditions) -> Reason:
    """One release at a time per environment, over all runs."""
    busy_with = conditions.environment(environment.name).busy_with
    if busy_with in (None, run.gate_id(environment.name), run.follows or None):
        return met(ReasonCode.ENVIRONMENT_FREE)
    return unmet(ReasonCode.ENVIRONMENT_BUSY, gate=busy_with or "")


def _way_out(run: Run, gate: Gate, environment: Environment, conditions: Conditions) -> Reason:
    """In shadow there is none: whatever else holds, nothing is ever released from there."""
    if environment.shadow:
        return unmet(ReasonCode.SHADOW)
    return _route_reason(run, gate, environment, conditions)


def _route_reason(run: Run, gate: Gate, environment: Environment, conditions: Conditions) -> Reason:
    """A gate never asks for what this version, or this repository, could not carry out.

    A workflow is looked at before the question; after the answer, starting it shows soonest what keeps it.
    """
    route, name = environment.deploy, environment.name
    blocked = conditions.routes.get(name)
    if blocked is not None:
        return unknown(ReasonCode.ROUTE_BLOCKED, code=blocked.code, detail=blocked.detail)
    leads_out = _leads_out(run) if isinstance(route, CommandRoute) else ""
    if leads_out:
        return unknown(ReasonCode.ROUTE_BLOCKED, code=LEADS_OUT, detail=leads_out)
    if isinstance(route, WorkflowRoute) and gate.question is None and name not in conditions.routes:
        return unmet(ReasonCode.ROUTE_UNSEEN, route=route.kind)
    if isinstance(route, GrantRoute):
        return grant_reason(run, gate, route, conditions.now)
    if isinstance(route, ProtectionRuleRoute):
        return held_reason(run, gate, conditions)
    return met(ReasonCode.ROUTE_READY, route=route.kind)


LEADS_OUT: Final = "link_leads_out"
"""The code of a commit that a deployment by command could not unpack: a link in it leads out of it."""


def _leads_out(run: Run) -> str:
    """What a stage that had the commit before it found of that; a rollback was unpacked before."""
    if run.purpose is Purpose.ROLLBACK:
        return ""
    found = (stage.outcome.evidence.leads_out for stage in run.stages.values() if stage.outcome)
    return next((link for link in found if link), "")


def _returned_reasons(gate: Gate, conditions: Conditions) -> tuple[Reason, ...]:
    if gate.returned is None or conditions.now >= gate.returned.retry_at:
        return ()
    return (unknown(ReasonCode.RELEASE_RETURNED, detail=gate.returned.detail),)


def _approval_reasons(
    run: Run,
    gate: Gate,
    answers: tuple[Judged, ...],
    approval: ApprovalPolicy,
    escalation: Escalation | None,
    conditions: Conditions,
) -> Iterator[Reason]:
    """Why people are asked, or why not; and where they are, what of their approvals is there."""
    if approval.mode is ApprovalMode.NEVER:
        yield met(ReasonCode.NOBODY_ASKED)
        return
    if escalation is not None:
        yield escalation.reason
    if escalation is None or escalation.asks:
        yield judge_lines(run, gate, answers, approval, conditions)


def standing_denial(gate: Gate, answers: tuple[Judged, ...]) -> Reason | None:
    """A denial that counts dominates whatever else holds (invariant 3)."""
    counting = {answer.answer for answer in answers if answer.counts}
    for answer in gate.answers:
        if answer.kind == "denial" and answer.key in counting:
            return refused(ReasonCode.DENIED, by=answer.person.login, note=answer.reason)
    return None


def _held_reasons(run: Run) -> tuple[Reason, ...]:
    return tuple(unmet(ReasonCode.HELD, by=held.by.login, note=held.text) for held in run.holds)


def pending_denials(gate: Gate, answers: tuple[Judged, ...]) -> tuple[Reason, ...]:
    """A denial that may count once something can be read again holds the gate (invariants 3, 4)."""
    pending = {answer.answer for answer in answers if answer.code in UNKNOWN_CODES}
    given = [answer for answer in gate.answers if answer.kind == "denial" and answer.key in pending]
    return tuple(unknown(ReasonCode.DENIAL_PENDING, by=answer.person.login) for answer in given)


def _expired(run: Run, gate: Gate, environment: Environment, now: datetime) -> bool:
    """The question's time is over: then denied, never approved. The last instant still counts as open."""
    ends = run.expires_at(gate, environment.approval.expires_after)
    return ends is not None and now > ends


def _expiry(environment: Environment) -> Reason:
    hours = environment.approval.expires_after.total_seconds() / 3600
    return refused(ReasonCode.EXPIRED, hours=f"{hours:g}")
