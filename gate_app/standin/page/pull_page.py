"""One look at a pull request, and at the list of all of them: what the templates show."""

from __future__ import annotations

from dataclasses import dataclass

from gate_app.standin import people, pulls, repositories
from gate_app.standin.errors import not_found
from gate_app.standin.git import FileChange
from gate_app.standin.page import checklist, conversation, faces, rollout
from gate_app.standin.page.checklist import Checklist, Look
from gate_app.standin.page.conversation import Conversation, Remark
from gate_app.standin.page.faces import Actor, Face
from gate_app.standin.page.rollout import Environment
from gate_app.standin.pulls import Pull
from gate_app.standin.repositories import Repository
from gate_app.standin.state import Transaction


@dataclass(frozen=True)
class PullPage:
    """Everything on the page of one pull request. `acting` is None where nobody can see the repository."""

    repository: str
    pull: Pull
    author: Face
    head: str
    acting: Actor | None
    actors: tuple[Actor, ...]
    commit_count: int
    files: tuple[FileChange, ...]
    opening: Remark
    conversation: Conversation
    checks: Checklist
    environments: tuple[Environment, ...]
    merges_cleanly: bool
    merged_by: Face | None
    now: str

    @property
    def path(self) -> str:
        return f"/{self.repository}/pull/{self.pull.number}"

    @property
    def state(self) -> str:
        """open, merged or closed."""
        return "merged" if self.pull.merged else self.pull.state

    @property
    def additions(self) -> int:
        return sum(change.additions for change in self.files)

    @property
    def deletions(self) -> int:
        return sum(change.deletions for change in self.files)

    @property
    def may_close(self) -> bool:
        """Whether who acts may close or reopen it: the author, or anybody with triage access."""
        return self.acting is not None and (self.acting.may_close or self.acting.login == self.author.login)


@dataclass(frozen=True)
class Line:
    """A pull request in the list."""

    path: str
    number: int
    title: str
    state: str
    author: Face
    at: str
    look: Look | None


@dataclass(frozen=True)
class Index:
    """All repositories with their pull requests, newest first."""

    repositories: dict[str, list[Line]]
    now: str


def find(tx: Transaction, owner: str, name: str) -> Repository:
    """The repository of an address. 404 if there is none."""
    found = repositories.by_name(tx, owner, name)
    if found is None:
        raise not_found()
    return found


def look(tx: Transaction, repository: Repository, number: int, acting: str | None) -> PullPage:
    """The page of a pull request for somebody who acts there. 404 if there is none, or no such person."""
    pull = pulls.require(tx, repository, number)
    author = faces.of(people.by_id(tx, pull.author_id))
    everybody = faces.actors(tx, repository)
    environments = rollout.of_pull(tx, repository, pull)
    return PullPage(
        repository=repositories.full_name(tx, repository),
        pull=pull,
        author=author,
        head=_head(tx, repository, pull),
        acting=faces.chosen(everybody, acting, author),
        actors=everybody,
        commit_count=len(pulls.commits(tx, pull)),
        files=pulls.files(tx, pull),
        opening=conversation.opening(tx, pull),
        conversation=conversation.of_pull(tx, repository, pull, environments),
        checks=checklist.of_pull(tx, repository, pull),
        environments=environments,
        merges_cleanly=pull.state == "open" and pulls.merges_cleanly(tx, pull),
        merged_by=faces.of(people.by_id(tx, pull.merged_by_id)) if pull.merged_by_id else None,
        now=conversation.now(tx),
    )


def _head(tx: Transaction, repository: Repository, pull: Pull) -> str:
    if pull.head_repository_id == repository.id:
        return pull.head_ref
    owner = repositories.by_id(tx, pull.head_repository_id).owner_id
    return f"{people.by_id(tx, owner).login}:{pull.head_ref}"


def index(tx: Transaction) -> Index:
    """Everything there is to open."""
    found = [repository for repository in tx.every(Repository) if repository.fork_of is None]
    return Index({repositories.full_name(tx, each): _lines(tx, each) for each in found}, conversation.now(tx))


def _lines(tx: Transaction, repository: Repository) -> list[Line]:
    name = repositories.full_name(tx, repository)
    return [
        Line(
            path=f"/{name}/pull/{pull.number}",
            number=pull.number,
            title=pull.title,
            state="merged" if pull.merged else pull.state,
            author=faces.of(people.by_id(tx, pull.author_id)),
            at=pull.created_at,
            look=checklist.of_pull(tx, repository, pull).look,
        )
        for pull in tx.newest_first(Pull, repository_id=repository.id)
    ]
