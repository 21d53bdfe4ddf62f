"""Work that GitHub Actions and deployers do for a run: what was seen of it, and what that comes to.

Rules of the file: a workflow that tests counts only for our commit; what ended without a yes or a no is unknown;
a deployment that others carry out is judged by their newest status, never by one of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gate_app.domain.checks import said_of
from gate_app.domain.evidence import CheckResult, Evidence, StageOutcome, StageReason, StageVerdict

RUN_FOUND_WITHIN: Final = timedelta(minutes=10)
"""How long a run that GitHub accepted may take to show up, where it does not tell the run's number."""
ANSWERED_WITHIN: Final = timedelta(minutes=30)
"""How long a deployment may be without any status of whoever deploys."""
LONGEST: Final = timedelta(hours=6)
"""How long a workflow or a deployment may take: GitHub's own limit for a job on its runners."""
CLOCKS_APART: Final = timedelta(minutes=1)
"""How far our clock and GitHub's may be apart."""
NOT_THERE: Final = "not_there"
"""The code of an Unknown that was looked for and not found."""

_CONCLUSIONS: Final[Mapping[str, StageVerdict]] = {
    "success": StageVerdict.PASSED,
    "failure": StageVerdict.FAILED,
    "timed_out": StageVerdict.FAILED,
    "startup_failure": StageVerdict.FAILED,
}
_REASONS: Final[Mapping[StageVerdict, StageReason]] = {
    StageVerdict.PASSED: StageReason.WORKFLOW_SUCCEEDED,
    StageVerdict.FAILED: StageReason.WORKFLOW_FAILED,
    StageVerdict.UNKNOWN: StageReason.WORKFLOW_INCONCLUSIVE,
}


@dataclass(frozen=True, slots=True)
class WorkflowSeen:
    """A workflow run as it was seen: `attempt` grows with every re-run, `conclusion` is empty until it ended.

    `named` says that its title names the dispatch that was sought, so that it can be no other's.
    """

    id: int
    attempt: int
    conclusion: str
    head_sha: str
    link: str = ""
    named: bool = False


@dataclass(frozen=True, slots=True)
class Sought:
    """A dispatch of ours whose run's number we do not know.

    `mark` is in the run's title where the workflow's `run-name` shows its inputs; `sha` is the head that the run
    must have, empty when any will do.
    """

    workflow: str
    branch: str
    since: datetime
    mark: str = ""
    sha: str = ""


@dataclass(frozen=True, slots=True)
class DeploymentSeen:
    """The newest status of a deployment that is not ours; `state` is empty while there is none."""

    state: str = ""
    by: str = ""


def judge_workflow(seen: WorkflowSeen, workflow: str, sha: str = "") -> StageOutcome | None:
    """What a workflow run comes to; None while it is under way. It counts only for `sha`, where one is given."""
    if sha and seen.head_sha != sha:
        other = f"The workflow ran on {seen.head_sha[:12]}, not on this head: its branch had moved."
        return _of_run(StageVerdict.UNKNOWN, StageReason.WORKFLOW_OTHER_COMMIT, seen, workflow, other)
    if not seen.conclusion:
        return None
    verdict = _CONCLUSIONS.get(seen.conclusion, StageVerdict.UNKNOWN)
    detail = "" if verdict is StageVerdict.PASSED else f"{workflow} ended: {seen.conclusion}."
    return _of_run(verdict, _REASONS[verdict], seen, workflow, detail)


def _of_run(
    verdict: StageVerdict, reason: StageReason, seen: WorkflowSeen, workflow: str, detail: str
) -> StageOutcome:
    results = (CheckResult(workflow, seen.conclusion or "running", seen.link),)
    return StageOutcome(verdict, reason, Evidence(summary=said_of(results), checks=results), detail)


def judge_deployment(seen: DeploymentSeen, began: datetime, now: datetime) -> StageOutcome | None:
    """What a deployment by others comes to; None while it is under way."""
    match seen.state:
        case "success":
            return _of_deployment(StageVerdict.PASSED, StageReason.RELEASED, f"Deployed by {seen.by}.")
        case "failure" | "error":
            failed = f"{seen.by} reports {seen.state}."
            return _of_deployment(StageVerdict.FAILED, StageReason.DEPLOYMENT_REPORTED_FAILED, failed)
        case "inactive":
            gone = f"{seen.by} made the deployment inactive before it had succeeded."
            return _of_deployment(StageVerdict.UNKNOWN, StageReason.DEPLOYMENT_INACTIVE, gone)
        case "" if now >= began + ANSWERED_WITHIN:
            minutes = int(ANSWERED_WITHIN.total_seconds() // 60)
            nobody = (
                f"Nobody set a status of the deployment within {minutes} minutes. Does anything react to it?"
            )
            return _of_deployment(StageVerdict.UNKNOWN, StageReason.DEPLOYMENT_UNANSWERED, nobody)
        case _:
            return None


def _of_deployment(verdict: StageVerdict, reason: StageReason, said: str) -> StageOutcome:
    detail = "" if verdict is StageVerdict.PASSED else said
    return StageOutcome(verdict, reason, Evidence(summary=said[:500]), detail[:1_000])


def reported_by_job(outcome: str, run_id: int) -> StageOutcome:
    """What the job that deploys says of its end; anything but success and failure is neither."""
    match outcome:
        case "success":
            return _of_deployment(
                StageVerdict.PASSED, StageReason.RELEASED, f"Deployed by workflow run {run_id}."
            )
        case "failure":
            failed = f"Workflow run {run_id} reports that the deployment failed."
            return _of_deployment(StageVerdict.FAILED, StageReason.DEPLOYMENT_REPORTED_FAILED, failed)
        case _:
            broken = f"Workflow run {run_id} ended in the middle of the deployment."
            return _of_deployment(StageVerdict.UNKNOWN, StageReason.WORKFLOW_INCONCLUSIVE, broken)
