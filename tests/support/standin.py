"""A running stand-in for tests: the server in a thread, the App's credentials, a receiver of webhooks.

`Github` speaks the REST API as the app would and holds every answer, and every request that was accepted,
against GitHub's published schemas. The clock stands still unless a test moves it.
"""

from __future__ import annotations

import functools
import http.client
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from support import github_schema

from gate_app.standin.apps import DEFAULT_EVENTS, DEFAULT_PERMISSIONS
from gate_app.standin.control import Control
from gate_app.standin.server import Server
from gate_app.standin.shapes import Registered

SECRET = "a secret of twenty bytes"
REPOSITORY = "acme/shop"
API = f"/repos/{REPOSITORY}"
GRAPHQL = "/graphql"
"""Not of the REST API, so none of its schemas is meant."""


class StillClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **duration: float) -> None:
        """Move the clock."""
        self.now += timedelta(**duration)


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; the body is parsed JSON, or None."""

    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Received:
    """A webhook as it arrived."""

    headers: Mapping[str, str]
    raw: bytes

    @property
    def name(self) -> str:
        """`event.action`, or the event alone."""
        action = json.loads(self.raw).get("action")
        return f"{self.headers['X-GitHub-Event']}.{action}" if action else self.headers["X-GitHub-Event"]


@dataclass
class Receiver:
    """A webhook receiver that answers as it is told."""

    url: str = ""
    status: int = 202
    received: list[Received] = field(default_factory=list)

    def names(self) -> list[str]:
        """The names of what arrived, in order."""
        return [webhook.name for webhook in self.received]


@dataclass
class Github:
    """The stand-in as the app sees it, and its control."""

    url: str
    control: Control
    clock: StillClock
    app: Registered
    receiver: Receiver

    def jwt(self, key: str | None = None, **claims: object) -> str:
        """A JWT of the App, with claims changed."""
        now = int(self.clock().timestamp())
        usual = {"iat": now - 60, "exp": now + 540, "iss": str(self.app["app_id"])}
        wanted = {name: value for name, value in (usual | claims).items() if value is not None}
        return jwt.encode(wanted, key or self.app["private_key_pem"] or "", "RS256")

    def mint(self, **wanted: object) -> str:
        """An installation token."""
        path = f"/app/installations/{self.app['installation_id']}/access_tokens"
        answer = self.call("POST", path, wanted, token=self.jwt())
        assert answer.status == 201, answer.body
        return str(answer.body["token"])

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """A REST call, held against the published schemas."""
        authorization = {"Authorization": f"Bearer {token}"} if token else {}
        raw = None if body is None else json.dumps(body).encode()
        answer = send(self.url + path, method, raw, {**authorization, **(headers or {})})
        plain = urlsplit(path).path
        if plain == GRAPHQL:
            return answer
        if answer.status not in (302, 304, 502):
            github_schema.assert_answer_valid(method, plain, answer.status, answer.body)
        if body is not None and answer.status < 300:
            github_schema.assert_request_valid(method, plain, body)
        return answer


def send(
    url: str,
    method: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    raw: bool = False,
) -> Answer:
    """One HTTP exchange without redirects; the body of the answer as it came if `raw`."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=20)
    try:
        connection.request(
            method, f"{parts.path}?{parts.query}" if parts.query else parts.path, body, dict(headers or {})
        )
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    is_json = answer.headers.get_content_type() == "application/json"
    parsed = json.loads(content) if content and is_json else None
    return Answer(answer.status, dict(answer.headers.items()), content if raw else parsed)


@functools.cache
def key_pair() -> tuple[str, str]:
    """The App's private and public key, made once."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)
    public = key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on the loopback address."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.received.append(Received(dict(self.headers.items()), raw))
            self.send_response(receiver.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/webhooks/github"
    with _threaded(functools.partial(server.serve_forever, poll_interval=0.02), server.shutdown):
        yield receiver
    server.server_close()


@contextmanager
def serving(
    home: Path, *, permissions: Mapping[str, str] | None = None, events: Sequence[str] | None = None
) -> Iterator[Github]:
    """A stand-in with the App, people (author, reviewer, maintainer, reader) and one repository.

    Permissions and events are added to those that the App has anyway."""
    clock = StillClock()
    server = Server(home, clock=clock)
    with receiving() as receiver, _threaded(server.run, server.stop):
        control = Control(server.url, server.control_token)
        private, public = key_pair()
        app = control.register_app(
            receiver.url,
            SECRET,
            public_key_pem=public,
            permissions={**DEFAULT_PERMISSIONS, **(permissions or {})},
            events=[*DEFAULT_EVENTS, *(events or ())],
        )
        app["private_key_pem"] = private
        for login in ("author", "reviewer", "maintainer", "reader", "stranger"):
            control.create_person(login)
        control.create_repository(
            "acme",
            "shop",
            files={"README.md": "A shop.\n", "src/app.py": "x = 1\n"},
            identities={"*": "author"},
        )
        for login, role in (
            ("author", "write"),
            ("reviewer", "write"),
            ("maintainer", "maintain"),
            ("reader", "read"),
        ):
            control.set_role(REPOSITORY, login, role)
        yield Github(server.url, control, clock, app, receiver)


@contextmanager
def _threaded(run: Any, stop: Any) -> Iterator[None]:
    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop()
        thread.join(20)


def open_pull(github: Github, branch: str = "topic", text: str = "x = 2\n") -> tuple[int, str]:
    """A pull request that changes one file: its number and head SHA."""
    sha = github.control.commit(REPOSITORY, {"src/app.py": text}, message=f"Change {branch}", login="author")[
        "sha"
    ]
    pull = github.control.open_pull(
        REPOSITORY,
        head_sha=sha,
        head_branch=branch,
        title=f"Change {branch}",
        body="Please.",
        author="author",
    )
    return pull["number"], sha
