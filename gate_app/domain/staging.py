"""Starting and stopping automated work as a run needs it.

Rules of the file: a stage starts once per attempt; a lost worker is replaced a bounded number of times; kinds
of work that this version cannot do end as unknown, visibly, and never as passed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, assert_never

from gate_app.domain.draft import Draft
from gate_app.domain.effects import DispatchWorkflow, StartStage, StopStage
from gate_app.domain.evidence import Evidence, StageOutcome, StageReason, StageVerdict
from gate_app.domain.following import checks_to_read
from gate_app.domain.model import Purpose
from gate_app.domain.policy import (
    ChecksWork,
    CommandRoute,
    CommandWork,
    DeploymentRoute,
    GrantRoute,
    Policy,
    ProtectionRuleRoute,
    Route,
    WorkflowRoute,
    WorkflowWork,
)
from gate_app.domain.probes import ProbeWork
from gate_app.domain.protection import approval_of, with_answered
from gate_app.domain.run import Followed, RunState, StageRole, StageRun, StageStatus
from gate_app.domain.workflows import LONGEST

MAX_STARTS: Final = 5
"""How often a stage is started before a vanishing worker makes it unknown; a worker vanishes with its engine."""


def run_automated(draft: Draft) -> None:
    """Starts what has to run before any deployment, and replaces lost workers."""
    run = draft.run
    if run.state is not RunState.OPEN or not isinstance(run.policy, Policy):
        return
    if run.purpose is Purpose.ROLLBACK:
        return
    for stage in run.policy.automated():
        if stage.name not in run.stages and not isinstance(stage.work, ChecksWork):
            start(draft, stage.name, stage.work, StageRole.AUTOMATED)
    restart_lost(draft, StageRole.AUTOMATED)


def restart_lost(draft: Draft, role: StageRole) -> None:
    """Starts lost stages of one role again, as a new attempt; the old worker, if any, is ended first."""
    for stage in tuple(draft.run.stages.values()):
        if stage.status is not StageStatus.LOST or stage.role is not role:
            continue
        draft.effects.append(StopStage(stage.key, stage.attempt))
        work = work_of(draft, stage)
        if work is None or stage.restarts + 1 >= MAX_STARTS:
            _end_unknown(
                draft,
                stage,
                StageReason.STAGE_FAULT,
                f"Its worker vanished {stage.restarts + 1} times without a result.",
            )
        else:
            start(draft, stage.stage, work, role, stage.environment, stage.restarts + 1)


Doing = (
    CommandWork
    | ChecksWork
    | WorkflowWork
    | WorkflowRoute
    | DeploymentRoute
    | GrantRoute
    | ProtectionRuleRoute
    | ProbeWork
)
"""What a stage may have to do: the work of a configured stage, or of a route that is ours to start."""


def work_of(draft: Draft, stage: StageRun) -> Doing | None:
    """What a stage has to do by the pinned policy; None when it no longer says so."""
    policy = draft.run.policy
    if not isinstance(policy, Policy):
        return None
    if stage.role is StageRole.DEPLOY:
        environment = policy.environment(stage.environment or "")
        return deployment_work(environment.deploy) if environment else None
    if stage.role is StageRole.WATCH:
        environment = policy.environment(stage.environment or "")
        return environment.monitor if environment else None
    return next((spec.work for spec in policy.stages if spec.name == stage.stage), None)


def deployment_work(route: Route) -> Doing:
    """A route that we start as work; other routes are not ours to run."""
    match route:
        case CommandRoute():
            return CommandWork(route.command, timeout=route.timeout)
        case WorkflowRoute() | DeploymentRoute() | GrantRoute() | ProtectionRuleRoute():
            return route
        case _:
            assert_never(route)


def start(
    draft: Draft,
    stage: str,
    work: Doing,
    role: StageRole,
    environment: str | None = None,
    restarts: int = 0,
) -> None:
    """Records that a stage runs and asks for whoever does the work."""
    key = stage if environment is None else f"{stage}@{environment}"
    earlier = draft.run.stages.get(key)
    attempt = earlier.attempt + 1 if earlier else 1
    started = StageRun(
        key, stage, role, environment, attempt, StageStatus.RUNNING, draft.now, restarts=restarts
    )
    draft.put_stage(started)
    match work:
        case ChecksWork():
            pass  # somebody else's; `following` looks at them
        case ProbeWork():
            draft.effects.append(_watching(started, work, draft.run.change.head.sha))
        case CommandWork():
            draft.effects.append(_command(draft, started, work))
        case WorkflowWork():
            _dispatch_test(draft, started, work)
        case WorkflowRoute():
            _dispatch_deployment(draft, started, work)
        case DeploymentRoute():
            draft.put_stage(replace(started, followed=_deployment_of(draft, environment)))
        case GrantRoute():
            draft.put_stage(replace(started, dispatched_at=draft.now, followed=_job_of(draft, environment)))
        case ProtectionRuleRoute():
            _let_go(draft, started, environment)
        case _:
            assert_never(work)


def _deployment_of(draft: Draft, environment: str | None) -> Followed | None:
    """The deployment record that others react to: it is there before the stage starts."""
    release = draft.run.gates[environment].release if environment else None
    known = release.deployment_id if release else None
    return Followed("deployment", known) if known is not None else None


def _job_of(draft: Draft, environment: str | None) -> Followed | None:
    """The workflow run whose job has the grant; what an earlier attempt of it came to is not its end."""
    release = draft.run.gates[environment].release if environment else None
    job = release.redeemed if release else None
    return Followed("workflow_run", job.run_id, judged=job.attempt - 1) if job else None


def _let_go(draft: Draft, stage: StageRun, environment: str | None) -> None:
    """GitHub is told to let the held jobs go, and their end is followed from then on."""
    gate = draft.run.gates[environment or ""]
    held = gate.release.held if gate.release else None
    answer = approval_of(draft, gate, stage.key, stage.attempt)
    if held is None or answer is None:
        _end_unknown(draft, stage, StageReason.STAGE_FAULT, "No job is held that could be let go.")
        return
    followed = Followed("workflow_run", held.run_id, judged=held.attempt - 1)
    draft.put_stage(replace(stage, dispatched_at=draft.now, followed=followed))
    draft.put_gate(with_answered(gate, held))
    draft.effects.append(answer)


def _parameters(draft: Draft, stage: StageRun) -> Mapping[str, str]:
    """What the release of a deployment was approved with; no other stage is told."""
    gate = draft.run.gates.get(stage.environment or "")
    release = gate.release if gate is not None and stage.role is StageRole.DEPLOY else None
    return release.parameters if release is not None else {}


def _command(draft: Draft, stage: StageRun, work: CommandWork) -> StartStage:
    return StartStage(
        stage=stage.key,
        attempt=stage.attempt,
        role=stage.role,
        sha=draft.run.change.head.sha,
        command=work.command,
        timeout=work.timeout,
        junit=work.junit,
        sarif=work.sarif,
        coverage=work.coverage,
        environment=stage.environment,
        occasion=draft.run.gates[stage.environment].requested if stage.environment else 0,
        parameters=_parameters(draft, stage),
    )


def _dispatch_test(draft: Draft, stage: StageRun, work: WorkflowWork) -> None:
    """A workflow that tests runs on the head's own branch; a fork's branch is not ours to run on."""
    change = draft.run.change
    if not change.head_branch:
        said = (
            "The head is not on a branch of this repository, so no workflow is started on it; name `checks`."
        )
        _end_unknown(draft, stage, StageReason.FORK_NOT_DISPATCHED, said)
    else:
        draft.effects.append(
            DispatchWorkflow(
                stage.key,
                stage.attempt,
                stage.role,
                work.workflow,
                change.head_branch,
                change.head.sha,
                draft.now,
            )
        )


def _dispatch_deployment(draft: Draft, stage: StageRun, route: WorkflowRoute) -> None:
    """What deploys runs from the default branch, so that the change cannot alter it; it is told what to deploy."""
    change = draft.run.change
    if not change.default_branch:
        said = "The default branch is not known to this run; push a new head."
        _end_unknown(draft, stage, StageReason.WORKFLOW_NOT_DISPATCHABLE, said)
        return
    what = {"sha": change.head.sha, "gate": draft.run.release_id(stage.environment or "")}
    inputs = {**_parameters(draft, stage), **what}
    draft.effects.append(
        DispatchWorkflow(
            stage.key,
            stage.attempt,
            stage.role,
            route.workflow,
            change.default_branch,
            change.head.sha,
            draft.now,
            inputs,
        )
    )


def _watching(stage: StageRun, work: ProbeWork, sha: str) -> StartStage:
    return StartStage(
        stage=stage.key,
        attempt=stage.attempt,
        role=stage.role,
        sha=sha,
        command="",
        timeout=work.duration,
        environment=stage.environment,
        probes=work.probes,
    )


def end_overdue(draft: Draft) -> None:
    """Gives up work at GitHub that takes too long. A test is cancelled; half a deployment may be worse than one
    that ends late, so it goes on there.
    """
    for stage in tuple(draft.run.stages.values()):
        began = stage.dispatched_at or (stage.started_at if stage.followed else None)
        overdue = began is not None and draft.now >= began + LONGEST
        if stage.status is StageStatus.RUNNING and overdue:
            if stage.role is not StageRole.DEPLOY:
                draft.effects.append(StopStage(stage.key, stage.attempt))
            said = f"It had not ended after {LONGEST.total_seconds() / 3600:g} hours."
            _end_unknown(draft, stage, StageReason.TIMED_OUT, said)


def stop_unneeded(draft: Draft) -> None:
    """Ends automated work of a run that is over; what belongs to a begun release goes on."""
    if draft.run.state is RunState.OPEN:
        return
    for stage in tuple(draft.run.stages.values()):
        if stage.role is StageRole.AUTOMATED and stage.status is not StageStatus.ENDED:
            if not isinstance(work_of(draft, stage), ChecksWork):
                draft.effects.append(StopStage(stage.key, stage.attempt))
            _end_unknown(draft, stage, StageReason.STOPPED, "Stopped: this head is no longer under decision.")


def stop_looking(draft: Draft) -> None:
    """Ends looking at checks that no gate waits for any more; nothing of ours runs there."""
    policy = draft.run.policy
    wanted = checks_to_read(draft.run, policy) if isinstance(policy, Policy) else {}
    for stage in tuple(draft.run.stages.values()):
        running = stage.role is StageRole.AUTOMATED and stage.status is StageStatus.RUNNING
        if running and stage.stage not in wanted and isinstance(work_of(draft, stage), ChecksWork):
            _end_unknown(draft, stage, StageReason.STOPPED, "Stopped: no gate waits for these checks.")


def _end_unknown(draft: Draft, stage: StageRun, reason: StageReason, detail: str) -> None:
    outcome = StageOutcome(StageVerdict.UNKNOWN, reason, Evidence(), detail)
    draft.put_stage(replace(stage, status=StageStatus.ENDED, ended_at=draft.now, outcome=outcome))
