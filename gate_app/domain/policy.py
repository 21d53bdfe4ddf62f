"""What must hold for a gate to open, as values; where they come from is the `config` room's business.

Rules of the file: nothing here judges; a policy that could not be read is a `PolicyProblem`, never an empty
policy; empty means closed (case 93).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Literal

from gate_app.domain.evidence import Severity
from gate_app.domain.freezes import FreezeWindow
from gate_app.domain.kinds import KINDS
from gate_app.domain.model import LATER, Origin, Unknown
from gate_app.domain.ownership import Ownership
from gate_app.domain.parameters import Parameter
from gate_app.domain.probes import ProbeWork
from gate_app.domain.worktime import WorkingHours


class Permission(IntEnum):
    """Repository roles in order of power, by GitHub's `role_name`. Custom roles map to NONE (case 65)."""

    NONE = 0
    READ = 1
    TRIAGE = 2
    WRITE = 3
    MAINTAIN = 4
    ADMIN = 5

    @staticmethod
    def of_role(role_name: str) -> Permission:
        """The order of a `role_name`; an unknown one grants nothing."""
        return _ROLES.get(role_name, Permission.NONE)


_ROLES = {permission.name.lower(): permission for permission in Permission}


def reaches(permission: Permission, role: str) -> bool:
    """Whether somebody can at least read the repository: every custom role extends one that can (docs: roles)."""
    return permission >= Permission.READ or bool(role and role not in _ROLES)


@dataclass(frozen=True, slots=True)
class ApproverLine:
    """One requirement on approvers: keys are AND, members of a key are OR, `count` is in people (≥ 1).

    `users` are logins and `teams` are `org/slug`, as configured; they are compared as ids resolved live. `roles` are
    names of repository roles, custom ones included; none of them stands for a higher one. `codeowners` asks `owners`,
    who are known once there is something to deploy, and is never met by fewer than all sets of them. A line has either
    keys, or parts: one of `any_of`, or every one of `all_of`, by different people. `stand_ins` may take its places too,
    once the question was handed on to them (`ladder`); a gate file never says so of a line.
    """

    users: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    permission: Permission = Permission.NONE
    count: int = 1
    organisations: tuple[str, ...] = field(default=(), metadata=LATER)
    roles: tuple[str, ...] = field(default=(), metadata=LATER)
    codeowners: bool = field(default=False, metadata=LATER)
    owners: Ownership | Unknown = field(default=Unknown("owners_not_read"), metadata=LATER)
    any_of: tuple[ApproverLine, ...] = field(default=(), metadata=LATER)
    all_of: tuple[ApproverLine, ...] = field(default=(), metadata=LATER)
    stand_ins: tuple[StandIn, ...] = field(default=(), metadata=LATER)

    @property
    def parts(self) -> tuple[ApproverLine, ...]:
        """What it is made of; empty for a line with keys of its own."""
        return self.any_of or self.all_of

    @property
    def leaves(self) -> tuple[ApproverLine, ...]:
        """The lines with keys of their own: itself, or those within it."""
        return tuple(leaf for part in self.parts for leaf in part.leaves) if self.parts else (self,)

    def asking(self, owners: Ownership | Unknown) -> ApproverLine:
        """The line with the owners of what would change, itself or in its parts."""
        if self.codeowners:
            return replace(self, owners=owners)
        any_of, all_of = (
            tuple(each.asking(owners) for each in parts) for parts in (self.any_of, self.all_of)
        )
        return replace(self, any_of=any_of, all_of=all_of) if self.parts else self


@dataclass(frozen=True, slots=True)
class StandIn:
    """People who may answer in the place of others, with approvals that they gave since then."""

    line: ApproverLine
    since: datetime

    def holds_at(self, at: datetime) -> bool:
        """Whether it was their turn at a moment, which GitHub tells to the second."""
        return self.since.replace(microsecond=0) <= at


@dataclass(frozen=True, slots=True)
class LadderStep:
    """When a question has waited that long, the people of `line` may answer it too; their `count` says nothing."""

    after: timedelta
    line: ApproverLine


