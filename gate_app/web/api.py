"""`/api/v1`: what jobs of workflows call. Each call is stored and answered by the engine; this decides nothing.

Rules of this file:
* No call is believed but by its job's OIDC token, verified here and good for one call.
* 202 follows the commit of the call, as with webhooks; a ticket, told once, fetches the answer. Neither a token nor a
  ticket is in an address or in a log (case 138).
* Everybody's workflows can have tokens for our audience: of a repository that we know nothing of, nothing is stored.
* Bodies are small JSON objects of known keys and bounded texts. A refusal has a code and a fix and tells nothing of
  what is stored: an unknown ticket and one that is too old or not answered yet are the same 404 (case 139).
"""

import json
import logging
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from gate_app.intake.delivery import Delivery, Outcome, StoreUnavailableError
from gate_app.intake.job_calls import delivery_of_call, fingerprint
from gate_app.trust.bounds import MAX_CALL_BYTES
from gate_app.trust.oidc import TOKEN_KEY_UNKNOWN, Expectations, VerifiedClaims, verify
from gate_app.trust.signature import Refusal

_log = logging.getLogger(__name__)

PREFIX: Final = "/api/v1"
SCHEMA_VERSION: Final = 1
TICKET_SECONDS: Final = 15 * 60
TICKET: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_BEARER: Final = re.compile(r"Bearer ([!-~]{1,20000})", re.ASCII)

WANTS: Final[Mapping[str, str]] = {
    "requests": "request",
    "redemptions": "redeem",
    "reports": "report",
    "withdrawals": "withdraw",
}
"""What may be called, and what it is to the engine."""
_TEXTS: Final[Mapping[str, re.Pattern[str]]] = {
    "environment": re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,255}"),
    "gate": re.compile(r"[!-~]{1,512}", re.ASCII),
    "key": re.compile(r"[A-Za-z0-9_-]{32,128}", re.ASCII),
    "outcome": re.compile(r"success|failure|cancelled", re.ASCII),
}
_REQUIRED: Final[Mapping[str, frozenset[str]]] = {
    "redeem": frozenset({"environment", "key"}),
    "report": frozenset({"environment", "outcome"}),
}
_ALWAYS: Final = frozenset({"environment"})

NOT_CONFIGURED: Final = Refusal(
    "oidc_not_configured", "set GATE_BASE_URL or GATE_OIDC_AUDIENCE for the web processes"
)
KEYS_UNAVAILABLE: Final = Refusal("keys_unavailable", "the issuer's keys cannot be had right now; call again")
TOKEN_REPLAYED: Final = Refusal("token_replayed", "this token was used before; ask GitHub for a new one")
CALL_MALFORMED: Final = Refusal(
    "call_malformed", "send a JSON object with schema_version 1 and the documented keys"
)
REPOSITORY_UNKNOWN: Final = Refusal(
    "repository_unknown", "install the app on this repository, and merge a gate file: docs/init.md"
)
CALL_TOO_LARGE: Final = Refusal("call_too_large", f"send Content-Length and at most {MAX_CALL_BYTES} bytes")
TICKET_UNKNOWN: Final = Refusal(
    "ticket_unknown", "no answer for this ticket, or not yet; ask again, or call again"
)
UNAVAILABLE: Final = Refusal("store_unavailable", "call again later; nothing was stored")
STATUS: Final[Mapping[str, int]] = {
    NOT_CONFIGURED.code: 503,
    KEYS_UNAVAILABLE.code: 503,
    UNAVAILABLE.code: 503,
    TOKEN_REPLAYED.code: 409,
    CALL_MALFORMED.code: 400,
    CALL_TOO_LARGE.code: 413,
    TICKET_UNKNOWN.code: 404,
    REPOSITORY_UNKNOWN.code: 404,
}
"""Every other refusal is of the token: 401."""


class Calls(Protocol):
    """Where calls are stored durably."""

    def submit(self, delivery: Delivery) -> Outcome:
        """Block until it is committed. Raises `StoreUnavailableError`."""
        ...


class Answers(Protocol):
    """Where answers are read."""

    def answer(self, ticket: str) -> str | None:
        """The JSON text for a ticket's fingerprint, None without one. Raises `StoreUnavailableError`."""
        ...

    def knows(self, repository_id: int) -> bool:
        """Whether there ever was anything to decide in a repository. Raises `StoreUnavailableError`."""
        ...


