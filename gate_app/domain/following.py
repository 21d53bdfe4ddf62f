"""Work that runs elsewhere: what is read of it before a decision, and what the run makes of what was read.

Rules of the file: level-triggered: a webhook only says "look", and whatever was read makes the stage afresh, so
that what is run again counts as it stands now. What could not be read is unknown and keeps its evidence, so that
a passing trouble takes no answer with it. Nothing is read for a gate that is decided; a comment costs no look at
what only runs, because its end is told or looked for by the clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from gate_app.domain.checks import NOT_FOUND_AFTER, CheckReading, judge_checks, since
from gate_app.domain.conditions import Conditions
from gate_app.domain.effects import CollectReports
from gate_app.domain.events import ButtonPressed, CommandGiven, CommentChanged, Event
from gate_app.domain.evidence import Evidence, StageOutcome, StageReason, StageVerdict
from gate_app.domain.held import HeldJob
from gate_app.domain.model import Purpose, Unknown
from gate_app.domain.policy import ChecksWork, Environment, Policy, Select, WorkflowRoute, WorkflowWork
from gate_app.domain.protection import held_looks, held_to_read, held_watched, with_held
from gate_app.domain.run import Followed, Run, RunState, StageRole, StageRun, StageStatus
from gate_app.domain.workflows import (
    ANSWERED_WITHIN,
    CLOCKS_APART,
    LONGEST,
    NOT_THERE,
    RUN_FOUND_WITHIN,
    DeploymentSeen,
    Sought,
    WorkflowSeen,
    judge_deployment,
    judge_workflow,
)

UNREADABLE_RETRY: Final = timedelta(seconds=30)
LATEST_LOOK: Final = timedelta(hours=6)
"""Work that nobody tells about is looked at ever more rarely, but never less often than this."""
HEAD: Final = "head"
"""What a webhook names that is about a commit of a run itself, and not about the work of others on it."""
_SOONEST_CHECKS: Final = timedelta(minutes=5)
_SOONEST_RUN: Final = timedelta(minutes=1)
_SOONEST_SEARCH: Final = timedelta(seconds=10)
_REMARKS: Final = (CommandGiven, CommentChanged, ButtonPressed)
_NOT_READ: Final = Unknown("not_read")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to read before a decision: `checks` by stage name, `routes` (workflow files) by environment, the rest
    by the key of the stage that follows it. `held` are workflow runs whose jobs GitHub may hold, `jobs` those that it
    let go, with their environment.
    """

    checks: Mapping[str, Select] = field(default_factory=dict)
    runs: Mapping[str, int] = field(default_factory=dict)
    sought: Mapping[str, Sought] = field(default_factory=dict)
    deployments: Mapping[str, int] = field(default_factory=dict)
    routes: Mapping[str, str] = field(default_factory=dict)
    held: tuple[int, ...] = ()
    jobs: Mapping[str, tuple[HeldJob, str]] = field(default_factory=dict)


def wanted(run: Run, policy: Policy, event: Event) -> Wanted:
    """What the decision on `event` turns on and only GitHub can say."""
    checks = checks_to_read(run, policy)
    if isinstance(event, _REMARKS):
        return Wanted(checks, held=held_to_read(run, event))
    return Wanted(
        checks,
        runs={key: each for key, each in _followed(run, "workflow_run").items() if key not in _let_go(run)},
        sought=dict(_sought(run, policy)),
        deployments=_followed(run, "deployment"),
        routes=_routes(run, policy),
        held=held_to_read(run, event),
        jobs=_let_go(run),
    )


def checks_to_read(run: Run, policy: Policy) -> Mapping[str, Select]:
    """The `checks` stages that a decision turns on, by name, with what they ask for."""
    verifying = {stage.stage for stage in run.stages.values() if _is_verifying(stage)}
    names = {*_needed(run, policy), *verifying}
    return {
        spec.name: spec.work.select
        for spec in policy.stages
        if spec.name in names and isinstance(spec.work, ChecksWork)
    }


def _followed(run: Run, what: str) -> Mapping[str, int]:
    return {
        stage.key: stage.followed.id
        for stage in run.stages.values()
        if stage.followed is not None and stage.followed.what == what and _is_to_read(run, stage)
    }


def _let_go(run: Run) -> Mapping[str, tuple[HeldJob, str]]:
    """Deployments that are jobs which GitHub held: what the rest of their workflow run comes to is not their end."""
    found = {}
    for key, stage in run.stages.items():
        gate = run.gates.get(stage.environment or "")
        held = gate.release.held if gate is not None and gate.release is not None else None
        if held is not None and stage.role is StageRole.DEPLOY and stage.followed and _is_to_read(run, stage):
            found[key] = (held, stage.environment or "")
    return found


