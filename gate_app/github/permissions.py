"""Which permissions each call asks for: the least that GitHub's documentation names for it (cases 60, 146).

Rules of the file: one constant per kind of call, never a union "to be on the safe side"; the table `CALLS`
is what `docs/permissions.md` explains and a test compares. GitHub grants `metadata: read` with every token;
it is named where a call rests on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

Permissions = tuple[tuple[str, str], ...]
"""Sorted pairs of a permission and `read` or `write`: hashable, to be part of a cache key (case 147)."""


def _least(**wanted: str) -> Permissions:
    return tuple(sorted(wanted.items()))


READ_CHANGE: Final = _least(contents="read", pull_requests="read")
READ_POLICY: Final = _least(contents="read", metadata="read")
READ_STANDING: Final = _least(metadata="read")
READ_STANDING_AND_TEAMS: Final = _least(members="read", metadata="read")
READ_COMMENT: Final = _least(issues="read")
READ_CHECK_RUNS: Final = _least(checks="read")
READ_STATUSES: Final = _least(statuses="read")
READ_REQUIRED_CHECKS: Final = _least(contents="read", metadata="read")
READ_SIGHT: Final = _least(
    checks="read", contents="read", metadata="read", pull_requests="read", statuses="read"
)
READ_WORKFLOW: Final = _least(actions="read")
READ_JOBS: Final = _least(actions="read", checks="read")
DISPATCH_WORKFLOW: Final = _least(actions="write")
LIST_REPOSITORIES: Final = _least(metadata="read")
LIST_HEADS: Final = _least(contents="read", metadata="read", pull_requests="read")
READ_BRANCH_ACTIVITY: Final = _least(contents="read")
FETCH_CONTENT: Final = _least(contents="read")
WRITE_CHECK_RUN: Final = _least(checks="write")
WRITE_COMMENT: Final = _least(issues="write")
READ_ISSUE: Final = _least(issues="read")
WRITE_ISSUE: Final = _least(issues="write")
READ_DEPLOYMENT: Final = _least(deployments="read")
WRITE_DEPLOYMENT: Final = _least(deployments="write")

READ_ENVIRONMENT: Final = _least(actions="read")

CALLS: Final[Mapping[str, Permissions]] = {
    "live_change": READ_CHANGE,
    "interrupted_at": READ_COMMENT,
    "happened_since": READ_COMMENT,
    "interrupted_at of a branch": READ_BRANCH_ACTIVITY,
    "policy_file": READ_POLICY,
    "proposed_file": READ_POLICY,
    "owners_file": READ_POLICY,
    "floor_file": READ_POLICY,
    "authorship": READ_CHANGE,
    "compare": FETCH_CONTENT,
    "standing": READ_STANDING,
    "standing with teams": READ_STANDING_AND_TEAMS,
    "team_id": READ_STANDING_AND_TEAMS,
    "identity": READ_STANDING,
    "comment_fingerprint": READ_COMMENT,
    "check_runs": READ_CHECK_RUNS,
    "commit_statuses": READ_STATUSES,
    "required_by_rules": READ_REQUIRED_CHECKS,
    "required_by_protection": READ_REQUIRED_CHECKS,
    "sight": READ_SIGHT,
    "workflow_obstacle": DISPATCH_WORKFLOW,
    "dispatch_workflow": DISPATCH_WORKFLOW,
    "dispatched_runs": READ_WORKFLOW,
    "workflow_run": READ_WORKFLOW,
    "artifacts": READ_WORKFLOW,
    "cancel_workflow_run": DISPATCH_WORKFLOW,
    "deployment_seen": READ_DEPLOYMENT,
    "held_run": READ_WORKFLOW,
    "answer_job": WRITE_DEPLOYMENT,
    "released_jobs": READ_JOBS,
    "waiting_runs": READ_WORKFLOW,
    "checkout": FETCH_CONTENT,
    "repositories": LIST_REPOSITORIES,
    "heads": LIST_HEADS,
    "commands_since": READ_COMMENT,
    "publish_check_run": WRITE_CHECK_RUN,
    "publish_comment": WRITE_COMMENT,
    "react": WRITE_COMMENT,
    "issue_closer": READ_ISSUE,
    "open_issue": WRITE_ISSUE,
    "find_deployment": READ_DEPLOYMENT,
    "create_deployment": WRITE_DEPLOYMENT,
    "report_deployment": WRITE_DEPLOYMENT,
}
"""What the `Hub` does → the permissions of the token that it does it with."""

INSPECTION: Final[Mapping[str, Permissions]] = {
    "default_branch": LIST_HEADS,
    "required": READ_REQUIRED_CHECKS,
    "branch_guard": READ_REQUIRED_CHECKS,
    "environment": READ_ENVIRONMENT,
}
"""What `gate-app doctor` asks of a repository beyond that."""

OPTIONAL: Final[Mapping[str, str]] = {
    "actions": "`gate-app doctor` cannot tell how strong a gate is",
    "members": "policies that name teams stay closed",
    "statuses": "`checks` stages stay unknown, so gates that need them stay closed",
}
"""Permissions that an App can do without, and what does not work then."""


def needed() -> dict[str, str]:
    """Every permission that some call needs, with the highest level: what the App has to be granted."""
    levels: dict[str, str] = {}
    for permissions in (*CALLS.values(), *INSPECTION.values()):
        for name, level in permissions:
            levels[name] = "write" if "write" in (level, levels.get(name)) else level
    return dict(sorted(levels.items()))


def spoken(permissions: Permissions) -> str:
    """For messages: `checks: write, metadata: read`."""
    return ", ".join(f"{name}: {level}" for name, level in permissions)
