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

MAX_JOB_TOKEN_CHARS: Final = 16 * 1024
"""A job's OIDC token has some 2,000 characters; its claims are short (docs: OpenID Connect reference)."""

MAX_CLAIM_CHARS: Final = 1_024
"""One claim; the longest are `sub` and the refs of workflow files."""

MAX_TOKEN_SECONDS: Final = 15 * 60
"""From `iat` to `exp`; GitHub's tokens live five minutes (case 124)."""

MAX_KEYS: Final = 32
MAX_KEY_SET_BYTES: Final = 256 * 1024
"""What an issuer publishes; GitHub has a handful of keys (case 128)."""

MIN_KEY_BITS: Final = 2_048
"""Of an RSA key that signs tokens (RFC 7518, section 3.3)."""

MAX_CALL_BYTES: Final = 16 * 1024
"""The body of a call by a job; it names an environment and little else."""
