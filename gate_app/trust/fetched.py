"""The other door: a delivery that we fetched from GitHub ourselves, because it did not reach us.

Rules of the file:
* Nobody signed these bytes: GitHub's API gives a payload out as parsed JSON. They are believed because *we* asked, at
  the configured origin, with the App's own credential, for a delivery of the App's own hook. Whoever calls `attest`
  vouches for that; there is one caller, and a test keeps it so.
* What the record says about itself has to agree: a hook of another App, or of a repository, is not ours (case 14).
* The bounds are those of webhooks.
"""

from dataclasses import dataclass, field
from typing import Final

from gate_app.trust.body import Provenance, VerifiedBody, sealed
from gate_app.trust.bounds import MAX_BODY_BYTES
from gate_app.trust.signature import Refusal

TARGET_FOREIGN: Final = Refusal("target_foreign", "this delivery was for the hook of somebody else")
FETCHED_TOO_LARGE: Final = Refusal("fetched_too_large", "GitHub never sends more than 25 MB")
APP_TARGET: Final = "integration"


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the App's deliveries API answered. The target is empty where the record names none (older GHES)."""

    target_type: str
    target_id: str
    body: bytes = field(repr=False)


def attest(fetched: Fetched, app_id: int) -> VerifiedBody | Refusal:
    """The body of a delivery of our own hook, or why it is not one.

    The target is what GitHub sent as `X-GitHub-Hook-Installation-Target-Type` and `-ID` (docs: webhook headers).
    """
    named = (fetched.target_type, fetched.target_id)
    if named not in (("", ""), (APP_TARGET, str(app_id))):
        return TARGET_FOREIGN
    if len(fetched.body) > MAX_BODY_BYTES:
        return FETCHED_TOO_LARGE
    return sealed(fetched.body, Provenance.DELIVERIES_API)
