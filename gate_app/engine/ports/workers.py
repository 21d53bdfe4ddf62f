"""Our own workers: supervised children that do automated work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gate_app.domain.effects import CollectReports, StartStage
from gate_app.domain.evidence import StageOutcome
from gate_app.domain.model import Repository
from gate_app.engine.ports.hub import Artifacts, Checkout


@dataclass(frozen=True, slots=True)
class Child:
    """A supervised process working on a stage: what is needed to find, stop and read it after a restart."""

    run_id: str
    stage: str
    attempt: int
    pid: int
    process_started: float
    folder: Path


@dataclass(frozen=True, slots=True)
class Running:
    """The child is at work; `phase` says at what."""

    phase: str


@dataclass(frozen=True, slots=True)
class Vanished:
    """The child is gone and left no result: start again as a new attempt."""


class Workers(Protocol):
    """Supervised children for command stages and command deployments."""

    def start(
        self, run_id: str, repository: Repository, wanted: StartStage, checkout: Checkout | None
    ) -> Child | StageOutcome:
        """The child, or how the stage ends without one: what it needs is not to be had on this machine.

        `checkout` is None for a watch, which has nothing to check out.
        """

    def poll(self, child: Child) -> Running | Vanished | StageOutcome: ...
    def stop(self, child: Child) -> None: ...
    def judge(self, repository: Repository, asked: CollectReports, left: Artifacts) -> StageOutcome:
        """How a workflow stage ends by the reports that its run left."""
