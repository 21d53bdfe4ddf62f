"""The receiver in process: what is stored, what is refused, and that a refusal has no side effect."""

import io
import json
import logging
import random
import uuid
from collections.abc import Callable

import pytest
from support.deliveries import (
    NOW_MS,
    OLD_SECRET,
    SECRET,
    RecordingStore,
    call,
    comment_body,
    environ,
    receiver,
    sign,
)

from gate_app.intake import refusals
from gate_app.intake.delivery import Outcome, StoreUnavailableError
from gate_app.intake.payload import Payload, read_payload
from gate_app.intake.receiver import Receiver
from gate_app.trust.body import VerifiedBody
from gate_app.trust.bounds import MAX_JSON_DEPTH, MAX_JSON_INTEGER
from gate_app.trust.signature import Refusal, WeakSecretError, verify

BODY = comment_body()
DELIVERY_ID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"


def test_a_signed_delivery_is_stored_as_it_was_received() -> None:
    store = RecordingStore()
    answer = call(receiver(store), environ(BODY, HTTP_X_GITHUB_DELIVERY=DELIVERY_ID))
    assert (answer.status, answer.code) == (202, "stored")
    (delivery,) = store.deliveries
    assert (delivery.delivery_id, delivery.event, delivery.action) == (
        DELIVERY_ID,
        "issue_comment",
        "created",
    )
    assert (delivery.installation_id, delivery.repository_id) == (7, 42)
    assert (delivery.body, delivery.received_at) == (BODY, NOW_MS)
    assert len(delivery.body_sha256) == 64


