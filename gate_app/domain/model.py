"""The nouns that every other module of the domain speaks of.

Rules of the file: frozen values only; people and repositories are numeric ids, names are for display
(invariant 5); `Unknown` is how "we could not find out" is said, and nothing may treat it as a yes
(invariant 4).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

LATER: Final = {"later": True}
"""The metadata of a field that came after the first release: it has a default, and stored texts leave that out."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A fact that could not be read. `code` is a reason code, `detail` is for display, never a secret."""

    code: str
    detail: str = ""
    kind: Literal["unknown"] = "unknown"


class PersonKind(StrEnum):
    """What stands behind an account, as GitHub's `type` says; anything but `USER` never counts (case 58)."""

    USER = "User"
    BOT = "Bot"
    OTHER = "Other"


@dataclass(frozen=True, slots=True)
class Person:
    """An account. Identity is `id`; `login` is what the page shows and may change hands (case 59)."""

    id: int
    login: str
    account: PersonKind = PersonKind.USER


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository within one installation; the pair scopes every token, query and cache key.

    `owner_id` is 0 where it was not told.
    """

    id: int
    owner: str
    name: str
    installation_id: int
    owner_id: int = field(default=0, compare=False, metadata=LATER)

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True, slots=True)
class Subject:
    """What events are serialised by: a pull request, else a ref. Exactly one of the two is given."""

    repository_id: int
    number: int | None = None
    ref: str | None = None

    def __post_init__(self) -> None:
        if (self.number is None) == (self.ref is None):
            raise ValueError("a subject is a pull request number or a ref, not both and not neither")

    @property
    def key(self) -> str:
        """Stable text form, e.g. `71#3` or `71@refs/heads/main`."""
        return (
            f"{self.repository_id}#{self.number}" if self.ref is None else f"{self.repository_id}@{self.ref}"
        )

    @property
    def is_at_github(self) -> bool:
        """Whether GitHub can be asked about it: a pull request or a branch, not our own rollbacks."""
        return self.ref is None or self.ref.startswith("refs/heads/")

    @staticmethod
    def parse(key: str) -> Subject:
        """The inverse of `key`. Raises ValueError on anything else."""
        head, mark, tail = key.partition("@") if "@" in key else key.partition("#")
        return Subject(int(head), ref=tail) if mark == "@" else Subject(int(head), number=int(tail))


@dataclass(frozen=True, slots=True)
class Content:
    """A commit and what it contains: 40 hex digits each. Equal trees are equal content, whatever the merge."""

    sha: str
    tree: str

    def same_as(self, other: Content) -> bool:
        return self.sha == other.sha or (bool(self.tree) and self.tree == other.tree)


class Origin(StrEnum):
    """What an environment deploys from, and a run travels for; no run travels for `COMMAND`: it joins others."""

    PULL_REQUEST = "pull_request"
    DEFAULT_BRANCH = "default_branch"
    COMMAND = "command"


class Purpose(StrEnum):
    """What a run is for: releasing its head, or taking an environment back to content that passed there."""

    RELEASE = "release"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class Change:
    """One head under decision, with where its conversation happens.

    `conversation` is the pull request (or merged pull request) whose comments may answer; None when there
    is none. `pusher` is the authenticated actor of the push, None when no event told us. `bare_merge` says that
    GitHub shows this head to hold what the merged pull request held and nothing else: who merged it is no
    contributor then. `head_branch` is the branch of this repository that the head is on, empty for a fork.
    """

    repository: Repository
    subject: Subject
    origin: Origin
    head: Content
    base_ref: str
    base_sha: str
    title: str
    author: Person
    conversation: int | None
    pusher: Person | None = None
    bare_merge: bool = False
    head_branch: str = ""
    default_branch: str = ""

    def trusts(self, default_branch: str) -> bool:
        """Whether policy still comes from the branch that it came from (case 88); empty is not known."""
        return default_branch in ("", self.default_branch) or not self.default_branch


class MergeShown(StrEnum):
    """How GitHub shows that the head of a branch adds nothing to the pull request that it merged.

    `SAME_CONTENT`: its tree is the one of the pull request's head. `MADE_BY_GITHUB`: GitHub made and signed it
    on top of the first parent, so it adds nothing to that parent and the pull request.
    """

    NO = "no"
    SAME_CONTENT = "same_content"
    MADE_BY_GITHUB = "made_by_github"


@dataclass(frozen=True, slots=True)
class FirstHead:
    """Where the branch of a subject stood when it was first looked at."""

    subject: str
    sha: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Authorship:
    """Who changed this content. `unattributed` are commit e-mails that belong to no account (case 55)."""

    contributors: tuple[int, ...]
    unattributed: tuple[str, ...] = ()
