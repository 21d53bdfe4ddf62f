"""Git plumbing on a bare repository.

Rules of this file:

* Only full commit SHAs and ref names that `resolve` has checked reach git as revisions; nothing that a
  request carries is ever an option or a revision expression.
* The environment is ours: no system or user configuration, no hooks, no prompts.
* What is named by SHAs never changes, so it is cached.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

SHA = re.compile(r"[0-9a-f]{40}")
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
NO_COMMIT = "0" * 40
COMMANDS_TIMEOUT = 60
PIECE = 65_536
_REF = re.compile(r"(?!-)(?!.*\.\.)(?!.*@\{)[A-Za-z0-9._/@+#-]{1,255}")
_FORMAT = "%H%x00%T%x00%P%x00%an%x00%ae%x00%at%x00%cn%x00%ce%x00%ct%x00%B"
_FORMAT_FIELDS = 10
_CONFIGURATION = "[uploadpack]\n\tallowAnySHA1InWant = true\n[gc]\n\tauto = 0\n"
_FORBIDDEN = frozenset({"", ".", "..", ".git"})
_COMMAND = ("git", "-c", "safe.directory=*", "-c", f"core.hooksPath={os.devnull}")
_STATUS = {"A": "added", "D": "removed", "M": "modified", "R": "renamed", "C": "copied", "T": "changed"}


class GitError(Exception):
    """Git ended with an error; the text is git's own."""


@dataclass(frozen=True)
class Signature:
    """Who made a commit, and when (UTC)."""

    name: str
    email: str
    at: datetime


