"""The supervised child: does one job from fetch to result, then ends. ``python -m gate_app.stages.child JOB``

Rules of this file:

* The child outlives the engine that started it and answers only through its result file, which appears
  whole or not at all. Whatever goes wrong inside becomes an unknown outcome with a reason.
* It has an absolute deadline, set by the kernel's timer at its start, and dies with it.
* It adopts every orphan of its commands, and ends them before reports are read and before it exits.
"""

import os
import shutil
import signal
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn, assert_never

import psutil

from gate_app.domain.evidence import StageOutcome, StageReason
from gate_app.stages import collect, deploy, isolation, judge, process_tree, work
from gate_app.stages.job import (
    JobKind,
    Phase,
    Progress,
    StageJob,
    read_job,
    write_outcome,
    write_progress,
)
from gate_app.stages.workspace import Workspace, WorkspaceUnavailable

OVERHEAD_SECONDS: Final = 900
"""What fetching, waiting for the cache, unpacking and reading reports may take on top of the command."""

_MAX_CREDENTIAL: Final = 4_096


class _Interrupted(BaseException):
    """The deadline passed, or somebody asked for the end. Not an ``Exception``, so nothing swallows it."""

    def __init__(self, reason: StageReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def main(arguments: list[str]) -> int:
    """Does the job whose file is the only argument. Exits 0 when a result was written, whatever it says."""
    signal.signal(signal.SIGALRM, _deadline_passed)
    signal.signal(signal.SIGTERM, _asked_to_stop)
    process_tree.adopt_orphans()
    job = read_job(Path(arguments[0]))
    signal.alarm(job.timeout_seconds + OVERHEAD_SECONDS)
    outcome = do(job, clock=lambda: datetime.now(UTC))
    write_outcome(job.result_path, outcome)
    return 0


def do(job: StageJob, clock: Callable[[], datetime]) -> StageOutcome:
    """The outcome of ``job``. Never raises; leaves no process and no work folder behind."""
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
        shutil.rmtree(job.work_folder, ignore_errors=True)


def _attempt(job: StageJob, clock: Callable[[], datetime]) -> StageOutcome:
    def enter(phase: Phase) -> None:
        write_progress(job.progress_path, Progress(phase, clock()))

    enter(Phase.STARTING)
    credential = _take_credential(job.credential_path)
    confined_by = isolation.choose(job.search_path, work.fresh_folder(job.work_folder / "probe"))
    if not confined_by.grade.at_least(job.minimum_isolation):
        return judge.refused(
            StageReason.ISOLATION_MISSING,
            "This stage must run in namespaces: install bubblewrap and allow user namespaces.",
        )
    workspace = Workspace(job.cache_folder, job.search_path, job.allowed_protocols)
    enter(Phase.FETCHING)
    cache = workspace.fetch(job.clone_url, job.sha, credential)
    match job.kind:
        case JobKind.COMMAND:
            return _run_stage(job, workspace, confined_by, cache, enter)
        case JobKind.DEPLOY:
            enter(Phase.RELEASING)
            return deploy.deploy(job, workspace, confined_by, clock)
        case _:
            assert_never(job.kind)


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
        enter(Phase.RUNNING)
        ending = work.run(job, confined_by, _place(job, checkout.folder, cache))
        enter(Phase.READING_REPORTS)
        return judge.judge(
            ending,
            collect.collect(checkout.folder, job.junit, tests_before),
            collect.collect(checkout.folder, job.sarif, scan_before),
            isolation=confined_by.description,
            checkout=checkout.folder,
        )


def _place(job: StageJob, folder: Path, cache: Path) -> work.Place:
    """A stage that belongs to an environment may look at the release that runs there."""
    if job.environment is None:
        return work.Place(folder, readable=(cache,))
    variables: tuple[tuple[str, str], ...] = (("GATE_ENVIRONMENT", job.environment),)
    if job.releases_folder is None:
        return work.Place(folder, readable=(cache,), variables=variables)
    release = deploy.current_release(job.releases_folder, job.environment)
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


def _deadline_passed(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise _Interrupted(StageReason.TIMED_OUT, "The deadline of the whole stage passed.")


def _asked_to_stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise _Interrupted(StageReason.STOPPED, "The stage was stopped before its end.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
