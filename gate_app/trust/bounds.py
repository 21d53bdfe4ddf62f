"""How much the outside may send: every number in one place, each with its source.

Rules of this file: constants only, units in the name, the source beside the number. A bound is a
ceiling that no honest sender reaches; whoever reaches it gets a refusal, never a truncated success.
"""

from typing import Final

MEBIBYTE: Final = 1024 * 1024

MAX_BODY_BYTES: Final = 25 * MEBIBYTE
"""GitHub caps a payload at 25 MB and never sends a larger one (docs: webhook events and payloads)."""

LARGE_BODY_BYTES: Final = 1 * MEBIBYTE
"""A body above this needs one of the slots below: a body is held in memory before it can be believed."""

LARGE_BODIES_AT_ONCE: Final = 4
"""Per process. 4 x 25 MB + threads x 1 MB is the most that unverified bodies can occupy (case 15)."""

REQUEST_READ_SECONDS: Final = 10.0
"""A request is read within this; GitHub itself gives up after 10 s (docs: best practices for webhooks)."""

MAX_EVENT_CHARS: Final = 64
"""`X-GitHub-Event`; the longest published names have about 30 characters."""

MIN_DELIVERY_ID_CHARS: Final = 8
MAX_DELIVERY_ID_CHARS: Final = 64
"""`X-GitHub-Delivery` is a UUID of 36 characters; some room for other shapes of hex and dashes."""

MAX_ACTION_CHARS: Final = 100
"""`action` is a short word, but `repository_dispatch` puts a user's text of at most 100 characters there."""

MIN_SECRET_BYTES: Final = 16
"""128 bits. An HMAC with a guessable key authenticates anybody (case 6)."""

MIN_SECRET_DISTINCT_BYTES: Final = 6
"""`xxxxxxxxxxxxxxxx` is long and worthless; 32 random hex digits practically never have so few."""

MAX_SECRETS: Final = 4
"""The current secret, the one it replaces, and room for two more during an incident (case 7)."""

MAX_JSON_DEPTH: Final = 64
"""Honest payloads nest a few levels; orjson stops at 1,024, the interpreter near 1,000 (case 17)."""

MAX_JSON_MEMBERS: Final = 250_000
"""Object members and array items together: a push lists at most 2,048 commits (docs: push event), and
each has some 20 members besides its file names."""

MAX_JSON_INTEGER: Final = 2**63 - 1
"""What both databases store. Larger numbers are refused whether written as integer or float (case 17)."""
