"""Whose turn it is to write, among the receivers of one machine that share a SQLite file.

Rules of this file: an advisory lock on a file of its own beside the database, never on the database
itself. It is about speed alone: SQLite keeps its writers apart without it, but waits by polling with
growing sleeps, while this lock hands the turn over at once. The kernel releases it when a process dies.
"""

import fcntl
import os
from pathlib import Path


class Turn:
    """One process's ticket for the queue in front of `database`. Not shared between threads."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + "-turn")
        self._file: int | None = None

    def take(self) -> None:
        """Wait until no other process has the turn. Raises `OSError` when the file cannot be made."""
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def give(self) -> None:
        """Let the next one write. Without the turn this does nothing."""
        if self._file is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give the turn back and close the file; it stays where it is, other processes may wait on it."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)
