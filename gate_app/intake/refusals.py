"""Every way the receiver says no: code, HTTP status and what the sender can do.

Rules of this file: codes are append-only and documented in `docs/webhooks.md`; a text never contains
anything that was received.
"""

from typing import Final

from gate_app.trust.bounds import MAX_JSON_DEPTH, MAX_JSON_MEMBERS
from gate_app.trust.signature import SIGNATURE_MALFORMED, SIGNATURE_MISMATCH, SIGNATURE_MISSING, Refusal

METHOD_NOT_ALLOWED: Final = Refusal("method_not_allowed", "send deliveries with POST")
LENGTH_MISSING: Final = Refusal("length_missing", "declare Content-Length once; chunked bodies are not read")
BODY_TOO_LARGE: Final = Refusal("body_too_large", "GitHub never sends more than 25 MB")
TYPE_UNSUPPORTED: Final = Refusal("type_unsupported", "set the webhook's content type to application/json")
ENCODING_UNSUPPORTED: Final = Refusal("encoding_unsupported", "send the body without Content-Encoding")
EVENT_INVALID: Final = Refusal("event_invalid", "send X-GitHub-Event once: a-z, 0-9 and _, at most 64")
DELIVERY_INVALID: Final = Refusal("delivery_invalid", "send X-GitHub-Delivery once: a UUID")
BODY_INCOMPLETE: Final = Refusal("body_incomplete", "send as many bytes as Content-Length declares")
BODY_SLOW: Final = Refusal("body_slow", "send the whole body within ten seconds")
JSON_INVALID: Final = Refusal("json_invalid", "send one JSON document as RFC 8259 has it, in UTF-8")
JSON_NOT_OBJECT: Final = Refusal("json_not_object", "send a JSON object")
JSON_TOO_DEEP: Final = Refusal("json_too_deep", f"nest at most {MAX_JSON_DEPTH} levels")
JSON_TOO_MANY: Final = Refusal("json_too_many", f"send at most {MAX_JSON_MEMBERS} members and items")
JSON_NUMBER: Final = Refusal("json_number", "send numbers that fit in 64 bits")
JSON_DUPLICATE_KEY: Final = Refusal("json_duplicate_key", "send each key of an object once")
JSON_NUL: Final = Refusal("json_nul", "send text without U+0000")
ROW_REJECTED: Final = Refusal("row_rejected", "the database refused this delivery; see the application's log")
STORE_UNAVAILABLE: Final = Refusal("store_unavailable", "redeliver later; nothing was stored")
RECEIVER_BUSY: Final = Refusal("receiver_busy", "redeliver later; too many large bodies at once")
INTERNAL: Final = Refusal("internal", "redeliver later; see the application's log")

STATUS: Final[dict[str, str]] = {
    SIGNATURE_MISSING.code: "401 Unauthorized",
    SIGNATURE_MALFORMED.code: "401 Unauthorized",
    SIGNATURE_MISMATCH.code: "401 Unauthorized",
    METHOD_NOT_ALLOWED.code: "405 Method Not Allowed",
    LENGTH_MISSING.code: "411 Length Required",
    BODY_TOO_LARGE.code: "413 Content Too Large",
    TYPE_UNSUPPORTED.code: "415 Unsupported Media Type",
    ENCODING_UNSUPPORTED.code: "415 Unsupported Media Type",
    EVENT_INVALID.code: "400 Bad Request",
    DELIVERY_INVALID.code: "400 Bad Request",
    BODY_INCOMPLETE.code: "400 Bad Request",
    BODY_SLOW.code: "408 Request Timeout",
    JSON_INVALID.code: "400 Bad Request",
    JSON_NOT_OBJECT.code: "400 Bad Request",
    JSON_TOO_DEEP.code: "400 Bad Request",
    JSON_TOO_MANY.code: "400 Bad Request",
    JSON_NUMBER.code: "400 Bad Request",
    JSON_DUPLICATE_KEY.code: "400 Bad Request",
    JSON_NUL.code: "400 Bad Request",
    ROW_REJECTED.code: "400 Bad Request",
    STORE_UNAVAILABLE.code: "503 Service Unavailable",
    RECEIVER_BUSY.code: "503 Service Unavailable",
    INTERNAL.code: "500 Internal Server Error",
}
