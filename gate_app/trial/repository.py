"""From a checkout and two revisions to the range of commits that becomes the pull request.

Rules of the file: the checkout is only read; what is done differently from what was asked is said in a note.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gate_app.trial.git import Git, GitMissing, GitRefused
from gate_app.trial.refusal import Refusal, refuse

_SHA_LENGTH: Final = 40
_MAX_TITLE: Final = 200
_DEFAULT_BRANCHES: Final = ("refs/remotes/origin/HEAD", "refs/heads/main", "refs/heads/master")


@dataclass(frozen=True, slots=True)
class CommitRange:
    """The commits that `head` has and `base` has not (40 hex digits each), at least one.

    `emails` are those of their authors and committers. `notes` say what was decided on the way.
    """

    checkout: Path
    base: str
    head: str
    title: str
    emails: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def git(self) -> Git:
        return Git(self.checkout)


@dataclass(frozen=True, slots=True)
class _Start:
    base: str
    notes: tuple[str, ...] = ()


def resolve(path: Path, base: str | None, head: str | None) -> CommitRange | Refusal:
    """The range in the checkout at `path`.

    Without `head` it ends at HEAD; without `base` it starts where it left the default branch, or holds the
    last commit alone when it has not left it.
    """
    checkout = _checkout(path)
    if isinstance(checkout, Refusal):
        return checkout
    git = Git(checkout)
    end = git.commit_of(head or "HEAD")
    if end is None and head is None:
        return refuse(f"{checkout} has no commit yet; commit something, then a change on top of it")
    if end is None:
        return _unknown_revision(head or "HEAD", checkout)
    start = _default_start(git, end) if base is None else _given_start(git, base, end)
    if isinstance(start, Refusal):
        return start
    if start.base == end:
        return refuse(f"The range is empty: it starts and ends at {end[:12]}; name an earlier --base")
    if len(end) != _SHA_LENGTH:
        return refuse(f"{checkout} uses SHA-256 object names, which GitHub does not; use a SHA-1 repository")
    return _described(git, start, end)


def _checkout(path: Path) -> Path | Refusal:
    if not path.is_dir():
        return refuse(f"{path}: there is no such folder; name a git checkout with --repo")
    try:
        return Path(Git(path.resolve()).run("rev-parse", "--show-toplevel")).resolve()
    except GitMissing:
        raise
    except GitRefused:
        return refuse(f"{path} is not a git checkout; name a folder that `git clone` or `git init` made")


def _is_shallow(git: Git) -> bool:
    return git.run("rev-parse", "--is-shallow-repository") == "true"


def _unknown_revision(revision: str, checkout: Path) -> Refusal:
    return refuse(f"{revision}: no such commit in {checkout}; check the name, or fetch it first")


def _given_start(git: Git, base: str, end: str) -> _Start | Refusal:
    """The base as given; as in a pull request, a base that went on in the meantime counts from the fork."""
    given = git.commit_of(base)
    if given is None:
        return _unknown_revision(base, git.folder)
    shared = git.merge_base(given, end)
    if shared is None:
        return refuse(
            f"{base} and the head have no common history; name an ancestor of the head as --base, "
            "or `git fetch --unshallow` first"
        )
    if shared == given:
        return _Start(given)
    note = f"{base} is not an ancestor of the head: the range starts at their merge base {shared[:12]}."
    return _Start(shared, (note,))


def _default_start(git: Git, end: str) -> _Start | Refusal:
    for branch in _DEFAULT_BRANCHES:
        tip = git.commit_of(branch)
        shared = git.merge_base(tip, end) if tip else None
        if shared is not None and shared != end:
            name = branch.removeprefix("refs/heads/").removeprefix("refs/remotes/")
            return _Start(shared, (f"The range starts where it left {name}, at {shared[:12]}.",))
    parent = git.commit_of(f"{end}~1")
    if parent is None:
        fetch = " (this clone is shallow: git fetch --unshallow brings the rest)" if _is_shallow(git) else ""
        return refuse(f"The head has no commit before it, so there is no range; commit a change first{fetch}")
    return _Start(
        parent, (f"The range is the last commit alone, on top of {parent[:12]}; --base widens it.",)
    )


def _described(git: Git, start: _Start, end: str) -> CommitRange:
    notes = start.notes
    if git.is_dirty():
        notes += ("The checkout has changes that are not committed; they are left out.",)
    subject = git.run("log", "-1", "--format=%s", end)[:_MAX_TITLE].strip()
    emails = git.run("log", "--format=%ae%n%ce", f"{start.base}..{end}").split("\n")
    known = tuple(dict.fromkeys(email for email in emails if email))
    return CommitRange(git.folder, start.base, end, subject or f"Change {end[:12]}", known, notes)