@pytest.mark.parametrize(
    ("outcome", "status", "code"),
    [
        (Outcome.STORED, 202, "stored"),
        (Outcome.KNOWN, 200, "known"),
        (Outcome.REJECTED, 400, "row_rejected"),
    ],
)
def test_the_answer_says_what_became_of_the_row(outcome: Outcome, status: int, code: str) -> None:
    answer = call(receiver(RecordingStore(outcome)), environ(BODY))
    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        pytest.param(StoreUnavailableError("SQLITE_BUSY"), 503, id="case 202: the store is locked"),
        pytest.param(RuntimeError("a bug with a canary-body inside"), 500, id="a fault of ours"),
    ],
)
def test_case_203_without_a_commit_there_is_never_a_2xx(
    fault: Exception, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    answer = call(receiver(RecordingStore(fault=fault)), environ(BODY))
    assert answer.status == status
    assert ("Retry-After" in answer.headers) == (status == 503)
    assert "canary" not in caplog.text + answer.body.decode()


HEADS = [
    pytest.param({"REQUEST_METHOD": "GET"}, 405, "method_not_allowed", id="GET"),
    pytest.param({"CONTENT_LENGTH": None}, 411, "length_missing", id="case 15: no length"),
    pytest.param({"CONTENT_LENGTH": ""}, 411, "length_missing", id="case 15: empty length"),
    pytest.param({"CONTENT_LENGTH": "-1"}, 411, "length_missing", id="case 189: negative length"),
    pytest.param({"CONTENT_LENGTH": "1_0"}, 411, "length_missing", id="a length with an underscore"),
    pytest.param({"CONTENT_LENGTH": "٣"}, 411, "length_missing", id="a length in Arabic digits"),
    pytest.param({"CONTENT_LENGTH": "9" * 400}, 411, "length_missing", id="an absurd length"),
    pytest.param({"HTTP_TRANSFER_ENCODING": "chunked"}, 411, "length_missing", id="case 15: chunked"),
    pytest.param({"CONTENT_LENGTH": "26214401"}, 413, "body_too_large", id="case 15: one byte too many"),
    pytest.param(
        {"CONTENT_TYPE": "application/x-www-form-urlencoded"}, 415, "type_unsupported", id="case 5: a form"
    ),
    pytest.param({"CONTENT_TYPE": None}, 415, "type_unsupported", id="no type"),
    pytest.param({"CONTENT_TYPE": "application/json; charset=utf-16"}, 415, "type_unsupported", id="UTF-16"),
    pytest.param({"CONTENT_TYPE": "application/jsonp"}, 415, "type_unsupported", id="nearly JSON"),
    *(
        pytest.param(
            {"HTTP_CONTENT_ENCODING": encoding}, 415, "encoding_unsupported", id=f"case 16: {encoding}"
        )
        for encoding in ("gzip", "br", "deflate", "identity")
    ),
    *(
        pytest.param({"HTTP_X_GITHUB_EVENT": event}, 400, "event_invalid", id=f"event {event!r:.20}")
        for event in (None, "", "Push", "push,push", "a" * 65, "push\n", "пуш", "../push")
    ),
    *(
        pytest.param({"HTTP_X_GITHUB_DELIVERY": guid}, 400, "delivery_invalid", id=f"delivery {guid!r:.20}")
        for guid in (None, "", "x", "1234567", "a" * 65, DELIVERY_ID + "," + DELIVERY_ID, "-" * 12, "é" * 12)
    ),
    pytest.param({"HTTP_X_HUB_SIGNATURE_256": None}, 401, "signature_missing", id="case 1: unsigned"),
    pytest.param(
        {"HTTP_X_HUB_SIGNATURE_256": None, "HTTP_X_HUB_SIGNATURE": "sha1=" + "0" * 40},
        401,
        "signature_missing",
        id="case 2: SHA-1 only",
    ),
    pytest.param(
        {"HTTP_X_HUB_SIGNATURE_256": sign(BODY, OLD_SECRET)}, 401, "signature_mismatch", id="case 1: foreign"
    ),
]


@pytest.mark.parametrize(("changes", "status", "code"), HEADS)
def test_a_head_out_of_bounds_is_refused_and_nothing_is_stored(
    changes: dict[str, object], status: int, code: str
) -> None:
    store = RecordingStore()
    answer = call(receiver(store), environ(BODY, **changes))
    assert (answer.status, answer.code) == (status, code)
    assert store.deliveries == []


@pytest.mark.parametrize(
    ("changes", "status", "code"), [case for case in HEADS if case.values[1] not in (401,)]
)
def test_case_015_a_refused_head_costs_no_byte_of_the_body(
    changes: dict[str, object], status: int, code: str
) -> None:
    stream = io.BytesIO(BODY)
    call(receiver(RecordingStore()), environ(BODY, **changes, **{"wsgi.input": stream}))
    assert stream.tell() == 0


def test_exactly_the_declared_length_is_read() -> None:
    stream = io.BytesIO(BODY + b"the next request")
    answer = call(receiver(RecordingStore()), environ(BODY, **{"wsgi.input": stream}))
    assert (answer.status, stream.tell()) == (202, len(BODY))


class Broken(io.BytesIO):
    """A body whose connection breaks."""

    def read(self, size: int | None = -1, /) -> bytes:
        raise ConnectionResetError


@pytest.mark.parametrize(
    "stream", [io.BytesIO(BODY[:-1]), io.BytesIO(b""), Broken(b"")], ids=["cut", "none", "reset"]
)
def test_a_body_shorter_than_declared_is_refused(stream: io.BytesIO) -> None:
    store = RecordingStore()
    answer = call(receiver(store), environ(BODY, **{"wsgi.input": stream}))
    assert (answer.status, answer.code, store.deliveries) == (400, "body_incomplete", [])


def test_case_015_a_body_that_did_not_arrive_in_time_is_told_so() -> None:
    ticks = iter([0.0, 10.0])
    slow = Receiver(
        secrets=[SECRET], store=RecordingStore(), now_ms=lambda: NOW_MS, monotonic=lambda: next(ticks)
    )
    answer = call(slow, environ(BODY, **{"wsgi.input": io.BytesIO(b"")}))
    assert (answer.status, answer.code) == (408, "body_slow")


def test_case_015_only_a_few_large_bodies_are_held_at_once() -> None:
    store = RecordingStore()
    crowded = receiver(store, large_body_bytes=10, large_bodies_at_once=1)
    inner: list[int] = []

    class Second(io.BytesIO):
        """While the first body is read, a second one arrives."""

        def read(self, size: int | None = -1, /) -> bytes:
            inner.append(call(crowded, environ(BODY)).status)
            return super().read(size)

    first = call(crowded, environ(BODY, **{"wsgi.input": Second(BODY)}))
    assert (first.status, inner) == (202, [503])
    assert call(crowded, environ(BODY)).status == 202, "the slot is free again"


def test_case_015_a_small_body_never_waits_for_a_large_one() -> None:
    assert call(receiver(RecordingStore(), large_bodies_at_once=0), environ(BODY)).status == 202


def _verified(raw: bytes) -> VerifiedBody:
    body = verify(raw, sign(raw), [SECRET])
    assert isinstance(body, VerifiedBody)
    return body


BOMBS = [
    pytest.param(b"", "json_invalid", id="empty"),
    pytest.param(b"{", "json_invalid", id="cut"),
    pytest.param(b"{} {}", "json_invalid", id="two documents"),
    pytest.param(b"\xef\xbb\xbf{}", "json_invalid", id="byte order mark"),
    pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "json_invalid", id="100,000 levels"),
    pytest.param(
        b'{"a":' + b"[" * MAX_JSON_DEPTH + b"]" * MAX_JSON_DEPTH + b"}",
        "json_too_deep",
        id="one level too deep",
    ),
    pytest.param(b'{"a":' + b"1" * 5_000 + b"}", "json_invalid", id="an integer of 5,000 digits"),
    pytest.param(b'{"a":' + b"1" * 25 + b"}", "json_number", id="an integer of 25 digits"),
    pytest.param(b'{"a":[1e30]}', "json_number", id="a float beyond 64 bits"),
    pytest.param(b'{"a":9223372036854775808}', "json_number", id="one above the largest"),
    pytest.param(b'{"a":NaN}', "json_invalid", id="NaN"),
    pytest.param(b'{"a":-Infinity}', "json_invalid", id="Infinity"),
    pytest.param(b'{"a":1e999}', "json_invalid", id="an infinite float"),
    pytest.param(b'{"a":1,"a":2}', "json_duplicate_key", id="a key twice"),
    pytest.param(b'{"a":{"b":1,"b":1}}', "json_duplicate_key", id="a key twice, deeper"),
    pytest.param(b'{"a":1,"\\u0061":2}', "json_duplicate_key", id="a key twice, once escaped"),
    pytest.param(b'{"a":"\\ud800"}', "json_invalid", id="a lone surrogate"),
    pytest.param(b'{"a":"\xed\xa0\x80"}', "json_invalid", id="a surrogate in UTF-8"),
    pytest.param(b'{"a":"\xff"}', "json_invalid", id="not UTF-8"),
    pytest.param(b'{"a":"\\u0000"}', "json_nul", id="NUL, escaped"),
    pytest.param(b'{"\\u0000":1}', "json_nul", id="NUL in a key"),
    pytest.param(b'{"a":"\\\\\\u0000"}', "json_nul", id="NUL after an escaped backslash"),
    pytest.param(b'{"a":"\x00"}', "json_invalid", id="NUL, raw"),
    pytest.param(b"[]", "json_not_object", id="an array"),
    pytest.param(b'"text"', "json_not_object", id="a string"),
    pytest.param(b"null", "json_not_object", id="null"),
    pytest.param(b'{"a":[' + b"0," * 250_000 + b"0]}", "json_too_many", id="too many items"),
]


