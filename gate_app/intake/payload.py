"""The believed bytes as JSON: refused when hostile, otherwise reduced to what the sweep selects by.

Rules of this file: the body that is stored is the raw one; nothing parsed here travels on but four
small values. No recursion: depth is counted with an explicit stack (case 17). The parser (orjson)
refuses NaN, infinities, lone surrogates, invalid UTF-8, control characters and trailing text by itself.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Final

import orjson

from gate_app.intake import refusals
from gate_app.intake.delivery import Delivery
from gate_app.trust.body import VerifiedBody
from gate_app.trust.bounds import MAX_ACTION_CHARS, MAX_JSON_DEPTH, MAX_JSON_INTEGER, MAX_JSON_MEMBERS
from gate_app.trust.signature import Refusal

_ESCAPED_NUL: Final = b"\\u0000"


@dataclass(frozen=True, slots=True)
class Payload:
    """What a payload says about itself; `action` is empty and the ids are `None` where it says nothing."""

    action: str
    installation_id: int | None
    repository_id: int | None


class _DuplicateKeyError(Exception):
    pass


def read_payload(body: VerifiedBody) -> Payload | Refusal:
    """The envelope of a believed payload, or why it cannot be a payload (case 17)."""
    try:
        document: object = orjson.loads(body.raw)
    except orjson.JSONDecodeError:
        return refusals.JSON_INVALID
    if not isinstance(document, dict):
        return refusals.JSON_NOT_OBJECT
    refusal = _shape_problem(document) or _text_problem(body.raw, document)
    return refusal or _envelope(document)


def delivery_of(
    body: VerifiedBody, payload: Payload, event: str, delivery_id: str, received_at: int
) -> Delivery:
    """The row that a believed body becomes; `received_at` is in milliseconds since the epoch."""
    return Delivery(
        delivery_id=delivery_id,
        event=event,
        action=payload.action,
        installation_id=payload.installation_id,
        repository_id=payload.repository_id,
        body=body.raw,
        body_sha256=hashlib.sha256(body.raw).hexdigest(),
        received_at=received_at,
        provenance=body.provenance,
    )


def _shape_problem(document: dict[str, object]) -> Refusal | None:
    level: list[object] = [document]
    members = 0
    for _depth in range(MAX_JSON_DEPTH):
        below: list[object] = []
        for container in level:
            values = container.values() if isinstance(container, dict) else container
            members += len(values)  # type: ignore[arg-type]  # only dict and list are ever put on a level
            for value in values:  # type: ignore[attr-defined]  # the same
                kind = type(value)
                if kind is dict or kind is list:
                    below.append(value)
                elif (kind is int or kind is float) and not -MAX_JSON_INTEGER <= value <= MAX_JSON_INTEGER:
                    return refusals.JSON_NUMBER
        if members > MAX_JSON_MEMBERS:
            return refusals.JSON_TOO_MANY
        if not below:
            return None
        level = below
    return refusals.JSON_TOO_DEEP


def _text_problem(raw: bytes, document: dict[str, object]) -> Refusal | None:
    # An escaped backslash before "u0000" is text about NUL, not NUL: such pairs are taken out first.
    if _ESCAPED_NUL in raw and _ESCAPED_NUL in raw.replace(b"\\\\", b"//"):
        return refusals.JSON_NUL
    # What serialises back to the very same bytes cannot have lost a key; only the rest is read again, slowly.
    if orjson.dumps(document) == raw:
        return None
    try:
        json.loads(raw, object_pairs_hook=_unique)
    except _DuplicateKeyError:
        return refusals.JSON_DUPLICATE_KEY
    return None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _DuplicateKeyError
    return members


def _envelope(document: dict[str, object]) -> Payload:
    action = document.get("action")
    bounded = isinstance(action, str) and len(action) <= MAX_ACTION_CHARS
    return Payload(
        action=str(action) if bounded else "",
        installation_id=_id_of(document.get("installation")),
        repository_id=_id_of(document.get("repository")),
    )


def _id_of(value: object) -> int | None:
    number = value.get("id") if isinstance(value, dict) else None
    return number if type(number) is int else None
