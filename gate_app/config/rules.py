"""What values mean together: references, order, and rules that would hold nothing or could never be met.

Rules of the file: a rule is a generator of flaws over a `Draft` and stands in `RULES`; it judges only entries
whose own shape is right, while names count even where the shape is not, so that one slip is told once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gate_app.config.asking import ApprovalModel, ApproverLineModel, EscalationModel, ParameterModel
from gate_app.config.deploying import EnvironmentModel
from gate_app.config.models import StageModel
from gate_app.config.patience import clocks_can_ring, steps
from gate_app.config.people import PEOPLE, approver_lines, owners_can_answer
from gate_app.config.problems import Flaw, Path, did_you_mean, listed, quote
from gate_app.domain.parameters import Parameter

IMPLICIT_STAGE = "checks"


@dataclass(frozen=True, slots=True)
class Draft:
    """A file under judgement. The names are all that stand in the file, None when they could not be read."""

    stage_names: tuple[str, ...] | None
    environment_names: tuple[str, ...] | None
    stages: Mapping[str, StageModel]
    environments: Mapping[str, EnvironmentModel]
    notify: tuple[str, ...] = ()
    owners: tuple[ApproverLineModel, ...] = ()


Rule = Callable[[Draft], Iterator[Flaw]]


def judge(draft: Draft) -> tuple[Flaw, ...]:
    """Everything that is wrong with the draft beyond the shape of its entries."""
    told = (flaw for rule in RULES for flaw in rule(draft))
    asked = (flaw for rule in PEOPLE for flaw in rule(draft.environments))
    return (*told, *asked, *owners_can_answer(draft.owners))


def judge_alone(environments: Mapping[str, EnvironmentModel]) -> tuple[Flaw, ...]:
    """What is wrong with whom environments ask, and when, whatever else a file says: what a floor can say."""
    draft = Draft(None, None, {}, environments)
    told = (flaw for rule in ALONE for flaw in rule(draft))
    return (*told, *(flaw for rule in PEOPLE for flaw in rule(environments)))


def automated_names(
    stages: Mapping[str, StageModel], environments: Mapping[str, EnvironmentModel]
) -> tuple[str, ...]:
    """Stages that run before a deployment: needed by name, or not merely verifying one."""
    needed = {name for environment in environments.values() for name in environment.needs or ()}
    verifying = {name for environment in environments.values() for name in environment.verify or ()}
    return tuple(name for name in stages if name in needed or name not in verifying)


def _names_differ_by_more_than_case(draft: Draft) -> Iterator[Flaw]:
    """GitHub's environment names are not case-sensitive (docs: managing environments)."""
    for section, names in (("stages", draft.stage_names), ("environments", draft.environment_names)):
        seen: dict[str, str] = {}
        for name in names or ():
            first = seen.setdefault(name.casefold(), name)
            if first != name:
                reason = f"{quote(name)} and {quote(first)} differ only in upper and lower case"
                yield Flaw((section, name), reason, "rename one of them", aim="key")


def _names_are_free(draft: Draft) -> Iterator[Flaw]:
    """The check run of the gate file itself is called `gate / policy`."""
    for name in draft.environment_names or ():
        if name.casefold() == "policy":
            reason = "the check run of this file is called `gate / policy` already"
            yield Flaw(("environments", name), reason, "rename the environment", aim="key")


def _stages_do_one_thing(draft: Draft) -> Iterator[Flaw]:
    for name, stage in draft.stages.items():
        given = [key for key in ("checks", "workflow", "command") if getattr(stage, key) is not None]
        if len(given) != 1:
            found = listed(f"`{key}`" for key in given) or "none of them"
            reason = f"a stage is exactly one of `checks`, `workflow` and `command`; found {found}"
            yield Flaw(("stages", name), reason, "keep one" if given else "write one, such as `checks: all`")
            continue
        yield from _keys_that_hold_nothing(name, stage)


