"""The floor of an organisation, `.github/gate-floor.yml` in its `.github` repository: what no gate file goes below.

Rules of the file: a floor only adds, by construction: lines are added to lines, rules to rules, windows to windows, the
stricter mode and the shorter patience win; there is nothing that a floor could say to loosen a gate file. A floor that
cannot be read keeps every gate closed. It is read as strictly as a gate file, by the same rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import Field

from gate_app.config.asking import ApprovalModel, ApproverLineModel, EscalationModel
from gate_app.config.deploying import EnvironmentModel, FreezeModel, OverrideModel
from gate_app.config.durations import duration
from gate_app.config.fields import MAX_ENVIRONMENTS, MAX_LINES, MAX_RULES, NAME_PATTERN, Patience, exactly
from gate_app.config.models import ANY, PLACES, FileModel, PolicyModel
from gate_app.config.people import choices_are_few, owners_can_answer
from gate_app.config.problems import ConfigProblem, Flaw
from gate_app.config.reader import read, read_as
from gate_app.config.rules import judge_alone
from gate_app.config.shape import Strict
from gate_app.domain.policy import Policy

FLOOR_FILE_NAME: Final = ".github/gate-floor.yml"
EVERY: Final = "*"
"""The name that stands for every environment."""

FloorName = Annotated[str, Field(pattern=rf"^\*$|{NAME_PATTERN}", max_length=255)]


class FloorApprovalModel(Strict):
    """What holds of approvals at least."""

    mode: Literal["always", "escalate", "never"] | None = None
    """The laxest mode: `always` lets nothing go on by itself, `escalate` asks when a rule of the floor fires."""

    escalate_when: (
        Annotated[tuple[EscalationModel, ...], Field(min_length=1, max_length=MAX_RULES)] | None
    ) = None
    """Rules that ask, or block, beside those of the gate file."""

    approvers: Annotated[tuple[ApproverLineModel, ...], Field(min_length=1, max_length=MAX_LINES)] | None = (
        None
    )
    """Lines that must be met too, by other people; a line that the gate file has as well counts once."""

    contributors: Literal["shipped"] | None = None
    """`shipped`: nobody approves who contributed to anything that ships."""

    expires_after: Patience | None = None
    """The longest that a question may stay open."""


class FloorEnvironmentModel(Strict):
    """What holds of an environment at least."""

    approval: FloorApprovalModel = FloorApprovalModel()
    """Who is asked, when, and for how long at most."""

    freeze: Annotated[tuple[FreezeModel, ...], Field(min_length=1, max_length=MAX_RULES)] | None = None
    """Windows in which nothing is released, beside those of the gate file."""

    shadow: bool = False
    """Whether a gate file may put it in shadow; without it, such an environment is not in shadow."""

    override: OverrideModel | None = None
    """Who may override the gate at most, where the gate file lists them too; without it, nobody overrides there."""


class FloorFile(Strict):
    """What every gate file of the organisation is at least."""

    version: Annotated[Literal[1], exactly(int, "write `version: 1`")]
    """The version of this format: 1."""

    environments: Annotated[
        dict[FloorName, FloorEnvironmentModel], Field(min_length=1, max_length=MAX_ENVIRONMENTS)
    ]
    """Environments by name, in any case of letters; `"*"` stands for every one. Both hold where both are there."""

    policy: PolicyModel | None = None
    """Who has to let a looser gate file pass too, by other people than those whom the gate file names."""


_APPROVAL: Final = ("environments", ANY, "approval")
FLOOR_PLACES: Final[Mapping[tuple[str, ...], type[Strict]]] = MappingProxyType(
    {
        (): FloorFile,
        **{place: model for place, model in PLACES.items() if place[:1] == ("policy",)},
        ("environments", ANY): FloorEnvironmentModel,
        _APPROVAL: FloorApprovalModel,
        **{
            place: model
            for place, model in PLACES.items()
            if place[3:4] and place[:3] == _APPROVAL and place[3] in ("approvers", "escalate_when")
        },
        ("environments", ANY, "freeze", ANY): FreezeModel,
        ("environments", ANY, "override"): OverrideModel,
    }
)
"""Which model describes the keys at a path of the file."""


@dataclass(frozen=True, slots=True)
class Floor:
    """A floor, and the blob that it was read from."""

    file: FloorFile
    blob_sha: str


def read_floor(raw: bytes, blob_sha: str, file_name: str) -> Floor | tuple[ConfigProblem, ...]:
    """The floor in `raw`, or everything that keeps it from being obeyed (never empty)."""
    found = read_as(FloorFile, FLOOR_PLACES, raw, file_name, _meaning)
    return Floor(found, blob_sha) if isinstance(found, FloorFile) else found


def _meaning(floor: FloorFile) -> Iterator[Flaw]:
    yield from judge_alone({name: _alone(entry) for name, entry in floor.environments.items()})
    yield from owners_can_answer(floor.policy.owners if floor.policy else ())
    for name, entry in floor.environments.items():
        if entry.approval.approvers is not None and entry.approval.mode in (None, "never"):
            path = ("environments", name, "approval", "approvers")
            reason = "a gate file could still say `mode: never`, and these people were never asked"
            yield Flaw(path, reason, "add `mode: always`, or `mode: escalate` with rules")


def _alone(entry: FloorEnvironmentModel) -> EnvironmentModel:
    """An entry as an environment that says nothing else; beside its rules the mode of a floor may be any."""
    given = entry.approval
    mode = "escalate" if given.escalate_when is not None or given.mode == "escalate" else "always"
    approval = {"mode": mode, "escalate_when": given.escalate_when, "approvers": given.approvers}
    return EnvironmentModel().model_copy(
        update={
            "approval": ApprovalModel().model_copy(update=approval),
            "freeze": entry.freeze,
            "override": entry.override,
        }
    )


def raised(file: FileModel, floor: Floor) -> FileModel | tuple[Flaw, ...]:
    """The gate file, brought up to the floor; or that the two together ask more than can be decided in time."""
    environments = {
        name: _raised(environment, [*_entries(floor.file, name)])
        for name, environment in file.environments.items()
    }
    flaws = tuple(
        replace(flaw, reason=f"with those of the organisation's floor, {flaw.reason}")
        for flaw in (*choices_are_few(environments), *owners_can_answer(_owners(file, floor.file)))
    )
    owners = _owners(file, floor.file)
    policy = PolicyModel(owners=owners[:MAX_LINES]) if owners else None
    return flaws or file.model_copy(update={"environments": environments, "policy": policy})


def _owners(file: FileModel, floor: FloorFile) -> tuple[ApproverLineModel, ...]:
    """Lines of both, a line of both once."""
    lines = (line for each in (file.policy, floor.policy) if each is not None for line in each.owners)
    return tuple(dict.fromkeys(lines))


def _entries(floor: FloorFile, name: str) -> Iterator[FloorEnvironmentModel]:
    for known, entry in floor.environments.items():
        if known == EVERY or known.casefold() == name.casefold():
            yield entry


def _raised(environment: EnvironmentModel, entries: Iterable[FloorEnvironmentModel]) -> EnvironmentModel:
    for entry in entries:
        windows = (*(environment.freeze or ()), *(entry.freeze or ()))
        environment = environment.model_copy(
            update={
                "approval": _approval(environment.approval, entry.approval),
                "freeze": tuple(dict.fromkeys(windows)) or None,
                "shadow": environment.shadow and entry.shadow,
                "override": _override(environment.override, entry.override),
                **_way_back(environment, entry.approval),
            }
        )
    return environment


def _override(given: OverrideModel | None, floor: OverrideModel | None) -> OverrideModel | None:
    """Whom both list, and never for their own; nobody where either lists none, or no name is in both."""
    if given is None or floor is None:
        return None
    users, teams = _listed(given.users, floor.users), _listed(given.teams, floor.teams)
    if () in (users, teams):
        return None
    return OverrideModel(users=users, teams=teams)


def _listed(given: tuple[str, ...] | None, floor: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Names in both; what only one of the two asks for, it asks for as it is. Names have no case at GitHub."""
    if given is None or floor is None:
        return given or floor
    known = {name.casefold() for name in floor}
    return tuple(name for name in given if name.casefold() in known)


