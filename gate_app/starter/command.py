"""What `gate-app init` does: look, show the difference, write.

Rules of the file: a file that is there is replaced only if that was asked for and shown; what is shown of the
repository cannot move a terminal's cursor.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Final

from gate_app.domain.inert import plain
from gate_app.starter.checkout import Checkout, look
from gate_app.starter.folder import Folder, Unusable
from gate_app.starter.plan import Plan, Planned, planned
from gate_app.trial.git import GitRefused
from gate_app.trial.refusal import Refusal, refuse

WRITTEN: Final = 0
NOT_WRITTEN: Final = 1
WRONG_CALL: Final = 2
_WIDTH: Final = 300
_NOTE_WIDTH: Final = 1_000


@dataclass(frozen=True, slots=True)
class Proposed:
    """What there is to write where; `kept` are files that are there already and were not asked to be replaced."""

    folder: Folder
    files: tuple[Planned, ...]
    kept: tuple[Planned, ...]
    notes: tuple[str, ...]

    @property
    def difference(self) -> Iterator[str]:
        """The unified difference, line by line."""
        for each in self.files:
            before = "/dev/null" if each.before is None else f"a/{each.path}"
            old, new = _lines(each.before or b""), _lines(each.content)
            for line in unified_diff(old, new, before, f"b/{each.path}", lineterm=""):
                yield line[:1] + plain(line[1:], _WIDTH)


def propose(path: Path, *, force: bool) -> Proposed | Refusal:
    """What would be written in the checkout at `path`; with `force` also over files that are there."""
    try:
        found = look(path)
        plan = found if isinstance(found, Refusal) else planned(found)
    except (Unusable, GitRefused) as fault:
        return refuse(str(fault))
    if isinstance(plan, Refusal) or isinstance(found, Refusal):
        return plan if isinstance(plan, Refusal) else refuse("the checkout cannot be read")
    return _sorted(found, plan, force)


def _sorted(found: Checkout, plan: Plan, force: bool) -> Proposed:
    differing = [each for each in plan.files if each.differs]
    kept = tuple(each for each in differing if each.before is not None and not force)
    notes = tuple(plain(line, _NOTE_WIDTH) for line in plan.notes)  # they name files and branches as they are
    return Proposed(found.folder, tuple(each for each in differing if each not in kept), kept, notes)


def write(proposed: Proposed) -> Refusal | None:
    """Writes what was shown; stops at the first file that is not as it was."""
    for each in proposed.files:
        try:
            proposed.folder.write(each.path, each.content, each.before)
        except Unusable as fault:
            return refuse(str(fault))
    return None


def _lines(raw: bytes) -> list[str]:
    return raw.decode("utf-8", "replace").splitlines()