def _keys_that_hold_nothing(name: str, stage: StageModel) -> Iterator[Flaw]:
    path = ("stages", name)
    if stage.checks is not None:
        for key in ("junit", "sarif", "coverage"):
            if getattr(stage, key) is not None:
                reason = f"`{key}` is read from what a `workflow` or `command` leaves; `checks` leave nothing"
                yield Flaw((*path, key), reason, "delete it")
    if stage.command is None and "timeout" in stage.model_fields_set:
        yield Flaw((*path, "timeout"), "`timeout` holds for a `command` only", "delete it")
    if stage.fail_when is not None and stage.sarif is None:
        fix = 'name the report: `sarif: "reports/*.sarif"`'
        yield Flaw((*path, "fail_when"), "`fail_when` judges a SARIF report, and none is named", fix)


def _routes_are_one(draft: Draft) -> Iterator[Flaw]:
    routes = ("grant", "workflow", "deployment", "protection_rule", "command")
    for name, environment in draft.environments.items():
        route, path = environment.deploy, ("environments", name, "deploy")
        if isinstance(route, str):
            continue
        given = [key for key in routes if getattr(route, key) is not None]
        if len(given) != 1:
            found = listed(f"`{key}`" for key in given) or "none"
            yield Flaw(
                path, f"a deployment has exactly one route; found {found}", f"choose one of {listed(routes)}"
            )
        elif route.command is None and "timeout" in route.model_fields_set:
            yield Flaw((*path, "timeout"), "`timeout` holds for a `command` only", "delete it")


def _probes_ask_one_thing(draft: Draft) -> Iterator[Flaw]:
    for name, environment in draft.environments.items():
        for index, probe in enumerate(environment.monitor.probes if environment.monitor else ()):
            if (probe.http is None) == (probe.prometheus is None):
                path: Path = ("environments", name, "monitor", "probes", index)
                found = "neither" if probe.http is None else "both"
                yield Flaw(path, f"a probe asks `http` or `prometheus`; found {found}", "write one of them")


def _overrides_name_somebody(draft: Draft) -> Iterator[Flaw]:
    for name, environment in draft.environments.items():
        given = environment.override
        if given is not None and given.users is None and given.teams is None:
            fix = "write `users` or `teams`, or delete `override`"
            yield Flaw(("environments", name, "override"), "this lets nobody override: it names nobody", fix)


def _references_exist(draft: Draft) -> Iterator[Flaw]:
    for name, environment in draft.environments.items():
        path = ("environments", name)
        for key in ("needs", "verify"):
            for index, stage in enumerate(getattr(environment, key) or ()):
                yield from _unknown("stage", stage, draft.stage_names, (*path, key, index))
        if environment.after is not None and environment.after != name:
            yield from _unknown("environment", environment.after, draft.environment_names, (*path, "after"))


def _unknown(kind: str, name: str, known: Sequence[str] | None, path: Path) -> Iterator[Flaw]:
    if known is None or name in known:
        return
    likely = did_you_mean(name, known)
    fix = f"did you mean {quote(likely)}?" if likely else f"known: {listed(map(quote, known)) or 'none'}"
    yield Flaw(path, f"there is no {kind} {quote(name)}", fix)


def _implicit_stage_is_free(draft: Draft) -> Iterator[Flaw]:
    """Where every stage merely verifies, `checks` is added; a stage of that name would stand in its place."""
    if draft.stage_names is None or len(draft.stages) < len(draft.stage_names):
        return
    if automated_names(draft.stages, draft.environments):
        return
    if IMPLICIT_STAGE in draft.stages:
        reason = f"every stage merely verifies, so a stage `{IMPLICIT_STAGE}` is added, but the name is taken"
        yield Flaw(("stages", IMPLICIT_STAGE), reason, "rename the stage, or name what the environments need")


