"""What happens to deliveries when the store or the process fails (cases 10, 19, 202, 203)."""

import contextlib
import os
import signal
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.deliveries import (
    Seen,
    Server,
    a_delivery,
    call,
    comment_body,
    environ,
    raw_request,
    receiver,
    rows,
    running_server,
)
from support.store import new_sqlite

from gate_app.intake.delivery import Outcome, StoreUnavailableError
from gate_app.intake.sqlite import Connect, SqliteLog, connect
from gate_app.intake.turn import Turn
from gate_app.intake.writer import Writer

BODY = comment_body()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return new_sqlite(tmp_path / "gate.db")


@contextlib.contextmanager
def writing(log: SqliteLog) -> Iterator[Writer]:
    """A writer, closed at the end."""
    writer = Writer(log)
    try:
        yield writer
    finally:
        writer.close()


def _deliver(writer: Writer) -> Seen:
    return call(receiver(writer), environ(BODY))


def test_case_202_a_locked_database_is_503_and_works_again_afterwards(database: Path) -> None:
    with writing(SqliteLog(database, busy_seconds=0.05)) as writer:
        with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            refused = _deliver(writer)
            other.execute("ROLLBACK")
        assert (refused.status, refused.code) == (503, "store_unavailable")
        assert refused.headers["Retry-After"].isdigit()
        assert rows(database) == []
        assert _deliver(writer).status == 202
    assert len(rows(database)) == 1


def test_case_202_a_short_lock_is_waited_for(database: Path) -> None:
    with (
        writing(SqliteLog(database)) as writer,
        contextlib.closing(sqlite3.connect(database, isolation_level=None)) as other,
        ThreadPoolExecutor(1) as handler,
    ):
        other.execute("BEGIN IMMEDIATE")
        answer = handler.submit(_deliver, writer)
        assert not answer.done()
        other.execute("ROLLBACK")
        assert answer.result(20).status == 202


def _first_connection(pragma: str) -> Connect:
    """A way to connect whose first connection has `pragma` set; every later one is sound."""
    pragmas = [pragma]

    def opened(path: Path, busy_seconds: float) -> sqlite3.Connection:
        connection = connect(path, busy_seconds)
        if pragmas:
            connection.execute(f"PRAGMA {pragmas.pop()}")
        return connection

    return opened


def test_case_202_a_full_disk_is_503_and_works_again_afterwards(database: Path) -> None:
    log = SqliteLog(database, connect=_first_connection("max_page_count = 64"))
    large = a_delivery(1, b"x" * 2_000_000)
    log.begin()
    assert log.append([a_delivery(0)]) == [Outcome.STORED]
    log.begin()
    with pytest.raises(StoreUnavailableError) as full:
        log.append([a_delivery(2), large])
    assert full.value.cause == "SQLITE_FULL"
    assert [row[0] for row in rows(database)] == [a_delivery(0).delivery_id], (
        "the neighbour was not half stored"
    )
    log.begin()
    assert log.append([a_delivery(2), large]) == [Outcome.STORED] * 2
    log.close()


@pytest.mark.parametrize(
    "break_it",
    [
        pytest.param(lambda path: path.unlink(), id="the file is missing"),
        pytest.param(lambda path: path.write_bytes(b"this is no database at all" * 200), id="another file"),
        pytest.param(lambda path: (path.unlink(), path.mkdir()), id="a folder"),
        pytest.param(
            lambda path: (path.unlink(), sqlite3.connect(path).execute("VACUUM").connection.close()),
            id="no tables",
        ),
    ],
)
def test_case_202_a_store_that_is_not_there_is_503_and_makes_no_database(
    database: Path, break_it: object
) -> None:
    assert callable(break_it)
    break_it(database)
    before = _databases(database)
    with writing(SqliteLog(database)) as writer:
        assert [_deliver(writer).status for _ in range(2)] == [503, 503]
    assert _databases(database) == before


def _databases(database: Path) -> list[str]:
    return sorted(path.name for path in database.parent.iterdir() if path.name != "gate.db-turn")


def test_case_202_a_read_only_store_is_503_and_works_again_afterwards(database: Path) -> None:
    with writing(SqliteLog(database, connect=_first_connection("query_only = ON"))) as writer:
        assert _deliver(writer).status == 503
        assert _deliver(writer).status == 202


