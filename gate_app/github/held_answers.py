"""What we read from GitHub about workflow runs whose jobs wait for a deployment: its answers, as in `answers`."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, StringConstraints, TypeAdapter

from gate_app.github.fields import Id, Reading, RefName, Sha

EnvironmentName = Annotated[str, StringConstraints(min_length=1, max_length=255)]
"""As GitHub has it: up to 255 characters, of any kind (case 108)."""


class RepositoryRef(Reading):
    id: Id


class PullRef(Reading):
    number: Id


class WaitingRun(Reading):
    """A workflow run; `head_repository` is null once a fork is gone."""

    id: Id
    run_attempt: Annotated[int, Field(ge=1)] = 1
    event: Annotated[str, StringConstraints(max_length=100)]
    status: Annotated[str, StringConstraints(max_length=40)] | None
    conclusion: Annotated[str, StringConstraints(max_length=40)] | None
    head_branch: RefName | None
    head_sha: Sha
    head_repository: RepositoryRef | None = None
    check_suite_id: Id = 1
    pull_requests: list[PullRef] = Field(default_factory=list, max_length=100)


class WaitingRef(Reading):
    id: Id


class WaitingPage(Reading):
    workflow_runs: list[WaitingRef] = Field(max_length=100)


class PendingEnvironment(Reading):
    name: EnvironmentName


class Pending(Reading):
    environment: PendingEnvironment


class Job(Reading):
    """A job of Actions; its id is that of its check run."""

    id: Id


class JobPage(Reading):
    total_count: Annotated[int, Field(ge=0)]
    jobs: list[Job] = Field(max_length=100)


WAITING_RUN: Final = TypeAdapter(WaitingRun)
WAITING_RUNS: Final = TypeAdapter(WaitingPage)
PENDING: Final[TypeAdapter[list[Pending]]] = TypeAdapter(Annotated[list[Pending], Field(max_length=1_000)])
JOBS: Final = TypeAdapter(JobPage)
