"""What a lock of an environment does, and how `/lock` and `/unlock` put it on and take it off.

Rules of the file: a lock holds the releases of every pull request but its own, rollbacks included; nothing here opens a
gate; a lock that cannot be read holds everybody (case 84). It is put on by whoever may write. It is lifted from its own
pull request, or from another one, with a reason, by who may approve there or maintains the repository.
"""

from __future__ import annotations

from dataclasses import replace

from gate_app.domain.commands import Command
from gate_app.domain.conditions import Conditions, EnvironmentFacts, Standing
from gate_app.domain.events import CommandGiven
from gate_app.domain.lines import fits_any
from gate_app.domain.locks import USUAL, Lock
from gate_app.domain.model import Unknown
from gate_app.domain.policy import Environment, Permission, Policy
from gate_app.domain.run import Run
from gate_app.domain.verdict import Reason, ReasonCode, met, unknown, unmet


def lock_reasons(run: Run, environment: str, conditions: Conditions) -> tuple[Reason, ...]:
    """The lock of an environment as it concerns this run; an environment without one has nothing to say."""
    lock = lock_of(conditions.environment(environment), conditions)
    if lock is None:
        return ()
    if isinstance(lock, Unknown):
        return (unknown(ReasonCode.LOCK_UNREADABLE),)
    facts = {
        "owner": str(lock.owner),
        "by": lock.by.login,
        "until": lock.until.isoformat(),
        "note": lock.reason,
    }
    own = lock.owner == run.change.conversation
    return (met(ReasonCode.LOCK_OWNED, **facts) if own else unmet(ReasonCode.LOCKED, **facts),)


def lock_of(facts: EnvironmentFacts, conditions: Conditions) -> Lock | Unknown | None:
    """The lock that holds now: one whose time is over is none."""
    lock = facts.lock
    return None if isinstance(lock, Lock) and not lock.holds(conditions.now) else lock


def move_lock(
    policy: Policy, command: Command, event: CommandGiven, conditions: Conditions
) -> EnvironmentFacts | ReasonCode:
    """The environment after a `/lock` or `/unlock`, or why nothing changed; the gate file has a name, and no lock."""
    environment = policy.environment(command.environment or "")
    if environment is None:
        return ReasonCode.ENVIRONMENT_UNKNOWN
    facts = conditions.environment(environment.name)
    lock = lock_of(facts, conditions)
    if command.verb == "lock":
        return _locked(facts, lock, command, event)
    if lock is None or (isinstance(lock, Lock) and lock.at > event.at):  # put on after this was written
        return ReasonCode.NOT_LOCKED
    obstacle = _not_lifted(lock, environment, command, event, conditions)
    return obstacle or replace(facts, lock=None)


def _locked(
    facts: EnvironmentFacts, lock: Lock | Unknown | None, command: Command, event: CommandGiven
) -> EnvironmentFacts | ReasonCode:
    """Put on, or put on again with another reason and end by the same pull request."""
    if isinstance(lock, Unknown):
        return ReasonCode.LOCK_UNREADABLE
    if lock is not None and lock.owner != event.conversation:
        return ReasonCode.LOCKED_BY_ANOTHER
    until = event.at + (command.duration or USUAL)
    return replace(facts, lock=Lock(event.conversation, event.person, event.at, until, command.reason))


def _not_lifted(
    lock: Lock | Unknown,
    environment: Environment,
    command: Command,
    event: CommandGiven,
    conditions: Conditions,
) -> ReasonCode | None:
    """Why somebody does not lift a lock, if so."""
    if isinstance(lock, Lock) and lock.owner == event.conversation:
        return None
    standing = conditions.standings.get(event.person.id)
    may = isinstance(standing, Standing) and (
        standing.permission >= Permission.MAINTAIN
        or fits_any(standing, environment.approval.lines, conditions) is True
    )
    if not may:
        return ReasonCode.UNLOCK_NOT_PERMITTED
    return None if command.reason else ReasonCode.TEXT_MISSING
