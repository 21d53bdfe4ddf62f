"""Who may call the stand-in: App JWTs, installation tokens, the control token."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from support.standin import API, REPOSITORY, Github, open_pull, send, serving

from gate_app.standin.control import Control, ControlError

MINUTE = 60


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Github]:
    with serving(tmp_path_factory.mktemp("standin")) as found:
        open_pull(found)
        yield found


@pytest.fixture(scope="module")
def sha(github: Github) -> str:
    return github.control.state()["pulls"][0]["head_sha"]


def other_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem.decode()


@pytest.mark.parametrize("issuer", ["app_id", "client_id"])
def test_an_app_proves_itself_by_a_jwt_issued_by_its_id_or_client_id(github: Github, issuer: str) -> None:
    answer = github.call("GET", "/app", token=github.jwt(iss=str(github.app[issuer])))  # type: ignore[literal-required]
    assert (answer.status, answer.body["id"], answer.body["slug"]) == (200, github.app["app_id"], "gate-app")


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        pytest.param({"exp": 11 * MINUTE}, "too far in the future", id="more than ten minutes ahead"),
        pytest.param({"exp": -1}, "must be a numeric value", id="expired"),
        pytest.param({"iat": 5}, "must be an Integer", id="issued in the future"),
        pytest.param({"iat": None}, "must be an Integer", id="without iat"),
        pytest.param({"exp": None}, "must be a numeric value", id="without exp"),
        pytest.param({"iss": "1"}, "Integration not found", id="unknown issuer"),
        pytest.param({"iss": None}, "Integration not found", id="without issuer"),
    ],
)
def test_a_jwt_with_bad_claims_is_refused(github: Github, claims: dict[str, object], message: str) -> None:
    now = int(github.clock().timestamp())
    absolute = {name: now + value if isinstance(value, int) else value for name, value in claims.items()}
    answer = github.call("GET", "/app", token=github.jwt(**absolute))
    assert answer.status == 401
    assert message in answer.body["message"]


def test_a_jwt_signed_with_another_key_is_refused(github: Github) -> None:
    assert github.call("GET", "/app", token=github.jwt(key=other_key())).status == 401


@pytest.mark.parametrize("token", ["nonsense", "ghs_1_a.b.c", ""])
def test_what_is_no_jwt_is_refused(github: Github, token: str) -> None:
    assert github.call("GET", "/app", token=token).status == 401


def test_a_token_looks_like_githubs_stateless_ones_and_lives_one_hour(github: Github) -> None:
    path = f"/app/installations/{github.app['installation_id']}/access_tokens"
    answer = github.call("POST", path, {}, token=github.jwt())
    assert answer.body["token"].startswith(f"ghs_{github.app['app_id']}_")
    assert answer.body["token"].count(".") == 2
    assert len(answer.body["token"]) > 400
    assert answer.body["expires_at"] == "2026-11-02T10:00:00Z"
    assert answer.body["repository_selection"] == "all"


def test_a_token_is_narrowed_to_repositories_and_permissions(github: Github) -> None:
    repository_id = github.control.state()["repositories"][0]["id"]
    path = f"/app/installations/{github.app['installation_id']}/access_tokens"
    wanted = {"repository_ids": [repository_id], "permissions": {"checks": "write"}}
    answer = github.call("POST", path, wanted, token=github.jwt())
    assert answer.body["permissions"] == {"metadata": "read", "checks": "write"}
    assert [repository["id"] for repository in answer.body["repositories"]] == [repository_id]


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param({"permissions": {"contents": "write"}}, id="a higher level than the installation has"),
        pytest.param({"permissions": {"administration": "read"}}, id="a permission it does not have"),
        pytest.param({"permissions": {"checks": "own"}}, id="a level that does not exist"),
        pytest.param({"repositories": ["elsewhere"]}, id="an unknown repository"),
        pytest.param({"repository_ids": [1]}, id="an unknown repository id"),
        pytest.param({"repos": ["shop"]}, id="an unknown property"),
    ],
)
def test_a_token_is_never_wider_than_the_installation(github: Github, wanted: dict[str, object]) -> None:
    path = f"/app/installations/{github.app['installation_id']}/access_tokens"
    assert github.call("POST", path, wanted, token=github.jwt()).status == 422


@pytest.mark.parametrize(
    ("method", "path", "body", "needed"),
    [
        ("GET", "/contents/README.md", None, {"contents": "read"}),
        ("GET", "/pulls/1", None, {"pull_requests": "read"}),
        ("GET", "/issues/1/comments", None, {"issues": "read"}),
        ("GET", "/issues/1/comments", None, {"pull_requests": "read"}),
        ("POST", "/issues/1/comments", {"body": "hello"}, {"issues": "write"}),
        ("POST", "/check-runs", {"name": "x"}, {"checks": "write"}),
        ("POST", "/deployments", {"ref": "main"}, {"deployments": "write"}),
        ("GET", "/deployments", None, {"deployments": "read"}),
        ("GET", "/collaborators/author/permission", None, {"metadata": "read"}),
    ],
)
def test_each_call_needs_its_permission(
    github: Github, sha: str, method: str, path: str, body: dict[str, object] | None, needed: dict[str, str]
) -> None:
    """A write needs more than reading, and what is not asked for is not there."""
    given = {**body, "head_sha": sha} if path == "/check-runs" and body else body
    allowed = github.call(method, API + path, given, token=github.mint(permissions=needed))
    assert allowed.status < 300
    lower = {"statuses": "read"} if "read" in needed.values() else dict.fromkeys(needed, "read")
    if needed != {"metadata": "read"}:
        refused = github.call(method, API + path, given, token=github.mint(permissions=lower))
        assert (refused.status, refused.body["message"]) == (403, "Resource not accessible by integration")


def test_team_membership_needs_members_read(github: Github) -> None:
    github.control.set_membership("acme/sre", "reviewer", state="pending")
    path = "/orgs/acme/teams/sre/memberships/reviewer"
    assert github.call("GET", path, token=github.mint()).body["state"] == "pending"
    assert github.call("GET", path, token=github.mint(permissions={"checks": "read"})).status == 403
    assert github.call("GET", "/orgs/acme/teams/sre/memberships/reader", token=github.mint()).status == 404
    assert github.call("GET", "/orgs/acme/teams/nobody", token=github.mint()).status == 404


def test_a_repository_outside_the_token_does_not_exist(github: Github) -> None:
    github.control.create_repository("acme", "other")
    narrow = github.mint(repositories=["other"])
    assert github.call("GET", "/repos/acme/other", token=narrow).status == 200
    assert github.call("GET", API, token=narrow).status == 404
    assert github.call("GET", "/repos/acme/nowhere", token=narrow).status == 404


def test_another_accounts_repository_does_not_exist(github: Github) -> None:
    github.control.create_repository("umbrella", "secret")
    assert github.call("GET", "/repos/umbrella/secret", token=github.mint()).status == 404
    assert github.call("GET", "/repos/umbrella/secret/installation", token=github.jwt()).status == 404


def test_a_bad_revoked_or_expired_token_is_401(github: Github) -> None:
    assert github.call("GET", API).status == 401
    assert github.call("GET", API, token="ghs_unknown").status == 401
    revoked, expiring = github.mint(), github.mint()
    assert github.call("DELETE", "/installation/token", token=revoked).status == 204
    assert github.call("GET", API, token=revoked).status == 401
    github.clock.forward(minutes=59)
    assert github.call("GET", API, token=expiring).status == 200
    github.clock.forward(minutes=2)
    assert github.call("GET", API, token=expiring).status == 401


def test_both_forms_of_the_authorization_header_are_taken(github: Github) -> None:
    token = github.mint()
    for scheme in ("token", "Bearer", "bearer"):
        assert send(github.url + API, "GET", headers={"Authorization": f"{scheme} {token}"}).status == 200
    assert send(github.url + API, "GET", headers={"Authorization": f"Basic {token}"}).status == 401


def test_another_api_version_is_refused(github: Github) -> None:
    old = {"X-GitHub-Api-Version": "2019-01-01"}
    assert github.call("GET", API, token=github.mint(), headers=old).status == 400


def test_every_call_is_recorded_with_the_permissions_of_its_token(github: Github) -> None:
    token = github.mint(permissions={"contents": "read"})
    last = github.control.requests()[-1]["id"]
    github.call("GET", f"{API}/branches/main", token=token, headers={"X-GitHub-Api-Version": "2022-11-28"})
    github.call("GET", f"{API}/pulls?state=all", token=token)
    first, second = github.control.requests(after=last)
    assert (first["method"], first["path"], first["status"]) == ("GET", f"{API}/branches/main", 200)
    assert (first["identity"], first["api_version"]) == ("installation", "2022-11-28")
    assert first["permissions"] == {"metadata": "read", "contents": "read"}
    assert (second["query"], second["status"], second["api_version"]) == ("state=all", 403, None)


def test_the_rate_is_counted_and_shown_on_every_answer(github: Github) -> None:
    token = github.mint()
    first, second = (github.call("GET", API, token=token) for _ in range(2))
    assert int(second.headers["X-RateLimit-Remaining"]) == int(first.headers["X-RateLimit-Remaining"]) - 1
    assert int(first.headers["X-RateLimit-Reset"]) > github.clock().timestamp()
    assert first.headers["X-GitHub-Request-Id"] != second.headers["X-GitHub-Request-Id"]
    assert github.call("GET", "/rate_limit", token=token).body["rate"]["limit"] == 5000


def test_whoever_has_used_up_the_hour_waits_for_the_next(github: Github) -> None:
    github.clock.forward(hours=1)
    token = github.mint()
    github.control.set_rate_limit(2)
    spent = [github.call("GET", API, token=token) for _ in range(3)][-1]
    assert (spent.status, spent.headers["X-RateLimit-Remaining"]) == (403, "0")
    assert spent.body["message"].startswith("API rate limit exceeded for installation ID")
    assert "Retry-After" not in spent.headers
    rate = github.call("GET", "/rate_limit", token=token).body["rate"]
    assert (rate["limit"], rate["remaining"]) == (2, 0)
    github.clock.now = datetime.fromtimestamp(rate["reset"], UTC)
    github.control.set_rate_limit(5000)
    assert github.call("GET", API, token=github.mint()).status == 200


def test_an_unchanged_answer_and_a_look_at_the_rate_cost_nothing(github: Github) -> None:
    token = github.mint()
    first = github.call("GET", API, token=token)
    again = github.call("GET", API, token=token, headers={"If-None-Match": first.headers["ETag"]})
    github.call("GET", "/rate_limit", token=token)
    assert again.status == 304
    assert again.headers["X-RateLimit-Remaining"] == first.headers["X-RateLimit-Remaining"]
    last = github.call("GET", API, token=token)
    assert int(last.headers["X-RateLimit-Used"]) == int(first.headers["X-RateLimit-Used"]) + 1


def test_the_control_api_needs_its_token(github: Github) -> None:
    with pytest.raises(ControlError, match="needs the header") as refused:
        Control(github.url, "guess").state()
    assert refused.value.status == 401


def test_secrets_are_not_kept_in_the_clear(github: Github, tmp_path_factory: pytest.TempPathFactory) -> None:
    token = github.mint()
    home = next(Path(tmp_path_factory.getbasetemp()).glob("standin*/state.db")).parent
    assert not any(token.encode() in file.read_bytes() for file in home.glob("state.db*"))
    assert token not in str(github.control.state())
    assert REPOSITORY in str(github.control.state())
