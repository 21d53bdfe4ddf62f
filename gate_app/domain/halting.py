"""A release that is on record at GitHub and has deployed nothing yet: what still stops it.

Rules of the file: the decision that approves begins the release, and a push after it comes too late. Between the record
and the first piece of work lies a second, or, after a crash, hours; a denial or a closing that was heard by then is
heeded, because nothing has to be taken back. Where others deploy as soon as they see the record, nothing can be.
"""

from __future__ import annotations

from dataclasses import replace

from gate_app.domain.approvals import UNKNOWN_CODES, judge_answers
from gate_app.domain.conditions import Conditions
from gate_app.domain.escalation import owned
from gate_app.domain.ladder import in_hand
from gate_app.domain.model import Purpose
from gate_app.domain.plan import binding_for
from gate_app.domain.policy import ApprovalPolicy, DeploymentRoute, Environment, Policy
from gate_app.domain.rollback import rollback_approval
from gate_app.domain.run import Gate, ReleaseStatus, Run, RunState
from gate_app.domain.verdict import ReasonCode, Verdict, VerdictState, refused, unknown


def halted(run: Run, gate: Gate, conditions: Conditions) -> Verdict | None:
    """Why the work of a release must not start, or not yet; None lets it go on."""
    release = gate.release
    if release is None or release.status is not ReleaseStatus.BEGUN or release.deployment_id is None:
        return None
    environment = run.policy.environment(gate.environment) if isinstance(run.policy, Policy) else None
    if environment is None or isinstance(environment.deploy, DeploymentRoute):
        return None
    if run.state is RunState.CLOSED:
        return Verdict(gate.environment, VerdictState.SUPERSEDED, (refused(ReasonCode.CHANGE_CLOSED),))
    denials = {answer.key: answer for answer in gate.denials}
    if not denials:
        return None
    approval = _asked(run, gate, environment, conditions)
    judged = judge_answers(run, gate, approval, binding_for(run, environment), conditions)
    for each in judged:
        if each.counts and each.answer in denials:
            given = denials[each.answer]
            denied = refused(ReasonCode.DENIED, by=given.person.login, note=given.reason)
            return Verdict(gate.environment, VerdictState.DENIED, (denied,), judged)
    pending = [
        denials[each.answer] for each in judged if each.code in UNKNOWN_CODES and each.answer in denials
    ]
    if not pending:
        return None
    waits = tuple(unknown(ReasonCode.DENIAL_PENDING, by=given.person.login) for given in pending)
    return Verdict(gate.environment, VerdictState.WAITING, waits, judged)


def _asked(run: Run, gate: Gate, environment: Environment, conditions: Conditions) -> ApprovalPolicy:
    """Everybody who was asked before it began: stand-ins, people whom rules added, code owners. They can say no too."""
    environment = in_hand(gate, environment)
    back = run.purpose is Purpose.ROLLBACK
    approval = rollback_approval(environment) if back else environment.approval
    return owned(replace(approval, lines=(*approval.lines, *gate.escalated_lines)), gate, conditions)
