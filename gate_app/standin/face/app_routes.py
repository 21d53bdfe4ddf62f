"""What an App does as itself (JWT), and what a token says about itself."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from gate_app.standin import apps, installations, people, repositories, requests, tokens, webhooks
from gate_app.standin.apps import App, Installation
from gate_app.standin.bodies import AccessToken, HookConfig
from gate_app.standin.errors import GitHubError, not_found
from gate_app.standin.face import access
from gate_app.standin.repositories import Repository
from gate_app.standin.state import JsonObject, Transaction
from gate_app.standin.webhooks import Delivery

routes = Blueprint("app", __name__)


@routes.get("/app")
def get_app() -> ResponseReturnValue:
    """Get the authenticated App."""
    with access.state().transaction() as tx:
        app = access.app_caller(tx)
        return {**apps.render(tx, app), "installations_count": tx.count(Installation, app_id=app.id)}


@routes.get("/app/installations")
def list_installations() -> ResponseReturnValue:
    """List installations for the authenticated App."""
    with access.state().transaction() as tx:
        found = tx.every(Installation, app_id=access.app_caller(tx).id)
        return [apps.render_installation(tx, installation) for installation in access.page(found)]


@routes.get("/app/installations/<int:identifier>")
def get_installation(identifier: int) -> ResponseReturnValue:
    """Get an installation for the authenticated App."""
    with access.state().transaction() as tx:
        return apps.render_installation(tx, _installation(tx, access.app_caller(tx), id=identifier))


@routes.get("/repos/<owner>/<name>/installation")
def get_repository_installation(owner: str, name: str) -> ResponseReturnValue:
    """Get a repository installation for the authenticated App."""
    with access.state().transaction() as tx:
        app = access.app_caller(tx)
        repository = repositories.by_name(tx, owner, name)
        if repository is None:
            raise not_found()
        installation = _installation(tx, app, account_id=repository.owner_id)
        if not installation.reaches(repository.id, repository.owner_id):
            raise not_found()
        return apps.render_installation(tx, installation)


@routes.get("/orgs/<login>/installation")
@routes.get("/users/<login>/installation")
def get_account_installation(login: str) -> ResponseReturnValue:
    """Get an organization's or user's installation for the authenticated App."""
    with access.state().transaction() as tx:
        app = access.app_caller(tx)
        account = people.by_login(tx, login)
        if account is None:
            raise not_found()
        return apps.render_installation(tx, _installation(tx, app, account_id=account.id))


@routes.post("/app/installations/<int:identifier>/access_tokens")
def create_token(identifier: int) -> ResponseReturnValue:
    """Create an installation access token, narrowed if asked."""
    with access.state().transaction() as tx:
        installation = _installation(tx, access.app_caller(tx), id=identifier)
        wanted = access.body(AccessToken)
        reached = _reached(tx, installation, wanted)
        ids = None if reached is None else [repository.id for repository in reached]
        secret, token = tokens.mint(tx, installation, ids, wanted.permissions)
        token_sees_all = reached is None and installation.repository_ids is None
        answer: JsonObject = {
            "token": secret,
            "expires_at": token.expires_at,
            "permissions": token.permissions,
            "repository_selection": "all" if token_sees_all else "selected",
        }
        if reached is not None:
            answer["repositories"] = [repositories.render(tx, repository) for repository in reached]
        return answer, 201


@routes.delete("/installation/token")
def revoke_token() -> ResponseReturnValue:
    """Revoke an installation access token."""
    with access.state().transaction() as tx:
        tokens.revoke(tx, access.caller(tx))
    return "", 204


@routes.get("/installation/repositories")
def list_repositories() -> ResponseReturnValue:
    """List repositories accessible to the installation."""
    with access.state().transaction() as tx:
        caller = access.caller(tx)
        own = installations.reached(tx, caller.installation)
        seen = [repository for repository in own if caller.sees(repository.id, repository.owner_id)]
        return {
            "total_count": len(seen),
            "repository_selection": "all" if caller.sees_all else "selected",
            "repositories": [repositories.render(tx, repository) for repository in access.page(seen)],
        }


@routes.get("/app/hook/config")
def get_hook() -> ResponseReturnValue:
    """Get a webhook configuration for the App; the secret is never shown."""
    with access.state().transaction() as tx:
        return apps.render_hook(access.app_caller(tx))


@routes.patch("/app/hook/config")
def update_hook() -> ResponseReturnValue:
    """Update a webhook configuration for the App."""
    with access.state().transaction() as tx:
        app, wanted = access.app_caller(tx), access.body(HookConfig)
        given = {"webhook_url": wanted.url, "webhook_secret": wanted.secret}
        changes = {name: value for name, value in given.items() if value is not None}
        return apps.render_hook(tx.update(app, **changes) if changes else app)


@routes.get("/app/hook/deliveries")
def list_deliveries() -> ResponseReturnValue:
    """List deliveries for the App's webhook, newest first, by cursor."""
    with access.state().transaction() as tx:
        app = access.app_caller(tx)
        cursor = request.args.get("cursor", "")
        if cursor and not cursor.removeprefix("v1_").isdecimal():
            raise GitHubError(400, "Invalid cursor")
        wanted = request.args.get("status")
        before = int(cursor.removeprefix("v1_")) if cursor else None
        found = [
            delivery
            for delivery in webhooks.attempted(tx, app)
            if (before is None or delivery.id < before)
            and (wanted is None or (wanted == "success") == (delivery.status == "OK"))
        ]
        shown = found[: access.per_page()]
        if len(shown) < len(found):
            access.link_to({"next": {"cursor": f"v1_{shown[-1].id}"}})
        return [webhooks.render_item(delivery) for delivery in shown]


