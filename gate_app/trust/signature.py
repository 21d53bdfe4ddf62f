"""The webhook signature: the only door through which bytes from the network become believable.

Rules of this file:
* `verify` is the only maker of a `VerifiedBody`; whoever holds one holds bytes that GitHub signed.
* The HMAC is computed over the raw bytes as received, never over anything parsed (case 5).
* Comparison is constant-time and on bytes; every configured secret is tried (cases 3, 4, 7).
* Neither a secret nor a signature, received or computed, reaches a message, a log or a `repr` (case 8).
"""

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NoReturn, final

from gate_app.trust.bounds import MAX_SECRETS, MIN_SECRET_BYTES, MIN_SECRET_DISTINCT_BYTES

SIGNATURE_HEADER: Final = "X-Hub-Signature-256"

_SIGNATURE: Final = re.compile(r"sha256=([0-9a-f]{64})", re.ASCII)
_PLACEHOLDERS: Final = (b"changeme", b"change-me", b"change_me", b"placeholder", b"your-", b"your_")
_SEAL: Final = object()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is not accepted: a stable code for machines and what the sender can do about it."""

    code: str
    fix: str


class WeakSecretError(ValueError):
    """A webhook secret that would authenticate anybody; the process must not start with it (case 6)."""


@final
class VerifiedBody:
    """The raw bytes of a delivery whose signature was checked. Made by `verify` and nothing else."""

    __slots__ = ("_raw",)
    _raw: bytes

    def __init__(self, raw: bytes, *, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("a VerifiedBody is made by trust.signature.verify only")
        object.__setattr__(self, "_raw", raw)

    @property
    def raw(self) -> bytes:
        """The bytes exactly as they were received and signed."""
        return self._raw

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a VerifiedBody cannot be changed")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a VerifiedBody cannot be copied or pickled: verify the bytes again")

    def __repr__(self) -> str:
        return f"<VerifiedBody of {len(self._raw)} bytes>"


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
    return VerifiedBody(raw, seal=_SEAL) if any(matches) else SIGNATURE_MISMATCH


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
