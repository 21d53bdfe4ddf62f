"""What a release would bring to an environment: everything since what runs there today.

Rules of the file: facts only, learned once per (environment, what it runs) and kept with the run; what could
not be found out never skips a gate.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from gate_app.domain.model import LATER

KEPT_SUBJECTS: Final = 10
"""First lines of commits that are kept to be shown; the number of commits stays exact."""
KEPT_PULLS: Final = 50

_MERGED: Final = re.compile(r"Merge pull request #([1-9][0-9]{0,9}) from ", re.ASCII)
_SQUASHED: Final = re.compile(r"\(#([1-9][0-9]{0,9})\)$", re.ASCII)


@dataclass(frozen=True, slots=True)
class Found:
    """A list of globs that is touched, and by which file; empty when any may have been changed."""

    globs: tuple[str, ...]
    file: str


@dataclass(frozen=True, slots=True)
class Shipment:
    """The commits between what an environment runs (`base`) and the head under decision.

    `first` says that nothing of ours runs there yet and `base` is where the change begins. `ahead` commits
    come in, `behind` go out. `paths` are the globs of the environment when this was read, and `touched` says
    whether a changed file fits one of them (True when it could not be told for sure). `looked_for` are the lists of
    globs of its escalation rules, `found` a changed file for each that is touched (empty when it could not be told).
    `lines` counts added and removed lines, None when GitHub does not list all changed files.
    """

    base: str
    first: bool
    ahead: int
    behind: int
    pulls: tuple[int, ...] = ()
    subjects: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    touched: bool = True
    looked_for: tuple[tuple[str, ...], ...] = field(default=(), metadata=LATER)
    found: tuple[Found, ...] = field(default=(), metadata=LATER)
    lines: int | None = field(default=None, metadata=LATER)


def subject_of(message: str) -> str:
    """The first line of a commit message: anybody's text."""
    return message.split("\n", 1)[0].strip()[:200]


def pull_of(subject: str) -> int | None:
    """The pull request that a commit's first line names in GitHub's own way; a hint for people, no fact."""
    found = _MERGED.match(subject) or _SQUASHED.search(subject)
    return int(found[1]) if found else None
