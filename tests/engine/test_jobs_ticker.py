"""The ticker: what is done again and again goes on, whatever one tick does."""

from __future__ import annotations

import logging
import queue
import threading
import time

import pytest

from gate_app.jobs.ticker import Ticker, stop_together

PATIENCE = 30.0
NEVER = 3_600.0


def test_it_ticks_at_once_and_then_again() -> None:
    ticks: queue.Queue[str] = queue.Queue()
    ticker = Ticker(0.01, lambda: ticks.put("tick"), "test")
    ticker.start()
    for _ in range(3):
        assert ticks.get(timeout=PATIENCE) == "tick"
    ticker.stop()


def test_a_signal_leads_to_a_tick_now_and_not_in_an_hour() -> None:
    ticks: queue.Queue[str] = queue.Queue()
    ticker = Ticker(NEVER, lambda: ticks.put("tick"), "test")
    ticker.start()
    ticks.get(timeout=PATIENCE)
    ticker.signal()
    ticks.get(timeout=PATIENCE)
    ticker.stop()


def test_a_signal_during_a_tick_leads_to_one_more() -> None:
    ticks: queue.Queue[str] = queue.Queue()

    def signal_once() -> None:
        if ticks.empty():
            ticker.signal()
        ticks.put("tick")

    ticker = Ticker(NEVER, signal_once, "test")
    ticker.start()
    ticks.get(timeout=PATIENCE)
    ticks.get(timeout=PATIENCE)
    ticker.stop()


def test_a_fault_is_told_without_its_text_and_the_next_tick_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    ticks: queue.Queue[str] = queue.Queue()

    def fail_once() -> None:
        ticks.put("tick")
        if ticks.qsize() == 1:
            raise RuntimeError("ghs_secret")

    ticker = Ticker(0.01, fail_once, "sweep")
    with caplog.at_level(logging.ERROR):
        ticker.start()
        while ticks.qsize() < 3:
            ticker.signal()
        ticker.stop()
    assert "sweep: failed 1 times in a row: RuntimeError at test_jobs_ticker.py" in caplog.text
    assert "ghs_secret" not in caplog.text


def test_no_tick_begins_after_stop() -> None:
    ticks: queue.Queue[str] = queue.Queue()
    ticker = Ticker(NEVER, lambda: ticks.put("tick"), "test")
    ticker.start()
    ticks.get(timeout=PATIENCE)
    ticker.stop()
    ticker.signal()
    ticker.stop()
    assert ticks.empty()


def test_a_ticker_that_was_not_started_can_be_stopped() -> None:
    Ticker(NEVER, lambda: None, "test").stop()


@pytest.mark.parametrize("interval", [0.0, -1.0])
def test_an_interval_that_would_spin_is_refused(interval: float) -> None:
    with pytest.raises(ValueError, match="more than 0"):
        Ticker(interval, lambda: None, "test")


def test_ticks_that_hang_are_waited_for_together_and_left_behind(caplog: pytest.LogCaptureFixture) -> None:
    begun, go_on = threading.Semaphore(0), threading.Event()

    def hang() -> None:
        begun.release()
        go_on.wait(PATIENCE)

    tickers = [Ticker(NEVER, hang, f"tick {number}") for number in range(4)]
    for ticker in tickers:
        ticker.start()
        assert begun.acquire(timeout=PATIENCE)
    before = time.monotonic()
    stop_together(tickers, 0.2)
    assert time.monotonic() - before < 0.8, "not one after the other"
    assert caplog.text.count("left behind") == 4
    go_on.set()
    stop_together(tickers, PATIENCE)
