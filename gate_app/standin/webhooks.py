"""Webhooks out: who gets which event, and the body they get.

Rules of this file:

* An event goes to every App that is installed on the repository, has a webhook URL and is subscribed to it;
  `requested_action` and `rerequested` go to the owning App alone. What happens to an installation always comes,
  nothing else while it is suspended. Source: GitHub's webhook reference.
* A delivery is stored in the transaction of the change that caused it; the dispatcher sends it later.
* Own comments and check runs come back too, as on GitHub.
* Deliveries can be seen and sent again for three days.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from gate_app.standin import apps, people, repositories
from gate_app.standin.apps import App, Installation
from gate_app.standin.people import Person
from gate_app.standin.repositories import Repository
from gate_app.standin.state import JsonObject, Transaction, node_id, timestamp

ALWAYS = frozenset({"installation", "installation_repositories"})
KEPT = timedelta(days=3)


@dataclass(frozen=True)
class Delivery:
    """One delivery: waiting (`pending`) or attempted, with the receiver's answer."""

    TABLE: ClassVar[str] = "deliveries"
    id: int
    guid: str
    app_id: int
    installation_id: int
    repository_id: int | None
    event: str
    action: str | None
    body: bytes
    redelivery: bool
    pending: bool
    status: str
    status_code: int
    duration: float
    delivered_at: str
    response_headers: dict[str, str]
    response_body: str | None


def emit(
    tx: Transaction,
    repository: Repository,
    sender: Person,
    event: str,
    payload: JsonObject,
    only: App | None = None,
) -> None:
    """Queue an event of a repository for every App that gets it (or for `only` one of them)."""
    common: JsonObject = {
        "repository": repositories.render(tx, repository),
        "sender": people.render(tx, sender),
    }
    owner = people.by_id(tx, repository.owner_id)
    if owner.type == "Organization":
        common["organization"] = people.render_organization(tx, owner)
    for installation in tx.every(Installation, account_id=repository.owner_id):
        reached = installation.reaches(repository.id, repository.owner_id)
        if reached and not installation.suspended_at and (only is None or installation.app_id == only.id):
            _queue(tx, installation, event, {**common, **payload}, repository.id)


def emit_installation(
    tx: Transaction, installation: Installation, sender: Person, action: str, **extra: object
) -> None:
    """Queue what happened to an installation; with `repositories_added` or `_removed`, to their selection."""
    payload: JsonObject = {
        "action": action,
        "installation": apps.render_installation(tx, installation),
        "requester": None,
        "sender": people.render(tx, sender),
        **extra,
    }
    event = "installation_repositories" if "repositories_added" in extra else "installation"
    _queue(tx, installation, event, payload, None)


def _queue(
    tx: Transaction, installation: Installation, event: str, payload: JsonObject, repository_id: int | None
) -> None:
    app = apps.by_id(tx, installation.app_id)
    if not app.webhook_url or not (event in installation.events or event in ALWAYS):
        return
    short = {"id": installation.id, "node_id": node_id("Installation", installation.id)}
    body = {"installation": short, **payload}
    tx.insert(
        Delivery,
        guid=str(uuid.uuid4()),
        app_id=app.id,
        installation_id=installation.id,
        repository_id=repository_id,
        event=event,
        action=payload.get("action"),
        body=json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode(),
        delivered_at=tx.now,
    )


def sign(secret: str, body: bytes) -> str:
    """The `X-Hub-Signature-256` of a body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def attempted(tx: Transaction, app: App) -> list[Delivery]:
    """The deliveries that can still be seen and sent again, newest first."""
    oldest = timestamp(tx.instant - KEPT)
    found = tx.newest_first(Delivery, app_id=app.id, pending=0)
    return [delivery for delivery in found if delivery.delivered_at >= oldest]


def redeliver(tx: Transaction, delivery: Delivery) -> Delivery:
    """Queue a delivery again, under the same GUID."""
    return tx.insert(
        Delivery,
        guid=delivery.guid,
        app_id=delivery.app_id,
        installation_id=delivery.installation_id,
        repository_id=delivery.repository_id,
        event=delivery.event,
        action=delivery.action,
        body=delivery.body,
        redelivery=1,
        delivered_at=tx.now,
    )


def request_headers(tx: Transaction, delivery: Delivery) -> dict[str, str]:
    """The headers of a delivery."""
    app = apps.by_id(tx, delivery.app_id)
    return {
        "Accept": "*/*",
        "Content-Type": "application/json",
        "User-Agent": f"GitHub-Hookshot/{app.id:x}",
        "X-GitHub-Delivery": delivery.guid,
        "X-GitHub-Event": delivery.event,
        "X-GitHub-Hook-ID": str(400_000_000 + app.id),
        "X-GitHub-Hook-Installation-Target-ID": str(app.id),
        "X-GitHub-Hook-Installation-Target-Type": "integration",
        "X-Hub-Signature-256": sign(app.webhook_secret or "", delivery.body),
    }


def render_item(delivery: Delivery) -> JsonObject:
    """A delivery as the App's list of deliveries shows it."""
    return {
        "id": delivery.id,
        "guid": delivery.guid,
        "delivered_at": delivery.delivered_at,
        "redelivery": delivery.redelivery,
        "duration": delivery.duration,
        "status": delivery.status,
        "status_code": delivery.status_code,
        "event": delivery.event,
        "action": delivery.action,
        "installation_id": delivery.installation_id,
        "repository_id": delivery.repository_id,
        "throttled_at": None,
    }


def render(tx: Transaction, delivery: Delivery) -> JsonObject:
    """A delivery with its request and the receiver's answer."""
    return {
        **render_item(delivery),
        "url": apps.by_id(tx, delivery.app_id).webhook_url or "",
        "request": {"headers": request_headers(tx, delivery), "payload": json.loads(delivery.body)},
        "response": {"headers": delivery.response_headers, "payload": delivery.response_body},
    }
