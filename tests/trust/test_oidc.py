"""The token of a job: what GitHub signed for us is believed, and each thing that differs is enough for a no."""

from __future__ import annotations

import base64
import copy
import json
import pickle
import random
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from support.tokens import AUDIENCE, CLAIMS, EXPECTED, ISSUER, KID, NOW, SECONDS, private_key, token

from gate_app.trust.oidc import ACCOUNTED, REFUSALS, VerifiedClaims, WorkflowFile, verify
from gate_app.trust.signature import Refusal

KEYS = {KID: private_key().public_key()}
PEM = (
    private_key()
    .public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
)


def read(unverified: str | None, **keys: Any) -> str:
    """`accepted`, or the code of the refusal."""
    found = verify(unverified, EXPECTED, keys.get("keys", KEYS), NOW)
    return found.code if isinstance(found, Refusal) else "accepted"


def segment(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header: object, payload: object = CLAIMS) -> str:
    """A token with this very header and payload, correctly signed by the issuer's key."""
    algorithm = jwt.get_algorithm_by_name("RS256")
    text = f"{segment(header)}.{segment(payload)}"
    return f"{text}.{segment(algorithm.sign(text.encode(), private_key()))}"


def test_what_github_says_of_a_job_is_believed() -> None:
    found = verify(token(), EXPECTED, KEYS, NOW)
    assert isinstance(found, VerifiedClaims)
    assert (found.repository_id, found.owner_id, found.repository) == (71, 9, "acme/greeter")
    assert (found.run_id, found.attempt, found.event) == (77, 1, "workflow_dispatch")
    assert found.workflow == found.job_workflow == WorkflowFile("deploy.yml", "refs/heads/main")
    assert (found.ref, found.sha, found.environment) == ("refs/heads/main", "d" * 40, "staging")
    assert (found.runner, found.unaccounted) == ("github-hosted", ())
    assert found.expires_at == SECONDS + 270


def test_every_claim_of_github_is_accounted_for() -> None:
    assert set(CLAIMS) <= ACCOUNTED


def test_a_claim_that_nobody_knows_decides_nothing_and_is_told() -> None:
    """Case 137."""
    found = verify(token(novelty="1"), EXPECTED, KEYS, NOW)
    assert isinstance(found, VerifiedClaims)
    assert found.unaccounted == ("novelty",)


