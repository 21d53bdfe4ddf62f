"""Where a gate stands, in one line: the title of its check run, its row in a table, its line on a terminal.

Rules of the file: plain text, no Markdown; what holds a gate for good is said before what may still change;
only what the reader can wait for or mend is named, never a code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from gate_app.domain.inert import plain
from gate_app.domain.run import Gate, Release, ReleaseStatus
from gate_app.domain.verdict import Holds, Reason, ReasonCode, Verdict, VerdictState

_R = ReasonCode
_Line = Callable[[Sequence[Mapping[str, str]]], str]


def gate_title(gate: Gate, verdict: Verdict) -> str:
    """One line, without a full stop."""
    if verdict.in_shadow:
        return _in_shadow(gate, verdict.beneath)
    if gate.release is not None:
        return _of_release(gate.release)
    if verdict.state is not VerdictState.WAITING:
        return ENDINGS.get(verdict.reasons[0].code, verdict.state.value.capitalize())
    held = [reason.facts for reason in verdict.reasons if reason.code is _R.HELD]
    if held:
        return f"Held by {_names(held, 'by')}"
    locked = [reason.facts for reason in verdict.reasons if reason.code is _R.LOCKED]
    if locked and not verdict.only_later:
        return OBSTACLES[_R.LOCKED](locked)
    if verdict.asks and any(reason.code is _R.ROLLBACK_TO for reason in verdict.reasons):
        return f"Waiting for a person: roll back {plain(gate.environment, 80)}?"
    if verdict.asks:
        return f"Waiting for a person: deploy to {plain(gate.environment, 80)}?"
    if verdict.only_later:
        said = _obstacle(verdict)
        return f"{'Approved' if gate.question else 'Nobody is asked'}; {said[0].lower()}{said[1:]}"
    return _obstacle(verdict)


def _in_shadow(gate: Gate, verdict: Verdict) -> str:
    """What would be, were the gate not in shadow."""
    if verdict.state is VerdictState.APPROVED:
        return "In shadow: it would be released"
    if verdict.asks:
        return "In shadow: a person would be asked"
    said = gate_title(replace(gate, question=None), verdict)
    return f"In shadow: {said[0].lower()}{said[1:]}"


def _of_release(release: Release) -> str:
    match release.status:
        case ReleaseStatus.HEALTHY:
            return "Released and healthy"
        case ReleaseStatus.FAILED:
            return FAILURES.get(release.failure or _R.DEPLOYMENT_FAILED, "Released, but not healthy")
        case ReleaseStatus.VERIFYING:
            return "Deployed, being verified"
        case ReleaseStatus.WATCHING:
            return "Released, being watched"
        case _:
            return "Approved, deploying"


def _obstacle(verdict: Verdict) -> str:
    """The worst obstacle; the approval comes last, since nobody is asked before the rest holds."""
    leaves = [reason for reason in verdict.holding if all(child.met for child in reason.children)]
    worst = min(leaves, key=_rank, default=None)
    if worst is None:
        return "Waiting"
    alike = [reason.facts for reason in leaves if reason.code is worst.code]
    line = OBSTACLES.get(worst.code)
    return line(alike) if line else f"Waiting: {worst.code.value.replace('_', ' ')}"


def _rank(reason: Reason) -> tuple[int, int]:
    order = (Holds.REFUSED, Holds.UNKNOWN, Holds.UNMET)
    last = (_R.APPROVAL_MISSING, _R.GRANT_AWAITED)
    return last.index(reason.code) + 1 if reason.code in last else 0, order.index(reason.holds)


def _names(facts: Sequence[Mapping[str, str]], key: str) -> str:
    return ", ".join(dict.fromkeys(plain(each.get(key, "?"), 60) for each in facts))


def _moments(facts: Sequence[Mapping[str, str]]) -> str:
    """Ends of locks, to the minute."""
    return ", ".join(f"{plain(each.get('until', '')[:16].replace('T', ' '), 20)} UTC" for each in facts)


ENDINGS: Final[Mapping[ReasonCode, str]] = {
    _R.RUN_SUPERSEDED: "Superseded by a newer commit",
    _R.CHANGE_CLOSED: "Ended with its pull request",
    _R.DEFAULT_BRANCH_CHANGED: "Ended: the default branch is another one",
    _R.ENVIRONMENT_REMOVED: "No longer in the gate file",
    _R.PATHS_UNTOUCHED: "Skipped: the change touches nothing of it",
    _R.DENIED: "Denied",
    _R.EXPIRED: "Expired: nobody answered in time",
    _R.CANCELLED: "Cancelled",
    _R.ROLLBACK_REPLACED: "Replaced by a newer question",
}
"""How a gate ended without a release, by the ground that ended it."""

FAILURES: Final[Mapping[ReasonCode, str]] = {
    _R.DENIED: "Denied before the deployment began",
    _R.CHANGE_CLOSED: "Closed before the deployment began",
    _R.DEPLOYMENT_FAILED: "The deployment failed",
    _R.VERIFICATION_FAILED: "Deployed, but its verification failed",
    _R.VERIFICATION_UNKNOWN: "Deployed, but not known to work",
    _R.WATCH_BREACHED: "Released, but the watch saw it fail",
    _R.WATCH_UNKNOWN: "Released, but not known to be healthy",
}
"""How a release ended that is not healthy."""

OBSTACLES: Final[Mapping[ReasonCode, _Line]] = {
    _R.STAGE_FAILED: lambda f: f"Blocked: {_names(f, 'stage')} failed",
    _R.NEW_FINDINGS: lambda f: f"Blocked: new findings in {_names(f, 'stage')}",
    _R.STAGE_UNKNOWN: lambda f: f"Waiting: {_names(f, 'stage')} came to no verdict",
    _R.STAGE_RUNNING: lambda f: f"Waiting for {_names(f, 'stage')}",
    _R.AFTER_UNMET: lambda f: f"Waiting for {_names(f, 'after')}",
    _R.POLICY_INVALID: lambda f: "Waiting: the gate file has problems",
    _R.POLICY_MISSING: lambda f: "Waiting: the gate file is gone",
    _R.POLICY_UNREADABLE: lambda f: "Waiting: the gate file cannot be read right now",
    _R.HEAD_UNKNOWN: lambda f: "Waiting: the commit cannot be read right now",
    _R.HEAD_MOVED: lambda f: "Waiting: a newer commit was pushed",
    _R.BASE_CHANGED: lambda f: "Waiting: the base branch changed",
    _R.DEFAULT_BRANCH_CHANGED: lambda f: "Waiting: the default branch is another one",
    _R.CHANGE_CLOSED: lambda f: "Waiting: the pull request is closed",
    _R.PATHS_UNKNOWN: lambda f: "Waiting: not known yet which files change",
    _R.ESCALATION_BLOCKED: lambda f: "Blocked by a rule of the gate file",
    _R.ESCALATION_UNKNOWN: lambda f: "Waiting: not known yet what would ship",
    _R.SOAKING: lambda f: f"Waiting: soaking in {_names(f, 'after')}",
    _R.SOAK_CUT_SHORT: lambda f: f"Waiting: replaced in {_names(f, 'after')} before it had soaked",
    _R.SOAK_UNKNOWN: lambda f: f"Waiting: not known since when it is healthy in {_names(f, 'after')}",
    _R.FROZEN: lambda f: f"Frozen until {_names(f, 'shown')}",
    _R.FREEZE_UNKNOWN: lambda f: "Waiting: the calendar of the freeze cannot be told",
    _R.LOCKED: lambda f: f"Locked by #{_names(f, 'owner')} until {_moments(f)}",
    _R.LOCK_UNREADABLE: lambda f: "Waiting: its lock cannot be read",
    _R.HELD: lambda f: f"Held by {_names(f, 'by')}",
    _R.ENVIRONMENT_BUSY: lambda f: "Waiting: another release is under way there",
    _R.GRANT_AWAITED: lambda f: "Approved: waiting for a job to redeem the grant",
    _R.JOB_AWAITED: lambda f: "Waiting for a job that GitHub holds",
    _R.JOB_UNREADABLE: lambda f: "Waiting: the job that GitHub holds cannot be read right now",
    _R.ROUTE_UNAVAILABLE: lambda f: "Waiting: this version cannot deploy that way yet",
    _R.RELEASE_RETURNED: lambda f: "Waiting: the last try to release did not happen",
    _R.NOBODY_CAN_APPROVE: lambda f: "Nobody can approve this as the gate file stands",
    _R.APPROVAL_MISSING: lambda f: "Waiting for a person",
}
"""What a gate waits for, by the code of a ground that does not hold; all the grounds of one code together."""