def _order_has_no_circle(draft: Draft) -> Iterator[Flaw]:
    told: set[str] = set()
    for name in draft.environments:
        circle = _circle_from(name, draft.environments)
        if not circle or told.intersection(circle):
            continue
        told.update(circle)
        if len(circle) == 1:
            reason, fix = f"{quote(name)} comes after itself", "name another environment or delete `after`"
        else:
            chain = " after ".join(map(quote, [*circle[:10], name]))
            reason, fix = f"the order runs in a circle: {chain}", "delete one `after` of the circle"
        yield Flaw(("environments", name, "after"), reason, fix)


def _circle_from(name: str, environments: Mapping[str, EnvironmentModel]) -> list[str]:
    """The names on the circle that leads from `name` back to it, empty when there is none."""
    chain, here = {name: None}, name
    while (environment := environments.get(here)) is not None and environment.after is not None:
        here = environment.after
        if here in chain:
            return list(chain) if here == name else []
        chain[here] = None
    return []


def _nothing_comes_after_shadow(draft: Draft) -> Iterator[Flaw]:
    """Nothing passes in an environment that is never released to."""
    for name, environment in draft.environments.items():
        before = draft.environments.get(environment.after or "")
        if before is not None and before.shadow and environment.after != name:
            reason = (
                f"{quote(environment.after)} is in shadow: nothing is released there, so nothing passes there"
            )
            yield Flaw(("environments", name, "after"), reason, "delete `after` for as long")


def _lists_name_each_once(draft: Draft) -> Iterator[Flaw]:
    for path, names in _lists(draft):
        seen: set[str] = set()
        for index, name in enumerate(names):
            if name.casefold() in seen:
                yield Flaw((*path, index), f"{quote(name)} is listed twice", "delete one of the two")
            seen.add(name.casefold())


def _lists(draft: Draft) -> Iterator[tuple[Path, Sequence[str]]]:
    yield ("notify",), draft.notify
    for name, stage in draft.stages.items():
        if isinstance(stage.checks, tuple):
            yield ("stages", name, "checks"), stage.checks
    for name, environment in draft.environments.items():
        yield ("environments", name, "needs"), environment.needs or ()
        yield ("environments", name, "verify"), environment.verify or ()
        yield ("environments", name, "paths"), environment.paths or ()
        for key, parameter in (environment.approval.parameters or {}).items():
            yield ("environments", name, "approval", "parameters", key, "options"), parameter.options or ()
        for number, window in enumerate(environment.freeze or ()):
            yield ("environments", name, "freeze", number, "exceptions"), window.exceptions or ()
        for number, rule in enumerate(environment.approval.escalate_when or ()):
            for key in ("paths", "authors", "labels", "title", "branch", "base", "not_passed", "changes"):
                yield (
                    ("environments", name, "approval", "escalate_when", number, key),
                    getattr(rule, key) or (),
                )
            outside = rule.outside_hours
            where = ("environments", name, "approval", "escalate_when", number, "outside_hours", "days")
            yield where, outside.days if outside else ()
        if environment.override is not None:
            yield ("environments", name, "override", "users"), environment.override.users or ()
            yield ("environments", name, "override", "teams"), environment.override.teams or ()
        for path, line in approver_lines(name, environment):
            for key in ("users", "teams", "organisations", "roles"):
                yield (*path, key), getattr(line, key) or ()
        for path, step in steps(("environments", name, "approval"), environment.approval):
            yield (*path, "users"), step.users or ()
            yield (*path, "teams"), step.teams or ()
        hours = environment.approval.working_hours
        yield ("environments", name, "approval", "working_hours", "days"), hours.days if hours else ()


def _windows_are_one_thing(draft: Draft) -> Iterator[Flaw]:
    """A span on the clock or holidays, whole, and each once; what soaks soaks somewhere."""
    for name, environment in draft.environments.items():
        if environment.soak is not None and environment.after is None:
            path: Path = ("environments", name, "soak")
            yield Flaw(path, "`soak` counts from when the content was healthy in `after`", "add `after`")
        windows = environment.freeze or ()
        for index, window in enumerate(windows):
            path = ("environments", name, "freeze", index)
            if (window.cron is None) == (window.holidays is None):
                found = "neither" if window.cron is None else "both"
                fix = "write `cron` and `duration`, or `holidays`"
                yield Flaw(path, f"a window is a span on the clock or public holidays; found {found}", fix)
            elif (window.cron is None) != (window.duration is None):
                reason = "`cron` says when a window begins and `duration` how long it is"
                yield Flaw(path, reason, "add the other" if window.cron is not None else "delete `duration`")
            if window in windows[:index]:
                yield Flaw(path, "this window is given twice", "delete one of the two")


