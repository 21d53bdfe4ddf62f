"""Watching a release: what is asked, what is a breach, and what may not be asked."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gate_app.domain.evidence import StageReason, StageVerdict
from gate_app.domain.probes import Probe
from gate_app.stages.probes import BREACH_AFTER, HttpLook, Look, Refused, Unclear, watch

UP = "https://up.example/"
UNCLEAR = "?"


class Clock:
    """Time that passes only when somebody pauses."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


def scripted(answers: dict[str, list[str | None]], asked: list[tuple[float, str]], clock: Clock) -> Look:
    """Answers each address from its list; the last one goes on."""

    def look(probe: Probe) -> str | None:
        asked.append((clock.now, probe.url))
        script = answers[probe.url]
        said = script.pop(0) if len(script) > 1 else script[0]
        if said == UNCLEAR:
            raise Unclear("no data")
        return said

    return look


def watched(
    answers: dict[str, list[str | None]], seconds: float = 100, every: float = 10
) -> tuple[str, str, list[float]]:
    """Verdict, detail and the times at which something was asked."""
    clock, asked = Clock(), list[tuple[float, str]]()
    probes = [Probe(url, timedelta(seconds=every)) for url in answers]
    outcome = watch(probes, seconds, scripted(answers, asked, clock), clock, clock.pause)
    return outcome.verdict.value, outcome.detail, [at for at, _ in asked]


def test_a_healthy_release_is_asked_at_its_interval_to_the_end() -> None:
    verdict, _, times = watched({UP: [None]}, seconds=50)
    assert (verdict, times) == ("passed", [0, 10, 20, 30, 40])


def test_one_bad_answer_is_no_breach_and_three_in_a_row_are() -> None:
    assert watched({UP: [None, "it answered 500", None]})[0] == "passed"
    assert watched({UP: ["a", "b", None]})[0] == "passed"
    verdict, detail, times = watched({UP: [None, "it answered 500"]})
    assert (verdict, len(times)) == ("failed", 1 + BREACH_AFTER)
    assert detail == f"{UP} failed 3 times in a row: it answered 500"


def test_any_of_several_probes_can_breach() -> None:
    verdict, detail, _ = watched({UP: [None], "https://down.example/": ["it answered 503"]})
    assert verdict == "failed"
    assert "down.example" in detail


def test_a_watch_that_ends_while_something_fails_is_no_health() -> None:
    verdict, detail, _ = watched({UP: [None, None, "no answer"]}, seconds=40)
    assert verdict == "unknown"
    assert "was failing: no answer" in detail


def test_what_is_unclear_is_neither_a_good_nor_a_bad_answer() -> None:
    assert watched({UP: ["a", UNCLEAR, "b", UNCLEAR, None]})[0] == "passed"
    assert watched({UP: ["a", UNCLEAR, "b", UNCLEAR, "c"]})[0] == "failed"
    verdict, detail, _ = watched({UP: [None, UNCLEAR]})
    assert verdict == "unknown"
    assert "was unclear: no data" in detail


def test_an_address_that_may_not_be_asked_is_unknown_and_says_what_would_mend_it() -> None:
    outcome = watch(
        [Probe("http://127.0.0.1:9/")], 10, lambda probe: HttpLook()(probe.url), Clock(), lambda _: None
    )
    assert (outcome.verdict, outcome.reason) == (StageVerdict.UNKNOWN, StageReason.PROBE_UNKNOWN)
    assert "GATE_PROBE_HOSTS" in outcome.detail


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "10.1.2.3", "192.168.0.1", "169.254.169.254", "[::1]"]
)
def test_private_addresses_are_refused_unless_the_operator_names_the_host(host: str) -> None:
    with pytest.raises(Refused):
        HttpLook()(f"http://{host}:9/")


class _Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status = {"/up": 204, "/down": 500, "/away": 302}.get(self.path, 404)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/up")
        self.end_headers()

    def log_request(self, *_: object) -> None:
        """Silence: the test looks at answers."""


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Service)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("/up", None),
        ("/down", "it answered 500"),
        ("/away", "it answered 302"),
        ("/elsewhere?x=1", "it answered 404"),
        ("", "it answered 404"),
    ],
)
def test_a_service_answers(service: str, path: str, wrong: str | None) -> None:
    assert HttpLook(("127.0.0.*",))(service + path) == wrong


def test_nobody_there_is_no_answer(service: str) -> None:
    look = HttpLook(("127.0.0.1", "localhost"))
    assert (look("http://127.0.0.1:1/up") or "").startswith("no answer")


def test_tls_is_verified(service: str) -> None:
    assert (HttpLook(("127.0.0.1",))(service.replace("http:", "https:")) or "").startswith("no answer")


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | OSError], None]:
    """Makes every name have one address, or none."""

    def says(found: str | OSError) -> None:
        def answer(*_: object, **__: object) -> list[tuple[object, ...]]:
            if isinstance(found, OSError):
                raise found
            return [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", (found, 80, 0, 0))]

        monkeypatch.setattr(socket, "getaddrinfo", answer)

    return says


def test_a_name_that_does_not_exist_does_not_resolve(resolver: Callable[[str | OSError], None]) -> None:
    resolver(socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    assert (HttpLook()("http://nowhere.invalid/") or "").startswith("the name does not resolve")


def test_trouble_of_our_own_resolver_is_no_breach(resolver: Callable[[str | OSError], None]) -> None:
    resolver(socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"))
    clock = Clock()
    found = watch([Probe(UP)], 900, lambda probe: HttpLook()(probe.url), clock, clock.pause)
    assert (found.verdict, found.reason) == (StageVerdict.UNKNOWN, StageReason.PROBE_UNKNOWN)
    assert "could not be looked up (Temporary failure in name resolution)" in found.detail


@pytest.mark.parametrize("number", [errno.ENETUNREACH, errno.EHOSTUNREACH])
def test_a_network_of_ours_that_leads_nowhere_is_no_breach(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(*_: object) -> None:
        raise OSError(number, "unreachable")

    monkeypatch.setattr(socket.socket, "connect", nowhere)
    with pytest.raises(Unclear, match="no way there"):
        HttpLook(("127.0.0.1",))("http://127.0.0.1:9/")


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("64:ff9b::a9fe:a9fe", id="NAT64 of 169.254.169.254"),
        pytest.param("2002:7f00:1::", id="6to4 of 127.0.0.1"),
        pytest.param("::127.0.0.1", id="IPv4-compatible"),
        pytest.param("::ffff:10.0.0.1", id="IPv4-mapped"),
        pytest.param("fec0::1", id="site-local"),
        pytest.param("224.0.0.1", id="a group"),
        pytest.param("ff0e::1", id="a group of IPv6"),
        pytest.param("fe80::1%eth0", id="link-local"),
    ],
)
def test_a_name_with_an_address_that_is_private_in_disguise_is_refused(
    address: str, resolver: Callable[[str | OSError], None]
) -> None:
    resolver(address)
    with pytest.raises(Refused):
        HttpLook()("http://app.example/")


@pytest.mark.parametrize("address", ["8.8.8.8", "64:ff9b::808:808", "2606:4700::1"])
def test_a_public_address_is_asked(
    address: str, resolver: Callable[[str | OSError], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver(address)
    asked: list[object] = []

    def refuse(_: socket.socket, where: object) -> None:
        asked.append(where)
        raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert (HttpLook()("http://app.example/") or "").startswith("no answer")
    assert asked