def test_the_turn_is_held_by_one_receiver_at_a_time(database: Path) -> None:
    first, second = Turn(database), Turn(database)
    first.take()
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(second.take)
        with pytest.raises(TimeoutError):
            waiting.result(0.05)
        first.give()
        waiting.result(20)
    first.close()
    second.close()


def test_two_receivers_take_turns_and_a_dead_one_keeps_nobody_waiting(database: Path) -> None:
    first, second = SqliteLog(database), SqliteLog(database)
    first.begin()
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(second.begin)
        assert first.append([a_delivery(1)]) == [Outcome.STORED]
        waiting.result(20)
        blocked = other.submit(first.begin)
        second.close()  # what the kernel does for a process that died in its turn
        blocked.result(20)
    assert first.append([a_delivery(2)]) == [Outcome.STORED]
    first.close()
    assert len(rows(database)) == 2


def test_case_010_a_delivery_answered_with_503_is_stored_by_its_redelivery(database: Path) -> None:
    delivery = environ(BODY)
    again = environ(BODY, HTTP_X_GITHUB_DELIVERY=delivery["HTTP_X_GITHUB_DELIVERY"])
    with writing(SqliteLog(database, busy_seconds=0.05)) as writer:
        with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert call(receiver(writer), delivery).status == 503
        assert call(receiver(writer), again).status == 202
    assert rows(database) == [(delivery["HTTP_X_GITHUB_DELIVERY"], "new")]


def test_a_writer_made_before_a_fork_refuses_in_the_child(database: Path) -> None:
    with writing(SqliteLog(database)) as writer:
        reader, sender = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                writer.submit(a_delivery())
            except StoreUnavailableError as refused:
                os.write(sender, refused.cause.encode())
            os._exit(0)
        os.waitpid(child, 0)
        assert os.read(reader, 100) == b"writer_of_another_process"
        os.close(reader)
        os.close(sender)


class Load:
    """Deliveries sent from several threads until told to stop; remembers which were acknowledged."""

    def __init__(self, server: Server) -> None:
        self.acknowledged: list[str] = []
        self.enough = threading.Event()
        self._server = server
        self._stop = threading.Event()

    def send(self, count: int) -> None:
        """Send up to `count`; a connection that breaks is not acknowledged and ends this sender."""
        for _ in range(count):
            delivery_id = str(uuid.uuid4())
            try:
                answer = self._server.exchange(raw_request(BODY, delivery_id))
            except OSError:
                return
            if answer.startswith(b"HTTP/1.1 202"):
                self.acknowledged.append(delivery_id)
            if len(self.acknowledged) >= 100:
                self.enough.set()


def test_case_203_kill_9_in_the_middle_of_a_load_loses_nothing_acknowledged(database: Path) -> None:
    with running_server(database, workers=2) as server, ThreadPoolExecutor(12) as senders:
        load = Load(server)
        sending = [senders.submit(load.send, 200) for _ in range(12)]
        assert load.enough.wait(60)
        os.killpg(server.process.pid, signal.SIGKILL)
        for future in sending:
            future.result(60)
    stored = {row[0] for row in rows(database)}
    assert len(load.acknowledged) >= 100
    assert set(load.acknowledged) <= stored
    with running_server(database) as again:
        assert again.exchange(raw_request(BODY, load.acknowledged[0])).startswith(b"HTTP/1.1 200")


def test_case_019_a_flood_is_acknowledged_completely(database: Path) -> None:
    with running_server(database, workers=2) as server, ThreadPoolExecutor(12) as senders:
        load = Load(server)
        for future in [senders.submit(load.send, 30) for _ in range(12)]:
            future.result(60)
    assert len(load.acknowledged) == 360
    assert {row[0] for row in rows(database)} == set(load.acknowledged)


def test_a_server_told_to_stop_answers_what_it_has_taken(database: Path) -> None:
    with running_server(database) as server, ThreadPoolExecutor(4) as senders:
        load = Load(server)
        sending = [senders.submit(load.send, 100) for _ in range(4)]
        assert load.enough.wait(60)
        server.process.terminate()
        assert server.process.wait(30) == 0
        for future in sending:
            future.result(60)
    assert set(load.acknowledged) == {row[0] for row in rows(database)}
