"""Whether jobs of workflows can call: whom their tokens are for, and whether the keys that sign them can be had."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gate_app.doctor.finding import Finding, ok, warn, wrong
from gate_app.trust.keyring import Fetch, read_keys

_REACH: Final = "let the web processes reach it, or set GATE_OIDC_ISSUER"


def tokens(issuer: str, audience: str, fetch: Fetch) -> Iterator[Finding]:
    """The issuer's keys are asked for once."""
    if not audience:
        text = "no job can redeem a grant: whom its token has to be for is not known"
        yield warn("jobs", text, "set GATE_BASE_URL or GATE_OIDC_AUDIENCE")
        return
    try:
        keys = read_keys(fetch())
    except OSError as fault:
        yield wrong("jobs", f"the keys of {issuer} cannot be had: {fault}", _REACH)
        return
    if not keys:
        yield wrong("jobs", f"{issuer} publishes no key that could sign a token", _REACH)
        return
    yield ok("jobs", f"tokens of {issuer} for {audience} are believed")
