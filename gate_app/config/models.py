"""The shape of `.github/gate.yml`: every key, its type, its bounds and what it means.

Rules of the file: `fields` say what one value may look like, `rules` what values mean together; nothing is
coerced (a number is never text) and nothing unknown is kept (case 90); every text and list has a bound.
The text under a key is its documentation: it travels into the JSON Schema that editors show. What an environment is
made of is in `deploying`, whom its gate asks in `asking`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag

from gate_app.config.asking import (
    ApprovalModel,
    ApproverLineModel,
    EscalationModel,
    ParameterModel,
    StepModel,
    WorkingHoursModel,
)
from gate_app.config.deploying import (
    EnvironmentModel,
    FreezeModel,
    GrantModel,
    MonitorModel,
    OverrideModel,
    ProbeModel,
    RollbackModel,
    RouteModel,
)
from gate_app.config.fields import (
    MAX_ENVIRONMENTS,
    MAX_LINES,
    MAX_STAGES,
    Channels,
    CheckNames,
    CheckWord,
    Command,
    Name,
    ReportGlob,
    Timeout,
    WorkflowFile,
    exactly,
)
from gate_app.config.shape import Strict, form_of


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
            Discriminator(form_of),
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
        ("environments", ANY, "deploy", "grant"): GrantModel,
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
