"""Where on this machine the stages' things are, and what no command of a repository may see of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]")


def slug(text: str) -> str:
    """A plain name: readable where the text is plain already, made unique by a digest where it is not."""
    plain = _UNSAFE.sub("-", text).strip("-.")[:80]
    return plain if plain == text else f"{plain or 'x'}-{sha256(text.encode()).hexdigest()[:8]}"


@dataclass(frozen=True, slots=True)
class Places:
    """`search_path` is the PATH of commands, `venv` goes before it. Every path is absolute, without links.

    Below `home`: `git` (bare caches) and `releases`, both with one folder for each repository, named by its id;
    `stages` (one folder an attempt). `guarded` are further files and folders that are none of a command's business:
    the private key, the database, the operator's home. `probe_hosts` are globs over hosts that a watch may ask on
    private addresses, `prometheus_url` is the server of its metrics, `prometheus_queries` what it may be asked.
    """

    home: Path
    search_path: str
    venv: Path | None = None
    guarded: tuple[Path, ...] = ()
    probe_hosts: tuple[str, ...] = ()
    prometheus_url: str = ""
    prometheus_queries: tuple[str, ...] = ()

    @property
    def caches(self) -> Path:
        return self.home / "git"

    @property
    def stages(self) -> Path:
        return self.home / "stages"

    def releases_of(self, repository_id: int | str) -> Path:
        """Where the environments of one repository are; those of another may have the same names."""
        return self.home / "releases" / str(repository_id)

    @property
    def hidden(self) -> tuple[Path, ...]:
        """What namespaces cover."""
        return (self.home, *self.guarded)
