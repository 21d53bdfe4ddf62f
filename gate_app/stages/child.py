"""The supervised child: does one job from fetch to result, then ends. ``python -m gate_app.stages.child JOB PID``

Rules of this file:

* The child answers only through its result file, which appears whole or not at all. Whatever goes wrong
  inside becomes an unknown outcome with a reason.
* It has an absolute deadline. The kernel's timer wakes it twice a second to look at it.
* It ends with the process that started it (``PID``), however that one ended, and then leaves no result: the
  next engine starts the stage again. A pipe or a signal of the kernel would not do: the one needs a thread
  here, the other comes already when the thread ends that started the child.
* It adopts every orphan of its commands, and ends them before reports are read and before it exits.
"""

import os
import signal
import stat
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn, assert_never

import psutil

from gate_app.domain.evidence import StageOutcome, StageReason
from gate_app.stages import collect, deploy, isolation, judge, links, probes, process_tree, releases, work
from gate_app.stages.job import (
    JobKind,
    Phase,
    Progress,
    StageJob,
    read_job,
    write_outcome,
    write_progress,
)
from gate_app.stages.prometheus import PrometheusLook
from gate_app.stages.removal import remove
from gate_app.stages.workspace import Workspace, WorkspaceUnavailable

OVERHEAD_SECONDS: Final = 900
"""What fetching, waiting for the cache, unpacking and reading reports may take on top of the command."""

LOOK_SECONDS: Final = 0.5
"""How long a child may outlive its deadline or the engine that started it before it begins to end."""

_MAX_CREDENTIAL: Final = 4_096


