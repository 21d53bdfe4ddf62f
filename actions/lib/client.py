"""Calls to the app: a fresh OIDC token for each, bounded in size and time, and nothing believed that is not plain.

Rules of the file: standard library, Python 3.8; the token goes to the one address of the `url` input and nowhere else,
redirects are not followed; whatever goes wrong is `Unavailable` and may be tried again, or `Refused` and may not
(case 140).
"""

from __future__ import annotations

import json
import os
import re
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Dict, List, Optional, Union

SCHEMA_VERSION = 1
TIMEOUT_SECONDS = 15
"""For a whole answer, not only for its next byte."""
MAX_BYTES = 256 * 1024
DECISIONS = (
    "approved",
    "waiting",
    "denied",
    "expired",
    "superseded",
    "skipped",
    "cancelled",
    "noted",
    "withdrawn",
)
_CODE = re.compile(r"[a-z_]{1,64}")
_SHA = re.compile(r"[0-9a-f]{40}")
_GRANT = re.compile(r"[!-~]{1,512}")
_TICKET = re.compile(r"[A-Za-z0-9_-]{20,128}")
_PASSING = ("token_replayed", "token_expired", "token_key_unknown")
"""Refusals of one token; the next one is new, and keys that were just published are read within a minute."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Refused(Exception):
    """The app, or the runner, says no, and asking again changes nothing. `code` says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Unavailable(Exception):
    """No answer that could be believed; it may be tried again."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class Client:
    """The app at `url`, for tokens of this audience; the address itself unless another one is configured there."""

    def __init__(self, url: str, audience: str = "") -> None:
        self.url = _checked(url)
        self.audience = audience or self.url
        verifying = urllib.request.HTTPSHandler(context=ssl.create_default_context())
        # The runner's proxies see nothing of what goes over TLS; without TLS they are not asked (case 145).
        here = [urllib.request.ProxyHandler({})] if self.url.startswith("http:") else []
        self._opener = urllib.request.build_opener(_NoRedirect(), verifying, *here)

    def call(self, what: str, asked: Dict[str, str]) -> str:
        """Stores a call; returns the ticket for its answer."""
        body = json.dumps({"schema_version": SCHEMA_VERSION, **asked}).encode()
        answer = self._json("POST", "/api/v1/" + what, self._token(), body)
        ticket = answer.get("ticket")
        if not isinstance(ticket, str) or not _TICKET.fullmatch(ticket):
            raise Unavailable("the app gave no ticket")
        return ticket

    def answer(self, ticket: str) -> Optional[Dict[str, Any]]:
        """What is so now; None while nothing is known for the ticket. Raises Unavailable."""
        try:
            return checked(self._json("GET", "/api/v1/answers", ticket))
        except Refused as refused:
            if refused.code == "ticket_unknown":
                return None
            raise

    def _token(self) -> str:
        """A token of this job, good for one call."""
        url = os.environ.get("ACTIONS_ID_TOKEN_REQUEST_URL", "")
        credential = os.environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "")
        if not url or not credential:
            raise Refused(
                "id_token_missing",
                "This job may not ask for an OIDC token. Add `permissions: id-token: write` to it; jobs of pull "
                "requests from forks never may.",
            )
        there = url + ("&" if "?" in url else "?") + "audience=" + urllib.parse.quote(self.audience, safe="")
        found = self._open(urllib.request.Request(there, headers={"Authorization": "Bearer " + credential}))
        token = found.get("value")
        if not isinstance(token, str) or not token:
            raise Unavailable("the runner gave no token")
        return token

    def _json(self, method: str, path: str, bearer: str, body: Optional[bytes] = None) -> Dict[str, Any]:
        headers = {"Authorization": "Bearer " + bearer, "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        return self._open(urllib.request.Request(self.url + path, data=body, headers=headers, method=method))

    def _open(self, request: urllib.request.Request) -> Dict[str, Any]:
        """The answer, by a thread of its own: whoever answers drop by drop is left, and a cancelled job ends now."""
        found: List[Union[Dict[str, Any], Exception]] = []
        asking = threading.Thread(target=lambda: found.append(self._result(request)), daemon=True)
        until = time.monotonic() + TIMEOUT_SECONDS
        asking.start()
        while asking.is_alive() and time.monotonic() < until:
            asking.join(0.1)  # on Windows a signal is heard between two of them alone
        if not found:
            raise Unavailable("no whole answer in time")
        if isinstance(found[0], Exception):
            raise found[0]
        return found[0]

    def _result(self, request: urllib.request.Request) -> Union[Dict[str, Any], Exception]:
        try:
            return self._answered(request)
        except Exception as fault:
            return fault

    def _answered(self, request: urllib.request.Request) -> Dict[str, Any]:
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                return _object(answer.read(MAX_BYTES + 1))
        except urllib.error.HTTPError as error:
            raise _of_error(error) from None
        except (OSError, ValueError, ArithmeticError, RecursionError) as fault:
            raise Unavailable("no answer (" + type(fault).__name__ + ")") from None
        except Exception as fault:  # http.client has faults of its own for broken answers
            raise Unavailable("a broken answer (" + type(fault).__name__ + ")") from None


def _checked(url: str) -> str:
    parts = urllib.parse.urlsplit(url.strip().rstrip("/"))
    plain_http = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if (
        not (parts.scheme == "https" or plain_http)
        or not parts.hostname
        or parts.query
        or "@" in parts.netloc
    ):
        raise Refused("url_invalid", "The input `url` has to be the https address of your Gate App.")
    return urllib.parse.urlunsplit(parts)


def _object(raw: bytes) -> Dict[str, Any]:
    if len(raw) > MAX_BYTES:
        raise ValueError("too large")
    found = json.loads(raw.decode("utf-8"))
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found


def _of_error(error: urllib.error.HTTPError) -> Exception:
    """What was refused for good is not tried again; a used token, an outage or a proxy's page is."""
    try:
        said = _object(error.read(MAX_BYTES + 1))
    except Exception:
        said = {}
    code = said.get("code")
    known = isinstance(code, str) and _CODE.fullmatch(code) is not None
    if not known or error.code >= 500 or code in _PASSING:
        return Unavailable("HTTP " + str(error.code))
    return Refused(str(code), str(said.get("fix", "")))


def checked(answer: Dict[str, Any]) -> Dict[str, Any]:
    """An answer of the app, or Unavailable: what is not understood whole is not understood."""
    texts = ("decision", "reason_code", "message", "environment", "gate", "grant_id", "sha")
    shaped = (
        answer.get("schema_version") == SCHEMA_VERSION
        and all(isinstance(answer.get(name), str) for name in texts)
        and answer["decision"] in DECISIONS
        and _CODE.fullmatch(answer["reason_code"]) is not None
        and isinstance(answer.get("final"), bool)
        and isinstance(answer.get("parameters"), dict)
        and all(isinstance(value, str) for value in answer["parameters"].values())
        and isinstance(answer.get("approved_by"), list)
    )
    if not shaped:
        raise Unavailable("an answer that this version does not understand")
    return answer


def is_grant(answer: Dict[str, Any], environment: str) -> bool:
    """Whether an answer lets this job deploy: nothing less than all of it counts."""
    return (
        answer["decision"] == "approved"
        and answer["reason_code"] == "grant_given"
        and answer["environment"] == environment
        and _SHA.fullmatch(answer["sha"]) is not None
        and _GRANT.fullmatch(answer["grant_id"]) is not None
    )
