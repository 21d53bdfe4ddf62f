"""Deliveries for the receiver's tests: signed requests, stores that record, and a real server.

Rules of this file: doubles implement the receiver's ports; nothing of the application is patched. The
server is the real gunicorn in its own process, bound to loopback and ended by its own process id.
"""

import contextlib
import hashlib
import hmac
import io
import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from gate_app.intake.delivery import Delivery, Outcome, StoreUnavailableError
from gate_app.intake.logs import open_log
from gate_app.intake.receiver import Limits, Receiver
from gate_app.intake.writer import Writer
from gate_app.web.app import Ports, create_app
from gate_app.web.server import ServerLimits, serve
from gate_app.web.webhooks import WEBHOOK_PATH, Front

SECRET = b"the current secret of the tests!"
OLD_SECRET = b"the secret that is being rotated"
NOW_MS = 1_780_000_000_000


def sign(body: bytes, secret: bytes = SECRET) -> str:
    """The value of `X-Hub-Signature-256`."""
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def comment_body(**changes: object) -> bytes:
    """A small `issue_comment` payload."""
    document: dict[str, object] = {
        "action": "created",
        "comment": {"id": 5, "body": "/approve staging"},
        "repository": {"id": 42, "full_name": "acme/service"},
        "installation": {"id": 7},
        "sender": {"id": 3, "login": "reviewer"},
    }
    return json.dumps(document | changes).encode()


def environ(body: bytes, **changes: object) -> dict[str, object]:
    """A WSGI environ of a well-formed, correctly signed delivery of `body`; `None` removes a key."""
    made: dict[str, object] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": WEBHOOK_PATH,
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": "application/json",
        "HTTP_X_GITHUB_EVENT": "issue_comment",
        "HTTP_X_GITHUB_DELIVERY": str(uuid.uuid4()),
        "HTTP_X_HUB_SIGNATURE_256": sign(body),
        "wsgi.input": io.BytesIO(body),
    }
    return {key: value for key, value in (made | changes).items() if value is not None}


@dataclass(frozen=True)
class Seen:
    """What a WSGI callable answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The stable code of the JSON answer."""
        return str(json.loads(self.body)["code"])


def call(receiver: Receiver, request: Mapping[str, object]) -> Seen:
    """Call the receiver as a server would."""
    begun: list[tuple[str, list[tuple[str, str]]]] = []
    body = b"".join(receiver(request, lambda status, headers: begun.append((status, headers))))
    ((status, headers),) = begun
    return Seen(int(status[:3]), dict(headers), body)


@dataclass
class RecordingStore:
    """A `Store` that remembers what it was given and answers with `outcome`, or raises `fault`."""

    outcome: Outcome = Outcome.STORED
    fault: Exception | None = None
    deliveries: list[Delivery] = field(default_factory=list)

    def submit(self, delivery: Delivery) -> Outcome:
        self.deliveries.append(delivery)
        if self.fault is not None:
            raise self.fault
        return self.outcome


@dataclass
class MemoryLog:
    """A `Log` whose commit can be held: `gate` is waited for before every commit returns."""

    gate: threading.Event = field(default_factory=threading.Event)
    entered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    batches: list[list[Delivery]] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)
    closed: int = 0

    def begin(self) -> None:
        return

    def append(self, batch: Sequence[Delivery]) -> list[Outcome]:
        self.batches.append(list(batch))
        self.entered.release()
        if not self.gate.wait(30):
            raise StoreUnavailableError("test_gate_stayed_shut")
        if self.faults:
            raise self.faults.pop(0)
        return [Outcome.STORED] * len(batch)

    def close(self) -> None:
        self.closed += 1


def receiver(
    store: RecordingStore | Writer, secrets: Sequence[bytes] = (SECRET,), **limits: float
) -> Receiver:
    """A receiver with a fixed clock."""
    return Receiver(secrets=secrets, store=store, now_ms=lambda: NOW_MS, limits=replace(Limits(), **limits))


def a_delivery(number: int = 1, body: bytes = b"{}", **changes: object) -> Delivery:
    """A delivery to store, told apart by `number`."""
    made = Delivery(
        f"00000000-0000-4000-8000-{number:012d}",
        "issue_comment",
        "created",
        7,
        42,
        body,
        hashlib.sha256(body).hexdigest(),
        NOW_MS,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # the tests name real fields


def rows(path: Path, columns: str = "delivery_id, state") -> list[tuple[object, ...]]:
    """The stored deliveries in order."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        query = f"SELECT {columns} FROM deliveries ORDER BY id"  # noqa: S608  # columns named by the tests
        return connection.execute(query).fetchall()


def eventually(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for something another process or thread does, bounded."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it did not happen in time")
        time.sleep(0.02)


class _Ready:
    def problems(self) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True)
class Server:
    """A running server: its port, its process and its log."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def exchange(self, request: bytes, *, half_close: bool = False, seconds: float = 20) -> bytes:
        """Send raw bytes on a new connection and read until the server closes it."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as sock:
            sock.sendall(request)
            if half_close:
                sock.shutdown(socket.SHUT_WR)
            return read_all(sock)


def read_all(sock: socket.socket) -> bytes:
    """Read until the peer closes or resets."""
    answer = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := sock.recv(65536):
            answer += piece
    return answer


def raw_request(body: bytes, delivery_id: str | None = None, **headers: str | None) -> bytes:
    """A whole HTTP request for `body`, correctly signed; in header names `_` is `-`; `None` removes one."""
    made: dict[str, str | None] = {
        "Host": "127.0.0.1",
        "Connection": "close",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "X-GitHub-Event": "issue_comment",
        "X-GitHub-Delivery": delivery_id or str(uuid.uuid4()),
        "X-Hub-Signature-256": sign(body),
    }
    made |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{name}: {value}" for name, value in made.items() if value is not None]
    return "\r\n".join([f"POST {WEBHOOK_PATH} HTTP/1.1", *lines, "", ""]).encode("latin-1") + body


@contextlib.contextmanager
def running_server(database: Path, *, read_seconds: float = 10, workers: int = 1) -> Iterator[Server]:
    """The real gunicorn over `database`, until the block ends."""
    port = _free_port()
    log = database.with_suffix(".log")
    command = [
        sys.executable,
        "-m",
        "support.deliveries",
        str(database),
        str(port),
        str(read_seconds),
        str(workers),
    ]
    paths = os.pathsep.join(str(path) for path in (Path(__file__).parents[1], Path(__file__).parents[2]))
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=output,
            env=os.environ | {"PYTHONPATH": paths},
            start_new_session=True,
        )
    server = Server(port, process, log)
    try:
        eventually(lambda: process.poll() is not None or _answers(port))
        assert process.poll() is None, log.read_text()
        yield server
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait(20)


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
            sock.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return b"200" in read_all(sock)[:16]
    except OSError:
        return False


def _serve(database: str, port: str, read_seconds: str, workers: str) -> None:
    def front() -> Front:
        writer = Writer(open_log(f"sqlite:///{database}"))
        receiving = Receiver(secrets=[SECRET], store=writer, now_ms=lambda: time.time_ns() // 1_000_000)
        return Front(receiving, create_app(Ports(_Ready())), close=writer.close)

    limits = ServerLimits(read_seconds=float(read_seconds))
    serve(front, f"127.0.0.1:{port}", int(workers), 8, limits)


if __name__ == "__main__":
    _serve(*sys.argv[1:])
