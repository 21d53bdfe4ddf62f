"""The release row of a gate, the last guard against a second one (invariant 2, cases 74 and 85).

Rules of the file: what a step did about releases is read off the run before and after it. A release that
certainly did not happen is taken back by the entry that recorded its return; until then the schema refuses
another one of the same gate, whatever code asks for it. Rows are never deleted.
"""

from __future__ import annotations

from sqlalchemy import Connection, update

from gate_app.domain.run import Gate
from gate_app.engine.ports import Step
from gate_app.store.faults import DatabaseRefused
from gate_app.store.schema import releases

Occasion = tuple[str, int]
"""A gate id and the number of the occasion on which the gate was released, from 1."""


def begun(step: Step) -> dict[str, Occasion]:
    """The releases that this step began, by environment."""
    after = step.decision.run
    return {
        name: (after.gate_id(name), gate.occasions)
        for name, gate in after.gates.items()
        if gate.release is not None and not _same(step.before.gates.get(name), gate)
    }


def returned(step: Step) -> dict[str, Occasion]:
    """The releases that this step took back, by environment."""
    before, after = step.before, step.decision.run
    return {
        name: (before.gate_id(name), gate.occasions)
        for name, gate in before.gates.items()
        if gate.release is not None and not _same(after.gates.get(name), gate)
    }


def store(connection: Connection, step: Step, journal_number: int) -> None:
    """Takes back and begins what the step did, in the journal entry of that number.

    Raises DatabaseRefused when a release is taken back that is not in effect; a second release in effect
    violates the schema.
    """
    table = releases.c
    for gate_id, occasion in returned(step).values():
        in_effect = (table.gate_id == gate_id, table.occasion == occasion, table.returned_number.is_(None))
        change = update(releases).where(*in_effect).values(returned_number=journal_number)
        if connection.execute(change).rowcount != 1:
            raise DatabaseRefused("a release was taken back that is not in effect")
    run = step.decision.run
    for environment, (gate_id, occasion) in begun(step).items():
        key = {"gate_id": gate_id, "occasion": occasion, "run_id": run.id, "environment": environment}
        entry = {"repository_id": run.change.repository.id, "journal_number": journal_number}
        connection.execute(releases.insert().values(key | entry))


def _same(one: Gate | None, other: Gate) -> bool:
    """Whether both have a release and it is of the same occasion."""
    return one is not None and one.release is not None and one.occasions == other.occasions