@pytest.mark.parametrize(("body", "code"), BOMBS)
def test_case_017_a_json_bomb_is_a_clean_400_and_no_row(body: bytes, code: str) -> None:
    store = RecordingStore()
    answer = call(receiver(store), environ(body))
    assert (answer.status, answer.code, store.deliveries) == (400, code, [])


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"a":"\\\\u0000"}', id="text about NUL"),
        pytest.param(b'{ "a" : [ 1.5, true, null ] }', id="white space"),
        pytest.param(
            b'{"a":' + b"[" * (MAX_JSON_DEPTH - 1) + b"]" * (MAX_JSON_DEPTH - 1) + b"}",
            id="as deep as may be",
        ),
        pytest.param(b'{"a":%d,"b":-%d}' % (MAX_JSON_INTEGER, MAX_JSON_INTEGER), id="the largest integers"),
        pytest.param('{"a":"é","b":"\\ud83d\\ude00"}'.encode(), id="unicode, raw and as a pair"),
    ],
)
def test_case_017_honest_json_at_the_bound_is_stored(body: bytes) -> None:
    assert call(receiver(RecordingStore()), environ(body)).status == 202


@pytest.mark.parametrize(
    ("body", "payload"),
    [
        pytest.param(b"{}", Payload("", None, None), id="case 12: an empty object"),
        pytest.param(b'{"action":5}', Payload("", None, None), id="case 12: an action that is no text"),
        pytest.param(
            b'{"action":"%s"}' % (b"x" * 101), Payload("", None, None), id="an action that is too long"
        ),
        pytest.param(b'{"installation":{"id":true}}', Payload("", None, None), id="an id that is a boolean"),
        pytest.param(b'{"installation":{"id":"7"}}', Payload("", None, None), id="an id that is text"),
        pytest.param(
            b'{"installation":7,"repository":[]}', Payload("", None, None), id="ids without objects"
        ),
        pytest.param(
            b'{"repository":{"id":9}}', Payload("", None, 9), id="a repository without an installation"
        ),
    ],
)
def test_case_012_what_the_payload_does_not_say_stays_empty(body: bytes, payload: Payload) -> None:
    assert read_payload(_verified(body)) == payload


def test_case_012_an_unknown_event_is_stored_for_the_engine_to_ignore() -> None:
    assert call(receiver(RecordingStore()), environ(BODY, HTTP_X_GITHUB_EVENT="unheard_of")).status == 202


def test_case_007_a_rotation_refuses_no_legitimate_delivery_and_then_no_old_one() -> None:
    new, old = environ(BODY), environ(BODY, HTTP_X_HUB_SIGNATURE_256=sign(BODY, OLD_SECRET))
    phases = {"before": [OLD_SECRET], "during": [SECRET, OLD_SECRET], "after": [SECRET]}
    seen = {
        phase: [
            call(receiver(RecordingStore(), secrets), request | {"wsgi.input": io.BytesIO(BODY)}).status
            for request in (old, new)
        ]
        for phase, secrets in phases.items()
    }
    assert seen == {"before": [202, 401], "during": [202, 202], "after": [401, 202]}


