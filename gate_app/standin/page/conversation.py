"""The conversation of a pull request: what was said and done, in the order in which it was.

Rules of this file: the feed of changes gives the order, the records what is shown, so an edited comment shows
its new text in its old place and a deleted one is gone. Only the newest entries are shown; how many came before
is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from markupsafe import Markup

from gate_app.standin import apps, people, repositories
from gate_app.standin.comments import Reaction
from gate_app.standin.git import GitCommit
from gate_app.standin.page import checklist, faces
from gate_app.standin.page.checklist import Look
from gate_app.standin.page.faces import Face
from gate_app.standin.page.markdown import to_html
from gate_app.standin.page.rollout import Environment, Release
from gate_app.standin.pulls import Comment, Pull
from gate_app.standin.repositories import Repository
from gate_app.standin.state import Change, Transaction, timestamp

MAX_ENTRIES: Final = 150
MAX_COMMITS: Final = 30
_EMOJI: Final = {
    "+1": "👍",
    "-1": "👎",
    "laugh": "😄",
    "hooray": "🎉",
    "confused": "😕",
    "heart": "❤️",
    "rocket": "🚀",
    "eyes": "👀",
}


@dataclass(frozen=True)
class Remark:
    """A comment."""

    kind: ClassVar[str] = "remark"
    key: str
    face: Face
    at: str
    html: Markup
    association: str = ""
    is_edited: bool = False
    reactions: tuple[tuple[str, int, str], ...] = ()

    @property
    def news(self) -> str:
        return f"{self.face.login} {'edited a comment' if self.is_edited else 'commented'}"


@dataclass(frozen=True)
class CommitLine:
    """One commit: who made it, its first line, how its checks look."""

    sha: str
    subject: str
    face: Face
    look: Look | None


@dataclass(frozen=True)
class Pushed:
    """Commits that came; `replaced` is the head that a forced push took away."""

    kind: ClassVar[str] = "pushed"
    key: str
    face: Face
    at: str
    commits: tuple[CommitLine, ...]
    more: int = 0
    replaced: str | None = None

    @property
    def count(self) -> str:
        total = len(self.commits) + self.more
        return "1 commit" if total == 1 else f"{total} commits"

    @property
    def news(self) -> str:
        return f"{self.face.login} pushed {self.count}"


@dataclass(frozen=True)
class Event:
    """Something that somebody did, in a few words; `about` is set off as code."""

    kind: ClassVar[str] = "event"
    key: str
    face: Face
    at: str
    icon: str
    words: str
    about: str = ""

    @property
    def news(self) -> str:
        return f"{self.face.login} {self.words} {self.about}".rstrip()


@dataclass(frozen=True)
class Deployed:
    """A deployment."""

    kind: ClassVar[str] = "deployed"
    key: str
    face: Face
    at: str
    release: Release

    @property
    def news(self) -> str:
        return ""


Entry = Remark | Pushed | Event | Deployed


@dataclass(frozen=True)
class Conversation:
    """The newest entries, oldest first; `earlier` are not shown."""

    entries: tuple[Entry, ...]
    earlier: int


def of_pull(
    tx: Transaction, repository: Repository, pull: Pull, environments: tuple[Environment, ...]
) -> Conversation:
    """The conversation of one pull request."""
    reader = _Reader(tx, repository, pull, environments)
    entries = list(reader.entries())
    return Conversation(tuple(entries[-MAX_ENTRIES:]), max(0, len(entries) - MAX_ENTRIES))


class _Reader:
    """Reads the feed of changes and makes an entry of each that belongs here."""

    def __init__(
        self, tx: Transaction, repository: Repository, pull: Pull, environments: tuple[Environment, ...]
    ) -> None:
        self._tx = tx
        self._repository = repository
        self._pull = pull
        self._git = repositories.git(tx, repository)
        where = {"repository_id": repository.id, "number": pull.number}
        self._comments = {comment.id: comment for comment in tx.every(Comment, **where)}
        self._releases = {release.id: release for each in environments for release in each.releases}
        self._title = pull.title

    def entries(self) -> Iterator[Entry]:
        readers: dict[str, Callable[[Change], Entry | None]] = {
            "pull.opened": self._opened,
            "pull.synchronized": self._pushed,
            "pull.edited": self._edited,
            "pull.closed": self._closed,
            "pull.reopened": self._reopened,
            "comment.created": self._commented,
            "deployment.created": self._deployed,
        }
        found = [change for kind in readers for change in self._tx.every(Change, kind=kind)]
        for change in sorted(found, key=lambda change: change.id):
            entry = readers[change.kind](change) if self._is_here(change) else None
            if entry is not None:
                yield entry

    def _is_here(self, change: Change) -> bool:
        if not change.kind.startswith("pull."):
            return True
        here = (self._repository.id, self._pull.number)
        return (change.facts.get("repository_id"), change.facts["number"]) == here

    def _opened(self, change: Change) -> Entry:
        self._title = str(change.facts["title"])
        commits = self._git.commits(self._pull.base_sha, str(change.facts["head_sha"]), 250)
        return self._push(change, commits)

    def _pushed(self, change: Change) -> Entry:
        before, after = str(change.facts["before"]), str(change.facts["head_sha"])
        if not self._git.contains(after, before):
            return self._push(change, self._git.commits(self._pull.base_sha, after, 250), replaced=before)
        mine = {commit.sha for commit in self._git.commits(self._pull.base_sha, after, 250)}
        new = [commit for commit in self._git.commits(before, after, 250) if commit.sha in mine]
        return self._push(change, tuple(new))

    def _push(self, change: Change, commits: tuple[GitCommit, ...], replaced: str | None = None) -> Pushed:
        lines = tuple(self._line(commit) for commit in commits[-MAX_COMMITS:])
        more = max(0, len(commits) - MAX_COMMITS)
        return Pushed(f"e{change.id}", self._by(change), change.at, lines, more, replaced)

    def _line(self, commit: GitCommit) -> CommitLine:
        author = repositories.author_of(self._tx, self._repository, commit.author.email)
        face = faces.of(author) if author else Face(commit.author.name, 0)
        look = checklist.look_of_commit(self._tx, self._repository, commit.sha)
        return CommitLine(commit.sha, commit.message.split("\n", 1)[0][:200], face, look)

    def _edited(self, change: Change) -> Entry:
        before, self._title = self._title, str(change.facts["title"])
        if before == self._title:
            return self._event(change, "branch", "changed the base branch")
        return self._event(change, "pencil", "changed the title from", before)

    def _closed(self, change: Change) -> Entry:
        if not change.facts.get("merged"):
            return self._event(change, "closed", "closed this")
        return self._event(change, "merged", "merged this as", (self._pull.merge_commit_sha or "")[:12])

    def _reopened(self, change: Change) -> Entry:
        return self._event(change, "branch", "reopened this")

    def _event(self, change: Change, icon: str, words: str, about: str = "") -> Event:
        return Event(f"e{change.id}", self._by(change), change.at, icon, words, about)

    def _by(self, change: Change) -> Face:
        login = change.facts.get("by")
        return faces.by_login(self._tx, str(login)) if login else self._author()

    def _author(self) -> Face:
        return faces.of(people.by_id(self._tx, self._pull.author_id))

    def _commented(self, change: Change) -> Entry | None:
        identifier: Any = change.facts["id"]
        comment = self._comments.get(identifier)
        return self._remark(comment) if comment else None

    def _remark(self, comment: Comment) -> Remark:
        author = people.by_id(self._tx, comment.author_id)
        association = people.association(self._tx, self._repository.id, self._repository.owner_id, author)
        return Remark(
            key=f"issuecomment-{comment.id}",
            face=faces.of(author),
            at=comment.created_at,
            html=to_html(comment.body),
            association=self._via(comment) or ("" if association == "NONE" else association.capitalize()),
            is_edited=comment.updated_at != comment.created_at,
            reactions=self._reactions(comment),
        )

    def _via(self, comment: Comment) -> str:
        """An App writes as its bot, or on behalf of a person, who is not the author then."""
        if comment.app_id is None:
            return ""
        app = apps.by_id(self._tx, comment.app_id)
        return "Bot" if app.bot_id == comment.author_id else f"via {app.name}"

    def _reactions(self, comment: Comment) -> tuple[tuple[str, int, str], ...]:
        given = self._tx.every(Reaction, comment_id=comment.id)
        counts = Counter(reaction.content for reaction in given)
        names = {
            content: ", ".join(
                faces.of(people.by_id(self._tx, one.person_id)).login
                for one in given
                if one.content == content
            )
            for content in counts
        }
        return tuple((_EMOJI[content], count, names[content]) for content, count in counts.items())

    def _deployed(self, change: Change) -> Entry | None:
        identifier: Any = change.facts["id"]
        release = self._releases.get(identifier)
        if release is None or not release.is_ours:
            return None
        return Deployed(f"e{change.id}", release.face, change.at, release)


def opening(tx: Transaction, pull: Pull) -> Remark:
    """The description, which stands before everything else."""
    face = faces.of(people.by_id(tx, pull.author_id))
    return Remark("description", face, pull.created_at, to_html(pull.body), "Author")


def now(tx: Transaction) -> str:
    """The instant of the look, to tell how long ago something was."""
    return timestamp(tx.instant)
