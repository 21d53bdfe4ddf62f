"""The shapes of the control API's answers, shared by the stand-in and its client."""

from __future__ import annotations

from typing import TypedDict


class PersonState(TypedDict):
    """An account."""

    id: int
    login: str
    type: str
    deleted: bool


class RepositoryState(TypedDict):
    """A repository, its branches and who may do what."""

    id: int
    full_name: str
    default_branch: str
    branches: dict[str, str]
    collaborators: dict[str, str]


class PullState(TypedDict):
    """A pull request."""

    repository: str
    number: int
    state: str
    merged: bool
    title: str
    body: str | None
    author: str
    head_ref: str
    head_sha: str
    base_ref: str
    base_sha: str
    merge_commit_sha: str | None


class ReactionState(TypedDict):
    """A reaction to a comment."""

    login: str
    content: str


class CommentState(TypedDict):
    """A comment; `via_app` is the App's slug, if one wrote it."""

    id: int
    repository: str
    number: int
    login: str
    via_app: str | None
    body: str
    created_at: str
    updated_at: str
    reactions: list[ReactionState]


class CheckRunState(TypedDict):
    """A check run."""

    id: int
    repository: str
    suite_id: int
    app: str
    name: str
    head_sha: str
    external_id: str
    status: str
    conclusion: str | None
    title: str | None
    summary: str | None
    text: str | None
    details_url: str | None
    started_at: str
    completed_at: str | None
    actions: list[dict[str, str]]
    annotations: list[dict[str, object]]


class WorkflowRunState(TypedDict):
    """A workflow run in its newest attempt, with the state of each job: its conclusion, else its status."""

    id: int
    repository: str
    file_name: str
    name: str
    number: int
    attempt: int
    head_branch: str
    head_sha: str
    inputs: dict[str, str]
    actor: str
    status: str
    conclusion: str | None
    jobs: dict[str, str]


class DeploymentStatusState(TypedDict):
    """A deployment status."""

    id: int
    state: str
    description: str
    environment: str
    environment_url: str
    log_url: str
    created_at: str


class DeploymentState(TypedDict):
    """A deployment with its statuses, oldest first."""

    id: int
    repository: str
    sha: str
    ref: str
    task: str
    environment: str
    description: str | None
    payload: object
    creator: str
    created_at: str
    statuses: list[DeploymentStatusState]


class DeliveryState(TypedDict):
    """A webhook delivery."""

    id: int
    guid: str
    event: str
    action: str | None
    redelivery: bool
    pending: bool
    status: str
    status_code: int


class IssueState(TypedDict):
    """An issue."""

    repository: str
    number: int
    state: str
    title: str
    body: str
    login: str


class Snapshot(TypedDict):
    """Everything at one instant."""

    people: list[PersonState]
    repositories: list[RepositoryState]
    pulls: list[PullState]
    comments: list[CommentState]
    issues: list[IssueState]
    check_runs: list[CheckRunState]
    workflow_runs: list[WorkflowRunState]
    deployments: list[DeploymentState]
    deliveries: list[DeliveryState]
    installations: list[int]
    change: int


class RequestState(TypedDict):
    """A recorded API call; `identity` is app, installation, git or anonymous."""

    id: int
    at: str
    method: str
    path: str
    query: str
    identity: str
    permissions: dict[str, str]
    api_version: str | None
    status: int
    fault: str | None


class ChangeState(TypedDict):
    """An entry of the feed of changes."""

    id: int
    at: str
    kind: str
    facts: dict[str, object]


class Registered(TypedDict):
    """A registered App; the private key is there only if the stand-in generated it."""

    app_id: int
    client_id: str
    slug: str
    bot_user_id: int
    bot_login: str
    installation_id: int
    private_key_pem: str | None


class Committed(TypedDict):
    """A commit made through the control API."""

    sha: str
    tree: str


class Quiet(TypedDict):
    """Whether every webhook was sent in time."""

    quiet: bool
    pending: int
