"""Approvals that count although they usually would not, because the policy lets them: said, and so journalled."""

from __future__ import annotations

from gate_app.domain.approvals import exceptions
from gate_app.domain.conditions import Conditions
from gate_app.domain.keeping import kept_reasons
from gate_app.domain.policy import ApprovalPolicy
from gate_app.domain.run import Gate, Run
from gate_app.domain.verdict import Judged, Reason, ReasonCode, met


def exception_reasons(
    run: Run, gate: Gate, answers: tuple[Judged, ...], approval: ApprovalPolicy, conditions: Conditions
) -> tuple[Reason, ...]:
    """Approvals of one's own work are never routine, nor are those that were given to the head before."""
    by = ", ".join(person.login for person in exceptions(run, gate, answers, approval, conditions))
    own = (met(ReasonCode.SELF_APPROVED, by=by),) if by else ()
    return (*own, *kept_reasons(gate, answers))
