"""Starting and stopping automated work as a run needs it.

Rules of the file: a stage starts once per attempt; a lost worker is replaced a bounded number of times; kinds
of work that this version cannot do end as unknown, visibly, and never as passed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from gate_app.domain.draft import Draft
from gate_app.domain.effects import StartStage, StopStage
from gate_app.domain.evidence import Evidence, StageOutcome, StageReason, StageVerdict
from gate_app.domain.following import checks_to_read
from gate_app.domain.model import Purpose
from gate_app.domain.policy import ChecksWork, CommandRoute, CommandWork, Policy, ProbeWork, Route, Work
from gate_app.domain.run import RunState, StageRole, StageRun, StageStatus

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


def work_of(draft: Draft, stage: StageRun) -> Work | ProbeWork | None:
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


def deployment_work(route: Route) -> CommandWork | None:
    """The command route as work; other routes are not ours to run."""
    return CommandWork(route.command, timeout=route.timeout) if isinstance(route, CommandRoute) else None


def start(
    draft: Draft,
    stage: str,
    work: Work | ProbeWork,
    role: StageRole,
    environment: str | None = None,
    restarts: int = 0,
) -> None:
    """Records that a stage runs and asks for its worker."""
    key = stage if environment is None else f"{stage}@{environment}"
    earlier = draft.run.stages.get(key)
    attempt = earlier.attempt + 1 if earlier else 1
    started = StageRun(
        key, stage, role, environment, attempt, StageStatus.RUNNING, draft.now, restarts=restarts
    )
    draft.put_stage(started)
    if isinstance(work, ChecksWork):
        return  # somebody else's; `following` looks at them
    if isinstance(work, ProbeWork):
        draft.effects.append(_watching(started, work, draft.run.change.head.sha))
        return
    if not isinstance(work, CommandWork):
        _end_unknown(
            draft,
            started,
            StageReason.STAGE_FAULT,
            f"This version cannot follow a `{work.kind}` stage yet; use a `command` stage.",
        )
        return
    draft.effects.append(
        StartStage(
            stage=key,
            attempt=attempt,
            role=role,
            sha=draft.run.change.head.sha,
            command=work.command,
            timeout=work.timeout,
            junit=work.junit,
            sarif=work.sarif,
            environment=environment,
            occasion=draft.run.gates[environment].requested if environment else 0,
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
