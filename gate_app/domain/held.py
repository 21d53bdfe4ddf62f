"""Jobs that GitHub holds at an environment until we answer: what was seen of them, and which one is decided on.

Rules of the file: nouns only; what a delivery said of a held job is in none of them, all of it was read live.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

KEPT_HELD: Final = 20
"""Workflow runs that one gate remembers to have heard of; the oldest are forgotten first."""
KEPT_ANSWERED: Final = 50
"""Attempts of workflow runs that a gate remembers to have answered."""


@dataclass(frozen=True, slots=True)
class HeldJob:
    """The jobs of one environment with which one attempt of a workflow run waits: one decision, however many."""

    run_id: int
    attempt: int

    @property
    def key(self) -> str:
        """Tells this occasion from every other one: a re-run is another attempt (case 105)."""
        return f"{self.run_id}/{self.attempt}"


@dataclass(frozen=True, slots=True)
class HeldRun:
    """A workflow run in its newest attempt, and the environments that its jobs wait for.

    `event` started it, on `branch` at `sha`. `own` says that the branch is one of the repository itself, not of a fork.
    `pulls` are the pull requests that GitHub names with it. `environments` is empty once nothing waits.
    """

    id: int
    attempt: int
    event: str
    branch: str
    sha: str
    own: bool
    environments: tuple[str, ...] = ()
    pulls: tuple[int, ...] = ()

    @property
    def job(self) -> HeldJob:
        return HeldJob(self.id, self.attempt)
