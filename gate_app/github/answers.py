"""What we read from GitHub's answers: exactly the fields used, strictly typed and bounded.

Rules of the file: a missing or garbled field is a fault of the whole answer, never a default (case 200);
`null` is allowed only where GitHub documents it. No field that holds a URL is read at all (case 141).
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeVar

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from gate_app.errors import HubUnavailable
from gate_app.github.fields import Account, App, Id, LongText, Reading, RefName, Sha, ShortText, problems_of
from gate_app.github.transport import Reply

Answer = TypeVar("Answer")


def read_answer(shape: TypeAdapter[Answer], reply: Reply, what: str) -> Answer:
    """The answer in that shape. Raises HubUnavailable on anything else: HTML, half a text, a lost field."""
    try:
        return shape.validate_json(reply.text or "null")
    except ValidationError as error:
        raise HubUnavailable(f"{what}: an answer of another shape ({problems_of(error)})") from None


class Nobody(Reading):
    """`{}`: GitHub's other way, besides `null`, to say that a commit identity belongs to no account."""

    model_config = ConfigDict(extra="forbid")


class NamedRepository(Reading):
    id: Id
    full_name: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}/[A-Za-z0-9._-]{1,100}$")
    ]


class Minted(Reading):
    token: Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,4096}$")]
    expires_at: AwareDatetime
    repositories: list[NamedRepository] | None = None


class RepositoryRef(Reading):
    id: Id


class Side(Reading):
    """The head or the base of a pull request; the repository of a head is `null` when its fork is gone."""

    ref: RefName
    sha: Sha
    repo: RepositoryRef | None


class BaseRepository(RepositoryRef):
    """`pushed_at` is when any branch was last pushed to."""

    default_branch: RefName
    pushed_at: AwareDatetime | None = None


class Base(Side):
    repo: BaseRepository | None


class Label(Reading):
    name: ShortText


class Pull(Reading):
    number: Id
    state: Literal["open", "closed"]
    title: ShortText
    user: Account | None
    merged: bool
    updated_at: AwareDatetime
    head: Side
    base: Base
    labels: list[Label] = Field(max_length=100)


class PullOfCommit(Reading):
    """A pull request as listed for a commit."""

    number: Id
    title: ShortText
    user: Account | None
    merged_at: AwareDatetime | None
    merge_commit_sha: Sha | None
    head: Side
    base: Base
    labels: list[Label] = Field(max_length=100)


class TreeRef(Reading):
    sha: Sha


class GitCommit(Reading):
    sha: Sha
    tree: TreeRef


class Signature(Reading):
    """A git identity: free text that anybody may write (case 55)."""

    email: Annotated[str, StringConstraints(max_length=1_024)] | None = None


class Verification(Reading):
    """What GitHub found out about a commit's signature."""

    verified: bool


class CommitText(Reading):
    message: LongText
    tree: TreeRef
    author: Signature | None
    committer: Signature | None
    verification: Verification | None = None


class ComparedFile(Reading):
    filename: ShortText
    previous_filename: ShortText | None = None
    changes: Annotated[int, Field(ge=0)]


class CommitParent(Reading):
    sha: Sha


class Commit(Reading):
    """A commit with the accounts that GitHub maps its identities to."""

    sha: Sha
    commit: CommitText
    author: Account | Nobody | None
    committer: Account | Nobody | None
    parents: list[CommitParent] = Field(max_length=1_000)

    @property
    def author_account(self) -> Account | None:
        return self.author if isinstance(self.author, Account) else None

    @property
    def committer_account(self) -> Account | None:
        return self.committer if isinstance(self.committer, Account) else None


class Compared(Reading):
    """Two commits compared; lists are cut by GitHub, counts are not."""

    ahead_by: Annotated[int, Field(ge=0)]
    behind_by: Annotated[int, Field(ge=0)]
    commits: list[Commit]
    files: list[ComparedFile]


class Branch(Reading):
    commit: Commit


class ContentFile(Reading):
    """What lies at a path: `encoding` and `content` are there for a file, `target` for a symlink."""

    type: Annotated[str, StringConstraints(max_length=40)]
    sha: Sha
    path: ShortText
    size: Annotated[int, Field(ge=0)]
    encoding: Annotated[str, StringConstraints(max_length=40)] | None = None
    content: Annotated[str, StringConstraints(max_length=2_097_152)] | None = None


class RoleOfPerson(Reading):
    """`role_name`, because `permission` knows neither maintain nor triage (case 65)."""

    role_name: Annotated[str, StringConstraints(max_length=255)]
    user: Account | None


class Membership(Reading):
    state: Annotated[str, StringConstraints(max_length=40)]


class Comment(Reading):
    id: Id
    body: LongText | None = None
    created_at: AwareDatetime
    updated_at: AwareDatetime
    user: Account | None
    performed_via_github_app: App | None = None


class Created(Reading):
    """What a write gives back that matters: without an id it did not happen (github-facts, 307 on POST)."""

    id: Id


class Installed(Reading):
    """An installation of the App; a suspended one is left alone (case 153)."""

    id: Id
    suspended_at: AwareDatetime | None


class RepositoryPage(Reading):
    total_count: Annotated[int, Field(ge=0)]
    repositories: list[NamedRepository] = Field(max_length=100)


class OpenPull(Reading):
    number: Id
    head: Side


MINTED: Final = TypeAdapter(Minted)
INSTALLATIONS: Final = TypeAdapter(list[Installed])
REPOSITORIES: Final = TypeAdapter(RepositoryPage)
OPEN_PULLS: Final = TypeAdapter(list[OpenPull])
DEFAULT_BRANCH: Final = TypeAdapter(BaseRepository)
REPOSITORY: Final = TypeAdapter(RepositoryRef)
PULL: Final = TypeAdapter(Pull)
PULLS_OF_COMMIT: Final = TypeAdapter(list[PullOfCommit])
GIT_COMMIT: Final = TypeAdapter(GitCommit)
COMMIT: Final = TypeAdapter(Commit)
COMMITS: Final = TypeAdapter(list[Commit])
BRANCH: Final = TypeAdapter(Branch)
CONTENT: Final = TypeAdapter(ContentFile | list[object])
ACCOUNT: Final = TypeAdapter(Account)
ROLE: Final = TypeAdapter(RoleOfPerson)
MEMBERSHIP: Final = TypeAdapter(Membership)
COMMENT: Final = TypeAdapter(Comment)
COMMENTS: Final = TypeAdapter(list[Comment])
COMPARISON: Final = TypeAdapter(Compared)
CREATED: Final = TypeAdapter(Created)
ANYTHING: Final = TypeAdapter(object)
"""Of an answer whose body says nothing: that it came is all that matters."""
