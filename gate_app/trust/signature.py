"""The webhook signature: the only door through which bytes that somebody sends us become believable.

Rules of this file:
* `verify` makes a `VerifiedBody` of bytes that GitHub signed, and of nothing else.
* The HMAC is computed over the raw bytes as received, never over anything parsed (case 5).
* Comparison is constant-time and on bytes; every configured secret is tried (cases 3, 4, 7).
* Neither a secret nor a signature, received or computed, reaches a message, a log or a `repr` (case 8).
"""

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gate_app.trust.body import Provenance, VerifiedBody, sealed
from gate_app.trust.bounds import MAX_SECRETS, MIN_SECRET_BYTES, MIN_SECRET_DISTINCT_BYTES

SIGNATURE_HEADER: Final = "X-Hub-Signature-256"

_SIGNATURE: Final = re.compile(r"sha256=([0-9a-f]{64})", re.ASCII)
_PLACEHOLDERS: Final = (b"changeme", b"change-me", b"change_me", b"placeholder", b"your-", b"your_")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is not accepted: a stable code for machines and what the sender can do about it."""

    code: str
    fix: str


class WeakSecretError(ValueError):
    """A webhook secret that would authenticate anybody; the process must not start with it (case 6)."""


SIGNATURE_MISSING: Final = Refusal(
    "signature_missing", "set a webhook secret in the App's settings; only X-Hub-Signature-256 is read"
)
SIGNATURE_MALFORMED: Final = Refusal(
    "signature_malformed", "send X-Hub-Signature-256 once: sha256= and 64 lower-case hex digits"
)
SIGNATURE_MISMATCH: Final = Refusal(
    "signature_mismatch", "use the same webhook secret in the App's settings and in the configuration"
)


def accept_secrets(secrets: Sequence[bytes]) -> tuple[bytes, ...]:
    """The configured secrets, newest first, or a fault that keeps the process from starting.

    Raises `WeakSecretError` when there is none, there are more than `MAX_SECRETS`, or one of them is short,
    monotonous or a placeholder (case 6). The message names the position of the secret, never its value.
    """
    if not 1 <= len(secrets) <= MAX_SECRETS:
        raise WeakSecretError(f"configure 1 to {MAX_SECRETS} webhook secrets, not {len(secrets)}")
    for position, secret in enumerate(secrets, start=1):
        if weakness := _weakness(secret):
            raise WeakSecretError(f"webhook secret {position} {weakness}; generate one of 32 random bytes")
    return tuple(secrets)


def verify(raw: bytes, header: str | None, secrets: Sequence[bytes]) -> VerifiedBody | Refusal:
    """Whether one of `secrets` signed exactly these bytes (GitHub docs: validating webhook deliveries).

    `header` is the value of `X-Hub-Signature-256`, `None` when it was not sent. A header sent twice
    arrives joined by a comma and is malformed (case 4). A secret shorter than `MIN_SECRET_BYTES` never
    validates anything, the empty one included (case 6). Every secret is tried, whichever matches.
    """
    if not header:
        return SIGNATURE_MISSING
    claimed = _SIGNATURE.fullmatch(header)
    if claimed is None:
        return SIGNATURE_MALFORMED
    digest = bytes.fromhex(claimed[1])
    matches = [hmac.compare_digest(hmac.digest(secret, raw, "sha256"), digest) for secret in _usable(secrets)]
    return sealed(raw, Provenance.WEBHOOK) if any(matches) else SIGNATURE_MISMATCH


def _usable(secrets: Sequence[bytes]) -> list[bytes]:
    return [secret for secret in secrets if len(secret) >= MIN_SECRET_BYTES]


def _weakness(secret: bytes) -> str:
    if len(secret) < MIN_SECRET_BYTES:
        return f"is shorter than {MIN_SECRET_BYTES} bytes"
    if len(set(secret)) < MIN_SECRET_DISTINCT_BYTES:
        return "repeats a few characters"
    if any(word in secret.lower() for word in _PLACEHOLDERS):
        return "is a placeholder"
    return ""