@dataclass(frozen=True)
class GitCommit:
    """The content of a commit object."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Signature
    committer: Signature
    message: str


@dataclass(frozen=True)
class FileChange:
    """How one file differs between two commits; `sha` names the new blob, or the old one if removed."""

    filename: str
    previous_filename: str | None
    status: str
    sha: str
    additions: int
    deletions: int


@dataclass(frozen=True)
class TreeEntry:
    """One entry of a tree: `kind` is blob, tree or commit (a submodule)."""

    mode: str
    kind: str
    sha: str
    size: int
    name: str


class Git:
    """One bare repository on disk."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @classmethod
    def create(cls, directory: Path, checkout: Path | None, branch: str) -> Git:
        """Make a bare repository with this default branch that borrows the objects of `checkout`.

        The checkout is only read. Raises `GitError` if it is no git repository or the branch has no fit name.
        """
        common = _common_directory(checkout) if checkout else None
        shutil.rmtree(directory, ignore_errors=True)  # what an undone transaction may have left
        _git(["init", "--quiet", "--bare", "--template=", f"--initial-branch={branch}", str(directory)])
        with (directory / "config").open("a") as config:
            config.write(_CONFIGURATION)
        if common:
            (directory / "objects" / "info").mkdir(exist_ok=True)
            (directory / "objects" / "info" / "alternates").write_text(f"{common / 'objects'}\n")
            if (common / "shallow").exists():
                shutil.copyfile(common / "shallow", directory / "shallow")
        return cls(directory)

    def run(self, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None) -> bytes:
        """Run git here and give its output. Raises `GitError`."""
        return _git([f"--git-dir={self.directory}", *arguments], stdin, environment)

    def text(self, *arguments: str) -> str:
        """The output as text without the final line break."""
        return self.run(*arguments).decode(errors="replace").strip("\n")

    def resolve(self, name: str) -> str | None:
        """The commit that a full SHA, branch, tag or `heads/x`, `tags/x` names."""
        if SHA.fullmatch(name):
            candidates = [name]
        elif _REF.fullmatch(name):
            short = name.removeprefix("refs/")
            candidates = [f"refs/{short}", f"refs/heads/{name}", f"refs/tags/{name}"]
        else:
            return None
        return next(filter(None, map(self._commit_of, candidates)), None)

    def _commit_of(self, revision: str) -> str | None:
        try:
            return self.text("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        except GitError:
            return None

    def branch(self, name: str) -> str | None:
        """The commit at the tip of a branch."""
        return self._commit_of(f"refs/heads/{name}") if _REF.fullmatch(name) else None

    def branches(self) -> dict[str, str]:
        """All branches and their tips."""
        lines = self.text("for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads")
        return dict(line.rsplit(" ", 1) for line in lines.splitlines())

    def set_ref(self, ref: str, sha: str) -> None:
        """Point a full ref name at a commit, whatever it pointed at before."""
        self.run("update-ref", ref, sha)

    def delete_ref(self, ref: str) -> None:
        """Remove a ref if it exists."""
        self.run("update-ref", "-d", ref)

    def commit(self, sha: str) -> GitCommit:
        """One commit by its full SHA. Raises `GitError`."""
        return _commits(self.directory, sha, "--max-count=1")[0]

    def refs(self, prefix: str) -> dict[str, str]:
        """The refs whose name below `refs/` starts so, and the commits that they lead to."""
        form = "--format=%(refname:lstrip=1) %(objectname) %(*objectname)"
        lines = (
            line.split() for line in self.text("for-each-ref", form, "refs/heads", "refs/tags").splitlines()
        )
        return {name: shas[-1] for name, *shas in lines if name.startswith(prefix)}

    def history(self, head: str, path: str | None = None) -> tuple[GitCommit, ...]:
        """The commits that lead to `head`, newest first, or those that touched a path."""
        paths = [f":(literal){path}"] if path else []
        return _commits(self.directory, head, "--", *paths)

    def commits(self, base: str | None, head: str, limit: int = 5000) -> tuple[GitCommit, ...]:
        """The commits that `head` has and `base` has not, oldest first, at most the newest `limit`."""
        excluded = [f"^{base}"] if base else []
        found = _commits(self.directory, head, *excluded, "--topo-order", f"--max-count={limit}")
        return tuple(reversed(found))

    def merge_base(self, one: str, other: str) -> str | None:
        """The best common ancestor."""
        return _merge_base(self.directory, one, other)

    def contains(self, descendant: str, ancestor: str) -> bool:
        """Whether `ancestor` is reachable from `descendant`."""
        return self.merge_base(descendant, ancestor) == ancestor

    def file_changes(self, base: str, head: str) -> tuple[FileChange, ...]:
        """What differs from tree-ish `base` to `head`, renames detected."""
        return _file_changes(self.directory, base, head)

    def entry(self, sha: str, path: str) -> TreeEntry | None:
        """What lies at a path of a commit."""
        return next(iter(self._tree("--full-tree", sha, "--", path)), None) if _storable(path) else None

    def entries(self, sha: str, path: str) -> list[TreeEntry]:
        """The direct content of a folder; the empty path is the root."""
        return self._tree("--full-tree", sha, "--", *([f"{path}/"] if path else []))

    def listing(self, tree: str, *, recursive: bool) -> list[tuple[str, TreeEntry]]:
        """What is in a tree, by path; with everything below it if asked. Raises `GitError`."""
        deep = ["-r", "-t"] if recursive else []
        output = self.run("ls-tree", "-z", "--long", *deep, f"{tree}^{{tree}}").decode(errors="replace")
        return [(line.partition("\t")[2], _tree_entry(line)) for line in output.split("\0") if line]

    def _tree(self, *arguments: str) -> list[TreeEntry]:
        output = self.run("--literal-pathspecs", "ls-tree", "-z", "--long", *arguments).decode(
            errors="replace"
        )
        return [_tree_entry(line) for line in output.split("\0") if line]

    def blob(self, sha: str) -> bytes:
        """The content of a blob."""
        return self.run("cat-file", "blob", sha)

    def commit_tree(
        self, tree: str, parents: Iterable[str], message: str, author: Signature, committer: Signature
    ) -> str:
        """Write a commit object and give its SHA; no ref moves."""
        arguments = [argument for parent in parents for argument in ("-p", parent)]
        environment = {**_identity("AUTHOR", author), **_identity("COMMITTER", committer)}
        output = self.run("commit-tree", tree, *arguments, stdin=message.encode(), environment=environment)
        return output.decode().strip()

    def commit_files(
        self, parent: str | None, files: Mapping[str, str | None], message: str, signature: Signature
    ) -> str:
        """A commit on top of `parent` with these files written (or removed, for None); no ref moves.

        Raises `GitError` for a path that cannot be in a repository.
        """
        with tempfile.TemporaryDirectory(dir=self.directory) as folder:
            environment = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self.run("read-tree", parent or "--empty", environment=environment)
            lines = b"".join(self._index_line(path, text) for path, text in files.items())
            self.run("update-index", "-z", "--index-info", stdin=lines, environment=environment)
            tree = self.run("write-tree", environment=environment).decode().strip()
        return self.commit_tree(tree, [parent] if parent else [], message, signature, signature)

    def _index_line(self, path: str, text: str | None) -> bytes:
        # git only warns of such paths here and goes on without them
        if not _storable(path):
            raise GitError(f"invalid path {path!r}")
        if text is None:
            return f"0 {NO_COMMIT}\t{path}\0".encode()
        blob = self.run("hash-object", "-w", "--stdin", stdin=text.encode()).decode().strip()
        return f"100644 {blob}\t{path}\0".encode()

    def merged_tree(self, ours: str, theirs: str) -> str | None:
        """The tree of merging two commits, or None if they conflict."""
        return _merged_tree(self.directory, ours, theirs)

    def advertised_refs(self, protocol: str) -> bytes:
        """What `git upload-pack` offers; `protocol` is the client's Git-Protocol header."""
        command = ["upload-pack", "--stateless-rpc", "--advertise-refs", str(self.directory)]
        return _git(command, environment=_protocol(protocol))

    def upload_pack(self, request: bytes, protocol: str) -> Iterator[bytes]:
        """What `git upload-pack` answers to a client's request, piece by piece."""
        command = ["upload-pack", "--stateless-rpc", str(self.directory)]
        with tempfile.TemporaryFile() as stdin:
            stdin.write(request)
            stdin.seek(0)
            with subprocess.Popen(
                [*_COMMAND, *command],
                stdin=stdin,
                stdout=subprocess.PIPE,
                env=_environment(_protocol(protocol)),
            ) as process:
                yield from _pieces(process)


def _storable(path: str) -> bool:
    return not any(part.lower() in _FORBIDDEN or "\0" in part for part in path.split("/"))


def _pieces(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    if process.stdout is None:
        return
    try:
        while piece := process.stdout.read(PIECE):
            yield piece
    finally:
        process.kill()


def _protocol(protocol: str) -> dict[str, str]:
    return {"GIT_PROTOCOL": protocol} if protocol else {}


def _git(arguments: list[str], stdin: bytes = b"", environment: Mapping[str, str] | None = None) -> bytes:
    done = subprocess.run(
        [*_COMMAND, *arguments],
        input=stdin,
        env=_environment(environment or {}),
        capture_output=True,
        timeout=COMMANDS_TIMEOUT,
    )
    if done.returncode != 0:
        raise GitError(done.stderr.decode(errors="replace").strip()[:500])
    return done.stdout


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    return {
        "PATH": os.pathsep.join(os.get_exec_path()),
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        **more,
    }


def _common_directory(checkout: Path) -> Path:
    output = _git(["-C", str(checkout), "rev-parse", "--path-format=absolute", "--git-common-dir"])
    return Path(output.decode().strip())


def _identity(role: str, signature: Signature) -> dict[str, str]:
    return {
        f"GIT_{role}_NAME": signature.name,
        f"GIT_{role}_EMAIL": signature.email,
        f"GIT_{role}_DATE": f"@{int(signature.at.timestamp())} +0000",
    }


@functools.lru_cache(maxsize=2048)
def _merge_base(directory: Path, one: str, other: str) -> str | None:
    try:
        return _git([f"--git-dir={directory}", "merge-base", one, other]).decode().strip()
    except GitError:
        return None


@functools.lru_cache(maxsize=512)
def _merged_tree(directory: Path, ours: str, theirs: str) -> str | None:
    command = [f"--git-dir={directory}", "merge-tree", "--write-tree", "--no-messages", ours, theirs]
    try:
        return _git(command).decode().splitlines()[0]
    except GitError:
        return None


@functools.lru_cache(maxsize=2048)
def _commits(directory: Path, head: str, *arguments: str) -> tuple[GitCommit, ...]:
    command = [f"--git-dir={directory}", "log", "-z", f"--format={_FORMAT}", "--no-show-signature", head]
    ending = [] if "--" in arguments else ["--"]
    output = _git([*command, *arguments, *ending]).decode(errors="replace")
    parts = output.split("\0")
    whole = range(0, len(parts) - _FORMAT_FIELDS + 1, _FORMAT_FIELDS)
    return tuple(_commit(parts[start : start + _FORMAT_FIELDS]) for start in whole)


def _commit(parts: list[str]) -> GitCommit:
    sha, tree, parents, author, author_email, author_at, name, email, at, message = parts
    return GitCommit(
        sha=sha,
        tree=tree,
        parents=tuple(parents.split()),
        author=Signature(author, author_email, datetime.fromtimestamp(int(author_at), UTC)),
        committer=Signature(name, email, datetime.fromtimestamp(int(at), UTC)),
        message=message.rstrip("\n"),
    )


def _tree_entry(line: str) -> TreeEntry:
    facts, _, path = line.partition("\t")
    mode, kind, sha, size = facts.split()
    return TreeEntry(mode, kind, sha, 0 if size == "-" else int(size), path.rsplit("/", 1)[-1])


@functools.lru_cache(maxsize=512)
def _file_changes(directory: Path, base: str, head: str) -> tuple[FileChange, ...]:
    command = [f"--git-dir={directory}", "diff-tree", "-r", "-z", "-M", "--raw", "--numstat", "--no-abbrev"]
    parts = iter(_git([*command, "--end-of-options", base, head]).decode(errors="replace").split("\0"))
    raw: dict[str, tuple[str, str, str | None]] = {}
    lines: dict[str, tuple[int, int]] = {}
    for part in parts:
        if part.startswith(":"):
            _, _, old, new, status = part.split()
            first = next(parts)
            path, previous = (next(parts), first) if status[0] in "RC" else (first, None)
            raw[path] = (_STATUS[status[0]], old if status == "D" else new, previous)
        elif part:
            added, removed, path = part.split("\t", 2)
            if not path:
                _, path = next(parts), next(parts)
            lines[path] = (_lines(added), _lines(removed))
    return tuple(
        FileChange(path, previous, status, sha, *lines.get(path, (0, 0)))
        for path, (status, sha, previous) in raw.items()
    )


def _lines(count: str) -> int:
    return 0 if count == "-" else int(count)
