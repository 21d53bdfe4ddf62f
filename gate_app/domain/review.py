"""The review of a looser gate file: the gate at which the owners of the policy answer, and what an answer is bound to.

Rules of the file: nothing is judged here. A review opens no environment; it stands in the run beside the gates and is
answered by its name, `policy`, never because it is the only one that asks.
"""

from __future__ import annotations

from gate_app.domain.model import Purpose
from gate_app.domain.plan import fingerprint
from gate_app.domain.policy import ApproverLine, Permission, Policy
from gate_app.domain.proposals import REVIEWED, Proposal
from gate_app.domain.run import Binding, Gate, Run, RunState

ADMINISTRATORS = ApproverLine(permission=Permission.ADMIN)
"""Who is asked where neither the gate file nor CODEOWNERS names anybody."""


def under_review(run: Run) -> Proposal | None:
    """The looser gate file that owners are asked about; None where there is nothing that they could let pass.

    What cannot be obeyed, or takes the file away, passes with nobody's answer.
    """
    found, rules = run.proposal, run.policy
    if run.state is not RunState.OPEN or run.purpose is not Purpose.RELEASE:
        return None
    if not isinstance(rules, Policy) or found is None or found.under != rules.blob_sha:
        return None
    return found if found.looser else None


def review_binding(run: Run, found: Proposal) -> Binding:
    """This head, this version of the gate file, the one in force, and who owns it."""
    gate = run.review or Gate(REVIEWED)
    differences = [
        [each.environment, *(f"{other.key} {other.direction.value}" for other in each.differences)]
        for each in found.environments
    ]
    return Binding(
        head_sha=run.change.head.sha,
        plan_digest=fingerprint([found.blob, differences]),
        evidence_digest="",
        policy_blob=found.under,
        interrupted_at=run.interrupted_at,
        disturbed=gate.disturbed,
        owners=gate.owners,
    )


def asks_code_owners(rules: Policy) -> bool:
    """Whether CODEOWNERS says who owns the gate file, or some of those who do."""
    return not rules.owners or any(leaf.codeowners for line in rules.owners for leaf in line.leaves)


def spoken(run: Run) -> tuple[str, ...]:
    """The names that a command may speak of: environments, and the gate file once it is, or was, under review."""
    names = run.policy.environments if isinstance(run.policy, Policy) else ()
    return (*(environment.name for environment in names), *((REVIEWED,) if run.review else ()))


def gate_named(run: Run, name: str) -> Gate | None:
    """The gate of an environment, or the review."""
    return next((gate for gate in run.every_gate if gate.environment == name), None)
