"""A GitHub that is not our stand-in: a few routes below `/api/v3`, as bare as the documentation allows.

Rules of the file: it shares nothing with `gate_app.standin`. No rate limit headers, no `ETag`, no `Link` on a single
page, no word of which App a comment was made through, no deliveries API, no git. It remembers every request; what it
has no route for is remembered as `unknown`. Bodies hold what GitHub's schema requires of what is read.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

PREFIX = "/api/v3"
GRAPHQL = "/api/graphql"
APP_ID = 4711
INSTALLATION = 5151
REPOSITORY = {"id": 71, "name": "shop", "full_name": "acme/shop", "owner": {"login": "acme"}}
HEAD, BASE, TREE = "a" * 40, "b" * 40, "c" * 40
REPO = r"/repos/acme/shop"


def account(number: int, login: str, kind: str = "User") -> dict[str, Any]:
    return {"id": number, "login": login, "type": kind}


AUTHOR, REVIEWER, DEPLOYER = account(11, "author"), account(12, "reviewer"), account(13, "argo")
BOT = account(99, "gate[bot]", "Bot")


@dataclass(frozen=True)
class Asked:
    """One request that reached it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass
class PlainGithub:
    """Its state, and what it was asked. `url` is what GATE_GITHUB_API_URL is set to."""

    gate_file: str
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    check_runs: dict[int, dict[str, Any]] = field(default_factory=dict)
    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    reactions: list[tuple[int, str]] = field(default_factory=list)
    deployments: dict[int, dict[str, Any]] = field(default_factory=dict)
    statuses: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    number: int = 100

    # what people and CI do

    def says(self, person: dict[str, Any], body: str) -> dict[str, Any]:
        """A comment, and the payload of its delivery."""
        comment = self._comment(person, body)
        issue = {"number": 1, "updated_at": comment["updated_at"], "pull_request": {"url": "x"}}
        return self._event("created", person, issue=issue, comment=comment)

    def opened(self) -> dict[str, Any]:
        """The payload that tells of the pull request."""
        return self._event("opened", AUTHOR, number=1, pull_request={"number": 1, "updated_at": now()})

    def ci(self, name: str) -> None:
        """A check of somebody else passes."""
        number = self._next()
        suite = {"id": 3}
        self.check_runs[number] = {
            "id": number,
            "name": name,
            "external_id": "",
            "status": "completed",
            "conclusion": "success",
            "started_at": now(),
            "completed_at": now(),
            "app": {"id": 15368},
            "check_suite": suite,
        }

    def reports(self, deployment: int, state: str) -> dict[str, Any]:
        """Somebody else says how a deployment goes, and the payload of its delivery."""
        status = self._status(deployment, DEPLOYER, {"state": state})
        return self._event(
            "created", DEPLOYER, deployment=self.deployments[deployment], deployment_status=status
        )

    def _status(self, deployment: int, by: dict[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
        times = {"created_at": now(), "updated_at": now()}
        status = {"description": "", **said, **times, "id": self._next(), "creator": by}
        self.statuses.setdefault(deployment, []).append(status)
        return status

    def _event(self, action: str, sender: dict[str, Any], **more: Any) -> dict[str, Any]:
        installation = {"id": INSTALLATION}
        return {
            "action": action,
            "installation": installation,
            "repository": REPOSITORY,
            "sender": sender,
            **more,
        }

    # what it answers

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        for verb, pattern, handle in ROUTES:
            found = re.fullmatch(pattern, path)
            if verb == method and found:
                return handle(self, found.groups(), body)
        self.unknown.append(f"{method} {path}")
        return 404, {"message": "Not Found"}

    def _next(self) -> int:
        self.number += 1
        return self.number

    def _comment(self, person: dict[str, Any], body: str) -> dict[str, Any]:
        number = self._next()
        comment = {"id": number, "body": body, "user": person, "created_at": now(), "updated_at": now()}
        self.comments[number] = comment
        return comment


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Handler = Callable[[PlainGithub, tuple[str, ...], Any], tuple[int, Any]]


def mint(github: PlainGithub, _: tuple[str, ...], body: Any) -> tuple[int, Any]:
    if "repositories" in body:  # there is no other repository
        return 422, {"message": "There is at least one repository that does not exist or is not accessible."}
    ends = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return 201, {"token": f"ghs_{uuid.uuid4().hex}", "expires_at": ends, "permissions": body["permissions"]}


def gate_file(github: PlainGithub, _: tuple[str, ...], body: Any) -> tuple[int, Any]:
    raw = github.gate_file.encode()
    sha = hashlib.sha1(b"blob %d\0" % len(raw) + raw, usedforsecurity=False).hexdigest()
    content = base64.encodebytes(raw).decode()
    return 200, {
        "type": "file",
        "encoding": "base64",
        "size": len(raw),
        "path": ".github/gate.yml",
        "name": "gate.yml",
        "sha": sha,
        "content": content,
    }


def pull(github: PlainGithub, _: tuple[str, ...], body: Any) -> tuple[int, Any]:
    return 200, {
        "number": 1,
        "state": "open",
        "title": "Sell more",
        "user": AUTHOR,
        "merged": False,
        "updated_at": now(),
        "labels": [],
        "head": {"ref": "topic", "sha": HEAD, "repo": REPOSITORY},
        "base": {"ref": "main", "sha": BASE, "repo": {**REPOSITORY, "default_branch": "main"}},
    }


def commit(sha: str) -> dict[str, Any]:
    who = {"name": "A", "email": "author@acme.example", "date": now()}
    text = {"message": "Sell more", "tree": {"sha": TREE}, "author": who, "committer": who}
    return {"sha": sha, "commit": text, "author": AUTHOR, "committer": AUTHOR, "parents": [{"sha": BASE}]}


def compared(github: PlainGithub, _: tuple[str, ...], body: Any) -> tuple[int, Any]:
    file = {"filename": "app.py", "status": "modified", "additions": 1, "deletions": 1, "changes": 2}
    base = commit(BASE)
    return 200, {
        "status": "ahead",
        "ahead_by": 1,
        "behind_by": 0,
        "total_commits": 1,
        "base_commit": base,
        "merge_base_commit": base,
        "commits": [commit(HEAD)],
        "files": [{**file, "sha": TREE}],
    }


def role(github: PlainGithub, groups: tuple[str, ...], body: Any) -> tuple[int, Any]:
    people = {"author": AUTHOR, "reviewer": REVIEWER}
    if groups[0] not in people:
        return 404, {"message": "Not Found"}
    return 200, {"permission": "write", "role_name": "write", "user": people[groups[0]]}


def list_check_runs(github: PlainGithub, _: tuple[str, ...], body: Any) -> tuple[int, Any]:
    return 200, {"total_count": len(github.check_runs), "check_runs": list(github.check_runs.values())}


def create_check_run(github: PlainGithub, _: tuple[str, ...], body: Any) -> tuple[int, Any]:
    number = github._next()
    github.check_runs[number] = {
        "started_at": now(),
        "completed_at": None,
        "conclusion": None,
        "app": {"id": APP_ID},
        "check_suite": {"id": 4},
        **body,
        "id": number,
    }
    return 201, github.check_runs[number]


def update_check_run(github: PlainGithub, groups: tuple[str, ...], body: Any) -> tuple[int, Any]:
    github.check_runs[int(groups[0])].update(body)
    return 200, github.check_runs[int(groups[0])]


def list_comments(github: PlainGithub, _: tuple[str, ...], body: Any) -> tuple[int, Any]:
    return 200, list(github.comments.values())


def create_comment(github: PlainGithub, _: tuple[str, ...], body: Any) -> tuple[int, Any]:
    return 201, github._comment(BOT, body["body"])


def one_comment(github: PlainGithub, groups: tuple[str, ...], body: Any) -> tuple[int, Any]:
    return 200, github.comments[int(groups[0])]


def edit_comment(github: PlainGithub, groups: tuple[str, ...], body: Any) -> tuple[int, Any]:
    github.comments[int(groups[0])]["body"] = body["body"]
    return 200, github.comments[int(groups[0])]


def react(github: PlainGithub, groups: tuple[str, ...], body: Any) -> tuple[int, Any]:
    github.reactions.append((int(groups[0]), body["content"]))
    return 201, {"id": github._next(), "content": body["content"], "user": BOT}


def list_deployments(github: PlainGithub, _: tuple[str, ...], body: Any) -> tuple[int, Any]:
    return 200, list(github.deployments.values())


def create_deployment(github: PlainGithub, _: tuple[str, ...], body: Any) -> tuple[int, Any]:
    number = github._next()
    payload = {"payload": body["payload"], "environment": body["environment"], "creator": BOT}
    github.deployments[number] = {"id": number, "sha": body["ref"], **payload}
    return 201, github.deployments[number]


def list_statuses(github: PlainGithub, groups: tuple[str, ...], body: Any) -> tuple[int, Any]:
    return 200, github.statuses.get(int(groups[0]), [])[::-1]


def create_status(github: PlainGithub, groups: tuple[str, ...], body: Any) -> tuple[int, Any]:
    return 201, github._status(int(groups[0]), BOT, body)


def fixed(status: int, body: Any) -> Handler:
    return lambda _github, _groups, _body: (status, body)


GIT_COMMIT = {"sha": HEAD, "tree": {"sha": TREE}}
APP = {"id": APP_ID, "slug": "gate", "name": "Gate", "permissions": {}, "events": []}
INSTALLED = {"id": INSTALLATION, "suspended_at": None}
BRANCH = {"name": "main", "commit": commit(BASE), "protected": False}
NO_STATUS = {"state": "pending", "statuses": [], "sha": HEAD, "total_count": 0}
OLDER = {"errors": [{"path": ["query Sight"], "message": "Field 'rules' doesn't exist on type 'Ref'"}]}
"""What a server whose schema is older than a query says of it."""
ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", r"/app", fixed(200, APP)),
    ("POST", f"outside:{GRAPHQL}", fixed(200, OLDER)),
    ("GET", r"/app/installations", fixed(200, [INSTALLED])),
    ("POST", rf"/app/installations/{INSTALLATION}/access_tokens", mint),
    ("GET", r"/installation/repositories", fixed(200, {"total_count": 1, "repositories": [REPOSITORY]})),
    ("GET", r"/users/([^/]+)", fixed(404, {"message": "Not Found"})),
    ("GET", REPO, fixed(200, {**REPOSITORY, "default_branch": "main"})),
    ("GET", rf"{REPO}/contents/\.github/gate\.yml", gate_file),
    ("GET", rf"{REPO}/pulls", fixed(200, [])),
    ("GET", rf"{REPO}/pulls/1", pull),
    ("GET", rf"{REPO}/pulls/1/commits", lambda *_: (200, [commit(HEAD)])),
    ("GET", rf"{REPO}/compare/[^/]+", compared),
    ("GET", rf"{REPO}/git/commits/{HEAD}", fixed(200, GIT_COMMIT)),
    ("GET", rf"{REPO}/branches/main", fixed(200, BRANCH)),
    ("GET", rf"{REPO}/rules/branches/main", fixed(200, [])),
    ("GET", rf"{REPO}/collaborators/([^/]+)/permission", role),
    ("GET", rf"{REPO}/commits/{HEAD}/check-runs", list_check_runs),
    ("GET", rf"{REPO}/commits/{HEAD}/status", fixed(200, NO_STATUS)),
    ("GET", rf"{REPO}/commits/{BASE}/pulls", fixed(200, [])),
    ("POST", rf"{REPO}/check-runs", create_check_run),
    ("PATCH", rf"{REPO}/check-runs/(\d+)", update_check_run),
    ("GET", rf"{REPO}/issues/1/events", fixed(200, [])),
    ("GET", rf"{REPO}/issues/1/comments", list_comments),
    ("POST", rf"{REPO}/issues/1/comments", create_comment),
    ("GET", rf"{REPO}/issues/comments/(\d+)", one_comment),
    ("PATCH", rf"{REPO}/issues/comments/(\d+)", edit_comment),
    ("POST", rf"{REPO}/issues/comments/(\d+)/reactions", react),
    ("GET", rf"{REPO}/actions/runs", fixed(200, {"total_count": 0, "workflow_runs": []})),
    ("GET", rf"{REPO}/deployments", list_deployments),
    ("POST", rf"{REPO}/deployments", create_deployment),
    ("GET", rf"{REPO}/deployments/(\d+)/statuses", list_statuses),
    ("POST", rf"{REPO}/deployments/(\d+)/statuses", create_status),
)


def deliver(url: str, secret: str, event: str, payload: Mapping[str, Any]) -> int:
    """Sends a signed webhook; the status of the answer."""
    raw = json.dumps(payload).encode()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": str(uuid.uuid4()),
        "X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), raw, "sha256").hexdigest(),
    }
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=10)
    try:
        connection.request("POST", parts.path, raw, headers)
        return connection.getresponse().status
    finally:
        connection.close()


@contextmanager
def plain_github(gate_file: str) -> Iterator[PlainGithub]:
    """It listens while this lasts."""
    github = PlainGithub(gate_file)
    one_at_a_time = threading.Lock()

    class Face(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = json.loads(raw) if raw else None
            path = urlsplit(self.path).path
            with one_at_a_time:
                github.asked.append(Asked(self.command, path, dict(self.headers.items()), body))
                inside = path.removeprefix(PREFIX) if path.startswith(PREFIX) else f"outside:{path}"
                status, answer = github.answer(self.command, inside, body)
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def do_PATCH(self) -> None:
            self._serve()

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Face)
    server.daemon_threads = True
    github.url = f"http://127.0.0.1:{server.server_port}{PREFIX}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield github
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
