"""The issuer of job tokens: what it publishes, where jobs get theirs, and how a test becomes a job."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from gate_app.standin import job_tokens, workflow_runs
from gate_app.standin.face import access
from gate_app.standin.face import control_bodies as given
from gate_app.standin.face.guard import guard
from gate_app.standin.face.setup_routes import named

NAME = "issuer"
routes = Blueprint(NAME, __name__)


@routes.get(f"{job_tokens.PATH}/.well-known/jwks")
def keys() -> ResponseReturnValue:
    """The keys that tokens are signed with."""
    with access.state().transaction() as tx:
        return job_tokens.published(tx)


@routes.get(f"{job_tokens.PATH}/.well-known/openid-configuration")
def configuration() -> ResponseReturnValue:
    """What the issuer says of itself."""
    with access.state().transaction() as tx:
        issuer = job_tokens.issuer(tx)
    return {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/.well-known/jwks",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public", "pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }


@routes.get(f"{job_tokens.PATH}/job")
def token() -> ResponseReturnValue:
    """A new token for the job that asks."""
    credential = request.headers.get("Authorization", "").removeprefix("Bearer ").removeprefix("bearer ")
    with access.state().transaction() as tx:
        audience = request.args.get("audience", "https://github.com")
        return {"count": 1, "value": job_tokens.exchange(tx, credential, audience)}


@routes.post("/_standin/repositories/<owner>/<name>/runs/<int:identifier>/jobs/<job>")
def become(owner: str, name: str, identifier: int, job: str) -> ResponseReturnValue:
    """What a job of a workflow run finds in its environment."""
    guard()
    changed = access.body(given.JobClaims).claims
    with access.state().transaction() as tx:
        repository = named(tx, owner, name)
        run = workflow_runs.require(tx, repository, identifier)
        claims = job_tokens.claims_of(tx, repository, run, job, changed)
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{tx.url}{job_tokens.PATH}/job?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": job_tokens.credential(tx, claims),
        }, 201