class ApprovalMode(StrEnum):
    """`ALWAYS` asks a person; `ESCALATE` only when a rule fires; `NEVER` goes on by itself. Both say so."""

    ALWAYS = "always"
    ESCALATE = "escalate"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class EscalationRule:
    """Fires when everything it names holds, or cannot be told; what it leaves empty it does not look at.

    A rule that fires asks the approver lines of its environment, and its own `lines` too, or, with `block`, holds
    the gate for that reason whoever answers. `paths` are globs over changed files, `labels`, `titles`, `branches` and
    `bases` patterns with `*` and `?`; `lines_over`, `skipped_over` and `removed_over` are what has to be exceeded.
    `changes` are names of `KINDS`, `not_passed` stages that are not needed, `confidence_below` is in thousandths;
    `failed_over` and `flaky_over` count tests, `coverage_over` is in thousandths of a percentage point.
    """

    paths: tuple[str, ...] = ()
    lines_over: int | None = None
    new_findings: Severity | None = None
    skipped_over: int | None = None
    author_is: Literal["", "bot", "new"] = ""
    authors: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    lines: tuple[ApproverLine, ...] = ()
    block: str = ""
    changes: tuple[str, ...] = field(default=(), metadata=LATER)
    not_passed: tuple[str, ...] = field(default=(), metadata=LATER)
    removed_over: int | None = field(default=None, metadata=LATER)
    confidence_below: int | None = field(default=None, metadata=LATER)
    outside: WorkingHours | None = field(default=None, metadata=LATER)
    failed_over: int | None = field(default=None, metadata=LATER)
    flaky_over: int | None = field(default=None, metadata=LATER)
    coverage_over: int | None = field(default=None, metadata=LATER)

    @property
    def globs(self) -> tuple[tuple[str, ...], ...]:
        """Every list of globs over changed files that it looks at."""
        return (*((self.paths,) if self.paths else ()), *(KINDS[kind] for kind in self.changes))

    @property
    def looks_at_evidence(self) -> bool:
        """Whether it turns on what the stages found that the gate needs."""
        numbers = (self.skipped_over, self.removed_over, self.flaky_over, self.coverage_over)
        return any(each is not None for each in (self.new_findings, *numbers))


@dataclass(frozen=True, slots=True)
class ApprovalPolicy:
    """Who must answer, when they are asked (`escalate_when`, with that mode), and until when.

    `expires_after` counts from the question; then denied. `parameters` are what people may set with `/modify`.
    `remind_after` and the steps of `escalate_to` count from the question too, the soonest first, inside the
    `working_hours` where there are any. `approval_expires_after` counts from each approval. With
    `keeps`, approvals may outlive a push that leaves the content as it was.
    """

    lines: tuple[ApproverLine, ...] = (ApproverLine(permission=Permission.WRITE),)
    mode: ApprovalMode = ApprovalMode.ALWAYS
    self_approval: bool = False
    expires_after: timedelta = timedelta(hours=48)
    escalate_when: tuple[EscalationRule, ...] = field(default=(), metadata=LATER)
    contributors: Literal["head", "shipped"] = field(default="head", metadata=LATER)
    delegates: tuple[ApproverLine, ...] = field(default=(), metadata=LATER)
    parameters: tuple[Parameter, ...] = field(default=(), metadata=LATER)
    remind_after: tuple[timedelta, ...] = field(default=(), metadata=LATER)
    escalate_to: tuple[LadderStep, ...] = field(default=(), metadata=LATER)
    working_hours: WorkingHours | None = field(default=None, metadata=LATER)
    approval_expires_after: timedelta | None = field(default=None, metadata=LATER)
    keeps: bool = field(default=False, metadata=LATER)

    def outlived(self, given: datetime, now: datetime) -> bool:
        """Whether an approval is too old to release anything; at its last instant it still counts."""
        return self.approval_expires_after is not None and now > given + self.approval_expires_after

    @property
    def every_line(self) -> tuple[ApproverLine, ...]:
        """The lines that are always asked, that a rule may add, to whom it may be handed on or delegated; with keys."""
        added = (line for rule in self.escalate_when for line in rule.lines)
        lines = (*self.lines, *added, *(step.line for step in self.escalate_to), *self.delegates)
        return tuple(leaf for line in lines for leaf in line.leaves)


