"""What there is at GitHub right now, whether or not a delivery told us (case 195).

Rules of the file: everything it says goes into the same inboxes as deliveries do, as hints to look; lists are
whole or a fault; a comment that was edited after it was written is no command, whoever reads it later. All of it
can wait, so it leaves the reserve of the rate limit to decisions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from gate_app.domain.events import CommandGiven
from gate_app.domain.model import Repository, Subject
from gate_app.engine.ports import ConversationNoticed
from gate_app.errors import HubRefused
from gate_app.github import answers
from gate_app.github.api import Api
from gate_app.github.markdown import command_line
from gate_app.github.origin import at_root, in_repository
from gate_app.github.permissions import LIST_HEADS, LIST_REPOSITORIES, READ_COMMENT


class Survey:
    """Implements `engine.ports.Survey`."""

    def __init__(self, api: Api) -> None:
        self._background = api.background()

    def repositories(self) -> Sequence[Repository]:
        """Every repository of every installation that is not suspended."""
        return [
            repository
            for installation in self._installations()
            if installation.suspended_at is None
            for repository in self.repositories_of(installation.id)
        ]

    def heads(self, repository: Repository) -> Mapping[Subject, str]:
        """The head of every open pull request and of the default branch."""
        listed = self._background.read_all(
            answers.OPEN_PULLS, list, repository, LIST_HEADS, in_repository("pulls"), {"state": "open"}
        )
        heads = {Subject(repository.id, number=pull.number): pull.head.sha for pull in listed}
        branch = self._background.read(
            answers.DEFAULT_BRANCH, repository, LIST_HEADS, in_repository()
        ).default_branch
        try:
            path = in_repository("branches", branch)
            found = self._background.read(answers.BRANCH, repository, LIST_HEADS, path)
        except HubRefused as refused:
            if refused.status != 404:
                raise
            return heads  # an empty repository has a default branch by name only
        return {**heads, Subject(repository.id, ref=f"refs/heads/{branch}"): found.commit.sha}

    def commands_since(
        self, repository: Repository, conversation: int, since: datetime
    ) -> Sequence[ConversationNoticed]:
        """The commands in comments written or touched since then, in the order of the conversation."""
        path = in_repository("issues", conversation, "comments")
        query = {"since": since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
        listed = self._background.read_all(answers.COMMENTS, list, repository, READ_COMMENT, path, query)
        return [notice for comment in listed for notice in _noticed(repository, conversation, comment)]

    def _installations(self) -> Sequence[answers.Installed]:
        return self._background.read_all_as_app(answers.INSTALLATIONS, list, at_root("app", "installations"))

    def repositories_of(self, installation_id: int) -> Sequence[Repository]:
        """Every repository of one installation."""
        named = self._background.read_all_of_installation(
            answers.REPOSITORIES,
            lambda answer: answer.repositories,
            installation_id,
            LIST_REPOSITORIES,
            at_root("installation", "repositories"),
        )
        return [_repository(each, installation_id) for each in named]


def _repository(named: answers.NamedRepository, installation_id: int) -> Repository:
    owner, _, name = named.full_name.partition("/")
    return Repository(named.id, owner, name, installation_id)


def _noticed(
    repository: Repository, conversation: int, comment: answers.Comment
) -> Iterator[ConversationNoticed]:
    body = comment.body or ""
    line = command_line(body)
    if line is None or comment.user is None or comment.updated_at != comment.created_at:
        return
    given = CommandGiven(
        at=comment.created_at,
        comment_id=comment.id,
        conversation=conversation,
        person=comment.user.person,
        line=line,
        body_sha256=hashlib.sha256(body.encode()).hexdigest(),
        via_app=comment.performed_via_github_app is not None,
    )
    yield ConversationNoticed(repository, conversation, given)
