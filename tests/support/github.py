"""A scripted api.github.com for the tests of the GitHub room, and builders of what GitHub answers.

Rules of the file: answers are given per method and path, in order, the last one staying; mintings of tokens
are answered by themselves and recorded apart. Builders make the smallest bodies that our readers accept,
plus URL fields pointing at a sinkhole, which nobody may follow (case 141).
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import responses
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from requests import PreparedRequest

from gate_app.domain.model import Change, Content, Origin, Person, Repository, Subject
from gate_app.github.client import AppSettings, GithubHub, connect_with
from gate_app.github.key import AppKey

API = "https://api.github.com:443"
SINKHOLE = "https://sinkhole.example/steal"
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
APP_ID = 4711
BOT_ID = 900_001
INSTALLATION_ID = 5151
REPOSITORY = Repository(id=71, owner="acme", name="shop", installation_id=INSTALLATION_ID)
SHA = "a" * 40
OTHER_SHA = "b" * 40
TREE = "c" * 40
BASE_SHA = "d" * 40

_ANY_PATH = re.compile(rf"^{re.escape(API)}/")
Answer = tuple[int, Mapping[str, str], str]
Body = object


@dataclass
class FakeClock:
    """Time as data: it moves when the test says so."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def passes(self, span: timedelta) -> None:
        self.now += span


@functools.cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@functools.cache
def private_key() -> str:
    """One RSA key for the whole run; generating it takes a moment."""
    return _key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@functools.cache
def _parsed_key() -> AppKey:
    return AppKey.parse(private_key())


@functools.cache
def public_key() -> str:
    return _key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@dataclass(frozen=True)
class Call:
    """One request that reached the scripted GitHub."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Body

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


@dataclass
class ScriptedGithub:
    """Answers as api.github.com does; what is not scripted is 404, any other host fails the test."""

    mints: list[Call] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    scripted: dict[str, list[Answer | Exception]] = field(default_factory=dict)
    minted_name: str | None = REPOSITORY.full_name
    floor_home: int | None = None
    """The id of `.github` of the account, None where the App is not installed on one."""
    token_life: timedelta = timedelta(hours=1)
    clock: FakeClock = field(default_factory=FakeClock)
    watcher: Callable[[Call], None] = lambda _call: None
    """Sees every call while it is being made."""
    elsewhere: responses.RequestsMock = field(default_factory=responses.RequestsMock)
    """For what is kept on other hosts."""

    def answers(
        self, method: str, path: str, body: Body, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        """Queues an answer; a text is sent as it is, anything else as JSON."""
        text = body if isinstance(body, str) else json.dumps(body)
        self.scripted.setdefault(f"{method} {path}", []).append((status, headers or {}, text))

    def fails(self, method: str, path: str, error: Exception) -> None:
        """Queues a failure of the connection."""
        self.scripted.setdefault(f"{method} {path}", []).append(error)

    def names(self) -> list[str]:
        """The calls that were made, without mintings."""
        return [call.name for call in self.calls]

    def handle(self, request: PreparedRequest) -> Answer:
        call = _call_of(request)
        self.watcher(call)
        if call.path.endswith("/access_tokens") and call.name not in self.scripted:
            return self._minted(call)
        (self.mints if call.path.endswith("/access_tokens") else self.calls).append(call)
        queued = self.scripted.get(call.name) or [(404, {}, json.dumps({"message": "Not Found"}))]
        answer = queued.pop(0) if len(queued) > 1 else queued[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _minted(self, call: Call) -> Answer:
        self.mints.append(call)
        wanted = call.body if isinstance(call.body, dict) else {}
        if "repositories" in wanted:
            return self._named(wanted["repositories"][0])
        ends = (self.clock() + self.token_life).strftime("%Y-%m-%dT%H:%M:%SZ")
        body: dict[str, object] = {
            "token": f"ghs_{APP_ID}_secret.token-{len(self.mints)}",
            "expires_at": ends,
            "permissions": wanted.get("permissions"),
            "repository_selection": "selected",
        }
        if self.minted_name is not None and "repository_ids" in wanted:
            body["repositories"] = [{"id": wanted["repository_ids"][0], "full_name": self.minted_name}]
        return (201, {}, json.dumps(body))

    def _named(self, name: str) -> Answer:
        if self.floor_home is None:
            said = "There is at least one repository that does not exist or is not accessible to the parent."
            return (422, {}, json.dumps({"message": said}))
        found = [{"id": self.floor_home, "full_name": f"acme/{name}"}]
        ends = (self.clock() + self.token_life).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = {"token": "ghs_named", "expires_at": ends, "permissions": {}, "repositories": found}
        return (201, {}, json.dumps(body))


@contextmanager
def scripted() -> Iterator[ScriptedGithub]:
    """While it lasts, api.github.com is the scripted one and nothing else can be reached."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        github = ScriptedGithub(elsewhere=mock)
        for method in ("GET", "POST", "PATCH"):
            mock.add_callback(method, _ANY_PATH, callback=github.handle)
        yield github


