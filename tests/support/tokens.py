"""Tokens of jobs, signed with keys that are made once."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from gate_app.trust.oidc import Expectations

ISSUER = "https://token.actions.githubusercontent.com"
AUDIENCE = "https://gate.example"
EXPECTED = Expectations(ISSUER, AUDIENCE)
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
KID = "9F1A"
FILE = "acme/greeter/.github/workflows/deploy.yml@refs/heads/main"

CLAIMS: Mapping[str, Any] = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "exp": SECONDS + 270,
    "nbf": SECONDS - 630,
    "iat": SECONDS - 30,
    "jti": "0d2a2b4c-1111-4222-8333-444455556666",
    "sub": "repo:acme/greeter:environment:staging",
    "repository": "acme/greeter",
    "repository_id": "71",
    "repository_owner": "acme",
    "repository_owner_id": "9",
    "repository_visibility": "private",
    "run_id": "77",
    "run_number": "5",
    "run_attempt": "1",
    "actor": "maintainer",
    "actor_id": "102",
    "workflow": "Deploy",
    "workflow_ref": FILE,
    "workflow_sha": "d" * 40,
    "job_workflow_ref": FILE,
    "job_workflow_sha": "d" * 40,
    "event_name": "workflow_dispatch",
    "ref": "refs/heads/main",
    "ref_type": "branch",
    "ref_protected": "true",
    "head_ref": "",
    "base_ref": "",
    "sha": "d" * 40,
    "environment": "staging",
    "runner_environment": "github-hosted",
}
"""What GitHub says of the job of `deploy.yml` on the default branch."""


def private_key(bits: int = 2048, number: int = 0) -> RSAPrivateKey:
    """A key; another `number` is another one."""
    return _made(bits, number)


@cache
def _made(bits: int, number: int) -> RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def token(claims: Mapping[str, Any] | None = None, *, number: int = 0, **changed: Any) -> str:
    """A signed token; a claim that is None is left out."""
    said = {**(CLAIMS if claims is None else claims), **changed}
    kept = {name: value for name, value in said.items() if value is not None}
    return jwt.encode(kept, private_key(number=number), "RS256", headers={"kid": KID})


def number(value: int) -> str:
    """A number as a key set has it."""
    return base64.urlsafe_b64encode(value.to_bytes(-(-value.bit_length() // 8), "big")).rstrip(b"=").decode()


def key_entry(bits: int = 2048, **changed: Any) -> dict[str, Any]:
    """What an issuer publishes of its key."""
    numbers = private_key(bits).public_key().public_numbers()
    known = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": KID, "n": number(numbers.n), "e": "AQAB"}
    return {name: value for name, value in {**known, **changed}.items() if value is not None}
