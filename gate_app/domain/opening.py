"""How runs begin: for a change, or to take an environment back to what was healthy there."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from urllib.parse import quote

from gate_app.domain.model import Change, Person, Purpose, Repository, Subject
from gate_app.domain.patience import Pause
from gate_app.domain.policy import Policy, PolicyProblem
from gate_app.domain.run import Gate, Run


def open_run(
    change: Change,
    sequence: int,
    policy: Policy | PolicyProblem,
    at: datetime,
    pushers: tuple[int, ...] = (),
    pauses: tuple[Pause, ...] = (),
) -> Run:
    """The run of a change before anything happened in it. Its id names subject and sequence.

    `pauses` are holds on earlier runs of the same conversation that nobody has lifted.
    """
    run = Run(
        f"{change.subject.key}:{sequence}", sequence, change, at, policy, pushers=pushers, pauses=pauses
    )
    return with_gates_of(run)


def rollback_subject(repository: Repository, environment: str) -> Subject:
    """What the rollbacks of one environment are serialised by: no branch, and no colon in it (`Run.gate_id`)."""
    return Subject(repository.id, ref=f"rollback/{quote(environment, safe='')}")


def open_rollback(
    change: Change,
    sequence: int,
    policy: Policy | PolicyProblem,
    at: datetime,
    environment: str,
    because: str,
    follows: str,
    requesters: tuple[Person, ...] = (),
    by_rule: str = "",
) -> Run:
    """A run that takes an environment back to `change.head`; it is shown on what it takes out, `change.base_sha`.

    `requesters` are who asked for it, nobody after a breach. `by_rule` is the blob of the policy that said at the
    breach to ask nobody, empty where it asks.
    """
    return Run(
        f"{change.subject.key}:{sequence}",
        sequence,
        change,
        at,
        policy,
        gates={environment: Gate(environment, requesters=requesters)},
        purpose=Purpose.ROLLBACK,
        shown_on=change.base_sha,
        because=because,
        follows=follows,
        by_rule=by_rule,
    )


def with_gates_of(run: Run) -> Run:
    """Adds the gates that the pinned policy asks for and the run does not have yet."""
    if not isinstance(run.policy, Policy) or run.purpose is Purpose.ROLLBACK:
        return run
    names = [environment.name for environment in run.policy.gated_in(run.change.origin)]
    return replace(run, gates={name: run.gates.get(name, Gate(name)) for name in names} | dict(run.gates))
