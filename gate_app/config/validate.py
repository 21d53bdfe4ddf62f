"""What `gate-app validate` does: read a configuration file from disk and say what is wrong with it.

Rules of the file: what GitHub would not serve as a plain file is refused here too (case 96), and never
opened: a pipe would block, a link would show another file's content.
"""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gate_app.config.floor import Floor, read_floor, read_raised
from gate_app.config.problems import ConfigProblem
from gate_app.config.reader import read
from gate_app.config.text import MAX_BYTES, blob_sha
from gate_app.domain.policy import Policy

EXIT_VALID = 0
EXIT_INVALID = 1
EXIT_WRONG_CALL = 2


@dataclass(frozen=True, slots=True)
class Validation:
    """The outcome for one file: what to print, the exit code, and the policy when there is one to explain."""

    exit_code: int
    lines: tuple[str, ...]
    policy: Policy | None = None


def validate(path: Path, floor: Path | None = None) -> Validation:
    """The file at `path` judged as the repository's configuration; exit 0 valid, 1 invalid, 2 wrong call.

    `floor` is that of the organisation: the policy is the file brought up to it.
    """
    raw = load(path)
    if isinstance(raw, Validation) or floor is None:
        return raw if isinstance(raw, Validation) else _judged(path, read(raw, blob_sha(raw), str(path)))
    beneath = load(floor)
    if isinstance(beneath, Validation):
        return beneath
    found = read_floor(beneath, blob_sha(beneath), str(floor))
    if not isinstance(found, Floor):
        return Validation(EXIT_INVALID, _told(found))
    return _judged(path, read_raised(raw, blob_sha(raw), str(path), found))


def load(path: Path) -> bytes | Validation:
    """The bytes of a plain file, a little more than may be read of it at most, or why they cannot be had."""
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        return Validation(EXIT_WRONG_CALL, (f"{path}: cannot be read: {error.strerror}",))
    if stat.S_ISDIR(mode):
        return Validation(EXIT_WRONG_CALL, (f"{path}: is a folder; name the file, such as .github/gate.yml",))
    if not stat.S_ISREG(mode):
        return Validation(EXIT_INVALID, (f"{path}: is not a plain file; commit the file itself, no link",))
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        return Validation(EXIT_WRONG_CALL, (f"{path}: cannot be read: {error.strerror}",))


def _judged(path: Path, found: Policy | tuple[ConfigProblem, ...]) -> Validation:
    if isinstance(found, Policy):
        names = ", ".join(environment.name for environment in found.environments)
        return Validation(EXIT_VALID, (f"{path}: valid; gates: {names}", *_told_too(path, found)), found)
    return Validation(EXIT_INVALID, _told(found))


def _told_too(path: Path, policy: Policy) -> tuple[str, ...]:
    """Which channels there are is the operator's business, and not known here."""
    names = ", ".join(policy.notify)
    return (f"{path}: tells {names}, if the operator of the app has configured it",) if names else ()


def _told(problems: Sequence[ConfigProblem]) -> tuple[str, ...]:
    return tuple(map(str, problems))
