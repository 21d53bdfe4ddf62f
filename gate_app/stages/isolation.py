"""What confines a command of a repository: namespaces where bubblewrap works, else a bare process.

Rules of this file:

* An environment is built from nothing; no variable of ours is inherited, only declared names are added
  (case 158). Nothing secret can be in it.
* Each isolation says its grade, which the evidence records. ``process`` keeps accidents in and secrets of
  the environment out; it is not a border against hostile code of the same user. ``namespaces`` is.
* What both have in common: standard input is empty, no file is inherited, an own session, no core dumps,
  bounded processor time, processes and file sizes.
"""

import os
import re
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

import psutil

from gate_app.stages import process_tree

SHELL: Final = "/bin/sh"
MAX_FILE_BYTES: Final = 4 * 1024**3
EXTRA_PROCESSES: Final = 2_048
MAX_VARIABLE: Final = 32_768
_PROBE_SECONDS: Final = 10
_SHARED: Final = tuple(Path(name).resolve() for name in ("/tmp", "/var/tmp", "/run"))  # noqa: S108 - covered, not used
_RESOLVER: Final = Path("/run/systemd/resolve")  # where /etc/resolv.conf often leads
_GATE_NAME: Final = re.compile(r"GATE_[A-Z0-9_]{1,60}", re.ASCII)
_TOOLCHAIN_NAMES: Final = frozenset({"GOFLAGS", "GOMODCACHE", "GOPATH", "RUSTUP_HOME"})


class Grade(StrEnum):
    """How strong an isolation is; shown, never implied."""

    PROCESS = "process"
    NAMESPACES = "namespaces"


class Network(StrEnum):
    """What a confined command reaches: nothing but its own loopback, or the network of the machine."""

    NONE = "none"
    HOST = "host"


@dataclass(frozen=True, slots=True)
class Confinement:
    """What one command may touch.

    ``writable`` and ``readable`` are shown even below a ``hidden`` folder, but never a hidden file; ``home`` and
    ``tmp`` are the command's own. ``search_path`` is its PATH. ``seconds`` bounds the processor time of each
    process.
    """

    folder: Path
    home: Path
    tmp: Path
    search_path: str
    seconds: int
    writable: tuple[Path, ...] = ()
    readable: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    network: Network = Network.NONE
    virtual_environment: Path | None = None


@dataclass(frozen=True, slots=True)
class Launch:
    """A command line ready for ``subprocess``: arguments, the whole environment, the working folder."""

    arguments: tuple[str, ...]
    environment: dict[str, str]
    folder: Path
    before_exec: Callable[[], None]


class Isolation(Protocol):
    """Confines a shell command."""

    @property
    def grade(self) -> Grade: ...

    @property
    def description(self) -> str:
        """One line for the evidence."""
        ...

    def launch(self, command: str, confinement: Confinement) -> Launch:
        """How to start ``command`` so that it can do no more than ``confinement`` says."""
        ...


class ProcessIsolation:
    """An own session, a clean environment, private folders and limits; works everywhere."""

    grade: Final = Grade.PROCESS
    description: Final = "process: clean environment, private home, limits; files and network are open"

    def launch(self, command: str, confinement: Confinement) -> Launch:
        refuse_privileges = process_tree.refuse_new_privileges()
        limit = _limits(confinement.seconds)

        def before_exec() -> None:
            refuse_privileges()
            limit()

        return Launch(
            (SHELL, "-c", command), environment(confinement), confinement.folder, before_exec=before_exec
        )


class Bubblewrap:
    """Linux namespaces by ``bwrap``: the machine read-only, no network, no sight of other processes."""

    grade: Final = Grade.NAMESPACES
    description: Final = "namespaces: read-only machine, private home, own processes, limits"

    def __init__(self, program: str) -> None:
        self._program = program

    def launch(self, command: str, confinement: Confinement) -> Launch:
        arguments = (self._program, *_bubblewrap_options(confinement), "--", SHELL, "-c", command)
        return Launch(
            arguments, environment(confinement), confinement.folder, before_exec=_limits(confinement.seconds)
        )


def find_bubblewrap(search_path: str) -> Bubblewrap | None:
    """Bubblewrap as it is installed, whether it works or not."""
    program = shutil.which("bwrap", path=search_path)
    return None if program is None else Bubblewrap(program)


def of_grade(grade: Grade, search_path: str, scratch: Path) -> Isolation | None:
    """The isolation of this grade, and of no weaker one; ``None`` where it does not work (any more).

    ``scratch`` is an empty folder to try it in.
    """
    if grade is Grade.PROCESS:
        return ProcessIsolation()
    bubblewrap = find_bubblewrap(search_path)
    return bubblewrap if bubblewrap is not None and works(bubblewrap, search_path, scratch) else None


