"""The writer: many deliveries in one commit, and nobody is answered before their own."""

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from support.deliveries import MemoryLog, a_delivery, eventually

from gate_app.intake.delivery import Outcome, StoreUnavailableError
from gate_app.intake.writer import BATCH_ROWS, Writer


@contextmanager
def running(log: MemoryLog, **settings: object) -> Iterator[Writer]:
    """A writer over `log`, closed at the end."""
    writer = Writer(log, **settings)  # type: ignore[arg-type]  # the tests name real settings
    try:
        yield writer
    finally:
        log.gate.set()
        writer.close()


def _waiting(writer: Writer, count: int) -> None:
    eventually(lambda: writer.waiting() == count)


def test_what_queues_during_a_commit_goes_into_the_next_one_together() -> None:
    log = MemoryLog()
    with running(log) as writer, ThreadPoolExecutor(20) as handlers:
        first = handlers.submit(writer.submit, a_delivery(0))
        assert log.entered.acquire(timeout=20)
        others = [handlers.submit(writer.submit, a_delivery(number)) for number in range(1, 20)]
        _waiting(writer, 19)
        assert not first.done(), "nobody is answered before the commit"
        log.gate.set()
        assert [future.result(20) for future in [first, *others]] == [Outcome.STORED] * 20
    assert [len(batch) for batch in log.batches] == [1, 19]


def test_a_batch_is_bounded() -> None:
    log = MemoryLog()
    with running(log) as writer, ThreadPoolExecutor(BATCH_ROWS + 10) as handlers:
        futures: list[Future[Outcome]] = [handlers.submit(writer.submit, a_delivery(0))]
        assert log.entered.acquire(timeout=20)
        futures += [handlers.submit(writer.submit, a_delivery(n)) for n in range(1, BATCH_ROWS + 6)]
        _waiting(writer, BATCH_ROWS + 5)
        log.gate.set()
        assert {future.result(20) for future in futures} == {Outcome.STORED}
    assert [len(batch) for batch in log.batches] == [1, BATCH_ROWS, 5]


@pytest.mark.parametrize(
    "fault", [StoreUnavailableError("SQLITE_FULL"), RuntimeError("canary")], ids=["full", "bug"]
)
def test_case_202_a_failed_commit_fails_its_own_batch_and_the_next_one_is_tried(
    fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    log = MemoryLog(faults=[fault])
    log.gate.set()
    with running(log) as writer:
        with pytest.raises(StoreUnavailableError):
            writer.submit(a_delivery(1))
        assert writer.submit(a_delivery(2)) is Outcome.STORED
    assert "canary" not in caplog.text


def test_case_202_a_handler_does_not_wait_for_ever() -> None:
    log = MemoryLog()
    with running(log, ack_seconds=0.05) as writer, ThreadPoolExecutor(1) as handlers:
        first = handlers.submit(writer.submit, a_delivery(0))
        assert log.entered.acquire(timeout=20)
        with pytest.raises(StoreUnavailableError) as refused:
            writer.submit(a_delivery(1))
        assert (refused.value.cause, writer.waiting()) == ("commit_timed_out", 0)
        log.gate.set()
        assert first.result(20) is Outcome.STORED
        assert writer.submit(a_delivery(2)) is Outcome.STORED, "who gave up does not keep the pen"
    assert [[each.delivery_id[-1] for each in batch] for batch in log.batches] == [["0"], ["2"]]


def test_a_failed_commit_hands_over_to_those_that_queued_meanwhile() -> None:
    log = MemoryLog(faults=[RuntimeError("a bug")])
    with running(log) as writer, ThreadPoolExecutor(3) as handlers:
        first = handlers.submit(writer.submit, a_delivery(0))
        assert log.entered.acquire(timeout=20)
        others = [handlers.submit(writer.submit, a_delivery(number)) for number in (1, 2)]
        _waiting(writer, 2)
        log.gate.set()
        assert isinstance(first.exception(20), StoreUnavailableError)
        assert [future.result(20) for future in others] == [Outcome.STORED] * 2


def test_many_handlers_under_an_impatient_clock_are_each_stored_or_told() -> None:
    log = MemoryLog()
    log.gate.set()
    with running(log, ack_seconds=0.0005) as writer, ThreadPoolExecutor(16) as handlers:

        def deliver(number: int) -> Outcome | None:
            try:
                return writer.submit(a_delivery(number))
            except StoreUnavailableError:
                return None

        outcomes = list(handlers.map(deliver, range(3000), timeout=60))
        assert writer.submit(a_delivery(3000)) is Outcome.STORED
    stored = {int(each.delivery_id[-12:]) for batch in log.batches for each in batch}
    assert {number for number, outcome in enumerate(outcomes) if outcome} <= stored


def test_a_full_queue_refuses_at_once() -> None:
    log = MemoryLog()
    with running(log, queue_rows=2) as writer, ThreadPoolExecutor(3) as handlers:
        handlers.submit(writer.submit, a_delivery(0))
        assert log.entered.acquire(timeout=20)
        handlers.submit(writer.submit, a_delivery(1))
        handlers.submit(writer.submit, a_delivery(2))
        _waiting(writer, 2)
        with pytest.raises(StoreUnavailableError) as refused:
            writer.submit(a_delivery(3))
        assert refused.value.cause == "queue_full"
        log.gate.set()


def test_the_engine_is_woken_once_for_a_commit_and_after_it() -> None:
    log, woken = MemoryLog(), threading.Semaphore(0)
    commits: list[int] = []

    def signal() -> None:
        commits.append(len(log.batches))
        woken.release()

    log.gate.set()
    with running(log, signal=signal) as writer:
        writer.submit(a_delivery())
        assert woken.acquire(timeout=20)
    assert commits == [1]


def test_a_failing_wake_up_costs_no_acknowledgement(caplog: pytest.LogCaptureFixture) -> None:
    def signal() -> None:
        raise RuntimeError("canary")

    log = MemoryLog()
    log.gate.set()
    with running(log, signal=signal) as writer:
        assert [writer.submit(a_delivery(n)) for n in range(3)] == [Outcome.STORED] * 3
    assert "wake-up" in caplog.text
    assert "canary" not in caplog.text


def test_a_closed_writer_refuses_and_can_be_closed_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    log = MemoryLog()
    log.gate.set()
    with running(log) as writer:
        writer.close()
        with pytest.raises(StoreUnavailableError) as refused:
            writer.submit(a_delivery())
        assert refused.value.cause == "writer_closed"


def test_closing_waits_for_what_was_queued_and_then_closes_the_store() -> None:
    log = MemoryLog()
    writer = Writer(log)
    with ThreadPoolExecutor(4) as handlers:
        futures = [handlers.submit(writer.submit, a_delivery(0))]
        assert log.entered.acquire(timeout=20)
        futures += [handlers.submit(writer.submit, a_delivery(n)) for n in (1, 2)]
        _waiting(writer, 2)
        closing = handlers.submit(writer.close)
        log.gate.set()
        closing.result(20)
        assert [future.result(20) for future in futures] == [Outcome.STORED] * 3
    assert log.closed == 1


def test_a_store_that_still_writes_is_not_closed_under_it() -> None:
    log = MemoryLog()
    writer = Writer(log)
    with ThreadPoolExecutor(1) as handlers:
        first = handlers.submit(writer.submit, a_delivery(0))
        assert log.entered.acquire(timeout=20)
        writer.close(timeout=0.01)
        assert log.closed == 0
        log.gate.set()
        assert first.result(20) is Outcome.STORED
