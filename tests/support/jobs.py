"""Jobs under test: a record of drains, a real PostgreSQL, and engine processes that can be killed.

Run as a program this file is such a process; see `main`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING
from uuid import uuid4

import sqlalchemy as sa

from gate_app.bootstrap import run_engine
from gate_app.jobs.durable import DurableJobs
from gate_app.jobs.inline import InlineJobs
from gate_app.jobs.ticker import Ticker
from gate_app.store.database import open_engine

if TYPE_CHECKING:
    from gate_app.engine.ports import Jobs

PATIENCE = 30.0
"""Seconds until a test gives up waiting for something that should happen within one or two."""

QUICK_POLL = 0.02


def fresh_subject() -> str:
    """A subject that no other test uses, so that tests can share a database."""
    return f"{uuid4().int % 10**9}#{uuid4().hex[:6]}"


def now() -> datetime:
    return datetime.now(UTC)


class Drained:
    """What was drained: by subject, with the greatest number of drains that ran side by side."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._now: dict[str, int] = {}
        self.counts: dict[str, int] = {}
        self.most_of_one = 0
        self.most_at_once = 0

    def begin(self, subject: str) -> None:
        with self._changed:
            self._now[subject] = self._now.get(subject, 0) + 1
            self.most_of_one = max(self.most_of_one, self._now[subject])
            self.most_at_once = max(self.most_at_once, sum(self._now.values()))
            self._changed.notify_all()

    def end(self, subject: str) -> None:
        with self._changed:
            self._now[subject] -= 1
            self.counts[subject] = self.counts.get(subject, 0) + 1
            self._changed.notify_all()

    def count(self, subject: str) -> int:
        return self.counts.get(subject, 0)

    def wait(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE), f"drained so far: {self.counts}"

    def wait_for(self, subject: str, count: int) -> None:
        self.wait(lambda: self.count(subject) >= count)

    def wait_until_begun(self, subject: str) -> None:
        self.wait(lambda: self._now.get(subject, 0) > 0)


class Rig:
    """Running jobs whose handler a test can set; `drained` records around it."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs
        self.drained = Drained()
        self.work: Callable[[str], None] = lambda subject: None
        jobs.start(self._handle)

    def settle(self, subject: str, count: int) -> None:
        """Until the subject was drained so often; at least one drain of the in-memory twin runs here."""
        if isinstance(self.jobs, InlineJobs):
            self.jobs.run_until_idle()
        self.drained.wait_for(subject, count)

    def reset(self) -> None:
        """Forgets what the last test saw and did; every test leaves the queue empty."""
        self.drained = Drained()
        self.work = lambda subject: None

    def _handle(self, subject: str) -> None:
        drained, work = self.drained, self.work
        drained.begin(subject)
        try:
            work(subject)
        finally:
            drained.end(subject)


@contextmanager
def running(jobs: Jobs) -> Iterator[Rig]:
    rig = Rig(jobs)
    try:
        yield rig
    finally:
        jobs.stop()


@contextmanager
def database(url: str) -> Iterator[sa.Engine]:
    engine = open_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'gate.db'}"


class EngineProcess:
    """A process with jobs on a database; it ends when its stdin closes, or when it is killed."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )

    def __enter__(self) -> EngineProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def line(self) -> str:
        """The next line it prints; empty when it has ended."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)

    def end(self) -> str:
        """Lets it stop its jobs and returns what it wrote to stderr."""
        return self.process.communicate(timeout=PATIENCE)[1]


def main(what: str, url: str, *rest: str) -> None:
    """`hang URL SUBJECT`: drains it and never ends. `log URL FILE`: drains what comes, noting begin and
    end. `engine URL SUBJECT`: hangs as the engine process would, until it is told to end.
    """
    handlers: dict[str, Callable[[str], None]] = {
        "hang": hang,
        "log": lambda subject: note(Path(rest[0]), subject),
    }
    with database(url) as engine:
        if what == "engine":
            jobs = DurableJobs(engine, clock=now, poll=QUICK_POLL, stop_timeout=1)
            run_engine(jobs, hang, [Ticker(1.0, lambda: jobs.wake(rest[0]), "test")])
        jobs = DurableJobs(engine, clock=now, poll=QUICK_POLL)
        jobs.start(handlers[what])
        if what == "hang":
            jobs.wake(rest[0])
        print("started", flush=True)
        for subject in sys.stdin:
            jobs.wake(subject.strip())
        jobs.stop()


def hang(subject: str) -> None:
    print(f"draining {subject}", flush=True)
    threading.Event().wait()


def note(file: Path, subject: str) -> None:
    """Two appended lines around a pause in which another process could overlap."""
    _append(file, f"begin {subject} {os.getpid()}\n")
    threading.Event().wait(0.01)
    _append(file, f"end {subject} {os.getpid()}\n")


def _append(file: Path, line: str) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, line.encode())
    os.close(handle)


if __name__ == "__main__":
    main(*sys.argv[1:])
