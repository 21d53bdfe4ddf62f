"""The load generator: closed loop over loopback, standard library only, bounded in count and time.

Rules of this file: the requests are made before the clock starts; only an answer that arrived completely
counts; a refusal counts as a failure and is shown.
"""

import asyncio
import socket
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.intake.body import comment_body, signature


@dataclass(slots=True)
class Result:
    """What one round saw: acknowledged delivery ids, other answers, seconds per answer, wall seconds."""

    acknowledged: list[str] = field(default_factory=list)
    refused: int = 0
    failed: int = 0
    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Acknowledgements per second."""
        return len(self.acknowledged) / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """One round: `connections` at once, until `seconds` are over or `requests` were sent.

    `kept` is how many requests travel on one connection; 1 means a new connection each, as GitHub does.
    """

    port: int
    connections: int = 32
    seconds: float = 2.0
    requests: int = 20_000
    kept: int = 1


def run(plan: Plan) -> Result:
    """Carry out one round."""
    return asyncio.run(_run(plan))


def _requests(count: int) -> Iterator[tuple[str, bytes]]:
    body = comment_body()
    head = (
        "POST /webhooks/github HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: GitHub-Hookshot/bench\r\n"
        "Content-Type: application/json\r\nX-GitHub-Event: issue_comment\r\n"
        f"X-Hub-Signature-256: {signature(body)}\r\nContent-Length: {len(body)}\r\n"
    )
    for _ in range(count):
        delivery_id = str(uuid.uuid4())
        yield delivery_id, f"{head}X-GitHub-Delivery: {delivery_id}\r\n\r\n".encode() + body


async def _run(plan: Plan) -> Result:
    result = Result()
    source = _requests(plan.requests)
    started = time.perf_counter()
    deadline = started + plan.seconds
    await asyncio.gather(*(_client(plan, source, deadline, result) for _ in range(plan.connections)))
    result.seconds = time.perf_counter() - started
    return result


async def _client(plan: Plan, source: Iterator[tuple[str, bytes]], deadline: float, result: Result) -> None:
    loop = asyncio.get_running_loop()
    while time.perf_counter() < deadline:
        with socket.socket() as sock:
            sock.setblocking(False)
            try:
                await asyncio.wait_for(loop.sock_connect(sock, ("127.0.0.1", plan.port)), 10)
                if not await _requests_on(sock, plan, source, deadline, result):
                    return
            except (OSError, TimeoutError, asyncio.IncompleteReadError):
                result.failed += 1
                await asyncio.sleep(0.01)


async def _requests_on(
    sock: socket.socket, plan: Plan, source: Iterator[tuple[str, bytes]], deadline: float, result: Result
) -> bool:
    """Send up to `plan.kept` requests; false once there is nothing left to send."""
    loop = asyncio.get_running_loop()
    for _ in range(plan.kept):
        if time.perf_counter() >= deadline:
            return False
        delivery_id, request = next(source, ("", b""))
        if not request:
            return False
        sent = time.perf_counter()
        await loop.sock_sendall(sock, request)
        status = await _status(sock, loop)
        result.latencies.append(time.perf_counter() - sent)
        if status in (b"200", b"202"):
            result.acknowledged.append(delivery_id)
        else:
            result.refused += 1
    return True


async def _status(sock: socket.socket, loop: asyncio.AbstractEventLoop) -> bytes:
    answer = b""
    while True:
        piece = await asyncio.wait_for(loop.sock_recv(sock, 4096), 10)
        answer += piece
        head, end, rest = answer.partition(b"\r\n\r\n")
        if end and len(rest) >= _length(head):
            return answer[9:12]
        if not piece:
            raise asyncio.IncompleteReadError(answer, None)


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    return 0
