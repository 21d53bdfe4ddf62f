"""The shape of `.github/gate.yml`: every key, its type, its bounds and what it means.

Rules of the file: `fields` say what one value may look like, `rules` what values mean together; nothing is
coerced (a number is never text) and nothing unknown is kept (case 90); every text and list has a bound.
The text under a key is its documentation: it travels into the JSON Schema that editors show.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from gate_app.config.fields import (
    LESS_THAN_PATTERN,
    MAX_COUNT,
    MAX_ENVIRONMENTS,
    MAX_LINES,
    MAX_NAMES,
    MAX_PARAMETERS,
    MAX_RULES,
    MAX_STAGES,
    MORE_POINTS_PATTERN,
    MORE_THAN_PATTERN,
    Channels,
    CheckNames,
    CheckWord,
    Clock,
    Command,
    CronText,
    Days,
    Holidays,
    Login,
    MetricText,
    Name,
    Names,
    Organisation,
    ParameterName,
    ParameterNumber,
    PathGlobs,
    Patience,
    Patterns,
    ProbeInterval,
    ProbeUrl,
    Reminders,
    ReportGlob,
    Role,
    RouteWord,
    Sentence,
    SoakTime,
    Team,
    Timeout,
    WatchTime,
    WeekDay,
    WindowTime,
    Word,
    WorkflowFile,
    ZoneName,
    exactly,
)
from gate_app.domain.parameters import Parameter
from gate_app.domain.policy import ApproverLine, Permission


def _form(value: object) -> str:
    return "word" if isinstance(value, str) else "long"


def _steps_form(value: object) -> str:
    return "long" if isinstance(value, list | tuple) else "word"


class Strict(BaseModel):
    """What all models share: exact types, no unknown keys, values that never change."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)


class Nothing(Strict):
    """A route without settings: `{}`."""


class FailWhenModel(Strict):
    """What in a scan's report holds a gate."""

    new_findings: Literal["critical", "high", "medium", "low"]
    """New findings of this severity or above hold the gate. New means: not in what the environment runs
    today; while nothing runs there, all findings are new."""


class StageModel(Strict):
    """One automated piece of work: exactly one of `checks`, `workflow` and `command`."""

    checks: (
        Annotated[
            Annotated[CheckWord, Tag("word")] | Annotated[CheckNames, Tag("long")],
            Discriminator(_form),
        ]
        | None
    ) = None
    """Check runs of others on the head SHA that must be green: `required` (by the branch's rules), `all`, or
    a list of names or globs. At least one must match; our own never count."""

    workflow: WorkflowFile | None = None
    """File name of a workflow that is dispatched on the head branch and followed."""

    command: Command | None = None
    """Shell command that is run on the head SHA, isolated."""

    junit: ReportGlob | None = None
    """Where the JUnit reports are, relative to the repository. With a report, the report decides."""

    sarif: ReportGlob | None = None
    """Where the SARIF reports are, relative to the repository. With a report, the report decides."""

    coverage: ReportGlob | None = None
    """Where the coverage reports are, Cobertura or LCOV, relative to the repository. They measure and fail nothing."""

    timeout: Timeout = "30m"
    """How long a `command` may run before it is stopped and the stage is unknown; 1s to 6h."""

    fail_when: FailWhenModel | None = None
    """What in the SARIF report holds the gates that need this stage."""


