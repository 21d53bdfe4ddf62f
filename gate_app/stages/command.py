"""Runs one confined command, bounded in time and output.

Rules of this file:

* A command ends in exactly one way: it exits, or its time is over and its whole tree is killed. What an
  exited command left in the background is the supervisor's to end (``child``), which adopts orphans.
* Output is read all the time and kept only at its end, so that a flood neither blocks nor fills memory.
* Nothing here judges; ``judge`` does.
"""

import os
import selectors
import subprocess
import time
from dataclasses import dataclass
from typing import IO, Final

import psutil

from gate_app.stages import process_tree
from gate_app.stages.isolation import Confinement, Isolation

TAIL_BYTES: Final = 65_536
COMMAND_NOT_FOUND: Final = 127
_TICK: Final = 0.1  # seconds between two looks at a silent command
_CHUNK: Final = 65_536


@dataclass(frozen=True, slots=True)
class Ending:
    """How a command ended. ``exit_code`` is ``None`` when its time was over; negative is a signal.

    ``tail`` is the raw end of standard output and error, at most 64 KiB; ``dropped`` counts the bytes before.
    ``by`` names what ended, for people: of a workflow only success (0) and failure (1) are known.
    """

    exit_code: int | None
    tail: bytes
    dropped: int
    duration_ms: int
    by: str = "command"

    @property
    def timed_out(self) -> bool:
        return self.exit_code is None


class _Tail:
    """Keeps the last bytes of a stream."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self.dropped = 0

    def add(self, chunk: bytes) -> None:
        self._kept += chunk
        surplus = max(0, len(self._kept) - TAIL_BYTES)
        del self._kept[:surplus]
        self.dropped += surplus

    def bytes(self) -> bytes:
        return bytes(self._kept)


def run(command: str, isolation: Isolation, confinement: Confinement) -> Ending:
    """Runs ``command`` in ``isolation`` for at most ``confinement.seconds``.

    Raises ``OSError`` when the isolation's own program cannot be started.
    """
    launch = isolation.launch(command, confinement)
    began = time.monotonic()
    tail = _Tail()
    with subprocess.Popen(
        launch.arguments,
        env=launch.environment,
        cwd=launch.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=launch.before_exec,  # this process has one thread
    ) as process:
        root = psutil.Process(process.pid)
        try:
            exit_code = _follow(process, tail, give_up=began + confinement.seconds)
        finally:
            _end(process, root)
        _drain(process, tail)
    return Ending(exit_code, tail.bytes(), tail.dropped, int((time.monotonic() - began) * 1000))


def _follow(process: "subprocess.Popen[bytes]", tail: _Tail, give_up: float) -> int | None:
    """Reads until the command itself exits (its exit code) or its time is over (``None``)."""
    output = _output(process)
    os.set_blocking(output.fileno(), False)
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        while (exit_code := process.poll()) is None:
            left = give_up - time.monotonic()
            if left <= 0:
                return None
            if not selector.get_map():
                time.sleep(min(_TICK, left))  # it closed its output and still runs
            elif selector.select(min(_TICK, left)) and not _read(output, tail):
                selector.unregister(output)
    return exit_code


def _end(process: "subprocess.Popen[bytes]", root: psutil.Process) -> None:
    if process.poll() is None:
        process_tree.end_tree(root)
        process.wait()


def _drain(process: "subprocess.Popen[bytes]", tail: _Tail) -> None:
    """What was written before the end and not read yet; at most what a pipe holds."""
    for _ in range(64):
        if not _read(_output(process), tail):
            return


def _read(output: IO[bytes], tail: _Tail) -> bool:
    try:
        chunk = os.read(output.fileno(), _CHUNK)
    except BlockingIOError:
        return False
    tail.add(chunk)
    return bool(chunk)


def _output(process: "subprocess.Popen[bytes]") -> IO[bytes]:
    if process.stdout is None:  # pragma: no cover - it was asked for as a pipe
        raise RuntimeError("the command has no output pipe")
    return process.stdout
