"""What stages leave behind is bounded: folders of attempts that ended, caches that nobody uses any more.

Rules of this file: nothing that the store still knows is touched; a cache is removed only while nobody holds it, and
never one of a repository that has releases here, because a rollback must not depend on what GitHub still has. Release
folders are bounded by each deployment (`releases`), the commits in a cache by each fetch (`workspace`).
"""

from __future__ import annotations

import fcntl
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from gate_app.stages.places import Places
from gate_app.stages.removal import remove

ATTEMPTS_KEPT: Final = timedelta(days=7)
"""How long the folder of an ended attempt is kept: its result, its log."""
MAX_ATTEMPTS: Final = 1_000
CACHES_KEPT: Final = timedelta(days=30)
"""How long a cache is kept that nobody uses; it is fetched again when it is needed."""


def prune(places: Places, known: Collection[Path], now: datetime) -> None:
    """Removes what is old or too much. ``known`` are the folders of attempts whose end was not taken note of yet."""
    _prune_attempts(places.stages, known, now)
    for repository in _entries(places.caches):
        if not places.releases_of(repository.name).exists():
            _prune_caches(repository, now)


def _prune_attempts(stages: Path, known: Collection[Path], now: datetime) -> None:
    ended = sorted((path for path in _entries(stages) if path not in known), key=_changed, reverse=True)
    for number, folder in enumerate(ended):
        if now.timestamp() - _changed(folder) > ATTEMPTS_KEPT.total_seconds() or number >= MAX_ATTEMPTS:
            remove(folder)


def _prune_caches(repository: Path, now: datetime) -> None:
    """The lock of a cache stays: who waits for it must find the one that others wait for."""
    for cache in _entries(repository):
        unused = now.timestamp() - _changed(cache / "config")  # written at each use
        if unused <= CACHES_KEPT.total_seconds():
            continue
        with cache.with_name(f"{cache.name}.lock").open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            remove(cache)


def _entries(folder: Path) -> Iterator[Path]:
    return (path for path in folder.glob("*") if path.is_dir() and not path.is_symlink())


def _changed(path: Path) -> float:
    """Seconds since the epoch; what is gone meanwhile, or never was, is as old as can be."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