def _way_back(given: EnvironmentModel, floor: FloorApprovalModel) -> dict[str, object]:
    """Where the floor names people, a way back asks them too, as a release does: no lighter rule, and none without."""
    if floor.approvers is None and floor.mode != "always":
        return {}
    monitor = given.monitor
    if monitor is not None and monitor.on_breach == "rollback":
        monitor = monitor.model_copy(update={"on_breach": "propose_rollback"})
    return {"rollback": None if floor.approvers else given.rollback, "monitor": monitor}


_ALWAYS: Final = EscalationModel(title=("*",))
"""A rule that always fires: where people are always asked, other rules may still block, or ask others too."""


def _approval(given: ApprovalModel, floor: FloorApprovalModel) -> ApprovalModel:
    rules = tuple(dict.fromkeys((*(given.escalate_when or ()), *(floor.escalate_when or ()))))
    always = "always" in (given.mode, floor.mode)
    if always and rules and _ALWAYS not in rules:
        rules = (*rules, _ALWAYS)
    mode = "escalate" if rules else "always" if always else given.mode
    lines = tuple(dict.fromkeys(_lines(given, floor)))
    patience = [each for each in (given.expires_after, floor.expires_after) if each is not None]
    return given.model_copy(
        update={
            "mode": mode,
            "escalate_when": rules or None,
            "approvers": lines or None,
            "expires_after": min(patience, key=duration),
            "self_approval": False,
            "same_content": "void",
            "contributors": floor.contributors or given.contributors,
            **({"escalate_to": None} if floor.approvers else {}),
            **({"delegates": None} if _names_people(floor) else {}),
        }
    )


def _names_people(floor: FloorApprovalModel) -> bool:
    """Whether it asks people, always or by a rule: a delegate would answer in their place (`escalate_to` widens no
    line of a rule)."""
    return bool(floor.approvers or any(rule.approvers for rule in floor.escalate_when or ()))


def _lines(given: ApprovalModel, floor: FloorApprovalModel) -> Iterator[ApproverLineModel]:
    """Those of both; where a gate file names none, the people of the floor stand for its default, writers at least."""
    if given.approvers is not None:
        yield from (*given.approvers, *(floor.approvers or ()))
        return
    for line in floor.approvers or ():
        if line.parts:
            yield from (line, ApproverLineModel(permission="write"))
        elif line.permission in (None, "read", "triage"):
            yield line.model_copy(update={"permission": "write"})
        else:
            yield line


def read_raised(
    raw: bytes, blob_sha: str, file_name: str, floor: Floor
) -> Policy | tuple[ConfigProblem, ...]:
    """The policy that a gate file is under a floor: pinned to both blobs, so that either of them voids answers."""
    return read(raw, f"{blob_sha}+{floor.blob_sha}", file_name, lambda file: raised(file, floor))
