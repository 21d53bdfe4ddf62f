"""Labels of pull requests: each that is put on or taken off is told by a webhook of its own.

Rules of the file: a label exists once it is put on something; colours and descriptions are nobody's business here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gate_app.standin import repositories
from gate_app.standin.repositories import Repository
from gate_app.standin.state import JsonObject, Transaction, node_id


@dataclass(frozen=True)
class PullLabel:
    """A label that a pull request wears."""

    TABLE: ClassVar[str] = "pull_labels"
    id: int
    pull_id: int
    name: str


def worn(tx: Transaction, pull_id: int) -> tuple[PullLabel, ...]:
    """The labels of a pull request, in the order in which they were put on."""
    return tuple(tx.every(PullLabel, pull_id=pull_id))


def render(tx: Transaction, repository: Repository, label: PullLabel) -> JsonObject:
    """A label as pull requests, issues and `labeled` webhooks show it."""
    return {
        "id": label.id,
        "node_id": node_id("Label", label.id),
        "url": f"{repositories.api_url(tx, repository)}/labels/{label.name}",
        "name": label.name,
        "description": None,
        "color": "ededed",
        "default": False,
    }
