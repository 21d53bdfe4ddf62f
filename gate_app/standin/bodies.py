"""The request bodies of the REST API, with the limits GitHub puts on them.

Unknown and missing properties, wrong types and wrong lengths are refused with a 422. Shapes follow the
published OpenAPI description; the limits it does not state (`summary` and `text` in bytes, a conclusion for
what is completed, no `stale`) follow what GitHub itself enforces.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from gate_app.standin.checks import Report
from gate_app.standin.deployments import Outcome, Wanted
from gate_app.standin.errors import GitHubError
from gate_app.standin.state import timestamp
from gate_app.standin.statuses import Mark

MAX_OUTPUT_BYTES = 65_535
MAX_ANNOTATIONS = 50
MAX_ACTIONS = 3

Conclusion = Literal["action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out"]
Status = Literal["queued", "in_progress", "completed"]
_CODES = {"missing": "missing_field", "extra_forbidden": "unknown_field"}


class Body(BaseModel):
    """What every body has in common: nothing unknown, nothing converted, null only where it is said."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    NULLABLE: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _no_null(cls, given: object) -> object:
        for name, value in given.items() if isinstance(given, dict) else ():
            if value is None and name not in cls.NULLABLE:
                raise ValueError(f"For 'properties/{name}', nil is not allowed")
        return given


class Query(Body):
    """What GraphQL is asked."""

    NULLABLE: ClassVar[frozenset[str]] = frozenset({"variables", "operationName"})
    query: str
    variables: dict[str, Any] | None = None
    operationName: str | None = None  # noqa: N815 - GraphQL's name


B = TypeVar("B", bound=Body)


def parse(kind: type[B], raw: bytes) -> B:
    """The body of a request. Raises GitHub's 400 for what is no JSON object and 422 for what does not fit."""
    try:
        return kind.model_validate_json(raw)
    except ValidationError as problem:
        found = problem.errors(include_url=False, include_context=False, include_input=False)
    if found[0]["type"] == "json_invalid":
        raise GitHubError(400, "Problems parsing JSON")
    if found[0]["type"] == "model_type":
        raise GitHubError(400, "Body should be a JSON object")
    errors = [
        {
            "resource": kind.__name__,
            "field": ".".join(map(str, error["loc"])),
            "code": _CODES.get(error["type"], "custom"),
            "message": error["msg"],
        }
        for error in found
    ]
    raise GitHubError(422, f"Invalid request. {errors[0]['field']}: {errors[0]['message']}", errors)


def _within_bytes(text: str) -> str:
    if len(text.encode(errors="surrogatepass")) > MAX_OUTPUT_BYTES:
        raise ValueError(f"exceeds a maximum bytesize of {MAX_OUTPUT_BYTES}")
    return text


