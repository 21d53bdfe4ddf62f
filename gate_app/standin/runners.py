"""What runners do with workflow runs: as a script says that was given through the control API.

Rules of this file:

* Nothing is ever claimed to have run: a run without a script stays queued, as with no runner on line.
* The scripts of a workflow are used up one attempt each, the last one again and again. A script for the
  file name `*` is for every workflow that has none of its own.
* A script's `seconds` are real ones, and begin again when the stand-in does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from gate_app.standin.repositories import Repository
from gate_app.standin.state import Transaction
from gate_app.standin.workflows import Workflow

ANY = "*"


@dataclass(frozen=True)
class Script:
    """What one attempt does: whether it is taken up, its conclusion (none: never) after so many seconds.

    `jobs` are names to conclusions, if they are not those of the file or not all alike; `artifacts` are
    names to files to their text.
    """

    starts: bool = True
    conclusion: str | None = "success"
    seconds: float = 0
    jobs: Mapping[str, str] = field(default_factory=dict)
    artifacts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """The script as it is kept."""
        return asdict(self)

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Script:
        """The script that was kept."""
        return cls(**facts)


@dataclass(frozen=True)
class Scripts:
    """The scripts of a workflow of a repository that are still to be used."""

    TABLE: ClassVar[str] = "workflow_scripts"
    id: int
    repository_id: int
    file_name: str
    scripts: list[dict[str, Any]]


NO_RUNNER = Script(starts=False, conclusion=None)


def set_scripts(tx: Transaction, repository: Repository, file_name: str, wanted: Sequence[Script]) -> None:
    """What the next attempts of a workflow shall do, instead of what was said before."""
    tx.delete(Scripts, repository_id=repository.id, file_name=file_name)
    kept = [script.facts() for script in wanted]
    if kept:
        tx.insert(Scripts, repository_id=repository.id, file_name=file_name, scripts=kept)


def next_script(tx: Transaction, repository: Repository, workflow: Workflow) -> Script:
    """The script of the next attempt, used up unless it is the last."""
    for name in (workflow.file_name, ANY):
        found = tx.get(Scripts, repository_id=repository.id, file_name=name)
        if found:
            first, *rest = found.scripts
            tx.update(found, scripts=rest or [first])
            return Script.of(first)
    return NO_RUNNER