def _is_to_read(run: Run, stage: StageRun) -> bool:
    """While the reports of an attempt are being read, nothing else of it is."""
    collecting = stage.followed is not None and stage.followed.collecting and stage.outcome is None
    return _is_open(run, stage) and not collecting


def _is_open(run: Run, stage: StageRun) -> bool:
    """Whether what is seen of this stage can still change something: a failed run may be run again."""
    if stage.role is not StageRole.AUTOMATED:
        return stage.status is StageStatus.RUNNING
    lost = stage.status is StageStatus.LOST
    if run.state is not RunState.OPEN or not isinstance(run.policy, Policy) or lost:
        return False
    passed = stage.outcome is not None and stage.outcome.verdict is StageVerdict.PASSED
    return stage.status is StageStatus.RUNNING or (not passed and stage.key in _needed(run, run.policy))


def _sought(run: Run, policy: Policy) -> Iterator[tuple[str, Sought]]:
    """Dispatches that GitHub took without telling which run they became."""
    for stage in run.stages.values():
        if stage.dispatched_at is None or stage.followed is not None or not _is_open(run, stage):
            continue
        began = stage.started_at - CLOCKS_APART
        deploying = policy.environment(stage.environment or "") if stage.role is StageRole.DEPLOY else None
        if deploying is not None and isinstance(deploying.deploy, WorkflowRoute):
            branch, mark = run.change.default_branch, run.release_id(deploying.name)
            yield stage.key, Sought(deploying.deploy.workflow, branch, began, mark)
        for spec in policy.stages:
            if spec.name == stage.stage and isinstance(spec.work, WorkflowWork):
                branch, sha = run.change.head_branch, run.change.head.sha
                yield stage.key, Sought(spec.work.workflow, branch, began, sha=sha)


def _routes(run: Run, policy: Policy) -> Mapping[str, str]:
    """The deploying workflows of gates that are about to ask: whether they can be started is asked first."""
    if run.state is not RunState.OPEN:
        return {}
    found = {}
    for environment in policy.environments:
        gate = run.gates.get(environment.name)
        undecided = gate is not None and not gate.closing and not gate.release and not gate.question
        ready = gate is not None and (gate.override is not None or _has_evidence(run, environment))
        if undecided and isinstance(environment.deploy, WorkflowRoute) and ready:
            found[environment.name] = environment.deploy.workflow
    return found


def _has_evidence(run: Run, environment: Environment) -> bool:
    """Whether the stages that the gate needs have all ended; going back needs none."""
    stages = [run.stages.get(name) for name in environment.needs]
    done = all(stage is not None and stage.status is StageStatus.ENDED for stage in stages)
    return done or run.purpose is Purpose.ROLLBACK


def _needed(run: Run, policy: Policy) -> Iterator[str]:
    """The stages that gates of an open run need which are not decided yet, once each, in configured order."""
    if run.state is not RunState.OPEN or run.purpose is Purpose.ROLLBACK:
        return
    undecided = {name for name, gate in run.gates.items() if gate.release is None and gate.closing is None}
    needs = [set(environment.needs) for environment in policy.environments if environment.name in undecided]
    yield from (spec.name for spec in policy.stages if any(spec.name in each for each in needs))


def _is_verifying(stage: StageRun) -> bool:
    return stage.role is StageRole.VERIFY and stage.status is StageStatus.RUNNING


# --- what the run makes of it ----------------------------------------------------------------------------


def observe(run: Run, conditions: Conditions) -> Run:
    """The run with what was read of work that runs elsewhere."""
    run = with_held(run, conditions)
    if isinstance(run.policy, Policy):
        run = _with_checks(run, run.policy, conditions)
    for key, seen in conditions.workflow_runs.items():
        if key in run.stages and not _is_deployed(run.stages[key]):
            run = run.with_stage(_with_run(run, run.stages[key], seen, conditions.now))
    for key, status in conditions.deployments.items():
        if key in run.stages and run.stages[key].status is StageStatus.RUNNING:
            run = run.with_stage(_with_deployment(run.stages[key], status, conditions.now))
    return run


def _is_deployed(stage: StageRun) -> bool:
    """Whether a deployment is over: its job may have said so in this very decision, before its run ends."""
    return stage.role is StageRole.DEPLOY and stage.status is StageStatus.ENDED


