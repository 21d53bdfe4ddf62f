"""Where everything of one trial lies on disk.

    <home>/github      the stand-in's state        <home>/logs        what each process said
    <home>/app         git caches, stages          <home>/app/releases/<repository id>/<environment>/current
    <home>/gate.db     the App's database          <home>/app.pem     the App's private key, mode 0600

Rules of the file: one folder for one trial, never one that holds something already; it stays until the user
removes it, because releases, journal and logs are what a trial leaves to look at.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gate_app.trial.refusal import Refusal, refuse


@dataclass(frozen=True, slots=True)
class TrialHome:
    """The folder of one trial, absolute."""

    root: Path

    @property
    def github(self) -> Path:
        return self.root / "github"

    @property
    def app(self) -> Path:
        return self.root / "app"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def releases_of(self, repository_id: int) -> Path:
        return self.app / "releases" / str(repository_id)

    @property
    def stages(self) -> Path:
        return self.app / "stages"

    @property
    def private_key(self) -> Path:
        return self.root / "app.pem"

    @property
    def sample(self) -> Path:
        return self.root / "greeter"

    @property
    def database_url(self) -> str:
        return f"sqlite:///{self.root / 'gate.db'}"

    def keep_private_key(self, pem: str) -> None:
        """Writes the App's key so that nobody else can read it."""
        descriptor = os.open(self.private_key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(pem)


def prepare(folder: Path | None) -> TrialHome | Refusal:
    """A new home: `folder`, which must be absent or empty, or a fresh temporary one."""
    if folder is None:
        return _furnished(Path(tempfile.mkdtemp(prefix="gate-app-try-")).resolve())
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if any(folder.iterdir()):
            return refuse(f"--home {folder} is not empty; name a new folder, each trial has its own")
    except OSError as error:
        return refuse(f"--home {folder} cannot be used: {error.strerror}; name another folder")
    return _furnished(folder.resolve())


def _furnished(root: Path) -> TrialHome:
    home = TrialHome(root)
    for part in (home.github, home.app, home.logs):
        part.mkdir(mode=0o700)
    return home
