"""What happened to a pull request, as the list of its events tells it.

Only what changes whether and from where it may be merged is kept: closed, reopened, merged, retargeted, and pushed to
with force. Source: REST docs "Issue events" and "Issue event types".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gate_app.standin import people, repositories
from gate_app.standin.people import Person
from gate_app.standin.repositories import Repository
from gate_app.standin.state import JsonObject, Transaction, node_id


@dataclass(frozen=True)
class IssueEvent:
    """One event of a pull request; `commit_id` is the commit that it was merged with."""

    TABLE: ClassVar[str] = "issue_events"
    id: int
    repository_id: int
    number: int
    event: str
    actor_id: int
    commit_id: str | None
    created_at: str


def note(
    tx: Transaction, repository_id: int, number: int, event: str, actor: Person, commit_id: str | None = None
) -> None:
    """Add an event to a pull request."""
    told = {"number": number, "event": event, "actor_id": actor.id, "commit_id": commit_id}
    tx.insert(IssueEvent, repository_id=repository_id, created_at=tx.now, **told)


def of_pull(tx: Transaction, repository: Repository, number: int) -> list[IssueEvent]:
    """The events of a pull request, oldest first."""
    return tx.every(IssueEvent, repository_id=repository.id, number=number)


def render(tx: Transaction, event: IssueEvent) -> JsonObject:
    """An event as lists show it."""
    root = repositories.api_url(tx, repositories.by_id(tx, event.repository_id))
    commit_url = f"{root}/commits/{event.commit_id}" if event.commit_id else None
    return {
        "id": event.id,
        "node_id": node_id("IssueEvent", event.id),
        "url": f"{root}/issues/events/{event.id}",
        "actor": people.render(tx, people.by_id(tx, event.actor_id)),
        "event": event.event,
        "commit_id": event.commit_id,
        "commit_url": commit_url,
        "created_at": event.created_at,
        "performed_via_github_app": None,
    }
