"""What was learned about a change, as long as it still says what would ship: against what runs there now."""

from __future__ import annotations

from gate_app.domain.conditions import Conditions
from gate_app.domain.policy import Environment
from gate_app.domain.run import Run
from gate_app.domain.shipping import Shipment


def current_shipment(run: Run, environment: Environment, conditions: Conditions) -> Shipment | None:
    """What would ship to an environment; None while it is not known against what runs there by now."""
    shipment = run.shipments.get(environment.name)
    running = conditions.environment(environment.name).running
    base = running.sha if running is not None else run.change.base_sha
    return shipment if shipment is not None and shipment.base == base else None
