"""The issuer's keys: read strictly, kept while it is away, asked for rarely."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from support.tokens import KID
from support.tokens import key_entry as entry

from gate_app.trust.bounds import MAX_KEY_SET_BYTES, MAX_KEYS
from gate_app.trust.keyring import FRESH_SECONDS, KEPT_SECONDS, REFRESH_SECONDS, Keyring, read_keys


def published(*entries: Any) -> bytes:
    return json.dumps({"keys": list(entries)}).encode()


def test_a_published_key_is_read() -> None:
    assert list(read_keys(published(entry()))) == [KID]
    assert list(read_keys(published(entry(use=None, alg=None)))) == [KID]


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(b"<html>maintenance</html>", id="case 128: HTML"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"{}", id="no keys"),
        pytest.param(b'{"keys": {}}', id="an object of keys"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b'{"keys": []}', id="case 128: empty"),
        pytest.param(b'{"keys": [7]}', id="a number"),
        pytest.param(published(*[entry(kid=str(n)) for n in range(MAX_KEYS + 1)]), id="too many"),
        pytest.param(published(entry()) + b" " * MAX_KEY_SET_BYTES, id="case 128: huge"),
        pytest.param(published(entry(kty="EC")), id="another kind"),
        pytest.param(published(entry(use="enc")), id="for another use"),
        pytest.param(published(entry(alg="RS512")), id="another algorithm"),
        pytest.param(published(entry(kid=None)), id="case 127: no kid"),
        pytest.param(published(entry(kid="")), id="case 127: an empty kid"),
        pytest.param(published(entry(kid=7)), id="case 127: a number for a kid"),
        pytest.param(published(entry(n=None)), id="no modulus"),
        pytest.param(published(entry(n=7)), id="a number for a modulus"),
        pytest.param(published(entry(e="AA")), id="an exponent of nothing"),
        pytest.param(published(entry(1024)), id="too short"),
        pytest.param(published(entry(), entry()), id="twice"),
    ],
)
def test_what_is_no_key_that_signs_is_left_out(document: bytes) -> None:
    assert read_keys(document) == {}


class Issuer:
    """Publishes what it is told to; raises where that is a fault."""

    def __init__(self) -> None:
        self.now, self.asked, self.says = 0.0, 0, published(entry())
        self.fault: OSError | None = None

    def __call__(self) -> bytes:
        self.asked += 1
        if self.fault:
            raise self.fault
        return self.says

    @property
    def clock(self) -> Callable[[], float]:
        return lambda: self.now


def test_keys_are_asked_for_when_they_are_needed_and_kept() -> None:
    issuer = Issuer()
    ring = Keyring(issuer, issuer.clock)
    assert issuer.asked == 0
    assert list(ring.keys()) == list(ring.keys()) == [KID]
    assert issuer.asked == 1
    issuer.now = FRESH_SECONDS + 1
    ring.keys()
    assert issuer.asked == 2


def test_whatever_comes_in_the_issuer_is_asked_once_a_minute() -> None:
    issuer = Issuer()
    ring = Keyring(issuer, issuer.clock)
    ring.keys()
    assert [ring.refresh() for _ in range(1_000)] == [False] * 1_000
    issuer.now = REFRESH_SECONDS
    assert ring.refresh()
    assert issuer.asked == 2


def test_nobody_waits_for_who_asks_a_slow_issuer() -> None:
    """Case 128: what anybody's token sets off holds one thread, not all that the webhooks need too."""
    issuer, asked, answers = Issuer(), threading.Event(), threading.Event()

    def slowly() -> bytes:
        asked.set()
        assert answers.wait(10)
        return issuer()

    ring = Keyring(slowly, issuer.clock)
    asking = threading.Thread(target=ring.refresh)
    asking.start()
    assert asked.wait(10)
    issuer.now = REFRESH_SECONDS
    others = ThreadPoolExecutor(1)
    assert others.submit(ring.keys).result(5) == {}
    answers.set()
    asking.join(10)
    others.shutdown()
    assert list(ring.keys()) == [KID]
    assert issuer.asked == 1


@pytest.mark.parametrize("broken", [b"", b"<html>", b'{"keys": []}'])
def test_the_last_good_keys_serve_while_the_issuer_is_away_and_not_for_ever(broken: bytes) -> None:
    issuer = Issuer()
    ring = Keyring(issuer, issuer.clock)
    ring.keys()
    issuer.says = broken
    issuer.now = FRESH_SECONDS + 1
    assert list(ring.keys()) == [KID]
    issuer.fault, issuer.now = OSError("down"), KEPT_SECONDS
    assert list(ring.keys()) == [KID]
    issuer.now = KEPT_SECONDS + 1
    assert ring.keys() == {}