def _web_address(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError("must use http or https scheme")
    return text


Text = Annotated[str, AfterValidator(_within_bytes)]
Address = Annotated[str, AfterValidator(_web_address)]


class AccessToken(Body):
    """POST /app/installations/{id}/access_tokens"""

    repositories: list[str] | None = Field(None, max_length=500)
    repository_ids: list[int] | None = Field(None, max_length=500)
    permissions: dict[str, str] | None = None


class HookConfig(Body):
    """PATCH /app/hook/config"""

    url: Address | None = None
    content_type: Literal["json"] | None = None
    secret: str | None = None
    insecure_ssl: str | float | None = None


class NewIssue(Body):
    """POST an issue; the length of its title is judged where it is kept."""

    NULLABLE = frozenset({"body"})
    title: str | int
    body: str | None = None


class CommentText(Body):
    """POST a comment, PATCH a comment; the length is judged where the text is kept."""

    body: str


class NewReaction(Body):
    """POST …/reactions"""

    content: Literal["+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"]


class Annotation(Body):
    """An annotation of a check run."""

    path: str
    start_line: int
    end_line: int
    start_column: int | None = None
    end_column: int | None = None
    annotation_level: Literal["notice", "warning", "failure"]
    message: Text
    title: str | None = Field(None, max_length=255)
    raw_details: Text | None = None

    @model_validator(mode="after")
    def _columns_on_one_line(self) -> Annotation:
        if self.start_line != self.end_line and (self.start_column or self.end_column):
            raise ValueError("start_column and end_column need start_line and end_line to be the same")
        return self


class Image(Body):
    """An image of a check run."""

    alt: str
    image_url: Address
    caption: str | None = None


class Action(Body):
    """A button of a check run."""

    label: str = Field(max_length=20)
    description: str = Field(max_length=40)
    identifier: str = Field(max_length=20)


class Output(Body):
    """What an update says of a check run."""

    title: str | None = Field(None, max_length=255)
    summary: Text
    text: Text | None = None
    annotations: list[Annotation] = Field(default_factory=list, max_length=MAX_ANNOTATIONS)
    images: list[Image] = Field(default_factory=list)


class FirstOutput(Output):
    """What a new check run says, which must have a title."""

    title: str = Field(max_length=255)


class CheckRunUpdate(Body):
    """PATCH /repos/{owner}/{repo}/check-runs/{id}"""

    name: str | None = None
    details_url: Address | None = None
    external_id: str | None = None
    status: Status | None = None
    started_at: datetime | None = None
    conclusion: Conclusion | None = None
    completed_at: datetime | None = None
    output: Output | None = None
    actions: list[Action] | None = Field(None, max_length=MAX_ACTIONS)

    @model_validator(mode="after")
    def _completed_needs_conclusion(self) -> CheckRunUpdate:
        if self.status == "completed" and self.conclusion is None:
            raise ValueError("conclusion is required when status is completed")
        return self

    def report(self) -> Report:
        """What the check run is told."""
        output = self.output
        return Report(
            name=self.name,
            external_id=self.external_id,
            details_url=self.details_url,
            status=self.status,
            conclusion=self.conclusion,
            started_at=_time(self.started_at),
            completed_at=_time(self.completed_at),
            title=output.title if output else None,
            summary=output.summary if output else None,
            text=output.text if output else None,
            annotations=[a.model_dump() for a in output.annotations] if output else [],
            actions=None if self.actions is None else [action.model_dump() for action in self.actions],
        )


class NewCheckRun(CheckRunUpdate):
    """POST /repos/{owner}/{repo}/check-runs"""

    name: str
    head_sha: str = Field(pattern=r"^[0-9a-f]{40}$")
    output: FirstOutput | None = None


class NewCheckSuite(Body):
    """POST /repos/{owner}/{repo}/check-suites"""

    head_sha: str = Field(pattern=r"^[0-9a-f]{40}$")


class NewStatus(Body):
    """POST /repos/{owner}/{repo}/statuses/{sha}"""

    NULLABLE = frozenset({"target_url", "description"})
    state: Literal["error", "failure", "pending", "success"]
    target_url: Address | None = None
    description: str | None = Field(None, max_length=140)
    context: str = Field("default", min_length=1, max_length=255)

    def mark(self) -> Mark:
        """What is said of the commit."""
        return Mark(self.state, self.context, self.description, self.target_url)


class Dispatch(Body):
    """POST /repos/{owner}/{repo}/actions/workflows/{id}/dispatches"""

    ref: str
    inputs: dict[str, object] = Field(default_factory=dict)
    return_run_details: bool = False


class RuleReview(Body):
    """POST /repos/{owner}/{repo}/actions/runs/{id}/deployment_protection_rule"""

    environment_name: str
    state: Literal["approved", "rejected"] | None = None
    comment: str | None = None

    @model_validator(mode="after")
    def _says_something(self) -> RuleReview:
        if self.state is None and not self.comment:
            raise ValueError("a state or a comment is needed")
        return self


class Rerun(Body):
    """POST /repos/{owner}/{repo}/actions/runs/{id}/rerun"""

    enable_debug_logging: bool = False


class NewDeployment(Body):
    """POST /repos/{owner}/{repo}/deployments"""

    NULLABLE = frozenset({"description"})
    ref: str = Field(min_length=1)
    task: str = "deploy"
    auto_merge: bool = True
    required_contexts: list[str] | None = None
    payload: dict[str, object] | str = Field(default_factory=dict)
    environment: str = Field("production", min_length=1, max_length=255)
    description: str | None = None
    transient_environment: bool = False
    production_environment: bool | None = None

    def wanted(self) -> Wanted:
        """The deployment asked for."""
        return Wanted(
            ref=self.ref,
            task=self.task,
            environment=self.environment,
            description=self.description,
            payload=self.payload,
            required_contexts=self.required_contexts,
            auto_merge=self.auto_merge,
            transient_environment=self.transient_environment,
            production_environment=self.production_environment,
        )


class NewDeploymentStatus(Body):
    """POST /repos/{owner}/{repo}/deployments/{id}/statuses"""

    state: Literal["error", "failure", "inactive", "in_progress", "queued", "pending", "success"]
    target_url: str = ""
    log_url: str = ""
    description: str = Field("", max_length=140)
    environment: str | None = None
    environment_url: str = ""
    auto_inactive: bool = True

    def outcome(self) -> Outcome:
        """The status to be set; `log_url` has replaced `target_url`, which it also fills."""
        return Outcome(
            state=self.state,
            description=self.description,
            environment=self.environment,
            target_url=self.log_url or self.target_url,
            log_url=self.log_url or self.target_url,
            environment_url=self.environment_url,
            auto_inactive=self.auto_inactive,
        )


def _time(value: datetime | None) -> str | None:
    return timestamp(value) if value else None
