"""The addresses of the page: the list, a pull request, and what its forms do.

Rules of this file: a form leads back to the page it came from, at the same person; what GitHub would refuse is
refused here by the same functions, and told on the page with what was typed. An unchanged page answers 304
without being made again, and without waiting for anybody who writes.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue

from gate_app.standin import checks, comments, lifecycle, people, pulls
from gate_app.standin.comments import Author
from gate_app.standin.errors import GitHubError
from gate_app.standin.face.access import state
from gate_app.standin.page import faces, guard, pull_page, times
from gate_app.standin.page.faces import Actor
from gate_app.standin.people import Person
from gate_app.standin.pulls import Pull
from gate_app.standin.repositories import Repository
from gate_app.standin.state import Transaction

NAME: Final = "page"
PROCESS: Final = secrets.token_hex(4)
FOLDER: Final = Path(__file__).parent
routes = Blueprint(
    NAME, __name__, template_folder="templates", static_folder="static", static_url_path="/_page"
)
routes.before_request(guard.guard)
routes.after_request(guard.protect)
_WHERE: Final = "/<owner>/<name>/pull/<int:number>"
Deed = Callable[[Transaction, Pull, Person], str]


@routes.record_once
def _prepare(setup: BlueprintSetupState) -> None:
    templates = setup.app.jinja_env
    templates.trim_blocks = templates.lstrip_blocks = True
    templates.filters["ago"] = times.ago
    templates.filters["full_time"] = times.full
    templates.globals["asset"] = _asset


def _asset(name: str) -> str:
    """The address of a static file, which changes with its content so that it may be kept for ever."""
    digest = hashlib.sha256((FOLDER / "static" / name).read_bytes()).hexdigest()[:12]
    return url_for(f"{NAME}.static", filename=name, v=digest)


@routes.get("/")
def get_index() -> ResponseReturnValue:
    """All pull requests."""
    tag = _tag()
    if request.if_none_match.contains(tag):
        return _unchanged(tag)
    with state().transaction() as tx:
        found = pull_page.index(tx)
    return _page(tag, render_template("index.html", index=found))


@routes.get(_WHERE)
def get_pull(owner: str, name: str, number: int) -> ResponseReturnValue:
    """One pull request, for whoever acts (`?as=login`)."""
    tag = _tag()
    if request.if_none_match.contains(tag):
        return _unchanged(tag)
    with state().transaction() as tx:
        found = pull_page.look(tx, pull_page.find(tx, owner, name), number, request.args.get("as"))
    return _page(tag, render_template("pull.html", page=found))


@routes.get("/<owner>/<name>/runs/<int:identifier>")
def get_run(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """A check run, which is shown on the page of its pull request."""
    with state().transaction() as tx:
        repository = pull_page.find(tx, owner, name)
        run = checks.require(tx, repository, identifier)
        found = pulls.with_commit(tx, repository, run.head_sha)
    if not found:
        raise GitHubError(404, "No pull request contains the commit of this check run.")
    return redirect(f"/{owner}/{name}/pull/{found[-1].number}#check-{identifier}", 303)


@routes.post(f"{_WHERE}/comments")
def comment(owner: str, name: str, number: int) -> ResponseReturnValue:
    """Comment."""

    def say(tx: Transaction, pull: Pull, by: Person) -> str:
        repository = pull_page.find(tx, owner, name)
        made = comments.create(tx, repository, pull.number, Author(by), request.form.get("body", ""))
        return f"issuecomment-{made.id}"

    return _done(owner, name, number, say)


@routes.post(f"{_WHERE}/checks/<int:identifier>")
def press(owner: str, name: str, number: int, identifier: int) -> ResponseReturnValue:
    """Press a button of a check run, or ask for it to be run again."""

    def click(tx: Transaction, _pull: Pull, by: Person) -> str:
        run = checks.require(tx, pull_page.find(tx, owner, name), identifier)
        button = request.form.get("button", "")
        if button:
            checks.click(tx, run, button, by)
        else:
            checks.rerequest(tx, run, by)
        return f"check-{identifier}"

    return _done(owner, name, number, click, _may_push)


@routes.post(f"{_WHERE}/merge")
def merge(owner: str, name: str, number: int) -> ResponseReturnValue:
    """Merge."""

    def join(tx: Transaction, pull: Pull, by: Person) -> str:
        lifecycle.merge(tx, pull, request.form.get("method", "merge"), by)
        return "merging"

    return _done(owner, name, number, join, _may_push)


@routes.post(f"{_WHERE}/state")
def set_state(owner: str, name: str, number: int) -> ResponseReturnValue:
    """Close, or open again."""

    def change(tx: Transaction, pull: Pull, by: Person) -> str:
        (lifecycle.close if pull.state == "open" else lifecycle.reopen)(tx, pull, by)
        return "merging"

    return _done(owner, name, number, change, _may_close)


def _done(
    owner: str,
    name: str,
    number: int,
    deed: Deed,
    allowed: Callable[[Actor, Pull, Person], bool] = lambda *_: True,
) -> ResponseReturnValue:
    """Do it as whoever acts, and go back to where its effect is; a refusal is told on the page."""
    login = request.form.get("as", "")
    try:
        with state().transaction() as tx:
            repository = pull_page.find(tx, owner, name)
            pull = pulls.require(tx, repository, number)
            actor, person = _actor(tx, repository, login)
            if not allowed(actor, pull, person):
                raise GitHubError(403, f"{login} has the role {actor.role} here, which does not allow this.")
            place = deed(tx, pull, person)
    except GitHubError as refusal:
        return _told(owner, name, number, login, refusal)
    query = urlencode({"as": login})
    return redirect(f"/{owner}/{name}/pull/{number}?{query}#{place}", 303)


def _actor(tx: Transaction, repository: Repository, login: str) -> tuple[Actor, Person]:
    found = next((one for one in faces.actors(tx, repository) if one.login == login), None)
    if found is None:
        raise GitHubError(403, f"Nobody can act as {login or 'nobody'} here.")
    return found, people.require(tx, login)


def _may_push(actor: Actor, _pull: Pull, _person: Person) -> bool:
    return actor.may_push


def _may_close(actor: Actor, pull: Pull, person: Person) -> bool:
    return actor.may_close or person.id == pull.author_id


def _told(owner: str, name: str, number: int, login: str, refusal: GitHubError) -> Response:
    with state().transaction() as tx:
        repository = pull_page.find(tx, owner, name)
        page = pull_page.look(tx, repository, number, login)
    draft = request.form.get("body", "")
    return make_response(
        render_template("pull.html", page=page, problem=refusal.message, draft=draft), refusal.status
    )


@routes.errorhandler(GitHubError)
def _refused(refusal: GitHubError) -> ResponseReturnValue:
    return render_template("problem.html", problem=refusal.message), refusal.status


def _tag() -> str:
    """Names what is known before a look: whatever is written afterwards gives another one."""
    return f"{PROCESS}-{state().commits}"


def _page(tag: str, text: str) -> Response:
    answer = make_response(text)
    answer.set_etag(tag)
    return answer


def _unchanged(tag: str) -> Response:
    answer = Response(status=304)
    answer.set_etag(tag)
    return answer
