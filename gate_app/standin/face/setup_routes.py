"""Control API: what there is. The App, its installations, people, teams, repositories, commits."""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from flask import Blueprint
from flask.typing import ResponseReturnValue

from gate_app.standin import (
    apps,
    installations,
    manifests,
    organizations,
    people,
    protection,
    pushes,
    repositories,
    snapshot,
    teams,
)
from gate_app.standin.apps import App, Installation, Registration
from gate_app.standin.errors import GitHubError, invalid, not_found
from gate_app.standin.face import access
from gate_app.standin.face import control_bodies as given
from gate_app.standin.face.guard import guard
from gate_app.standin.git import GitError, Signature
from gate_app.standin.repositories import NewRepository, Repository
from gate_app.standin.shapes import Committed, Registered
from gate_app.standin.state import Transaction

routes = Blueprint("setup", __name__, url_prefix="/_standin")
routes.before_request(guard)


def named(tx: Transaction, owner: str, name: str) -> Repository:
    """The repository with this name. 404 if there is none."""
    found = repositories.by_name(tx, owner, name)
    if found is None:
        raise GitHubError(404, f"there is no repository {owner}/{name}")
    return found


def the_app(tx: Transaction) -> App:
    """The App under test: the one with a key, registered first."""
    found = next((app for app in tx.every(App) if app.public_key), None)
    if found is None:
        raise GitHubError(404, "no App is registered; POST /_standin/app first")
    return found


@routes.post("/app")
def register_app() -> ResponseReturnValue:
    """Register the App and install it on an account."""
    wanted = access.body(given.NewApp)
    private_key, public_key = _keys(wanted)
    registration = Registration(
        slug=wanted.slug,
        name=wanted.name,
        public_key=public_key,
        webhook_url=wanted.webhook_url,
        webhook_secret=wanted.webhook_secret,
        permissions=wanted.permissions,
        events=wanted.events,
    )
    with access.state().transaction() as tx:
        account = people.account(tx, wanted.account)
        app = apps.register(tx, account, registration)
        installation = installations.create(tx, app, account)
        return _registered(tx, app, installation, private_key), 201


def _keys(wanted: given.NewApp) -> tuple[str | None, str]:
    if wanted.public_key_pem is not None:
        try:
            serialization.load_pem_public_key(wanted.public_key_pem.encode())
        except (ValueError, UnsupportedAlgorithm) as problem:
            raise invalid("App", "public_key_pem", f"not a public key: {problem}") from None
        return None, wanted.public_key_pem
    if not wanted.generate:
        raise invalid("App", "public_key_pem", "give a public key, or generate: true")
    return manifests.new_keys()


def _registered(tx: Transaction, app: App, installation: Installation, private_key: str | None) -> Registered:
    bot = apps.bot(tx, app)
    return {
        "app_id": app.id,
        "client_id": app.client_id,
        "slug": app.slug,
        "bot_user_id": bot.id,
        "bot_login": bot.login,
        "installation_id": installation.id,
        "private_key_pem": private_key,
    }


@routes.patch("/app")
def change_app() -> ResponseReturnValue:
    """Send the App's webhooks elsewhere, sign them with another secret, or let the App ask for more."""
    wanted = access.body(given.AppChange)
    changes = wanted.model_dump(exclude_none=True)
    with access.state().transaction() as tx:
        app = the_app(tx)
        if changes:
            tx.update(app, **changes)
    return {}


@routes.post("/installations")
def install() -> ResponseReturnValue:
    """Install the App on another account."""
    wanted = access.body(given.NewInstallation)
    with access.state().transaction() as tx:
        app, account = the_app(tx), people.account(tx, wanted.account)
        return _registered(tx, app, installations.create(tx, app, account), None), 201


@routes.delete("/installations/<login>")
def uninstall(login: str) -> ResponseReturnValue:
    """Take the App off an account."""
    with access.state().transaction() as tx:
        account = people.require(tx, login)
        installations.remove(tx, installations.require(tx, the_app(tx), account), account)
    return "", 204


