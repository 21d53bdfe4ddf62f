"""`/setup`: one person registers the App at GitHub by its manifest, in one browser.

Rules of the file: nobody gets anywhere without the link that the process printed, which one browser can use once; what
comes back from GitHub counts only in that browser (`state`); nothing secret is shown, logged or put into an address of
ours; after the App is there, everything is closed. Served under one name only, so that no other leads here.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urlsplit

from flask import Flask, Response, abort, make_response, redirect, render_template, request, session
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from gate_app.web.app import SECURITY_HEADERS

COOKIE: Final = "gate_setup"
MAX_FORM_BYTES: Final = 4_096
_FOLDER: Final = Path(__file__).parent / "templates"


class SetupRefused(Exception):
    """The App could not be set up; the text says why and what to do, and holds nothing secret."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What the page reaches through.

    `address` is where the browser reaches us, `new_app` where the manifest goes for an organisation (empty: the person
    themselves), `accept` takes the code and gives where the App is installed; it raises SetupRefused.
    """

    address: str
    github: str
    manifest: str
    asked: tuple[tuple[str, str], ...]
    events: tuple[str, ...]
    polls: bool
    new_app: Callable[[str], str | None]
    accept: Callable[[str], str]
    organisation: str = ""


@dataclass(slots=True)
class Claim:
    """Who may go on: at most one browser, by what its session holds; `done` once the App is there."""

    token: str = field(repr=False)
    browser: str = field(default="", repr=False)
    state: str = field(default="", repr=False)
    done: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    finished: threading.Event = field(default_factory=threading.Event, repr=False)

    def take(self, given: str) -> str | None:
        """What the browser's session shall hold; None when the link is wrong or was used."""
        with self.lock:
            if self.browser or not _same(given, self.token):
                return None
            self.browser = secrets.token_urlsafe(32)
            return self.browser

    def is_held_by(self, browser: object) -> bool:
        """Whether this is the browser that used the link."""
        return bool(self.browser) and isinstance(browser, str) and _same(browser, self.browser)

    def wanted_state(self) -> str:
        """What GitHub has to bring back; the same in every tab until it was used."""
        with self.lock:
            self.state = self.state or secrets.token_urlsafe(32)
            return self.state

    def spend(self, given: str) -> bool:
        """Whether that is what was asked to be brought back; counts once."""
        with self.lock:
            if not self.state or not _same(given, self.state):
                return False
            self.state = ""
            return True


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())


def create_setup(ports: Ports, claim: Claim) -> Flask:
    """The application; its session key lives as long as the process."""
    app = Flask("gate_app.web.setup", static_folder=None, template_folder=str(_FOLDER))
    app.secret_key = secrets.token_bytes(32)
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_FORM_BYTES,
        SESSION_COOKIE_NAME=COOKIE,
        SESSION_COOKIE_PATH="/setup",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=ports.address.startswith("https:"),
        TRUSTED_HOSTS=[urlsplit(ports.address).hostname or ""],
    )
    pages = _Pages(ports, claim)
    app.add_url_rule("/setup", view_func=pages.begin, methods=["GET"])
    app.add_url_rule("/setup/organisation", view_func=pages.choose, methods=["POST"])
    app.add_url_rule("/setup/created", view_func=pages.created, methods=["GET"])
    app.register_error_handler(HTTPException, pages.refused)
    return app


class _Pages:
    def __init__(self, ports: Ports, claim: Claim) -> None:
        self._ports = ports
        self._claim = claim

    def begin(self) -> ResponseReturnValue:
        """The link is exchanged for the session; then the manifest is shown, and sent by the browser."""
        if "token" in request.args:
            return self._claimed(request.args["token"])
        self._require_browser()
        return self._asking()

    def choose(self) -> ResponseReturnValue:
        """Whose App it will be: that of an organisation, or, without a name, the person's own."""
        self._require_browser()
        if not _same(request.form.get("browser", ""), _anti_forgery()):
            abort(HTTPStatus.FORBIDDEN, "This form was not sent from this page.")
        wanted = request.form.get("organisation", "").strip()
        if wanted and self._ports.new_app(wanted) is None:
            return self._asking(problem="An organisation's name has letters, digits and single hyphens."), 422
        session["organisation"] = wanted
        return redirect("/setup", HTTPStatus.SEE_OTHER)

    def created(self) -> ResponseReturnValue:
        """GitHub sent the browser back with a code."""
        self._require_browser()
        if not self._claim.spend(request.args.get("state", "")):
            abort(HTTPStatus.FORBIDDEN, "This did not begin here, or it was used before. Open /setup again.")
        try:
            install = self._ports.accept(request.args.get("code", ""))
        except SetupRefused as refused:
            return self._asking(problem=str(refused)), 502
        self._claim.done = True
        session.clear()
        answer = self._page("done", install=install, polls=self._ports.polls)
        answer.call_on_close(self._claim.finished.set)
        return answer

    def refused(self, error: HTTPException) -> ResponseReturnValue:
        """Every refusal is a page with a sentence."""
        said = error.description if error.code == HTTPStatus.FORBIDDEN else error.name
        return self._page("refused", problem=said), error.code or 500

    def _claimed(self, token: str) -> ResponseReturnValue:
        if not self._claim.is_held_by(session.get("browser")):
            browser = self._claim.take(token)
            if browser is None:
                abort(
                    HTTPStatus.FORBIDDEN,
                    "This link is wrong or was used. Start gate-app setup again for a new one.",
                )
            session["browser"] = browser
            session["form"] = secrets.token_urlsafe(32)
        return redirect("/setup", HTTPStatus.SEE_OTHER)

    def _require_browser(self) -> None:
        if self._claim.done:
            abort(HTTPStatus.FORBIDDEN, "The App is set up; this page is closed.")
        if not self._claim.is_held_by(session.get("browser")):
            abort(HTTPStatus.FORBIDDEN, "Open the link that gate-app setup printed, in this browser.")

    def _asking(self, problem: str = "") -> Response:
        organisation = str(session.get("organisation", self._ports.organisation))
        action = self._ports.new_app(organisation) or ""
        state = urlencode({"state": self._claim.wanted_state()})
        return self._page(
            "begin",
            ports=self._ports,
            action=f"{action}?{state}",
            organisation=organisation,
            browser=_anti_forgery(),
            problem=problem,
        )

    def _page(self, step: str, **shown: object) -> Response:
        nonce = secrets.token_urlsafe(16)
        answer = make_response(render_template("setup.html", step=step, nonce=nonce, **shown))
        answer.headers.update(SECURITY_HEADERS)
        answer.headers["Content-Security-Policy"] = (
            f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self' {self._ports.github}; "
            "base-uri 'none'; frame-ancestors 'none'"
        )
        return answer


def _anti_forgery() -> str:
    return str(session.get("form", ""))
