"""Whether the owners of the policy let a looser gate file pass: asked, judged and closed like a gate.

Rules of the file: judged afresh at every decision and looked at again while it passes, so an owner who lost their
permission or took their answer back does not count; whose change it is does not let it pass; one denial closes it for
this head; what is not known does not let it pass (invariants 3, 4, 12).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from gate_app.domain.approvals import UNKNOWN_CODES, judge_answers
from gate_app.domain.conditions import Conditions
from gate_app.domain.draft import Draft
from gate_app.domain.evaluate import head_reasons, pending_denials, policy_reason, standing_denial
from gate_app.domain.learned import owners_digest
from gate_app.domain.model import Person, Unknown
from gate_app.domain.ownership import Ownership
from gate_app.domain.policy import ApprovalPolicy, ApproverLine, Policy
from gate_app.domain.proposals import REVIEWED, Proposal
from gate_app.domain.quorum import judge_lines
from gate_app.domain.review import ADMINISTRATORS, asks_code_owners, review_binding, under_review
from gate_app.domain.run import Closing, Gate, Question, Run
from gate_app.domain.verdict import ReasonCode, Verdict, VerdictState, refused, unknown

RECHECK: Final = timedelta(minutes=10)
"""How soon a review is looked at again that passes, or that waits for something to be read."""
SOON: Final = timedelta(seconds=30)
"""The same where an answer may yet count."""


def reviewed(run: Run, conditions: Conditions) -> Mapping[str, Verdict]:
    """The verdict over a looser gate file, by its name; nothing where owners are not asked."""
    found = under_review(run)
    if found is None or not isinstance(run.policy, Policy):
        return {}
    return {REVIEWED: _judged(run, run.review or Gate(REVIEWED), found, run.policy, conditions)}


def _judged(run: Run, gate: Gate, found: Proposal, rules: Policy, conditions: Conditions) -> Verdict:
    if gate.closing is not None and gate.closing.by is not None:
        word = refused(gate.closing.code, by=gate.closing.by.login, note=gate.closing.note)
        return Verdict(REVIEWED, gate.closing.state, (word,))
    grounds = (policy_reason(run, conditions), *head_reasons(run, conditions))
    lines = owners_of(rules, conditions)
    if isinstance(lines, Unknown):
        missing = unknown(ReasonCode.OWNERS_UNKNOWN, detail=lines.detail)
        return Verdict(REVIEWED, VerdictState.WAITING, (*grounds, missing))
    approval = ApprovalPolicy(lines)
    answers = judge_answers(run, gate, approval, review_binding(run, found), conditions)
    grounds = (
        *grounds,
        *pending_denials(gate, answers),
        judge_lines(run, gate, answers, approval, conditions),
    )
    denial = standing_denial(gate, answers)
    if denial is not None:
        return Verdict(REVIEWED, VerdictState.DENIED, (denial, *grounds), answers)
    state = VerdictState.APPROVED if all(ground.met for ground in grounds) else VerdictState.WAITING
    return Verdict(REVIEWED, state, grounds, answers)


def owners_of(rules: Policy, conditions: Conditions) -> tuple[ApproverLine, ...] | Unknown:
    """Whom the gate file in force names; else its code owners; else administrators. Unknown until it can be told."""
    if not asks_code_owners(rules):
        return rules.owners
    owners = conditions.owners.get(REVIEWED, Unknown("owners_not_read", "CODEOWNERS was not read yet"))
    absent = owners.code == "owners_absent" if isinstance(owners, Unknown) else _nobody_owns(owners)
    if rules.owners:
        if absent:
            return Unknown("owners_absent", "CODEOWNERS on the default branch names nobody for the gate file")
        return owners if isinstance(owners, Unknown) else tuple(each.asking(owners) for each in rules.owners)
    if absent:
        return (ADMINISTRATORS,)
    return owners if isinstance(owners, Unknown) else (ApproverLine(codeowners=True, owners=owners),)


def _nobody_owns(owners: Ownership) -> bool:
    return any(each.anybody for each in owners)


def allowed_by(run: Run, verdict: Verdict) -> tuple[Person, ...]:
    """Whose approvals let it pass."""
    counting = {judged.answer for judged in verdict.answers if judged.counts}
    given = run.review.answers if run.review else ()
    return tuple(each.person for each in given if each.kind == "approval" and each.key in counting)


def settle_review(draft: Draft) -> None:
    """Asks once for each version and its owners, and takes a denial down for good."""
    run, found, verdict = draft.run, under_review(draft.run), draft.verdicts.get(REVIEWED)
    gate = run.review or Gate(REVIEWED)
    if found is None or verdict is None or not isinstance(run.policy, Policy):
        if isinstance(draft.conditions.proposal, Unknown):
            draft.put_gate(gate)  # the run is not over before that is known
        return
    lines = owners_of(run.policy, draft.conditions)
    if gate.closing is not None:
        return
    if verdict.state is VerdictState.DENIED:
        draft.put_gate(replace(gate, closing=_closing(gate, verdict, draft.now)))
    elif isinstance(lines, Unknown):
        draft.put_gate(gate)
    else:
        _ask(draft, replace(gate, escalated_lines=lines), found)


def _ask(draft: Draft, gate: Gate, found: Proposal) -> None:
    """A new question where what an answer would be bound to is another one than it was."""
    owners = draft.conditions.owners.get(REVIEWED)
    if owners is not None and not isinstance(owners, Unknown):
        gate = replace(gate, owners=owners_digest(owners))
    draft.put_gate(gate)
    binding = review_binding(draft.run, found)
    if gate.question is None or gate.question.binding.changed(binding):
        number = gate.question.number + 1 if gate.question else 1
        draft.put_gate(replace(gate, question=Question(number, draft.now, binding)))


def _closing(gate: Gate, verdict: Verdict, now: datetime) -> Closing:
    counting = {judged.answer for judged in verdict.answers if judged.counts}
    denial = next(each for each in gate.answers if each.kind == "denial" and each.key in counting)
    return Closing(VerdictState.DENIED, now, ReasonCode.DENIED, denial.person, denial.reason)


def next_looks(draft: Draft) -> Iterator[datetime]:
    """When a review is judged again without any event."""
    verdict = draft.verdicts.get(REVIEWED)
    if verdict is None or verdict.state is VerdictState.DENIED:
        return
    pending = any(judged.code in UNKNOWN_CODES for judged in verdict.answers)
    unread = any(not ground.met and ground.code is not ReasonCode.APPROVAL for ground in verdict.reasons)
    if pending:
        yield draft.now + SOON
    elif unread or verdict.state is VerdictState.APPROVED:
        yield draft.now + RECHECK


def unread_owners(run: Run, conditions: Conditions) -> bool:
    """Whether a review turns on code owners that were not asked for in this decision."""
    if under_review(run) is None or not isinstance(run.policy, Policy):
        return False
    return asks_code_owners(run.policy) and REVIEWED not in conditions.owners
