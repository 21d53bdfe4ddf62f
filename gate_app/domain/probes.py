"""What watches a release: addresses and metrics that are asked for some time, and what a breach leads to.

Rules of the file: values only; the `stages` room asks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from gate_app.domain.model import LATER


@dataclass(frozen=True, slots=True)
class Probe:
    """An address that is asked every so often; 2xx is healthy. Or a metric and what it has to be, by `query`."""

    url: str
    every: timedelta = timedelta(seconds=30)
    query: str = field(default="", metadata=LATER)

    @property
    def shown(self) -> str:
        """What is asked."""
        return self.query or self.url


OnBreach = Literal["propose_rollback", "rollback", "notify"]
"""What a breach leads to: a person is asked whether to go back, it is gone back by rule, or people are told."""


@dataclass(frozen=True, slots=True)
class ProbeWork:
    """Probes that watch a release for some time; not a stage of the file, but of an environment."""

    probes: tuple[Probe, ...]
    duration: timedelta
    kind: Literal["probes"] = "probes"
    on_breach: OnBreach = field(default="propose_rollback", metadata=LATER)
