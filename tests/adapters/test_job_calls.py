"""Calls of jobs over HTTP: believed by their token alone, stored once, answered from the store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from flask.testing import FlaskClient
from support.store import a_run, opened, stored
from support.tokens import EXPECTED, KID, NOW, SECONDS, private_key, token

from gate_app.domain.grants import Job, JobAnswer
from gate_app.engine.calling import JOB_CALL, read_call
from gate_app.intake import job_calls
from gate_app.intake.answers import TICKET_MILLISECONDS, Answers
from gate_app.intake.delivery import Delivery, Outcome, StoreUnavailableError
from gate_app.intake.request import EVENT
from gate_app.store.answers import KEPT
from gate_app.store.repository import SqlStore
from gate_app.trust.oidc import REFUSALS, Expectations
from gate_app.web import api
from gate_app.web.api import JobPorts
from gate_app.web.app import Ports, create_app

pytest_plugins = ["support.store_databases"]

KEY = "k" * 43
REDEEM = {"schema_version": 1, "environment": "staging", "key": KEY}
TICKET = "t" * 43


class Everything:
    """The ports of the calls: what is stored is kept here."""

    def __init__(self) -> None:
        self.stored: dict[str, Delivery] = {}
        self.told: dict[str, str] = {}
        self.away = self.rejects = False
        self.published: dict[str, RSAPublicKey] = {KID: private_key().public_key()}
        self.refreshed: dict[str, RSAPublicKey] = {}
        self.asked = 0
        self.known = {71}

    def submit(self, delivery: Delivery) -> Outcome:
        if self.away:
            raise StoreUnavailableError("database is locked")
        if self.rejects:
            return Outcome.REJECTED
        known = delivery.delivery_id in self.stored
        self.stored.setdefault(delivery.delivery_id, delivery)
        return Outcome.KNOWN if known else Outcome.STORED

    def answer(self, ticket: str) -> str | None:
        if self.away:
            raise StoreUnavailableError("database is locked")
        return self.told.get(ticket)

    def knows(self, repository_id: int) -> bool:
        return repository_id in self.known

    def keys(self) -> Mapping[str, RSAPublicKey]:
        return self.published

    def refresh(self) -> bool:
        self.asked += 1
        self.published = self.refreshed or self.published
        return bool(self.refreshed)

    def problems(self) -> tuple[str, ...]:
        return ()


@pytest.fixture
def world() -> Everything:
    return Everything()


@pytest.fixture
def client(world: Everything) -> FlaskClient:
    return served(world)


def served(world: Everything, expectations: Expectations = EXPECTED) -> FlaskClient:
    ports = JobPorts(world, world, world, expectations, lambda: SECONDS * 1_000)
    return create_app(Ports(world, jobs=ports)).test_client()


def calls(
    client: FlaskClient, what: str = "redemptions", body: Any = REDEEM, bearer: str | None = None
) -> Any:
    given = token() if bearer is None else bearer
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(f"/api/v1/{what}", data=raw, headers={"Authorization": f"Bearer {given}"})


def test_a_call_is_stored_with_the_claims_of_its_token_and_gets_a_ticket(
    client: FlaskClient, world: Everything
) -> None:
    answer = calls(client)
    assert answer.status_code == 202
    (row,) = world.stored.values()
    call = read_call(row.body, NOW)
    assert call.event.want == "redeem"
    assert call.event.environment == "staging"
    assert call.event.ticket == job_calls.fingerprint(answer.json["ticket"])
    assert call.event.job == Job(
        71, 9, "acme/greeter", 77, 1, "deploy.yml", "refs/heads/main", "deploy.yml", "refs/heads/main",
        "workflow_dispatch", "refs/heads/main", "d" * 40, "staging", job_calls.fingerprint(KEY),
    )  # fmt: skip
    assert (row.event, row.repository_id, row.provenance.value) == (JOB_CALL, 71, "job_token")


def test_neither_the_token_nor_a_secret_is_stored_or_told(client: FlaskClient, world: Everything) -> None:
    """Case 138."""
    given = token()
    answer = calls(client, bearer=given)
    (row,) = world.stored.values()
    for secret in (given, given.split(".")[2], KEY, answer.json["ticket"]):
        assert secret not in row.body.decode() + row.delivery_id


def test_no_webhook_can_pass_for_a_call() -> None:
    assert job_calls.JOB_CALL == JOB_CALL
    assert not EVENT.fullmatch(JOB_CALL)


def test_a_token_is_good_for_one_call(client: FlaskClient, world: Everything) -> None:
    """Case 125."""
    given = token()
    assert calls(client, bearer=given).status_code == 202
    again = calls(client, "requests", {"schema_version": 1, "environment": "staging"}, given)
    assert (again.status_code, again.json["code"]) == (409, "token_replayed")
    assert len(world.stored) == 1


def test_a_stranger_with_a_good_token_for_us_leaves_nothing_behind(
    client: FlaskClient, world: Everything
) -> None:
    """Whoever has a repository at GitHub gets tokens with whatever audience they ask for, as many as they like."""
    answer = calls(client, bearer=token(repository_id="4711"))
    assert (answer.status_code, answer.json["code"]) == (404, "repository_unknown")
    assert world.stored == {}


@pytest.mark.parametrize("what", ["requests", "redemptions", "reports", "withdrawals"])
def test_nothing_is_stored_of_a_call_without_a_good_token(
    client: FlaskClient, world: Everything, what: str
) -> None:
    for bearer in ("", "x", "a.b.c", token(number=1), token(aud="https://other.example")):
        answer = calls(client, what, bearer=bearer)
        assert answer.status_code == 401
        assert answer.json["code"] in {refusal.code for refusal in REFUSALS}
    assert client.post(f"/api/v1/{what}", json=REDEEM).json["code"] == "token_missing"
    assert world.stored == {}


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("redemptions", b" "),
        ("redemptions", b"{"),
        ("redemptions", b"[" * 9_000),
        (
            "redemptions",
            b'{"schema_version":1,"environment":"a","environment":"b","key":"' + b"k" * 43 + b'"}',
        ),
        ("redemptions", [REDEEM]),
        ("redemptions", {**REDEEM, "schema_version": 2}),
        ("redemptions", {**REDEEM, "schema_version": True}),
        ("redemptions", {**REDEEM, "schema_version": 1.0}),
        ("redemptions", {**REDEEM, "environment": "\ud800"}),
        ("redemptions", {**REDEEM, "sha": "a" * 40}),
        ("redemptions", {**REDEEM, "environment": ""}),
        ("redemptions", {**REDEEM, "environment": 7}),
        ("redemptions", {**REDEEM, "environment": "a\nb"}),
        ("redemptions", {**REDEEM, "key": "short"}),
        ("redemptions", {**REDEEM, "gate": "g" * 513}),
        ("redemptions", {"schema_version": 1, "environment": "staging"}),
        ("reports", {"schema_version": 1, "environment": "staging"}),
        ("reports", {"schema_version": 1, "environment": "staging", "outcome": "maybe"}),
        ("requests", {"schema_version": 1}),
    ],
)
def test_a_body_that_is_not_understood_whole_is_refused(
    client: FlaskClient, world: Everything, what: str, body: Any
) -> None:
    answer = calls(client, what, body)
    assert (answer.status_code, answer.json["code"]) == (400, "call_malformed")
    assert world.stored == {}


def test_a_large_body_is_refused_before_it_is_read(client: FlaskClient) -> None:
    assert calls(client, body=b" " * 20_000).json["code"] == "call_too_large"


def test_what_is_not_there_is_not_found(client: FlaskClient) -> None:
    assert calls(client, "nothing").status_code == 404
    assert client.get("/api/v1/redemptions").status_code == 405


def test_a_key_that_was_published_since_is_asked_for(client: FlaskClient, world: Everything) -> None:
    """Case 127."""
    good, world.published = world.published, {"old": private_key(2048, 1).public_key()}
    assert calls(client).json["code"] == "token_key_unknown"
    world.refreshed = good
    assert calls(client).status_code == 202
    assert world.asked == 2


def test_without_keys_it_says_that_it_is_not_the_jobs_fault(client: FlaskClient, world: Everything) -> None:
    """Case 128."""
    world.published = {}
    answer = calls(client)
    assert (answer.status_code, answer.json["code"], answer.headers["Retry-After"]) == (
        503,
        "keys_unavailable",
        "5",
    )


def test_without_an_audience_nobody_is_meant(world: Everything) -> None:
    answer = calls(served(world, Expectations(EXPECTED.issuer, "")), bearer=token(aud=""))
    assert (answer.status_code, answer.json["code"]) == (503, "oidc_not_configured")


def test_what_could_not_be_stored_is_not_acknowledged(client: FlaskClient, world: Everything) -> None:
    world.away = True
    assert calls(client).json["code"] == "store_unavailable"
    world.away, world.rejects = False, True
    assert calls(client).status_code == 400


def asks(client: FlaskClient, ticket: str = TICKET) -> Any:
    return client.get("/api/v1/answers", headers={"Authorization": f"Bearer {ticket}"})


def test_an_answer_is_told_to_whoever_has_the_ticket(client: FlaskClient, world: Everything) -> None:
    world.told[job_calls.fingerprint(TICKET)] = '{"decision": "waiting"}'
    assert asks(client).json == {"decision": "waiting"}
    assert asks(client).headers["Cache-Control"] == "no-store"


def test_every_other_ticket_is_the_same_unknown_one(client: FlaskClient, world: Everything) -> None:
    """Case 139."""
    world.told["x"] = "{}"
    answers = [asks(client, ticket) for ticket in ("u" * 43, "x", "", "../../etc", "é")]
    assert {(a.status_code, a.get_data()) for a in answers} == {(404, answers[0].get_data())}
    assert client.get("/api/v1/answers").status_code == 404
    world.away = True
    assert asks(client).status_code == 503


def test_every_code_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs/action.md").read_text()
    codes = {refusal.code for refusal in REFUSALS} | set(api.STATUS)
    assert {code for code in codes if f"`{code}`" not in page} == set()


# --- the row and the store -------------------------------------------------------------------------------


def row(**changed: Any) -> bytes:
    job = {name: 1 if kind == "int" else "x" for name, kind in Job.__annotations__.items()}
    said = {"want": "redeem", "ticket": "t", "environment": "e", "gate": "", "outcome": "", "job": job}
    return json.dumps({**said, **changed}).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        row(want="open"),
        row(outcome="good"),
        row(job={}),
        row(job=7),
        row(ticket=7),
        row(gate=None),
    ],
)
def test_a_row_that_is_no_call_is_a_fault(body: bytes) -> None:
    with pytest.raises(ValueError):
        read_call(body, NOW)


def test_answers_are_read_where_the_engine_wrote_them_for_minutes(database_url: sa.URL) -> None:
    url = database_url.render_as_string(hide_password=False)
    with opened(database_url) as engine:
        store, clock = SqlStore(engine), [SECONDS * 1_000]
        answers = Answers(url, lambda: clock[0])
        assert answers.answer("t") is None
        store.answer(JobAnswer("t", '{"n":1}'), NOW)
        store.answer(JobAnswer("t", '{"n":2}'), NOW)
        assert answers.answer("t") == '{"n":2}'
        clock[0] += TICKET_MILLISECONDS
        assert answers.answer("t") is None
        store.answer(JobAnswer("u", "{}"), NOW + KEPT + timedelta(seconds=1))
        clock[0] = SECONDS * 1_000
        assert answers.answer("t") is None


def test_a_store_that_is_away_says_so(tmp_path: Path) -> None:
    for url in ("postgresql://127.0.0.1:9/none", f"sqlite:///{tmp_path / 'none.db'}"):
        with pytest.raises(StoreUnavailableError):
            Answers(url, lambda: 0).answer("t")
        with pytest.raises(StoreUnavailableError):
            Answers(url, lambda: 0).knows(71)


def test_a_repository_is_known_once_something_was_to_be_decided_in_it(database_url: sa.URL) -> None:
    with opened(database_url) as engine:
        answers = Answers(database_url.render_as_string(hide_password=False), lambda: 0)
        assert not answers.knows(71)
        stored(SqlStore(engine), a_run())
        assert (answers.knows(71), answers.knows(72)) == (True, False)