RESERVED = ("sha", "gate")
"""Inputs of a deploying workflow that are ours."""


def _parameters_are_sound(draft: Draft) -> Iterator[Flaw]:
    for name, environment in draft.environments.items():
        for key, parameter in (environment.approval.parameters or {}).items():
            path: Path = ("environments", name, "approval", "parameters", key)
            if key in RESERVED:
                yield Flaw(path, f"{quote(key)} is an input of our own", "rename it", aim="key")
            yield from _parameter_is_sound(parameter, parameter.declared(key), path)


def _parameter_is_sound(model: ParameterModel, declared: Parameter, path: Path) -> Iterator[Flaw]:
    if (model.type == "choice") != (model.options is not None):
        fix = "list `options`" if model.type == "choice" else "delete `options`, or write `type: choice`"
        yield Flaw(path, "`options` are what a `choice` is among", fix)
        return
    for bound in ("minimum", "maximum"):
        if model.type != "integer" and getattr(model, bound) is not None:
            yield Flaw((*path, bound), f"`{bound}` bounds an `integer` only", "delete it")
            return
    kinds = {"integer": int, "boolean": bool}
    if type(model.default) is not kinds.get(model.type, str) or not declared.accepts(declared.default):
        yield Flaw(
            (*path, "default"), f"its own default is no value of it: it takes {declared.wanted}", "mend it"
        )


def _approvals_hold_something(draft: Draft) -> Iterator[Flaw]:
    for name, environment in draft.environments.items():
        path = ("environments", name, "approval")
        yield from _never_asks_nobody(environment.approval, path)


def _never_asks_nobody(approval: ApprovalModel, path: Path) -> Iterator[Flaw]:
    if approval.mode != "never":
        return
    for key in (
        "approvers",
        "escalate_when",
        "expires_after",
        "parameters",
        "remind_after",
        "escalate_to",
        "working_hours",
        "approval_expires_after",
        "same_content",
        "delegates",
    ):
        if key in approval.model_fields_set:
            reason = f"`mode: never` asks nobody, so `{key}` would hold nothing"
            yield Flaw((*path, key), reason, f"delete `{key}`, or write `mode: always`")


def _rules_hold_something(draft: Draft) -> Iterator[Flaw]:
    """A rule that names nothing, and rules that nobody would look at."""
    for name, environment in draft.environments.items():
        path: Path = ("environments", name, "approval")
        approval = environment.approval
        if approval.mode == "escalate" and approval.escalate_when is None:
            fix = "add `escalate_when` with at least one rule, or write `mode: always`"
            yield Flaw((*path, "mode"), "`mode: escalate` without a rule would never ask anybody", fix)
        if approval.mode == "always" and approval.escalate_when is not None:
            reason = "`mode: always` asks every time, so these rules would hold nothing"
            yield Flaw((*path, "escalate_when"), reason, "write `mode: escalate`, or delete them")
        rules = approval.escalate_when or ()
        for index, rule in enumerate(rules):
            if rule in rules[:index]:
                yield Flaw(
                    (*path, "escalate_when", index), "this rule is given twice", "delete one of the two"
                )
            yield from _rule_holds_something(rule, (*path, "escalate_when", index))


_TOLD_BY = (
    ("new_findings", "sarif"),
    ("skipped_tests", "junit"),
    ("removed_tests", "junit"),
    ("flaky_tests", "junit"),
    ("coverage_drop", "coverage"),
)
"""Conditions over what the stages report that an environment needs."""


