"""The keys of an environment: what deploys there and when not, what watches it, who goes back and who overrides.

Rules of the file: those of `models`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from gate_app.config.asking import (
    ApprovalModel,
    ApproverLineModel,
)
from gate_app.config.fields import (
    MAX_LINES,
    MAX_NAMES,
    MAX_RULES,
    Command,
    CronText,
    Days,
    Holidays,
    Login,
    MetricText,
    Name,
    Names,
    PathGlobs,
    ProbeInterval,
    ProbeUrl,
    RouteWord,
    Sentence,
    SoakTime,
    Team,
    Timeout,
    WatchTime,
    WindowTime,
    WorkflowFile,
    ZoneName,
)
from gate_app.config.shape import Nothing, Strict, form_of


class GrantModel(Strict):
    """Who may redeem the grant, besides what holds for every job."""

    workflow: WorkflowFile | None = None
    """File name of the one workflow whose jobs may redeem it; without it every workflow of the default branch."""


class RouteModel(Strict):
    """How a deployment happens once its gate is open: exactly one route."""

    grant: GrantModel | None = None
    """Whoever redeems the single-use grant deploys."""

    workflow: WorkflowFile | None = None
    """File name of a workflow that is dispatched from the default branch with `sha` and `gate` as inputs."""

    deployment: Nothing | None = None
    """A GitHub deployment is created; others react to it and set its statuses."""

    protection_rule: Nothing | None = None
    """GitHub holds the job that names this environment, and is given the answer."""

    command: Command | None = None
    """Shell command, run in the unpacked commit with GATE_ENVIRONMENT, GATE_SHA and GATE_RELEASE set; for
    `gate-app try` and trusted private hosts only."""

    timeout: Timeout = "30m"
    """How long a `command` may run before the deployment has failed; 1s to 6h."""


class FreezeModel(Strict):
    """One window in which nothing is released: a span on the clock, or public holidays."""

    cron: CronText | None = None
    """When the span begins: minute, hour, day, month, weekday, in `timezone`. Together with `duration`."""

    duration: WindowTime | None = None
    """How long the span is; 1m to 60d."""

    holidays: Holidays | None = None
    """Public holidays of a country, `DE`, or of a region of it, `DE-BY`."""

    timezone: ZoneName
    """Time zone of the IANA database, such as `Europe/Berlin`."""

    exceptions: Days | None = None
    """Days on which this window does not hold: `2026-12-27`."""

    reason: Sentence | None = None
    """Why; shown to everybody who waits."""


class ProbeModel(Strict):
    """What is asked while a release is watched: exactly one of `http` and `prometheus`."""

    http: ProbeUrl | None = None
    """Address that is asked with GET; 2xx is healthy, three bad answers in a row are a breach."""

    prometheus: MetricText | None = None
    """A query and what each of its numbers has to be: `error_rate < 0.01`. Three times not so in a row is a breach;
    no answer and no data are neither health nor a breach."""

    every: ProbeInterval = "30s"
    """How often it is asked; 1s to 1h."""


class MonitorModel(Strict):
    """How a release is watched before it counts as healthy."""

    duration: Annotated[WatchTime, Field(alias="for")]
    """How long the probes run; 1s to 24h. The environment takes no other release meanwhile."""

    probes: Annotated[tuple[ProbeModel, ...], Field(min_length=1, max_length=20)]
    """What is asked; any of them can breach."""

    on_breach: Literal["propose_rollback", "rollback", "notify"] = "propose_rollback"
    """What a breach leads to: the release has failed, and a person is asked whether to go back
    (`propose_rollback`), it is gone back at once (`rollback`), or people are told (`notify`)."""


class RollbackModel(Strict):
    """What holds for a way back to what was healthy there before."""

    approvers: Annotated[tuple[ApproverLineModel, ...], Field(min_length=1, max_length=MAX_LINES)]
    """Lines that must all be met, by different people; whoever asks for the way back does not count."""


class OverrideModel(Strict):
    """Who may release without what the gate asks for; each key is one more condition on them."""

    users: Annotated[tuple[Login, ...], Field(min_length=1, max_length=MAX_NAMES)] | None = None
    """Logins, without `@`; whoever overrides is one of them."""

    teams: Annotated[tuple[Team, ...], Field(min_length=1, max_length=MAX_NAMES)] | None = None
    """Teams as `organisation/slug`; whoever overrides is a member of one of them."""

    self_approval: bool = False
    """Whether contributors may override the gate of their own change."""


class EnvironmentModel(Strict):
    """One place that deployments go to, and what its gate requires; `{}` is a safe gate."""

    origin: Annotated[Literal["default_branch", "pull_request", "command"], Field(alias="from")] = (
        "default_branch"
    )
    """What is deployed: each new commit on the default branch, the head of an open pull request, or, with
    `command`, only what somebody asks for with `/deploy`."""

    needs: Names | None = None
    """Stages that must have passed. Without it: every stage that does not merely verify a deployment, or all
    checks on the commit when the file has no such stage."""

    after: Name | None = None
    """The environment in which the same content must be deployed and healthy first."""

    approval: ApprovalModel = ApprovalModel()
    """Who is asked before a deployment."""

    deploy: Annotated[
        Annotated[RouteWord, Tag("word")] | Annotated[RouteModel, Tag("long")],
        Discriminator(form_of),
    ] = "grant"
    """How a deployment happens once the gate is open; a route without settings may be written as its name."""

    paths: PathGlobs | None = None
    """Globs; a change that touches none of them, compared with what the environment runs today, skips it,
    visibly. `**` crosses folders, `!` takes away. Without it every change counts."""

    soak: SoakTime | None = None
    """How long the content has to have been healthy in the environment of `after` before anybody is asked;
    1m to 30d."""

    freeze: Annotated[tuple[FreezeModel, ...], Field(min_length=1, max_length=MAX_RULES)] | None = None
    """Windows in which nothing is released. People may approve ahead; the release goes out when the freeze ends."""

    monitor: MonitorModel | None = None
    """Watches a release after `verify` and before it counts as healthy."""

    rollback: RollbackModel | None = None
    """Who answers for a way back; without it the same people as for a release."""

    shadow: Annotated[bool, Field(strict=True)] = False
    """Judges and records, and holds, asks and releases nothing: the check run says what would have happened."""

    override: OverrideModel | None = None
    """Who may override the gate with a reason, in an emergency; without it nobody."""

    verify: Names | None = None
    """Stages that run after the deployment; it is healthy once they have passed."""
