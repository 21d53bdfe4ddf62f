"""Asking Prometheus: what holds, what does not, and what cannot be told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from gate_app.stages.probes import Refused, Unclear
from gate_app.stages.prometheus import MAX_BYTES, PrometheusLook, is_allowed


def vector(*values: str) -> bytes:
    samples = [{"metric": {}, "value": [1, value]} for value in values]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": samples}}).encode()


ANSWERS = {
    "low": (200, vector("0.001")),
    "high": (200, vector("0.5")),
    "one of two": (200, vector("0.001", "0.5")),
    "scalar(x)": (200, b'{"data": {"resultType": "scalar", "result": [1, "0.002"]}}'),
    "nothing": (200, vector()),
    "0 / 0": (200, vector("NaN")),
    "rate(": (400, b"{}"),
    "down": (503, b"{}"),
    "away": (302, b""),
    "range[5m]": (200, b'{"data": {"resultType": "matrix", "result": []}}'),
    "garbage": (200, b"<html>"),
    "shapeless": (200, b'{"data": {"resultType": "vector", "result": [{"value": "0.5"}]}}'),
    "large": (200, vector("0.001") + b" " * MAX_BYTES),
}


class _Prometheus(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        assert parts.path == "/metrics/api/v1/query"
        assert "Authorization" not in self.headers
        status, body = ANSWERS[parse_qs(parts.query)["query"][0]]
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, *_: object) -> None:
        """Silence: the test looks at answers."""


@pytest.fixture(scope="module")
def look() -> Iterator[PrometheusLook]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Prometheus)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield PrometheusLook(f"http://127.0.0.1:{server.server_port}/metrics")
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.mark.parametrize(
    ("wanted", "wrong"),
    [
        ("low < 0.01", None),
        ("high < 0.01", "it is 0.5"),
        ("one of two < 0.01", "it is 0.5"),
        ("scalar(x) <= 0.002", None),
    ],
)
def test_each_number_has_to_hold(look: PrometheusLook, wanted: str, wrong: str | None) -> None:
    assert look(wanted) == wrong


@pytest.mark.parametrize(
    "query", ["nothing", "0 / 0", "down", "away", "range[5m]", "garbage", "shapeless", "large"]
)
def test_what_cannot_be_told_is_neither_health_nor_a_breach(look: PrometheusLook, query: str) -> None:
    with pytest.raises(Unclear):
        look(f"{query} < 0.01")


def test_nobody_there_is_unclear() -> None:
    with pytest.raises(Unclear, match="did not answer"):
        PrometheusLook("http://127.0.0.1:1")("low < 0.01")


@pytest.mark.parametrize(
    ("url", "wanted", "said"),
    [
        ("", "low < 0.01", "GATE_PROMETHEUS_URL"),
        ("https://prometheus.example", "low", "comparison with a number"),
    ],
)
def test_what_can_never_be_asked_says_what_would_mend_it(url: str, wanted: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        PrometheusLook(url)(wanted)


def test_a_query_that_means_nothing_is_refused(look: PrometheusLook) -> None:
    with pytest.raises(Refused, match="make sense"):
        look("rate( < 0.01")


@pytest.mark.parametrize(
    ("query", "allowed"),
    [
        pytest.param("low", True, id="named"),
        pytest.param("job:shop:error_rate", True, id="a part of a name"),
        pytest.param("sum( rate(errors_total[5m]) )", True, id="spaces are one"),
        pytest.param("secret_total", False, id="not named"),
        pytest.param("low or secret_total", False, id="more than what is named"),
        pytest.param("job:shop or secret_total or job:x:error_rate", False, id="a star is no operator"),
        pytest.param('job:{__name__="secret"}:error_rate', False, id="nor a selector"),
        pytest.param("job:shöp:error_rate", False, id="nor a letter outside ASCII"),
    ],
)
def test_the_operator_says_what_may_be_asked(query: str, allowed: bool) -> None:
    queries = ("low", "job:*:error_rate", "sum( rate(errors_total[5m])   )")
    assert is_allowed(query, queries) is allowed
    assert is_allowed(query, ())


def test_what_may_not_be_asked_is_not_asked() -> None:
    with pytest.raises(Refused, match="GATE_PROMETHEUS_QUERIES do not let secret be asked"):
        PrometheusLook("http://127.0.0.1:1", ("low",))("secret < 1")
