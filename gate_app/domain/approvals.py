"""Who counts: judging each recorded answer, and whether the lines of the policy are met by different people.

Rules of the file: people are ids (invariant 5); a person counts once however often and wherever they answered
(case 69) and fills one place in one line (case 70); whatever could not be read makes the line unknown, never
met; the newest answer of a person is the one that counts, and within one second the denial.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gate_app.domain.conditions import Conditions, Standing
from gate_app.domain.model import PersonKind, Purpose, Unknown
from gate_app.domain.policy import ApprovalPolicy, ApproverLine, Permission
from gate_app.domain.run import Answer, Binding, Gate, Run
from gate_app.domain.verdict import Judged, Reason, ReasonCode, all_of, met, unknown, unmet

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
        return _may_deny(standing, policy, conditions)
    if answer.binding.changed(now):
        return ReasonCode.BINDING_CHANGED
    unseen = _unseen(answer, gate)
    if unseen is not None:
        return unseen
    own = _own_change(answer, run, gate, policy, conditions)
    if own is not None:
        return own
    return _may_approve(standing, policy, conditions)


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


def _own_change(
    answer: Answer, run: Run, gate: Gate, policy: ApprovalPolicy, conditions: Conditions
) -> ReasonCode | None:
    """Nobody approves what they contributed to (case 54), and who contributed must be known (case 55)."""
    if policy.self_approval or run.purpose is Purpose.ROLLBACK:  # a rollback takes their work out, not in
        return None
    people = contributors(run, conditions)
    if isinstance(people, Unknown):
        return ReasonCode.CONTRIBUTORS_UNKNOWN
    asked = {person.id for person in gate.requesters} | {each.by.id for each in gate.modifications}
    return ReasonCode.SELF_APPROVAL if answer.person.id in people | asked else None


def contributors(run: Run, conditions: Conditions) -> frozenset[int] | Unknown:
    """Author, committers, co-authors and pushers. A commit of nobody's account may be anybody's (case 55)."""
    authorship = run.authorship or conditions.authorship
    if isinstance(authorship, Unknown):
        return authorship
    if authorship.unattributed:
        return Unknown("unattributed", ", ".join(authorship.unattributed[:3]))
    return frozenset({run.change.author.id, *authorship.contributors, *run.pushers})


def _may_deny(standing: Standing, policy: ApprovalPolicy, conditions: Conditions) -> ReasonCode:
    """Anybody who may write can say no, contributors included; and every configured approver."""
    if standing.permission >= Permission.WRITE:
        return ReasonCode.ANSWER_COUNTS
    return _may_approve(standing, policy, conditions)


def _may_approve(standing: Standing, policy: ApprovalPolicy, conditions: Conditions) -> ReasonCode:
    fits = [fits_line(standing, line, conditions) for line in policy.lines]
    if True in fits:
        return ReasonCode.ANSWER_COUNTS
    return (
        ReasonCode.STANDING_UNKNOWN
        if any(isinstance(fit, Unknown) for fit in fits)
        else ReasonCode.NOT_AN_APPROVER
    )


def fits_line(standing: Standing, line: ApproverLine, conditions: Conditions) -> bool | Unknown:
    """Whether a person meets every key of a line; a line without keys fits nobody (case 93).

    Whoever cannot even read the repository fits none, named or not (case 60).
    """
    if not (line.users or line.teams or line.permission):
        return False
    if standing.permission < max(line.permission or Permission.READ, Permission.READ):
        return False
    in_team = _fits_teams(standing, line)
    if in_team is not True or not line.users:
        return in_team
    identities = [conditions.identities.get(login, Unknown("not_read")) for login in line.users]
    if standing.person.id in identities:
        return True
    return next((identity for identity in identities if isinstance(identity, Unknown)), False)


def _fits_teams(standing: Standing, line: ApproverLine) -> bool | Unknown:
    """Whether a person is in one of the line's teams; a name that another team may have by now is unknown (62)."""
    if not line.teams or set(line.teams) & set(standing.teams):
        return True
    doubtful = sorted(set(line.teams) & set(standing.doubtful))
    return Unknown("team_changed_hands", doubtful[0]) if doubtful else False


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


def judge_lines(
    gate: Gate, judged: Sequence[Judged], policy: ApprovalPolicy, conditions: Conditions
) -> Reason:
    """The approval reason: one child per line, met by different people (case 70); closed without lines."""
    counting = {answer.answer for answer in judged if answer.counts}
    approvals = [answer for answer in gate.answers if answer.kind == "approval" and answer.key in counting]
    people = [
        standing
        for answer in approvals
        if isinstance(standing := conditions.standings.get(answer.person.id), Standing)
    ]
    places = assign(people, policy.lines, conditions)
    pending = any(answer.code in UNKNOWN_CODES for answer in judged)
    children = tuple(
        _line_reason(index, line, places[index], pending) for index, line in enumerate(policy.lines)
    )
    return all_of(ReasonCode.APPROVAL, children)


def _line_reason(index: int, line: ApproverLine, people: Sequence[Standing], pending: bool) -> Reason:
    facts = {
        "line": str(index),
        "have": str(len(people)),
        "need": str(line.count),
        "by": ", ".join(standing.person.login for standing in people),
        "users": ", ".join(line.users),
        "teams": ", ".join(line.teams),
        "permission": line.permission.name.lower() if line.permission else "",
    }
    if line.count >= 1 and len(people) >= line.count:
        return met(ReasonCode.APPROVER_LINE_MET, **facts)
    reason = unknown if pending else unmet
    return reason(ReasonCode.APPROVAL_MISSING, **facts)


def assign(
    people: Sequence[Standing], lines: Sequence[ApproverLine], conditions: Conditions
) -> tuple[tuple[Standing, ...], ...]:
    """Gives each person at most one place in one line so that as many places as possible are filled.

    Maximum bipartite matching by augmenting paths: greedy assignment would refuse sets that do satisfy the
    policy.
    """
    slots = [index for index, line in enumerate(lines) for _ in range(line.count)]
    holder: dict[int, int] = {}

    def place(person: int, tried: set[int]) -> bool:
        for slot, line in enumerate(slots):
            if slot in tried or fits_line(people[person], lines[line], conditions) is not True:
                continue
            tried.add(slot)
            if slot not in holder or place(holder[slot], tried):
                holder[slot] = person
                return True
        return False

    for person in range(len(people)):
        place(person, set())
    return tuple(
        tuple(people[holder[slot]] for slot in sorted(holder) if slots[slot] == index)
        for index in range(len(lines))
    )
