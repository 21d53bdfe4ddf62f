"""git in one folder, with an environment made here.

Rules of the file: no configuration of the user or the machine, no hooks, no prompts, no locks taken for
convenience, nothing fetched; a revision that a person typed is only ever given to `commit_of`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gate_app import settings

SECONDS: Final = 60
MAX_OUTPUT: Final = 64 * 1024**2
_CONFIGURATION: Final = (
    "-c", "safe.directory=*",
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=false",
    "-c", "core.autocrlf=false",
    "-c", "core.quotePath=false",
)  # fmt: skip
_ENVIRONMENT: Final = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "LC_ALL": "C",
}


class GitRefused(Exception):
    """git ended with an error; the text is the end of what git said."""


class GitMissing(GitRefused):
    """There is no git to run."""


@dataclass(frozen=True, slots=True)
class Git:
    """Runs git in `folder`."""

    folder: Path

    def run(self, *arguments: str, variables: Mapping[str, str] | None = None) -> str:
        """What git prints, without the line break at its end. Raises `GitRefused`."""
        return self.read(*arguments, variables=variables).decode("utf-8", "replace").rstrip("\n")

    def read(self, *arguments: str, variables: Mapping[str, str] | None = None) -> bytes:
        """The bytes that git prints, at most 64 MiB. Raises `GitRefused`."""
        environment = {**settings.inherited(), **_ENVIRONMENT, **(variables or {})}
        try:
            done = subprocess.run(
                ["git", *_CONFIGURATION, *arguments],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=SECONDS,
                check=False,
            )
        except FileNotFoundError:
            raise GitMissing("git is not installed, or not on the PATH") from None
        except (OSError, subprocess.TimeoutExpired) as fault:
            raise GitRefused(f"git could not be run: {type(fault).__name__}") from None
        if done.returncode != 0 or len(done.stdout) > MAX_OUTPUT:
            raise GitRefused(done.stderr.decode("utf-8", "replace").strip()[-500:] or "git failed")
        return done.stdout

    def commit_of(self, revision: str) -> str | None:
        """The id of the commit that a revision names, None when there is none."""
        try:
            return self.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        except GitRefused:
            return None

    def merge_base(self, one: str, other: str) -> str | None:
        """The best common ancestor of two commits, None when they have none."""
        try:
            return self.run("merge-base", one, other).split("\n")[0]
        except GitRefused:
            return None

    def is_dirty(self) -> bool:
        """Whether the checkout holds changes that are in no commit."""
        return bool(self.run("status", "--porcelain", "--untracked-files=normal", "--ignore-submodules"))

    def blob(self, commit: str, path: str, limit: int) -> bytes | None:
        """The content of a plain file of a commit; None when it is absent, no plain file or over `limit`."""
        row = self.run("ls-tree", "--full-tree", "--long", commit, "--", path)
        mode, _, rest = row.partition(" ")
        if mode not in ("100644", "100755") or int(rest.split()[2]) > limit:
            return None
        return self.read("cat-file", "blob", rest.split()[1])
