"""What GitHub shows of work that others do for a run, read live before a decision.

Rules of the file: every read is under way at once, none waits for another but for the one call that may stand for it
(`sighting`); what cannot be read is an Unknown with its
reason (invariant 4); a workflow run counts as a stage's only when no other stage of ours has it, and when there is no
other that it could be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import TypeVar

from gate_app.domain.checks import Check, CheckReading, Required, looked_at
from gate_app.domain.events import Event
from gate_app.domain.evidence import StageReason
from gate_app.domain.following import wanted
from gate_app.domain.held import HeldJob, HeldRun
from gate_app.domain.model import Change, Repository, Unknown
from gate_app.domain.policy import Policy, Select
from gate_app.domain.run import Run
from gate_app.domain.workflows import NOT_THERE, DeploymentSeen, Sought, WorkflowSeen
from gate_app.engine.ports import Hub, Sight, Store
from gate_app.engine.sighting import after
from gate_app.errors import HubRefused, HubUnavailable

Read = TypeVar("Read")
Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Seen:
    """What was read; see `domain.conditions.Conditions`."""

    checks: Mapping[str, CheckReading | Unknown] = field(default_factory=dict)
    workflow_runs: Mapping[str, WorkflowSeen | Unknown] = field(default_factory=dict)
    deployments: Mapping[str, DeploymentSeen | Unknown] = field(default_factory=dict)
    routes: Mapping[str, Unknown | None] = field(default_factory=dict)
    held: Mapping[int, HeldRun | Unknown] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Looking:
    """Reads under way; `checks` are what the stages ask for, `routes` the workflow file of each environment."""

    checks: Mapping[str, Select] = field(default_factory=dict)
    standing: Sequence[Future[Sequence[Check] | Unknown]] = ()
    required: Sequence[Future[Sequence[Required] | Unknown]] = ()
    runs: Mapping[str, Future[WorkflowSeen | Unknown]] = field(default_factory=dict)
    deployments: Mapping[str, Future[DeploymentSeen | Unknown]] = field(default_factory=dict)
    routes: Mapping[str, str] = field(default_factory=dict)
    obstacles: Mapping[str, Future[Unknown | None]] = field(default_factory=dict)
    held: Mapping[int, Future[HeldRun | Unknown]] = field(default_factory=dict)

    def seen(self) -> Seen:
        """Waits for all of them."""
        obstacles = _answers(self.obstacles)
        return Seen(
            checks=self._readings(),
            workflow_runs=_answers(self.runs),
            deployments=_answers(self.deployments),
            routes={name: obstacles[workflow] for name, workflow in self.routes.items()},
            held=_answers(self.held),
        )

    def _readings(self) -> Mapping[str, CheckReading | Unknown]:
        """Half of what stands on a commit is nothing to judge by."""
        standing, required = _together(self.standing), _together(self.required)
        if isinstance(standing, Unknown):
            return dict.fromkeys(self.checks, standing)
        if isinstance(required, Unknown):
            return dict.fromkeys(self.checks, required)
        return {name: looked_at(select, standing, required) for name, select in self.checks.items()}


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Reads what one decision turns on, and nothing else."""

    hub: Hub
    store: Store

    def look(
        self,
        run: Run,
        rules: Policy | None,
        event: Event,
        at_once: Executor,
        sight: Future[Sight | None],
    ) -> Looking:
        """Starts every read, those that `sight` stands for once it told nothing."""
        if rules is None:
            return Looking()
        asked, change = wanted(run, rules, event), run.change
        repository, submit, branch = change.repository, at_once.submit, change.base_ref
        gated = [environment.name for environment in rules.environments]
        runs = {key: submit(self._run, repository, run_id) for key, run_id in asked.runs.items()}
        found = {key: submit(self.dispatched, repository, sought) for key, sought in asked.sought.items()}
        jobs = {key: submit(self._jobs, repository, *let_go) for key, let_go in asked.jobs.items()}
        standing: list[Future[Sequence[Check] | Unknown]] = []
        required: list[Future[Sequence[Required] | Unknown]] = []
        if asked.checks:
            standing.append(after(sight, lambda seen: submit(self._check_runs, change, gated, seen)))
            standing.append(after(sight, lambda seen: submit(self._statuses, change, seen)))
        if "required" in asked.checks.values():
            required.append(after(sight, lambda seen: submit(self._rules, repository, branch, seen)))
            required.append(submit(or_unknown, lambda: self.hub.required_by_protection(repository, branch)))
        return Looking(
            asked.checks,
            standing,
            required,
            {**runs, **found, **jobs},
            {key: submit(self._deployment, repository, each) for key, each in asked.deployments.items()},
            asked.routes,
            {each: submit(self._obstacle, repository, each) for each in set(asked.routes.values())},
            {each: submit(self._held, repository, each) for each in asked.held},
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

    def _check_runs(
        self, change: Change, gated: Sequence[str], seen: Sight | None
    ) -> Sequence[Check] | Unknown:
        if seen is not None:
            return seen.checks
        return or_unknown(lambda: self.hub.check_runs(change, gated))

    def _statuses(self, change: Change, seen: Sight | None) -> Sequence[Check] | Unknown:
        return () if seen is not None else or_unknown(lambda: self.hub.commit_statuses(change))

    def _rules(self, repository: Repository, branch: str, seen: Sight | None) -> Sequence[Required] | Unknown:
        if seen is not None:
            return seen.required
        return or_unknown(lambda: self.hub.required_by_rules(repository, branch))

    def _run(self, repository: Repository, run_id: int) -> WorkflowSeen | Unknown:
        return or_unknown(lambda: self.hub.workflow_run(repository, run_id))

    def _held(self, repository: Repository, run_id: int) -> HeldRun | Unknown:
        return or_unknown(lambda: self.hub.held_run(repository, run_id))

    def _jobs(self, repository: Repository, job: HeldJob, environment: str) -> WorkflowSeen | Unknown:
        return or_unknown(lambda: self.hub.released_jobs(repository, job, environment))

    def _deployment(self, repository: Repository, number: int) -> DeploymentSeen | Unknown:
        return or_unknown(lambda: self.hub.deployment_seen(repository, number))

    def _obstacle(self, repository: Repository, workflow: str) -> Unknown | None:
        return or_unknown(lambda: self.hub.workflow_obstacle(repository, workflow))


def _answers(asked: Mapping[Key, Future[Read]]) -> Mapping[Key, Read]:
    return {key: future.result() for key, future in asked.items()}


def _together(asked: Sequence[Future[Sequence[Read] | Unknown]]) -> Sequence[Read] | Unknown:
    """All that was read, in order and once, or why some of it could not be."""
    every: list[Read] = []
    for future in asked:
        found = future.result()
        if isinstance(found, Unknown):
            return found
        every += found
    return tuple(dict.fromkeys(every))


def or_unknown(read: Callable[[], Read]) -> Read | Unknown:
    """What was read, or why it could not be."""
    try:
        return read()
    except HubUnavailable as fault:
        return Unknown("hub_unavailable", str(fault))
    except HubRefused as fault:
        return Unknown("hub_refused", str(fault))
