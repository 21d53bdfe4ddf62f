"""Approvals that outlive a push: a rebase, a squash or another message, where the gate file says so (case 27).

Rules of the file: only from one head of a pull request to the next, once, and only where the tree is the same to the
byte, so what would be deployed is what was approved; plan, gate file and code owners are the same, the evidence of the
new head is equal or better, and nothing but that one push has happened to the pull request since (cases 23, 25, 34).
Who may approve is judged anew, by the contributors of the new head: whoever rebased is one; whom rules asked before is
asked still. Never for a change of the gate file. What cannot be told keeps nothing, and people are asked.
"""

from __future__ import annotations

from dataclasses import replace

from gate_app.domain.conditions import Conditions
from gate_app.domain.evidence import StageVerdict
from gate_app.domain.kept import Kept, Measured, as_good
from gate_app.domain.model import Origin, Purpose, Unknown
from gate_app.domain.plan import binding_for, plan_for
from gate_app.domain.policy import Environment, Policy
from gate_app.domain.run import Answer, Gate, Run, RunState, pressed_since
from gate_app.domain.verdict import Judged, Reason, ReasonCode, met

PUSHED_OVER = "head_ref_force_pushed"
"""What GitHub calls a push with force, the one thing that may have happened to the pull request since."""


def keep(before: Run, run: Run) -> Run:
    """A new run with the approvals of the one before it that may count on; whether they do is judged every time."""
    if not _same_content(before, run):
        return run
    for gate in before.gates.values():
        environment = run.policy.environment(gate.environment) if isinstance(run.policy, Policy) else None
        if environment is None or not environment.approval.keeps or gate.environment not in run.gates:
            continue
        answers = _standing(before, gate, environment)
        if answers:
            kept = _kept(before, gate, environment, answers)
            fresh = replace(run.gates[gate.environment], answers=answers, kept=kept)
            run = run.with_gate(
                replace(fresh, escalated=gate.escalated, escalated_lines=gate.escalated_lines)
            )
    return run


def is_kept(answer: Answer, gate: Gate) -> bool:
    """Whether an answer of this gate was given to the head before."""
    return gate.kept is not None and answer.binding.head_sha == gate.kept.head.sha


def still_holds(answer: Answer, run: Run, gate: Gate, conditions: Conditions) -> bool:
    """Whether an approval of the head before still says yes to what is asked about now."""
    environment = run.policy.environment(gate.environment) if isinstance(run.policy, Policy) else None
    kept, head = gate.kept, conditions.head
    if kept is None or environment is None or isinstance(head, Unknown):
        return False
    given, now = answer.binding, binding_for(run, environment)
    plan = replace(plan_for(run, environment), head_sha=kept.head.sha)
    alike = (given.policy_blob, given.plan_digest, given.owners, given.job, 0) == (
        now.policy_blob,
        plan.digest,
        now.owners,
        now.job,
        now.disturbed,
    )
    told = run.proposal is not None and not run.proposal.touches
    quiet = head.since_kept in ((), (PUSHED_OVER,)) and conditions.now <= kept.until
    return alike and told and quiet and _evidence_holds(run, environment, kept)


def kept_reasons(gate: Gate, answers: tuple[Judged, ...]) -> tuple[Reason, ...]:
    """That approvals of an earlier head count, where some do."""
    counting = {each.answer for each in answers if each.counts}
    kept = [each for each in gate.answers if is_kept(each, gate) and each.key in counting]
    if gate.kept is None or not kept:
        return ()
    by = ", ".join(each.person.login for each in kept)
    return (met(ReasonCode.APPROVAL_KEPT, sha=gate.kept.head.sha, by=by),)


def _same_content(before: Run, run: Run) -> bool:
    """Two heads of one pull request, one after the other, with one tree, under one gate file."""
    then, now = before.change, run.change
    releases = before.purpose is run.purpose is Purpose.RELEASE and before.state is RunState.OPEN
    proposed = then.origin is now.origin is Origin.PULL_REQUEST and then.subject == now.subject
    if not isinstance(before.policy, Policy) or not isinstance(run.policy, Policy):
        return False
    pinned = before.policy.blob_sha == run.policy.blob_sha
    based = then.base_ref == now.base_ref and then.trusts(now.default_branch)
    tree = bool(then.head.tree) and then.head.tree == now.head.tree and then.head.sha != now.head.sha
    return releases and proposed and pinned and based and tree


def _standing(before: Run, gate: Gate, environment: Environment) -> tuple[Answer, ...]:
    """The approvals of an undecided gate that answer what it asked last; none where anybody said no or asked for it."""
    asked = gate.question
    decided = gate.closing is not None or gate.release is not None or gate.override is not None
    if asked is None or decided or gate.denials or gate.requesters or gate.modifications:
        return ()
    now = binding_for(before, environment)
    return tuple(
        each
        for each in gate.answers
        if each.kind == "approval" and not each.voided
        if each.binding == now and each.question == asked.number
        if each.comment_id is None or (asked.comment_id is not None and each.comment_id > asked.comment_id)
    )


def _kept(before: Run, gate: Gate, environment: Environment, answers: tuple[Answer, ...]) -> Kept:
    since = min(pressed_since(gate, each.at) if each.button else each.at for each in answers)
    until = before.expires_at(gate, environment.approval.expires_after) or since
    outcomes = {name: before.stages[name].outcome for name in environment.needs if name in before.stages}
    measured = {name: Measured.of(found.evidence) for name, found in outcomes.items() if found is not None}
    return Kept(before.change.head, since, until, measured)


def _evidence_holds(run: Run, environment: Environment, kept: Kept) -> bool:
    """Every stage that the gate needs has passed again, and is as good as it was."""
    for name in environment.needs:
        outcome = run.stages[name].outcome if name in run.stages else None
        before = kept.measured.get(name)
        if outcome is None or before is None or outcome.verdict is not StageVerdict.PASSED:
            return False
        if not as_good(Measured.of(outcome.evidence), before):
            return False
    return True
