"""The record of API calls, and the primary rate limit that they count against.

Every call is recorded with the permissions of its token, so that tests can hold the app to its budget of
calls and to least privilege. The limit is GitHub's 5,000 an hour for each installation, unless another one was
asked for; an unchanged answer (304) and a look at the rate cost nothing. Source: docs "Rate limits for the REST
API", "Best practices for using the REST API".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gate_app.standin import settings
from gate_app.standin.errors import GitHubError
from gate_app.standin.state import JsonObject, Transaction

LIMIT = 5_000
HOUR = 3_600
SETTING = "rate_limit"


@dataclass(frozen=True)
class RateLimit:
    """How many calls an hour are allowed to each installation and App."""

    limit: int


@dataclass(frozen=True)
class ApiRequest:
    """A recorded call; `identity` is app, installation, git or anonymous."""

    TABLE: ClassVar[str] = "requests"
    id: int
    at: str
    method: str
    path: str
    query: str
    identity: str
    permissions: dict[str, str]
    api_version: str | None
    status: int
    fault: str | None


@dataclass(frozen=True)
class Usage:
    """How many calls somebody made in an hour."""

    TABLE: ClassVar[str] = "usage"
    id: int
    identity: str
    hour: int
    used: int


def count(tx: Transaction, identity: str) -> Usage:
    """Count one more call."""
    usage = current(tx, identity)
    return tx.update(usage, used=usage.used + 1)


def current(tx: Transaction, identity: str) -> Usage:
    """What was used in this hour."""
    hour = int(tx.instant.timestamp()) // HOUR
    found = tx.get(Usage, identity=identity, hour=hour)
    return found or tx.insert(Usage, identity=identity, hour=hour, used=0)


def limit(tx: Transaction) -> int:
    """How many calls an hour are allowed."""
    found = settings.read(tx, RateLimit, SETTING)
    return found.limit if found else LIMIT


def require_budget(tx: Transaction, identity: str) -> None:
    """Nothing, if there are calls left in this hour; else the 403 of the primary limit."""
    if current(tx, identity).used >= limit(tx):
        kind, _, number = identity.partition(":")
        raise GitHubError(403, f"API rate limit exceeded for {kind} ID {number}.")


def rate(tx: Transaction, usage: Usage) -> JsonObject:
    """The rate as `GET /rate_limit` shows it."""
    allowed = limit(tx)
    used = min(usage.used, allowed)
    return {
        "limit": allowed,
        "used": used,
        "remaining": allowed - used,
        "reset": (usage.hour + 1) * HOUR,
    }


def rate_headers(tx: Transaction, usage: Usage) -> dict[str, str]:
    """The x-ratelimit headers of every answer."""
    facts = {f"X-RateLimit-{name.capitalize()}": str(value) for name, value in rate(tx, usage).items()}
    return {**facts, "X-RateLimit-Resource": "core"}