class ApproverLineModel(Strict):
    """One requirement on the people who approve: all keys of a line must hold for each of them, or parts."""

    users: Annotated[tuple[Login, ...], Field(min_length=1, max_length=MAX_NAMES)] | None = None
    """Logins, without `@`; each approver of this line is one of them."""

    teams: Annotated[tuple[Team, ...], Field(min_length=1, max_length=MAX_NAMES)] | None = None
    """Teams as `organisation/slug`; each approver of this line is a member of one of them."""

    organisations: Annotated[tuple[Organisation, ...], Field(min_length=1, max_length=MAX_NAMES)] | None = (
        None
    )
    """Organisations; each approver of this line is a member of one of them: the one that owns the repository."""

    roles: Annotated[tuple[Role, ...], Field(min_length=1, max_length=MAX_NAMES)] | None = None
    """Repository roles, custom ones included; each approver of this line has exactly one of them."""

    codeowners: Annotated[Literal[True], exactly(bool, "write `codeowners: true`")] | None = None
    """The owners of the files that change, by CODEOWNERS on the default branch: each set of them is answered for."""

    permission: Literal["read", "triage", "write", "maintain", "admin"] | None = None
    """The repository role that each approver of this line has at least."""

    count: Annotated[int, Field(ge=1, le=MAX_COUNT)] = 1
    """How many different people."""

    any_of: Annotated[tuple[ApproverLineModel, ...], Field(min_length=1, max_length=MAX_LINES)] | None = None
    """Lines of which one is enough; nothing else stands beside it."""

    all_of: Annotated[tuple[ApproverLineModel, ...], Field(min_length=1, max_length=MAX_LINES)] | None = None
    """Lines that must all be met, by different people; nothing else stands beside it."""

    @property
    def parts(self) -> tuple[ApproverLineModel, ...]:
        """The lines that it is made of; empty for a line with keys of its own."""
        return (*(self.any_of or ()), *(self.all_of or ()))

    def declared(self) -> ApproverLine:
        """What it means."""
        return ApproverLine(
            self.users or (),
            self.teams or (),
            Permission.of_role(self.permission) if self.permission else Permission.NONE,
            self.count,
            organisations=self.organisations or (),
            roles=self.roles or (),
            codeowners=self.codeowners or False,
            any_of=tuple(part.declared() for part in self.any_of or ()),
            all_of=tuple(part.declared() for part in self.all_of or ()),
        )


class WorkingHoursModel(Strict):
    """When people can be expected to answer."""

    days: Annotated[tuple[WeekDay, ...], Field(min_length=1, max_length=7)] = (
        "mon",
        "tue",
        "wed",
        "thu",
        "fri",
    )
    """Working days: `mon` to `sun`."""

    begins: Annotated[Clock, Field(alias="from")] = "09:00"
    """When a working day begins, on the clock of `timezone`."""

    ends: Annotated[Clock, Field(alias="to")] = "17:00"
    """When it ends, at most `24:00`."""

    timezone: ZoneName
    """Time zone of the IANA database, such as `Europe/Berlin`."""

    holidays: Holidays | None = None
    """A country, `DE`, or a region of it, `DE-BY`, whose public holidays are no working days."""


class EscalationModel(Strict):
    """One rule: it fires when everything it names holds, or cannot be told."""

    paths: PathGlobs | None = None
    """Globs; holds when a changed file fits, compared with what the environment runs today."""

    lines_changed: Annotated[str, Field(pattern=MORE_THAN_PATTERN)] | None = None
    """`> 400`: more added and removed lines than that."""

    new_findings: Literal["critical", "high", "medium", "low"] | None = None
    """A finding of this severity or above that what the environment runs today does not have."""

    skipped_tests: Annotated[str, Field(pattern=MORE_THAN_PATTERN)] | None = None
    """`> 0`: more skipped tests than that."""

    failed_tests: Annotated[str, Field(pattern=MORE_THAN_PATTERN)] | None = None
    """`> 0`: more failed tests than that, in stages that the environment does not need."""

    flaky_tests: Annotated[str, Field(pattern=MORE_THAN_PATTERN)] | None = None
    """`> 0`: more tests than that both failed and passed."""

    coverage_drop: Annotated[str, Field(pattern=MORE_POINTS_PATTERN)] | None = None
    """`> 0.5`: so many points of percent fewer lines covered than what the environment runs today was released with."""

    removed_tests: Annotated[str, Field(pattern=MORE_THAN_PATTERN)] | None = None
    """`> 0`: so many fewer tests than what the environment runs today was released with."""

    not_passed: Names | None = None
    """Stages that the environment does not need; holds when one of them has failed or came to no verdict."""

    changes: (
        Annotated[
            tuple[Literal["dependencies", "workflows", "policy"], ...], Field(min_length=1, max_length=3)
        ]
        | None
    ) = None
    """Kinds of files; holds when one of them changes, compared with what the environment runs today."""

    confidence: Annotated[str, Field(pattern=LESS_THAN_PATTERN)] | None = None
    """`< 0.8`: the lowest confidence that the commits state (`Confidence: 0.9`, a line of its own) is below that, or
    one of them states none."""

    outside_hours: WorkingHoursModel | None = None
    """Hours; holds at any other time."""

    author_is: Literal["bot", "new"] | None = None
    """`bot`: the change was not made by a person. `new`: nothing of its author has been healthy here yet."""

    authors: Annotated[tuple[Login, ...], Field(min_length=1, max_length=MAX_NAMES)] | None = None
    """Logins; holds when the author of the change is one of them."""

    labels: Patterns | None = None
    """Patterns (`*`, `?`); holds when a label of the pull request fits. Without a pull request: holds."""

    title: Patterns | None = None
    """Patterns; holds when the title fits, as it was when its commit was first seen."""

    branch: Patterns | None = None
    """Patterns; holds when the branch of the head fits. A branch of a fork: holds."""

    base: Patterns | None = None
    """Patterns; holds when the branch that the change goes to fits."""

    approvers: Annotated[tuple[ApproverLineModel, ...], Field(min_length=1, max_length=MAX_LINES)] | None = (
        None
    )
    """Lines that must be met too when this rule fires, beside those of the environment."""

    block: Sentence | None = None
    """A reason; when this rule fires, nothing is released, whoever approves."""


