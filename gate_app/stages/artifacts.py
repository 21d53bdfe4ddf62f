"""Finds the reports of a stage in the artifacts of its workflow run, and judges them like those of a command.

Rules of this file:

* An archive is hostile: bounded in entries and in what it unpacks to, never written to disk; links, encrypted and
  damaged entries are no reports.
* An upload strips the folders that all its files have in common, so a pattern matches from its end: `junit.xml`
  in an artifact is `reports/junit.xml` when nothing matches more of the pattern.
* What was not looked into is said; nothing found is unknown, whatever the workflow says.
"""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import PurePosixPath
from typing import Final

from wcmatch import glob

from gate_app.domain.effects import CollectReports
from gate_app.domain.evidence import MAX_MESSAGE, StageOutcome, StageReason
from gate_app.domain.model import Repository
from gate_app.engine.ports import Archive, Artifacts
from gate_app.stages.collect import MAX_BYTES, MAX_FILES, Collected, ReportFile
from gate_app.stages.command import Ending
from gate_app.stages.judge import judge
from gate_app.stages.reports import Refusal

MAX_DIRECTORY: Final = 2 * 1024**2
"""Bytes of an archive's list of entries: some 20,000 of them."""
_FLAGS: Final = glob.GLOBSTAR | glob.DOTGLOB | glob.CASE
_END_OF_DIRECTORY: Final = b"PK\x05\x06"
_LARGE_ARCHIVE: Final = b"PK\x06\x07"
_END_SPAN: Final = 65_557
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How GitHub packs; the others may ask for any amount of memory before the first byte."""
_BROKEN: Final = (
    zipfile.BadZipFile,
    struct.error,
    zlib.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
)
"""What reading a damaged, encrypted or foreign archive raises, by the documentation of `zipfile`."""

Entry = tuple[str, zipfile.ZipFile, zipfile.ZipInfo]


def judge_artifacts(repository: Repository, asked: CollectReports, left: Artifacts) -> StageOutcome:
    """The outcome of a workflow stage whose reports decide."""
    entries = _entries(left)
    tests = _collected(entries, asked.junit)
    scan = _collected(entries, asked.sarif)
    measured = _collected(entries, asked.coverage)
    ending = Ending(0 if asked.conclusion == "success" else 1, b"", 0, 0, by="workflow")
    # Where GitHub's runners check a repository out; findings at absolute paths are relative to it.
    checkout = PurePosixPath("/home/runner/work", repository.name, repository.name)
    outcome = judge(ending, tests, scan, "GitHub Actions", checkout, measured)
    if not left.left_out:
        return outcome
    said = (outcome.detail or outcome.evidence.summary).rstrip(".")
    aside = f"Artifacts of the run that were not looked into: {left.left_out}."
    return replace(outcome, detail=f"{said[: MAX_MESSAGE - 100]}. {aside}")


def _entries(left: Artifacts) -> list[Entry] | Refusal:
    """Every file of every archive, by its path in there."""
    found: list[Entry] = []
    for archive in left.archives:
        opened = _opened(archive)
        if isinstance(opened, Refusal):
            return opened
        found += [(info.filename, opened, info) for info in opened.infolist() if _is_file(info)]
    return found


def _opened(archive: Archive) -> zipfile.ZipFile | Refusal:
    end = archive.content.rfind(_END_OF_DIRECTORY, max(0, len(archive.content) - _END_SPAN))
    record = archive.content[end : end + 22]
    name = archive.name[:80]
    if end < 0 or len(record) < 22:
        return Refusal(StageReason.REPORT_UNREADABLE, f"The artifact {name} is no archive.")
    size = struct.unpack("<4s4H2LH", record)[5]
    if size > MAX_DIRECTORY or archive.content[max(0, end - 20) : end].startswith(_LARGE_ARCHIVE):
        return Refusal(StageReason.REPORT_TOO_LARGE, f"The artifact {name} has too many entries.")
    try:
        return zipfile.ZipFile(BytesIO(archive.content))
    except _BROKEN:
        return Refusal(StageReason.REPORT_UNREADABLE, f"The artifact {name} is damaged.")


def _is_file(info: zipfile.ZipInfo) -> bool:
    """A plain file at a path inside; a link's mode is in the upper half of its attributes."""
    mode = info.external_attr >> 16
    if not info.filename:
        return False
    inside = not info.filename.startswith("/") and ".." not in PurePosixPath(info.filename).parts
    return inside and not info.is_dir() and (stat.S_IFMT(mode) in (0, stat.S_IFREG))


def _collected(entries: list[Entry] | Refusal, pattern: str | None) -> Collected:
    if pattern is None:
        return None
    if isinstance(entries, Refusal):
        return entries
    matching = next((found for part in _ends(pattern) if (found := _matching(entries, part))), [])
    if not matching:
        said = f"The workflow left no artifact with a report that matches {pattern[:100]}."
        return Refusal(StageReason.REPORT_MISSING, said)
    if len(matching) > MAX_FILES:
        return Refusal(StageReason.REPORT_TOO_LARGE, f"More than {MAX_FILES} files match {pattern[:100]}.")
    return _read(matching)


def _ends(pattern: str) -> Iterator[str]:
    """The pattern, and its ends, the longest first."""
    parts = PurePosixPath(pattern).parts
    yield from ("/".join(parts[index:]) for index in range(len(parts)))


def _matching(entries: list[Entry], pattern: str) -> list[Entry]:
    return [entry for entry in entries if glob.globmatch(entry[0], pattern, flags=_FLAGS)]


def _read(entries: list[Entry]) -> Collected:
    files = []
    room = MAX_BYTES
    for name, archive, info in sorted(entries, key=lambda entry: entry[0]):
        if info.compress_type not in _METHODS:
            return Refusal(StageReason.REPORT_UNREADABLE, f"{name[:100]} is packed in an unusual way.")
        try:
            with archive.open(info) as stream:
                content = stream.read(room + 1)
        except _BROKEN:
            return Refusal(StageReason.REPORT_UNREADABLE, f"{name[:100]} is damaged or encrypted.")
        room -= len(content)
        if room < 0:
            return Refusal(
                StageReason.REPORT_TOO_LARGE, f"The reports are larger than {MAX_BYTES // 1024**2} MiB."
            )
        files.append(ReportFile(name, content))
    return tuple(files)
