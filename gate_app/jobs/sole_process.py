"""On SQLite one engine process works on a database; this is how a second one finds out.

Rules of the file: the lock belongs to the database file, whatever path it was reached by, and dies with the
process (`flock`), so that a crash needs no cleaning up. The file is never removed: removing it would let
two processes lock two files of one name. A network file system is not supported, for SQLite's own sake.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from gate_app.jobs.faults import JobsAlreadyRunning


class SoleProcess:
    """An exclusive lock beside a database file, from construction until `release`."""

    def __init__(self, database: Path) -> None:
        """Raises JobsAlreadyRunning when another runtime holds it."""
        resolved = database.resolve()
        self._file = os.open(
            resolved.with_name(f"{resolved.name}.engine.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._file, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._file)
            raise JobsAlreadyRunning(
                f"another engine process (pid {holder}) works on {resolved}; stop it first, "
                "or use PostgreSQL to run several"
            ) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode("ascii"), 0)

    def release(self) -> None:
        """Lets another process in."""
        os.close(self._file)