def test_case_006_a_receiver_cannot_be_made_with_a_weak_secret() -> None:
    with pytest.raises(WeakSecretError):
        receiver(RecordingStore(), [b""])


def test_case_008_neither_secret_nor_signature_nor_body_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = b"canary-secret-7c1f"
    body = comment_body(note="canary-body")
    stores = [
        RecordingStore(),
        RecordingStore(Outcome.REJECTED),
        RecordingStore(fault=StoreUnavailableError("SQLITE_FULL")),
        RecordingStore(fault=KeyError("canary-body")),
    ]
    answers = [
        call(receiver(store, [secret]), environ(body, HTTP_X_HUB_SIGNATURE_256=signature)).body.decode()
        for store in stores
        for signature in (sign(body, secret), sign(body, OLD_SECRET), "sha256=canary")
    ]
    told = caplog.text + "".join(answers) + repr(stores[0].deliveries)
    assert not any(word in told for word in ("canary", sign(body, secret)[7:], sign(body, OLD_SECRET)[7:]))


def test_every_refusal_has_a_status_and_a_fix() -> None:
    told = [value for value in vars(refusals).values() if isinstance(value, Refusal)]
    assert {refusal.code for refusal in told} == set(refusals.STATUS)
    assert all(refusal.fix for refusal in told)


Mutation = Callable[[random.Random, dict[str, object], bytes], bytes]


def _flip(dice: random.Random, request: dict[str, object], body: bytes) -> bytes:
    at = dice.randrange(len(body))
    return body[:at] + bytes([body[at] ^ (1 << dice.randrange(8))]) + body[at + 1 :]


def _cut(dice: random.Random, request: dict[str, object], body: bytes) -> bytes:
    return body[: dice.randrange(len(body))]


def _grow(dice: random.Random, request: dict[str, object], body: bytes) -> bytes:
    at = dice.randrange(len(body) + 1)
    return body[:at] + dice.randbytes(dice.randint(1, 40)) + body[at:]


def _reserialise(dice: random.Random, request: dict[str, object], body: bytes) -> bytes:
    members = list(json.loads(body).items())
    dice.shuffle(members)
    return json.dumps(dict(members), indent=dice.randint(1, 4)).encode()


def _other_signature(dice: random.Random, request: dict[str, object], body: bytes) -> bytes:
    digits = list(str(request["HTTP_X_HUB_SIGNATURE_256"]))
    at = dice.randrange(len(digits))
    digits[at] = dice.choice([letter for letter in "0123456789abcdefABCDEFg=, é\n" if letter != digits[at]])
    request["HTTP_X_HUB_SIGNATURE_256"] = "".join(digits)
    return body


def _foreign_secret(dice: random.Random, request: dict[str, object], body: bytes) -> bytes:
    request["HTTP_X_HUB_SIGNATURE_256"] = sign(body, dice.randbytes(32))
    return body


def _lost_header(dice: random.Random, request: dict[str, object], body: bytes) -> bytes:
    del request[dice.choice([key for key in request if key.startswith(("HTTP_", "CONTENT_"))])]
    return body


def _noise_in_header(dice: random.Random, request: dict[str, object], body: bytes) -> bytes:
    key = dice.choice([key for key in request if key.startswith("HTTP_") or key == "CONTENT_TYPE"])
    at = dice.randrange(len(str(request[key])) + 1)
    request[key] = (
        str(request[key])[:at]
        + dice.choice(["\x00", ",", "é", "\u2028", "{", "%00"])
        + str(request[key])[at:]
    )
    return body


MUTATIONS: list[Mutation] = [
    _flip,
    _cut,
    _grow,
    _reserialise,
    _other_signature,
    _foreign_secret,
    _lost_header,
    _noise_in_header,
]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__.strip("_"))
def test_case_001_no_mutant_of_a_delivery_has_a_side_effect(mutation: Mutation) -> None:
    dice = random.Random(mutation.__name__)  # noqa: S311  # repeatable, not secret
    store = RecordingStore()
    receiving = receiver(store)
    answers = set()
    for _ in range(800):
        request = environ(BODY, HTTP_X_GITHUB_DELIVERY=str(uuid.UUID(int=dice.getrandbits(128))))
        body = mutation(dice, request, BODY)
        request |= {"wsgi.input": io.BytesIO(body)}
        if "CONTENT_LENGTH" in request:
            request["CONTENT_LENGTH"] = str(len(body))
        answers.add(call(receiving, request).status)
    assert store.deliveries == []
    assert answers <= {400, 401, 411, 415}
