"""What we read from GitHub's answers: exactly the fields used, strictly typed and bounded.

Rules of the file: a missing or garbled field is a fault of the whole answer, never a default (case 200);
`null` is allowed only where GitHub documents it. No field that holds a URL is read at all (case 141).
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeVar

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from gate_app.errors import HubUnavailable
from gate_app.github.fields import (
    Account,
    App,
    Id,
    LongText,
    Reading,
    RefName,
    Sha,
    ShortText,
    problems_of,
)
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


class WrittenOutput(Reading):
    annotations_count: Annotated[int, Field(ge=0)] | None = None


class WrittenCheckRun(Reading):
    """What was written, and how many annotations it carries by now."""

    id: Id
    output: WrittenOutput = WrittenOutput()


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


class CheckRun(Reading):
    id: Id
    external_id: ShortText | None
    app: App | None


class CheckRunPage(Reading):
    total_count: Annotated[int, Field(ge=0)]
    check_runs: list[CheckRun] = Field(max_length=100)


class CheckSuiteRef(Reading):
    id: Id


class DeploymentOfJob(Reading):
    """The deployment that a job of Actions makes because it names an environment."""

    environment: ShortText


class StandingCheckRun(Reading):
    """A check run of anybody, as it stands; a queued one has not started."""

    id: Id
    name: ShortText
    status: Annotated[str, StringConstraints(max_length=40)]
    conclusion: Annotated[str, StringConstraints(max_length=40)] | None
    started_at: AwareDatetime | None
    check_suite: CheckSuiteRef | None
    app: App | None
    deployment: DeploymentOfJob | None = None


class StandingCheckRunPage(Reading):
    total_count: Annotated[int, Field(ge=0)]
    check_runs: list[StandingCheckRun] = Field(max_length=100)


class CommitStatus(Reading):
    id: Id
    context: ShortText
    state: Annotated[str, StringConstraints(max_length=40)]
    created_at: AwareDatetime


class CombinedStatusPage(Reading):
    """The newest status of each context; `state` of all of them is not read, it says `pending` for none."""

    total_count: Annotated[int, Field(ge=0)]
    statuses: list[CommitStatus] = Field(max_length=100)


class RequiredByRule(Reading):
    context: ShortText
    integration_id: int | None = None


class RuleParameters(Reading):
    required_status_checks: list[RequiredByRule] | None = Field(default=None, max_length=1_000)


class BranchRule(Reading):
    """A rule in force on a branch; most types have parameters of no interest here."""

    type: Annotated[str, StringConstraints(max_length=100)]
    parameters: RuleParameters | None = None

    @property
    def required_status_checks(self) -> list[RequiredByRule]:
        return (self.parameters.required_status_checks if self.parameters else None) or []


class RequiredByProtection(Reading):
    context: ShortText
    app_id: int | None = None


class RequiredStatusChecks(Reading):
    contexts: list[ShortText] = Field(max_length=1_000)
    checks: list[RequiredByProtection] = Field(max_length=1_000)


class Protection(Reading):
    required_status_checks: RequiredStatusChecks | None = None


class ProtectedBranch(Reading):
    name: RefName
    protection: Protection | None = None


class Workflow(Reading):
    """A workflow of the default branch; `state` is `active` unless it is switched off or deleted."""

    id: Id
    state: Annotated[str, StringConstraints(max_length=40)]


class Dispatched(Reading):
    workflow_run_id: Id


class WorkflowRun(Reading):
    """A workflow run in its newest attempt."""

    id: Id
    run_attempt: Annotated[int, Field(ge=1)] = 1
    event: Annotated[str, StringConstraints(max_length=100)]
    status: Annotated[str, StringConstraints(max_length=40)] | None
    conclusion: Annotated[str, StringConstraints(max_length=40)] | None
    head_branch: RefName | None
    head_sha: Sha
    display_title: ShortText
    created_at: AwareDatetime
    actor: Account | None = None


class WorkflowRunPage(Reading):
    total_count: Annotated[int, Field(ge=0)]
    workflow_runs: list[WorkflowRun] = Field(max_length=100)


class Artifact(Reading):
    id: Id
    name: ShortText
    size_in_bytes: Annotated[int, Field(ge=0)]
    expired: bool


class ArtifactPage(Reading):
    total_count: Annotated[int, Field(ge=0)]
    artifacts: list[Artifact] = Field(max_length=100)


class CreatedDeployment(Reading):
    id: Id
    sha: Sha


class Deployment(Reading):
    """A deployment as listed; GitHub gives `payload` back as an object or as the text of one."""

    id: Id
    sha: Sha
    payload: object
    creator: Account | None
    performed_via_github_app: App | None = None


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


class DeploymentStatusOf(Reading):
    """What somebody says of a deployment."""

    id: Id
    state: Annotated[str, StringConstraints(max_length=40)]
    creator: Account | None
    performed_via_github_app: App | None = None


class DeploymentStatus(Reading):
    state: Annotated[str, StringConstraints(max_length=40)]
    description: ShortText | None


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
CHECK_RUN: Final = TypeAdapter(WrittenCheckRun)
CHECK_RUNS: Final = TypeAdapter(CheckRunPage)
STANDING_CHECK_RUNS: Final = TypeAdapter(StandingCheckRunPage)
COMBINED_STATUS: Final = TypeAdapter(CombinedStatusPage)
BRANCH_RULES: Final = TypeAdapter(list[BranchRule])
PROTECTED_BRANCH: Final = TypeAdapter(ProtectedBranch)
WORKFLOW: Final = TypeAdapter(Workflow)
DISPATCHED: Final[TypeAdapter[Dispatched | None]] = TypeAdapter(Dispatched | None)
WORKFLOW_RUN: Final = TypeAdapter(WorkflowRun)
WORKFLOW_RUNS: Final = TypeAdapter(WorkflowRunPage)
ANYTHING: Final = TypeAdapter(object)
"""Of an answer whose body says nothing: that it came is all that matters."""
ARTIFACTS: Final = TypeAdapter(ArtifactPage)
CREATED_DEPLOYMENT: Final = TypeAdapter(CreatedDeployment)
DEPLOYMENTS: Final = TypeAdapter(list[Deployment])
DEPLOYMENT_STATUSES_OF: Final = TypeAdapter(list[DeploymentStatusOf])
DEPLOYMENT_STATUSES: Final = TypeAdapter(list[DeploymentStatus])