class _Interrupted(BaseException):
    """The deadline passed, or somebody asked for the end. Not an ``Exception``, so nothing swallows it."""

    def __init__(self, reason: StageReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class _Abandoned(BaseException):
    """The engine that started this child is gone."""


def main(arguments: list[str]) -> int:
    """Does the job of the file ``arguments[0]`` for the process ``arguments[1]``.

    Exits 0 when a result was written, whatever it says; 1 when nobody was left to read it.
    """
    signal.signal(signal.SIGTERM, _asked_to_stop)
    process_tree.adopt_orphans()
    job = read_job(Path(arguments[0]))
    _keep_watch(int(arguments[1]), time.monotonic() + job.timeout_seconds + OVERHEAD_SECONDS)
    try:
        write_outcome(job.result_path, do(job, clock=lambda: datetime.now(UTC)))
    except _Abandoned:
        return 1
    return 0


def do(job: StageJob, clock: Callable[[], datetime]) -> StageOutcome:
    """The outcome of ``job``. Leaves no process and no work folder behind, however it ends.

    Raises nothing, but for the loss of the engine that wanted to know.
    """
    try:
        return _attempt(job, clock)
    except WorkspaceUnavailable as unavailable:
        return judge.refused(StageReason.WORKSPACE_UNAVAILABLE, str(unavailable))
    except _Interrupted as interrupted:
        return judge.refused(interrupted.reason, interrupted.detail)
    except Exception as fault:  # the last line of defence: a visible unknown instead of silence
        return judge.refused(StageReason.STAGE_FAULT, f"The stage could not be run: {type(fault).__name__}.")
    finally:
        process_tree.end_descendants(psutil.Process())
        remove(job.work_folder)


def _attempt(job: StageJob, clock: Callable[[], datetime]) -> StageOutcome:
    def enter(phase: Phase) -> None:
        write_progress(job.progress_path, Progress(phase, clock()))

    if job.kind is JobKind.WATCH:
        enter(Phase.WATCHING)
        return probes.watch(job.probes, job.timeout_seconds, _look(job), time.monotonic, time.sleep)
    enter(Phase.STARTING)
    credential = _take_credential(job.credential_path)
    scratch = work.fresh_folder(job.work_folder / "scratch")
    confined_by = isolation.of_grade(job.isolation, job.search_path, scratch)
    if confined_by is None:
        return judge.refused(
            StageReason.ISOLATION_MISSING, "Bubblewrap does not work here any more. Restart the engine."
        )
    workspace = Workspace(job.cache_folder, job.search_path, job.allowed_protocols)
    enter(Phase.FETCHING)
    released = releases.commits(job.releases_folder) if job.releases_folder else frozenset()
    cache = workspace.fetch(job.clone_url, job.sha, credential, keep=released)
    match job.kind:
        case JobKind.COMMAND:
            return _run_stage(job, workspace, confined_by, cache, enter)
        case JobKind.DEPLOY:
            enter(Phase.RELEASING)
            return deploy.deploy(job, workspace, confined_by, clock)
        case _:
            assert_never(job.kind)


def _look(job: StageJob) -> probes.Look:
    http, metric = (
        probes.HttpLook(job.probe_hosts),
        PrometheusLook(job.prometheus_url, job.prometheus_queries),
    )
    return lambda probe: metric(probe.query) if probe.query else http(probe.url)


def _run_stage(
    job: StageJob,
    workspace: Workspace,
    confined_by: isolation.Isolation,
    cache: Path,
    enter: Callable[[Phase], None],
) -> StageOutcome:
    enter(Phase.PREPARING)
    with workspace.worktree(job.clone_url, job.sha, job.work_folder / "checkout") as checkout:
        tests_before = collect.before(checkout.folder, job.junit)
        scan_before = collect.before(checkout.folder, job.sarif)
        measured_before = collect.before(checkout.folder, job.coverage)
        leads_out = links.first_that_leads_out(checkout.folder) if job.environment is None else ""
        enter(Phase.RUNNING)
        ending = work.run(job, confined_by, _place(job, checkout.folder, cache))
        enter(Phase.READING_REPORTS)
        outcome = judge.judge(
            ending,
            collect.collect(checkout.folder, job.junit, tests_before),
            collect.collect(checkout.folder, job.sarif, scan_before),
            isolation=confined_by.description,
            checkout=checkout.folder,
            measured=collect.collect(checkout.folder, job.coverage, measured_before),
        )
        return replace(outcome, evidence=replace(outcome.evidence, leads_out=leads_out))


def _place(job: StageJob, folder: Path, cache: Path) -> work.Place:
    """A stage that belongs to an environment may look at the release that runs there."""
    if job.environment is None:
        return work.Place(folder, readable=(cache,))
    variables: tuple[tuple[str, str], ...] = (("GATE_ENVIRONMENT", job.environment),)
    if job.releases_folder is None:
        return work.Place(folder, readable=(cache,), variables=variables)
    release = releases.current_release(job.releases_folder, job.environment)
    return work.Place(
        folder, readable=(cache, release.parent), variables=(*variables, ("GATE_RELEASE", str(release)))
    )


def _take_credential(path: Path | None) -> str | None:
    """Reads the token and removes its file; refuses a file that others can read."""
    if path is None:
        return None
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as stream:
            mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
            credential = stream.read(_MAX_CREDENTIAL).decode("ascii", "replace").strip()
    except OSError as error:
        raise WorkspaceUnavailable(f"The credential file cannot be read: {error.strerror}.") from None
    finally:
        with suppress(OSError):
            path.unlink()
    if mode & 0o077:
        raise WorkspaceUnavailable("The credential file can be read by others; it must have mode 0600.")
    if not credential.isprintable() or not credential:
        raise WorkspaceUnavailable("The credential file does not hold a token.")
    return credential


def _keep_watch(supervisor: int, deadline: float) -> None:
    """From now on, looks whether the time is over (``deadline``, monotonic) or the supervisor is gone."""

    def look(_signal: int, _frame: FrameType | None) -> None:
        if os.getppid() != supervisor:  # an orphan gets another parent
            _interrupt(_Abandoned())
        if time.monotonic() > deadline:
            _interrupt(_Interrupted(StageReason.TIMED_OUT, "The deadline of the whole stage passed."))

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, LOOK_SECONDS, LOOK_SECONDS)


def _asked_to_stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    _interrupt(_Interrupted(StageReason.STOPPED, "The stage was stopped before its end."))


def _interrupt(reason: BaseException) -> NoReturn:
    """Raises it; what is cleared away on the way out is not interrupted again."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise reason


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
