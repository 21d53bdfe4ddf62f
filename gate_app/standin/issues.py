"""Issues that the App opens and people close. They share their numbers with pull requests.

Source: REST docs "Issues": a new one is open; whoever may write closes it; there is no event of it here, since the App
does not subscribe to `issues`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gate_app.standin import apps, people, pulls, repositories
from gate_app.standin.comments import Author
from gate_app.standin.errors import invalid, not_found
from gate_app.standin.people import Person
from gate_app.standin.repositories import Repository
from gate_app.standin.state import JsonObject, Transaction, node_id

MAX_TITLE = 256


@dataclass(frozen=True)
class Issue:
    """An issue as it is kept."""

    TABLE: ClassVar[str] = "issues"
    id: int
    repository_id: int
    number: int
    state: str
    title: str
    body: str
    author_id: int
    app_id: int | None
    created_at: str
    updated_at: str
    closed_at: str | None
    closed_by_id: int | None


def require(tx: Transaction, repository: Repository, number: int) -> Issue:
    """The issue with this number. 404 if there is none."""
    found = tx.get(Issue, repository_id=repository.id, number=number)
    if found is None:
        raise not_found()
    return found


def next_number(tx: Transaction, repository: Repository) -> int:
    """The number of the next pull request or issue."""
    return (
        tx.count(pulls.Pull, repository_id=repository.id) + tx.count(Issue, repository_id=repository.id) + 1
    )


def listed(tx: Transaction, repository: Repository, state: str, since: str) -> list[JsonObject]:
    """Issues and, as at GitHub, pull requests among them, the newest first."""
    found: list[tuple[int, str, str, JsonObject]] = [
        (each.number, each.state, each.updated_at, render(tx, each))
        for each in tx.every(Issue, repository_id=repository.id)
    ]
    found += [
        (each.number, each.state, each.updated_at, pulls.render_as_issue(tx, each))
        for each in tx.every(pulls.Pull, repository_id=repository.id)
    ]
    newest = sorted(found, key=lambda each: -each[0])
    return [body for _, now, at, body in newest if state in ("all", now) and at >= since]


def create(tx: Transaction, repository: Repository, author: Author, title: str, body: str) -> Issue:
    """A new open issue."""
    if not title.strip() or len(title) > MAX_TITLE:
        raise invalid("Issue", "title", f"title is too long (maximum is {MAX_TITLE} characters)")
    made = tx.insert(
        Issue,
        repository_id=repository.id,
        number=next_number(tx, repository),
        state="open",
        title=title,
        body=body,
        author_id=author.person.id,
        app_id=author.app.id if author.app else None,
        created_at=tx.now,
        updated_at=tx.now,
        closed_at=None,
        closed_by_id=None,
    )
    tx.announce("issue.opened", repository_id=repository.id, number=made.number, by=author.person.login)
    return made


def close(tx: Transaction, issue: Issue, sender: Person) -> Issue:
    """Closed, by somebody."""
    tx.announce("issue.closed", repository_id=issue.repository_id, number=issue.number, by=sender.login)
    return tx.update(issue, state="closed", updated_at=tx.now, closed_at=tx.now, closed_by_id=sender.id)


def render(tx: Transaction, issue: Issue) -> JsonObject:
    """The issue of every body."""
    repository = repositories.by_id(tx, issue.repository_id)
    author = people.by_id(tx, issue.author_id)
    app = apps.by_id(tx, issue.app_id) if issue.app_id else None
    api = repositories.api_url(tx, repository)
    url = f"{api}/issues/{issue.number}"
    return {
        "url": url,
        "repository_url": api,
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "html_url": f"{repositories.html_url(tx, repository)}/issues/{issue.number}",
        "id": issue.id,
        "node_id": node_id("Issue", issue.id),
        "number": issue.number,
        "title": issue.title,
        "user": people.render(tx, author),
        "labels": [],
        "state": issue.state,
        "state_reason": "completed" if issue.closed_at else None,
        "locked": False,
        "assignee": None,
        "assignees": [],
        "milestone": None,
        "comments": 0,
        "created_at": issue.created_at,
        "updated_at": issue.updated_at,
        "closed_at": issue.closed_at,
        "closed_by": people.render(tx, people.by_id(tx, issue.closed_by_id)) if issue.closed_by_id else None,
        "author_association": people.association(tx, repository.id, repository.owner_id, author),
        "active_lock_reason": None,
        "body": issue.body,
        "reactions": pulls.no_reactions(f"{url}/reactions"),
        "performed_via_github_app": apps.render(tx, app) if app else None,
    }