def test_a_job_without_an_environment_and_one_of_a_pull_request_are_read_too() -> None:
    assert read(token(environment=None)) == "accepted"
    assert read(token(event_name="pull_request", ref="refs/pull/3/merge")) == "accepted"
    assert read(token(ref="refs/tags/v1", ref_type="tag")) == "accepted"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        pytest.param({"iss": ISSUER + "/"}, "token_issuer", id="case 122: a trailing slash"),
        pytest.param({"iss": ISSUER + "/acme"}, "token_issuer", id="case 122: an enterprise's own"),
        pytest.param({"iss": ISSUER.replace("https", "http")}, "token_issuer", id="case 122: http"),
        pytest.param({"iss": "https://evil@" + ISSUER[8:]}, "token_issuer", id="case 122: userinfo"),
        pytest.param({"iss": ISSUER.replace("a", "а")}, "token_issuer", id="case 122: a homoglyph"),
        pytest.param({"iss": None}, "token_issuer", id="case 122: none"),
        pytest.param({"aud": "https://github.com/acme"}, "token_audience", id="case 123: the default one"),
        pytest.param({"aud": [AUDIENCE]}, "token_audience", id="case 123: a list"),
        pytest.param({"aud": AUDIENCE + "/"}, "token_audience", id="case 123: another instance"),
        pytest.param({"aud": None}, "token_audience", id="case 123: none"),
        pytest.param({"exp": SECONDS - 30, "iat": SECONDS - 330}, "token_expired", id="case 124: expired"),
        pytest.param({"exp": str(SECONDS + 270)}, "token_times", id="case 124: exp as text"),
        pytest.param({"exp": SECONDS + 270.5}, "token_times", id="case 124: a broken number"),
        pytest.param({"exp": True}, "token_times", id="case 124: a truth value"),
        pytest.param({"exp": SECONDS + 10 * 365 * 86_400}, "token_times", id="case 124: ten years"),
        pytest.param({"exp": SECONDS - 40}, "token_times", id="case 124: ended before it began"),
        pytest.param({"exp": None}, "token_times", id="case 124: endless"),
        pytest.param({"nbf": SECONDS + 31}, "token_times", id="case 124: not yet"),
        pytest.param({"nbf": None}, "token_times", id="case 124: no nbf"),
        pytest.param({"iat": SECONDS + 31}, "token_times", id="case 124: issued tomorrow"),
        pytest.param({"iat": None}, "token_times", id="case 124: no iat"),
        pytest.param({"jti": ""}, "token_claims", id="case 125: an empty jti"),
        pytest.param({"jti": None}, "token_claims", id="case 125: no jti"),
        pytest.param({"jti": 7}, "token_claims", id="case 125: a number"),
        pytest.param({"sub": None}, "token_claims", id="no sub"),
        pytest.param({"repository_id": "071"}, "token_claims", id="case 134: a leading zero"),
        pytest.param({"repository_id": 71}, "token_claims", id="a number for a text"),
        pytest.param({"repository_id": "٧١"}, "token_claims", id="Arabic digits"),
        pytest.param({"repository_owner_id": None}, "token_claims", id="case 135: no owner"),
        pytest.param({"repository_owner": "evil"}, "token_claims", id="another owner"),
        pytest.param({"repository": "acme/greeter/x"}, "token_claims", id="no name of a repository"),
        pytest.param({"repository": "acme/other"}, "token_foreign_workflow", id="another repository's file"),
        pytest.param({"run_id": "0"}, "token_claims", id="no run"),
        pytest.param({"run_attempt": None}, "token_claims", id="no attempt"),
        pytest.param({"sha": "D" * 40}, "token_claims", id="upper case"),
        pytest.param({"sha": "d" * 39}, "token_claims", id="too short a commit"),
        pytest.param({"event_name": "Push"}, "token_claims", id="no event"),
        pytest.param({"ref": "main"}, "token_claims", id="case 132: a short ref"),
        pytest.param({"ref": "refs/heads/a b"}, "token_claims", id="case 132: a blank"),
        pytest.param({"ref_type": "tag"}, "token_claims", id="case 132: a branch that says it is a tag"),
        pytest.param(
            {"ref": "refs/tags/main"}, "token_claims", id="case 132: a tag that says it is a branch"
        ),
        pytest.param({"environment": ""}, "token_claims", id="an empty environment"),
        pytest.param({"environment": "a\nb"}, "token_claims", id="two lines"),
        pytest.param({"environment": "\ud800"}, "token_claims", id="no character"),
        pytest.param({"environment": "e" * 256}, "token_claims", id="too long"),
        pytest.param({"sub": "s" * 1025}, "token_claims", id="a long claim"),
        pytest.param({"runner_environment": "my own"}, "token_claims", id="another runner"),
        pytest.param(
            {"job_workflow_ref": "evil/x/.github/workflows/deploy.yml@refs/heads/main"},
            "token_foreign_workflow",
            id="case 133: a reusable workflow of somebody else",
        ),
        pytest.param(
            {"job_workflow_ref": "acme/greeter/.github/workflows/a/b.yml@refs/heads/main"},
            "token_foreign_workflow",
            id="case 133: a folder below",
        ),
        pytest.param(
            {"job_workflow_ref": "acme/greeter/.github/workflows/deploy.yml"},
            "token_foreign_workflow",
            id="case 133: no ref",
        ),
        pytest.param({"workflow_ref": None}, "token_claims", id="case 133: no file of the run"),
    ],
)
def test_one_claim_that_differs_is_enough(changed: dict[str, Any], code: str) -> None:
    assert read(token(**changed)) == code


def test_the_branch_of_a_file_begins_after_its_first_at() -> None:
    """Case 132: a branch may be called like a file."""
    sly = "acme/greeter/.github/workflows/evil.yml@refs/heads/deploy.yml@refs/heads/main"
    found = verify(token(job_workflow_ref=sly), EXPECTED, KEYS, NOW)
    assert isinstance(found, VerifiedClaims)
    assert found.job_workflow == WorkflowFile("evil.yml", "refs/heads/deploy.yml@refs/heads/main")


def test_clocks_may_be_thirty_seconds_apart() -> None:
    assert read(token(exp=SECONDS - 29)) == "accepted"
    assert read(token(iat=SECONDS + 30, nbf=SECONDS + 30)) == "accepted"


