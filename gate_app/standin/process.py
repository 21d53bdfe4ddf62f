"""Start the stand-in as a process of its own, and end it.

The process lives as long as its starter: when the starter is gone, whatever the reason, it ends too. Its
state stays in `home`; starting again on the same home and port continues where it was.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from gate_app.standin.control import Control

READY_SECONDS = 20
STOP_SECONDS = 15


class StandinError(Exception):
    """The stand-in did not come up; the text is the end of its log."""


@dataclass(frozen=True)
class StandinProcess:
    """A running stand-in."""

    url: str
    pid: int
    control: Control
    _process: subprocess.Popen[bytes]

    @property
    def port(self) -> int:
        """The port to come back at after a restart."""
        return int(self.url.rsplit(":", 1)[1])

    def stop(self) -> None:
        """End it in order (SIGTERM), by force if that takes too long."""
        _end(self._process, signal.SIGTERM)

    def kill(self) -> None:
        """End it at once (SIGKILL), as a crash would."""
        _end(self._process, signal.SIGKILL)


def start(home: Path, port: int = 0) -> StandinProcess:
    """Start a stand-in on `home`, waiting until it is ready. Raises `StandinError`."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = home / "standin.log"
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "gate_app.standin",
                "--home",
                str(home),
                "--port",
                str(port),
                "--until-stdin-closes",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
            env=_environment(),
        )
    line = _ready_line(process)
    if not line:
        _end(process, signal.SIGKILL)
        raise StandinError(log.read_text(errors="replace")[-2000:] or "it ended without a word")
    ready = json.loads(line)
    control = Control(ready["url"], ready["control_token"])
    return StandinProcess(ready["url"], ready["pid"], control, process)


def _end(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    process.send_signal(how)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_SECONDS)
    for stream in (process.stdin, process.stdout):
        if stream:
            with contextlib.suppress(OSError):
                stream.close()


def _ready_line(process: subprocess.Popen[bytes]) -> bytes:
    lines: list[bytes] = []
    stdout = process.stdout
    if stdout is None:
        return b""
    reader = threading.Thread(target=lambda: lines.append(stdout.readline()), daemon=True)
    reader.start()
    reader.join(READY_SECONDS)
    return lines[0] if lines else b""


def _environment() -> dict[str, str]:
    """What a process needs to run; nothing of what the app is configured with."""
    return {"PATH": os.pathsep.join(os.get_exec_path()), "LC_ALL": "C.UTF-8"}
