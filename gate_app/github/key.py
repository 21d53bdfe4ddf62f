"""The App's private key: parsed once, then it signs the App's word and does nothing else.

Rules of the file: shown to nobody, no repr, log or fault carries a key or a JWT (cases 149, 218); parsing costs
55 ms of CPU and signing 0.6 ms (github-facts, section 7), so whoever signs holds a parsed key. Imports neither
PyGithub nor anything of ours but the faults.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gate_app.errors import ConfigurationFault

ISSUED_BEFORE: Final = timedelta(seconds=60)
"""GitHub's advice against clock drift: `iat` a minute in the past."""
JWT_LIFE: Final = timedelta(minutes=5)
"""GitHub allows ten; half of it leaves room for a clock that is ahead."""
MIN_KEY_BITS: Final = 2_048
MAX_KEY_CHARS: Final = 16_384


class AppKey:
    """The App's private key, parsed. It signs and does nothing else."""

    __slots__ = ("_key",)

    def __init__(self, key: RSAPrivateKey) -> None:
        self._key = key

    @staticmethod
    def parse(pem: str) -> AppKey:
        """Raises ConfigurationFault, without a trace of the key, when it is not an RSA key in PEM form."""
        try:
            key = load_pem_private_key(pem[:MAX_KEY_CHARS].encode(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ConfigurationFault(
                "the App's private key is no unencrypted PEM; download it anew"
            ) from None
        if not isinstance(key, RSAPrivateKey) or key.key_size < MIN_KEY_BITS:
            raise ConfigurationFault(f"the App's private key is not RSA of at least {MIN_KEY_BITS} bits")
        return AppKey(key)

    def signed(self, issuer: str, now: datetime) -> str:
        """The App's JWT, RS256 (GitHub docs: generating a JWT for a GitHub App; case 148)."""
        claims = {
            "iat": int((now - ISSUED_BEFORE).timestamp()),
            "exp": int((now + JWT_LIFE).timestamp()),
            "iss": issuer,
        }
        return jwt.encode(claims, self._key, algorithm="RS256")

    def __repr__(self) -> str:
        return "AppKey(…)"
