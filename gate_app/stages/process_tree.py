"""Processes and everything they started, ended as a whole.

Rules of this file:

* A process is known by its id *and* its start time; an id that was used again is somebody else's and is
  never signalled.
* ``adopt_orphans`` makes the calling process the parent of every descendant that loses its own (Linux),
  so that "the tree" has no way out: neither a new session nor a double fork leaves it.
* Whoever ends a tree asks again until nothing is left, because a tree may grow while it is being cut.
"""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

MARKER: Final = "GATE_WORK_FOLDER"
"""Environment variable every process of one attempt carries, with the attempt's own folder as its value;
it finds what a killed supervisor left behind."""

_CLOCK_TICK: Final = 0.005  # seconds, half of the kernel's resolution
_PATIENCE: Final = 10.0  # seconds for a tree to be gone after the first kill
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_PR_SET_NO_NEW_PRIVS: Final = 38


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """``started_at`` is in seconds since the machine started (Linux), elsewhere since the epoch."""

    pid: int
    started_at: float


def identify(pid: int) -> ProcessIdentity:
    """The identity of a process that is surely ours, such as one just started and not yet waited for."""
    return ProcessIdentity(pid, _started_at(pid))


def find(identity: ProcessIdentity) -> psutil.Process | None:
    """The living process with this identity; a zombie does no work and counts as gone."""
    if not exists(identity):
        return None
    try:
        process = psutil.Process(identity.pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process
    except psutil.NoSuchProcess:
        return None


def exists(identity: ProcessIdentity) -> bool:
    """Whether this very process is still in the process table, alive or waiting to be reaped."""
    try:
        return abs(_started_at(identity.pid) - identity.started_at) < _CLOCK_TICK
    except psutil.NoSuchProcess:
        return False


def _started_at(pid: int) -> float:
    """The kernel's own count where it can be read: ``create_time`` moves when the wall clock is set."""
    if sys.platform != "linux":
        return psutil.Process(pid).create_time()
    try:
        status = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        raise psutil.NoSuchProcess(pid) from None
    fields = status.rpartition(b")")[2].split()  # the name before may hold anything
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")  # field 22 of proc(5)


def adopt_orphans() -> None:
    """Every orphaned descendant becomes a child of the calling process. Linux only, elsewhere nothing."""
    if sys.platform == "linux":
        _libc().prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent() -> Callable[[], None]:
    """For the moment between fork and exec: the new process is killed when its parent dies."""
    if sys.platform != "linux":
        return lambda: None
    libc = _libc()  # loaded before the fork; the closure only calls
    return lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def refuse_new_privileges() -> Callable[[], None]:
    """For the same moment: ``setuid`` programs give no more rights from here on."""
    if sys.platform != "linux":
        return lambda: None
    libc = _libc()
    return lambda: libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def end_descendants(root: psutil.Process) -> None:
    """Kills everything below ``root`` until nothing is left; ``root`` itself goes on."""
    give_up = time.monotonic() + _PATIENCE
    while (below := _descendants(root)) and time.monotonic() < give_up:
        _kill(below)


def end_tree(root: psutil.Process) -> None:
    """Kills ``root`` and everything below it.

    ``root`` is frozen first: it can start nothing, and cannot take the death of its work for a result.
    """
    with suppress(psutil.NoSuchProcess):
        root.suspend()
        end_descendants(root)
    _kill([root])


def end_marked(marker_value: str) -> None:
    """Kills every process of this user that carries the marker of an attempt, whoever its parent is now."""
    give_up = time.monotonic() + _PATIENCE
    while (marked := _marked(marker_value)) and time.monotonic() < give_up:
        _kill(marked)


def _descendants(root: psutil.Process) -> list[psutil.Process]:
    try:
        below = root.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [process for process in below if _is_alive(process)]


def _marked(marker_value: str) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter()
        if process.pid != os.getpid() and _carries(process, marker_value) and _is_alive(process)
    ]


def _carries(process: psutil.Process, marker_value: str) -> bool:
    try:
        return process.environ().get(MARKER) == marker_value
    except (psutil.Error, OSError):
        return False


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()  # psutil compares the start time once more
    psutil.wait_procs(processes, timeout=0.2)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
