"""CODEOWNERS: who owns the files that change, by the rules of GitHub.

Rules of the file: matching is a library's business (`codeowners`); the last line that matches a file decides. A line
that GitHub would skip could hand its files to somebody else, so one makes the whole file unreadable, and says where
(case 99). Patterns come from the default branch and are bounded all the same (cases 53, 99).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from codeowners import CodeOwners

from gate_app.domain.model import Unknown
from gate_app.domain.ownership import Owners, Ownership, least

MAX_BYTES: Final = 64 * 1024
MAX_LINES: Final = 1_000
MAX_STARS: Final = 3
MAX_STARS_IN_PART: Final = 2
"""Of one pattern, and of a part between two slashes: each makes matching dearer, and paths are anybody's to choose."""

_OWNER: Final = re.compile(
    r"@(?P<login>[A-Za-z0-9][A-Za-z0-9_-]{0,38})(?P<team>/[A-Za-z0-9_][A-Za-z0-9._-]{0,99})?"
    r"|(?P<email>[^@\s]+@[^@\s]+\.[^@\s]+)",
    re.ASCII,
)
_COMMENT: Final = re.compile(r"(?:^|\s)#")
_FOREIGN: Final = re.compile(r"[\[\]\\!\x00-\x08\x0b-\x1f\x7f\ufeff]")
"""What no pattern of GitHub's has: ranges, escapes and exclusions do not work there (docs: CODEOWNERS syntax)."""
_PLAIN: Final = str.maketrans(" \n", "\x01\x02")
"""To `codeowners` a space in a path is slashes, and `**` ends at a line: what no pattern has stands for both."""


@dataclass(frozen=True, slots=True)
class _Line:
    pattern: str
    owners: Owners


def ownership(raw: bytes, files: Sequence[str] | None) -> Ownership | Unknown:
    """Whose the files are; without knowing the files, everybody's who owns anything, and nobody's in particular."""
    lines = _lines(raw)
    if isinstance(lines, Unknown):
        return lines
    if files is None:
        return least([*(line.owners for line in lines if line.owners.names), Owners(anybody=True)])
    matching = CodeOwners("\n".join(f"{line.pattern} @{index}" for index, line in enumerate(lines)))
    return least(_first_of_each([_owners_of(file, lines, matching) for file in files]))


def _owners_of(file: str, lines: Sequence[_Line], matching: CodeOwners) -> Owners:
    found = matching.of(file.translate(_PLAIN))
    owners = lines[int(found[0][1].removeprefix("@"))].owners if found else Owners(anybody=True)
    return replace(owners if owners.names else Owners(anybody=True), file=file)


def _first_of_each(found: Sequence[Owners]) -> list[Owners]:
    """Each set once, with the first of its files."""
    first: dict[Owners, Owners] = {}
    for owners in found:
        first.setdefault(replace(owners, file=""), owners)
    return [*first.values()]


def _lines(raw: bytes) -> tuple[_Line, ...] | Unknown:
    if len(raw) > MAX_BYTES:
        return Unknown("owners_unreadable", f"CODEOWNERS has more than {MAX_BYTES} bytes")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return Unknown("owners_unreadable", "CODEOWNERS is not UTF-8")
    rows = [_COMMENT.split(row, maxsplit=1)[0].strip() for row in text.split("\n")]
    if len(rows) > MAX_LINES:
        return Unknown("owners_unreadable", f"CODEOWNERS has more than {MAX_LINES} lines")
    read = [_line(row) if row else None for row in rows]
    bad = next(
        (number for number, (row, line) in enumerate(zip(rows, read, strict=True), 1) if row and not line), 0
    )
    if bad:
        return Unknown("owners_unreadable", f"CODEOWNERS cannot be read in line {bad}; mend it there")
    return tuple(line for line in read if line is not None)


def _line(row: str) -> _Line | None:
    """A pattern and its owners, None where GitHub would skip the line."""
    pattern, *names = row.split()
    if _FOREIGN.search(row) or pattern.strip("/") == "" or _is_dear(pattern):
        return None
    owners = [_OWNER.fullmatch(name) for name in names]
    if not all(owners):
        return None
    kinds = [(name, _kind(found)) for name, found in zip(names, owners, strict=True) if found]
    users, teams, others = (
        tuple(name.removeprefix("@") for name, kind in kinds if kind == wanted)
        for wanted in ("user", "team", "other")
    )
    return _Line(pattern, Owners(users, teams, others))


def _kind(found: re.Match[str]) -> str:
    if found["email"]:
        return "other"
    return "team" if found["team"] else "user"


def _is_dear(pattern: str) -> bool:
    parts = [len(re.findall(r"\*+", part)) for part in pattern.split("/")]
    return "***" in pattern or sum(parts) > MAX_STARS or max(parts) > MAX_STARS_IN_PART
