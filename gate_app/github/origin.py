"""Where GitHub is: one configured origin, and the only place a credential ever goes to (cases 13, 141, 142).

Rules of the file: an address is parsed, never searched for substrings; paths are built from quoted segments,
so that no name can climb out of its place.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

from gate_app.errors import ConfigurationFault

GITHUB_API: Final = "https://api.github.com"
GITHUB_ISSUER: Final = "https://token.actions.githubusercontent.com"
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, exact host, port and the path below which GitHub answers (`/api/v3` on GHES, else empty)."""

    scheme: str
    host: str
    port: int
    prefix: str

    @property
    def root(self) -> str:
        """With explicit port and closing slash, so that no longer host name begins like it."""
        return f"{self.scheme}://{self._written_host}:{self.port}/"

    @property
    def url(self) -> str:
        """The address as one writes it: without a usual port and without a closing slash."""
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self._written_host}{port}{self.prefix}"

    @property
    def _written_host(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    @staticmethod
    def parse(url: str, setting: str) -> Origin:
        """The origin of a configured address. Raises ConfigurationFault naming `setting`, not the address."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise ConfigurationFault(f"{setting}: not an address like https://api.github.com") from None
        if parts.scheme not in _DEFAULT_PORTS or not host or not host.isascii():
            raise ConfigurationFault(f"{setting}: give https://, a host and nothing else but a path")
        if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
            raise ConfigurationFault(f"{setting}: no user, password, query or fragment belongs here")
        if parts.scheme == "http" and not is_loopback(host):
            raise ConfigurationFault(f"{setting}: use https; plain http is for this machine only")
        return Origin(parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme], parts.path.rstrip("/"))


@dataclass(frozen=True, slots=True)
class Path:
    """A path below the origin; with `within_repository`, below `/repos/OWNER/NAME` as it is named now."""

    segments: tuple[str, ...]
    within_repository: bool

    def below(self, full_name: str) -> str:
        """The quoted path. Raises ValueError for a segment that would not stay a segment."""
        owner, _, name = full_name.partition("/")
        before = ("repos", owner, name) if self.within_repository else ()
        return "/" + "/".join(_quoted(segment) for segment in before + self.segments)

    def __str__(self) -> str:
        return "/".join(("…" if self.within_repository else "", *self.segments))


def in_repository(*segments: str | int) -> Path:
    """A path of the repository that a call is about; no segments mean the repository itself."""
    return Path(tuple(str(segment) for segment in segments), within_repository=True)


def at_root(*segments: str | int) -> Path:
    """A path that belongs to no repository, such as `/users/LOGIN`."""
    return Path(tuple(str(segment) for segment in segments), within_repository=False)


def _quoted(segment: str) -> str:
    if segment in ("", ".", ".."):
        raise ValueError("an empty or dotted path segment")
    return quote(segment, safe="")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def git_url_of(api_url: str) -> str:
    """Where git fetches from, for an API address of github.com, of a GHES host or of the stand-in."""
    if api_url.rstrip("/") == GITHUB_API:
        return "https://github.com"
    parts = urlsplit(api_url)
    return f"{parts.scheme}://{parts.netloc}"


def issuer_of(api_url: str) -> str:
    """Who gives jobs their tokens, for an API address of github.com, of a GHES host or of the stand-in (GitHub docs,
    "OpenID Connect reference").
    """
    return GITHUB_ISSUER if api_url.rstrip("/") == GITHUB_API else f"{git_url_of(api_url)}/_services/token"
