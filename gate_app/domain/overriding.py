"""`/override`: who may, when it is refused, and whether one that was given still counts.

Rules of the file (ADR 20): an override takes the place of stages, `after`, soak, freeze, locks, holds, rules and
approvals, and of nothing else: not of an open pull request at this very commit, a gate file that can be obeyed, a free
environment, a way to deploy, a lock that can be read, nor of a denial or any other end that was decided before. It is
judged anew like an answer, for its person, its comment, its commit and its plan, and lasts an hour.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final

from gate_app.domain.approvals import owners_of_change
from gate_app.domain.commands import Command
from gate_app.domain.conditions import Conditions, EnvironmentFacts, Standing
from gate_app.domain.events import CommandGiven, Event
from gate_app.domain.lines import fits
from gate_app.domain.model import Person, PersonKind, Unknown
from gate_app.domain.overrides import EVERYWHERE, KEPT, LASTS, MOST, SPAN, Debt, Override
from gate_app.domain.plan import binding_for, plan_for
from gate_app.domain.policy import Environment, OverridePolicy, Policy
from gate_app.domain.run import Gate, Run
from gate_app.domain.verdict import Reason, ReasonCode, met, unknown

OVERRIDDEN_GROUNDS: Final = frozenset(
    {
        ReasonCode.PATHS_UNKNOWN,
        ReasonCode.NEEDS,
        ReasonCode.AFTER_UNMET,
        ReasonCode.SOAKING,
        ReasonCode.SOAK_CUT_SHORT,
        ReasonCode.SOAK_UNKNOWN,
        ReasonCode.FROZEN,
        ReasonCode.FREEZE_UNKNOWN,
        ReasonCode.LOCKED,
        ReasonCode.HELD,
        ReasonCode.ESCALATED,
        ReasonCode.ESCALATION_KEPT,
        ReasonCode.ESCALATION_BLOCKED,
        ReasonCode.ESCALATION_UNKNOWN,
        ReasonCode.APPROVAL,
    }
)
"""What an override takes the place of; whatever is not listed goes on holding the gate."""


def overridden(run: Run, gate: Gate, environment: Environment, conditions: Conditions) -> Reason | None:
    """The ground that takes the place of others; Unknown waits, and None is no override, or none that counts."""
    given, policy = gate.override, environment.override
    if given is None or policy is None or conditions.now > given.at + LASTS:
        return None
    now = binding_for(run, environment)
    if (given.sha, given.policy_blob, given.plan) != (now.head_sha, now.policy_blob, now.plan_digest):
        return None
    if _away_since(given.at, run, conditions):
        return None
    body = conditions.comments.get(given.comment_id, Unknown("not_read"))
    if isinstance(body, Unknown):
        return unknown(ReasonCode.OVERRIDE_UNKNOWN, by=given.by.login)
    if body != given.body_sha256:
        return None
    obstacle = _not_permitted(run, gate, environment, policy, given.by.id, conditions)
    if obstacle in (ReasonCode.STANDING_UNKNOWN, ReasonCode.CONTRIBUTORS_UNKNOWN):
        return unknown(ReasonCode.OVERRIDE_UNKNOWN, by=given.by.login)
    return None if obstacle else met(ReasonCode.OVERRIDDEN, by=given.by.login, note=given.reason)


def in_their_place(override: Reason, grounds: Iterable[Reason]) -> tuple[Reason, ...]:
    """The grounds with an override; those that do not hold, and whose place it takes, are shown below it."""
    known = tuple(grounds)
    if not override.met:
        return (override, *known)
    replaced = tuple(each for each in known if each.code in OVERRIDDEN_GROUNDS)
    unmet = tuple(each for each in replaced if not each.met)
    return (replace(override, children=unmet), *(each for each in known if each not in replaced))


def override(
    run: Run, policy: Policy, command: Command, event: CommandGiven, conditions: Conditions
) -> tuple[Gate, EnvironmentFacts] | ReasonCode:
    """The gate with its override and the repository with its debt, or why nothing is overridden."""
    name = command.environment or ""
    environment, gate = policy.environment(name), run.gates.get(name)
    if environment is None or gate is None:
        return ReasonCode.DEPLOYS_FROM_ELSEWHERE
    rules = environment.override
    if rules is None:
        return ReasonCode.OVERRIDE_NOT_CONFIGURED
    obstacle = _not_now(run, gate, command, event, conditions)
    obstacle = obstacle or _not_permitted(run, gate, environment, rules, event.person.id, conditions)
    facts = conditions.environment(EVERYWHERE)
    obstacle = obstacle or _indebted(facts, policy, rules, event, conditions)
    if obstacle is not None:
        return obstacle
    given = Override(
        event.person,
        event.at,
        event.comment_id,
        event.body_sha256,
        command.reason,
        run.change.head.sha,
        policy.blob_sha,
        plan_for(run, environment).digest,
    )
    debt = Debt(name, event.comment_id, event.person, event.at, given.sha, command.reason, event.conversation)
    return replace(gate, override=given), replace(facts, debts=(debt, *facts.debts)[:KEPT])


def _not_now(
    run: Run, gate: Gate, command: Command, event: CommandGiven, conditions: Conditions
) -> ReasonCode | None:
    """Whether the gate is undecided, the comment is not heard of too late, and the commit is certain (case 20)."""
    if gate.release is not None or gate.closing is not None:
        return ReasonCode.TOO_LATE
    if conditions.now > event.at + LASTS or _away_since(event.at, run, conditions):
        return ReasonCode.OVERRIDE_LATE
    if command.sha is not None:
        return None if run.change.head.sha.startswith(command.sha) else ReasonCode.SHA_MISMATCH
    seen = gate.question.comment_id if gate.question is not None else None
    return None if seen is not None and event.comment_id > seen else ReasonCode.OVERRIDE_SHA_MISSING


def _away_since(given: datetime, run: Run, conditions: Conditions) -> bool:
    """Whether the head was away, or the pull request closed, after somebody wrote (cases 23, 34)."""
    head = conditions.head
    seen = (run.interrupted_at, None if isinstance(head, Unknown) else head.interrupted_at)
    return any(away is not None and away >= given for away in seen)


def _not_permitted(
    run: Run,
    gate: Gate,
    environment: Environment,
    policy: OverridePolicy,
    person: int,
    conditions: Conditions,
) -> ReasonCode | None:
    """Only people whom the policy lists, and not their own change unless it says so."""
    standing = conditions.standings.get(person, Unknown("not_read"))
    if not isinstance(standing, Standing):
        return ReasonCode.STANDING_UNKNOWN
    fitting = fits(standing, policy.line, conditions)
    if fitting is not True:
        return (
            ReasonCode.STANDING_UNKNOWN if isinstance(fitting, Unknown) else ReasonCode.OVERRIDE_NOT_PERMITTED
        )
    if policy.self_approval:
        return None
    people = owners_of_change(run, gate, environment.approval, conditions)
    if isinstance(people, Unknown):
        return ReasonCode.CONTRIBUTORS_UNKNOWN
    return ReasonCode.SELF_APPROVAL if person in people else None


def _indebted(
    facts: EnvironmentFacts,
    policy: Policy,
    rules: OverridePolicy,
    event: CommandGiven,
    conditions: Conditions,
) -> ReasonCode | None:
    """Whether an earlier override still has to be followed up, or there were too many."""
    if not all(_paid(debt, policy, rules, conditions) for debt in facts.debts):
        return ReasonCode.OVERRIDE_DEBT
    lately = [debt for debt in facts.debts if event.at - debt.at < SPAN]
    return ReasonCode.OVERRIDE_SPENT if len(lately) >= MOST else None


def _paid(debt: Debt, policy: Policy, rules: OverridePolicy, conditions: Conditions) -> bool:
    """Closed by a person, and not by whoever overrode, unless people may override for their own, there and here."""
    closer = _closer(debt, conditions)
    if not isinstance(closer, Person) or closer.account is not PersonKind.USER:
        return False
    there = policy.environment(debt.environment)
    lenient = there is not None and there.override is not None and there.override.self_approval
    return closer.id != debt.by.id or (lenient and rules.self_approval)


def _closer(debt: Debt, conditions: Conditions) -> Person | Unknown | None:
    return conditions.issues.get(debt.issue, Unknown("not_read"))


def without_issue(conditions: Conditions) -> tuple[Debt, ...]:
    """Debts whose issue is not there, or cannot be read: they are paid no other way than by one that is."""
    debts = conditions.environment(EVERYWHERE).debts
    return tuple(debt for debt in debts if isinstance(_closer(debt, conditions), Unknown))


def owed(run: Run, name: str, conditions: Conditions) -> tuple[int, ...]:
    """The issues that have to be closed before somebody overrides there, as far as they are there."""
    policy = run.policy
    environment = policy.environment(name) if isinstance(policy, Policy) else None
    rules = environment.override if environment is not None else None
    if not isinstance(policy, Policy) or rules is None:
        return ()
    debts = conditions.environment(EVERYWHERE).debts
    return tuple(each.issue for each in debts if each.issue and not _paid(each, policy, rules, conditions))


def asked_after(event: Event, facts: EnvironmentFacts | None) -> tuple[int, ...]:
    """The follow-ups that an event may turn on: who closed them is looked at only for an override."""
    if facts is None or not isinstance(event, CommandGiven) or "override" not in event.line:
        return ()
    return tuple(debt.issue for debt in facts.debts if debt.issue)


def followed_up(facts: EnvironmentFacts, comment_id: int, issue: int) -> EnvironmentFacts:
    """The repository once the follow-up of an override is an issue at GitHub."""
    debts = tuple(each.opened_as(issue) if each.comment_id == comment_id else each for each in facts.debts)
    return replace(facts, debts=debts)
