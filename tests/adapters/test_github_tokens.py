"""Who we are to GitHub: the App's JWT and the tokens minted from it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import product

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from support.github import (
    NOON,
    REPOSITORY,
    FakeClock,
    ScriptedGithub,
    comment,
    hub,
    private_key,
    public_key,
    scripted,
    settings,
)

from gate_app.domain.model import Repository
from gate_app.errors import ConfigurationFault, HubRefused, HubUnavailable
from gate_app.failpoints import armed
from gate_app.github.key import AppKey
from gate_app.github.permissions import CALLS, READ_COMMENT, READ_POLICY, WRITE_COMMENT, Permissions
from gate_app.github.tokens import InstallationToken, Scope, TokenCache, scope_of

COMMENT_PATH = "/repos/acme/shop/issues/comments/501"
COMMENTS = scope_of(REPOSITORY, READ_COMMENT)
MINT_PATH = "/app/installations/5151/access_tokens"


@pytest.fixture
def github() -> Iterator[ScriptedGithub]:
    with scripted() as github:
        yield github


def test_case_148_the_app_jwt_is_issued_a_minute_ago_and_ends_within_ten() -> None:
    signed = AppKey.parse(private_key()).signed("Iv1.client", NOON)
    claims = jwt.decode(
        signed, public_key(), algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False}
    )
    assert claims["iss"] == "Iv1.client"
    assert claims["iat"] == NOON.timestamp() - 60
    assert NOON.timestamp() < claims["exp"] <= NOON.timestamp() + 600
    assert jwt.get_unverified_header(signed)["alg"] == "RS256"


def test_the_key_is_parsed_once() -> None:
    key = AppKey.parse(private_key())
    began = time.process_time()
    for _ in range(20):
        key.signed("4711", NOON)
    assert time.process_time() - began < 0.5  # parsing it every time would take more than a second


@pytest.mark.parametrize(
    "pem",
    [
        pytest.param("", id="nothing"),
        pytest.param(
            "-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n-----END RSA PRIVATE KEY-----", id="no key inside"
        ),
        pytest.param(
            ec.generate_private_key(ec.SECP256R1())
            .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            .decode(),
            id="an elliptic curve key",
        ),
    ],
)
def test_a_key_that_cannot_sign_is_a_fault_of_configuration_that_shows_nothing_of_it(pem: str) -> None:
    with pytest.raises(ConfigurationFault) as fault:
        AppKey.parse(pem)
    assert "c2VjcmV0" not in str(fault.value)
    assert fault.value.__cause__ is None


def test_case_149_neither_key_nor_token_shows_in_any_repr(github: ScriptedGithub) -> None:
    token = InstallationToken("ghs_canary", NOON)
    shown = repr((AppKey.parse(private_key()), token, settings(), hub(github).checkout(REPOSITORY)))
    assert "ghs_" not in shown
    assert "PRIVATE KEY" not in shown


def test_case_146_a_token_is_minted_for_one_repository_and_the_permissions_of_the_call(
    github: ScriptedGithub,
) -> None:
    github.answers("GET", COMMENT_PATH, comment())
    hub(github).comment_fingerprint(REPOSITORY, 501)
    (mint,) = github.mints
    assert mint.path == MINT_PATH
    assert mint.body == {"repository_ids": [71], "permissions": {"issues": "read"}}
    assert mint.headers["X-GitHub-Api-Version"] == "2022-11-28"
    assert mint.headers["Authorization"].startswith("Bearer ")


def test_a_token_is_minted_once_and_kept_until_five_minutes_before_its_end(github: ScriptedGithub) -> None:
    github.answers("GET", COMMENT_PATH, comment())
    client = hub(github)
    for span in (0, 54, 0.99):
        github.clock.passes(timedelta(minutes=span))
        client.comment_fingerprint(REPOSITORY, 501)
    assert len(github.mints) == 1
    github.clock.passes(timedelta(minutes=1))
    client.comment_fingerprint(REPOSITORY, 501)
    assert len(github.mints) == 2


def test_case_147_no_two_scopes_share_a_token() -> None:
    clock, minted = FakeClock(), []

    def mint(scope: Scope) -> InstallationToken:
        minted.append(scope)
        return InstallationToken(f"ghs_{len(minted)}", clock() + timedelta(hours=1))

    cache = TokenCache(mint, clock)
    repositories = [
        Repository(number, "acme", "shop", installation) for number, installation in product((1, 2), (7, 8))
    ]
    wanted = [(repository, permissions) for repository in repositories for permissions in set(CALLS.values())]
    values = {cache.token(scope_of(*pair)).value: pair for pair in wanted}
    assert len(values) == len(wanted) == len(set(minted))
    assert {cache.token(scope_of(*pair)).value for pair in wanted} == set(values)


def test_many_threads_that_want_the_same_token_mint_it_once() -> None:
    clock, asked, release = FakeClock(), [], threading.Event()

    def mint(scope: Scope) -> InstallationToken:
        asked.append(scope)
        assert release.wait(5)
        return InstallationToken("ghs_one", clock() + timedelta(hours=1))

    cache = TokenCache(mint, clock)
    with ThreadPoolExecutor(8) as threads:
        waiting = [threads.submit(cache.token, COMMENTS) for _ in range(8)]
        release.set()
        assert {future.result(5).value for future in waiting} == {"ghs_one"}
    assert len(asked) == 1


def test_case_193_a_minting_lies_between_its_failpoints(github: ScriptedGithub) -> None:
    minted: list[int] = []
    with (
        armed("mint_token.before", lambda: minted.append(len(github.mints))),
        armed("mint_token.after", lambda: minted.append(len(github.mints))),
    ):
        hub(github).checkout(REPOSITORY)
    assert minted == [0, 1]


def test_a_failed_minting_is_not_remembered() -> None:
    clock, outcomes = FakeClock(), [HubUnavailable("down"), None]

    def mint(scope: Scope) -> InstallationToken:
        fault = outcomes.pop(0)
        if fault is not None:
            raise fault
        return InstallationToken("ghs_late", clock() + timedelta(hours=1))

    cache = TokenCache(mint, clock)
    with pytest.raises(HubUnavailable):
        cache.token(COMMENTS)
    assert cache.token(COMMENTS).value == "ghs_late"


def test_case_148_a_refused_token_is_renewed_once(github: ScriptedGithub) -> None:
    github.answers("GET", COMMENT_PATH, {"message": "Bad credentials"}, status=401)
    github.answers("GET", COMMENT_PATH, comment())
    hub(github).comment_fingerprint(REPOSITORY, 501)
    assert len(github.mints) == 2
    first, second = (call.headers["Authorization"] for call in github.calls)
    assert first != second


def test_case_148_a_renewed_token_that_is_refused_too_keeps_everything_waiting(
    github: ScriptedGithub,
) -> None:
    github.answers("GET", COMMENT_PATH, {"message": "Bad credentials"}, status=401)
    with pytest.raises(HubUnavailable, match="clock"):
        hub(github).comment_fingerprint(REPOSITORY, 501)
    assert len(github.mints) == 2


def test_dropping_a_token_that_was_replaced_already_keeps_the_new_one() -> None:
    clock, minted = FakeClock(), []

    def mint(scope: Scope) -> InstallationToken:
        minted.append(scope)
        return InstallationToken(f"ghs_{len(minted)}", clock() + timedelta(hours=1))

    cache = TokenCache(mint, clock)
    stale = cache.token(COMMENTS)
    cache.drop(COMMENTS, stale)
    fresh = cache.token(COMMENTS)
    cache.drop(COMMENTS, stale)
    assert cache.token(COMMENTS) is fresh


@pytest.mark.parametrize("permissions", [READ_POLICY, WRITE_COMMENT], ids=["read", "write"])
def test_the_cache_of_tokens_is_bounded(permissions: Permissions) -> None:
    clock, minted = FakeClock(), []

    def mint(scope: Scope) -> InstallationToken:
        minted.append(scope)
        return InstallationToken("ghs_x", clock() + timedelta(hours=1))

    cache = TokenCache(mint, clock)
    for number in range(1, 5_102):
        cache.token(Scope(1, number, permissions))
    cache.token(Scope(1, 5_101, permissions))
    assert len(minted) == 5_101
    cache.token(Scope(1, 1, permissions))
    assert len(minted) == 5_102


@pytest.mark.parametrize(
    ("status", "fault", "words"),
    [
        pytest.param(401, HubUnavailable, "clock", id="wrong key or clock"),
        pytest.param(403, HubRefused, "issues: read", id="suspended"),
        pytest.param(404, HubRefused, "404", id="uninstalled"),
        pytest.param(422, HubRefused, "422", id="permission not granted"),
        pytest.param(500, HubUnavailable, "500", id="GitHub is ill"),
    ],
)
def test_a_token_that_is_not_given_is_a_fault_with_its_ground(
    github: ScriptedGithub, status: int, fault: type[Exception], words: str
) -> None:
    github.answers("POST", MINT_PATH, {"message": "canary in the body"}, status=status)
    with pytest.raises(fault, match=words) as told:
        hub(github).comment_fingerprint(REPOSITORY, 501)
    assert "canary" not in str(told.value)
    assert github.calls == []


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"token": None}, id="no token"),
        pytest.param({"token": "ghs_two lines\r\nX: y"}, id="a token that would split a header"),
        pytest.param({"expires_at": "2026-11-20T11:59:59Z"}, id="ended already"),
        pytest.param({"expires_at": "soon"}, id="ends at no time"),
        pytest.param({"repositories": [{"id": 72, "full_name": "acme/other"}]}, id="for another repository"),
    ],
)
def test_case_147_a_minted_token_that_is_not_what_was_asked_for_is_not_used(
    github: ScriptedGithub, changed: dict[str, object]
) -> None:
    good = {"token": "ghs_canary_canary_canary", "expires_at": "2026-11-20T13:00:00Z", "permissions": {}}
    github.answers("POST", MINT_PATH, {**good, **changed}, status=201)
    with pytest.raises(HubUnavailable) as fault:
        hub(github).comment_fingerprint(REPOSITORY, 501)
    assert "canary" not in str(fault.value)
    assert github.calls == []
