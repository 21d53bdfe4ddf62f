"""Fetching what GitHub keeps elsewhere: the archive of an artifact, from the address that GitHub names for it.

Rules of the file: this is the only place that calls an address out of an answer, because there is no other way to an
artifact (REST docs: download an artifact). So nothing goes along: no credential, cookie, proxy or header of ours.
Only `https` to a host on the internet, or this machine where GitHub itself is on it; no further redirect; bounded
in size and time. What comes back is only ever read as an archive.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import requests
import urllib3

from gate_app.errors import HubRefused, HubUnavailable
from gate_app.github.origin import Origin, is_loopback
from gate_app.github.transport import TIMEOUT_SECONDS, USER_AGENT

DOWNLOAD_SECONDS: Final = 30.0
"""For all archives of a run."""
_CHUNK: Final = 65_536
_FOUND: Final = 302


class Downloads:
    """Fetches archives on behalf of nobody."""

    def __init__(self, origin: Origin, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._at_home = is_loopback(origin.host)
        self._monotonic = monotonic

    def deadline(self) -> float:
        """When what is fetched from now on has to be here."""
        return self._monotonic() + DOWNLOAD_SECONDS

    def fetch(self, url: str, limit: int, deadline: float) -> bytes | None:
        """The bytes at an address, None for more than `limit`.

        Raises HubUnavailable when there are none now, HubRefused for an address that is not called.
        """
        self._require_public(url)
        with requests.Session() as session:
            session.trust_env = False
            try:
                with session.get(
                    url,
                    headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
                    timeout=TIMEOUT_SECONDS,
                    allow_redirects=False,
                    stream=True,
                    verify=True,
                ) as answer:
                    return self._body(answer, limit, deadline)
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
                # From None: the address is signed, and whoever has it may download.
                raise HubUnavailable(f"an artifact could not be fetched ({type(error).__name__})") from None

    def _require_public(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").rstrip(".")
            addressed = ipaddress.ip_address(host) if _is_number(host) else None
        except ValueError:
            raise HubRefused("GitHub names no address for an artifact", _FOUND) from None
        if self._at_home and is_loopback(host):
            return
        public = addressed is None or addressed.is_global
        if parts.scheme != "https" or not host or not public or is_loopback(host):
            raise HubRefused("GitHub names an address for an artifact that is not called", _FOUND)

    def _body(self, answer: requests.Response, limit: int, deadline: float) -> bytes | None:
        if answer.status_code != 200:
            raise HubUnavailable(f"an artifact could not be fetched ({answer.status_code})")
        body = bytearray()
        while chunk := answer.raw.read1(_CHUNK, decode_content=False):
            body += chunk
            if len(body) > limit:
                return None
            if self._monotonic() > deadline:
                raise HubUnavailable(f"the artifacts of a run took longer than {DOWNLOAD_SECONDS:.0f} s")
        return bytes(body)


def _is_number(host: str) -> bool:
    """Whether a host is an address in any notation that a resolver may understand, hexadecimal and octal included."""
    last = host.rpartition(".")[2]
    return ":" in host or last.isdigit() or last.startswith("0x")
