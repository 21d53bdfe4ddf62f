"""The proposed deployment and its digest: what exactly an approval says yes to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from hashlib import sha256

from gate_app.domain.evidence import digest
from gate_app.domain.parameters import values
from gate_app.domain.policy import Environment, Policy
from gate_app.domain.run import Binding, Run


@dataclass(frozen=True, slots=True)
class Plan:
    """One environment, one head, and what people made of it; each `/modify` makes a new version.

    `notes` are for people and decide nothing; `rollback` is the whole SHA of what to go back to, empty where that is
    what ran there before.
    """

    repository_id: int
    environment: str
    head_sha: str
    route: str
    version: int = 1
    parameters: Mapping[str, str] = field(default_factory=dict)
    notes: str = ""
    rollback: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 over canonical JSON: what the approver sees, hashed, is what is delivered (case 161)."""
        parts = [self.repository_id, self.environment, self.head_sha, self.route, self.version]
        if self.notes or self.rollback:
            return fingerprint([*parts, dict(self.parameters), self.notes, self.rollback])
        return fingerprint([*parts, dict(self.parameters)] if self.parameters else parts)


def fingerprint(value: object) -> str:
    """SHA-256, in hex, of the canonical JSON of plain values."""
    return sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def plan_for(run: Run, environment: Environment) -> Plan:
    """The plan of a run for one environment, as it stands."""
    change, gate = run.change, run.gates.get(environment.name)
    modifications = gate.modifications if gate is not None else ()
    chosen = {name: value for each in modifications for name, value in each.values.items()}
    return Plan(
        change.repository.id,
        environment.name,
        change.head.sha,
        environment.deploy.kind,
        1 + len(modifications),
        values(environment.approval.parameters, chosen),
        _last(each.notes for each in modifications),
        _last(each.rollback for each in modifications),
    )


def _last(said: Iterable[str | None]) -> str:
    """What was said last, empty where nobody said anything."""
    return reduce(lambda before, now: before if now is None else now, said, "") or ""


def evidence_digest(run: Run, environment: Environment) -> str:
    """One digest over the evidence of every stage that the gate needs, by stage name."""
    outcomes = {name: run.stages[name].outcome for name in environment.needs if name in run.stages}
    return fingerprint(
        {name: digest(found.evidence) for name, found in outcomes.items() if found is not None}
    )


def binding_for(run: Run, environment: Environment) -> Binding:
    """What an answer given now would be bound to."""
    blob = run.policy.blob_sha if isinstance(run.policy, Policy) else ""
    gate = run.gates.get(environment.name)
    return Binding(
        run.change.head.sha,
        plan_for(run, environment).digest,
        evidence_digest(run, environment),
        blob,
        run.interrupted_at,
        gate.disturbed if gate else 0,
        gate.owners if gate else "",
        gate.job.key if gate and gate.job else "",
    )