class Keys(Protocol):
    """The keys of the issuer; see `trust.keyring`."""

    def keys(self) -> Mapping[str, RSAPublicKey]: ...
    def refresh(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class JobPorts:
    """What the calls of jobs are served with; without an audience there is nobody whom a token could be for."""

    calls: Calls
    answers: Answers
    keys: Keys
    expectations: Expectations
    now_ms: Callable[[], int]


def api(ports: JobPorts) -> Blueprint:
    """The routes as a blueprint."""
    routes = Blueprint("api", __name__, url_prefix=PREFIX)

    @routes.post("/<called>")
    def call(called: str) -> ResponseReturnValue:
        want = WANTS.get(called)
        return _answered(_call(ports, want)) if want else ({"code": "not_found"}, 404)

    @routes.get("/answers")
    def answer() -> ResponseReturnValue:
        return _answered(_told(ports))

    return routes


def _answered(result: Refusal | Mapping[str, object]) -> ResponseReturnValue:
    if not isinstance(result, Refusal):
        return dict(result), 202 if "ticket" in result else 200
    status = STATUS.get(result.code, 401)
    headers = {"Retry-After": "5"} if status == 503 else {}
    return {"schema_version": SCHEMA_VERSION, "code": result.code, "fix": result.fix}, status, headers


def _call(ports: JobPorts, want: str) -> Refusal | Mapping[str, object]:
    """Verified, stored, and only then acknowledged."""
    claims = _claims(ports)
    if isinstance(claims, Refusal):
        return claims
    asked = _asked(want)
    if isinstance(asked, Refusal):
        return asked
    ticket = secrets.token_urlsafe(32)
    delivery = delivery_of_call(claims, want, asked, fingerprint(ticket), ports.now_ms())
    try:
        if not ports.answers.knows(claims.repository_id):
            return REPOSITORY_UNKNOWN
        outcome = ports.calls.submit(delivery)
    except StoreUnavailableError as fault:
        _log.warning("a call of a job was answered with 503: %s", fault.cause)
        return UNAVAILABLE
    if outcome is Outcome.KNOWN:
        return TOKEN_REPLAYED
    if outcome is Outcome.REJECTED:
        return CALL_MALFORMED
    return {"schema_version": SCHEMA_VERSION, "ticket": ticket, "expires_in": TICKET_SECONDS}


def _claims(ports: JobPorts) -> VerifiedClaims | Refusal:
    """The claims of the token; a key that is not known yet may have been published since."""
    if not ports.expectations.audience:
        return NOT_CONFIGURED
    token, now = _bearer(), datetime.fromtimestamp(ports.now_ms() / 1_000, UTC)
    keys = ports.keys.keys()
    claims = verify(token, ports.expectations, keys, now)
    if claims is TOKEN_KEY_UNKNOWN and ports.keys.refresh():
        claims = verify(token, ports.expectations, ports.keys.keys(), now)
    if claims is TOKEN_KEY_UNKNOWN and not keys:
        return KEYS_UNAVAILABLE
    if isinstance(claims, VerifiedClaims) and claims.unaccounted:
        _log.info("claims that this version does not know: %d", len(claims.unaccounted))
    return claims


def _bearer() -> str | None:
    given = _BEARER.fullmatch(request.headers.get("Authorization", ""))
    return given[1] if given else None


def _asked(want: str) -> Mapping[str, str] | Refusal:
    """The texts of the body, each known and bounded."""
    length = request.content_length
    if length is None or length > MAX_CALL_BYTES:
        return CALL_TOO_LARGE
    try:
        found = json.loads(request.get_data(cache=False), object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        return CALL_MALFORMED
    version = found.pop("schema_version", None) if isinstance(found, dict) else None
    if type(version) is not int or version != SCHEMA_VERSION:
        return CALL_MALFORMED
    asked = {name: value for name, value in found.items() if isinstance(value, str)}
    known = all(name in _TEXTS and _TEXTS[name].fullmatch(value) for name, value in asked.items())
    complete = _REQUIRED.get(want, _ALWAYS) <= set(asked)
    return asked if known and complete and len(asked) == len(found) else CALL_MALFORMED


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key is there twice")
    return members


def _told(ports: JobPorts) -> Refusal | Mapping[str, object]:
    ticket = _bearer() or ""
    if not TICKET.fullmatch(ticket):
        return TICKET_UNKNOWN
    try:
        found = ports.answers.answer(fingerprint(ticket))
    except StoreUnavailableError as fault:
        _log.warning("an answer could not be read: %s", fault.cause)
        return UNAVAILABLE
    return dict(json.loads(found)) if found is not None else TICKET_UNKNOWN
