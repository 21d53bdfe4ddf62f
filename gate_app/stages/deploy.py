"""A deployment on this machine: the commit as a release folder, made current when its command succeeded.

    <releases>/<environment>/<sha12>-<job id>/     the files of the commit and RELEASE.json
    <releases>/<environment>/current               a link to the release that runs

Rules of this file:

* The stamp RELEASE.json is written after the command succeeded and before the switch. A second run of the
  same job finds the stamp, never runs the command again, and only makes up for a lost switch.
* The switch is one rename: a reader of ``current`` sees the old release or the new one.
* A late repetition never switches back: a newer stamp stays current.
* A release whose command failed is removed; what it printed is in the evidence.

A deploy command comes from the trusted configuration and may use the machine's network.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from gate_app.domain.evidence import Evidence, StageOutcome, StageReason, StageVerdict
from gate_app.stages import judge, work
from gate_app.stages.isolation import Isolation, Network
from gate_app.stages.job import StageJob, write_whole
from gate_app.stages.workspace import Workspace

STAMP: Final = "RELEASE.json"
CURRENT: Final = "current"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What RELEASE.json holds; ``released_at`` is in UTC."""

    environment: str
    sha: str
    job_id: str
    released_at: datetime


_STAMP: Final = TypeAdapter(Stamp)


def current_release(releases: Path, environment: str) -> Path:
    """The path that names the release that runs in ``environment``, whether there is one yet or not."""
    return releases / environment / CURRENT


def deploy(
    job: StageJob, workspace: Workspace, isolation: Isolation, clock: Callable[[], datetime]
) -> StageOutcome:
    """Releases ``job.sha`` to ``job.environment``. Raises ``WorkspaceUnavailable``."""
    if job.environment is None or job.releases_folder is None:
        raise ValueError("a deployment needs an environment and a releases folder")
    folder = job.releases_folder / job.environment
    release = folder / f"{job.sha[:12]}-{job.job_id}"
    if read_stamp(release) is not None:
        _make_current(folder, release)
        return _released(
            job, Evidence(summary=f"{release.name} was released before; nothing was done twice.")
        )
    _unpack(job, workspace, release)
    outcome = _run_command(job, isolation, release)
    if outcome.verdict is not StageVerdict.PASSED:
        shutil.rmtree(release, ignore_errors=True)
        return outcome
    _write_stamp(release, job.environment, job, clock())
    _make_current(folder, release)
    return _released(job, outcome.evidence)


def read_stamp(release: Path) -> Stamp | None:
    """The stamp of a finished release; ``None`` when the folder is none."""
    try:
        return _STAMP.validate_json((release / STAMP).read_bytes())
    except (OSError, ValidationError):
        return None


def _unpack(job: StageJob, workspace: Workspace, release: Path) -> None:
    shutil.rmtree(release, ignore_errors=True)  # of an attempt that did not get to its stamp
    workspace.export(job.clone_url, job.sha, release)
    committed = release / STAMP
    if committed.is_symlink() or committed.is_file():
        committed.unlink()  # a stamp is ours to write, not the commit's


def _run_command(job: StageJob, isolation: Isolation, release: Path) -> StageOutcome:
    if not job.command.strip():
        return StageOutcome(StageVerdict.PASSED, StageReason.RELEASED, Evidence())
    variables = (("GATE_ENVIRONMENT", job.environment or ""), ("GATE_RELEASE", str(release)))
    ending = work.run(job, isolation, work.Place(release, network=Network.HOST, variables=variables))
    return judge.judge(ending, None, None, isolation.description, checkout=release)


def _write_stamp(release: Path, environment: str, job: StageJob, now: datetime) -> None:
    stamp = Stamp(environment=environment, sha=job.sha, job_id=job.job_id, released_at=now)
    (release / STAMP).unlink(missing_ok=True)
    write_whole(release / STAMP, _STAMP.dump_json(stamp, indent=2) + b"\n")


def _make_current(folder: Path, release: Path) -> None:
    current = folder / CURRENT
    running, ours = read_stamp(current), read_stamp(release)
    if running is not None and ours is not None and running.released_at > ours.released_at:
        return
    following = folder / f".{CURRENT}.{os.getpid()}"
    following.unlink(missing_ok=True)
    following.symlink_to(release.name)
    following.replace(current)


def _released(job: StageJob, evidence: Evidence) -> StageOutcome:
    detail = f"{job.sha[:12]} is the current release of {job.environment}."
    return StageOutcome(StageVerdict.PASSED, StageReason.RELEASED, evidence, detail)
