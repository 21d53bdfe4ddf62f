"""What was learned about a change, as long as it still says what would ship: against what runs there now."""

from __future__ import annotations

from dataclasses import replace

from gate_app.domain.conditions import Conditions, EnvironmentFacts
from gate_app.domain.model import Unknown
from gate_app.domain.ownership import Ownership
from gate_app.domain.plan import fingerprint
from gate_app.domain.policy import Environment
from gate_app.domain.review import gate_named
from gate_app.domain.run import Run
from gate_app.domain.shipping import Shipment


def current_shipment(run: Run, environment: Environment, conditions: Conditions) -> Shipment | None:
    """What would ship to an environment; None while it is not known against what runs there by now."""
    shipment = run.shipments.get(environment.name)
    facts = conditions.environment(environment.name)
    base = facts.running.sha if facts.running is not None else run.change.base_sha
    known = shipment is not None and (shipment.base, shipment.first) == (base, is_first(environment, facts))
    return shipment if known else None


def is_first(environment: Environment, facts: EnvironmentFacts) -> bool:
    """Whether nothing of ours runs there, so that nobody knows what else was never released.

    In shadow others deploy, and a change is measured from where it begins.
    """
    return facts.running is None and not environment.shadow


def with_owners(run: Run, conditions: Conditions) -> Run:
    """Takes in whose files would change: policy like the gate file, so other owners void answers (invariant 12).

    What cannot be told now leaves what was known; a gate that asks owners waits meanwhile.
    """
    for name, owners in conditions.owners.items():
        gate = gate_named(run, name)
        if gate is not None and gate.turns_on_answers and not isinstance(owners, Unknown):
            run = run.with_gate(replace(gate, owners=owners_digest(owners)))
    return run


def owners_digest(owners: Ownership) -> str:
    """Of who has to answer, in whatever order; which of their files came first does not matter."""
    return fingerprint(
        sorted(
            [
                each.anybody,
                *(sorted(map(str.casefold, kind)) for kind in (each.users, each.teams, each.others)),
            ]
            for each in owners
        )
    )
