"""The heart: one fact in, one decision out.

    after = record(run, event)              add one fact, judge nothing (`requests` moves the run when asked)
    verdicts = evaluate(after, conditions)  judge all facts afresh, every gate
    settle(...)                             only the difference becomes effects

Rules of the file: pure and total; deciding the same again gives the same again (that is what a replay checks).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from gate_app.domain.announcing import announce
from gate_app.domain.conditions import Conditions, EnvironmentFacts
from gate_app.domain.draft import RollbackProposal
from gate_app.domain.effects import Effect
from gate_app.domain.evaluate import evaluate
from gate_app.domain.events import ClockTicked, DeploymentCreated, Event, WorkflowDispatched
from gate_app.domain.following import observe, wanted
from gate_app.domain.grants import JobAnswer
from gate_app.domain.learned import current_shipment, with_owners
from gate_app.domain.model import Unknown
from gate_app.domain.opening import with_gates_of
from gate_app.domain.outside import noticed
from gate_app.domain.policy import ApprovalMode, Policy
from gate_app.domain.proposals import Proposal
from gate_app.domain.record import record
from gate_app.domain.requests import Obeyed, obey
from gate_app.domain.reviewing import reviewed, unread_owners
from gate_app.domain.run import Run, RunState, StageRole, StageStatus, oldest_approval
from gate_app.domain.settle import settle
from gate_app.domain.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Decision:
    """What one event came to.

    `environments` are new facts whose `version` is the one that was read; `read_environments` are the (name,
    version) pairs that the decision relied on: both are compared and set in the transaction. `again` asks for
    one more judgement at once, because this decision changed facts that gates read. `proposals` open runs of
    their own. `answers` are what jobs are told.
    """

    run: Run
    verdicts: Mapping[str, Verdict]
    effects: tuple[Effect, ...] = ()
    environments: tuple[EnvironmentFacts, ...] = ()
    read_environments: tuple[tuple[str, int], ...] = ()
    again: bool = False
    proposals: tuple[RollbackProposal, ...] = ()
    answers: tuple[JobAnswer, ...] = ()


def decide(run: Run, event: Event, conditions: Conditions) -> Decision:
    """Records the event, judges every gate and says what has to change in the world."""
    recorded = adopt(record(run, event), conditions)
    request = noticed(recorded, event, conditions) or obey(recorded, event, conditions)
    after = observe(request.run if isinstance(request, Obeyed) else recorded, conditions)
    if isinstance(request, Obeyed) and request.environments:
        conditions = _with_environments(conditions, request.environments)
    verdicts = {**evaluate(after, conditions), **reviewed(after, conditions)}
    draft = settle(after, event, verdicts, conditions, request)
    announce(run, draft)
    return Decision(
        run=draft.run,
        verdicts=verdicts,
        effects=tuple(draft.effects),
        environments=tuple(draft.environments.values()),
        read_environments=tuple(draft.relied_on),
        proposals=tuple(draft.proposals),
        answers=tuple(draft.answers),
        again=bool(draft.environments)
        or _handed_on(after, draft.run)
        or _ended_a_stage(after, draft.run)
        or _unread(draft.run, event, conditions),
    )


def _with_environments(conditions: Conditions, moved: tuple[EnvironmentFacts, ...]) -> Conditions:
    """The same picture after a request that changed environments; their versions are still those that were read."""
    return replace(
        conditions, environments={**conditions.environments, **{each.name: each for each in moved}}
    )


def _ended_a_stage(judged: Run, settled: Run) -> bool:
    """Whether a stage ended in the decision itself, as one that this version cannot run: not judged yet."""
    ended = {key for key, stage in settled.stages.items() if stage.status is StageStatus.ENDED}
    known = {key for key, stage in judged.stages.items() if stage.status is StageStatus.ENDED}
    return settled.state is RunState.OPEN and bool(ended - known)


def _handed_on(judged: Run, settled: Run) -> bool:
    """Whether a question was handed on in the decision itself: who may answer by now was not judged yet."""
    return any(
        gate.question is not None
        and len(gate.question.handed) > len(before.handed if (before := judged.gates[name].question) else ())
        for name, gate in settled.gates.items()
    )


def _unread(run: Run, event: Event, conditions: Conditions) -> bool:
    """Whether this decision began to turn on something that was not read for it.

    Checks of a gate that was opened anew; a workflow run or deployment that may have ended before its webhooks
    could find us; whether a deploying workflow can be started, once nothing but a person is missing; who owns the gate
    file, once it is known to become looser.
    """
    if not isinstance(run.policy, Policy):
        return False
    if unread_owners(run, conditions) and (not isinstance(event, ClockTicked) or conditions.proposal):
        return True
    asked = wanted(run, run.policy, ClockTicked(conditions.now))
    unread = set(asked.routes) - set(conditions.routes)
    if not isinstance(event, ClockTicked):
        unread |= set(asked.checks) - set(conditions.checks)
        unread |= {
            each for each in _unlearned(run, run.policy, conditions) if each not in conditions.shipments
        }
    if isinstance(event, WorkflowDispatched | DeploymentCreated):
        unread |= {*asked.runs, *asked.deployments} - {*conditions.workflow_runs, *conditions.deployments}
    return bool(unread)


def _unlearned(run: Run, policy: Policy, conditions: Conditions) -> Iterator[str]:
    """Open gates that turn on what would ship, where that is not known against what runs there now."""
    for environment in policy.environments:
        gate = run.gates.get(environment.name)
        escalates = environment.approval.mode is ApprovalMode.ESCALATE
        if gate is None or gate.closing or gate.release or not (escalates or environment.paths):
            continue
        if current_shipment(run, environment, conditions) is None:
            yield environment.name


def _interrupted_at(run: Run, conditions: Conditions) -> datetime | None:
    """When the head was away, if an approval stands that is older: it does not count any more (cases 23, 34).

    Within one second the interruption counts as the later one.
    """
    head, approved_at = conditions.head, oldest_approval(run)
    away = None if isinstance(head, Unknown) else head.interrupted_at
    return (
        away if away is not None and approved_at is not None and away >= approved_at else run.interrupted_at
    )


def adopt(run: Run, conditions: Conditions) -> Run:
    """Takes in what was learned once and holds for the run: who contributed, what ships, whose it is, and a
    policy that changed.

    Under a new policy the gate asks again: answers are bound to the old blob and void by themselves. Stages
    whose definition is unchanged keep their result.
    """
    if run.state is not RunState.OPEN or run.final:
        return run
    if run.authorship is None and not isinstance(conditions.authorship, Unknown):
        run = replace(run, authorship=conditions.authorship)
    learned = {name: each for name, each in conditions.shipments.items() if not isinstance(each, Unknown)}
    if learned:
        run = replace(run, shipments={**run.shipments, **learned})
    if isinstance(conditions.proposal, Proposal):
        run = replace(run, proposal=conditions.proposal)
    run = with_owners(replace(run, interrupted_at=_interrupted_at(run, conditions)), conditions)
    policy = conditions.policy
    if not isinstance(policy, Policy):
        return run
    if isinstance(run.policy, Policy) and policy.blob_sha == run.policy.blob_sha:
        return run
    stages = {key: stage for key, stage in run.stages.items() if stage.role is not StageRole.AUTOMATED}
    for key, stage in run.stages.items():
        if stage.role is StageRole.AUTOMATED and key in {spec.name for spec in policy.stages}:
            kept = isinstance(run.policy, Policy) and policy.stage(key) == run.policy.stage(key)
            stages[key] = stage if kept else stage.anew()
    return with_gates_of(replace(run, policy=policy, stages=stages))
