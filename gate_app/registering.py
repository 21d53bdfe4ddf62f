"""`gate-app setup`: serves `/setup` until the App is registered, and keeps its credentials.

Rules of the file: one App, once; nothing is started where there is one already. The server is short-lived: one person
uses it, and whoever has not the link gets a refusal.
"""

from __future__ import annotations

import os
import re
import secrets
import threading
from collections.abc import Callable
from typing import Final

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from gate_app import stored
from gate_app.errors import ConfigurationFault, HubRefused, HubUnavailable
from gate_app.github.key import AppKey
from gate_app.github.manifest import CODE, Github, manifest
from gate_app.github.origin import Origin
from gate_app.github.payloads import subscribed_events
from gate_app.github.permissions import needed
from gate_app.serving import PRIVATE, host_and_port, require_free
from gate_app.stored import Credentials, Place
from gate_app.web.setup import Claim, Ports, SetupRefused, create_setup

OPEN_SECONDS: Final = 3_600.0
"""As long as GitHub's code may be exchanged; after that the link is useless as well."""
PATIENCE_SECONDS: Final = 10.0
"""With a peer that says nothing: each one holds a thread."""
_LOGIN: Final = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}", re.ASCII)
_ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - read, not bound


class _QuietHandler(WSGIRequestHandler):
    """The addresses of requests hold the link's token and GitHub's code."""

    timeout = PATIENCE_SECONDS

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - its name in werkzeug
        """Say nothing: a line of a broken request may hold the same."""


def register(place: Place, organisation: str, say: Callable[[str], None]) -> int:
    """Serves until the App is there. Returns the exit code: 0, or 1 when nobody finished. Raises ConfigurationFault."""
    os.umask(PRIVATE)
    if organisation and not _LOGIN.fullmatch(organisation):
        raise ConfigurationFault(
            "--organisation: no organisation has such a name: letters, digits, single hyphens"
        )
    if (place.home / stored.FILE).exists():
        raise ConfigurationFault(
            f"{place.home / stored.FILE}: an App is set up already; move that file away to register another"
        )
    if place.bind.startswith("unix:"):
        raise ConfigurationFault("GATE_BIND is a socket: set it to host:port while gate-app setup runs")
    require_free(place.bind)
    claim = Claim(secrets.token_urlsafe(32))
    address = _address(place)
    host, port = host_and_port(place.bind)
    server = make_server(
        host, port, create_setup(_ports(place, address, organisation), claim), threaded=True,
        request_handler=_QuietHandler,
    )  # fmt: skip
    say(f"Open {address}/setup?token={claim.token}")
    say("This link works once, in one browser, for an hour. Ctrl-C ends this.")
    _serve(server, claim)
    if not claim.done:
        say("Nobody set the App up; start gate-app setup again for a new link.")
        return 1
    say(f"The App is set up; its credentials are in {place.home / stored.FILE}. Next: gate-app serve")
    return 0


def _serve(server: BaseWSGIServer, claim: Claim) -> None:
    def end() -> None:
        claim.finished.wait(OPEN_SECONDS)
        server.shutdown()

    threading.Thread(target=end, daemon=True).start()
    try:
        server.serve_forever(poll_interval=0.1)
    finally:
        server.server_close()


def _address(place: Place) -> str:
    host, port = host_and_port(place.bind)
    shown = _ANYWHERE.get(host, f"[{host}]" if ":" in host else host)
    return place.base_url or f"http://{shown}:{port}"


def _ports(place: Place, address: str, organisation: str) -> Ports:
    github = Github(
        Origin.parse(place.api_url, "GATE_GITHUB_API_URL"), Origin.parse(place.web_url, "GATE_GITHUB_GIT_URL")
    )
    name = f"Gate App {secrets.token_hex(3)}"  # names are unique at GitHub; the person may change it there
    return Ports(
        address=address,
        github=github.web.url,
        manifest=manifest(name, place.base_url, f"{address}/setup/created", github.web.url),
        asked=tuple(needed().items()),
        events=tuple(sorted(subscribed_events())),
        polls=not place.base_url,
        new_app=lambda wanted: github.new_app(wanted) if not wanted or _LOGIN.fullmatch(wanted) else None,
        accept=lambda code: _accepted(github, place, code),
        organisation=organisation,
    )


def _accepted(github: Github, place: Place, code: str) -> str:
    """Exchanges the code, keeps what it gives, and says where the App is installed."""
    if not CODE.fullmatch(code):
        raise SetupRefused("GitHub sent no code. Begin again.")
    try:
        found = github.convert(code)
        AppKey.parse(found.pem)
        app = Credentials(found.id, found.client_id, found.pem, found.webhook_secret, github.api.url)
        stored.keep(place.home, app)
    except HubRefused as refused:
        raise SetupRefused(f"GitHub takes the code no more ({refused.status}). Begin again.") from None
    except HubUnavailable:
        raise SetupRefused(
            "GitHub gave no whole answer. If it made an App, delete that in its settings there, then begin again."
        ) from None
    except ConfigurationFault:
        raise SetupRefused(
            "GitHub's answer holds no usable key. Delete the App there, then begin again."
        ) from None
    except OSError as fault:
        why = os.strerror(fault.errno or 0)
        raise SetupRefused(
            f"The credentials cannot be stored in {place.home} ({why}). Mend that, delete the App there, begin again."
        ) from None
    return github.install(found)
