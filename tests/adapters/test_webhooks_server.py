"""The receiver behind the real gunicorn, spoken to in raw bytes."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.deliveries import (
    Server,
    comment_body,
    raw_request,
    read_all,
    rows,
    running_server,
    sign,
)
from support.store import new_sqlite

BODY = comment_body()
GUID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_sqlite(tmp_path_factory.mktemp("server") / "gate.db")


@pytest.fixture(scope="module")
def server(database: Path) -> Iterator[Server]:
    with running_server(database, read_seconds=1) as running:
        yield running


def _status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


def _without_effect(database: Path, server: Server, request: bytes, **settings: bool) -> bytes:
    before = rows(database)
    answer = server.exchange(request, **settings)
    assert rows(database) == before
    return answer


def test_a_delivery_over_http_is_durable_and_its_redelivery_is_known(database: Path, server: Server) -> None:
    answers = [server.exchange(raw_request(BODY, GUID)) for _ in range(2)]
    assert [_status(answer) for answer in answers] == [202, 200]
    assert rows(database, "delivery_id, body").count((GUID, BODY)) == 1


def test_two_deliveries_travel_on_one_connection(database: Path, server: Server) -> None:
    before = len(rows(database))
    first = raw_request(BODY, Connection="keep-alive")
    assert server.exchange(first + raw_request(BODY)).count(b"HTTP/1.1 202") == 2
    assert len(rows(database)) == before + 2


def _chunked(body: bytes, **headers: str | None) -> bytes:
    head = raw_request(b"", Transfer_Encoding="chunked", X_Hub_Signature_256=sign(body), **headers)
    return head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


RAW = [
    pytest.param(_chunked(BODY, Content_Length=None), 411, id="case 15: chunked"),
    pytest.param(_chunked(BODY, Content_Length=str(len(BODY))), 400, id="case 189: length and chunked"),
    pytest.param(_chunked(BODY, Content_Length="0"), 400, id="case 189: length zero and chunked"),
    pytest.param(
        raw_request(BODY).replace(b"Content-Length: ", b"Content-Length: 1\r\nContent-Length: "),
        400,
        id="case 189: two lengths",
    ),
    pytest.param(raw_request(BODY, Content_Length="-5"), 400, id="case 189: a negative length"),
    pytest.param(raw_request(BODY, Content_Length="+5"), 400, id="case 189: a signed length"),
    pytest.param(raw_request(BODY, Content_Length=None), 411, id="case 15: no length"),
    pytest.param(raw_request(BODY, Content_Length="30000000"), 413, id="case 15: 30 MB announced"),
    pytest.param(raw_request(BODY, Content_Encoding="gzip"), 415, id="case 16: gzip"),
    pytest.param(
        raw_request(BODY).replace(
            b"X-Hub-Signature-256: ", b"X-Hub-Signature-256: sha256=0\r\nX-Hub-Signature-256: "
        ),
        401,
        id="case 4: the signature twice",
    ),
    pytest.param(
        raw_request(BODY, X_Hub_Signature_256=None).replace(
            b"Host:", b"X_Hub_Signature_256: " + sign(BODY).encode() + b"\r\nHost:"
        ),
        400,
        id="case 4: the signature under a look-alike name",
    ),
    pytest.param(
        raw_request(BODY, X_Hub_Signature_256="sha256=é"), 401, id="case 4: the signature not in ASCII"
    ),
    pytest.param(raw_request(BODY, X_Filler="x" * 9_000), 431, id="a header of 9,000 bytes"),
    pytest.param(raw_request(BODY, **{f"X_{n}": "x" for n in range(80)}), 431, id="eighty-seven headers"),
    pytest.param(raw_request(BODY).replace(b"/webhooks/github", b"/" + b"x" * 4_000), 414, id="a long path"),
    pytest.param(raw_request(BODY).replace(b"POST", b"GET", 1), 405, id="GET"),
]


@pytest.mark.parametrize(("request_bytes", "status"), RAW)
def test_a_request_out_of_bounds_is_refused_over_http(
    database: Path, server: Server, request_bytes: bytes, status: int
) -> None:
    assert _status(_without_effect(database, server, request_bytes)) == status


def test_case_015_a_truncated_body_is_never_taken_for_a_whole_one(database: Path, server: Server) -> None:
    answer = _without_effect(database, server, raw_request(BODY)[:-1], half_close=True)
    assert _status(answer) == 400
    assert b"body_incomplete" in answer


def test_case_015_a_slow_body_is_ended_and_others_are_served_meanwhile(
    database: Path, server: Server
) -> None:
    before = len(rows(database))
    slow = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(6)]
    for sock in slow:
        sock.sendall(raw_request(BODY)[:-10])
    assert _status(server.exchange(raw_request(BODY))) == 202
    answers = [read_all(sock) for sock in slow]
    for sock in slow:
        sock.close()
    assert {_status(answer) for answer in answers} <= {400, 408}
    assert len(rows(database)) == before + 1


def test_case_015_a_head_that_never_ends_is_ended(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as sock:
        sock.sendall(b"POST /webhooks/github HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        assert read_all(sock) == b""


def test_case_189_the_bytes_after_a_refused_body_are_not_a_second_request(
    database: Path, server: Server
) -> None:
    smuggled = raw_request(
        b"[" + raw_request(BODY), Connection="keep-alive", X_Hub_Signature_256="sha256=" + "0" * 64
    )
    answer = _without_effect(
        database, server, smuggled + b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    )
    assert answer.count(b"HTTP/1.1 ") == 2
    assert b'{"status":"alive"}' in answer


def test_health_answers_beside_the_receiver(server: Server) -> None:
    answer = server.exchange(b"GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {"status": "ready"}


def test_case_008_and_218_the_servers_log_repeats_nothing_that_was_sent(server: Server) -> None:
    canary = "canary1f7c"
    for head in (
        raw_request(BODY, X_Hub_Signature_256=canary),
        raw_request(BODY).replace(b"X-Hub-Signature-256: ", b"X-Hub-Signature-256 canary1f7c"),
        raw_request(BODY).replace(b"X-Hub-Signature-256", b"X_canary1f7c"),
        raw_request(BODY).replace(b"POST /", b"canary1f7c /"),
        raw_request(BODY).replace(b"HTTP/1.1", b"HTTP/canary1f7c"),
    ):
        assert canary.encode() not in server.exchange(head)
    assert canary not in server.log.read_text()
    assert sign(BODY)[7:] not in server.log.read_text()


def test_a_web_process_carries_neither_the_orm_nor_pygithub_nor_the_job_engine() -> None:
    script = (
        "import sys, gate_app.web.server, gate_app.web.app, gate_app.web.webhooks\n"
        "import gate_app.intake.receiver, gate_app.intake.writer, gate_app.intake.readiness\n"
        "from gate_app.intake.logs import open_log\n"
        "open_log('sqlite:////nowhere/gate.db')\n"
        "heavy = {'sqlalchemy', 'alembic', 'github', 'dbos', 'pydantic', 'psycopg', 'ruamel'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
        "open_log('postgresql://127.0.0.1/gate')\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split("\n")[:2] == ["[]", "['psycopg']"]