def _with_checks(run: Run, policy: Policy, conditions: Conditions) -> Run:
    asked = checks_to_read(run, policy)
    needed = [name for name in _needed(run, policy) if name in asked]
    verifying = [stage for stage in run.stages.values() if _is_verifying(stage) and stage.stage in asked]
    for name in needed:
        stage = run.stages.get(name) or _begun(name, conditions.now)
        if stage.status is not StageStatus.LOST:
            run = run.with_stage(_checked(stage, conditions.checks.get(name), conditions.now))
    for stage in verifying:
        reading = conditions.checks.get(stage.stage)
        fresh = since(reading, stage.started_at) if isinstance(reading, CheckReading) else reading
        run = run.with_stage(_checked(stage, fresh, conditions.now))
    return run


def _begun(name: str, now: datetime) -> StageRun:
    """Looking at checks begins with the run; nothing has to be started."""
    return StageRun(name, name, StageRole.AUTOMATED, None, 1, StageStatus.RUNNING, now)


def _checked(stage: StageRun, reading: CheckReading | Unknown | None, now: datetime) -> StageRun:
    """The stage as it reads now; what was not read for this decision is not known to stand."""
    if isinstance(reading, Unknown):
        evidence = stage.outcome.evidence if stage.outcome else Evidence()
        said = f"The checks could not be read at GitHub ({reading.detail or reading.code}); tried again."
        outcome: StageOutcome | None = StageOutcome(
            StageVerdict.UNKNOWN, StageReason.CHECKS_UNREADABLE, evidence, said[:1_000]
        )
    else:
        outcome = judge_checks(reading, stage.started_at, now) if reading is not None else None
    return _outcome(stage, outcome, now)


def _outcome(stage: StageRun, outcome: StageOutcome | None, now: datetime) -> StageRun:
    if outcome is None:
        return replace(stage, status=StageStatus.RUNNING, ended_at=None, outcome=None)
    ended_at = stage.ended_at if outcome == stage.outcome else now
    return replace(stage, status=StageStatus.ENDED, ended_at=ended_at, outcome=outcome)


def _with_run(run: Run, stage: StageRun, seen: WorkflowSeen | Unknown, now: datetime) -> StageRun:
    """The stage after a look at its workflow run; an attempt whose end was taken in is not judged twice."""
    if isinstance(seen, Unknown):
        return _unseen(stage, seen, now)
    judged = stage.followed.judged if stage.followed else 0
    if stage.dispatched_at is None or seen.attempt <= judged:
        return replace(stage, obstacle=None)
    sha = "" if stage.role is StageRole.DEPLOY else run.change.head.sha
    outcome = judge_workflow(seen, _workflow_of(run, stage), sha)
    if outcome is not None and outcome.verdict is not StageVerdict.UNKNOWN and _reporting(run, stage):
        reading = Followed("workflow_run", seen.id, seen.link, seen.attempt, collecting=seen.attempt)
        return _outcome(replace(stage, followed=reading, obstacle=None), None, now)
    if outcome is None and stage.outcome is not None and stage.outcome.reason is StageReason.TIMED_OUT:
        return stage  # it was given up; only its end says more
    followed = Followed("workflow_run", seen.id, seen.link, seen.attempt if outcome else judged)
    return _outcome(replace(stage, followed=followed, obstacle=None), outcome, now)


def _reporting(run: Run, stage: StageRun) -> WorkflowWork | None:
    """The work of a stage whose reports decide, not only how its workflow ended."""
    specs = run.policy.stages if isinstance(run.policy, Policy) else ()
    works = [spec.work for spec in specs if spec.name == stage.stage and stage.role is not StageRole.DEPLOY]
    reporting = [work for work in works if isinstance(work, WorkflowWork) and work.reports]
    return reporting[0] if reporting else None


def collections(run: Run, conditions: Conditions) -> Iterator[CollectReports]:
    """The reports to read of what was seen to end just now."""
    for key, seen in conditions.workflow_runs.items():
        stage = run.stages.get(key)
        work = _reporting(run, stage) if stage else None
        if stage is None or work is None or stage.followed is None or isinstance(seen, Unknown):
            continue
        if stage.status is StageStatus.RUNNING and stage.followed.collecting == seen.attempt:
            attempts = (stage.attempt, seen.id, seen.attempt)
            yield CollectReports(key, *attempts, seen.conclusion, work.junit, work.sarif, work.coverage)


