"""The keys of the issuer of job tokens: read from what it publishes, kept, and asked for again rarely.

Rules of this file: where the keys are is configured, never told by a token; the last good ones serve while the issuer
cannot be reached, for a bounded time; an empty or broken answer is no answer and is never kept; whatever calls come in,
the issuer is asked at most once a minute (cases 127, 128).
"""

import json
import threading
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from gate_app.trust.bounds import MAX_KEY_SET_BYTES, MAX_KEYS, MIN_KEY_BITS

REFRESH_SECONDS: Final = 60.0
"""Between two questions to the issuer, answered or not."""
FRESH_SECONDS: Final = 3_600.0
"""After this the keys are asked for again, should there be a call."""
KEPT_SECONDS: Final = 86_400.0
"""After this they are not believed any more (case 128)."""
MAX_KID_CHARS: Final = 256

Fetch = Callable[[], bytes]
"""What the issuer publishes now. Raises OSError when it cannot be had."""


def read_keys(document: bytes) -> dict[str, RSAPublicKey]:
    """The RSA keys of a JSON Web Key Set that sign, by `kid`; none for a document that is no such set.

    A key that is of another kind, too short or published twice is left out.
    """
    if len(document) > MAX_KEY_SET_BYTES:
        return {}
    try:
        found = json.loads(document)
        listed = found["keys"]
    except (ValueError, RecursionError, TypeError, KeyError):
        return {}
    if not isinstance(listed, list) or len(listed) > MAX_KEYS:
        return {}
    named = [(each.get("kid"), _key(each)) for each in listed if isinstance(each, dict)]
    known = [(kid, key) for kid, key in named if isinstance(kid, str) and 0 < len(kid) <= MAX_KID_CHARS]
    kids = [kid for kid, _ in known]
    return {kid: key for kid, key in known if key is not None and kids.count(kid) == 1}


def _key(entry: dict[str, object]) -> RSAPublicKey | None:
    if entry.get("kty") != "RSA" or entry.get("use", "sig") != "sig" or entry.get("alg", "RS256") != "RS256":
        return None
    try:
        modulus, exponent = (_number(entry[name]) for name in ("n", "e"))
        key = RSAPublicNumbers(exponent, modulus).public_key()
    except (ValueError, TypeError, KeyError):
        return None
    return key if key.key_size >= MIN_KEY_BITS else None


def _number(text: object) -> int:
    if not isinstance(text, str):
        raise TypeError("no text")
    return int.from_bytes(urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


class Keyring:
    """The issuer's keys as last read. `monotonic` gives seconds. May be used by several threads."""

    def __init__(self, fetch: Fetch, monotonic: Callable[[], float]) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._keys: Mapping[str, RSAPublicKey] = {}
        self._read_at = self._asked_at = float("-inf")
        self._asking = False

    def keys(self) -> Mapping[str, RSAPublicKey]:
        """What to verify with; read anew when it is old. Empty when nothing is known that may be believed."""
        if self._monotonic() - self._read_at > FRESH_SECONDS:
            self.refresh()
        with self._lock:
            return self._keys if self._monotonic() - self._read_at <= KEPT_SECONDS else {}

    def refresh(self) -> bool:
        """Asks the issuer, unless that was done within the last minute. Whether there are keys that were just read.

        One caller at a time asks; nobody waits for it, so that a slow issuer holds one thread and no more.
        """
        with self._lock:
            now = self._monotonic()
            if now - self._asked_at < REFRESH_SECONDS:
                return False
            if self._asking:
                return False
            self._asked_at, self._asking = now, True
        found: Mapping[str, RSAPublicKey] = {}
        try:
            found = read_keys(self._fetch())
        except OSError:
            return False
        finally:
            self._asked(found)
        return bool(found)

    def _asked(self, found: Mapping[str, RSAPublicKey]) -> None:
        with self._lock:
            self._asking = False
            if not found:
                return
            self._keys, self._read_at = found, self._monotonic()
