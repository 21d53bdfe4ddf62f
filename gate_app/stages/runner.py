"""Starts, watches and stops supervised children; nothing here waits for one.

Rules of this file:

* ``start`` returns at once with a handle that fits into a database row. Any later process on the same
  machine can poll or stop with it; nothing is remembered in memory.
* A child does not outlive the process that started it for long (``child``).
* A result counts only when its process is gone: until then it could still be replaced.
* A process is only signalled after its start time was compared (case: a recycled process id).
"""

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gate_app.domain.evidence import StageOutcome, StageReason
from gate_app.stages import judge, process_tree
from gate_app.stages.job import (
    Progress,
    StageJob,
    Unreadable,
    read_outcome,
    read_progress,
    write_job,
)
from gate_app.stages.process_tree import ProcessIdentity
from gate_app.stages.removal import remove

JOB_FILE: Final = "job.json"


@dataclass(frozen=True, slots=True)
class ChildHandle:
    """Everything needed to find a child again; ``pid`` and ``started_at`` are its ``ProcessIdentity``."""

    job_id: str
    pid: int
    started_at: float
    work_folder: str
    result_path: str
    progress_path: str


@dataclass(frozen=True, slots=True)
class Running:
    """The child works; ``progress`` is ``None`` in its first moments."""

    progress: Progress | None


@dataclass(frozen=True, slots=True)
class Ended:
    """The child ended and left this outcome."""

    outcome: StageOutcome


@dataclass(frozen=True, slots=True)
class Vanished:
    """The child is gone without a result: killed, or the machine restarted. Start a new attempt."""


Poll = Running | Ended | Vanished


class Runner:
    """Supervises children of this machine. It has no state of its own."""

    def start(self, job: StageJob) -> ChildHandle:
        """Starts a child for ``job`` in its own session. Raises ``OSError`` when that is impossible.

        The job's work folder is made anew; so are the folders of its result and progress when missing. A
        child of the same work folder that still runs (its handle was lost in a crash) is ended first.
        """
        process_tree.end_marked(str(job.work_folder))
        remove(job.work_folder)
        for folder in (job.work_folder, job.result_path.parent, job.progress_path.parent):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for leftover in (job.result_path, job.progress_path):
            leftover.unlink(missing_ok=True)
        job_file = job.work_folder / JOB_FILE
        write_job(job_file, job)
        pid = _spawn(job, job_file)
        return ChildHandle(
            job.job_id,
            pid,
            process_tree.identify(pid).started_at,
            work_folder=str(job.work_folder),
            result_path=str(job.result_path),
            progress_path=str(job.progress_path),
        )

    def poll(self, handle: ChildHandle) -> Poll:
        """How the child of ``handle`` is doing. Never waits."""
        _reap(_identity(handle))
        if process_tree.find(_identity(handle)) is not None:
            return Running(_progress(handle))
        result = Path(handle.result_path)
        if not result.exists():
            self._clear_away(handle)
            return Vanished()
        try:
            return Ended(read_outcome(result))
        except Unreadable as unreadable:
            return Ended(judge.refused(StageReason.RESULT_UNREADABLE, f"The stage's {unreadable}."))

    def stop(self, handle: ChildHandle) -> None:
        """Kills the child with everything it started, at once, and clears its work folder away.

        Does nothing to a process that merely has the same id. A child that had ended keeps its result.
        """
        process = process_tree.find(_identity(handle))
        if process is not None:
            process_tree.end_tree(process)
        _reap(_identity(handle))
        self._clear_away(handle)

    def _clear_away(self, handle: ChildHandle) -> None:
        process_tree.end_marked(handle.work_folder)
        remove(Path(handle.work_folder))


def _spawn(job: StageJob, job_file: Path) -> int:
    """A detached Python with an environment made from nothing; Python opens no descriptor inheritably.

    A fault of the child itself is written next to its result, as ``….log``.
    """
    arguments = [sys.executable, "-P", "-m", "gate_app.stages.child", str(job_file), str(os.getpid())]
    environment = {"PATH": job.search_path, "LANG": "C.UTF-8", process_tree.MARKER: str(job.work_folder)}
    log = str(job.result_path.with_suffix(".log"))
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
    ]
    return os.posix_spawn(sys.executable, arguments, environment, file_actions=actions, setsid=True)


def _identity(handle: ChildHandle) -> ProcessIdentity:
    return ProcessIdentity(handle.pid, handle.started_at)


def _reap(identity: ProcessIdentity) -> None:
    """Takes a finished child out of the process table when it is ours; another engine's is not."""
    if process_tree.exists(identity):
        with suppress(ChildProcessError):
            os.waitpid(identity.pid, os.WNOHANG)


def _progress(handle: ChildHandle) -> Progress | None:
    try:
        return read_progress(Path(handle.progress_path))
    except Unreadable:
        return None
