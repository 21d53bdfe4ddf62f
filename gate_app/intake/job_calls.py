"""Calls of jobs: the same rows, by the same writer, as webhooks, so that the engine alone decides.

Rules of the file: a call becomes a row only with the claims of its verified token, and the row's id is made of the
token's own name: a token is good for one call (case 125). What the token itself was is in no row. No webhook can pass
for a call: the event's name has a character that no header may bring (`request.EVENT`).
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Final

from gate_app.intake.delivery import Delivery
from gate_app.trust.body import Provenance
from gate_app.trust.oidc import VerifiedClaims

JOB_CALL: Final = "job.call"
"""The event of such a row; what the job wants is its action."""


def fingerprint(secret: str) -> str:
    """What is kept of a secret that a job holds: SHA-256, in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def delivery_of_call(
    claims: VerifiedClaims, want: str, asked: Mapping[str, str], ticket: str, received_at: int
) -> Delivery:
    """The row of a call. `asked` is what the job said, `ticket` the fingerprint of what it fetches its answer with,
    `received_at` in milliseconds since the epoch.
    """
    body = json.dumps(
        {
            "want": want,
            "ticket": ticket,
            "environment": asked.get("environment", ""),
            "gate": asked.get("gate", ""),
            "outcome": asked.get("outcome", ""),
            "job": {
                "repository_id": claims.repository_id,
                "owner_id": claims.owner_id,
                "repository": claims.repository,
                "run_id": claims.run_id,
                "attempt": claims.attempt,
                "workflow": claims.job_workflow.name,
                "workflow_ref": claims.job_workflow.ref,
                "called_from": claims.workflow.name,
                "called_from_ref": claims.workflow.ref,
                "event": claims.event,
                "run_ref": claims.ref,
                "sha": claims.sha,
                "environment": claims.environment,
                "key": fingerprint(asked["key"]) if asked.get("key") else "",
            },
        },
        sort_keys=True,
        separators=(",", ":"),
    ).encode()
    return Delivery(
        delivery_id=f"job-{fingerprint(claims.jti)}",
        event=JOB_CALL,
        action=want,
        installation_id=None,
        repository_id=claims.repository_id,
        body=body,
        body_sha256=hashlib.sha256(body).hexdigest(),
        received_at=received_at,
        provenance=Provenance.JOB_TOKEN,
    )
