"""The parent of `serve`: what dies is started again, within bounds; what does not end is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from support.story import until

from gate_app.signals import Signals, listening
from gate_app.supervisor import Bounds, Command, Supervisor

QUICK = Bounds(restarts=2, within=60.0, pause=0.01, grace=0.5)


class Launcher:
    """Starts shell scripts in place of `gate-app`, and counts."""

    def __init__(self) -> None:
        self.started: list[subprocess.Popen[bytes]] = []

    def __call__(self, command: Command) -> subprocess.Popen[bytes]:
        self.started.append(subprocess.Popen(["sh", "-c", *command.arguments], start_new_session=True))
        return self.started[-1]


@pytest.fixture
def launcher() -> Launcher:
    return Launcher()


def runs(launcher: Launcher, *scripts: str, bounds: Bounds = QUICK) -> Supervisor:
    return Supervisor([Command(script[:10], (script,), {}) for script in scripts], launcher, bounds)


@contextmanager
def watching(supervisor: Supervisor) -> Iterator[Signals]:
    with listening(signal.SIGTERM, signal.SIGCHLD) as signals:
        supervisor.start()
        yield signals


def gone(launcher: Launcher) -> bool:
    return all(process.poll() is not None for process in launcher.started)


def test_told_to_end_it_ends_its_children_and_that_is_success(launcher: Launcher) -> None:
    supervisor = runs(launcher, "exec sleep 60", "exec sleep 60")
    with watching(supervisor) as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        assert supervisor.watch(signals) == 0
    assert len(launcher.started) == 2
    assert gone(launcher)


def test_what_keeps_dying_is_started_again_so_often_and_then_everything_ends(launcher: Launcher) -> None:
    supervisor = runs(launcher, "exit 1", "exec sleep 60")
    with watching(supervisor) as signals:
        assert supervisor.watch(signals) == 1
    assert len(launcher.started) == 2 + QUICK.restarts
    assert gone(launcher)


def test_deaths_that_are_long_ago_are_forgotten(launcher: Launcher) -> None:
    forgetful = Bounds(restarts=1, within=0.0, pause=0.01, grace=0.5)
    supervisor = runs(launcher, "exit 1", bounds=forgetful)
    with watching(supervisor) as signals:
        assert supervisor.watch(_Until(signals, lambda: len(launcher.started) >= 5)) == 0
    assert gone(launcher)


def test_what_refuses_its_settings_is_not_started_again(launcher: Launcher) -> None:
    supervisor = runs(launcher, "exit 2", "exec sleep 60")
    with watching(supervisor) as signals:
        assert supervisor.watch(signals) == 1
    assert len(launcher.started) == 2
    assert gone(launcher)


def test_what_does_not_end_in_time_is_killed_with_all_that_it_started(
    launcher: Launcher, tmp_path: Path
) -> None:
    left = tmp_path / "pid"
    supervisor = runs(launcher, f"trap '' TERM; sleep 60 & echo $! > {left}; wait")
    with watching(supervisor) as signals:
        until(lambda: left.exists() and left.read_text(), "it has started something")
        os.kill(os.getpid(), signal.SIGTERM)
        assert supervisor.watch(signals) == 0
    assert gone(launcher)
    until(lambda: not lives(int(left.read_text())), "what it started is gone")


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_second_signal_does_not_wait_for_the_grace(launcher: Launcher) -> None:
    patient = Bounds(grace=100.0)
    supervisor = runs(launcher, "trap '' TERM; while :; do sleep 1; done", bounds=patient)
    began = time.monotonic()
    with watching(supervisor) as signals:
        time.sleep(0.3)  # for the shell to set its trap
        assert supervisor.watch(_Until(signals, lambda: True)) == 0
    assert time.monotonic() - began < 30
    assert gone(launcher)


class _Until(Signals):
    """Somebody who says again and again that it shall end, from a moment on."""

    def __init__(self, signals: Signals, come: Callable[[], bool]) -> None:
        self._signals = signals
        self._come = come

    def wait(self, seconds: float | None) -> frozenset[signal.Signals]:
        if self._come():
            os.kill(os.getpid(), signal.SIGTERM)
        return self._signals.wait(seconds)
