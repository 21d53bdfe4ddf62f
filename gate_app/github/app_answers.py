"""What we read from GitHub about the App itself and how an environment is set up: its answers, as in `answers`.

Rules of the file: those of `answers`.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AwareDatetime, Field, StringConstraints, TypeAdapter

from gate_app.github.fields import App, Id, Reading, ShortText


class AppDescription(Reading):
    """The App itself. GitHub's schema leaves the slug out of what is required."""

    id: Id
    name: ShortText
    slug: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")] | None = None
    permissions: dict[ShortText, ShortText]
    events: list[ShortText]


class HookConfig(Reading):
    """The App's webhook; the secret is shown as asterisks. GitHub promises none of these."""

    url: ShortText | None = None
    content_type: ShortText | None = None
    insecure_ssl: ShortText | int | None = None
    secret: ShortText | None = None


class Grantor(Reading):
    """The account that an App is installed on; an enterprise has no login."""

    login: ShortText | None = None


class InstallationDetails(Reading):
    id: Id
    account: Grantor | None
    target_id: int
    suspended_at: AwareDatetime | None
    permissions: dict[ShortText, ShortText]
    events: list[ShortText]


class BranchPolicy(Reading):
    protected_branches: bool
    custom_branch_policies: bool


class GuardedBranch(Reading):
    """A branch, and whether anything protects it."""

    name: ShortText
    protected: bool | None = None


class Environment(Reading):
    """An environment. Whether administrators may go past its rules is not part of the published schema."""

    deployment_branch_policy: BranchPolicy | None = None
    can_admins_bypass: bool | None = None


class CustomRule(Reading):
    enabled: bool
    app: App


class CustomRules(Reading):
    custom_deployment_protection_rules: list[CustomRule] = Field(default_factory=list, max_length=100)


class HookDelivery(Reading):
    """One attempt to deliver, as listed; `status` is `OK` when it was answered with 2xx."""

    id: Id
    guid: Annotated[str, StringConstraints(max_length=100)]
    event: Annotated[str, StringConstraints(max_length=100)]
    status: ShortText
    delivered_at: AwareDatetime


class HookRequest(Reading):
    """What was sent. GitHub shows the payload parsed; `null` when it keeps it no more."""

    headers: dict[str, object] | None
    payload: dict[str, object] | None


class HookDeliveryContent(HookDelivery):
    request: HookRequest


HOOK_CONFIG: Final = TypeAdapter(HookConfig)
INSTALLATION_DETAILS: Final = TypeAdapter(list[InstallationDetails])
ENVIRONMENT: Final = TypeAdapter(Environment)
GUARDED_BRANCH: Final = TypeAdapter(GuardedBranch)
CUSTOM_RULES: Final = TypeAdapter(CustomRules)
HOOK_DELIVERIES: Final = TypeAdapter(list[HookDelivery])
HOOK_DELIVERY: Final = TypeAdapter(HookDeliveryContent)
APP_DESCRIPTION: Final = TypeAdapter(AppDescription)
