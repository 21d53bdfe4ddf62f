"""Who counts: judging each recorded answer.

Rules of the file: people are ids (invariant 5); a person counts once however often and wherever they answered
(case 69); whatever could not be read makes the answer unknown, never one that counts; the newest answer of a person
is the one that counts, and within one second the denial.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gate_app.domain.conditions import Conditions, Standing
from gate_app.domain.delegating import seated
from gate_app.domain.keeping import is_kept, still_holds
from gate_app.domain.ladder import as_of
from gate_app.domain.learned import current_shipment
from gate_app.domain.lines import fits_any
from gate_app.domain.model import Authorship, Person, PersonKind, Purpose, Unknown
from gate_app.domain.policy import ApprovalPolicy, Permission, Policy
from gate_app.domain.run import Answer, Binding, Gate, Run
from gate_app.domain.verdict import Judged, ReasonCode

UNKNOWN_CODES = frozenset(
    {
        ReasonCode.STANDING_UNKNOWN,
        ReasonCode.COMMENT_UNKNOWN,
        ReasonCode.CONTRIBUTORS_UNKNOWN,
        ReasonCode.QUESTION_UNSEEN,
    }
)
"""Codes of answers that may count once something can be read again."""


def judge_answers(
    run: Run, gate: Gate, policy: ApprovalPolicy, now: Binding, conditions: Conditions
) -> tuple[Judged, ...]:
    """Every recorded answer with its judgement, in the order given."""
    newest = _newest_by_person(gate.answers)
    return tuple(
        Judged(answer.key, code is ReasonCode.ANSWER_COUNTS, code)
        for answer in gate.answers
        for code in [_judge(answer, newest, run, gate, policy, now, conditions)]
    )


def _judge(
    answer: Answer,
    newest: Mapping[int, Answer],
    run: Run,
    gate: Gate,
    policy: ApprovalPolicy,
    now: Binding,
    conditions: Conditions,
) -> ReasonCode:
    """Grounds against an answer, the surest first."""
    if answer.person.account is not PersonKind.USER:
        return ReasonCode.NOT_A_PERSON
    untouched = _comment_untouched(answer, conditions)
    if untouched is not None:
        return untouched
    if newest[answer.person.id] is not answer:
        return ReasonCode.ANSWER_REPLACED
    standing = conditions.standings.get(answer.person.id, Unknown("not_read"))
    if isinstance(standing, Unknown):
        return ReasonCode.STANDING_UNKNOWN
    if answer.kind == "denial":
        return _may_deny(standing, answer, gate, policy, conditions)
    if is_kept(answer, gate):
        if not still_holds(answer, run, gate, conditions):
            return ReasonCode.APPROVAL_NOT_KEPT
    else:
        unbound = _unbound(answer, gate, now)
        if unbound is not None:
            return unbound
    own = _own_change(answer, run, gate, policy, conditions)
    if own is not None:
        return own
    asked = as_of(policy, answer.at)
    person = seated(
        standing, answer, gate, asked, owners_of_change(run, gate, policy, conditions), conditions
    )
    if isinstance(person, Unknown):
        return ReasonCode.STANDING_UNKNOWN
    may = _may_approve(person, asked, conditions)
    if may is ReasonCode.ANSWER_COUNTS and policy.outlived(answer.at, conditions.now):
        return ReasonCode.APPROVAL_EXPIRED
    return may


def _unbound(answer: Answer, gate: Gate, now: Binding) -> ReasonCode | None:
    """An approval says yes to what was asked, and to nothing else."""
    if answer.binding.changed(now):
        return ReasonCode.BINDING_CHANGED
    return _unseen(answer, gate)


def _unseen(answer: Answer, gate: Gate) -> ReasonCode | None:
    """An approval in a comment comes after the comment that asks, by their ids (case 20).

    A button is part of what it answers.
    """
    asked = gate.question
    if answer.comment_id is None or asked is None or answer.question != asked.number:
        return None
    if asked.comment_id is None:
        return ReasonCode.QUESTION_UNSEEN
    return None if answer.comment_id > asked.comment_id else ReasonCode.NOT_ASKED_YET


def _comment_untouched(answer: Answer, conditions: Conditions) -> ReasonCode | None:
    """An answer stands only while its comment reads as it did (cases 35, 37)."""
    if answer.voided == "withdrawn":
        return ReasonCode.ANSWER_WITHDRAWN
    if answer.voided:
        return ReasonCode.COMMENT_CHANGED
    if answer.comment_id is None:  # a press cannot be edited
        return None
    body = conditions.comments.get(answer.comment_id, Unknown("not_read"))
    if isinstance(body, Unknown):
        return ReasonCode.COMMENT_UNKNOWN
    return None if body == answer.body_sha256 else ReasonCode.COMMENT_CHANGED


def owners_of_change(
    run: Run, gate: Gate, policy: ApprovalPolicy, conditions: Conditions
) -> frozenset[int] | Unknown:
    """Whose change it is, also where the policy lets them approve it: nobody else does so in their place."""
    return excluded(run, gate, replace(policy, self_approval=False), conditions)


def _own_change(
    answer: Answer, run: Run, gate: Gate, policy: ApprovalPolicy, conditions: Conditions
) -> ReasonCode | None:
    """Nobody approves what they contributed to (case 54), and who contributed must be known (case 55)."""
    own = excluded(run, gate, policy, conditions)
    if isinstance(own, Unknown):
        return ReasonCode.CONTRIBUTORS_UNKNOWN
    return ReasonCode.SELF_APPROVAL if answer.person.id in own else None


def excluded(
    run: Run, gate: Gate, policy: ApprovalPolicy, conditions: Conditions
) -> frozenset[int] | Unknown:
    """Everybody who does not approve this, because it is theirs."""
    requested = {person.id for person in gate.requesters}
    if run.purpose is Purpose.ROLLBACK:  # it takes their work out, not in; who asks has said so already
        return frozenset(requested)
    if policy.self_approval:
        return frozenset()
    people = contributors(run, conditions)
    others = _shipped(run, gate, policy, conditions)
    if isinstance(people, Unknown) or isinstance(others, Unknown):
        return people if isinstance(people, Unknown) else others
    return people | others | requested | {each.by.id for each in gate.modifications}


def exceptions(
    run: Run, gate: Gate, judged: Sequence[Judged], policy: ApprovalPolicy, conditions: Conditions
) -> tuple[Person, ...]:
    """Whose approvals count only because of `self_approval: true`: contributors, or people who may be some."""
    if not policy.self_approval:
        return ()
    strict, counting = replace(policy, self_approval=False), {each.answer for each in judged if each.counts}
    given = [each for each in gate.answers if each.kind == "approval" and each.key in counting]
    own = [each.person for each in given if _own_change(each, run, gate, strict, conditions) is not None]
    return tuple({person.id: person for person in own}.values())


def _shipped(
    run: Run, gate: Gate, policy: ApprovalPolicy, conditions: Conditions
) -> frozenset[int] | Unknown:
    """Who made what else would ship, where the policy asks that of nobody (`contributors: shipped`).

    Where nothing of ours runs, all that came before the change ships too, and nobody knows whose it is.
    """
    if policy.contributors == "head":
        return frozenset()
    environment = run.policy.environment(gate.environment) if isinstance(run.policy, Policy) else None
    shipment = current_shipment(run, environment, conditions) if environment is not None else None
    if shipment is None or shipment.first or shipment.authorship is None:
        return Unknown("shipped_unknown")
    return _attributed(shipment.authorship)


def contributors(run: Run, conditions: Conditions) -> frozenset[int] | Unknown:
    """Author, committers, co-authors and pushers. A commit of nobody's account may be anybody's (case 55)."""
    authorship = run.authorship or conditions.authorship
    if isinstance(authorship, Unknown):
        return authorship
    known = _attributed(authorship)
    return known if isinstance(known, Unknown) else known | {run.change.author.id, *run.pushers}


def _attributed(authorship: Authorship) -> frozenset[int] | Unknown:
    if authorship.unattributed:
        return Unknown("unattributed", ", ".join(authorship.unattributed[:3]))
    return frozenset(authorship.contributors)


def _may_deny(
    standing: Standing, answer: Answer, gate: Gate, policy: ApprovalPolicy, conditions: Conditions
) -> ReasonCode:
    """Anybody who may write can say no, contributors included; and every configured approver, and their delegate."""
    if standing.permission >= Permission.WRITE:
        return ReasonCode.ANSWER_COUNTS
    person = seated(standing, answer, gate, policy, frozenset(), conditions)
    return (
        ReasonCode.STANDING_UNKNOWN
        if isinstance(person, Unknown)
        else _may_approve(person, policy, conditions)
    )


def _may_approve(standing: Standing, policy: ApprovalPolicy, conditions: Conditions) -> ReasonCode:
    fit = fits_any(standing, policy.lines, conditions)
    if isinstance(fit, Unknown):
        return ReasonCode.STANDING_UNKNOWN
    return ReasonCode.ANSWER_COUNTS if fit else ReasonCode.NOT_AN_APPROVER


def _newest_by_person(answers: Sequence[Answer]) -> Mapping[int, Answer]:
    """Each person's newest answer that still stands as written; in a tie the denial."""
    newest: dict[int, Answer] = {}
    for answer in answers:
        rival = newest.get(answer.person.id)
        if rival is None or rival.voided or (not answer.voided and _rank(answer) >= _rank(rival)):
            newest[answer.person.id] = answer
    return newest


def _rank(answer: Answer) -> tuple[float, bool, int]:
    return (answer.at.timestamp() // 1, answer.kind == "denial", answer.comment_id or 0)