def _unseen(stage: StageRun, why: Unknown, now: datetime) -> StageRun:
    """A run that cannot be read is an obstacle; one that never showed up is unknown, and not dispatched again."""
    if stage.status is not StageStatus.RUNNING:
        return stage
    sent = stage.dispatched_at or now
    if why.code == NOT_THERE and stage.followed is None and now >= sent + RUN_FOUND_WITHIN:
        minutes = int(RUN_FOUND_WITHIN.total_seconds() // 60)
        said = f"GitHub took the dispatch, but no run of it was found within {minutes} minutes."
        missing = StageOutcome(StageVerdict.UNKNOWN, StageReason.WORKFLOW_RUN_MISSING, Evidence(), said)
        return _outcome(stage, missing, now)
    return stage if why.code == NOT_THERE else replace(stage, obstacle=why)


def _workflow_of(run: Run, stage: StageRun) -> str:
    """The file name of a stage's workflow, for people; the policy may have moved on."""
    policy = run.policy
    if not isinstance(policy, Policy):
        return "workflow"
    environment = policy.environment(stage.environment or "")
    if stage.role is StageRole.DEPLOY and environment and isinstance(environment.deploy, WorkflowRoute):
        return environment.deploy.workflow
    gate = run.gates.get(stage.environment or "")
    if gate is not None and gate.release is not None and gate.release.redeemed is not None:
        return gate.release.redeemed.workflow
    works = [spec.work for spec in policy.stages if spec.name == stage.stage]
    return next((work.workflow for work in works if isinstance(work, WorkflowWork)), "workflow")


def _with_deployment(stage: StageRun, seen: DeploymentSeen | Unknown, now: datetime) -> StageRun:
    if isinstance(seen, Unknown):
        return replace(stage, obstacle=seen)
    return _outcome(replace(stage, obstacle=None), judge_deployment(seen, stage.started_at, now), now)


# --- when to look again, and what to listen for -----------------------------------------------------------


def looks(run: Run, conditions: Conditions) -> Iterator[datetime]:
    """When to look again at what runs elsewhere, should nobody tell: a webhook may be lost (case 195)."""
    now = conditions.now
    yield from held_looks(run, now)
    asked = checks_to_read(run, run.policy) if isinstance(run.policy, Policy) else {}
    for stage in run.stages.values():
        if stage.stage in asked:
            yield from _next_check(stage, conditions)
        elif stage.dispatched_at is not None and _is_open(run, stage):
            unread = isinstance(conditions.workflow_runs.get(stage.key), Unknown)
            yield from _next_run(stage, stage.dispatched_at, now, unread)
        elif stage.followed is not None and _is_open(run, stage):
            yield from _deadlines(now, stage.started_at + ANSWERED_WITHIN, stage.started_at + LONGEST)
            yield _later(stage.started_at, now, _SOONEST_RUN)


def _next_check(stage: StageRun, conditions: Conditions) -> Iterator[datetime]:
    """None for a stage that passed: it is read again when somebody answers."""
    now = conditions.now
    if isinstance(conditions.checks.get(stage.stage, _NOT_READ), Unknown):
        yield now + UNREADABLE_RETRY
        return
    if stage.outcome is not None and stage.outcome.verdict is StageVerdict.PASSED:
        return
    yield from _deadlines(now, stage.started_at + NOT_FOUND_AFTER)
    yield _later(stage.started_at, now, _SOONEST_CHECKS)


def _next_run(stage: StageRun, sent: datetime, now: datetime, unread: bool) -> Iterator[datetime]:
    yield from _deadlines(now, sent + LONGEST)
    if stage.followed is None:
        yield from _deadlines(now, sent + RUN_FOUND_WITHIN)
        yield _later(sent, now, _SOONEST_SEARCH)
    elif stage.followed.collecting and stage.outcome is None:
        return
    elif unread:
        yield now + UNREADABLE_RETRY
    else:
        yield _later(sent, now, _SOONEST_RUN)


def _deadlines(now: datetime, *moments: datetime) -> Iterator[datetime]:
    yield from (moment for moment in moments if moment > now)


def _later(began: datetime, now: datetime, soonest: timedelta) -> datetime:
    """The longer it takes, the longer until the next look: it at most doubles the age, within bounds."""
    return now + min(max(now - began, soonest), LATEST_LOOK)


def watched(run: Run) -> tuple[tuple[str, str], ...]:
    """What a webhook may name that this run follows, as (what, name)."""
    checks = checks_to_read(run, run.policy) if isinstance(run.policy, Policy) else {}
    commit = (("commit", run.change.head.sha),) if checks else ()
    stages = [stage for stage in run.stages.values() if stage.followed is not None and _is_open(run, stage)]
    followed = [(stage.followed.what, str(stage.followed.id)) for stage in stages if stage.followed]
    return (*commit, *dict.fromkeys((*followed, *held_watched(run))))


def concerned(run: Run) -> tuple[tuple[str, str], ...]:
    """What a webhook may name that is a matter of this run: its commit while that is decided on, and `watched`."""
    head = ((HEAD, run.change.head.sha),) if run.state is RunState.OPEN else ()
    return (*head, *watched(run))
