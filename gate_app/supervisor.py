"""One parent for the processes of `serve`: starts them, starts again what dies, ends them all.

Rules of the file:

* Each child is a session of its own, so that Ctrl-C reaches the parent alone, which then asks the children to
  end gracefully. A second signal ends them at once.
* A child that dies is started again, within `Bounds`; a child that refuses its
  settings (exit code 2) is not. What cannot be kept running brings the whole down: half an app looks healthy and
  decides nothing.
* Should the parent be killed, the kernel kills the children (Linux).
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from gate_app.signals import ENDING, Signals
from gate_app.stages.process_tree import die_with_parent

REFUSED: Final = 2
"""The exit code of a process that cannot use its settings."""
FAILED: Final = 1

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Command:
    """`gate-app ARGUMENTS` with these variables as its whole environment; `name` is for people."""

    name: str
    arguments: tuple[str, ...]
    variables: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bounds:
    """At most `restarts` of one child in `within` seconds; all times in seconds.

    `pause` lies between the death of a child and its next start; what still runs after `grace` is killed, which is
    time for requests to be answered (15 s), and for ticks (10 s), drains (34 s) and the last rows (5 s).
    """

    restarts: int = 5
    within: float = 600.0
    pause: float = 1.0
    grace: float = 50.0


@dataclass(slots=True)
class _Child:
    command: Command
    process: subprocess.Popen[bytes]
    starts: deque[float]
    again_at: float | None = None


class Supervisor:
    """Keeps `commands` running. `launch` starts one, in a session of its own; `monotonic` is in seconds."""

    def __init__(
        self,
        commands: Sequence[Command],
        launch: Callable[[Command], subprocess.Popen[bytes]],
        bounds: Bounds = Bounds(),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._launch = launch
        self._bounds = bounds
        self._monotonic = monotonic
        self._commands = commands
        self._children: list[_Child] = []

    def start(self) -> None:
        """Starts every child once; to be called after the signals are listened to."""
        for command in self._commands:
            self._children.append(_Child(command, self._launch(command), deque([self._monotonic()])))

    def running(self) -> bool:
        """Whether every child runs now."""
        return all(child.process.poll() is None for child in self._children)

    def watch(self, signals: Signals) -> int:
        """Until told to end (0), or until a child cannot be kept running (1); the children are ended then."""
        while not signals.wait(self._until_next_start()) & ENDING:
            for child in self._children:
                if not self._looked_after(child):
                    self.end(signals)
                    return FAILED
        self.end(signals)
        return 0

    def end(self, signals: Signals) -> None:
        """Asks every child to end, waits within the grace, then kills what is left with its whole session."""
        for child in self._children:
            child.process.terminate()
        give_up = self._monotonic() + self._bounds.grace
        while self._alive() and self._monotonic() < give_up and not signals.wait(0.2) & ENDING:
            pass
        for child in self._children:
            if child.process.poll() is None:
                _log.error("%s did not end in time and is killed", child.command.name)
            with suppress(ProcessLookupError):
                os.killpg(child.process.pid, signal.SIGKILL)
            child.process.wait()

    def _alive(self) -> bool:
        return any(child.process.poll() is None for child in self._children)

    def _until_next_start(self) -> float | None:
        """Seconds until a child is to be started again; None while all of them run."""
        times = [child.again_at for child in self._children if child.again_at is not None]
        return max(0.0, min(times) - self._monotonic()) if times else None

    def _looked_after(self, child: _Child) -> bool:
        """Whether the child runs or will run again."""
        code = child.process.poll()
        now = self._monotonic()
        if code is None:
            return True
        if child.again_at is not None:
            if now >= child.again_at:
                child.process, child.again_at = self._launch(child.command), None
                child.starts.append(now)
            return True
        with suppress(ProcessLookupError):  # what a dead gunicorn left of its session
            os.killpg(child.process.pid, signal.SIGKILL)
        while child.starts and child.starts[0] <= now - self._bounds.within:
            child.starts.popleft()
        if code == REFUSED or len(child.starts) > self._bounds.restarts:
            _log.error("%s ended (%s) and is not started again: everything ends", child.command.name, code)
            return False
        _log.error("%s ended (%s): started again", child.command.name, code)
        child.again_at = now + self._bounds.pause
        return True


def run_once(command: Command) -> int:
    """Runs a command to its end, without its output; its exit code."""
    return launched(command, subprocess.DEVNULL).wait()


def launched(command: Command, output: int | None = None) -> subprocess.Popen[bytes]:
    """`gate-app` with these arguments, as a process of its own that dies with this one."""
    return subprocess.Popen(
        [sys.executable, "-m", "gate_app.cli", *command.arguments],
        env=dict(command.variables),
        stdin=subprocess.DEVNULL,
        stdout=output,
        start_new_session=True,
        preexec_fn=die_with_parent(),
    )
