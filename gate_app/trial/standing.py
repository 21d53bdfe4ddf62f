"""Where a trial stands: what each environment waits for, and whether anything can still happen.

Rules of the file: pure; nothing counts as released but what the run says is released and healthy; a trial is
over when no stage runs, nobody is asked and nothing that was begun can go on by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never

from gate_app.domain.evidence import StageVerdict
from gate_app.domain.model import Origin
from gate_app.domain.policy import ChecksWork, Environment, Policy
from gate_app.domain.run import Gate, ReleaseStatus, Run, StageRun, StageStatus
from gate_app.domain.verdict import Holds, Reason, ReasonCode, Verdict, VerdictState
from gate_app.trial.picture import Picture


class Outcome(StrEnum):
    """How a trial ends. Only `RELEASED` is a success."""

    RELEASED = "released"
    DENIED = "denied"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    FAILED = "failed"
    UNKNOWN = "unknown"
    WAITING = "waiting"
    TIMED_OUT = "timed_out"
    FAULT = "fault"
    REFUSED = "refused"
    INTERRUPTED = "interrupted"

    @property
    def exit_code(self) -> int:
        """0 released, 2 wrong call or configuration, 130 interrupted, 1 anything else."""
        return _EXIT_CODES.get(self, 1)


_EXIT_CODES: Final = {Outcome.RELEASED: 0, Outcome.REFUSED: 2, Outcome.INTERRUPTED: 130}


class Moving(StrEnum):
    """What an environment waits for that is not over: the machine, or a person."""

    MACHINE = "machine"
    PERSON = "person"


Stand = Outcome | Moving
"""Where one environment stands: over, with its outcome, or still moving."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where everything stands. `asking` are environments whose question is on the page and open.

    `merge_due` says that the next step is to merge the pull request. `outcome` is None while it goes on.
    """

    stands: Mapping[str, Stand]
    asking: tuple[str, ...]
    merge_due: bool
    outcome: Outcome | None


def assess(policy: Policy, picture: Picture) -> Standing:
    """Judges one look at everything."""
    stands: dict[str, Stand] = {}
    for environment in policy.environments:
        stands[environment.name] = _stand(policy, picture, environment, stands)
    merge_due = _merge_due(policy, picture, stands)
    asking = tuple(name for name, stand in stands.items() if stand is Moving.PERSON)
    return Standing(stands, asking, merge_due, _outcome(policy, picture, stands, merge_due))


def _outcome(
    policy: Policy, picture: Picture, stands: Mapping[str, Stand], merge_due: bool
) -> Outcome | None:
    if merge_due or stage_is_running(picture) or Moving.PERSON in stands.values():
        return None
    ended = [stand for stand in stands.values() if isinstance(stand, Outcome)]
    if len(ended) < len(policy.environments):
        return Outcome.FAULT if picture.overview.set_aside else None
    return next((outcome for outcome in ended if outcome is not Outcome.RELEASED), Outcome.RELEASED)


def stage_is_running(picture: Picture) -> bool:
    """Whether work is under way in a run of this trial."""
    runs = [picture.run_of(origin) for origin in Origin]
    return any(
        stage.status is not StageStatus.ENDED and not waits_for_others(run, stage)
        for run in runs
        if run is not None
        for stage in run.stages.values()
    )


def waits_for_others(run: Run, stage: StageRun) -> bool:
    """Whether a stage waits for check runs of others: on the stand-in nobody reports any."""
    if stage.status is StageStatus.ENDED or not isinstance(run.policy, Policy):
        return False
    return any(spec.name == stage.stage and isinstance(spec.work, ChecksWork) for spec in run.policy.stages)


def is_shown_to_the_end(picture: Picture) -> bool:
    """Whether GitHub shows every ended gate as ended: its check run is closed, its deployment has its last status."""
    runs = [run for run in map(picture.run_of, Origin) if run is not None]
    return all(
        _check_is_closed(picture, run, gate) and _deployment_is_told(picture, gate)
        for run in runs
        for gate in run.gates.values()
        if gate.ended
    )


def _check_is_closed(picture: Picture, run: Run, gate: Gate) -> bool:
    checks = picture.snapshot["check_runs"]
    found = [check["conclusion"] for check in checks if check["external_id"] == run.gate_id(gate.environment)]
    return any(conclusion not in (None, "action_required") for conclusion in found)


def _deployment_is_told(picture: Picture, gate: Gate) -> bool:
    if gate.release is None or gate.release.deployment_id is None:
        return True
    wanted = "success" if gate.release.status is ReleaseStatus.HEALTHY else "failure"
    found = [one["statuses"] for one in picture.deployments if one["id"] == gate.release.deployment_id]
    return any(statuses and statuses[-1]["state"] == wanted for statuses in found)


# --- one environment -------------------------------------------------------------------------------------


def _stand(policy: Policy, picture: Picture, environment: Environment, earlier: Mapping[str, Stand]) -> Stand:
    run = _run_for(picture, environment)
    if run is None:
        return _before_merge(policy, picture, environment, earlier)
    gate = run.gates.get(environment.name)
    verdict = picture.overview.verdicts.get(run.id, {}).get(environment.name)
    if environment.origin is Origin.COMMAND and gate is None:
        busy = stage_is_running(picture) or Moving.MACHINE in earlier.values()
        return Moving.MACHINE if busy else Moving.PERSON
    if gate is None or verdict is None:
        return Moving.MACHINE
    return _of_gate(picture, run, gate, verdict, earlier)


def _run_for(picture: Picture, environment: Environment) -> Run | None:
    """The run in which an environment has its gate; one that is deployed on command, where that is typed."""
    if environment.origin is not Origin.COMMAND:
        return picture.run_of(environment.origin)
    return picture.run_of(Origin.DEFAULT_BRANCH) or picture.run_of(Origin.PULL_REQUEST)


def _of_gate(picture: Picture, run: Run, gate: Gate, verdict: Verdict, earlier: Mapping[str, Stand]) -> Stand:
    if gate.release is not None:
        return _of_release(gate.release.status, gate.release.failure)
    if gate.closing is not None:
        return _of_closing(gate.closing.state)
    if verdict.asks and _is_shown(picture, run, gate):
        return Moving.PERSON
    return _of_obstacles(run, verdict, earlier)


def _of_release(status: ReleaseStatus, failure: ReasonCode | None) -> Stand:
    match status:
        case ReleaseStatus.HEALTHY:
            return Outcome.RELEASED
        case ReleaseStatus.FAILED:
            return Outcome.UNKNOWN if failure is ReasonCode.VERIFICATION_UNKNOWN else Outcome.FAILED
        case _:
            return Moving.MACHINE


def _of_closing(state: VerdictState) -> Stand:
    match state:
        case VerdictState.DENIED:
            return Outcome.DENIED
        case VerdictState.EXPIRED:
            return Outcome.EXPIRED
        case VerdictState.SUPERSEDED:
            return Outcome.SUPERSEDED
        case VerdictState.CANCELLED:
            return Outcome.CANCELLED
        case VerdictState.SKIPPED:
            return Outcome.RELEASED  # nothing of the change belongs there: nothing is left to do
        case VerdictState.WAITING | VerdictState.APPROVED:
            return Moving.MACHINE
        case _:
            assert_never(state)


def _is_shown(picture: Picture, run: Run, gate: Gate) -> bool:
    if gate.question is None:
        return False
    marker = f"{run.id}:question:{gate.environment}:{gate.question.number}"
    return any(comment.marker == marker for comment in picture.app_comments)


def _of_obstacles(run: Run, verdict: Verdict, earlier: Mapping[str, Stand]) -> Stand:
    """Over when an obstacle will not go away by waiting; the first one says how."""
    if verdict.awaits_job:  # no workflow runs here
        return Outcome.UNKNOWN
    for reason in (reason for root in verdict.reasons for reason in root.walk()):
        over = _of_obstacle(run, reason, earlier)
        if over is not None:
            return over
    return Moving.MACHINE


def _of_obstacle(run: Run, reason: Reason, earlier: Mapping[str, Stand]) -> Outcome | None:
    match reason.code:
        case ReasonCode.STAGE_FAILED | ReasonCode.NEW_FINDINGS:
            return Outcome.FAILED
        case ReasonCode.STAGE_UNKNOWN | ReasonCode.ROUTE_UNAVAILABLE if reason.holds is Holds.UNKNOWN:
            return Outcome.UNKNOWN
        case ReasonCode.STAGE_RUNNING:
            stage = run.stages.get(reason.facts.get("stage", ""))
            return Outcome.UNKNOWN if stage is not None and waits_for_others(run, stage) else None
        case ReasonCode.AFTER_UNMET:
            before = earlier.get(reason.facts.get("after", ""))
            return before if isinstance(before, Outcome) and before is not Outcome.RELEASED else None
        case _:
            return None


# --- what deploys from the default branch ----------------------------------------------------------------


def _before_merge(
    policy: Policy, picture: Picture, environment: Environment, earlier: Mapping[str, Stand]
) -> Stand:
    """An environment without a run: for the default branch, what keeps the pull request from being merged."""
    proposed = picture.run_of(Origin.PULL_REQUEST)
    if environment.origin is Origin.PULL_REQUEST or proposed is None or picture.pull["merged"]:
        return Moving.MACHINE
    blocked = [earlier[one.name] for one in policy.gated_in(Origin.PULL_REQUEST) if one.name in earlier]
    over = [stand for stand in blocked if isinstance(stand, Outcome) and stand is not Outcome.RELEASED]
    return over[0] if over else _of_stages(proposed)


def _of_stages(run: Run) -> Stand:
    verdicts = {stage.outcome.verdict for stage in run.stages.values() if stage.outcome is not None}
    if StageVerdict.FAILED in verdicts:
        return Outcome.FAILED
    return Outcome.UNKNOWN if StageVerdict.UNKNOWN in verdicts else Moving.MACHINE


def _merge_due(policy: Policy, picture: Picture, stands: Mapping[str, Stand]) -> bool:
    """The stages of the pull request are green, its own gates released, and something deploys after the merge."""
    proposed = picture.run_of(Origin.PULL_REQUEST)
    if not policy.gated_in(Origin.DEFAULT_BRANCH) or proposed is None or picture.pull["state"] != "open":
        return False
    wanted = {stage.name for stage in policy.automated()}
    if not wanted <= set(proposed.stages):
        return False
    outcomes = [stage.outcome for stage in proposed.stages.values()]
    green = all(outcome is not None and outcome.verdict is StageVerdict.PASSED for outcome in outcomes)
    own = (stands[environment.name] for environment in policy.gated_in(Origin.PULL_REQUEST))
    return green and all(stand is Outcome.RELEASED for stand in own)
