"""Who calls, what the call may do, and which part of a list it wants.

Rules of this file:

* Nothing is done before the caller is known: an App by its JWT, an installation by its token.
* A repository that the token does not reach is a 404, a permission that it lacks is a 403. A public one that it
  does not reach can be read all the same, and writing to it is a 403.
* A repository that moved answers with a redirect to its id, 301 for reading and 307 for writing.
* Pages have at most 100 entries, 30 unless asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar, cast
from urllib.parse import urlencode

from flask import current_app, g, request

from gate_app.standin import bodies, repositories, requests, tokens
from gate_app.standin.apps import App, bot
from gate_app.standin.bodies import Body
from gate_app.standin.comments import Author
from gate_app.standin.errors import GitHubError, forbidden, not_found
from gate_app.standin.repositories import Repository
from gate_app.standin.state import State, Transaction
from gate_app.standin.tokens import Caller

B = TypeVar("B", bound=Body)
T = TypeVar("T")
MAX_PER_PAGE = 100
PER_PAGE = 30
READING = ("GET", "HEAD")


@dataclass(frozen=True)
class Visit:
    """An installation at a repository that its token reaches."""

    caller: Caller
    repository: Repository


def state() -> State:
    """The stand-in's state."""
    return cast(State, current_app.extensions["standin"])


def app_caller(tx: Transaction) -> App:
    """The App that calls with its JWT."""
    scheme, _, credential = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise GitHubError(401, "A JSON web token could not be decoded")
    app = tokens.verify_app(tx, credential.strip())
    g.identity, g.permissions, g.usage = "app", {}, f"app:{app.id}"
    requests.require_budget(tx, g.usage)
    return app


def caller(tx: Transaction, *, free: bool = False) -> Caller:
    """The installation that calls with its token; what is free counts against no rate."""
    scheme, _, credential = request.headers.get("Authorization", "").partition(" ")
    if not credential:
        raise GitHubError(401, "Requires authentication")
    if scheme.lower() not in ("bearer", "token"):
        raise GitHubError(401, "Bad credentials")
    found = note(tokens.verify_token(tx, credential.strip()))
    g.free = free
    if not free:
        requests.require_budget(tx, g.usage)
    return found


def note(found: Caller, identity: str = "installation") -> Caller:
    """Remember the caller for the record of calls and the rate limit."""
    g.identity, g.permissions, g.free = identity, found.token.permissions, identity == "git"
    g.usage = f"installation:{found.installation.id}"
    return found


def visit(tx: Transaction, owner: str, name: str, *any_of: str) -> Visit:
    """The caller at a repository, with one of the permissions (written `checks:write`)."""
    found = caller(tx)
    repository = repositories.by_name(tx, owner, name)
    if repository is None:
        raise _moved(tx, owner, name)
    return permitted(found, repository, *any_of)


def permitted(found: Caller, repository: Repository, *any_of: str) -> Visit:
    """The visit, if the token reaches the repository and has one of the permissions."""
    if not found.sees(repository.id, repository.owner_id):
        if repository.private:
            raise not_found()
        if request.method not in READING:
            raise forbidden()
        return Visit(found, repository)
    if not found.may(*any_of):
        raise forbidden()
    if repository.archived and request.method not in READING:
        raise GitHubError(403, "Repository was archived so is read-only.")
    return Visit(found, repository)


def _moved(tx: Transaction, owner: str, name: str) -> GitHubError:
    moved = repositories.redirected(tx, owner, name)
    if moved is None:
        return not_found()
    rest = request.path.removeprefix(f"/repos/{owner}/{name}")
    query = f"?{request.query_string.decode()}" if request.query_string else ""
    location = {"Location": f"{tx.url}/repositories/{moved.id}{rest}{query}"}
    if request.method in READING:
        return GitHubError(301, "Moved Permanently", headers=location)
    return GitHubError(307, "Temporary Redirect", headers=location)


def author(tx: Transaction, found: Caller) -> Author:
    """The App as the author of what it writes."""
    return Author(bot(tx, found.app), found.app)


def body(kind: type[B]) -> B:
    """The body of the request; an absent one is an empty object."""
    return bodies.parse(kind, request.get_data() or b"{}")


def page(items: Sequence[T]) -> list[T]:
    """The page of a list that was asked for; the Link header says where the others are."""
    size = min(_positive("per_page", PER_PAGE), MAX_PER_PAGE)
    number = _positive("page", 1)
    last = max(-(-len(items) // size), 1)
    places = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
    wanted = ("next", "last") if number < last else ()
    back = ("prev", "first") if number > 1 else ()
    link_to({relation: {"page": places[relation], "per_page": size} for relation in (*back, *wanted)})
    return list(items[(number - 1) * size : number * size])


def link_to(relations: dict[str, dict[str, object]]) -> None:
    """Set the Link header of the answer: relations and the query that each changes."""
    kept = request.args.to_dict()
    parts = [
        f'<{state().url}{request.path}?{urlencode({**kept, **query})}>; rel="{relation}"'
        for relation, query in relations.items()
    ]
    g.link = ", ".join(parts)


def per_page() -> int:
    """How many entries a page shall have."""
    return min(_positive("per_page", PER_PAGE), MAX_PER_PAGE)


def _positive(name: str, default: int) -> int:
    text = request.args.get(name, "")
    return int(text) if text.isdecimal() and 0 < len(text) < 8 and int(text) > 0 else default
