"""Finds the report files a command wrote, without following a single link (case 176).

Rules of this file:

* Only regular files inside the checkout count; a link, a device, or a pattern that leads outside does not.
* A report that the commit itself brought and the command did not write is not a report: ``before`` is
  taken before the command runs, and what did not change since is ignored.
* Files are counted, sized and read with bounds.
"""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Final

from gate_app.domain.evidence import StageReason
from gate_app.stages.reports import Refusal

MAX_FILES: Final = 200
MAX_BYTES: Final = 16 * 1024**2
"""Bytes of all reports of one stage and kind together."""
_MAX_CANDIDATES: Final = 10_000

Stamp = tuple[int, int, int, int]
Stamps = Mapping[Path, Stamp]


@dataclass(frozen=True, slots=True)
class ReportFile:
    """``name`` is relative to the checkout."""

    name: str
    content: bytes


Collected = tuple[ReportFile, ...] | Refusal | None
"""The report files of one kind, why there are none, or ``None`` when none were asked for."""


def problem_of_pattern(pattern: str) -> str | None:
    """Why ``pattern`` cannot name reports inside a checkout, or ``None`` when it can."""
    path = PurePosixPath(pattern)
    if not pattern.strip() or "\0" in pattern:
        return "the report pattern is empty"
    if path.is_absolute() or ".." in path.parts:
        return "the report pattern leads out of the checkout"
    return None


def before(checkout: Path, pattern: str | None) -> Stamps:
    """What matches ``pattern`` before the command runs, with what changes when a file is written."""
    if pattern is None:
        return {}
    return {path: stamp for path in _matches(checkout, pattern) if (stamp := _stamp(path)) is not None}


def collect(checkout: Path, pattern: str | None, known: Stamps) -> Collected:
    """The reports written since ``known`` was taken; a refusal when there is none or too much."""
    if pattern is None:
        return None
    found = [path for path in _matches(checkout, pattern) if _is_fresh(path, known)]
    if not found:
        return Refusal(StageReason.REPORT_MISSING, _missing(pattern, known))
    if len(found) > MAX_FILES:
        return Refusal(StageReason.REPORT_TOO_LARGE, f"More than {MAX_FILES} files match {pattern[:100]}.")
    files = []
    room = MAX_BYTES
    for path in found:
        content = _read(path, room + 1)
        room -= len(content)
        if room < 0:
            return Refusal(
                StageReason.REPORT_TOO_LARGE, f"The reports are larger than {MAX_BYTES // 1024**2} MiB."
            )
        files.append(ReportFile(path.relative_to(checkout).as_posix(), content))
    return tuple(files)


def _matches(checkout: Path, pattern: str) -> list[Path]:
    if problem_of_pattern(pattern) is not None:
        return []
    candidates = islice(checkout.glob(pattern), _MAX_CANDIDATES)
    return sorted(path for path in candidates if _is_inside(path, checkout))


def _is_inside(path: Path, checkout: Path) -> bool:
    """No component below the checkout is a link; compares names, so that nothing needs to be opened."""
    steps = path.relative_to(checkout).parts
    return not any(checkout.joinpath(*steps[: count + 1]).is_symlink() for count in range(len(steps)))


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _is_fresh(path: Path, known: Stamps) -> bool:
    stamp = _stamp(path)
    return stamp is not None and known.get(path) != stamp


def _read(path: Path, limit: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as stream:
        return stream.read(limit)


def _missing(pattern: str, known: Stamps) -> str:
    if known:
        return f"{pattern[:100]} only matches files of the commit; the command wrote no report."
    return f"The command wrote no report that matches {pattern[:100]}."
