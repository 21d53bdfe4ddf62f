"""The issuer's published keys over HTTP: one configured address, a short patience, a bounded answer.

Rules of this file: no redirect is followed, no proxy or credential of the surroundings is used, certificates are
verified; whatever goes wrong is an OSError (case 128).
"""

import http.client
import ssl
from typing import Final
from urllib.parse import urlsplit

from gate_app.trust.bounds import MAX_KEY_SET_BYTES

PATIENCE_SECONDS: Final = 5.0
PATH: Final = "/.well-known/jwks"


class KeySet:
    """Asks `issuer`, an address of a configured origin, for its JSON Web Key Set."""

    def __init__(self, issuer: str) -> None:
        parts = urlsplit(issuer)
        self._host, self._port, self._path = parts.hostname or "", parts.port, f"{parts.path}{PATH}"
        self._secure = parts.scheme == "https"

    def __call__(self) -> bytes:
        """The document as it is. Raises OSError."""
        connection = self._connection()
        try:
            connection.request("GET", self._path, headers={"Accept": "application/json"})
            answer = connection.getresponse()
            if answer.status != http.client.OK:
                raise OSError(f"the issuer's keys: HTTP {answer.status}")
            return answer.read(MAX_KEY_SET_BYTES + 1)
        except http.client.HTTPException as fault:
            raise OSError(f"the issuer's keys: {type(fault).__name__}") from None
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self._secure:
            verifying = ssl.create_default_context()
            return http.client.HTTPSConnection(
                self._host, self._port, timeout=PATIENCE_SECONDS, context=verifying
            )
        return http.client.HTTPConnection(self._host, self._port, timeout=PATIENCE_SECONDS)
