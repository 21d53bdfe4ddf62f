"""When a person is asked at all: the rules of `mode: escalate`, judged over the change and its evidence.

Rules of the file: what cannot be told counts as fired (invariant 4), but for what is about to be learned, which
waits; what fired once asks about this commit to the end, and whom it asked: labels and titles are anybody's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from gate_app.domain.approver_words import words_of
from gate_app.domain.baseline import findings_at_least
from gate_app.domain.conditions import Conditions
from gate_app.domain.evidence import Severity, StageVerdict
from gate_app.domain.ladder import in_hand
from gate_app.domain.learned import current_shipment
from gate_app.domain.measures import of_measures
from gate_app.domain.model import Purpose, Unknown
from gate_app.domain.policy import (
    ApprovalMode,
    ApprovalPolicy,
    ApproverLine,
    Environment,
    EscalationRule,
)
from gate_app.domain.run import Gate, Run
from gate_app.domain.shipping import Shipment
from gate_app.domain.triggers import Hit, of_circumstances, reporting, undecided
from gate_app.domain.verdict import Reason, ReasonCode, met, refused, unknown


@dataclass(frozen=True, slots=True)
class Escalation:
    """Whether people are asked, whom (`approval`, with the lines `added` by rules), and why or why not."""

    asks: bool
    approval: ApprovalPolicy
    reason: Reason
    added: tuple[ApproverLine, ...] = ()

    @property
    def fired(self) -> bool:
        """Whether a rule asks, now or before: it goes on asking about this commit."""
        return self.reason.code in (ReasonCode.ESCALATED, ReasonCode.ESCALATION_KEPT)


def escalate(run: Run, gate: Gate, environment: Environment, conditions: Conditions) -> Escalation | None:
    """What the rules say; None where the policy has none: it always asks, or never."""
    approval = environment.approval
    if approval.mode is not ApprovalMode.ESCALATE or run.purpose is Purpose.ROLLBACK:
        return None
    shipment = current_shipment(run, environment, conditions)
    if shipment is None or shipment.looked_for != environment.globs or undecided(run, environment):
        return Escalation(True, approval, unknown(ReasonCode.ESCALATION_UNKNOWN))
    fired = [
        (rule, hits)
        for rule in approval.escalate_when
        if (hits := _hits(rule, run, environment, conditions, shipment))
    ]
    blocks = [(rule, hits) for rule, hits in fired if rule.block]
    if blocks:
        rule, hits = blocks[0]
        reason = refused(ReasonCode.ESCALATION_BLOCKED, note=rule.block)
        return Escalation(True, approval, replace(reason, children=(_reason(hits),)))
    people = _of_people(gate)
    if not fired and not people and not gate.escalated:
        return Escalation(False, approval, met(ReasonCode.NOT_ESCALATED))
    added = tuple(dict.fromkeys((*gate.escalated_lines, *(line for rule, _ in fired for line in rule.lines))))
    asked = replace(approval, lines=(*approval.lines, *added))
    reasons = (*(_reason(hits, rule.lines) for rule, hits in fired), *map(_reason, people))
    if not reasons:
        return Escalation(True, asked, met(ReasonCode.ESCALATION_KEPT), added)
    return Escalation(True, asked, replace(met(ReasonCode.ESCALATED), children=reasons), added)


def _of_people(gate: Gate) -> tuple[tuple[Hit, ...], ...]:
    """What people did to this deployment is not routine: they asked for it, or changed its plan."""
    asked = [(Hit("/deploy", f"asked for by {person.login}"),) for person in gate.requesters]
    changed = dict.fromkeys(each.by.login for each in gate.modifications)
    return (*asked, *((Hit("/modify", f"the plan was changed by {login}"),) for login in changed))


def in_force(run: Run, gate: Gate, environment: Environment, conditions: Conditions) -> Environment:
    """The environment with the approver lines that hold for this change, and with who may stand in for them."""
    environment = in_hand(gate, environment)
    escalation = escalate(run, gate, environment, conditions)
    approval = escalation.approval if escalation is not None else environment.approval
    back = _asking(environment.rollback, gate, conditions)
    return replace(environment, approval=owned(approval, gate, conditions), rollback=back)


def owned(approval: ApprovalPolicy, gate: Gate, conditions: Conditions) -> ApprovalPolicy:
    """The policy with the code owners of what would change, in lines that ask them."""
    return replace(approval, lines=_asking(approval.lines, gate, conditions))


def _asking(lines: tuple[ApproverLine, ...], gate: Gate, conditions: Conditions) -> tuple[ApproverLine, ...]:
    owners = conditions.owners.get(gate.environment, Unknown("owners_not_read", "CODEOWNERS was not read"))
    return tuple(line.asking(owners) for line in lines)


def _reason(hits: tuple[Hit, ...], added: tuple[ApproverLine, ...] = ()) -> Reason:
    """A rule that fired: what it says, what was found, and whom it adds to those who are asked anyway."""
    facts = {
        "rule": ", ".join(hit.condition for hit in hits),
        "found": ", ".join(hit.found for hit in hits),
    }
    if added:
        facts["adds"] = words_of(added)
    return met(ReasonCode.ESCALATION_RULE, **facts)


def _hits(
    rule: EscalationRule, run: Run, environment: Environment, conditions: Conditions, shipment: Shipment
) -> tuple[Hit, ...]:
    """What of the rule holds, if all of it does; empty when any part of it does not."""
    judged = (
        *_of_shipment(rule, shipment),
        *_of_evidence(rule, run, environment, conditions),
        *of_circumstances(rule, run, environment, conditions, shipment),
        *_of_author(rule, run, conditions),
        *_of_texts(rule, run, conditions),
    )
    hits = tuple(hit for hit in judged if hit is not None)
    return hits if len(hits) == len(judged) else ()


def _of_shipment(rule: EscalationRule, shipment: Shipment) -> Iterator[Hit | None]:
    if rule.paths:
        file = next((found.file for found in shipment.found if found.globs == rule.paths), None)
        said = "which files changed cannot be told" if file == "" else f"{file} changes"
        yield None if file is None else Hit(f"paths: {_listed(rule.paths)}", said)
    if rule.lines_over is not None:
        fires = shipment.lines is None or shipment.lines > rule.lines_over
        said = (
            "how many lines changed cannot be told" if shipment.lines is None else f"{shipment.lines} lines"
        )
        yield Hit(f"lines_changed: > {rule.lines_over}", said) if fires else None


def _of_evidence(
    rule: EscalationRule, run: Run, environment: Environment, conditions: Conditions
) -> Iterator[Hit | None]:
    """Over the stages that it looks at; they have all ended when this decides anything."""
    if rule.new_findings is not None:
        yield _of_findings(rule.new_findings, run, environment, conditions)
    yield from of_measures(rule, run, environment, conditions)


def _of_findings(
    threshold: Severity, run: Run, environment: Environment, conditions: Conditions
) -> Hit | None:
    baseline = conditions.environment(environment.name).baseline
    found = {
        finding.fingerprint
        for name in environment.needs
        for finding in findings_at_least(threshold, run, name, baseline)
    }
    outcomes = [run.stages[name].outcome for name in environment.needs if name in run.stages]
    cut = any(each.evidence.truncated for each in outcomes if each is not None)
    told = _scanned(run, environment) and not cut
    said = (
        "not all findings could be read"
        if cut
        else f"{len(found)} new"
        if found or told
        else "no report tells any"
    )
    return Hit(f"new_findings: {threshold.value}", said) if found or not told else None


def _scanned(run: Run, environment: Environment) -> bool:
    """Whether a stage that the gate needs reports findings, and each that does was judged by its report.

    Only a rule of a floor can meet a gate file without such a stage: having no scanner is not having no findings.
    """
    scanning = set(reporting(run, "sarif"))
    outcomes = [run.stages[name].outcome for name in scanning.intersection(environment.needs, run.stages)]
    return bool(outcomes) and all(
        each is not None and each.verdict is StageVerdict.PASSED for each in outcomes
    )


def _of_author(rule: EscalationRule, run: Run, conditions: Conditions) -> Iterator[Hit | None]:
    """Who it is, is told by number: a login may belong to somebody else by now (invariant 5)."""
    author = run.change.author
    if rule.authors:
        identities = [conditions.identities.get(login, Unknown("not_read")) for login in rule.authors]
        told = not any(isinstance(identity, Unknown) for identity in identities)
        said = author.login if author.id in identities else "who that is cannot be told"
        fires = author.id in identities or not told
        yield Hit(f"authors: {_listed(rule.authors)}", said) if fires else None


def _of_texts(rule: EscalationRule, run: Run, conditions: Conditions) -> Iterator[Hit | None]:
    head = conditions.head
    labels = None if isinstance(head, Unknown) else head.labels
    if rule.labels:
        yield _matched("labels", rule.labels, labels)
    if rule.titles:
        yield _matched("title", rule.titles, (run.change.title,))
    if rule.branches:  # a branch of a fork is none of ours: its name says nothing
        yield _matched("branch", rule.branches, (run.change.head_branch,) if run.change.head_branch else None)
    if rule.bases:
        yield _matched("base", rule.bases, (run.change.base_ref,))


def _matched(key: str, patterns: tuple[str, ...], texts: tuple[str, ...] | None) -> Hit | None:
    if texts is None:
        return Hit(f"{key}: {_listed(patterns)}", f"the {key} cannot be told")
    found = next((text for text in texts for pattern in patterns if _fits(text, pattern)), None)
    return None if found is None else Hit(f"{key}: {_listed(patterns)}", found)


def _fits(text: str, pattern: str) -> bool:
    return fnmatchcase(text.casefold(), pattern.casefold())


def _listed(values: tuple[str, ...]) -> str:
    return " ".join(values)
