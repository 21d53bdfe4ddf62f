"""Where on this machine the stages' things are, and what no command of a repository may see of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Places:
    """`search_path` is the PATH of commands, `venv` goes before it. Every path is absolute, without links.

    Below `home`: `git` (bare caches, a folder for each repository), `stages` (one folder an attempt), `releases`
    (one folder an environment). `guarded` are further files and folders that are none of a command's business:
    the private key, the database, the operator's home. `probe_hosts` are globs over hosts that a watch may ask on
    private addresses.
    """

    home: Path
    search_path: str
    venv: Path | None = None
    guarded: tuple[Path, ...] = ()
    probe_hosts: tuple[str, ...] = ()

    @property
    def caches(self) -> Path:
        return self.home / "git"

    @property
    def stages(self) -> Path:
        return self.home / "stages"

    @property
    def releases(self) -> Path:
        return self.home / "releases"

    @property
    def hidden(self) -> tuple[Path, ...]:
        """What namespaces cover."""
        return (self.home, *self.guarded)
