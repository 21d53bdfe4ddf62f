"""What GitHub shows of work that others do for a run, read live before a decision.

Rules of the file: what cannot be read is an Unknown with its reason (invariant 4); a workflow run counts as a
stage's only when no other stage of ours has it, and when there is no other that it could be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from gate_app.domain.checks import CheckReading
from gate_app.domain.events import Event
from gate_app.domain.evidence import StageReason
from gate_app.domain.following import wanted
from gate_app.domain.model import Repository, Unknown
from gate_app.domain.policy import Policy, Select
from gate_app.domain.run import Run
from gate_app.domain.workflows import NOT_THERE, DeploymentSeen, Sought, WorkflowSeen
from gate_app.engine.ports import Hub, Store
from gate_app.errors import HubRefused, HubUnavailable

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Seen:
    """What was read; see `domain.conditions.Conditions`."""

    checks: Mapping[str, CheckReading | Unknown] = field(default_factory=dict)
    workflow_runs: Mapping[str, WorkflowSeen | Unknown] = field(default_factory=dict)
    deployments: Mapping[str, DeploymentSeen | Unknown] = field(default_factory=dict)
    routes: Mapping[str, Unknown | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Reads what one decision turns on, and nothing else."""

    hub: Hub
    store: Store

    def seen(self, run: Run, rules: Policy | None, event: Event) -> Seen:
        if rules is None:
            return Seen()
        asked = wanted(run, rules, event)
        names = [environment.name for environment in rules.environments]
        repository = run.change.repository
        runs = {key: self._run(repository, run_id) for key, run_id in asked.runs.items()}
        found = {key: self.dispatched(repository, sought) for key, sought in asked.sought.items()}
        return Seen(
            checks=self._checks(run, asked.checks, names),
            workflow_runs={**runs, **found},
            deployments={
                key: self._deployment(repository, number) for key, number in asked.deployments.items()
            },
            routes=self._routes(repository, asked.routes),
        )

    def dispatched(self, repository: Repository, sought: Sought) -> WorkflowSeen | Unknown:
        """The run that a dispatch of ours became; Unknown when there is none yet, or more than one may be it."""
        found = or_unknown(lambda: self.hub.dispatched_runs(repository, sought))
        if isinstance(found, Unknown):
            return found
        claimed = self.store.claimed_runs(repository.id, [run.id for run in found])
        free = [run for run in found if run.id not in claimed]
        if len(free) == 1:
            return free[0]
        if not free:
            return Unknown(NOT_THERE)
        return Unknown(
            StageReason.WORKFLOW_RUN_AMBIGUOUS.value,
            f"{len(free)} runs of {sought.workflow} may be ours; let its run-name show the inputs it was given",
        )

    def _checks(
        self, run: Run, asked: Mapping[str, Select], gated: list[str]
    ) -> Mapping[str, CheckReading | Unknown]:
        if not asked:
            return {}
        found = or_unknown(lambda: self.hub.checks(run.change, asked, gated))
        return dict.fromkeys(asked, found) if isinstance(found, Unknown) else dict(found)

    def _run(self, repository: Repository, run_id: int) -> WorkflowSeen | Unknown:
        return or_unknown(lambda: self.hub.workflow_run(repository, run_id))

    def _deployment(self, repository: Repository, number: int) -> DeploymentSeen | Unknown:
        return or_unknown(lambda: self.hub.deployment_seen(repository, number))

    def _obstacle(self, repository: Repository, workflow: str) -> Unknown | None:
        return or_unknown(lambda: self.hub.workflow_obstacle(repository, workflow))

    def _routes(self, repository: Repository, asked: Mapping[str, str]) -> Mapping[str, Unknown | None]:
        """Why deploying workflows cannot be started; each file is asked about once."""
        found = {workflow: self._obstacle(repository, workflow) for workflow in set(asked.values())}
        return {name: found[workflow] for name, workflow in asked.items()}


def or_unknown(read: Callable[[], Read]) -> Read | Unknown:
    """What was read, or why it could not be."""
    try:
        return read()
    except HubUnavailable as fault:
        return Unknown("hub_unavailable", str(fault))
    except HubRefused as fault:
        return Unknown("hub_refused", str(fault))
