"""The release folders of one repository.

    <releases>/<environment>/<sha12>-<job id>/     the files of the commit and RELEASE.json
    <releases>/<environment>/current               a link to the release that runs

Rules of this file:

* A folder with a stamp is a finished release; one without is at work or broke off.
* The switch is one rename: a reader of ``current`` sees the old release or the new one.
* A late repetition never switches back: a newer stamp stays current.
* Of each environment the newest `KEPT` releases stay, the newest release of each of its last `KEPT` commits, and
  what runs: what a rollback goes back to is among them, and a service that was started from the one before lives on.
* A release loses its stamp before it is removed: half of one is never taken for one.
"""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from gate_app.stages.job import write_whole
from gate_app.stages.removal import remove

STAMP: Final = "RELEASE.json"
CURRENT: Final = "current"
KEPT: Final = 6
BROKEN_OFF: Final = timedelta(days=2)
"""Older than any deployment takes: a folder without a stamp that was made before is nobody's any more."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What RELEASE.json holds; ``released_at`` is in UTC."""

    environment: str
    sha: str
    job_id: str
    released_at: datetime


_STAMP: Final = TypeAdapter(Stamp)


def current_release(releases: Path, environment: str) -> Path:
    """The path that names the release that runs in ``environment``, whether there is one yet or not."""
    return releases / environment / CURRENT


def read_stamp(release: Path) -> Stamp | None:
    """The stamp of a finished release; ``None`` when the folder is none."""
    try:
        return _STAMP.validate_json((release / STAMP).read_bytes())
    except (OSError, ValidationError):
        return None


def write_stamp(release: Path, stamp: Stamp) -> None:
    """Makes the folder a finished release."""
    (release / STAMP).unlink(missing_ok=True)
    write_whole(release / STAMP, _STAMP.dump_json(stamp, indent=2) + b"\n")


def make_current(folder: Path, release: Path) -> None:
    """Switches an environment to a finished release, unless a newer one is current."""
    current = folder / CURRENT
    running, ours = read_stamp(current), read_stamp(release)
    if running is not None and ours is not None and running.released_at > ours.released_at:
        return
    following = folder / f".{CURRENT}.{os.getpid()}"
    following.unlink(missing_ok=True)
    following.symlink_to(release.name)
    following.replace(current)


def commits(releases: Path) -> frozenset[str]:
    """The commits of all finished releases of a repository."""
    folders = (release for environment in _folders(releases) for release in _folders(environment))
    return frozenset(stamp.sha for stamp in map(read_stamp, folders) if stamp is not None)


def forget_old(folder: Path, now: datetime) -> None:
    """Removes what nothing goes back to any more from the folder of one environment."""
    finished = {release: stamp for release in _folders(folder) if (stamp := read_stamp(release))}
    for release in finished.keys() - _kept(folder, finished):
        (release / STAMP).unlink(missing_ok=True)
        remove(release)
    for leftover in _folders(folder):
        made = datetime.fromtimestamp(leftover.stat().st_mtime, now.tzinfo)
        if leftover not in finished and now - made > BROKEN_OFF:
            remove(leftover)


def _kept(folder: Path, finished: dict[Path, Stamp]) -> set[Path]:
    newest_first = sorted(finished, key=lambda release: finished[release].released_at, reverse=True)
    of_each_commit: dict[str, Path] = {}
    for release in newest_first:
        of_each_commit.setdefault(finished[release].sha, release)
    running = (folder / CURRENT).resolve()
    return {*newest_first[:KEPT], *list(of_each_commit.values())[:KEPT], folder / running.name}


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()]
