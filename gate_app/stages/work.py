"""One confined command of one job: its folders, its PATH, its variables, and nothing left running after it.

Rules of this file: what a command may see of the machine is decided here and nowhere else.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from gate_app.stages import command, process_tree, virtualenv
from gate_app.stages.isolation import Confinement, Isolation, Network
from gate_app.stages.job import StageJob

_PARTS: Final = ("bin", "lib", "lib64", "libexec", "include", "share", "pyvenv.cfg")
_MAX_LINKS: Final = 10


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command runs: its folder (writable), what else it may read, and what it may reach."""

    folder: Path
    readable: tuple[Path, ...] = ()
    network: Network = Network.NONE
    variables: tuple[tuple[str, str], ...] = ()


def run(job: StageJob, isolation: Isolation, place: Place) -> command.Ending:
    """Runs the command of ``job`` in ``place``; when it returns, nothing of the command is left running."""
    try:
        return command.run(job.command, isolation, confinement(job, place))
    finally:
        process_tree.end_descendants(psutil.Process())


def confinement(job: StageJob, place: Place) -> Confinement:
    """What the command of ``job`` may touch in ``place``; makes its home and its temporary folder."""
    return Confinement(
        folder=place.folder,
        home=fresh_folder(job.work_folder / "home"),
        tmp=fresh_folder(job.work_folder / "tmp"),
        search_path=search_path(job),
        seconds=job.timeout_seconds,
        writable=(place.folder,),
        readable=(*place.readable, *_tool_folders(job)),
        hidden=job.hidden,
        variables=(
            *job.variables,
            ("GATE_SHA", job.sha),
            *place.variables,
            (process_tree.MARKER, str(job.work_folder)),
        ),
        network=place.network,
        virtual_environment=job.python_venv,
    )


def search_path(job: StageJob) -> str:
    """The repository's virtual environment, then our own (pytest, bandit), then the operator's PATH."""
    ours = str(Path(sys.executable).parent)
    first = [str(job.python_venv / "bin")] if job.python_venv is not None else []
    return ":".join([*first, ours, job.search_path])


def fresh_folder(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _tool_folders(job: StageJob) -> tuple[Path, ...]:
    """Where the programs on the PATH live, for the case that they are below a hidden folder.

    The parts of a prefix are named too: one that is itself hidden, as an operator's home may be, stays so.
    """
    prefixes = [Path(sys.prefix), Path(sys.base_prefix), *_prefixes(Path(sys.executable))]
    folders: list[Path] = []
    if job.python_venv is not None:
        prefixes += [job.python_venv, *_prefixes(job.python_venv / "bin" / "python")]
        folders += virtualenv.linked_folders(job.python_venv)
    folders += [folder for prefix in prefixes for folder in (prefix, *(prefix / part for part in _PARTS))]
    for entry in map(Path, filter(None, job.search_path.split(":"))):
        folders += [entry, entry.parent / "lib"]
    folders += [Path(value) for name, value in job.variables if not name.startswith("GATE_")]
    return tuple(dict.fromkeys(folder for folder in folders if folder.is_absolute()))


def _prefixes(program: Path) -> Iterator[Path]:
    """Where an interpreter is installed, by every name that the links to it use on the way."""
    for _ in range(_MAX_LINKS):
        yield program.parent.parent
        if not os.path.islink(program):
            break
        program = Path(os.path.normpath(program.parent / program.readlink()))
    yield Path(os.path.realpath(program)).parent.parent