@routes.patch("/installations/<login>")
def change_installation(login: str) -> ResponseReturnValue:
    """Suspend an installation or end that, select its repositories, or grant what the App asks for."""
    wanted = access.body(given.InstallationChange)
    with access.state().transaction() as tx:
        account = people.require(tx, login)
        found = installations.require(tx, the_app(tx), account)
        if wanted.suspended is not None:
            turn = installations.suspend if wanted.suspended else installations.unsuspend
            found = turn(tx, found, account)
        if wanted.repositories is not None:
            names = wanted.repositories
            chosen = None if names == "all" else [named(tx, login, name) for name in names]
            found = installations.select(tx, found, chosen, account)
        if wanted.accept_permissions:
            installations.accept_permissions(tx, found, account)
    return {}


@routes.post("/people")
def create_person() -> ResponseReturnValue:
    """Create an account."""
    wanted = access.body(given.NewPerson)
    with access.state().transaction() as tx:
        person = people.create(tx, wanted.login, wanted.type, wanted.name, wanted.email)
        if wanted.repository and wanted.role:
            owner, _, name = wanted.repository.partition("/")
            people.set_role(tx, named(tx, owner, name).id, person, wanted.role)
        return dict(snapshot.of_person(person)), 201


@routes.patch("/people/<login>")
def change_person(login: str) -> ResponseReturnValue:
    """Give somebody another login, which frees the old one, or suspend the account."""
    wanted = access.body(given.PersonChange)
    with access.state().transaction() as tx:
        person = people.require(tx, login)
        if wanted.suspended is not None:
            person = people.suspend(tx, person, wanted.suspended)
        if wanted.login is not None:
            person = people.rename(tx, person, wanted.login)
        return dict(snapshot.of_person(person))


@routes.delete("/people/<login>")
def delete_person(login: str) -> ResponseReturnValue:
    """Close an account; what it wrote becomes the ghost's."""
    with access.state().transaction() as tx:
        people.delete(tx, people.require(tx, login))
    return "", 204


@routes.put("/teams")
def set_membership() -> ResponseReturnValue:
    """Put somebody into a team."""
    wanted = access.body(given.TeamMember)
    organization, _, slug = wanted.team.partition("/")
    with access.state().transaction() as tx:
        person = people.require(tx, wanted.login)
        teams.set_membership(tx, organization, slug, person, wanted.state, wanted.role)
    return {}


@routes.put("/organizations/<organization>/members/<login>")
def set_member(organization: str, login: str) -> ResponseReturnValue:
    """Put somebody into an organization, or out of it."""
    wanted = access.body(given.OrganizationMember)
    with access.state().transaction() as tx:
        person = people.require(tx, login)
        organizations.set_member(tx, organization, person, wanted.role, wanted.state)
    return {}


@routes.patch("/teams/<organization>/<slug>")
def change_team(organization: str, slug: str) -> ResponseReturnValue:
    """Put a team into another one, or give its members a role on a repository; it is made if there is none."""
    wanted = access.body(given.TeamChange)
    with access.state().transaction() as tx:
        team = teams.ensure(tx, organization, slug)
        if wanted.parent:
            team = teams.set_parent(tx, team, teams.ensure(tx, organization, wanted.parent))
        if wanted.repository and wanted.role:
            owner, _, name = wanted.repository.partition("/")
            teams.set_role(tx, team, named(tx, owner, name).id, wanted.role)
    return {}


@routes.delete("/teams/<organization>/<slug>")
def delete_team(organization: str, slug: str) -> ResponseReturnValue:
    """Delete a team."""
    with access.state().transaction() as tx:
        teams.delete_team(tx, organization, slug)
    return "", 204


