"""From the shape of a file to the policy it means, every default written out.

Rules of the file: only a file that `rules` found nothing wrong with is expanded; nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import assert_never

from gate_app.config.asking import ApprovalModel, EscalationModel, StepModel, WorkingHoursModel
from gate_app.config.deploying import EnvironmentModel, FreezeModel, MonitorModel, OverrideModel, RouteModel
from gate_app.config.durations import duration
from gate_app.config.fields import RouteWord
from gate_app.config.models import FileModel, StageModel
from gate_app.config.patience import minutes, steps_of
from gate_app.config.rules import IMPLICIT_STAGE, automated_names
from gate_app.domain.evidence import Severity
from gate_app.domain.freezes import FreezeWindow
from gate_app.domain.model import Origin
from gate_app.domain.policy import (
    ApprovalMode,
    ApprovalPolicy,
    ApproverLine,
    ChecksWork,
    CommandRoute,
    CommandWork,
    DeploymentRoute,
    Environment,
    EscalationRule,
    GrantRoute,
    LadderStep,
    OverridePolicy,
    Permission,
    Policy,
    ProtectionRuleRoute,
    Route,
    Stage,
    Work,
    WorkflowRoute,
    WorkflowWork,
)
from gate_app.domain.probes import Probe, ProbeWork
from gate_app.domain.worktime import DAYS, WorkingHours

_ROUTES: Mapping[RouteWord, Route] = MappingProxyType(
    {
        "grant": GrantRoute(),
        "deployment": DeploymentRoute(),
        "protection_rule": ProtectionRuleRoute(),
    }
)


def expand(file: FileModel, blob_sha: str) -> Policy:
    """The policy that `file` means, pinned to the blob it was read from.

    An environment that names no `needs` needs every automated stage; where there is none, a stage `checks`
    is added: all checks on the commit that are not ours, at least one.
    """
    stages = tuple(_stage(name, stage) for name, stage in (file.stages or {}).items())
    automated = automated_names(file.stages or {}, file.environments)
    if not automated:
        stages = (Stage(IMPLICIT_STAGE, ChecksWork("all")), *stages)
        automated = (IMPLICIT_STAGE,)
    environments = (_environment(name, it, automated) for name, it in file.environments.items())
    owners = tuple(line.declared() for line in file.policy.owners) if file.policy else ()
    return Policy(blob_sha, stages, tuple(environments), file.notify or (), owners)


def _stage(name: str, stage: StageModel) -> Stage:
    findings = stage.fail_when.new_findings if stage.fail_when else None
    return Stage(name, _work(stage), Severity(findings) if findings else None)


def _work(stage: StageModel) -> Work:
    if stage.command is not None:
        return CommandWork(stage.command, stage.junit, stage.sarif, duration(stage.timeout), stage.coverage)
    if stage.workflow is not None:
        return WorkflowWork(stage.workflow, stage.junit, stage.sarif, stage.coverage)
    if stage.checks is not None:
        return ChecksWork(stage.checks)
    raise AssertionError("a stage without work passed the rules")


def _environment(name: str, environment: EnvironmentModel, automated: tuple[str, ...]) -> Environment:
    return Environment(
        name,
        origin=Origin(environment.origin),
        needs=environment.needs or automated,
        after=environment.after,
        approval=_approval(environment.approval),
        deploy=_route(environment.deploy),
        verify=environment.verify or (),
        paths=environment.paths or (),
        monitor=_monitor(environment.monitor) if environment.monitor else None,
        soak=duration(environment.soak) if environment.soak else timedelta(),
        override=_override(environment.override) if environment.override else None,
        rollback=tuple(line.declared() for line in environment.rollback.approvers)
        if environment.rollback
        else (),
        freeze=tuple(_freeze(window) for window in environment.freeze or ()),
        shadow=environment.shadow,
    )


def _override(override: OverrideModel) -> OverridePolicy:
    line = ApproverLine(override.users or (), override.teams or (), Permission.WRITE)
    return OverridePolicy(line, override.self_approval)


def _freeze(window: FreezeModel) -> FreezeWindow:
    country, _, region = (window.holidays or "").partition("-")
    return FreezeWindow(
        timezone=window.timezone,
        cron=window.cron or "",
        duration=duration(window.duration) if window.duration else timedelta(),
        country=country,
        region=region,
        reason=window.reason or "",
        exceptions=window.exceptions or (),
    )


def _monitor(monitor: MonitorModel) -> ProbeWork:
    probes = tuple(
        Probe(probe.http or "", duration(probe.every), probe.prometheus or "") for probe in monitor.probes
    )
    return ProbeWork(probes, duration(monitor.duration), on_breach=monitor.on_breach)


def _approval(approval: ApprovalModel) -> ApprovalPolicy:
    default = ApprovalPolicy()
    return ApprovalPolicy(
        lines=tuple(line.declared() for line in approval.approvers) if approval.approvers else default.lines,
        mode=ApprovalMode(approval.mode),
        self_approval=approval.self_approval,
        keeps=approval.same_content == "keep",
        contributors=approval.contributors,
        delegates=tuple(line.declared() for line in approval.delegates or ()),
        expires_after=duration(approval.expires_after),
        escalate_when=tuple(_rule(rule) for rule in approval.escalate_when or ()),
        parameters=tuple(each.declared(name) for name, each in (approval.parameters or {}).items()),
        remind_after=tuple(map(duration, approval.remind_after or ())),
        escalate_to=tuple(map(_step, steps_of(approval))),
        working_hours=_hours(approval.working_hours) if approval.working_hours else None,
        approval_expires_after=(
            duration(approval.approval_expires_after) if approval.approval_expires_after else None
        ),
    )


def _step(step: StepModel) -> LadderStep:
    permission = Permission.of_role(step.permission) if step.permission else Permission.NONE
    return LadderStep(duration(step.after), ApproverLine(step.users or (), step.teams or (), permission))


def _hours(hours: WorkingHoursModel) -> WorkingHours:
    country, _, region = (hours.holidays or "").partition("-")
    days = tuple(sorted(DAYS.index(day) for day in hours.days))
    return WorkingHours(hours.timezone, days, minutes(hours.begins), minutes(hours.ends), country, region)


def _rule(rule: EscalationModel) -> EscalationRule:
    return EscalationRule(
        paths=rule.paths or (),
        lines_over=_more_than(rule.lines_changed),
        new_findings=Severity(rule.new_findings) if rule.new_findings else None,
        skipped_over=_more_than(rule.skipped_tests),
        author_is=rule.author_is or "",
        changes=rule.changes or (),
        not_passed=rule.not_passed or (),
        removed_over=_more_than(rule.removed_tests),
        failed_over=_more_than(rule.failed_tests),
        flaky_over=_more_than(rule.flaky_tests),
        coverage_over=_points(rule.coverage_drop),
        confidence_below=_less_than(rule.confidence),
        outside=_hours(rule.outside_hours) if rule.outside_hours else None,
        authors=rule.authors or (),
        labels=rule.labels or (),
        titles=rule.title or (),
        branches=rule.branch or (),
        bases=rule.base or (),
        lines=tuple(line.declared() for line in rule.approvers or ()),
        block=rule.block or "",
    )


def _less_than(text: str | None) -> int | None:
    """A share, in thousandths."""
    return None if text is None else round(float(text.removeprefix("<")) * 1000)


def _more_than(text: str | None) -> int | None:
    return None if text is None else int(text.removeprefix(">"))


def _points(text: str | None) -> int | None:
    """Points of percent, in thousandths of one."""
    return None if text is None else round(float(text.removeprefix(">")) * 1000)


def _route(route: RouteWord | RouteModel) -> Route:
    match route:
        case str():
            return _ROUTES[route]
        case RouteModel(command=str() as command):
            return CommandRoute(command, duration(route.timeout))
        case RouteModel(workflow=str() as workflow):
            return WorkflowRoute(workflow)
        case RouteModel(deployment=None, protection_rule=None, grant=grant):
            return GrantRoute((grant.workflow if grant else None) or "")
        case RouteModel(protection_rule=None):
            return DeploymentRoute()
        case RouteModel():
            return ProtectionRuleRoute()
        case _:
            assert_never(route)
