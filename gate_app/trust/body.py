"""What may be believed: the bytes of a delivery, and which door they came in by.

Rules of the file: a `VerifiedBody` is made by `signature.verify` and by `fetched.attest`, each with a rule of its
own, and by nothing else; a test on the syntax tree keeps `sealed` to these two.
"""

from enum import StrEnum
from typing import Final, NoReturn, final

_SEAL: Final = object()


class Provenance(StrEnum):
    """Why a body is believed; stored with it."""

    WEBHOOK = "webhook"
    """GitHub signed exactly these bytes."""
    DELIVERIES_API = "deliveries_api"
    """GitHub gave them out when we asked as the App."""
    JOB_TOKEN = "job_token"  # noqa: S105 - the name of a door
    """We wrote them ourselves, of what GitHub's token says of the job that called (`oidc`)."""


@final
class VerifiedBody:
    """The bytes of a delivery that a door of this room let in. See `raw` and `provenance`."""

    __slots__ = ("_provenance", "_raw")
    _raw: bytes
    _provenance: Provenance

    def __init__(self, raw: bytes, provenance: Provenance, *, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("a VerifiedBody is made by trust.signature.verify and trust.fetched.attest only")
        object.__setattr__(self, "_raw", raw)
        object.__setattr__(self, "_provenance", provenance)

    @property
    def raw(self) -> bytes:
        """The bytes exactly as they were received and signed, or as they were fetched."""
        return self._raw

    @property
    def provenance(self) -> Provenance:
        """The door."""
        return self._provenance

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a VerifiedBody cannot be changed")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a VerifiedBody cannot be copied or pickled: verify the bytes again")

    def __repr__(self) -> str:
        return f"<VerifiedBody of {len(self._raw)} bytes>"


def sealed(raw: bytes, provenance: Provenance) -> VerifiedBody:
    """For the two doors of this room alone."""
    return VerifiedBody(raw, provenance, seal=_SEAL)