def hostile_tokens() -> dict[str, tuple[str | None, str]]:
    header, body, signature = token().split(".")
    elliptic = ec.generate_private_key(ec.SECP256R1())
    return {
        "none at all": (None, "token_missing"),
        "empty": ("", "token_missing"),
        "case 121: five megabytes": ("a" * 5_000_000, "token_too_long"),
        "case 121: two segments": (f"{header}.{body}", "token_malformed"),
        "case 121: four": (f"{header}.{body}.{signature}.{signature}", "token_malformed"),
        "case 121: five, as encrypted ones have": (".".join([header] * 5), "token_malformed"),
        "no signature": (f"{header}.{body}.", "token_malformed"),
        "padding": (f"{header}=.{body}.{signature}", "token_malformed"),
        "one character of base64": (f"a.{body}.{signature}", "token_malformed"),
        "no JSON": (f"{segment(b'x')}.{body}.{signature}", "token_malformed"),
        "a list": (f"{segment([1])}.{body}.{signature}", "token_malformed"),
        "deep": (f"{segment(b'[' * 9_000)}.{body}.{signature}", "token_malformed"),
        "case 120: alg none": (f"{segment({'alg': 'none'})}.{body}.{signature}", "token_algorithm"),
        "case 120: HS256 with the public key": (
            _hmac(PEM),
            "token_algorithm",
        ),
        "case 120: an HMAC below RS256": (f"{header}.{body}.{_hmac(PEM).split('.')[2]}", "token_signature"),
        "case 120: PS256": (
            jwt.encode(dict(CLAIMS), private_key(), "PS256", headers={"kid": KID}),
            "token_algorithm",
        ),
        "case 120: ES256": (
            jwt.encode(dict(CLAIMS), elliptic, "ES256", headers={"kid": KID}),
            "token_algorithm",
        ),
        **{
            f"case 120: {name} in the header": (
                signed({"alg": "RS256", "kid": KID, name: value}),
                "token_algorithm",
            )
            for name, value in (
                ("jwk", {"kty": "RSA"}),
                ("jku", "https://evil.example/jwks"),
                ("x5u", "https://evil.example/x5u"),
                ("crit", ["exp"]),
                ("b64", False),
            )
        },
        "case 121: a key of the header twice": (
            signed(b'{"alg":"none","alg":"RS256","kid":"9F1A"}'),
            "token_malformed",
        ),
        "case 126: a claim twice": (
            signed({"alg": "RS256", "kid": KID}, json.dumps(CLAIMS)[:-1].encode() + b',"run_id":"78"}'),
            "token_malformed",
        ),
        "not a number": (signed({"alg": "RS256", "kid": KID}, b'{"exp":NaN}'), "token_malformed"),
        "a payload that is no object": (signed({"alg": "RS256", "kid": KID}, [1]), "token_malformed"),
        "case 127: no kid": (signed({"alg": "RS256"}), "token_key_unknown"),
        "case 127: a dictionary": (signed({"alg": "RS256", "kid": {"a": 1}}), "token_key_unknown"),
        "case 127: a path": (signed({"alg": "RS256", "kid": "../../etc/passwd"}), "token_key_unknown"),
        "another key of the same name": (token(number=1), "token_signature"),
        "claims exchanged": (
            f"{header}.{segment({**CLAIMS, 'run_id': '78'})}.{signature}",
            "token_signature",
        ),
    }


def _hmac(secret: bytes) -> str:
    """PyJWT itself refuses to sign so."""
    algorithm = jwt.get_algorithm_by_name("HS256")
    text = f"{segment({'alg': 'HS256', 'kid': KID})}.{segment(CLAIMS)}"
    return f"{text}.{segment(algorithm.sign(text.encode(), secret))}"


@pytest.mark.parametrize("name", sorted(hostile_tokens()))
def test_a_token_that_the_issuer_did_not_give_is_refused(name: str) -> None:
    unverified, code = hostile_tokens()[name]
    assert read(unverified) == code


def test_without_keys_nothing_is_believed() -> None:
    assert read(token(), keys={}) == "token_key_unknown"


def test_each_of_ten_thousand_changes_of_a_token_is_refused() -> None:
    """Characters exchanged, left out, doubled, put elsewhere; a change that is none is not counted."""
    chance, good, tried = random.Random(20_260_302), token(), 0  # noqa: S311 - repeatable, no secret
    alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
    payload = good.rsplit(".", 1)[0]
    while tried < 10_000:
        at, to = chance.randrange(len(good)), chance.randrange(len(good))
        other = chance.choice(alphabet)
        changed = chance.choice(
            [
                good[:at] + other + good[at + 1 :],
                good[:at] + good[at + 1 :],
                good[:at] + good[at] * 2 + good[at + 1 :],
                good[: min(at, to)] + good[max(at, to) :],
                good[:at] + good[to] + good[at:],
            ]
        )
        if changed == good or (changed.rsplit(".", 1)[0] == payload and _same_bytes(changed, good)):
            continue
        assert read(changed) != "accepted", changed
        tried += 1


def _same_bytes(one: str, other: str) -> bool:
    """The last character of a signature has bits that say nothing."""
    pads = [each.rsplit(".", 1)[1] for each in (one, other)]
    try:
        raw = [base64.urlsafe_b64decode(each + "=" * (-len(each) % 4)) for each in pads]
    except ValueError:
        return False
    return raw[0] == raw[1]


def test_claims_are_made_by_verification_alone() -> None:
    found = verify(token(), EXPECTED, KEYS, NOW)
    assert isinstance(found, VerifiedClaims)
    values = [getattr(found, name) for name in found.__slots__]
    with pytest.raises(TypeError, match="verify only"):
        VerifiedClaims(*values[:-1], object())  # type: ignore[arg-type]  # as somebody else would
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="verify the token again"):
            copied(found)
    assert "acme" not in repr(found)


def test_no_refusal_repeats_what_was_sent() -> None:
    assert len({refusal.code for refusal in REFUSALS}) == len(REFUSALS)
    assert verify(token(iss="x"), EXPECTED, KEYS, NOW + timedelta(days=1)) in REFUSALS
