"""The issuer's published keys over HTTP: one configured address, a short patience, a bounded answer.

Rules of this file: no redirect is followed, no proxy or credential of the surroundings is used, certificates are
verified; the whole answer has to be there in time, not only its next byte; whatever goes wrong is an OSError
(case 128).
"""

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

from gate_app.trust.bounds import MAX_KEY_SET_BYTES

PATIENCE_SECONDS: Final = 5.0
PATH: Final = "/.well-known/jwks"


class KeySet:
    """Asks `issuer`, an address of a configured origin, for its JSON Web Key Set; `patience` is in seconds."""

    def __init__(self, issuer: str, patience: float = PATIENCE_SECONDS) -> None:
        parts = urlsplit(issuer)
        self._host, self._port, self._path = parts.hostname or "", parts.port, f"{parts.path}{PATH}"
        self._secure, self._patience = parts.scheme == "https", patience

    def __call__(self) -> bytes:
        """The document as it is. Raises OSError."""
        connection = self._connection()
        try:
            connection.connect()
            with _ended(connection.sock, self._patience):
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
                self._host, self._port, timeout=self._patience, context=verifying
            )
        return http.client.HTTPConnection(self._host, self._port, timeout=self._patience)


@contextmanager
def _ended(sock: socket.socket, seconds: float) -> Iterator[None]:
    """Ends the conversation when its time is over, whatever still comes; what is cut off is no key set."""
    ending = threading.Timer(seconds, _end, (sock,))
    ending.daemon = True
    ending.start()
    try:
        yield
    finally:
        ending.cancel()


def _end(sock: socket.socket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)  # below TLS, whose own shutdown disturbs who reads