def _rules_can_be_told(draft: Draft) -> Iterator[Flaw]:
    """A rule over findings or tests needs a stage that reports them."""
    for name, environment in draft.environments.items():
        needs = environment.needs or automated_names(draft.stages, draft.environments)
        stages = [draft.stages[each] for each in needs if each in draft.stages]
        for index, rule in enumerate(environment.approval.escalate_when or ()):
            for key, report in _TOLD_BY:
                if getattr(rule, key) is None or any(getattr(each, report) for each in stages):
                    continue
                path = ("environments", name, "approval", "escalate_when", index, key)
                fix = f"name the report of a stage that it needs: `{report}: …`"
                yield Flaw(path, f"no stage that this environment needs leaves a `{report}` report", fix)


def _rules_look_at_other_stages(draft: Draft) -> Iterator[Flaw]:
    """A stage that is needed holds the gate whatever a rule says; one that only verifies has not run yet."""
    automated = automated_names(draft.stages, draft.environments)
    for name, environment in draft.environments.items():
        needs = environment.needs or automated
        for number, rule in enumerate(environment.approval.escalate_when or ()):
            at: Path = ("environments", name, "approval", "escalate_when", number)
            for index, stage in enumerate(rule.not_passed or ()):
                path = (*at, "not_passed", index)
                yield from _unknown("stage", stage, draft.stage_names, path)
                if stage in needs:
                    fix = "delete it, or list `needs` without it"
                    yield Flaw(path, f"{quote(stage)} is needed, so it holds the gate anyway", fix)
                elif stage in draft.stages and stage not in automated:
                    yield Flaw(path, f"{quote(stage)} runs after the deployment only", "delete it")


def _failed_tests_are_of_other_stages(draft: Draft) -> Iterator[Flaw]:
    """In a stage that is needed they hold the gate whatever a rule says."""
    automated = automated_names(draft.stages, draft.environments)
    for name, environment in draft.environments.items():
        needs = environment.needs or automated
        beside = [draft.stages[each] for each in automated if each not in needs and each in draft.stages]
        for number, rule in enumerate(environment.approval.escalate_when or ()):
            if rule.failed_tests is not None and not any(each.junit for each in beside):
                reason = "only in needed stages are tests reported, and there they hold the gate anyway"
                fix = "list `needs` without a stage that has a `junit` report, or delete it"
                path: Path = ("environments", name, "approval", "escalate_when", number, "failed_tests")
                yield Flaw(path, reason, fix)


def _clocks_can_ring(draft: Draft) -> Iterator[Flaw]:
    yield from clocks_can_ring(draft.environments)


def _rule_holds_something(rule: EscalationModel, path: Path) -> Iterator[Flaw]:
    if not rule.model_fields_set - {"approvers", "block"}:
        yield Flaw(path, "this rule names nothing that could make it fire", "add a condition such as `paths`")
    if rule.block is not None and rule.approvers is not None:
        reason = "a rule that blocks asks nobody, so `approvers` would hold nothing"
        yield Flaw((*path, "approvers"), reason, "delete `approvers` or `block`")


RULES: tuple[Rule, ...] = (
    _names_differ_by_more_than_case,
    _names_are_free,
    _stages_do_one_thing,
    _routes_are_one,
    _probes_ask_one_thing,
    _overrides_name_somebody,
    _references_exist,
    _implicit_stage_is_free,
    _order_has_no_circle,
    _nothing_comes_after_shadow,
    _lists_name_each_once,
    _windows_are_one_thing,
    _parameters_are_sound,
    _approvals_hold_something,
    _rules_hold_something,
    _rules_can_be_told,
    _rules_look_at_other_stages,
    _failed_tests_are_of_other_stages,
    _clocks_can_ring,
)

ALONE: tuple[Rule, ...] = (
    _overrides_name_somebody,
    _lists_name_each_once,
    _windows_are_one_thing,
    _rules_hold_something,
    _clocks_can_ring,
)
"""Rules that look at no stage and at no other environment."""
