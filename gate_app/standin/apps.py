"""GitHub Apps and their installations.

The App under test is registered through the control API and has a webhook; other Apps (a CI service) exist
only as the owners of their check runs. Permissions and events are those of the App's manifest.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from gate_app.standin import people
from gate_app.standin.errors import invalid
from gate_app.standin.people import Person
from gate_app.standin.state import JsonObject, Transaction, node_id

DEFAULT_PERMISSIONS = {
    "actions": "write",
    "checks": "write",
    "contents": "read",
    "deployments": "write",
    "issues": "write",
    "members": "read",
    "metadata": "read",
    "pull_requests": "read",
    "statuses": "read",
}
DEFAULT_EVENTS = (
    "check_run",
    "check_suite",
    "deployment_protection_rule",
    "deployment_status",
    "issue_comment",
    "pull_request",
    "push",
    "status",
    "workflow_run",
)
"""What Gate App subscribes to; a test compares it with what the app understands."""


@dataclass(frozen=True)
class App:
    """A GitHub App; one without a webhook URL receives nothing."""

    TABLE: ClassVar[str] = "apps"
    id: int
    client_id: str
    slug: str
    name: str
    owner_id: int
    bot_id: int
    public_key: str | None
    webhook_url: str | None
    webhook_secret: str | None
    permissions: dict[str, str]
    events: list[str]
    created_at: str


@dataclass(frozen=True)
class Installation:
    """An App on an account, for all its repositories or, by their ids, for some."""

    TABLE: ClassVar[str] = "installations"
    id: int
    app_id: int
    account_id: int
    permissions: dict[str, str]
    events: list[str]
    repository_ids: list[int] | None
    suspended_by_id: int | None
    suspended_at: str | None
    created_at: str
    updated_at: str

    def reaches(self, repository_id: int, owner_id: int) -> bool:
        """Whether the App is installed on a repository."""
        chosen = self.repository_ids is None or repository_id in self.repository_ids
        return owner_id == self.account_id and chosen


@dataclass(frozen=True)
class Registration:
    """What is needed to register an App."""

    slug: str
    name: str
    public_key: str | None = None
    webhook_url: str | None = None
    webhook_secret: str | None = None
    permissions: Mapping[str, str] | None = None
    events: Sequence[str] | None = None


def register(tx: Transaction, owner: Person, registration: Registration) -> App:
    """A new App with its bot account. 422 if the slug is taken."""
    if tx.get(App, slug=registration.slug):
        raise invalid("App", "slug", f"{registration.slug} is already registered", code="already_exists")
    bot = people.create(tx, f"{registration.slug}[bot]", "Bot")
    app = tx.insert(
        App,
        client_id=f"Iv23li{secrets.token_hex(7)}",
        slug=registration.slug,
        name=registration.name,
        owner_id=owner.id,
        bot_id=bot.id,
        public_key=registration.public_key,
        webhook_url=registration.webhook_url,
        webhook_secret=registration.webhook_secret,
        permissions=dict(
            DEFAULT_PERMISSIONS if registration.permissions is None else registration.permissions
        ),
        events=list(DEFAULT_EVENTS if registration.events is None else registration.events),
        created_at=tx.now,
    )
    tx.announce("app.registered", id=app.id, slug=app.slug)
    return app


def other(tx: Transaction, slug: str) -> App:
    """The App with this slug; one without webhook and key is made if there is none."""
    found = tx.get(App, slug=slug)
    return found or register(tx, people.account(tx, "apps"), Registration(slug, slug))


def install(tx: Transaction, app: App, account: Person) -> Installation:
    """Install the App on an account. 422 if it is already there."""
    if tx.get(Installation, app_id=app.id, account_id=account.id):
        raise invalid("Installation", "account", f"{app.slug} is already installed", code="already_exists")
    installation = tx.insert(
        Installation,
        app_id=app.id,
        account_id=account.id,
        permissions=app.permissions,
        events=app.events,
        created_at=tx.now,
        updated_at=tx.now,
    )
    tx.announce("installation.created", id=installation.id, account=account.login)
    return installation


def bot(tx: Transaction, app: App) -> Person:
    """The account that an App acts as."""
    return people.by_id(tx, app.bot_id)


def by_id(tx: Transaction, identifier: int) -> App:
    """The App with this id."""
    found = tx.get(App, id=identifier)
    if found is None:
        raise LookupError(f"no App {identifier}")
    return found


def render(tx: Transaction, app: App) -> JsonObject:
    """The "integration" of every body."""
    return {
        "id": app.id,
        "slug": app.slug,
        "node_id": node_id("App", app.id),
        "client_id": app.client_id,
        "owner": people.render(tx, people.by_id(tx, app.owner_id)),
        "name": app.name,
        "description": None,
        "external_url": tx.url,
        "html_url": f"{tx.url}/apps/{app.slug}",
        "created_at": app.created_at,
        "updated_at": app.created_at,
        "permissions": app.permissions,
        "events": app.events,
    }


def render_hook(app: App) -> JsonObject:
    """Where an App's webhooks go."""
    secret = {"secret": "********"} if app.webhook_secret else {}
    return {"url": app.webhook_url or "", "content_type": "json", "insecure_ssl": "0", **secret}


def render_installation(tx: Transaction, installation: Installation) -> JsonObject:
    """The full body of an installation."""
    app = by_id(tx, installation.app_id)
    account, suspended_by = people.by_id(tx, installation.account_id), installation.suspended_by_id
    return {
        "id": installation.id,
        "client_id": app.client_id,
        "account": people.render(tx, account),
        "repository_selection": "all" if installation.repository_ids is None else "selected",
        "access_tokens_url": f"{tx.url}/app/installations/{installation.id}/access_tokens",
        "repositories_url": f"{tx.url}/installation/repositories",
        "html_url": f"{tx.url}/organizations/{account.login}/settings/installations/{installation.id}",
        "app_id": app.id,
        "app_slug": app.slug,
        "target_id": account.id,
        "target_type": account.type,
        "permissions": installation.permissions,
        "events": installation.events,
        "created_at": installation.created_at,
        "updated_at": installation.updated_at,
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": people.render(tx, people.by_id(tx, suspended_by)) if suspended_by else None,
        "suspended_at": installation.suspended_at,
    }
