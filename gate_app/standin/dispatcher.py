"""The thread that sends webhooks, and the troubles it makes on request.

Rules of this file:

* One attempt a delivery, ten seconds at most, no redirects: GitHub never repeats one by itself. Only a
  stand-in that was killed in the middle sends the delivery again when it is back.
* Deliveries leave in the order of their causes, unless shuffling was asked for.
* Dropped means sent to nobody and recorded as failed; doubled means sent twice under one GUID; held back
  means waiting until the trouble is over, while the others pass by.
"""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from gate_app.standin import apps, settings, webhooks, workflow_lifecycle
from gate_app.standin.state import State, Transaction
from gate_app.standin.webhooks import Delivery

TIMEOUT_SECONDS = 10
MAX_ANSWER = 65_536
IDLE_SECONDS = 0.5
POLL_SECONDS = 0.02
SHUFFLE_PATIENCE = 0.2
CONNECTION_FAILED = "failed to connect to host"
TIMED_OUT = "timed out"
SETTING = "webhook_troubles"


@dataclass(frozen=True)
class Troubles:
    """What goes wrong with deliveries: every nth is dropped or doubled, 0 for none; some are dropped or held
    back by name, `event` or `event.action`; each takes `delay_seconds` longer."""

    drop_every: int = 0
    double_every: int = 0
    shuffle_window: int = 0
    seed: int = 0
    hold: bool = False
    delay_seconds: float = 0
    drop_events: Sequence[str] = ()
    hold_events: Sequence[str] = ()

    def holds(self, delivery: Delivery) -> bool:
        """Whether the delivery is not to leave now."""
        return self.hold or _is_named(delivery, self.hold_events)


@dataclass(frozen=True)
class Attempt:
    """What came of sending one delivery; status code 0 if nobody answered."""

    status: str
    status_code: int
    duration: float
    headers: dict[str, str]
    body: str | None


def troubles(tx: Transaction) -> Troubles:
    """The troubles asked for; none by default."""
    return settings.read(tx, Troubles, SETTING) or Troubles()


class Dispatcher:
    """Sends pending deliveries until stopped."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._stopping = threading.Event()
        self._sent = 0
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        """Begin sending."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the delivery under way, then end."""
        self._stopping.set()
        self._state.wake_waiters()
        self._thread.join(TIMEOUT_SECONDS + 1)

    def quiesce(self, seconds: float) -> bool:
        """Wait until nothing is pending and no workflow run moves, at most `seconds`; whether that came true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with self._state.transaction() as tx:
                held = troubles(tx).hold_events
                waiting = [one for one in tx.every(Delivery, pending=1) if not _is_named(one, held)]
                if not waiting and not workflow_lifecycle.are_moving(tx):
                    return True
            self._stopping.wait(POLL_SECONDS)
        return False

    def _run(self) -> None:
        while not self._stopping.is_set():
            seen = self._state.commits
            trouble, batch = self._next()
            if not batch:
                self._state.wait_for_commit(seen, IDLE_SECONDS)
            for delivery in batch:
                if self._stopping.is_set():
                    return
                self._deliver(delivery, trouble)

    def _next(self) -> tuple[Troubles, list[Delivery]]:
        with self._state.transaction() as tx:
            trouble = troubles(tx)
            batch = _leaving(tx, trouble)
        if 0 < len(batch) < trouble.shuffle_window:
            self._stopping.wait(SHUFFLE_PATIENCE)
            with self._state.transaction() as tx:
                batch = _leaving(tx, trouble)
        if trouble.shuffle_window > 1 and batch:
            random.Random(f"{trouble.seed}:{batch[0].id}").shuffle(batch)  # noqa: S311 - repeatable on purpose
        return trouble, batch

    def _deliver(self, delivery: Delivery, trouble: Troubles) -> None:
        self._sent += 1
        self._stopping.wait(trouble.delay_seconds)
        if _every(trouble.drop_every, self._sent) or _is_named(delivery, trouble.drop_events):
            self._record(delivery, Attempt(TIMED_OUT, 0, 0.0, {}, None))
            return
        attempt = self._send(delivery)
        if _every(trouble.double_every, self._sent):
            attempt = self._send(delivery)
        self._record(delivery, attempt)

    def _send(self, delivery: Delivery) -> Attempt:
        with self._state.transaction() as tx:
            app = apps.by_id(tx, delivery.app_id)
            headers = webhooks.request_headers(tx, delivery)
        started = time.monotonic()
        try:
            attempt = _post(app.webhook_url or "", headers, delivery.body)
        except TimeoutError:
            attempt = Attempt(TIMED_OUT, 0, 0.0, {}, None)
        except (OSError, http.client.HTTPException):
            attempt = Attempt(CONNECTION_FAILED, 0, 0.0, {}, None)
        return replace(attempt, duration=round(time.monotonic() - started, 2))

    def _record(self, delivery: Delivery, attempt: Attempt) -> None:
        with self._state.transaction() as tx:
            tx.update(
                delivery,
                pending=0,
                status=attempt.status,
                status_code=attempt.status_code,
                duration=attempt.duration,
                delivered_at=tx.now,
                response_headers=attempt.headers,
                response_body=attempt.body,
            )
            facts = {"event": delivery.event, "action": delivery.action, "status_code": attempt.status_code}
            tx.announce("delivery.attempted", id=delivery.id, guid=delivery.guid, **facts)


def _leaving(tx: Transaction, trouble: Troubles) -> list[Delivery]:
    limit = -1 if trouble.hold_events else max(trouble.shuffle_window, 1)
    found = [delivery for delivery in tx.oldest(Delivery, limit, pending=1) if not trouble.holds(delivery)]
    return found[: max(trouble.shuffle_window, 1)]


def _is_named(delivery: Delivery, names: Sequence[str]) -> bool:
    return delivery.event in names or f"{delivery.event}.{delivery.action}" in names


def _every(nth: int, count: int) -> bool:
    return nth > 0 and count % nth == 0


def _post(url: str, headers: dict[str, str], body: bytes) -> Attempt:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("POST", parts.path or "/", body, headers)
        answer = connection.getresponse()
        text = answer.read(MAX_ANSWER).decode(errors="replace")
        status = "OK" if 200 <= answer.status < 300 else f"Invalid HTTP Response: {answer.status}"
        return Attempt(status, answer.status, 0.0, dict(answer.getheaders()), text)
    finally:
        connection.close()
