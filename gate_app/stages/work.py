"""One confined command of one job: its folders, its PATH, its variables, and nothing left running after it.

Rules of this file: what a command may see of the machine is decided here and nowhere else.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from gate_app.stages import command, process_tree
from gate_app.stages.isolation import Confinement, Isolation, Network
from gate_app.stages.job import StageJob


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command runs: its folder (writable), what else it may read, and what it may reach."""

    folder: Path
    readable: tuple[Path, ...] = ()
    network: Network = Network.NONE
    variables: tuple[tuple[str, str], ...] = ()


def run(job: StageJob, isolation: Isolation, place: Place) -> command.Ending:
    """Runs the command of ``job`` in ``place``; when it returns, nothing of the command is left running."""
    confinement = Confinement(
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
    try:
        return command.run(job.command, isolation, confinement)
    finally:
        process_tree.end_descendants(psutil.Process())


def search_path(job: StageJob) -> str:
    """The repository's virtual environment, then our own (pytest, bandit), then the operator's PATH."""
    ours = str(Path(sys.executable).parent)
    first = [str(job.python_venv / "bin")] if job.python_venv is not None else []
    return ":".join([*first, ours, job.search_path])


def fresh_folder(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _tool_folders(job: StageJob) -> tuple[Path, ...]:
    """Where the programs on the PATH live, for the case that they are below a hidden folder."""
    folders = [Path(sys.prefix), Path(sys.base_prefix)]
    if job.python_venv is not None:
        folders += [job.python_venv, (job.python_venv / "bin" / "python").resolve().parent.parent]
    for entry in map(Path, filter(None, job.search_path.split(":"))):
        folders += [entry, entry.parent / "lib"]
    folders += [Path(value) for name, value in job.variables if not name.startswith("GATE_")]
    return tuple(dict.fromkeys(folder for folder in folders if folder.is_absolute()))
