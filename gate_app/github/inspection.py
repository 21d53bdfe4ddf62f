"""What `gate-app doctor` asks GitHub beyond what the engine does: the App, its hook, installations, environments.

Rules of the file: reading only; each call names its permission (`INSPECTION` in `permissions`); what an environment
does not say is not guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from gate_app.domain.model import Repository
from gate_app.errors import HubRefused
from gate_app.github import answers, app_answers, check_answers
from gate_app.github.answers import read_answer
from gate_app.github.api import Api
from gate_app.github.origin import at_root, in_repository
from gate_app.github.permissions import LIST_HEADS, READ_ENVIRONMENT, READ_REQUIRED_CHECKS


@dataclass(frozen=True, slots=True)
class Greeting:
    """GitHub's first answer: its status, its clock, and the App when it believed us."""

    status: int
    date: datetime | None
    app: app_answers.AppDescription | None


@dataclass(frozen=True, slots=True)
class Hook:
    """Where GitHub sends deliveries, and how. `secret` says whether there is one."""

    url: str
    content_type: str
    verifies_tls: bool
    secret: bool


@dataclass(frozen=True, slots=True)
class Installation:
    """The App on one account, with what that account has granted."""

    id: int
    account: str
    suspended: bool
    permissions: Mapping[str, str]
    events: Sequence[str]


@dataclass(frozen=True, slots=True)
class DeployEnvironment:
    """What GitHub does before a job may use an environment; `bypassed_by_admins` is None where it is not told."""

    our_rule: bool
    limits_branches: bool
    bypassed_by_admins: bool | None


@dataclass(frozen=True, slots=True)
class BranchGuard:
    """What keeps people from pushing to a branch; `protected` is None where GitHub does not say."""

    protected: bool | None
    by_pull_request: bool


class Inspection:
    """The doctor's questions. Every method may raise HubUnavailable and HubRefused."""

    def __init__(self, api: Api, app_id: int) -> None:
        self._api = api
        self._app_id = app_id

    def greet(self) -> Greeting:
        """`GET /app`, whatever the answer: also a refusal tells the time at GitHub."""
        reply = self._api.reply_as_app(at_root("app"))
        app = read_answer(app_answers.APP_DESCRIPTION, reply, "GET /app") if reply.status == 200 else None
        return Greeting(reply.status, _moment(reply.headers.get("date", "")), app)

    def webhook(self) -> Hook | None:
        """The App's webhook; None when it has none."""
        path = at_root("app", "hook", "config")
        try:
            reply = self._api.ask_as_app(path)
        except HubRefused as refused:
            if refused.status == 404:
                return None
            raise
        found = read_answer(app_answers.HOOK_CONFIG, reply, f"GET {path}")
        if not found.url:
            return None
        verifies = str(found.insecure_ssl or "0") == "0"
        return Hook(found.url, found.content_type or "form", verifies, bool(found.secret))

    def installations(self) -> Sequence[Installation]:
        """Every installation of the App."""
        path = at_root("app", "installations")
        listed = self._api.read_all_as_app(app_answers.INSTALLATION_DETAILS, list, path)
        return [
            Installation(
                each.id,
                each.account.login if each.account and each.account.login else f"account {each.target_id}",
                each.suspended_at is not None,
                each.permissions,
                each.events,
            )
            for each in listed
        ]

    def default_branch(self, repository: Repository) -> str:
        """The name of the default branch."""
        return self._api.read(answers.DEFAULT_BRANCH, repository, LIST_HEADS, in_repository()).default_branch

    def branch_guard(self, repository: Repository, branch: str) -> BranchGuard:
        """What protects a branch, as far as everybody who may read it is told."""
        path = in_repository("branches", branch)
        found = self._api.read(app_answers.GUARDED_BRANCH, repository, READ_REQUIRED_CHECKS, path)
        path = in_repository("rules", "branches", branch)
        rules = self._api.read_all(check_answers.BRANCH_RULES, list, repository, READ_REQUIRED_CHECKS, path)
        return BranchGuard(found.protected, any(rule.type == "pull_request" for rule in rules))

    def environment(self, repository: Repository, name: str) -> DeployEnvironment | None:
        """The environment of that name; None when GitHub has none."""
        path = in_repository("environments", name)
        try:
            found = self._api.read(app_answers.ENVIRONMENT, repository, READ_ENVIRONMENT, path)
        except HubRefused as refused:
            if refused.status == 404:
                return None
            raise
        path = in_repository("environments", name, "deployment_protection_rules")
        rules = self._api.read(app_answers.CUSTOM_RULES, repository, READ_ENVIRONMENT, path)
        custom = rules.custom_deployment_protection_rules
        ours = any(rule.enabled and rule.app.id == self._app_id for rule in custom)
        return DeployEnvironment(ours, found.deployment_branch_policy is not None, found.can_admins_bypass)


def _moment(date: str) -> datetime | None:
    """An HTTP date (RFC 9110, section 5.6.7)."""
    try:
        found = parsedate_to_datetime(date)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
