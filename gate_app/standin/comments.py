"""Comments on pull requests, and reactions to them.

Anybody's comments and edits make `issue_comment` events, the App's own included. A comment longer than
65,536 characters is refused. Source: REST docs "Issue comments", "Reactions".
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

from gate_app.standin import apps, people, pulls, repositories, webhooks
from gate_app.standin.apps import App
from gate_app.standin.errors import invalid, not_found
from gate_app.standin.people import Person
from gate_app.standin.pulls import Comment
from gate_app.standin.repositories import Repository
from gate_app.standin.state import JsonObject, Transaction, node_id

MAX_BODY = 65_536


@dataclass(frozen=True)
class Reaction:
    """One person's reaction to a comment; each content at most once."""

    TABLE: ClassVar[str] = "reactions"
    id: int
    comment_id: int
    person_id: int
    content: str
    created_at: str


@dataclass(frozen=True)
class Author:
    """Who does something, and through which App, if through one."""

    person: Person
    app: App | None = None


def require(tx: Transaction, repository: Repository, identifier: int) -> Comment:
    """The comment with this id. 404 if the repository has none."""
    found = tx.get(Comment, id=identifier, repository_id=repository.id)
    if found is None:
        raise not_found()
    return found


def create(tx: Transaction, repository: Repository, number: int, author: Author, body: str) -> Comment:
    """A new comment on a pull request."""
    tx.update(pulls.require(tx, repository, number), updated_at=tx.now)
    comment = tx.insert(
        Comment,
        repository_id=repository.id,
        number=number,
        author_id=author.person.id,
        app_id=author.app.id if author.app else None,
        body=_checked(body),
        created_at=tx.now,
        updated_at=tx.now,
    )
    _tell(tx, comment, "created", author.person)
    return comment


def edit(tx: Transaction, comment: Comment, sender: Person, body: str) -> Comment:
    """Another text for a comment; the event says what it was."""
    edited = tx.update(comment, body=_checked(body), updated_at=tx.now)
    _tell(tx, edited, "edited", sender, {"changes": {"body": {"from": comment.body}}})
    return edited


def delete(tx: Transaction, comment: Comment, sender: Person) -> None:
    """Remove a comment and the reactions to it."""
    tx.delete(Reaction, comment_id=comment.id)
    tx.delete(Comment, id=comment.id)
    _tell(tx, comment, "deleted", sender)


def reaction_of(tx: Transaction, comment: Comment, person: Person, content: str) -> Reaction | None:
    """The person's reaction of this kind, if it is there."""
    return tx.get(Reaction, comment_id=comment.id, person_id=person.id, content=content)


def react(tx: Transaction, comment: Comment, person: Person, content: str) -> Reaction:
    """A new reaction."""
    tx.announce("reaction.created", comment_id=comment.id, by=person.login, content=content)
    return tx.insert(Reaction, comment_id=comment.id, person_id=person.id, content=content, created_at=tx.now)


def _checked(body: str) -> str:
    if not body.strip():
        raise invalid("IssueComment", "body", "body can't be blank", code="missing_field")
    if len(body) > MAX_BODY:
        raise invalid("IssueComment", "body", f"body is too long (maximum is {MAX_BODY} characters)")
    return body


def _tell(
    tx: Transaction, comment: Comment, action: str, sender: Person, extra: JsonObject | None = None
) -> None:
    repository = repositories.by_id(tx, comment.repository_id)
    facts = {"number": comment.number, "by": sender.login, "body": comment.body}
    tx.announce(f"comment.{action}", id=comment.id, **facts)
    issue = pulls.render_as_issue(tx, pulls.require(tx, repository, comment.number))
    payload: JsonObject = {"action": action, "issue": issue, "comment": render(tx, comment)}
    webhooks.emit(tx, repository, sender, "issue_comment", {**payload, **(extra or {})})


def render(tx: Transaction, comment: Comment) -> JsonObject:
    """The comment of every body."""
    repository = repositories.by_id(tx, comment.repository_id)
    author = people.by_id(tx, comment.author_id)
    api, html = repositories.api_url(tx, repository), repositories.html_url(tx, repository)
    url = f"{api}/issues/comments/{comment.id}"
    app = apps.by_id(tx, comment.app_id) if comment.app_id else None
    return {
        "url": url,
        "html_url": f"{html}/pull/{comment.number}#issuecomment-{comment.id}",
        "issue_url": f"{api}/issues/{comment.number}",
        "id": comment.id,
        "node_id": node_id("IssueComment", comment.id),
        "user": people.render(tx, author),
        "created_at": comment.created_at,
        "updated_at": comment.updated_at,
        "author_association": people.association(tx, repository.id, repository.owner_id, author),
        "body": comment.body,
        "reactions": _rollup(tx, comment, f"{url}/reactions"),
        "performed_via_github_app": apps.render(tx, app) if app else None,
    }


def _rollup(tx: Transaction, comment: Comment, url: str) -> JsonObject:
    counts = Counter(reaction.content for reaction in tx.every(Reaction, comment_id=comment.id))
    return {**pulls.no_reactions(url), **counts, "total_count": counts.total()}


def render_reaction(tx: Transaction, reaction: Reaction) -> JsonObject:
    """The body of a reaction."""
    return {
        "id": reaction.id,
        "node_id": node_id("Reaction", reaction.id),
        "user": people.render(tx, people.by_id(tx, reaction.person_id)),
        "content": reaction.content,
        "created_at": reaction.created_at,
    }
