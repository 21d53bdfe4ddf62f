"""One HTTP exchange with GitHub, through PyGithub's requester and nothing around it.

Rules of the file:

* Only the configured origin is reachable: the session has one adapter, for that scheme, host and port
  (cases 141 to 143).
* No redirect is followed: PyGithub goes where a `Location` points, so it is shown none (case 144).
* No proxy, `.netrc` or CA bundle is taken from the surroundings; TLS is verified (case 145).
* A body is bounded in size and time; what is not JSON text is no answer.
* Writes are sent once. Reads get one immediate second try; nothing here ever sleeps (cases 194, 198).
* PyGithub's debug log prints bodies, and a fresh token is one: it is switched off (cases 8, 218).

PyGithub's objects are not used on purpose: they complete themselves by calls that nobody counts, and read an
answer without content as an object without an id, which is how a moved repository looks like a success.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from io import BufferedReader
from types import MappingProxyType
from typing import Final, Literal

import requests
import urllib3
from github.Auth import Auth
from github.Requester import (
    HTTPRequestsConnectionClass,
    HTTPSRequestsConnectionClass,
    Requester,
    RequestsResponse,
)
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from gate_app.errors import HubUnavailable
from gate_app.github.origin import Origin

API_VERSION: Final = "2022-11-28"
USER_AGENT: Final = "gate-app"
TIMEOUT_SECONDS: Final = 10
"""For connecting, and for each silence while reading."""
ANSWER_SECONDS: Final = 30.0
"""For a whole body, however busily it trickles."""
GRAPHQL: Final = "/graphql"
"""The one path that does not lie below the others on GHES: `/api/graphql` beside `/api/v3`."""
MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024
"""Far above the largest honest page of 100 items; webhook payloads are capped at 25 MB."""
POOL_SIZE: Final = 16

REDIRECTED_TO: Final = "x-gate-redirected-to"
"""Under this name a reply keeps its `Location`, which PyGithub would follow; only artifacts are fetched from there."""

Method = Literal["GET", "POST", "PATCH"]
_CHUNK: Final = 65_536
_READ_RETRY: Final = Retry(
    total=1,
    status_forcelist=(502, 503, 504),
    allowed_methods=("GET",),
    backoff_factor=0,
    respect_retry_after_header=False,
    raise_on_status=False,
)
_SILENT: Final = logging.Logger("gate_app.github.silent", level=logging.CRITICAL)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: header names in lower case, the body as text."""

    status: int
    headers: Mapping[str, str]
    text: str

    def __repr__(self) -> str:  # the body of a minting is a token
        return f"Reply(status={self.status}, {len(self.text)} characters)"


class Transport:
    """The wire to one origin, shared by every token and thread: connections are kept, credentials are not."""

    def __init__(self, origin: Origin, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._origin = origin
        self._session = pinned_session(origin)
        self._wire = _wire(self._session, origin, monotonic)

    def exchange(
        self,
        auth: Auth,
        method: Method,
        path: str,
        query: Mapping[str, str | int],
        body: object = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> Reply:
        """Sends one request and reads its whole answer, whatever its status.

        `path` is quoted and relative to the origin. Raises HubUnavailable when there is no whole answer.
        """
        requester = self._wire(
            auth,
            base_url=self._origin.url,
            timeout=TIMEOUT_SECONDS,
            user_agent=USER_AGENT,
            per_page=100,
            verify=True,
            retry=None,
            pool_size=None,
            lazy=True,
            api_version=API_VERSION,
        )
        sent = {"Accept": "application/vnd.github+json", **headers}
        try:
            where = requester.graphql_url if path == GRAPHQL else path
            status, answered, text = requester.requestJson(method, where, dict(query), sent, body)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            # ValueError: text that is no UTF-8, or a header of another shape, which PyGithub reads as numbers.
            # From None: the exceptions of requests carry the request, and with it the token.
            raise HubUnavailable(f"{method} {path}: no answer ({type(error).__name__})") from None
        _log.debug("%s %s: %d", method, path, status)
        return Reply(status, answered, text)

    def close(self) -> None:
        """Closes the kept connections."""
        self._session.close()


def pinned_session(origin: Origin) -> requests.Session:
    """A session that reaches this origin and nothing else, and takes nothing from the surroundings."""
    session = requests.Session()
    session.trust_env = False
    session.auth = Requester.noopAuth  # an Authorization header of ours is never replaced
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.adapters.clear()
    session.mount(origin.root, HTTPAdapter(pool_maxsize=POOL_SIZE, max_retries=_READ_RETRY))
    return session


def _wire(session: requests.Session, origin: Origin, monotonic: Callable[[], float]) -> type[Requester]:
    """A requester class of our own, so that what is injected into it stays out of PyGithub's."""

    class Connection:
        """Stands in for both of PyGithub's connection classes; the session knows the scheme."""

        def __init__(self, host: str, port: int | None = None, *_: object, **__: object) -> None:
            self.host = host
            self.port = port or origin.port

        def request(
            self,
            verb: str,
            url: str,
            content: str | BufferedReader | None,
            headers: dict[str, str],
            stream: bool = False,
        ) -> None:
            self._wanted = requests.Request(verb, origin.root + url.removeprefix("/"), headers, data=content)

        def getresponse(self) -> RequestsResponse:
            prepared = session.prepare_request(self._wanted)
            answer = session.send(
                prepared, timeout=TIMEOUT_SECONDS, verify=True, allow_redirects=False, stream=True
            )
            with answer:
                if answer.status_code == 202 and prepared.method == "GET":
                    # PyGithub would sleep and ask again, without end.
                    raise HubUnavailable("GitHub is still computing the answer (202)")
                return _WholeResponse(answer, body_of(answer, monotonic))

        def close(self) -> None:
            """The session outlives every connection object."""

    class Http(Connection, HTTPRequestsConnectionClass):
        pass

    class Https(Connection, HTTPSRequestsConnectionClass):
        pass

    class Wire(Requester):
        pass

    Wire.injectConnectionClasses(Http, Https)
    Wire.injectLogger(_SILENT)
    return Wire


class _WholeResponse(RequestsResponse):
    """An answer that is read already, and that redirects nobody."""

    def __init__(self, answer: requests.Response, body: bytes) -> None:
        super().__init__(answer)
        hidden = ("location", REDIRECTED_TO)
        shown = {name: value for name, value in answer.headers.items() if name.lower() not in hidden}
        if "location" in answer.headers:
            shown[REDIRECTED_TO] = answer.headers["location"]
        self.headers = requests.structures.CaseInsensitiveDict(shown)
        self._text = body.decode("utf-8")

    def read(self) -> str:
        return self._text


def body_of(answer: requests.Response, monotonic: Callable[[], float]) -> bytes:
    """The whole body, within its bounds of size and time. Raises HubUnavailable."""
    deadline = monotonic() + ANSWER_SECONDS
    body = bytearray()
    while chunk := answer.raw.read1(_CHUNK, decode_content=True):
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise HubUnavailable(f"GitHub's answer is larger than {MAX_ANSWER_BYTES} bytes")
        if monotonic() > deadline:
            raise HubUnavailable(f"GitHub's answer took longer than {ANSWER_SECONDS:.0f} s")
    return bytes(body)
