"""Is what confines commands on this machine good enough? Found out by trying to get out of it.

Rules of this file:

* The confinement is the one that a stage would get, with everything that it hides, and not one made for the
  occasion. What `escape` could do in there is believed; that it could do nothing is believed only when it says so
  itself, and nothing was seen from the outside either.
* Closed by default: whatever goes wrong with the inspection is a shortcoming.
* Once for each process: the machine does not change under it, and where it does, `child` still refuses to run a
  command outside of the isolation that was inspected.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from gate_app.stages import escape, isolation, work
from gate_app.stages.isolation import Bubblewrap, Grade, Launch
from gate_app.stages.job import JobKind, StageJob
from gate_app.stages.places import Places
from gate_app.stages.plaintext import plain_line
from gate_app.stages.removal import remove

SECONDS: Final = 15
_NAMESPACES: Final = ("pid", "net", "mnt", "ipc")
_OF_THE_MACHINE: Final = ("/", "/usr", "/etc", "/var", "/opt", "/home", sys.prefix)
_ENOUGH: Final = 3  # shortcomings in one sentence; the first one is to be mended first anyway


class Demand(StrEnum):
    """What has to confine a command: namespaces that were inspected, or the best that there is here."""

    REQUIRED = "required"
    BEST = "best"


@dataclass(frozen=True, slots=True)
class Inspected:
    """What confines commands here; `shortcoming` says why it is nothing stronger, as a part of a sentence."""

    grade: Grade
    shortcoming: str = ""


class _NotTried(Exception):
    """The inspection itself did not come about. The text is a part of a sentence."""


def inspect(places: Places) -> Inspected:
    """Tries the isolation that stages would get. Takes a fraction of a second, at most `SECONDS`."""
    bubblewrap = isolation.find_bubblewrap(places.search_path)
    if bubblewrap is None:
        return Inspected(Grade.PROCESS, "bubblewrap (`bwrap`) is not installed")
    try:
        worked = _tried(bubblewrap, places)
    except (OSError, _NotTried) as obstacle:
        reason = obstacle.strerror if isinstance(obstacle, OSError) else str(obstacle)
        return Inspected(Grade.PROCESS, f"bubblewrap does not work here ({reason})")
    if worked:
        return Inspected(Grade.PROCESS, f"bubblewrap does not confine here: {', '.join(worked[:_ENOUGH])}")
    return Inspected(Grade.NAMESPACES)


def _tried(bubblewrap: Bubblewrap, places: Places) -> list[str]:
    """What worked although it must not. Raises `_NotTried` and `OSError`."""
    name = f".gate-{secrets.token_hex(8)}"
    folders = [folder for folder in (*_OF_THE_MACHINE, *map(str, places.hidden)) if Path(folder).is_dir()]
    with _attempt_folder(places) as folder, socket.create_server(("127.0.0.1", 0)) as server:
        hidden = {str(path): _identity(path) for path in places.hidden if _is_visible(path)}
        asked = {
            "name": name,
            "folders": folders,
            "hidden": hidden,
            "port": server.getsockname()[1],
            "namespaces": {kind: os.readlink(f"/proc/self/ns/{kind}") for kind in _NAMESPACES},
        }
        confinement = work.confinement(_job(places, folder), work.Place(folder))
        answer = _answer(bubblewrap.launch(_command(asked), confinement), folder)
        left = [path for path in folders if _taken_away(Path(path) / name)]
        called = _was_called(server)
    if answer.get("name") != name or not isinstance(worked := answer.get("worked"), list):
        raise _NotTried("the inspection gave no answer")
    return [
        *(plain_line(str(found), 200) for found in worked),
        *(f"{path} was written to" for path in left),
        *(("the network of this machine was reached",) if called else ()),
    ]


def _command(asked: object) -> str:
    source = Path(escape.__file__).read_text(encoding="utf-8")
    return shlex.join((sys.executable, "-I", "-S", "-c", source, json.dumps(asked)))


def _answer(launch: Launch, folder: Path) -> dict[str, object]:
    """What was printed in there. Nothing is done between fork and exec: this process may have threads."""
    try:
        done = subprocess.run(
            launch.arguments,
            env=launch.environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _NotTried(f"no answer within {SECONDS} s") from None
    if done.returncode != 0:
        raise _NotTried(plain_line(done.stderr[-2_000:].decode("utf-8", "replace"), 200) or "it only fails")
    try:
        answer: object = json.loads(done.stdout)
    except (ValueError, RecursionError):
        answer = None
    return answer if isinstance(answer, dict) else {}


def _job(places: Places, folder: Path) -> StageJob:
    """A stage as the engine would start one, for its confinement's sake."""
    return StageJob(
        job_id="inspection",
        kind=JobKind.COMMAND,
        clone_url="",
        sha="0" * 40,
        cache_folder=places.caches,
        work_folder=folder,
        result_path=folder / "result.json",
        progress_path=folder / "progress.json",
        search_path=places.search_path,
        timeout_seconds=SECONDS,
        command="true",
        python_venv=places.venv,
        hidden=places.hidden,
    )


@contextmanager
def _attempt_folder(places: Places) -> Iterator[Path]:
    folder = places.stages / f"inspection-{os.getpid()}"
    remove(folder)
    folder.mkdir(parents=True, mode=0o700)
    try:
        yield folder
    finally:
        remove(folder)


def _is_visible(path: Path) -> bool:
    return path.exists() and path != Path("/")


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _taken_away(path: Path) -> bool:
    """Whether something was left there; it is removed."""
    try:
        path.unlink()
    except OSError:
        return False
    return True


def _was_called(server: socket.socket) -> bool:
    server.setblocking(False)
    try:
        server.accept()[0].close()
    except OSError:
        return False
    return True
