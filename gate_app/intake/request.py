"""The head of a delivery: everything that is judged before a single byte of the body is read.

Rules of this file: pure functions over the WSGI environ (PEP 3333). The order is fixed: length, type,
encoding, event, delivery id. A header that was sent twice arrives joined by a comma and fails its
pattern. Nothing here is believed: the head is not under the signature (case 9).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gate_app.intake import refusals
from gate_app.trust.bounds import MAX_DELIVERY_ID_CHARS, MAX_EVENT_CHARS, MIN_DELIVERY_ID_CHARS
from gate_app.trust.signature import Refusal

Environ = Mapping[str, object]

_LENGTH: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_JSON_TYPE: Final = re.compile(r'application/json(?:\s*;\s*charset="?utf-8"?)?', re.ASCII | re.IGNORECASE)
EVENT: Final = re.compile(rf"[a-z0-9_]{{1,{MAX_EVENT_CHARS}}}", re.ASCII)
DELIVERY_ID: Final = re.compile(
    rf"(?!-)[0-9A-Fa-f-]{{{MIN_DELIVERY_ID_CHARS},{MAX_DELIVERY_ID_CHARS}}}(?<!-)", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Head:
    """A bounded, unverified head. `length` is in bytes; `signature` is `None` when it was not sent."""

    length: int
    event: str
    delivery_id: str
    signature: str | None = field(repr=False)


def read_head(environ: Environ, max_body_bytes: int) -> Head | Refusal:
    """The head of the request, or the first reason not to read its body (cases 4, 5, 15, 16)."""
    length = _length(environ, max_body_bytes)
    if isinstance(length, Refusal):
        return length
    if not _JSON_TYPE.fullmatch(_text(environ, "CONTENT_TYPE")):
        return refusals.TYPE_UNSUPPORTED
    if "HTTP_CONTENT_ENCODING" in environ:
        return refusals.ENCODING_UNSUPPORTED
    event, delivery_id = _text(environ, "HTTP_X_GITHUB_EVENT"), _text(environ, "HTTP_X_GITHUB_DELIVERY")
    if not EVENT.fullmatch(event):
        return refusals.EVENT_INVALID
    if not DELIVERY_ID.fullmatch(delivery_id):
        return refusals.DELIVERY_INVALID
    return Head(length, event, delivery_id, _text(environ, "HTTP_X_HUB_SIGNATURE_256") or None)


def _length(environ: Environ, max_body_bytes: int) -> int | Refusal:
    declared = _text(environ, "CONTENT_LENGTH")
    if "HTTP_TRANSFER_ENCODING" in environ or not _LENGTH.fullmatch(declared):
        return refusals.LENGTH_MISSING
    length = int(declared)
    return length if length <= max_body_bytes else refusals.BODY_TOO_LARGE


def _text(environ: Environ, key: str) -> str:
    value = environ.get(key, "")
    return value if isinstance(value, str) else ""
