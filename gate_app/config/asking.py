"""The keys below `approval`: whom a gate asks, when, for how long, and what may be set before a deployment.

Rules of the file: those of `models`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from gate_app.config.fields import (
    LESS_THAN_PATTERN,
    MAX_COUNT,
    MAX_LINES,
    MAX_NAMES,
    MAX_PARAMETERS,
    MAX_RULES,
    MORE_POINTS_PATTERN,
    MORE_THAN_PATTERN,
    Clock,
    Holidays,
    Login,
    Names,
    Organisation,
    ParameterName,
    ParameterNumber,
    PathGlobs,
    Patience,
    Patterns,
    Reminders,
    Role,
    Sentence,
    Team,
    WeekDay,
    Word,
    ZoneName,
    exactly,
)
from gate_app.config.shape import Strict
from gate_app.domain.parameters import Parameter
from gate_app.domain.policy import ApproverLine, Permission


def _steps_form(value: object) -> str:
    return "long" if isinstance(value, list | tuple) else "word"


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

    same_content: Literal["void", "keep"] = "void"
    """What becomes of approvals when a push leaves the content as it was, such as a rebase: `void`, or `keep`."""

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
