"""What we read from GitHub about checks, statuses and which of them a branch requires: its answers, as in `answers`."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AwareDatetime, Field, StringConstraints, TypeAdapter

from gate_app.github.fields import App, Id, Reading, RefName, ShortText


class WrittenOutput(Reading):
    annotations_count: Annotated[int, Field(ge=0)] | None = None


class WrittenCheckRun(Reading):
    """What was written, and how many annotations it carries by now."""

    id: Id
    output: WrittenOutput = WrittenOutput()


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


CHECK_RUN: Final = TypeAdapter(WrittenCheckRun)
CHECK_RUNS: Final = TypeAdapter(CheckRunPage)
STANDING_CHECK_RUNS: Final = TypeAdapter(StandingCheckRunPage)
COMBINED_STATUS: Final = TypeAdapter(CombinedStatusPage)
BRANCH_RULES: Final = TypeAdapter(list[BranchRule])
PROTECTED_BRANCH: Final = TypeAdapter(ProtectedBranch)