def works(isolation: Isolation, search_path: str, scratch: Path) -> bool:
    """Whether a trivial command runs in ``isolation``; namespaces are often forbidden in containers."""
    probe = isolation.launch(
        "exit 0", Confinement(scratch, scratch, scratch, search_path, _PROBE_SECONDS, writable=(scratch,))
    )
    try:
        done = subprocess.run(
            probe.arguments,
            env=probe.environment,
            cwd=probe.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def environment(confinement: Confinement) -> dict[str, str]:
    """The whole environment of a confined command.

    Raises ``ValueError`` for a variable whose name is neither ``GATE_…`` nor a known tool's, or whose
    value is over its bound: such names come from our own configuration, so this is a fault.
    """
    base = {
        "PATH": confinement.search_path,
        "HOME": str(confinement.home),
        "TMPDIR": str(confinement.tmp),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "CI": "true",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    if confinement.virtual_environment is not None:
        base["VIRTUAL_ENV"] = str(confinement.virtual_environment)
    for name, value in confinement.variables:
        if not is_declarable(name):
            raise ValueError(f"the variable {name[:80]!r} may not be set for a command")
        if len(value) > MAX_VARIABLE or "\0" in value:
            raise ValueError(f"the value of {name} is too long or not a text")
        base[name] = value
    return base


def is_declarable(name: str) -> bool:
    """Whether a command may be given a variable of this name (case 158: never PATH, LD_PRELOAD, …)."""
    return bool(_GATE_NAME.fullmatch(name)) or name in _TOOLCHAIN_NAMES


def _bubblewrap_options(confinement: Confinement) -> list[str]:
    """The order matters: later mounts lie over earlier ones.

    Capabilities are given up by name: root would keep them, and could take every cover away again.
    """
    options = ["--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    if confinement.network is Network.HOST:
        options.insert(1, "--share-net")
    options += ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    hidden = tuple(path.resolve() for path in confinement.hidden)
    covered = _folders((*_SHARED, *hidden))
    for folder in covered:
        options += ["--tmpfs", str(folder)]
    resolver = (_RESOLVER,) if confinement.network is Network.HOST else ()
    shown = tuple(_behind(covered, (*resolver, *confinement.readable)))
    for readable in shown:
        options += ["--ro-bind-try", str(readable), str(readable)]
    writables = (confinement.home, confinement.tmp, *confinement.writable)
    for writable in writables:
        options += ["--bind", str(writable), str(writable)]
    for file in sorted(path for path in set(hidden) if os.path.isfile(path)):
        if not _is_below(file, covered) or _is_below(file, (*shown, *writables)):
            options += ["--ro-bind", os.devnull, str(file)]
    for folder in _folders(hidden):
        options += ["--remount-ro", str(folder)]
    return [*options, "--chdir", str(confinement.folder)]


def _folders(hidden: tuple[Path, ...]) -> list[Path]:
    """The folders among them, outer ones first. The root cannot be covered: what matters in it is named."""
    return sorted(path for path in set(hidden) if os.path.isdir(path) and path != Path("/"))


def _is_below(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _behind(covered: list[Path], readable: tuple[Path, ...]) -> Iterator[Path]:
    """The readable folders that a cover hides, but never one that would show a whole covered folder again.

    What this user cannot find anyway is left out: a PATH may come from another user.
    """
    for folder in filter(os.path.exists, readable):
        reveals = any(cover.is_relative_to(folder) for cover in covered)
        if _is_below(folder, covered) and not reveals:
            yield folder


def _limits(seconds: int) -> Callable[[], None]:
    """Sets the limits of the process to be; everything is computed before the fork."""
    processor = seconds * (os.cpu_count() or 1) + 1
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: processor,
        resource.RLIMIT_FSIZE: MAX_FILE_BYTES,
        resource.RLIMIT_NPROC: _own_threads() + EXTRA_PROCESSES,
    }
    bounded = {kind: _within_hard_limit(kind, value) for kind, value in limits.items()}
    die_with_parent = process_tree.die_with_parent()

    def before_exec() -> None:
        die_with_parent()
        for kind, value in bounded.items():
            resource.setrlimit(kind, (value, value))

    return before_exec


def _within_hard_limit(kind: int, value: int) -> int:
    _, hard = resource.getrlimit(kind)
    return value if hard == resource.RLIM_INFINITY else min(value, hard)


def _own_threads() -> int:
    """RLIMIT_NPROC counts every thread of the user, so what runs already is added to the allowance."""
    user = os.getuid()
    own = (process for process in psutil.process_iter(["uids", "num_threads"]) if process.info["uids"])
    return sum(process.info["num_threads"] or 1 for process in own if process.info["uids"].real == user)
