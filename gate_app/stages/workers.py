"""The engine's port to supervised children: what a stage of a run becomes on this machine.

Rules of the file: one folder per attempt, named after run, stage and attempt, so that a start repeated after a
crash finds and ends the child of the first try; the credential is handed over in a file of mode 0600 that the
child removes; every attempt of a deployment is the same job, so that a release folder is made once. Where
namespaces are required and do not confine, nothing is started and the stage is unknown: closed, not degraded.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

from gate_app.domain.effects import CollectReports, StartStage
from gate_app.domain.evidence import StageOutcome, StageReason
from gate_app.domain.model import Repository
from gate_app.domain.run import StageRole
from gate_app.engine.ports import Artifacts, Checkout, Child, Running, Vanished
from gate_app.stages import judge, runner
from gate_app.stages.artifacts import judge_artifacts
from gate_app.stages.inspection import Demand, Inspected
from gate_app.stages.isolation import Grade
from gate_app.stages.job import JobKind, StageJob
from gate_app.stages.places import Places, slug
from gate_app.stages.removal import remove
from gate_app.stages.runner import ChildHandle, Runner

HANDLE_FILE: Final = "handle.json"
_CLOSED: Final = (
    "Commands run only where they are confined, and {}. "
    "Install bubblewrap, allow user namespaces and restart, or use a workflow stage."
)


class StageWorkers:
    """Implements `engine.ports.Workers` with `Runner`."""

    def __init__(self, places: Places, inspected: Inspected, demand: Demand = Demand.REQUIRED) -> None:
        self._places = places
        self._inspected = inspected
        self._demand = demand
        self._runner = Runner()

    def start(
        self, run_id: str, repository: Repository, wanted: StartStage, checkout: Checkout | None
    ) -> Child | StageOutcome:
        """Starts the child of one attempt, ending an orphan of the same attempt first."""
        if not wanted.probes and self._demand is Demand.REQUIRED and self._inspected.grade is Grade.PROCESS:
            return judge.refused(StageReason.ISOLATION_MISSING, _CLOSED.format(self._inspected.shortcoming))
        folder = self._places.stages / slug(f"{run_id}-{wanted.stage}-{wanted.attempt}")
        orphan = _read_handle(folder)
        if orphan is not None:
            self._runner.stop(orphan)
        remove(folder)
        folder.mkdir(parents=True, mode=0o700)
        handle = self._runner.start(self._job(run_id, repository, wanted, checkout, folder))
        (folder / HANDLE_FILE).write_text(json.dumps(asdict(handle)), encoding="ascii")
        return Child(run_id, wanted.stage, wanted.attempt, handle.pid, handle.started_at, folder)

    def poll(self, child: Child) -> Running | Vanished | StageOutcome:
        state = self._runner.poll(_handle_of(child))
        match state:
            case runner.Running(progress=progress):
                return Running(progress.phase.value if progress else "starting")
            case runner.Ended(outcome=outcome):
                return outcome
            case runner.Vanished():
                return Vanished()

    def stop(self, child: Child) -> None:
        self._runner.stop(_handle_of(child))

    def judge(self, repository: Repository, asked: CollectReports, left: Artifacts) -> StageOutcome:
        return judge_artifacts(repository, asked, left)

    def _job(
        self,
        run_id: str,
        repository: Repository,
        wanted: StartStage,
        checkout: Checkout | None,
        folder: Path,
    ) -> StageJob:
        deploys = wanted.role is StageRole.DEPLOY
        kind = JobKind.WATCH if wanted.probes else JobKind.DEPLOY if deploys else JobKind.COMMAND
        occasion = f"-{wanted.occasion}" if wanted.occasion else ""
        identity = f"{run_id}-{wanted.stage}{occasion if deploys else f'-{wanted.attempt}'}"
        return StageJob(
            job_id=slug(identity),
            kind=kind,
            clone_url=checkout.url if checkout else "",
            sha=wanted.sha,
            cache_folder=self._places.caches / str(repository.id),
            work_folder=folder / "work",
            result_path=folder / "result.json",
            progress_path=folder / "progress.json",
            search_path=self._places.search_path,
            timeout_seconds=int(wanted.timeout.total_seconds()),
            command=wanted.command,
            junit=wanted.junit,
            sarif=wanted.sarif,
            coverage=wanted.coverage,
            credential_path=_credential(folder, checkout.token) if checkout else None,
            environment=slug(wanted.environment) if wanted.environment else None,
            releases_folder=self._places.releases_of(repository.id),
            python_venv=self._places.venv,
            probes=wanted.probes,
            probe_hosts=self._places.probe_hosts,
            prometheus_url=self._places.prometheus_url,
            prometheus_queries=self._places.prometheus_queries,
            hidden=self._places.hidden,
            variables=_variables(wanted.parameters),
            isolation=self._inspected.grade,
        )


def _variables(parameters: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """What a deployment was approved with: each value, and all of them as JSON."""
    if not parameters:
        return ()
    each = ((f"GATE_PARAMETER_{name.upper()}", value) for name, value in parameters.items())
    return (*each, ("GATE_PARAMETERS", json.dumps(dict(parameters), sort_keys=True)))


def _credential(folder: Path, token: str) -> Path:
    path = folder / "credential"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(token)
    return path


def _read_handle(folder: Path) -> ChildHandle | None:
    """The handle of an earlier start of the same attempt, if it got that far."""
    try:
        return ChildHandle(**json.loads((folder / HANDLE_FILE).read_text(encoding="ascii")))
    except (OSError, ValueError, TypeError):
        return None


def _handle_of(child: Child) -> ChildHandle:
    return ChildHandle(
        job_id="",
        pid=child.pid,
        started_at=child.process_started,
        work_folder=str(child.folder / "work"),
        result_path=str(child.folder / "result.json"),
        progress_path=str(child.folder / "progress.json"),
    )