class StepModel(Strict):
    """One step of the ladder: who may answer too, once a question has waited that long."""

    after: Patience
    """How long the question has waited, inside `working_hours` where there are any; 1m to 30d."""

    users: Annotated[tuple[Login, ...], Field(min_length=1, max_length=MAX_NAMES)] | None = None
    """Logins, without `@`; any of them may answer from then on."""

    teams: Annotated[tuple[Team, ...], Field(min_length=1, max_length=MAX_NAMES)] | None = None
    """Teams as `organisation/slug`; any member may answer from then on."""

    permission: Literal["triage", "write", "maintain", "admin"] | None = None
    """The repository role that whoever answers by this step has at least."""


class ParameterModel(Strict):
    """A value that people may set before a deployment."""

    type: Literal["choice", "integer", "boolean", "string"]
    """`choice` of `options`, whole number, `true` or `false`, or a word of letters, digits and `._/@:+-`."""

    default: str | int | bool
    """The value while nobody sets another one."""

    options: Annotated[tuple[Word, ...], Field(min_length=1, max_length=MAX_NAMES)] | None = None
    """What a `choice` is among."""

    minimum: ParameterNumber | None = None
    """The smallest `integer`."""

    maximum: ParameterNumber | None = None
    """The largest `integer`."""

    def declared(self, name: str) -> Parameter:
        """What it declares; its default is written as people write a value."""
        default = str(self.default)
        default = default.lower() if isinstance(self.default, bool) else default
        return Parameter(name, self.type, default, self.options or (), self.minimum, self.maximum)


class ApprovalModel(Strict):
    """Who is asked before a deployment, and for how long."""

    mode: Literal["always", "escalate", "never"] = "always"
    """`always` asks a person; `escalate` only when a rule of `escalate_when` fires; `never` goes on by itself when
    everything needed is green. Both of the latter say so."""

    escalate_when: (
        Annotated[tuple[EscalationModel, ...], Field(min_length=1, max_length=MAX_RULES)] | None
    ) = None
    """Rules; any of them that fires asks the approvers."""

    approvers: Annotated[tuple[ApproverLineModel, ...], Field(min_length=1, max_length=MAX_LINES)] | None = (
        None
    )
    """Lines that must all be met, by different people. Without it: one person with write permission."""

    self_approval: Annotated[bool, exactly(bool, "write `self_approval: false`")] = False
    """Whether contributors may approve their own change; each time it is an exception, said and journalled."""

    contributors: Literal["head", "shipped"] = "head"
    """Who is a contributor and so never counts: who changed the content of the `head`, or of anything that ships."""

    delegates: Annotated[tuple[ApproverLineModel, ...], Field(min_length=1, max_length=MAX_LINES)] | None = (
        None
    )
    """Lines of people who may answer for an approver who delegated to them. Without it: nobody."""

    parameters: (
        Annotated[dict[ParameterName, ParameterModel], Field(min_length=1, max_length=MAX_PARAMETERS)] | None
    ) = None
    """What people may set with `/modify`, by name; the deployment is told the values."""

    expires_after: Patience = "48h"
    """How long the question stays open before it is denied; 1m to 30d."""

    remind_after: Reminders | None = None
    """When whoever can still answer is reminded, counted from the question, the soonest first; each once."""

    escalate_to: (
        Annotated[
            Annotated[StepModel, Tag("word")]
            | Annotated[tuple[StepModel, ...], Field(min_length=1, max_length=MAX_LINES), Tag("long")],
            Discriminator(_steps_form),
        ]
        | None
    ) = None
    """Who may answer too when nobody has, after how long: one step, or a list of them, the soonest first."""

    working_hours: WorkingHoursModel | None = None
    """The clocks of `remind_after` and `escalate_to` run only then; that of `expires_after` always runs."""

    approval_expires_after: Patience | None = None
    """How long an approval counts while the gate waits for something else; then it is asked anew; 1m to 30d."""


