"""Links of a commit that lead out of it, found before anybody is asked whether to deploy it.

A release folder holds no such link: the tar filter of PEP 706 refuses it (case 176). A worktree may, and so may a
deployment that is not ours; so it is only told.
"""

import os
from pathlib import Path

from gate_app.stages.plaintext import plain_line

MAX_ENTRIES = 200_000
"""As many files as a release may have; what lies behind them is not looked at."""


def first_that_leads_out(folder: Path) -> str:
    """`link → target`, as plain text, of one link below `folder` that is absolute or leads above it; else empty."""
    seen = 0
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            seen += 1
            if seen > MAX_ENTRIES:
                return ""
            link = Path(parent, name)
            if link.is_symlink() and _leads_out(folder, link):
                told = f"{link.relative_to(folder)} → {os.readlink(link)}"
                return plain_line(os.fsencode(told).decode(errors="replace"), 200)
    return ""


def _leads_out(folder: Path, link: Path) -> bool:
    """By its text alone: what it leads to need not exist."""
    target = os.readlink(link)
    steps = os.path.normpath(os.path.join(link.parent.relative_to(folder), target))
    return os.path.isabs(target) or steps == ".." or steps.startswith("../")
