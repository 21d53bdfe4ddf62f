"""A deployment on this machine: the commit as a release folder, made current when its command succeeded.

Rules of this file:

* The stamp is written after the command succeeded and before the switch. A second run of the same job finds
  the stamp, never runs the command again, and only makes up for a lost switch.
* A release whose command failed is removed; what it printed is in the evidence.
* Old releases are removed after the switch, so that a rollback always finds the ones before.

A deploy command comes from the trusted configuration and may use the machine's network.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from gate_app.domain.evidence import Evidence, StageOutcome, StageReason, StageVerdict
from gate_app.stages import judge, releases, work
from gate_app.stages.isolation import Isolation, Network
from gate_app.stages.job import StageJob
from gate_app.stages.releases import Stamp
from gate_app.stages.removal import remove
from gate_app.stages.workspace import Workspace


def deploy(
    job: StageJob, workspace: Workspace, isolation: Isolation, clock: Callable[[], datetime]
) -> StageOutcome:
    """Releases ``job.sha`` to ``job.environment``. Raises ``WorkspaceUnavailable``."""
    if job.environment is None or job.releases_folder is None:
        raise ValueError("a deployment needs an environment and a releases folder")
    folder = job.releases_folder / job.environment
    release = folder / f"{job.sha[:12]}-{job.job_id}"
    if releases.read_stamp(release) is not None:
        releases.make_current(folder, release)
        return _released(
            job, Evidence(summary=f"{release.name} was released before; nothing was done twice.")
        )
    _unpack(job, workspace, release)
    outcome = _run_command(job, isolation, release)
    if outcome.verdict is not StageVerdict.PASSED:
        remove(release)
        return outcome
    releases.write_stamp(release, Stamp(job.environment, job.sha, job.job_id, clock()))
    releases.make_current(folder, release)
    with suppress(OSError):  # it is released, whatever happens to older ones
        releases.forget_old(folder, clock())
    return _released(job, outcome.evidence)


def _unpack(job: StageJob, workspace: Workspace, release: Path) -> None:
    remove(release)  # of an attempt that did not get to its stamp
    workspace.export(job.clone_url, job.sha, release)
    committed = release / releases.STAMP
    if committed.is_symlink() or committed.is_file():
        committed.unlink()  # a stamp is ours to write, not the commit's


def _run_command(job: StageJob, isolation: Isolation, release: Path) -> StageOutcome:
    if not job.command.strip():
        return StageOutcome(StageVerdict.PASSED, StageReason.RELEASED, Evidence())
    variables = (("GATE_ENVIRONMENT", job.environment or ""), ("GATE_RELEASE", str(release)))
    ending = work.run(job, isolation, work.Place(release, network=Network.HOST, variables=variables))
    return judge.judge(ending, None, None, isolation.description, checkout=release)


def _released(job: StageJob, evidence: Evidence) -> StageOutcome:
    detail = f"{job.sha[:12]} is the current release of {job.environment}."
    return StageOutcome(StageVerdict.PASSED, StageReason.RELEASED, evidence, detail)
