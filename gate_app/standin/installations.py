"""What happens to an installation: made, suspended, given other repositories or permissions, removed.

Each of them is told to the App, whatever it is subscribed to. Source: webhook reference, `installation` and
`installation_repositories`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gate_app.standin import apps, repositories, webhooks
from gate_app.standin.apps import App, Installation
from gate_app.standin.errors import GitHubError
from gate_app.standin.people import Person
from gate_app.standin.repositories import Repository
from gate_app.standin.state import JsonObject, Transaction, node_id
from gate_app.standin.tokens import Token


def require(tx: Transaction, app: App, account: Person) -> Installation:
    """The App's installation on an account. 404 if there is none."""
    found = tx.get(Installation, app_id=app.id, account_id=account.id)
    if found is None:
        raise GitHubError(404, f"{app.slug} is not installed on {account.login}")
    return found


def create(tx: Transaction, app: App, account: Person) -> Installation:
    """Install the App on an account, for all its repositories."""
    installation = apps.install(tx, app, account)
    shown = _named(tx, reached(tx, installation))
    webhooks.emit_installation(tx, installation, account, "created", repositories=shown)
    return installation


def remove(tx: Transaction, installation: Installation, sender: Person) -> None:
    """Take the App off the account; its tokens end."""
    shown = _named(tx, reached(tx, installation))
    webhooks.emit_installation(tx, installation, sender, "deleted", repositories=shown)
    tx.delete(Token, installation_id=installation.id)
    tx.delete(Installation, id=installation.id)
    tx.announce("installation.deleted", id=installation.id)


def suspend(tx: Transaction, installation: Installation, sender: Person) -> Installation:
    """Let the App do and hear nothing on the account for a while."""
    changes = {"suspended_at": tx.now, "suspended_by_id": sender.id}
    return _changed(tx, installation, sender, "suspend", **changes)


def unsuspend(tx: Transaction, installation: Installation, sender: Person) -> Installation:
    """End the suspension."""
    return _changed(tx, installation, sender, "unsuspend", suspended_at=None, suspended_by_id=None)


def accept_permissions(tx: Transaction, installation: Installation, sender: Person) -> Installation:
    """Grant what the App asks for by now; until then the installation keeps what it was made with."""
    app = apps.by_id(tx, installation.app_id)
    wanted = {"permissions": app.permissions, "events": app.events}
    return _changed(tx, installation, sender, "new_permissions_accepted", **wanted)


def select(
    tx: Transaction, installation: Installation, chosen: Sequence[Repository] | None, sender: Person
) -> Installation:
    """Install the App on these repositories of the account alone, or on all."""
    before = {repository.id: repository for repository in reached(tx, installation)}
    ids = None if chosen is None else [repository.id for repository in chosen]
    changed = tx.update(installation, repository_ids=ids, updated_at=tx.now)
    after = {repository.id: repository for repository in reached(tx, changed)}
    gained = [repository for key, repository in after.items() if key not in before]
    lost = [repository for key, repository in before.items() if key not in after]
    for action, repositories_of_action in (("added", gained), ("removed", lost)):
        if repositories_of_action:
            _tell_selection(tx, changed, sender, action, repositories_of_action)
    return changed


def reached(tx: Transaction, installation: Installation) -> list[Repository]:
    """The repositories that the App is installed on."""
    own = tx.every(Repository, owner_id=installation.account_id)
    return [one for one in own if installation.reaches(one.id, one.owner_id)]


def _changed(
    tx: Transaction, installation: Installation, sender: Person, action: str, **changes: object
) -> Installation:
    changed = tx.update(installation, updated_at=tx.now, **changes)
    tx.announce(f"installation.{action}", id=installation.id)
    webhooks.emit_installation(tx, changed, sender, action)
    return changed


def _tell_selection(
    tx: Transaction, installation: Installation, sender: Person, action: str, changed: Iterable[Repository]
) -> None:
    tx.announce(f"installation_repositories.{action}", id=installation.id)
    shown = _named(tx, changed)
    lists = {"repositories_added": [], "repositories_removed": [], f"repositories_{action}": shown}
    selection = "all" if installation.repository_ids is None else "selected"
    webhooks.emit_installation(tx, installation, sender, action, repository_selection=selection, **lists)


def _named(tx: Transaction, found: Iterable[Repository]) -> list[JsonObject]:
    return [
        {
            "id": repository.id,
            "node_id": node_id("Repository", repository.id),
            "name": repository.name,
            "full_name": repositories.full_name(tx, repository),
            "private": repository.private,
        }
        for repository in found
    ]