@dataclass(frozen=True, slots=True)
class CommandWork:
    """A shell command that we run ourselves, isolated; report globs are relative to the worktree."""

    command: str
    junit: str | None = None
    sarif: str | None = None
    timeout: timedelta = timedelta(minutes=30)
    coverage: str | None = field(default=None, metadata=LATER)
    kind: Literal["command"] = "command"


Select = Literal["required", "all"] | tuple[str, ...]
"""Which checks: those that the base branch requires, all that are not ours, or names and globs."""


@dataclass(frozen=True, slots=True)
class ChecksWork:
    """Other people's check runs and commit statuses on the head."""

    select: Select = "all"
    kind: Literal["checks"] = "checks"


@dataclass(frozen=True, slots=True)
class WorkflowWork:
    """A workflow file that we dispatch on the head branch and follow."""

    workflow: str
    junit: str | None = None
    sarif: str | None = None
    coverage: str | None = field(default=None, metadata=LATER)
    kind: Literal["workflow"] = "workflow"

    @property
    def reports(self) -> bool:
        """Whether it leaves reports that are read once it has ended."""
        return any((self.junit, self.sarif, self.coverage))


Work = CommandWork | ChecksWork | WorkflowWork
"""What a stage of the file does."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One automated piece of work. `new_findings` is the severity at which new findings hold a gate."""

    name: str
    work: Work
    new_findings: Severity | None = None


@dataclass(frozen=True, slots=True)
class GrantRoute:
    """Whoever redeems the grant deploys; only jobs of `workflow`, where the gate file names one."""

    workflow: str = field(default="", metadata=LATER)
    kind: Literal["grant"] = "grant"


@dataclass(frozen=True, slots=True)
class CommandRoute:
    """We unpack the commit and run this command (`try` and trusted private hosts only)."""

    command: str
    timeout: timedelta = timedelta(minutes=30)
    kind: Literal["command_route"] = "command_route"


@dataclass(frozen=True, slots=True)
class WorkflowRoute:
    """We dispatch this workflow from the default branch with `sha` and `gate` as inputs."""

    workflow: str
    kind: Literal["workflow_route"] = "workflow_route"


@dataclass(frozen=True, slots=True)
class DeploymentRoute:
    """We create a GitHub deployment; others react and set its statuses."""

    kind: Literal["deployment"] = "deployment"


@dataclass(frozen=True, slots=True)
class ProtectionRuleRoute:
    """GitHub holds the job; we answer."""

    kind: Literal["protection_rule"] = "protection_rule"


Route = GrantRoute | CommandRoute | WorkflowRoute | DeploymentRoute | ProtectionRuleRoute


@dataclass(frozen=True, slots=True)
class OverridePolicy:
    """Who may override a gate; with `self_approval` their own change too."""

    line: ApproverLine
    self_approval: bool = False