class RouteModel(Strict):
    """How a deployment happens once its gate is open: exactly one route."""

    grant: Nothing | None = None
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
        Discriminator(_form),
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


class PolicyModel(Strict):
    """Who answers for this file."""

    owners: Annotated[tuple[ApproverLineModel, ...], Field(min_length=1, max_length=MAX_LINES)]
    """Lines that must all be met, by different people, before a pull request may make this file looser
    (`/approve policy`)."""


class FileModel(Strict):
    """The gates of this repository, read from its default branch."""

    model_config = ConfigDict(title="Gate App configuration")

    version: Annotated[Literal[1], exactly(int, "write `version: 1`")]
    """The version of this format: 1."""

    stages: Annotated[dict[Name, StageModel], Field(min_length=1, max_length=MAX_STAGES)] | None = None
    """Automated work, by name."""

    environments: Annotated[dict[Name, EnvironmentModel], Field(min_length=1, max_length=MAX_ENVIRONMENTS)]
    """Places that deployments go to, by name; each has one gate. At least one."""

    policy: PolicyModel | None = None
    """Who lets a looser version of this file pass. Left out: its owners by CODEOWNERS on the default branch, else
    administrators of the repository."""

    notify: Channels | None = None
    """Names of channels that the operator of the app has configured: questions, reminders, escalations and decisions
    are told there too. Never addresses or secrets."""


ANY = "*"

MAX_NESTING = 3
"""How deep parts may be within a line."""


def _parts(line: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Where the parts of a line at that place are, and the parts of those."""
    for depth in range(1, MAX_NESTING + 1):
        for keys in product(("any_of", "all_of"), repeat=depth):
            yield (*line, *(step for key in keys for step in (key, ANY)))


PLACES: Mapping[tuple[str, ...], type[Strict]] = MappingProxyType(
    {
        (): FileModel,
        ("stages", ANY): StageModel,
        ("stages", ANY, "fail_when"): FailWhenModel,
        ("environments", ANY): EnvironmentModel,
        ("environments", ANY, "approval"): ApprovalModel,
        ("environments", ANY, "approval", "approvers", ANY): ApproverLineModel,
        ("environments", ANY, "approval", "working_hours"): WorkingHoursModel,
        ("environments", ANY, "approval", "escalate_when", ANY): EscalationModel,
        ("environments", ANY, "approval", "escalate_when", ANY, "approvers", ANY): ApproverLineModel,
        **dict.fromkeys(_parts(("environments", ANY, "approval", "approvers", ANY)), ApproverLineModel),
        **dict.fromkeys(
            _parts(("environments", ANY, "approval", "escalate_when", ANY, "approvers", ANY)),
            ApproverLineModel,
        ),
        ("environments", ANY, "approval", "delegates", ANY): ApproverLineModel,
        **dict.fromkeys(_parts(("environments", ANY, "approval", "delegates", ANY)), ApproverLineModel),
        ("environments", ANY, "approval", "parameters", ANY): ParameterModel,
        ("environments", ANY, "approval", "escalate_when", ANY, "outside_hours"): WorkingHoursModel,
        ("environments", ANY, "approval", "escalate_to"): StepModel,
        ("environments", ANY, "approval", "escalate_to", ANY): StepModel,
        ("environments", ANY, "deploy"): RouteModel,
        ("environments", ANY, "freeze", ANY): FreezeModel,
        ("environments", ANY, "monitor"): MonitorModel,
        ("environments", ANY, "rollback"): RollbackModel,
        ("environments", ANY, "override"): OverrideModel,
        ("environments", ANY, "rollback", "approvers", ANY): ApproverLineModel,
        ("environments", ANY, "monitor", "probes", ANY): ProbeModel,
        ("policy",): PolicyModel,
        ("policy", "owners", ANY): ApproverLineModel,
        **dict.fromkeys(_parts(("policy", "owners", ANY)), ApproverLineModel),
    }
)
"""Which model describes the keys at a path; ANY stands for one name or one list index."""

DESCRIBED: Mapping[type[Strict], tuple[str, ...]] = MappingProxyType(
    {model: path for path, model in reversed([*PLACES.items()])}
)
"""The first place of each model: where its keys are described."""


def keys_of(model: type[Strict]) -> tuple[str, ...]:
    """The keys as written in the file, in the order of the documentation."""
    return tuple(field.alias or name for name, field in model.model_fields.items())
