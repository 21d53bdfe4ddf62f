"""What we ask GraphQL and read from its answers: fixed texts with variables, and exactly the fields used.

Rules of the file: the same as in `answers`. A list is whole or the answer is none; what GitHub leaves out as `null`
where it could also mean "not for you" is no answer either.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Final, Generic, Literal, TypeVar

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints, TypeAdapter, model_validator
from pydantic.alias_generators import to_camel

from gate_app.github.fields import Id, Reading, RefName, Sha, ShortText

MAX_LISTED: Final = 100
"""What GitHub lists at most at once (docs: node limit)."""
SIGHT: Final = """\
query Sight(
  $owner: String!, $name: String!, $sha: GitObjectID!, $file: String!, $ref: String!, $number: Int!,
  $pull: Boolean!, $branch: Boolean!, $rules: Boolean!
) {
  repository(owner: $owner, name: $name) {
    databaseId
    pushedAt
    defaultBranchRef {
      name
      target {
        ... on Commit {
          file(path: $file) { mode type oid object { ... on Blob { isTruncated text } } }
        }
      }
    }
    pullRequest(number: $number) @include(if: $pull) {
      number state merged updatedAt headRefOid baseRefName
      labels(first: 100) { totalCount nodes { name } }
    }
    ref(qualifiedName: $ref) {
      name
      target @include(if: $branch) {
        oid
        ... on Commit {
          associatedPullRequests(first: 20) {
            totalCount
            nodes {
              number mergedAt headRefOid headRefName baseRefOid baseRefName
              mergeCommit { oid }
              baseRepository { databaseId }
              labels(first: 100) { totalCount nodes { name } }
            }
          }
        }
      }
      rules(first: 100) @include(if: $rules) {
        totalCount
        nodes {
          type
          parameters {
            ... on RequiredStatusChecksParameters { requiredStatusChecks { context integrationId } }
          }
        }
      }
    }
    object(oid: $sha) {
      oid
      ... on Commit {
        checkSuites(first: 100) {
          totalCount
          nodes {
            databaseId
            app { databaseId }
            checkRuns(first: 100, filterBy: {checkType: ALL}) {
              totalCount
              nodes { databaseId name status conclusion startedAt deployment { environment } }
            }
          }
        }
        status { contexts { context state createdAt } }
      }
    }
  }
}
"""
"""What stands on a commit, where its pull request or branch is, and the gate file of the default branch."""
Word = Annotated[str, StringConstraints(max_length=100)]
Item = TypeVar("Item")


class Node(Reading):
    """The base of everything read from GraphQL, whose names are written in camel case."""

    model_config = ConfigDict(alias_generator=to_camel, defer_build=True)  # built when it is first read


class Listed(Node, Generic[Item]):
    """A list from its beginning, which has to be all of it."""

    total_count: Annotated[int, Field(ge=0)]
    nodes: list[Item] = Field(max_length=MAX_LISTED)

    @model_validator(mode="after")
    def _whole(self) -> Listed[Item]:
        if self.total_count != len(self.nodes):
            raise ValueError("more than is listed at once")
        return self


class SaidError(Node):
    """Why GitHub does not answer; other fields vary."""

    type: ShortText | None = None
    message: ShortText = ""


class Outcome(Reading):
    """Whether GitHub answered at all: with `errors`, what else is there is no answer."""

    errors: list[SaidError] | None = Field(default=None, max_length=1_000)

    @property
    def said(self) -> str:
        return " ".join(f"{error.type} {error.message}" for error in self.errors or ())


class SeenBlob(Node):
    is_truncated: bool
    text: Annotated[str, StringConstraints(max_length=2_097_152)] | None


class SeenFile(Node):
    """What lies at a path: `mode` is git's, as a number."""

    mode: int
    type: Word
    oid: Sha
    object: SeenBlob


class DefaultTip(Node):
    file: SeenFile


class DefaultRef(Node):
    name: RefName
    target: DefaultTip


class SeenLabel(Node):
    name: ShortText


class SeenPull(Node):
    number: Id
    state: Literal["OPEN", "CLOSED", "MERGED"]
    merged: bool
    updated_at: AwareDatetime
    head_ref_oid: Sha
    base_ref_name: RefName
    labels: Listed[SeenLabel]


class Numbered(Node):
    database_id: Id


class Commitish(Node):
    oid: Sha


class PullOfTip(Node):
    """A pull request that a commit of a branch belongs to."""

    number: Id
    merged_at: AwareDatetime | None
    head_ref_oid: Sha
    head_ref_name: RefName
    base_ref_oid: Sha
    base_ref_name: RefName
    merge_commit: Commitish | None
    base_repository: Numbered | None
    labels: Listed[SeenLabel]


class BranchTip(Node):
    oid: Sha
    associated_pull_requests: Listed[PullOfTip]


class RequiredContext(Node):
    context: ShortText
    integration_id: int | None


class RuleParameters(Node):
    required_status_checks: list[RequiredContext] | None = Field(default=None, max_length=1_000)


class SeenRule(Node):
    type: Word
    parameters: RuleParameters | None


class SeenRef(Node):
    name: RefName
    target: BranchTip | None = None
    rules: Listed[SeenRule] | None = None


class JobsDeployment(Node):
    environment: ShortText


class SeenCheckRun(Node):
    database_id: Id
    name: ShortText
    status: Word
    conclusion: Word | None
    started_at: AwareDatetime | None
    deployment: JobsDeployment | None


class SeenSuite(Node):
    database_id: Id
    app: Numbered | None
    check_runs: Listed[SeenCheckRun]


class SeenContext(Node):
    context: ShortText
    state: Word
    created_at: AwareDatetime


class SeenStatus(Node):
    contexts: list[SeenContext] = Field(max_length=1_000)


class SeenCommit(Node):
    oid: Sha
    check_suites: Listed[SeenSuite]
    status: SeenStatus | None


class SeenRepository(Node):
    database_id: Id
    pushed_at: AwareDatetime | None
    default_branch_ref: DefaultRef
    pull_request: SeenPull | None = None
    ref: SeenRef | None
    object: SeenCommit


class Sighted(Node):
    repository: SeenRepository


class SightAnswer(Node):
    data: Sighted


GRAPHQL_OUTCOME: Final = TypeAdapter(Outcome)


@cache
def sight_answer() -> TypeAdapter[SightAnswer]:
    """The shape of the answer to `SIGHT`."""
    return TypeAdapter(SightAnswer)
