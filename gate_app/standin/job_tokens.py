"""OIDC tokens of jobs: the issuer of GitHub Actions, with a key of its own and all of GitHub's claims.

A job that may (`permissions: id-token: write`) finds an address and a credential in its environment
(`ACTIONS_ID_TOKEN_REQUEST_URL` and `..._TOKEN`), and gets a new token there for any audience it names,
as long as it runs. The credential is here a token of the same key for another audience: the issuer keeps nothing but
the key. Source: GitHub docs, "OpenID Connect reference".
"""

from __future__ import annotations

import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwt.types import Options

from gate_app.standin import people, repositories, settings, workflows
from gate_app.standin.errors import GitHubError
from gate_app.standin.repositories import Repository
from gate_app.standin.state import JsonObject, Transaction
from gate_app.standin.workflow_runs import WorkflowRun

PATH = "/_services/token"
LIFETIME = timedelta(minutes=5)
BEFORE = timedelta(minutes=10)
"""GitHub's tokens are good from some time before they were issued."""
JOB_TIME = timedelta(hours=6)
KEY_BITS = 2048
RUNNER = "runner"


@dataclass(frozen=True)
class IssuerKey:
    """The private key of the issuer, in PEM; made when it is first needed."""

    pem: str


def issuer(tx: Transaction) -> str:
    """Who the tokens say they are of, and where its keys are found."""
    return f"{tx.url}{PATH}"


def _key(tx: Transaction) -> RSAPrivateKey:
    known = settings.read(tx, IssuerKey, "issuer_key")
    if known is None:
        made = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        pem = made.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        known = IssuerKey(pem.decode())
        settings.write(tx, "issuer_key", known)
    key = serialization.load_pem_private_key(known.pem.encode(), None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("the issuer's key is no RSA key")
    return key


def _kid(key: RSAPrivateKey) -> str:
    return f"{key.public_key().public_numbers().n:x}"[:40].upper()


def published(tx: Transaction) -> JsonObject:
    """The JSON Web Key Set."""
    key = _key(tx)
    numbers = key.public_key().public_numbers()
    parts = {"n": numbers.n, "e": numbers.e}
    return {
        "keys": [
            {
                "kty": "RSA",
                "use": "sig",
                "alg": "RS256",
                "kid": _kid(key),
                **{name: _base64(number) for name, number in parts.items()},
            }
        ]
    }


def _base64(number: int) -> str:
    raw = number.to_bytes(-(-number.bit_length() // 8), "big")
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def credential(tx: Transaction, claims: Mapping[str, object]) -> str:
    """What a job asks for its tokens with."""
    now = tx.instant
    times = {"iat": int(now.timestamp()), "exp": int((now + JOB_TIME).timestamp())}
    key = _key(tx)
    return jwt.encode({**claims, **times, "aud": RUNNER}, key, "RS256", headers={"kid": _kid(key)})


def exchange(tx: Transaction, given: str, audience: str) -> str:
    """A new token for the job that holds the credential. 401 for anybody else."""
    key = _key(tx)
    try:
        times: Options = {"verify_exp": False, "verify_iat": False}  # the stand-in has a clock of its own
        claims = jwt.decode(given, key.public_key(), ["RS256"], audience=RUNNER, options=times)
    except jwt.InvalidTokenError:
        claims = {}
    if not claims or claims["exp"] <= tx.instant.timestamp():
        raise GitHubError(401, "no job has this credential")
    return mint(tx, claims, audience)


def mint(tx: Transaction, claims: Mapping[str, object], audience: str) -> str:
    """A token with these claims, for this audience, good for five minutes."""
    now, key = tx.instant, _key(tx)
    times = {
        "nbf": int((now - BEFORE).timestamp()),
        "iat": int(now.timestamp()),
        "exp": int((now + LIFETIME).timestamp()),
    }
    named = {"iss": issuer(tx), "aud": audience, "jti": str(uuid.uuid4()), **times}
    return jwt.encode({**claims, **named}, key, "RS256", headers={"kid": _kid(key)})


def claims_of(
    tx: Transaction, repository: Repository, run: WorkflowRun, job: str, changed: Mapping[str, object]
) -> dict[str, object]:
    """What GitHub says of a job of a run, with what a test changes in it. 403 for a job that may have no token."""
    workflow = workflows.by_id(tx, run.workflow_id)
    found = workflows.definition(repositories.git(tx, repository), run.head_sha, workflow.path)
    known = next((each for each in found.jobs if each.key == job), None)
    if known is None or not known.id_token:
        raise GitHubError(403, f"no job {job} with the permission id-token: write")
    owner, actor = people.by_id(tx, repository.owner_id), people.by_id(tx, run.actor_id)
    full_name, ref = f"{owner.login}/{repository.name}", f"refs/heads/{run.head_branch}"
    file = f"{full_name}/{workflow.path}@{ref}"
    environment = known.environment_for(run.inputs)
    claims: dict[str, object] = {
        "sub": f"repo:{full_name}:" + (f"environment:{environment}" if environment else f"ref:{ref}"),
        "repository": full_name,
        "repository_id": str(repository.id),
        "repository_owner": owner.login,
        "repository_owner_id": str(owner.id),
        "repository_visibility": "private" if repository.private else "public",
        "run_id": str(run.id),
        "run_number": str(run.number),
        "run_attempt": str(run.attempt),
        "actor": actor.login,
        "actor_id": str(actor.id),
        "workflow": run.name,
        "workflow_ref": file,
        "workflow_sha": run.head_sha,
        "job_workflow_ref": file,
        "job_workflow_sha": run.head_sha,
        "event_name": "workflow_dispatch",
        "ref": ref,
        "ref_type": "branch",
        "ref_protected": "false",
        "head_ref": "",
        "base_ref": "",
        "sha": run.head_sha,
        "runner_environment": "github-hosted",
        **({"environment": environment} if environment else {}),
    }
    return {name: value for name, value in {**claims, **changed}.items() if value is not None}
