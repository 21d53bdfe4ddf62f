"""Faults of the API on request: what fails, how often, and whether before or after the write.

A fault names a method and a pattern of paths, lets `skip` matching calls pass and is used up `times` times,
oldest first. `502_after` and `lost_answer` do the work and hide the answer: what a client must survive without
doing the work twice. `lost_request` hangs up before any work, which from outside looks like `lost_answer`.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import ClassVar

from gate_app.standin.errors import GitHubError, invalid
from gate_app.standin.state import Transaction

KINDS = (
    "502_before",
    "502_after",
    "lost_request",
    "lost_answer",
    "429",
    "429_retry_after",
    "secondary_403",
    "primary_limit",
    "307",
    "307_elsewhere",
    "slow",
)
MAX_SECONDS = 30
_LIMITED = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."


@dataclass(frozen=True)
class Fault:
    """One fault; `seconds` is how long `slow` takes and what Retry-After says."""

    TABLE: ClassVar[str] = "faults"
    id: int
    method: str
    path_regex: str
    skip: int
    remaining: int
    kind: str
    seconds: int


@dataclass(frozen=True)
class NewFault:
    """A fault asked for."""

    method: str
    path_regex: str
    times: int
    kind: str
    seconds: int
    skip: int = 0


def replace(tx: Transaction, wanted: list[NewFault]) -> None:
    """Forget all faults and take these. 422 for an unknown kind or a broken pattern."""
    tx.delete(Fault)
    for fault in wanted:
        _check(fault)
        tx.insert(
            Fault,
            method=fault.method,
            path_regex=fault.path_regex,
            skip=fault.skip,
            remaining=fault.times,
            kind=fault.kind,
            seconds=min(fault.seconds, MAX_SECONDS),
        )


def _check(fault: NewFault) -> None:
    if fault.kind not in KINDS:
        raise invalid("Fault", "kind", f"{fault.kind} is not one of {', '.join(KINDS)}")
    try:
        re.compile(fault.path_regex)
    except re.error as problem:
        raise invalid("Fault", "path_regex", str(problem)) from None


def take(tx: Transaction, method: str, path: str) -> Fault | None:
    """The fault that this request meets, one use of it gone."""
    for fault in tx.every(Fault):
        if fault.remaining == 0 or fault.method not in (method, "*") or not re.search(fault.path_regex, path):
            continue
        if fault.skip == 0:
            return tx.update(fault, remaining=fault.remaining - 1)
        tx.update(fault, skip=fault.skip - 1)
    return None


def strike_before(fault: Fault, now: float, url: str) -> None:
    """Let the request fail before anything is done, or take its time. Raises the answer."""
    retry = {"Retry-After": str(fault.seconds)}
    match fault.kind:
        case "502_before":
            raise GitHubError(502, "Server Error")
        case "429":
            raise GitHubError(429, _LIMITED)
        case "429_retry_after":
            raise GitHubError(429, _LIMITED, headers=retry)
        case "secondary_403":
            raise GitHubError(403, _LIMITED, headers=retry)
        case "primary_limit":
            reset = str(int(now) + fault.seconds)
            spent = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
            raise GitHubError(403, "API rate limit exceeded for installation.", headers=spent)
        case "307":
            raise GitHubError(307, "Temporary Redirect", headers={"Location": url})
        case "307_elsewhere":
            elsewhere = url.replace("127.0.0.1", "localhost", 1)
            raise GitHubError(307, "Temporary Redirect", headers={"Location": elsewhere})
        case "slow":
            time.sleep(fault.seconds)
        case _:
            return