@routes.get("/app/hook/deliveries/<int:identifier>")
def get_delivery(identifier: int) -> ResponseReturnValue:
    """Get a delivery for the App's webhook."""
    with access.state().transaction() as tx:
        return webhooks.render(tx, _delivery(tx, access.app_caller(tx), identifier))


@routes.post("/app/hook/deliveries/<int:identifier>/attempts")
def redeliver(identifier: int) -> ResponseReturnValue:
    """Redeliver a delivery for the App's webhook."""
    with access.state().transaction() as tx:
        webhooks.redeliver(tx, _delivery(tx, access.app_caller(tx), identifier))
    return {}, 202


@routes.get("/rate_limit")
def get_rate_limit() -> ResponseReturnValue:
    """Get the rate limit status for the installation."""
    with access.state().transaction() as tx:
        caller = access.caller(tx, free=True)
        rate = requests.rate(tx, requests.current(tx, f"installation:{caller.installation.id}"))
        return {"resources": {"core": rate, "search": {**rate, "limit": 30}}, "rate": rate}


def _installation(tx: Transaction, app: App, **where: int) -> Installation:
    found = tx.get(Installation, app_id=app.id, **where)
    if found is None:
        raise not_found()
    return found


def _delivery(tx: Transaction, app: App, identifier: int) -> Delivery:
    found = next((one for one in webhooks.attempted(tx, app) if one.id == identifier), None)
    if found is None:
        raise not_found()
    return found


def _reached(tx: Transaction, installation: Installation, wanted: AccessToken) -> list[Repository] | None:
    if wanted.repository_ids is None and wanted.repositories is None:
        return None
    account = {"owner_id": installation.account_id}
    by_id = [tx.get(Repository, id=identifier, **account) for identifier in wanted.repository_ids or ()]
    by_name = [tx.get(Repository, name=name, **account) for name in wanted.repositories or ()]
    reached = [one for one in (*by_id, *by_name) if one and installation.reaches(one.id, one.owner_id)]
    if len(reached) != len(by_id) + len(by_name):
        unknown = "There is at least one repository that does not exist or is not accessible"
        raise GitHubError(422, f"{unknown} to the parent installation.")
    return reached