@routes.delete("/teams/<organization>/<slug>/<login>")
def delete_membership(organization: str, slug: str, login: str) -> ResponseReturnValue:
    """Take somebody out of a team."""
    with access.state().transaction() as tx:
        teams.delete_membership(tx, organization, slug, people.require(tx, login))
    return "", 204


@routes.put("/repositories/<owner>/<name>/collaborators/<login>")
def set_role(owner: str, name: str, login: str) -> ResponseReturnValue:
    """Give somebody a role on a repository."""
    wanted = access.body(given.GivenRole)
    with access.state().transaction() as tx:
        people.set_role(tx, named(tx, owner, name).id, people.require(tx, login), wanted.role)
    return {}


@routes.post("/repositories")
def create_repository() -> ResponseReturnValue:
    """Create a repository from a checkout, or from files alone."""
    wanted = access.body(given.RepositoryFacts)
    checkout = Path(wanted.checkout) if wanted.checkout else None
    facts = {**wanted.model_dump(), "checkout": checkout}
    with access.state().transaction() as tx:
        repository = repositories.create(tx, NewRepository(**facts))
        return dict(snapshot.of_repository(tx, repository)), 201


@routes.patch("/repositories/<owner>/<name>")
def change_repository(owner: str, name: str) -> ResponseReturnValue:
    """Rename, transfer, archive or publish a repository, or switch its default branch."""
    wanted = access.body(given.RepositoryChange)
    with access.state().transaction() as tx:
        repository = named(tx, owner, name)
        if wanted.owner or wanted.name:
            account = people.account(tx, wanted.owner or owner)
            repository = repositories.move(tx, repository, account, wanted.name or name)
        changes = wanted.model_dump(exclude_none=True, exclude={"owner", "name"})
        repository = tx.update(repository, **changes) if changes else repository
        return dict(snapshot.of_repository(tx, repository))


@routes.put("/repositories/<owner>/<name>/required-checks/<path:branch>")
def require_checks(owner: str, name: str, branch: str) -> ResponseReturnValue:
    """Say which checks a branch requires."""
    wanted = access.body(given.RequiredChecks)
    with access.state().transaction() as tx:
        found = {
            context: apps.other(tx, slug).id if slug else None for context, slug in wanted.checks.items()
        }
        protection.require_checks(tx, named(tx, owner, name), branch, wanted.source, found)
    return {}


@routes.post("/repositories/<owner>/<name>/commits")
def create_commit(owner: str, name: str) -> ResponseReturnValue:
    """Write a commit; no branch moves."""
    wanted = access.body(given.NewCommit)
    with access.state().transaction() as tx:
        repository = named(tx, owner, name)
        git = repositories.git(tx, repository)
        parent = pushes.known_commit(git, wanted.parent or repository.default_branch)
        try:
            sha = git.commit_files(parent, wanted.files, wanted.message, _author(tx, wanted))
        except GitError as problem:
            raise invalid("Commit", "files", str(problem)) from None
        made: Committed = {"sha": sha, "tree": git.commit(sha).tree}
        return dict(made), 201


def _author(tx: Transaction, wanted: given.NewCommit) -> Signature:
    if wanted.login:
        return repositories.signature(people.require(tx, wanted.login), tx.instant)
    return Signature(wanted.name or "Somebody", wanted.email or "somebody@example.org", tx.instant)


@routes.put("/repositories/<owner>/<name>/branches/<path:branch>")
def push(owner: str, name: str, branch: str) -> ResponseReturnValue:
    """Push a commit to a branch; pull requests with this head follow."""
    wanted = access.body(given.Push)
    with access.state().transaction() as tx:
        repository = named(tx, owner, name)
        sha = pushes.known_commit(repositories.git(tx, repository), wanted.sha)
        pushes.push(tx, repository, branch, sha, people.require(tx, wanted.by))
        found = repositories.by_name(tx, owner, name)
        if found is None:
            raise not_found()
        return dict(snapshot.of_repository(tx, found))
