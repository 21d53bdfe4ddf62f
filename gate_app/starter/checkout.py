"""What there is in a checkout: what tests it, its workflows, who owns it, its default branch.

Rules of the file: only git's list of files and a few files themselves are read, each within a bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from gate_app.stages import detect
from gate_app.starter.ci import Workflow, read_workflow
from gate_app.starter.folder import Folder, Unusable
from gate_app.trial.git import Git, GitMissing, GitRefused
from gate_app.trial.refusal import Refusal, refuse

MAX_FILE: Final = 262_144
MAX_WORKFLOWS: Final = 100
WORKFLOWS: Final = ".github/workflows"
OWNERS_FILES: Final = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Where GitHub looks for it, in this order."""
_DEPLOYING: Final = ("deploy.sh", "scripts/deploy.sh", "bin/deploy", "script/deploy")
_REMOTE_HEAD: Final = "refs/remotes/origin/HEAD"


@dataclass(frozen=True, slots=True)
class Checkout:
    """What was found. `paths` are files that git tracks or would; `deploying` is a script that is there to deploy."""

    folder: Folder
    branch: str
    paths: frozenset[str]
    workflows: tuple[Workflow, ...]
    proposal: detect.Proposal
    owners_file: str | None
    deploying: str | None
    notes: tuple[str, ...] = ()


def look(path: Path) -> Checkout | Refusal:
    """What there is in the checkout that `path` is in. Raises Unusable."""
    top = _top(path)
    if isinstance(top, Refusal):
        return top
    git, folder = Git(top), Folder(top)
    listed = git.run("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    paths = frozenset(name for name in listed if name)
    texts: dict[str, str] = {}
    notes: list[str] = []
    for name in detect.MANIFESTS:
        raw = _lenient(folder, name, notes) if name in paths else None
        if raw is not None:
            texts[name] = raw.decode("utf-8", "replace")
    return Checkout(
        folder,
        _branch(git),
        paths,
        _workflows(folder, paths, notes),
        detect.detect(paths, texts),
        next((name for name in OWNERS_FILES if name in paths), None),
        next((name for name in _DEPLOYING if name in paths), None),
        tuple(notes),
    )


def _top(path: Path) -> Path | Refusal:
    if not path.is_dir():
        return refuse(f"{path}: there is no such folder; name a git checkout with --repo")
    here = path.resolve()
    try:
        top = Path(Git(here).run("rev-parse", "--show-toplevel")).resolve()
    except GitMissing:
        raise
    except GitRefused:
        return refuse(f"{path} is not a git checkout; run it in a folder that `git clone` or `git init` made")
    if not here.is_relative_to(top):  # `core.worktree` may name any folder
        return refuse(f"{path} is not inside of its own checkout, {top}; run it there")
    return top


def _branch(git: Git) -> str:
    """The default branch as the clone knows it, else the one that is checked out."""
    for question in (("symbolic-ref", "--quiet", _REMOTE_HEAD), ("symbolic-ref", "--quiet", "HEAD")):
        try:
            found = git.run(*question)
        except GitRefused:
            continue
        return found.removeprefix("refs/remotes/origin/").removeprefix("refs/heads/")
    return "main"


def _workflows(folder: Folder, paths: frozenset[str], notes: list[str]) -> tuple[Workflow, ...]:
    files = [name for name in sorted(paths) if _is_workflow(PurePosixPath(name))]
    if len(files) > MAX_WORKFLOWS:
        notes.append(f"Only the first {MAX_WORKFLOWS} workflows were looked at.")
    return tuple(_read(folder, files[:MAX_WORKFLOWS], notes))


def _read(folder: Folder, files: Sequence[str], notes: list[str]) -> list[Workflow]:
    found = []
    for file in files:
        raw = _lenient(folder, file, notes)
        if raw is None:
            continue
        workflow = read_workflow(PurePosixPath(file).name, raw)
        if not workflow.readable:
            notes.append(f"{file} could not be read here; see for yourself whether it tests or deploys.")
        found.append(workflow)
    return found


def _is_workflow(path: PurePosixPath) -> bool:
    return str(path.parent) == WORKFLOWS and path.suffix in (".yml", ".yaml")


def _lenient(folder: Folder, name: str, notes: list[str]) -> bytes | None:
    """What is only looked at may be unusable: that is said, and it is left out."""
    try:
        return folder.read(name, MAX_FILE)
    except Unusable as fault:
        notes.append(f"{fault}; it is left out.")
        return None
