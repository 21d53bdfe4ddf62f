"""`gate-app setup` as an operator runs it: the process, the link that it prints, how it ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Setup:
    """The running command; `link` is what it printed."""

    process: subprocess.Popen[str]
    link: str

    def ends(self) -> tuple[int, str]:
        """The exit code, and what it printed after the link."""
        said, _ = self.process.communicate(timeout=30)
        return self.process.returncode, said


@contextmanager
def setting_up(environment: Mapping[str, str], *words: str) -> Iterator[Setup]:
    """Starts it, and ends it whatever happens."""
    command = [sys.executable, "-m", "gate_app.cli", "setup", *words]
    with subprocess.Popen(
        command, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert line.startswith("Open http"), line + process.stdout.read()
            yield Setup(process, line.removeprefix("Open ").strip())
        finally:
            process.kill()
