"""Work that runs elsewhere: what is read of it before a decision, and what the run makes of what was read.

Rules of the file: level-triggered: a webhook only says "look", and whatever was read makes the stage afresh,
so that a check that is run again counts as it stands now. What could not be read is unknown and keeps its
evidence, so that a passing trouble takes no answer with it. Nothing is read for a gate that is decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from gate_app.domain.checks import NOT_FOUND_AFTER, CheckReading, judge_checks, since
from gate_app.domain.conditions import Conditions
from gate_app.domain.evidence import Evidence, StageOutcome, StageReason, StageVerdict
from gate_app.domain.model import Purpose, Unknown
from gate_app.domain.policy import ChecksWork, Policy, Select
from gate_app.domain.run import Run, RunState, StageRole, StageRun, StageStatus

UNREADABLE_RETRY: Final = timedelta(seconds=30)
SOONEST_LOOK: Final = timedelta(minutes=5)
"""How soon work that nobody tells about is looked at again; later the longer it takes, in case a webhook is lost."""
LATEST_LOOK: Final = timedelta(hours=6)
NOT_READ: Final = Unknown("not_read")


def checks_to_read(run: Run, policy: Policy) -> Mapping[str, Select]:
    """The `checks` stages that this decision turns on, by name, with what they ask for."""
    names = {*_needed(run, policy), *(stage.stage for stage in _verifying(run))}
    return {
        spec.name: spec.work.select
        for spec in policy.stages
        if spec.name in names and isinstance(spec.work, ChecksWork)
    }


def observe(run: Run, conditions: Conditions) -> Run:
    """The run with what was read of work that runs elsewhere."""
    if not isinstance(run.policy, Policy):
        return run
    wanted = checks_to_read(run, run.policy)
    needed = [name for name in _needed(run, run.policy) if name in wanted]
    verifying = [stage for stage in _verifying(run) if stage.stage in wanted]
    for name in needed:
        stage = run.stages.get(name) or _begun(name, conditions.now)
        if stage.status is not StageStatus.LOST:
            run = run.with_stage(_seen(stage, conditions.checks.get(name), conditions.now))
    for stage in verifying:
        reading = conditions.checks.get(stage.stage)
        fresh = since(reading, stage.started_at) if isinstance(reading, CheckReading) else reading
        run = run.with_stage(_seen(stage, fresh, conditions.now))
    return run


def _needed(run: Run, policy: Policy) -> Iterator[str]:
    """The stages that gates of an open run need which are not decided yet, once each, in configured order."""
    if run.state is not RunState.OPEN or run.purpose is Purpose.ROLLBACK:
        return
    undecided = {name for name, gate in run.gates.items() if gate.release is None and gate.closing is None}
    needs = [set(environment.needs) for environment in policy.environments if environment.name in undecided]
    yield from (spec.name for spec in policy.stages if any(spec.name in each for each in needs))


def _verifying(run: Run) -> tuple[StageRun, ...]:
    stages = (stage for stage in run.stages.values() if stage.role is StageRole.VERIFY)
    return tuple(stage for stage in stages if stage.status is StageStatus.RUNNING)


def _begun(name: str, now: datetime) -> StageRun:
    """Looking at checks begins with the run; nothing has to be started."""
    return StageRun(name, name, StageRole.AUTOMATED, None, 1, StageStatus.RUNNING, now)


def _seen(stage: StageRun, reading: CheckReading | Unknown | None, now: datetime) -> StageRun:
    """The stage as it reads now; what was not read for this decision is not known to stand."""
    if isinstance(reading, Unknown):
        evidence = stage.outcome.evidence if stage.outcome else Evidence()
        detail = f"The checks could not be read at GitHub ({reading.detail or reading.code}); tried again."
        outcome: StageOutcome | None = StageOutcome(
            StageVerdict.UNKNOWN, StageReason.CHECKS_UNREADABLE, evidence, detail[:1_000]
        )
    else:
        outcome = judge_checks(reading, stage.started_at, now) if reading is not None else None
    if outcome is None:
        return replace(stage, status=StageStatus.RUNNING, ended_at=None, outcome=None)
    ended_at = stage.ended_at if outcome == stage.outcome else now
    return replace(stage, status=StageStatus.ENDED, ended_at=ended_at, outcome=outcome)


def looks(run: Run, conditions: Conditions) -> Iterator[datetime]:
    """When to look again at what runs elsewhere, should nobody tell: a webhook may be lost (case 195)."""
    if not isinstance(run.policy, Policy):
        return
    for name in checks_to_read(run, run.policy):
        for stage in run.stages.values():
            if stage.stage == name:
                yield from _next_look(stage, conditions)


def _next_look(stage: StageRun, conditions: Conditions) -> Iterator[datetime]:
    """None for a stage that passed: it is read again when somebody answers."""
    now = conditions.now
    if isinstance(conditions.checks.get(stage.stage, NOT_READ), Unknown):
        yield now + UNREADABLE_RETRY
        return
    if stage.outcome is not None and stage.outcome.verdict is StageVerdict.PASSED:
        return
    given_up = stage.started_at + NOT_FOUND_AFTER
    if now < given_up:
        yield given_up
    yield now + min(max(now - stage.started_at, SOONEST_LOOK), LATEST_LOOK)


def watched(run: Run) -> tuple[tuple[str, str], ...]:
    """What a webhook may name that this run follows, as (kind, name)."""
    if not isinstance(run.policy, Policy) or not checks_to_read(run, run.policy):
        return ()
    return (("commit", run.change.head.sha),)
