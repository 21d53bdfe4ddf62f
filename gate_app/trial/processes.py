"""The processes of a trial: the stand-in, the web process, the engine process.

Rules of the file: each is a session of its own, so that a Ctrl-C in the terminal reaches this process alone;
each is known and ended by its own id; on every way out all of them are ended, together with the stages they
left running. Should this process be killed, the kernel ends them.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gate_app import settings
from gate_app.stages import process_tree
from gate_app.standin import process as standin
from gate_app.standin.process import StandinError, StandinProcess
from gate_app.trial.home import TrialHome

HOST: Final = "127.0.0.1"
READY_SECONDS: Final = 60.0
STOP_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.1


class ProcessLost(Exception):
    """A process of the trial did not start, or ended although nobody asked it to. `log` is what it said."""

    def __init__(self, name: str, log: Path, detail: str) -> None:
        super().__init__(f"{name} {detail}; its log: {log}")
        self.name = name
        self.log = log


class TimeIsOver(Exception):
    """The deadline of the trial passed before the story began."""


@dataclass(frozen=True, slots=True)
class _Child:
    name: str
    process: subprocess.Popen[bytes]
    log: Path


class Processes:
    """Everything that a trial started, until `end`."""

    def __init__(self, home: TrialHome) -> None:
        self._home = home
        self._children: list[_Child] = []
        self._standin: StandinProcess | None = None

    def start_standin(self) -> StandinProcess:
        """Starts the stand-in. Raises `ProcessLost`."""
        try:
            self._standin = standin.start(self._home.github)
        except StandinError as fault:
            log = self._home.github / "standin.log"
            raise ProcessLost(
                "the stand-in for GitHub", log, f"did not start ({str(fault)[-200:]})"
            ) from None
        return self._standin

    def start(self, name: str, variables: Mapping[str, str], *options: str) -> None:
        """Starts `gate-app NAME OPTIONS`, configured by `variables` alone."""
        log = self._home.logs / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "gate_app.cli", name, *options],
                env={**settings.inherited(), **variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._home.root,
                start_new_session=True,
                preexec_fn=process_tree.die_with_parent(),
            )
        self._children.append(_Child(name, process, log))

    def check(self) -> None:
        """Raises `ProcessLost` when one of them has ended."""
        for child in self._children:
            code = child.process.poll()
            if code is not None:
                raise ProcessLost(f"the {child.name} process", child.log, f"ended unexpectedly ({code})")
        if self._standin is not None and not _is_alive(self._standin.pid):
            raise ProcessLost(
                "the stand-in for GitHub", self._home.github / "standin.log", "ended unexpectedly"
            )

    def await_ready(self, port: int, deadline: float) -> None:
        """Waits until the web process says on `port` that it could store a delivery.

        Raises `ProcessLost`, and `TimeIsOver` at `deadline` (seconds, monotonic).
        """
        give_up = time.monotonic() + READY_SECONDS
        while not _is_ready(port):
            self.check()
            if time.monotonic() > deadline:
                raise TimeIsOver
            if time.monotonic() > give_up:
                log = self._home.logs / "web.log"
                raise ProcessLost("the web process", log, f"was not ready after {READY_SECONDS:.0f} s")
            time.sleep(_LOOK_SECONDS)

    def end(self) -> None:
        """Ends them all: the App first, then the stages it left, then the stand-in. May be repeated."""
        for child in reversed(self._children):
            child.process.terminate()
        for child in reversed(self._children):
            _end_group(child.process)
        self._children.clear()
        for folder in self._home.stages.glob("*"):
            process_tree.end_marked(str(folder / "work"))
        if self._standin is not None:
            self._standin.stop()
            self._standin = None


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _is_alive(pid: int) -> bool:
    """Whether our own child still runs; one that ended stays in the table for whoever waits for it."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Waits for the end of a process, then makes sure of its whole session."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(STOP_SECONDS)
