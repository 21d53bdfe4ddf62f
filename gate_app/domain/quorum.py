"""Whether the approvals that count are enough, as a tree of reasons: one child for each line of the policy.

Rules of the file: lines are met by different people (case 70); closed without lines (case 93); an answer that may yet
count makes what is missing unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gate_app.domain.approvals import UNKNOWN_CODES, excluded, owners_of_change
from gate_app.domain.approver_words import keys_of
from gate_app.domain.conditions import Conditions, Standing
from gate_app.domain.delegating import seated
from gate_app.domain.lines import Filled, Place, answers_for, best, short
from gate_app.domain.model import Unknown
from gate_app.domain.ownership import Owners
from gate_app.domain.policy import ApprovalPolicy, ApproverLine
from gate_app.domain.run import Gate, Run
from gate_app.domain.verdict import Judged, Reason, ReasonCode, all_of, any_of, met, unknown, unmet


def judge_lines(
    run: Run, gate: Gate, judged: Sequence[Judged], policy: ApprovalPolicy, conditions: Conditions
) -> Reason:
    """The approval reason: one child per line, met by different people (case 70); closed without lines."""
    people = _counting(run, gate, judged, policy, conditions)
    pending = any(answer.code in UNKNOWN_CODES for answer in judged)
    tree = _Tree(best(people, policy.lines, conditions), pending, people, conditions)
    children = tuple(tree.reason((index,), line) for index, line in enumerate(policy.lines))
    if all(child.met for child in children):
        return all_of(ReasonCode.APPROVAL, children)
    return all_of(ReasonCode.APPROVAL, (*_nobody_can(run, gate, policy, conditions), *children))


def _nobody_can(run: Run, gate: Gate, policy: ApprovalPolicy, conditions: Conditions) -> tuple[Reason, ...]:
    """That nobody could meet what is missing, once it is certain: then waiting mends nothing."""
    own = excluded(run, gate, policy, conditions)
    if isinstance(own, Unknown) or policy.escalate_to:  # it may be handed on to others yet
        return ()
    found = short(policy.lines, own, conditions)
    if found is None:
        return ()
    return (unmet(ReasonCode.NOBODY_CAN_APPROVE, users=", ".join(found.users), missing=str(found.missing)),)


def _counting(
    run: Run, gate: Gate, judged: Sequence[Judged], policy: ApprovalPolicy, conditions: Conditions
) -> list[Standing]:
    """The people whose approvals count, as they stand now, with those in whose place they may answer."""
    counting = {answer.answer for answer in judged if answer.counts}
    own = owners_of_change(run, gate, policy, conditions)
    found = (
        seated(replace(standing, answered_at=answer.at), answer, gate, policy, own, conditions)
        for answer in gate.answers
        if answer.kind == "approval" and answer.key in counting
        if isinstance(standing := conditions.standings.get(answer.person.id), Standing)
    )
    return [standing for standing in found if isinstance(standing, Standing)]


def _said(line: ApproverLine) -> Iterator[str]:
    """What a line says of people, in one row."""
    for key, values in keys_of(line).items():
        yield f"{values[0]} permission" if key == "permission" else " or ".join(values)


@dataclass(frozen=True, slots=True)
class _Tree:
    """Who fills which line, and whether an answer may still turn out to count."""

    filled: Filled
    pending: bool
    people: Sequence[Standing]
    conditions: Conditions

    def reason(self, place: Place, line: ApproverLine) -> Reason:
        """The reason of a line and of its parts."""
        parts = tuple(self.reason((*place, index), part) for index, part in enumerate(line.parts))
        if line.any_of:
            return any_of(ReasonCode.APPROVER_CHOICE, parts)
        return all_of(ReasonCode.APPROVER_GROUP, parts) if parts else self._leaf(place, line)

    def _leaf(self, place: Place, line: ApproverLine) -> Reason:
        if line.codeowners and (isinstance(line.owners, Unknown) or not line.owners):
            detail = line.owners.detail if isinstance(line.owners, Unknown) else ""
            return unknown(ReasonCode.OWNERS_UNKNOWN, detail=detail)
        people = self.filled.get(place, ())
        facts = {
            "line": ".".join(map(str, place)),
            "have": str(len(people)),
            "need": str(line.count),
            "by": ", ".join(standing.shown for standing in people),
            "users": "",
            "teams": "",
            "permission": "",
        }
        facts |= {key: ", ".join(values) for key, values in keys_of(line).items()}
        if line.stand_ins:
            facts["instead"] = " or ".join(" ".join(_said(each.line)) for each in line.stand_ins)
        facts |= self._owners(line)
        if line.count >= 1 and len(people) >= line.count:
            return met(ReasonCode.APPROVER_LINE_MET, **facts)
        reason = unknown if self.pending else unmet
        return reason(ReasonCode.APPROVAL_MISSING, **facts)

    def _owners(self, line: ApproverLine) -> Mapping[str, str]:
        """Of how many sets of code owners somebody has answered, and those who are missing."""
        if not line.codeowners or isinstance(line.owners, Unknown):
            return {}
        missing = tuple(owners for owners in line.owners if not self._answered(owners))
        whom = keys_of(replace(line, owners=missing or line.owners))["owners"]
        return {
            "have": str(len(line.owners) - len(missing)),
            "need": str(len(line.owners)),
            "owners": ", ".join(whom),
        }

    def _answered(self, owners: Owners) -> bool:
        return any(answers_for(person, owners, self.conditions) is True for person in self.people)
