"""A change described by a checkout: what two revisions of it say, without asking anybody.

Rules of the file: the checkout is only read; commit identities are free text and only ever make somebody a
contributor (cases 55, 56); an address that the facts give to nobody is nobody's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gate_app.config.text import MAX_BYTES
from gate_app.simulation.facts import Facts
from gate_app.trial.git import Git
from gate_app.trial.refusal import Refusal
from gate_app.trial.repository import CommitRange, resolve

GATE_FILE: Final = ".github/gate.yml"
LISTED: Final = 300
"""Changed files of a comparison that GitHub lists; of more, any may have changed."""
_TRAILER: Final = re.compile(r"co-authored-by:[^<\n]*<([^<>\n]*)>", re.ASCII | re.IGNORECASE)


def found_in(path: Path, base: str | None, head: str | None) -> CommitRange | Refusal:
    """The range of commits that would be the change."""
    return resolve(path, base, head)


def gate_file(commits: CommitRange) -> bytes | None:
    """The gate file where the range begins: a change does not judge itself (case 86). None when there is none."""
    return commits.git.blob(commits.base, GATE_FILE, MAX_BYTES)


def described(commits: CommitRange, facts: Facts) -> Facts:
    """The facts, with the change as the commits have it; labels, branches and people stay those of the facts."""
    git, between = commits.git, f"{commits.base}..{commits.head}"
    owners = {email.casefold(): login for login, told in facts.people.items() for email in told.emails}
    emails = dict.fromkeys((*commits.emails, *_TRAILER.findall(git.run("log", "--format=%B", between))))
    logins = dict.fromkeys(login for each in emails if (login := owners.get(each.casefold())))
    author = _author(git, commits, owners) or facts.change.author
    files, lines = _files(git, commits)
    change = facts.change.model_copy(
        update={
            "title": _visible(commits.title),
            "author": author,
            "contributors": tuple(login for login in logins if login != author),
            "unattributed": tuple(_visible(each) for each in emails if each.casefold() not in owners),
            "files": files,
            "lines": lines,
        }
    )
    return facts.model_copy(update={"change": change})


def _author(git: Git, commits: CommitRange, owners: Mapping[str, str]) -> str | None:
    return owners.get(git.run("log", "-1", "--format=%ae", commits.head).casefold())


def _files(git: Git, commits: CommitRange) -> tuple[tuple[str, ...] | None, int | None]:
    """Changed files, the old and the new name of each, and how many lines; None where GitHub would not list all."""
    rows = git.run("diff", "--numstat", "-z", "--no-renames", commits.base, commits.head).split("\0")
    counted = [row.split("\t", 2) for row in rows if row]
    if len(counted) > LISTED:
        return None, None
    lines = sum(int(each) for row in counted for each in row[:2] if each != "-")
    return tuple(row[2] for row in counted), lines


def _visible(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)[:200] or "?"
