"""The Flask side: health, headers, and errors without a traceback."""

from dataclasses import dataclass, field

import pytest
from flask.testing import FlaskClient
from support.deliveries import RecordingStore, environ, receiver
from werkzeug.test import Client

from gate_app.web.app import SECURITY_HEADERS, Ports, create_app
from gate_app.web.webhooks import WEBHOOK_PATH, Front


@dataclass
class Health:
    """A `StoreHealth` that answers with the next of `answers`, the last one for ever, and counts."""

    answers: list[tuple[str, ...] | Exception] = field(default_factory=lambda: [()])
    asked: int = 0

    def problems(self) -> tuple[str, ...]:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class Clock:
    """Seconds that pass when told."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def client(health: Health, clock: Clock | None = None) -> FlaskClient:
    return create_app(Ports(health, clock or Clock())).test_client()


def test_livez_asks_nobody() -> None:
    health = Health([RuntimeError("never asked")])
    answer = client(health).get("/livez")
    assert (answer.status_code, answer.json, health.asked) == (200, {"status": "alive"}, 0)


def test_readyz_says_ready_or_what_is_missing() -> None:
    assert client(Health()).get("/readyz").json == {"status": "ready"}
    answer = client(Health([("migrations_missing",)])).get("/readyz")
    assert (answer.status_code, answer.json) == (
        503,
        {"status": "not_ready", "problems": ["migrations_missing"]},
    )


def test_readyz_asks_the_store_at_most_once_a_second() -> None:
    health, clock = Health([(), ("store_unwritable",)]), Clock()
    asking = client(health, clock)
    assert [asking.get("/readyz").status_code for _ in range(50)] == [200] * 50
    assert health.asked == 1
    clock.now += 1.0
    assert asking.get("/readyz").status_code == 503


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/nothing", 404, "not_found"), ("POST", "/livez", 405, "method_not_allowed")],
)
def test_an_error_is_json_with_a_code(method: str, path: str, status: int, code: str) -> None:
    answer = client(Health()).open(path, method=method)
    assert (answer.status_code, answer.json) == (status, {"code": code})
    assert ("Allow" in answer.headers) == (status == 405)


def test_case_218_a_fault_shows_neither_traceback_nor_text(caplog: pytest.LogCaptureFixture) -> None:
    answer = client(Health([RuntimeError("canary")])).get("/readyz")
    assert (answer.status_code, answer.json) == (500, {"code": "internal"})
    assert "canary" not in caplog.text + answer.text


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/nothing"])
def test_every_answer_carries_the_strict_headers(path: str) -> None:
    answer = client(Health()).get(path)
    assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert "Set-Cookie" not in answer.headers


def test_deliveries_go_to_the_receiver_and_everything_else_to_flask() -> None:
    store = RecordingStore()
    front = Front(receiver(store), create_app(Ports(Health())))
    http = Client(front)
    assert http.get("/livez").status_code == 200
    assert http.get(WEBHOOK_PATH).status_code == 405
    assert http.get(WEBHOOK_PATH).headers["Allow"] == "POST"
    assert http.post(WEBHOOK_PATH + "/", data=b"{}").status_code == 404
    assert store.deliveries == []
    body = b'{"action":"created"}'
    headers = {
        "X-GitHub-Event": "ping",
        "X-GitHub-Delivery": str(environ(body)["HTTP_X_GITHUB_DELIVERY"]),
        "X-Hub-Signature-256": str(environ(body)["HTTP_X_HUB_SIGNATURE_256"]),
    }
    assert (
        http.post(WEBHOOK_PATH, data=body, content_type="application/json", headers=headers).status_code
        == 202
    )
    assert [delivery.event for delivery in store.deliveries] == ["ping"]


def test_closing_the_front_closes_what_is_behind_it() -> None:
    closed: list[str] = []
    Front(
        receiver(RecordingStore()), create_app(Ports(Health())), close=lambda: closed.append("writer")
    ).close()
    Front(receiver(RecordingStore()), create_app(Ports(Health()))).close()
    assert closed == ["writer"]
