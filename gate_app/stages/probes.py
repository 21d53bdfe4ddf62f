"""Watching what was released: probes for a configured time, until it is over or one of them breaches.

Rules of this file:

* A probe is one GET without credentials, cookies or redirects, bounded in time; the body is not read. 2xx is healthy.
* One bad answer is no breach: `BREACH_AFTER` in a row are, those that are unclear not counted. Trouble of our own
  network is unclear: it says nothing about the service, and a breach may take production back.
* The address that was checked is the one that is asked (no second look-up, case 142). What is not reachable
  from everywhere (loopback, private and link-local addresses, also as IPv6 carries them, and groups) is asked only on
  hosts that the operator named.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Final
from urllib.parse import urlsplit

import certifi
import urllib3

from gate_app.domain.evidence import Evidence, StageOutcome, StageReason, StageVerdict
from gate_app.domain.probes import Probe

BREACH_AFTER: Final = 3
"""Bad answers in a row that make a breach."""
TIMEOUT_SECONDS: Final = 5.0
NO_SUCH_NAME: Final = frozenset({socket.EAI_NONAME, socket.EAI_NODATA})
"""What a resolver that works says of a name without an address; all else is trouble of its own (RFC 3493, 6.1)."""
NO_WAY_THERE: Final = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN})
"""Nothing was sent, or nothing came back from beyond our own network."""
CARRIES_IPV4: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))
"""IPv6 addresses that end in the IPv4 address which is meant: NAT64 (RFC 6052), IPv4-compatible (RFC 4291, 2.5.5)."""


class Refused(Exception):
    """The address may not be asked; the text says why and what would mend it."""


class Unclear(Exception):
    """Whether it is healthy could not be told this time; that is neither a good nor a bad answer."""


Look = Callable[[Probe], str | None]
"""Asks once: None when it is healthy, else what was wrong in a few words. Raises `Refused` and `Unclear`."""


@dataclass(slots=True)
class _Watched:
    probe: Probe
    due: float
    bad: int = 0
    last: str = ""
    unclear: bool = False


def watch(
    probes: Sequence[Probe],
    seconds: float,
    look: Look,
    now: Callable[[], float],
    pause: Callable[[float], None],
) -> StageOutcome:
    """Asks every probe at its interval for `seconds` of the clock `now`; ends early with the first breach."""
    end = now() + seconds
    watched = [_Watched(probe, now()) for probe in probes]
    answers = 0
    while watched:
        following = min(watched, key=lambda each: each.due)
        if following.due >= end:
            break
        pause(max(0.0, following.due - now()))
        try:
            wrong = look(following.probe)
        except Refused as refused:
            return _unknown(str(refused))
        except Unclear as unclear:
            following.unclear, following.last = True, str(unclear)
        else:
            answers += 1
            following.unclear = False
            following.bad, following.last = (following.bad + 1, wrong) if wrong else (0, "")
        if following.bad >= BREACH_AFTER:
            return _breached(following, answers)
        following.due = max(following.due + following.probe.every.total_seconds(), now())
    pause(max(0.0, end - now()))
    return _healthy(watched, answers, seconds)


def _breached(watched: _Watched, answers: int) -> StageOutcome:
    detail = f"{watched.probe.shown} failed {BREACH_AFTER} times in a row: {watched.last}"[:1_000]
    evidence = Evidence(summary=f"breached after {answers} answers")
    return StageOutcome(StageVerdict.FAILED, StageReason.PROBE_BREACHED, evidence, detail)


def _healthy(watched: Sequence[_Watched], answers: int, seconds: float) -> StageOutcome:
    shaky = [each for each in watched if each.bad or each.unclear]
    if shaky:
        how = "was unclear" if shaky[0].unclear else "was failing"
        return _unknown(f"the watch ended while {shaky[0].probe.shown} {how}: {shaky[0].last}")
    summary = f"healthy for {seconds:g} s, {answers} answers"
    return StageOutcome(StageVerdict.PASSED, StageReason.PROBES_HEALTHY, Evidence(summary=summary), "")


def _unknown(detail: str) -> StageOutcome:
    return StageOutcome(StageVerdict.UNKNOWN, StageReason.PROBE_UNKNOWN, Evidence(), detail[:1_000])


@dataclass(frozen=True, slots=True)
class HttpLook:
    """Looks at an address. `allowed_hosts` are globs over hosts that may be on private addresses too."""

    allowed_hosts: tuple[str, ...] = ()

    def __call__(self, url: str) -> str | None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            address = self._address(host, port)
        except OSError as fault:
            if fault.errno not in NO_SUCH_NAME:
                raise Unclear(f"the name could not be looked up ({fault.strerror})") from None
            return f"the name does not resolve ({type(fault).__name__})"
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            status = _status(parts.scheme, host, address, port, path)
        except urllib3.exceptions.HTTPError as fault:
            if isinstance(fault.__cause__, OSError) and fault.__cause__.errno in NO_WAY_THERE:
                raise Unclear(f"there is no way there ({fault.__cause__.strerror})") from None
            return f"no answer ({type(fault).__name__})"
        return None if 200 <= status < 300 else f"it answered {status}"

    def _address(self, host: str, port: int) -> str:
        """The first address of a host, if it may be asked."""
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        address = str(found[0][4][0])
        named = any(fnmatchcase(host, pattern) for pattern in self.allowed_hosts)
        if not named and not _public(ipaddress.ip_address(address.partition("%")[0])):
            raise Refused(
                f"{host} has a private address: the operator allows it with GATE_PROBE_HOSTS, "
                "or the probe asks a public host"
            )
        return address


def _public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one host's and reachable from everywhere, the IPv4 address that is meant included."""
    if isinstance(address, IPv6Address):
        meant = address.ipv4_mapped or address.sixtofour
        if any(address in network for network in CARRIES_IPV4):
            meant = IPv4Address(address.packed[-4:])
        if meant is not None:
            return _public(meant)
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast


def _status(scheme: str, host: str, address: str, port: int, path: str) -> int:
    """The status of one GET to that very address, under the host's name."""
    headers = {"Host": host if port in (80, 443) else f"{host}:{port}", "User-Agent": "gate-app-probe"}
    with pool_of(scheme, host, address, port) as pool:
        answer = pool.urlopen(
            "GET", path, headers=headers, redirect=False, retries=False, preload_content=False
        )
        answer.release_conn()
        return int(answer.status)


def pool_of(scheme: str, host: str, address: str, port: int) -> urllib3.HTTPConnectionPool:
    """Connections to one address under the name of a host, bounded in time."""
    timeout = urllib3.Timeout(total=TIMEOUT_SECONDS)
    if scheme == "http":
        return urllib3.HTTPConnectionPool(address, port, timeout=timeout)
    return urllib3.HTTPSConnectionPool(
        address,
        port,
        timeout=timeout,
        cert_reqs="CERT_REQUIRED",
        ca_certs=certifi.where(),
        server_hostname=host,
        assert_hostname=host,
    )
