"""Which answers of GitHub are refusals, which mean "ask again", and when.

Rules of the file: nothing GitHub wrote reaches a fault's text, only numbers and our own words; when in
doubt it is HubUnavailable, because that waits (invariant 4). Waiting is a time to come back at, never a
sleep (github-facts: limits answer 403 or 429, with or without `retry-after`; cases 198, 199).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from gate_app.errors import HubRefused, HubUnavailable
from gate_app.github.permissions import Permissions, spoken
from gate_app.github.transport import Reply

UNTOLD_WAIT: Final = timedelta(seconds=60)
"""GitHub asks for at least a minute when it limits without saying for how long."""
LONGEST_WAIT: Final = timedelta(hours=1)
"""The primary limit resets every hour; whoever says later is not believed."""

_LIMIT_WORDS: Final = ("secondary rate limit", "api rate limit exceeded", "abuse detection", "rate_limited")
_MESSAGE_SPAN: Final = 2_048


def fault_of(reply: Reply, what: str, permissions: Permissions, now: datetime) -> HubUnavailable | HubRefused:
    """The fault that an answer other than 2xx means. `what` names the call, for the operator."""
    if reply.status in (200, 403, 429) and _is_limit(reply):  # GraphQL refuses with 200
        return HubUnavailable(f"{what}: rate limited ({reply.status})", retry_at(reply, now))
    if reply.status == 401:
        return HubUnavailable(f"{what}: credentials refused (401); check the App's key, id and clock")
    if 300 <= reply.status < 400:
        return HubUnavailable(f"{what}: redirected ({reply.status}), which is not followed")
    if reply.status in (408, 425) or not 400 <= reply.status < 500:
        return HubUnavailable(f"{what}: GitHub answered {reply.status}")
    if reply.status == 403:
        return HubRefused(f"{what}: refused (403); it needs {spoken(permissions) or 'the App itself'}", 403)
    return HubRefused(f"{what}: refused ({reply.status})", reply.status)


def is_spent(reply: Reply) -> bool:
    """Whether an answer says that nothing is left of its hour."""
    return reply.headers.get("x-ratelimit-remaining") == "0"


def retry_at(reply: Reply, now: datetime) -> datetime:
    """When a limited call is sensible again: what GitHub says, between a second and an hour from now."""
    wanted = _told_wait(reply, now) or _reset_wait(reply, now) or UNTOLD_WAIT
    return now + min(max(wanted, timedelta(seconds=1)), LONGEST_WAIT)


def _is_limit(reply: Reply) -> bool:
    if reply.status == 429 or "retry-after" in reply.headers or is_spent(reply):
        return True
    said = reply.text[:_MESSAGE_SPAN].lower()
    return any(words in said for words in _LIMIT_WORDS)


def _told_wait(reply: Reply, now: datetime) -> timedelta | None:
    """`Retry-After` as seconds or as an HTTP date (RFC 9110, section 10.2.3)."""
    told = reply.headers.get("retry-after", "")
    if seconds := number_in(told):
        return timedelta(seconds=seconds)
    try:
        date = parsedate_to_datetime(told)
    except ValueError:
        return None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)) - now


def _reset_wait(reply: Reply, now: datetime) -> timedelta | None:
    """`x-ratelimit-reset` in seconds of the epoch; it counts only when nothing remains."""
    if not is_spent(reply):
        return None
    reset = number_in(reply.headers.get("x-ratelimit-reset", ""))
    return timedelta(seconds=reset - now.timestamp()) if reset else None


def number_in(text: str) -> int | None:
    """A header's whole number of up to twelve digits; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else None
