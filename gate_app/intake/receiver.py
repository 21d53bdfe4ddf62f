"""`POST /webhooks/github` as a bare WSGI callable: the one place where deliveries enter.

Rules of this file:
* The order is the product's promise: head → exact body → signature → JSON → durable row → answer. Until
  the signature is checked nothing but raw bytes is touched (case 1); 2xx follows the commit (case 203).
* WSGI (PEP 3333) instead of a Flask view: no framework between the socket and the signature.
* Answers are small JSON objects with a stable code. Bodies, signatures and headers are never logged (case 8).
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, assert_never, cast

import orjson

from gate_app.intake import refusals
from gate_app.intake.delivery import Delivery, Outcome, Store, StoreUnavailableError
from gate_app.intake.payload import delivery_of, read_payload
from gate_app.intake.request import Environ, Head, read_head
from gate_app.trust.bounds import (
    LARGE_BODIES_AT_ONCE,
    LARGE_BODY_BYTES,
    MAX_BODY_BYTES,
    REQUEST_READ_SECONDS,
)
from gate_app.trust.signature import Refusal, accept_secrets, verify

_log = logging.getLogger(__name__)

RETRY_AFTER_SECONDS: Final = "5"


class StartResponse(Protocol):
    """The callable of PEP 3333, as far as it is used here."""

    def __call__(self, status: str, headers: list[tuple[str, str]], /) -> object: ...


class Readable(Protocol):
    """`wsgi.input`, as far as it is used here."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What the receiver takes; the defaults are those of `trust.bounds`."""

    body_bytes: int = MAX_BODY_BYTES
    large_body_bytes: int = LARGE_BODY_BYTES
    large_bodies_at_once: int = LARGE_BODIES_AT_ONCE
    read_seconds: float = REQUEST_READ_SECONDS


@dataclass(frozen=True, slots=True)
class Answer:
    """Status line, JSON body and extra headers of one answer."""

    status: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


STORED: Final = Answer("202 Accepted", b'{"code":"stored"}')
KNOWN: Final = Answer("200 OK", b'{"code":"known"}')


class Receiver:
    """The WSGI callable. All `secrets` are tried; raises `WeakSecretError` for a bad one (case 6).

    `now_ms` gives milliseconds since the epoch for the row; `monotonic` gives seconds and only tells a
    slow body from a short one.
    """

    def __init__(
        self,
        *,
        secrets: Sequence[bytes],
        store: Store,
        now_ms: Callable[[], int],
        limits: Limits = Limits(),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._secrets = accept_secrets(secrets)
        self._store = store
        self._now_ms = now_ms
        self._limits = limits
        self._monotonic = monotonic
        self._large_bodies = threading.Semaphore(limits.large_bodies_at_once)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            answer = self._answer(environ)
        except Exception as fault:  # the last line: a sender sees 500 and a code, the log sees a class name
            _log.error("receiving a delivery failed: %s", type(fault).__name__)
            answer = _refused(refusals.INTERNAL)
        length = ("Content-Length", str(len(answer.body)))
        start_response(answer.status, [("Content-Type", "application/json"), length, *answer.headers])
        return [answer.body]

    def _answer(self, environ: Environ) -> Answer:
        if environ.get("REQUEST_METHOD") != "POST":
            return _refused(refusals.METHOD_NOT_ALLOWED)
        head = read_head(environ, self._limits.body_bytes)
        if isinstance(head, Refusal):
            return _refused(head)
        if head.length <= self._limits.large_body_bytes:
            return self._receive(environ, head)
        if not self._large_bodies.acquire(blocking=False):
            return _refused(refusals.RECEIVER_BUSY)
        try:
            return self._receive(environ, head)
        finally:
            self._large_bodies.release()

    def _receive(self, environ: Environ, head: Head) -> Answer:
        raw = self._read(cast(Readable, environ["wsgi.input"]), head.length)
        if isinstance(raw, Refusal):
            return _refused(raw)
        body = verify(raw, head.signature, self._secrets)
        if isinstance(body, Refusal):
            return _refused(body)
        payload = read_payload(body)
        if isinstance(payload, Refusal):
            return _refused(payload)
        return self._commit(delivery_of(body, payload, head.event, head.delivery_id, self._now_ms()))

    def _read(self, stream: Readable, length: int) -> bytes | Refusal:
        started = self._monotonic()
        try:
            raw = stream.read(length)
        except OSError:
            raw = b""
        if len(raw) == length:
            return raw
        slow = self._monotonic() - started >= self._limits.read_seconds
        return refusals.BODY_SLOW if slow else refusals.BODY_INCOMPLETE

    def _commit(self, delivery: Delivery) -> Answer:
        try:
            outcome = self._store.submit(delivery)
        except StoreUnavailableError as fault:
            _log.warning("delivery %s was answered with 503: %s", delivery.delivery_id, fault.cause)
            return _refused(refusals.STORE_UNAVAILABLE)
        match outcome:
            case Outcome.STORED:
                return STORED
            case Outcome.KNOWN:
                return KNOWN
            case Outcome.REJECTED:
                _log.error("delivery %s was refused by the database", delivery.delivery_id)
                return _refused(refusals.ROW_REJECTED)
            case _:
                assert_never(outcome)


def _refused(refusal: Refusal) -> Answer:
    status = refusals.STATUS[refusal.code]
    body = orjson.dumps({"code": refusal.code, "fix": refusal.fix})
    match status[:3]:
        case "405":
            return Answer(status, body, (("Allow", "POST"),))
        case "503":
            return Answer(status, body, (("Retry-After", RETRY_AFTER_SECONDS),))
        case _:
            return Answer(status, body)
