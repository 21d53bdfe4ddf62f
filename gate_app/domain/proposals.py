"""What a pull request would make of the gate file (case 87): a fact that is shown, and nothing else.

Rules of the file: nothing is ever judged by a proposed gate file (case 86), so all that is kept of it is how it
compares with the one in force; what cannot be obeyed, or takes the gate file away, does not pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from gate_app.domain.model import LATER, Unknown
from gate_app.domain.policy import Policy
from gate_app.domain.strictness import Compared, Direction, compared

GATE_FILE: Final = ".github/gate.yml"
REVIEWED: Final = "policy"
"""What stands for the gate file where the name of an environment would: no environment is called so."""


@dataclass(frozen=True, slots=True)
class Past:
    """What the journal says of a proposed gate file: of the last `runs` with a gate of that environment, how many would
    have needed `nobody`, how many needed nobody `then`, and of how many it cannot be told.
    """

    environment: str
    runs: int
    nobody: int
    then: int
    untold: int = 0


@dataclass(frozen=True, slots=True)
class Proposal:
    """The gate file at the head of a pull request beside the one in force.

    `under` is the blob of the policy that it was compared with. `touches` says whether the pull request changes the
    gate file at all, `problem` why its version cannot be obeyed. `environments` are those that differ, looser ones
    first. `blob` is the version of the pull request, empty where there is none that could be read. `past` is what the
    last runs would have been under it, None where that was not asked.
    """

    under: str
    touches: bool = False
    problem: str = ""
    environments: tuple[Compared, ...] = ()
    blob: str = field(default="", metadata=LATER)
    past: tuple[Past, ...] | Unknown | None = field(default=None, metadata=LATER)

    @property
    def looser(self) -> tuple[str, ...]:
        """The environments that would be less strict, or not be known to be as strict."""
        return tuple(each.environment for each in self.environments if each.direction is Direction.LOOSER)

    @property
    def conclusion(self) -> Literal["success", "failure"]:
        """How its check run ends."""
        return "failure" if self.problem or self.looser else "success"


def proposal(now: Policy, proposed: Policy | str) -> Proposal:
    """A proposed gate file, or why it cannot be obeyed, beside the one in force."""
    if isinstance(proposed, str):
        return Proposal(now.blob_sha, touches=True, problem=proposed)
    differing = [each for each in compared(now, proposed) if each.differences]
    ordered = sorted(differing, key=lambda each: each.direction is not Direction.LOOSER)
    return Proposal(now.blob_sha, touches=True, environments=tuple(ordered), blob=proposed.blob_sha)
