"""The stand-in's issuer: it gives jobs the tokens that GitHub gives them, and nobody else any."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import jwt
import pytest
from support.standin import REPOSITORY, Github, serving
from support.tokens import CLAIMS

from gate_app.standin.control import ControlError
from gate_app.trust.keyring import read_keys
from gate_app.trust.oidc import DISPLAYED, Expectations, VerifiedClaims, verify
from gate_app.trust.signature import Refusal
from gate_app.web.keyset import KeySet

ME = "https://gate.example"
DEPLOY = """\
on:
  workflow_dispatch:
    inputs: {to: {default: staging}}
permissions: {id-token: write}
jobs:
  deploy: {runs-on: ubuntu-latest, environment: "${{ inputs.to }}"}
  build: {runs-on: ubuntu-latest}
  plain: {runs-on: ubuntu-latest, permissions: {contents: read}}
"""


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Github]:
    with serving(tmp_path_factory.mktemp("issuer")) as found:
        sha = found.control.commit(REPOSITORY, {".github/workflows/deploy.yml": DEPLOY})["sha"]
        found.control.push(REPOSITORY, "main", sha, "maintainer")
        yield found


@pytest.fixture(scope="module")
def run(github: Github) -> int:
    return github.control.dispatch_workflow(REPOSITORY, "deploy.yml", "maintainer")["id"]


def token(github: Github, run: int, job: str = "deploy", claims: Any = None, audience: str = ME) -> str:
    """A token as the job itself asks for it."""
    found = github.control.become_job(REPOSITORY, run, job, claims)
    url, credential = (found[f"ACTIONS_ID_TOKEN_REQUEST_{name}"] for name in ("URL", "TOKEN"))
    asked = Request(f"{url}&audience={audience}", headers={"Authorization": f"Bearer {credential}"})  # noqa: S310 - loopback
    with urlopen(asked, timeout=10) as answer:  # noqa: S310 - the same
        return str(json.load(answer)["value"])


def read(github: Github, unverified: str) -> VerifiedClaims | Refusal:
    issuer = f"{github.url}/_services/token"
    keys = read_keys(KeySet(issuer)())
    return verify(unverified, Expectations(issuer, ME), keys, github.clock())


def test_the_app_believes_what_a_job_shows(github: Github, run: int) -> None:
    found = read(github, token(github, run))
    assert isinstance(found, VerifiedClaims)
    assert (found.run_id, found.attempt, found.environment) == (run, 1, "staging")
    assert (found.repository, found.workflow.name, found.ref) == (REPOSITORY, "deploy.yml", "refs/heads/main")
    assert found.unaccounted == ()


def test_a_token_has_all_the_claims_that_github_gives(github: Github, run: int) -> None:
    claims = jwt.decode(token(github, run), options={"verify_signature": False})
    assert set(CLAIMS) <= set(claims)
    assert set(claims) - set(CLAIMS) <= DISPLAYED
    assert {type(claims[name]) for name in CLAIMS} == {str, int}


def test_each_token_is_another_one(github: Github, run: int) -> None:
    assert token(github, run) != token(github, run)


def test_a_job_without_an_environment_has_none(github: Github, run: int) -> None:
    found = read(github, token(github, run, "build"))
    assert isinstance(found, VerifiedClaims)
    assert found.environment == ""


def test_a_test_may_say_other_things_and_the_app_notices(github: Github, run: int) -> None:
    assert isinstance(read(github, token(github, run, claims={"event_name": "push"})), VerifiedClaims)
    assert isinstance(read(github, token(github, run, claims={"sha": None})), Refusal)
    assert isinstance(read(github, token(github, run, audience="https://other.example")), Refusal)


@pytest.mark.parametrize("job", ["plain", "nobody"])
def test_a_job_without_the_permission_gets_none(github: Github, run: int, job: str) -> None:
    with pytest.raises(ControlError, match="id-token: write") as refused:
        github.control.become_job(REPOSITORY, run, job)
    assert refused.value.status == 403


def test_a_credential_ends_with_its_job(github: Github, run: int) -> None:
    found = github.control.become_job(REPOSITORY, run, "deploy")
    github.clock.forward(hours=7)
    asked = Request(  # noqa: S310 - loopback
        found["ACTIONS_ID_TOKEN_REQUEST_URL"],
        headers={"Authorization": f"Bearer {found['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"},
    )
    with pytest.raises(HTTPError) as refused:
        urlopen(asked, timeout=10)  # noqa: S310 - the same
    refused.value.close()


def test_nobody_else_gets_a_token(github: Github, run: int) -> None:
    url = f"{github.url}/_services/token/job?audience={ME}"
    for bearer in ("", "x", token(github, run)):  # a token is no credential
        with pytest.raises(HTTPError) as refused:
            urlopen(Request(url, headers={"Authorization": f"Bearer {bearer}"}), timeout=10)  # noqa: S310 - loopback
        refused.value.close()
        assert refused.value.code == 401


def test_the_issuer_says_where_its_keys_are(github: Github) -> None:
    with urlopen(f"{github.url}/_services/token/.well-known/openid-configuration", timeout=10) as answer:  # noqa: S310 - loopback
        said = json.load(answer)
    assert said["jwks_uri"] == f"{said['issuer']}/.well-known/jwks"


def test_where_no_keys_are_it_is_a_fault(github: Github, tmp_path: Path) -> None:
    """Case 128."""
    for issuer in (f"{github.url}/nowhere", "http://127.0.0.1:9/x", "https://127.0.0.1:9/x"):
        with pytest.raises(OSError):
            KeySet(issuer)()


def test_an_issuer_that_answers_drop_by_drop_is_not_waited_for() -> None:
    """Case 128: each byte is in time, the answer is not."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        dripping = threading.Thread(target=_drip, args=(server,), daemon=True)
        dripping.start()
        keys, began = KeySet(f"http://127.0.0.1:{server.getsockname()[1]}", patience=0.3), time.monotonic()
        with suppress(OSError):
            assert read_keys(keys()) == {}
        assert time.monotonic() - began < 3
        dripping.join(10)


def _drip(server: socket.socket) -> None:
    peer, _ = server.accept()
    with peer, suppress(OSError):
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n")
        for _ in range(200):
            peer.sendall(b" ")
            time.sleep(0.05)
