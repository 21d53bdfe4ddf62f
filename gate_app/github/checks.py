"""Other people's checks on a commit: check runs and commit statuses, and what a branch requires of them.

Rules of the file: ours never count, by the App's id; a list is whole or a fault; what a stage looks at of them is
said in `domain.checks`. No read waits for another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from gate_app.domain.checks import Check, CheckState, Required
from gate_app.domain.evidence import MAX_NAME
from gate_app.domain.model import Change, Repository
from gate_app.errors import HubUnavailable
from gate_app.github import check_answers
from gate_app.github.api import Api
from gate_app.github.identity import AppIdentity
from gate_app.github.origin import Origin, in_repository
from gate_app.github.permissions import READ_CHECK_RUNS, READ_REQUIRED_CHECKS, READ_STATUSES

_CONCLUSIONS: Final[Mapping[str, CheckState]] = {
    "success": CheckState.PASSED,
    "skipped": CheckState.SKIPPED,
    "neutral": CheckState.SKIPPED,
    "failure": CheckState.FAILED,
    "timed_out": CheckState.FAILED,
    "startup_failure": CheckState.FAILED,
}
"""GitHub's conclusions of a completed check run; any other is inconclusive."""
_STATUSES: Final[Mapping[str, CheckState]] = {
    "success": CheckState.PASSED,
    "failure": CheckState.FAILED,
    "error": CheckState.FAILED,
}
"""GitHub's states of a commit status; any other is pending."""


class CheckReads:
    """The part of the `Hub` that reads other people's checks. `web` is where GitHub's pages are."""

    def __init__(self, api: Api, identity: AppIdentity, web: Origin) -> None:
        self._api = api
        self._identity = identity
        self._web = web

    def check_runs(self, change: Change, gated: Sequence[str]) -> Sequence[Check]:
        """The check runs of others on the head; see `engine.ports.Hub`."""
        path = in_repository("commits", change.head.sha, "check-runs")
        listed = self._api.read_all(
            check_answers.STANDING_CHECK_RUNS,
            lambda page: page.check_runs,
            change.repository,
            READ_CHECK_RUNS,
            path,
            {"filter": "all"},
        )
        return self.others(change.repository, listed, gated)

    def others(
        self, repository: Repository, listed: Sequence[check_answers.StandingCheckRun], gated: Sequence[str]
    ) -> Sequence[Check]:
        """Those that are not ours and do not wait for one of the `gated` environments."""
        closed = {name.casefold() for name in gated}
        others = [run for run in listed if run.app is None or run.app.id != self._identity.app_id]
        return [self._of_run(repository, run) for run in others if not _deploys_to(run, closed)]

    def _of_run(self, repository: Repository, run: check_answers.StandingCheckRun) -> Check:
        ended = run.status == "completed"
        conclusion = (run.conclusion or "no conclusion") if ended else run.status
        state = _CONCLUSIONS.get(conclusion, CheckState.INCONCLUSIVE) if ended else CheckState.PENDING
        return Check(
            app=run.app.id if run.app else 0,
            suite=run.check_suite.id if run.check_suite else 0,
            id=run.id,
            name=run.name[:MAX_NAME],
            state=state,
            conclusion=conclusion,
            at=run.started_at,
            link=f"{self._web.url}/{repository.full_name}/runs/{run.id}",
        )

    def commit_statuses(self, change: Change) -> Sequence[Check]:
        """The newest commit status of each context."""
        path = in_repository("commits", change.head.sha, "status")
        listed = self._api.read_all(
            check_answers.COMBINED_STATUS, lambda page: page.statuses, change.repository, READ_STATUSES, path
        )
        return [status_check(each.id, each.context, each.state, each.created_at) for each in listed]

    def required(self, repository: Repository, branch: str) -> Sequence[Required]:
        """What a branch's rulesets and its classic protection require, together."""
        found = (
            *self.required_by_rules(repository, branch),
            *self.required_by_protection(repository, branch),
        )
        return tuple(dict.fromkeys(found))

    def required_by_rules(self, repository: Repository, branch: str) -> Sequence[Required]:
        """What the rulesets that apply to a branch require."""
        rules = self._api.read_all(
            check_answers.BRANCH_RULES,
            list,
            repository,
            READ_REQUIRED_CHECKS,
            in_repository("rules", "branches", branch),
        )
        return [
            Required(each.context, pinned(each.integration_id))
            for rule in rules
            if rule.type == "required_status_checks"
            for each in rule.required_status_checks
        ]

    def required_by_protection(self, repository: Repository, branch: str) -> Sequence[Required]:
        """What the classic protection of a branch requires."""
        path = in_repository("branches", branch)
        found = self._api.read(check_answers.PROTECTED_BRANCH, repository, READ_REQUIRED_CHECKS, path)
        if found.name != branch:
            raise HubUnavailable(f"GET {path}: GitHub answered with another branch")
        classic = found.protection.required_status_checks if found.protection else None
        if classic is None:
            return []
        asked = [Required(each.context, pinned(each.app_id)) for each in classic.checks]
        named = {each.context for each in classic.checks}
        return [*asked, *(Required(context) for context in classic.contexts if context not in named)]


def status_check(number: int, context: str, state: str, at: datetime) -> Check:
    """A commit status, which does not say which App set it."""
    return Check(
        app=0,
        suite=0,
        id=number,
        name=context[:MAX_NAME],
        state=_STATUSES.get(state, CheckState.PENDING),
        conclusion=state,
        at=at,
    )


def pinned(app: int | None) -> int | None:
    """GitHub says "any App" by leaving the id out, by `null` or by -1."""
    return app if app is not None and app > 0 else None


def _deploys_to(run: check_answers.StandingCheckRun, closed: set[str]) -> bool:
    """Whether this is a job of Actions that deploys to a gated environment (names differ not by case)."""
    return run.deployment is not None and run.deployment.environment.casefold() in closed
