"""What a browser brings when somebody registers or installs an App, and the call that exchanges the code."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from gate_app.standin import installations, manifests, people
from gate_app.standin.apps import App
from gate_app.standin.errors import GitHubError, not_found
from gate_app.standin.face import access
from gate_app.standin.page import guard
from gate_app.standin.people import Person
from gate_app.standin.state import Transaction

NAME = "manifests"
ME = "maintainer"
"""Whose browser it is: there is no login here."""
routes = Blueprint(NAME, __name__)


@routes.post("/settings/apps/new")
@routes.post("/organizations/<login>/settings/apps/new")
def register(login: str = ME) -> ResponseReturnValue:
    """Register an App from a manifest; any site may send one, as to GitHub."""
    with access.state().transaction() as tx:
        owner = people.by_login(tx, login)
        if owner is None:
            raise not_found()
        to = manifests.register(tx, owner, request.form.get("manifest", ""), request.args.get("state", ""))
    return redirect(to, 302)


@routes.get("/apps/<slug>/installations/new")
def offer(slug: str) -> ResponseReturnValue:
    """Choose where an App is installed."""
    guard.guard()
    with access.state().transaction() as tx:
        app = _app(tx, slug)
        listed = [
            each.login for each in tx.every(Person) if each.type == "Organization" and each.login != "apps"
        ]
        page = render_template("install.html", name=app.name, slug=slug, accounts=listed)
    return guard.protect(Response(page))


@routes.post("/apps/<slug>/installations/new")
def install(slug: str) -> ResponseReturnValue:
    """Install it there, on all repositories."""
    guard.guard()
    with access.state().transaction() as tx:
        installations.create(tx, _app(tx, slug), people.require(tx, request.form.get("account", "")))
    return redirect("/", 303)


def _app(tx: Transaction, slug: str) -> App:
    found = tx.get(App, slug=slug)
    if found is None:
        raise GitHubError(404, "There is no such App.")
    return found


exchange = Blueprint("conversions", __name__)


@exchange.post("/app-manifests/<code>/conversions")
def convert(code: str) -> ResponseReturnValue:
    """Create a GitHub App from a manifest."""
    with access.state().transaction() as tx:
        return manifests.convert(tx, code), 201
