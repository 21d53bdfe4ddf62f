"""What a release would bring to an environment: everything since what runs there today.

Rules of the file: facts only, learned once per (environment, what it runs) and kept with the run; what could
not be found out never skips a gate.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from gate_app.domain.kinds import GOVERNING
from gate_app.domain.model import LATER, Authorship
from gate_app.domain.policy import Environment

Globs = Callable[[Sequence[str], Sequence[str]], bool]
"""Whether one of the files fits the patterns."""

KEPT_SUBJECTS: Final = 10
"""First lines of commits that are kept to be shown; the number of commits stays exact."""
KEPT_PULLS: Final = 50
KEPT_GOVERNING: Final = 3

_MERGED: Final = re.compile(r"Merge pull request #([1-9][0-9]{0,9}) from ", re.ASCII)
_STATES: Final = re.compile(r"confidence\s*:", re.IGNORECASE | re.ASCII)
_SHARE: Final = re.compile(r"0(\.[0-9]{1,3})?|1(\.0{1,3})?", re.ASCII)
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
    `lines` counts added and removed lines, None when GitHub does not list all changed files. `authorship` is who made
    the commits that come in, the head aside; None when they are not all listed. `governing` are changed files that say
    how deployments go (case 87), as far as these are known. `confidence` is the lowest that the commits state, in
    thousandths, None where one of them states none.
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
    authorship: Authorship | None = field(default=None, metadata=LATER)
    governing: tuple[str, ...] = field(default=(), metadata=LATER)
    confidence: int | None = field(default=None, metadata=LATER)


@dataclass(frozen=True, slots=True)
class Difference:
    """What lies between what an environment runs and the head: commits in and out, messages, changed files.

    `base` is the commit that was compared with; `first` says that nothing of ours runs there. `files` is None when
    they could not be listed whole, and `lines`, those added and removed, is None too. Messages are oldest first.
    """

    base: str
    first: bool
    ahead: int
    behind: int
    messages: tuple[str, ...]
    files: tuple[str, ...] | None
    lines: int | None
    authorship: Authorship | None = None


def shipment_of(found: Difference, environment: Environment, proposed: bool, touches: Globs) -> Shipment:
    """What a difference means to one environment; `proposed` says that a pull request is decided on.

    Commits that go out may have changed any file: only a plain step forward can leave paths alone. Where nothing of
    ours runs, what else came before this change and was never released is not known.
    """
    subjects = [subject_of(message) for message in reversed(found.messages)]
    pulls = tuple(dict.fromkeys(pull for pull in map(pull_of, subjects) if pull is not None))
    files = found.files if found.behind == 0 and not found.first else None
    alone = found.files if found.behind == 0 and (proposed or not found.first) else None
    touched = alone is None or not environment.paths or touches(environment.paths, alone)
    hits = ((globs, _first(globs, files, touches)) for globs in environment.globs)
    return Shipment(
        base=found.base,
        first=found.first,
        ahead=found.ahead,
        behind=found.behind,
        pulls=pulls[:KEPT_PULLS],
        subjects=tuple(subjects[:KEPT_SUBJECTS]),
        paths=environment.paths,
        touched=touched,
        looked_for=environment.globs,
        found=tuple(Found(globs, file) for globs, file in hits if file is not None),
        lines=found.lines if files is not None else None,
        authorship=found.authorship,
        governing=tuple(islice(_governing(found.files or (), touches), KEPT_GOVERNING)),
        confidence=_stated(found),
    )


def _governing(files: Sequence[str], touches: Globs) -> Iterator[str]:
    """Those that say who has to approve what, or what deploys it."""
    if files and touches(GOVERNING, files):
        yield from (file for file in files if touches(GOVERNING, [file]))


def _stated(found: Difference) -> int | None:
    """The lowest confidence that the commits state, in thousandths; None where one of them states none."""
    if found.first or found.behind or not found.messages or len(found.messages) < found.ahead:
        return None
    stated = [_confidence(message) for message in found.messages]
    known = [each for each in stated if each is not None]
    return min(known) if len(known) == len(stated) else None


def _confidence(message: str) -> int | None:
    """The lowest of the lines `Confidence: 0.9` of a message; None without one, or where one cannot be read."""
    lines = [line.partition(":")[2].strip() for line in message.splitlines() if _STATES.match(line)]
    if not lines or not all(_SHARE.fullmatch(line) for line in lines):
        return None
    return min(round(float(line) * 1000) for line in lines)


def _first(globs: tuple[str, ...], files: tuple[str, ...] | None, touches: Globs) -> str | None:
    """The first changed file that fits, empty when any may have changed, None when none fits."""
    if files is None:
        return ""
    return next((file for file in files if touches(globs, [file])), None)


def subject_of(message: str) -> str:
    """The first line of a commit message: anybody's text."""
    return message.split("\n", 1)[0].strip()[:200]


def pull_of(subject: str) -> int | None:
    """The pull request that a commit's first line names in GitHub's own way; a hint for people, no fact."""
    found = _MERGED.match(subject) or _SQUASHED.search(subject)
    return int(found[1]) if found else None
