"""What a supervised child is told to do, and the files through which it answers.

Rules of this file:

* A job is a plain value that survives on disk; it holds no secret, only the path of one.
* Files are written whole or not at all: a temporary file, fsync, rename.
* Files read back are bounded and validated; what does not fit is refused, never guessed.
"""

import os
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

from pydantic import TypeAdapter

from gate_app.domain.evidence import StageOutcome
from gate_app.domain.probes import Probe
from gate_app.stages.collect import problem_of_pattern
from gate_app.stages.isolation import Grade, is_declarable

MAX_TIMEOUT: Final = 24 * 3600
MAX_RESULT_BYTES: Final = 16 * 1024**2
MAX_COMMAND: Final = 10_000
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_SHA: Final = re.compile(r"[0-9a-f]{40}", re.ASCII)


class JobKind(StrEnum):
    """``command``: a stage in a worktree. ``deploy``: the same commit as a release. ``watch``: probes."""

    COMMAND = "command"
    DEPLOY = "deploy"
    WATCH = "watch"


@dataclass(frozen=True, slots=True)
class StageJob:
    """One attempt at one stage.

    ``job_id`` is unique for each attempt of a command, and the same for each attempt of one deployment.
    ``clone_url`` has no user part. ``credential_path`` is a file of mode 0600 with a token, removed by the
    child as soon as it is read. ``work_folder`` is this attempt's own and is removed at its end;
    ``cache_folder`` and ``releases_folder`` are shared. ``junit``, ``sarif`` and ``coverage`` are globs
    relative to the checkout. ``timeout_seconds`` bounds the command alone. ``environment`` is where a deployment
    goes, or whose current release a stage looks at. ``search_path`` is the operator's PATH; ``python_venv`` is a
    virtual environment put before it. ``isolation`` is what confines the command, or it does not run;
    ``hidden`` are files and folders that no command may see: the state folder, the private key, the
    database, the operator's home. ``probes`` are asked by a watch, on private addresses only on
    ``probe_hosts`` (globs), or at the server of ``prometheus_url`` for what ``prometheus_queries`` allow.

    Raises ``ValueError`` when a field is outside of its bounds: jobs are made by our own code.
    """

    job_id: str
    kind: JobKind
    clone_url: str
    sha: str
    cache_folder: Path
    work_folder: Path
    result_path: Path
    progress_path: Path
    search_path: str
    timeout_seconds: int
    command: str = ""
    junit: str | None = None
    sarif: str | None = None
    coverage: str | None = None
    credential_path: Path | None = None
    environment: str | None = None
    releases_folder: Path | None = None
    variables: tuple[tuple[str, str], ...] = ()
    python_venv: Path | None = None
    hidden: tuple[Path, ...] = ()
    probes: tuple[Probe, ...] = ()
    probe_hosts: tuple[str, ...] = ()
    prometheus_url: str = ""
    prometheus_queries: tuple[str, ...] = ()
    isolation: Grade = Grade.NAMESPACES
    allowed_protocols: tuple[str, ...] = ("http", "https")

    def __post_init__(self) -> None:
        _require(bool(_NAME.fullmatch(self.job_id)), "job_id is not a plain name")
        _require(bool(_SHA.fullmatch(self.sha)), "sha is not 40 lower-case hexadecimal digits")
        _require(0 < self.timeout_seconds <= MAX_TIMEOUT, "timeout_seconds is out of range")
        _require(
            len(self.command) <= MAX_COMMAND and "\0" not in self.command, "command is not a bounded text"
        )
        _require(
            self.environment is None or bool(_NAME.fullmatch(self.environment)), "environment is no name"
        )
        _require(all(is_declarable(name) for name, _ in self.variables), "a variable may not be declared")
        for pattern in (self.junit, self.sarif, self.coverage):
            problem = None if pattern is None else problem_of_pattern(pattern)
            _require(problem is None, problem or "")
        if self.kind is JobKind.DEPLOY:
            _require(self.environment is not None, "a deployment needs an environment")
            _require(self.releases_folder is not None, "a deployment needs a releases folder")
        elif self.kind is JobKind.WATCH:
            _require(bool(self.probes), "a watch needs a probe")
        else:
            _require(bool(self.command.strip()), "a command stage needs a command")


class Phase(StrEnum):
    """How far a child is."""

    STARTING = "starting"
    FETCHING = "fetching"
    PREPARING = "preparing"
    RUNNING = "running"
    READING_REPORTS = "reading_reports"
    RELEASING = "releasing"
    WATCHING = "watching"


@dataclass(frozen=True, slots=True)
class Progress:
    """The phase a child is in, and since when (UTC)."""

    phase: Phase
    since: datetime


class Unreadable(Exception):
    """A file of a job is absent, too large or not what it should be."""


_Value = TypeVar("_Value")
_JOB: Final = TypeAdapter(StageJob)
_PROGRESS: Final = TypeAdapter(Progress)
_OUTCOME: Final = TypeAdapter(StageOutcome)


def write_job(path: Path, job: StageJob) -> None:
    write_whole(path, _JOB.dump_json(job))


def read_job(path: Path) -> StageJob:
    """Raises ``Unreadable``."""
    return _read(path, _JOB)


def write_progress(path: Path, progress: Progress) -> None:
    write_whole(path, _PROGRESS.dump_json(progress))


def read_progress(path: Path) -> Progress:
    """Raises ``Unreadable``."""
    return _read(path, _PROGRESS)


def write_outcome(path: Path, outcome: StageOutcome) -> None:
    write_whole(path, _OUTCOME.dump_json(outcome))


def read_outcome(path: Path) -> StageOutcome:
    """Raises ``Unreadable``."""
    return _read(path, _OUTCOME)


def write_whole(path: Path, content: bytes) -> None:
    """Replaces ``path`` by ``content`` so that a reader, or a crash, sees the old or the new whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)


def _read(path: Path, adapter: "TypeAdapter[_Value]") -> _Value:
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_RESULT_BYTES + 1)
        if len(content) > MAX_RESULT_BYTES:
            raise Unreadable(f"{path.name} is larger than {MAX_RESULT_BYTES} bytes")
        return adapter.validate_json(content)
    except FileNotFoundError:
        raise Unreadable(f"{path.name} does not exist") from None
    except (OSError, ValueError) as error:
        raise Unreadable(f"{path.name} is not readable: {type(error).__name__}") from None


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)