@dataclass(frozen=True, slots=True)
class Environment:
    """One place a deployment goes to and what its gate requires, in configured order.

    `paths` are globs; a change that touches none of them skips this environment. Empty: every change counts.
    `soak` is how long the content has to have been healthy in the environment `after` which this one comes.
    `rollback` are the lines of who answers for a way back; empty: those of a release. Without `override` nobody may.
    What is in `shadow` is judged and recorded, and neither held nor released.
    """

    name: str
    origin: Origin = Origin.DEFAULT_BRANCH
    needs: tuple[str, ...] = ()
    after: str | None = None
    approval: ApprovalPolicy = ApprovalPolicy()
    deploy: Route = GrantRoute()
    verify: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    monitor: ProbeWork | None = None
    soak: timedelta = field(default=timedelta(), metadata=LATER)
    freeze: tuple[FreezeWindow, ...] = field(default=(), metadata=LATER)
    rollback: tuple[ApproverLine, ...] = field(default=(), metadata=LATER)
    override: OverridePolicy | None = field(default=None, metadata=LATER)
    shadow: bool = field(default=False, metadata=LATER)

    @property
    def every_line(self) -> tuple[ApproverLine, ...]:
        """Every line by which somebody may have to answer here."""
        others = (*self.rollback, *((self.override.line,) if self.override else ()))
        return (*self.approval.every_line, *(leaf for line in others for leaf in line.leaves))

    @property
    def asks_owners(self) -> bool:
        """Whether code owners may have to answer."""
        return any(line.codeowners for line in self.every_line)

    @property
    def globs(self) -> tuple[tuple[str, ...], ...]:
        """Every list of globs over changed files that an escalation rule looks at, once."""
        return tuple(dict.fromkeys(globs for rule in self.approval.escalate_when for globs in rule.globs))


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole `.github/gate.yml`, pinned to the blob it was read from. `notify` names channels of the operator's.

    `owners` are the lines of who lets a looser version of the file pass; empty: its code owners, else administrators.
    """

    blob_sha: str
    stages: tuple[Stage, ...]
    environments: tuple[Environment, ...]
    notify: tuple[str, ...] = field(default=(), metadata=LATER)
    owners: tuple[ApproverLine, ...] = field(default=(), metadata=LATER)
    kind: Literal["policy"] = "policy"

    def stage(self, name: str) -> Stage:
        """The stage of that name. Raises KeyError: the config room refuses undefined names."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise KeyError(name)

    def environment(self, name: str) -> Environment | None:
        return next((environment for environment in self.environments if environment.name == name), None)

    def gated_in(self, origin: Origin) -> tuple[Environment, ...]:
        """The environments that deploy from `origin`: those with a gate in its runs."""
        return tuple(environment for environment in self.environments if environment.origin is origin)

    def automated(self) -> tuple[Stage, ...]:
        """The stages that run before any deployment: all but those that only verify one."""
        verifying = {name for environment in self.environments for name in environment.verify}
        needed = {name for environment in self.environments for name in environment.needs}
        return tuple(stage for stage in self.stages if stage.name in needed or stage.name not in verifying)

    def reporting(self, report: Literal["junit", "sarif", "coverage"]) -> tuple[str, ...]:
        """The stages before a deployment that leave a report of that kind, by name."""
        return tuple(
            stage.name
            for stage in self.automated()
            if isinstance(stage.work, CommandWork | WorkflowWork) and getattr(stage.work, report)
        )

    def logins(self) -> tuple[str, ...]:
        """Every login of an approver line, once, in order."""
        return tuple(dict.fromkeys(user for line in self._lines for user in line.users))

    def teams(self) -> tuple[str, ...]:
        """Every team the policy names, once, in order."""
        return tuple(dict.fromkeys(team for line in self._lines for team in line.teams))

    def organisations(self) -> tuple[str, ...]:
        """Every organisation the policy names, once, in order."""
        return tuple(dict.fromkeys(name for line in self._lines for name in line.organisations))

    def roles(self) -> tuple[str, ...]:
        """Every repository role that the policy names, once, in order."""
        return tuple(dict.fromkeys(role for line in self._lines for role in line.roles))

    def authors(self) -> tuple[str, ...]:
        """Every login that a rule looks for as the author of a change, once, in order."""
        rules = (rule for environment in self.environments for rule in environment.approval.escalate_when)
        return tuple(dict.fromkeys(author for rule in rules for author in rule.authors))

    @property
    def _lines(self) -> tuple[ApproverLine, ...]:
        owning = (leaf for line in self.owners for leaf in line.leaves)
        return (*(line for environment in self.environments for line in environment.every_line), *owning)


@dataclass(frozen=True, slots=True)
class PolicyProblem:
    """The file exists but cannot be obeyed (`policy_invalid`), or is gone while gates wait (`policy_missing`)."""

    code: str
    detail: str
    blob_sha: str = ""
    kind: Literal["policy_problem"] = "policy_problem"
