"""What was learned about a change, as long as it still says what would ship: against what runs there now."""

from __future__ import annotations

from gate_app.domain.conditions import Conditions, EnvironmentFacts
from gate_app.domain.policy import Environment
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