def _call_of(request: PreparedRequest) -> Call:
    parts = urlsplit(request.url or "")
    body = json.loads(str(request.body)) if request.body else None
    headers = {name: str(value) for name, value in request.headers.items()}
    return Call(request.method or "", parts.path, dict(parse_qsl(parts.query)), headers, body)


def settings(**changed: object) -> AppSettings:
    """The App of the tests at api.github.com."""
    known: dict[str, object] = {
        "app_id": APP_ID,
        "issuer": str(APP_ID),
        "private_key": private_key(),
        "bot_id": BOT_ID,
    }
    return AppSettings(**{**known, **changed})  # type: ignore[arg-type]  # the tests name real fields


def hub(github: ScriptedGithub, **changed: object) -> GithubHub:
    """A client of the scripted GitHub, with its clock."""
    return connect_with(_parsed_key(), settings(**changed), github.clock)


# --- what GitHub answers ---


def account(number: int = 11, login: str = "author", kind: str = "User") -> dict[str, object]:
    return {"id": number, "login": login, "type": kind, "url": SINKHOLE, "html_url": SINKHOLE}


BOT = account(BOT_ID, "gate-app[bot]", "Bot")
WEB_FLOW = account(19864447, "web-flow")


def side(ref: str, sha: str, repository_id: int = REPOSITORY.id) -> dict[str, object]:
    return {"ref": ref, "sha": sha, "repo": {"id": repository_id, "default_branch": "main", "url": SINKHOLE}}


def pull(**changed: object) -> dict[str, object]:
    body: dict[str, object] = {
        "number": 3,
        "state": "open",
        "title": "Sell more",
        "user": account(),
        "merged": False,
        "merged_at": None,
        "merge_commit_sha": None,
        "updated_at": "2026-11-20T11:59:00Z",
        "labels": [],
        "head": side("feature", SHA),
        "base": side("main", BASE_SHA),
        "comments_url": SINKHOLE,
        "statuses_url": SINKHOLE,
    }
    return {**body, **changed}


def commit(sha: str = SHA, **changed: object) -> dict[str, object]:
    """A commit as the REST API lists it; `message`, `author`, `committer`, `author_email` may be given."""
    email = changed.pop("author_email", "author@acme.example")
    committer_email = changed.pop("committer_email", "author@acme.example")
    body: dict[str, object] = {
        "sha": sha,
        "commit": {
            "message": changed.pop("message", "Sell more"),
            "tree": {"sha": TREE, "url": SINKHOLE},
            "author": {"name": "A", "email": email, "date": "2026-11-20T10:00:00Z"},
            "committer": {"name": "A", "email": committer_email, "date": "2026-11-20T10:00:00Z"},
        },
        "author": account(),
        "committer": account(),
        "parents": [{"sha": BASE_SHA, "url": SINKHOLE}],
        "url": SINKHOLE,
    }
    return {**body, **changed}


def comment(number: int = 501, body: str = "/approve staging", **changed: object) -> dict[str, object]:
    built: dict[str, object] = {
        "id": number,
        "body": body,
        "created_at": "2026-11-20T11:59:00Z",
        "updated_at": "2026-11-20T11:59:00Z",
        "user": account(12, "reviewer"),
        "performed_via_github_app": None,
        "url": SINKHOLE,
        "issue_url": SINKHOLE,
    }
    return {**built, **changed}


def policy_file(raw: bytes, **changed: object) -> dict[str, object]:
    header = f"blob {len(raw)}\0".encode()
    body: dict[str, object] = {
        "type": "file",
        "encoding": "base64",
        "size": len(raw),
        "name": "gate.yml",
        "path": ".github/gate.yml",
        "content": base64.encodebytes(raw).decode(),
        "sha": hashlib.sha1(header + raw, usedforsecurity=False).hexdigest(),
        "download_url": SINKHOLE,
        "git_url": SINKHOLE,
    }
    return {**body, **changed}


# --- what it is asked about ---

AUTHOR = Person(11, "author")


def change(conversation: int | None = 3, sha: str = SHA) -> Change:
    """The head of pull request 3."""
    return Change(
        repository=REPOSITORY,
        subject=Subject(REPOSITORY.id, number=3),
        origin=Origin.PULL_REQUEST,
        head=Content(sha, TREE),
        base_ref="main",
        base_sha=BASE_SHA,
        title="Sell more",
        author=AUTHOR,
        conversation=conversation,
        head_branch="feature",
        default_branch="main",
    )


def branch_change(conversation: int | None) -> Change:
    """The head of the default branch, as pull request `conversation` left it."""
    return Change(
        repository=REPOSITORY,
        subject=Subject(REPOSITORY.id, ref="refs/heads/main"),
        origin=Origin.DEFAULT_BRANCH,
        head=Content(SHA, TREE),
        base_ref="main",
        base_sha=BASE_SHA,
        title="Sell more",
        author=AUTHOR,
        conversation=conversation,
        head_branch="main",
        default_branch="main",
    )
