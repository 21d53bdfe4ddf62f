"""What a policy says, written out: the long form with every default and a plain sentence beside each rule.

Rules of the file: the text is itself a configuration that means the same policy, so it can be copied into the
repository; sentences stand in comments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import assert_never

from gate_app.config.durations import duration_text
from gate_app.config.yaml_text import inline_list, inline_mapping, key, text
from gate_app.domain.freezes import FreezeWindow
from gate_app.domain.model import Origin
from gate_app.domain.parameters import Parameter
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
    Permission,
    Policy,
    ProtectionRuleRoute,
    Route,
    Stage,
    Work,
    WorkflowRoute,
    WorkflowWork,
)
from gate_app.domain.probes import OnBreach
from gate_app.domain.worktime import DAYS, WorkingHours, wall_clock

Row = tuple[str, str]
"""A line of YAML and the sentence that goes beside it, either of which may be empty."""

_SELF_APPROVAL = {
    False: ("  self_approval: false", "nobody approves what they contributed to"),
    True: ("  self_approval: true", "contributors may approve; each time it is said and journalled"),
}
_SAME_CONTENT = {
    False: ("  same_content: void", "every push asks anew"),
    True: ("  same_content: keep", "a push that leaves the content as it was keeps approvals"),
}
_CONTRIBUTORS = {
    "head": "contributors: whoever changed this content, and whoever asked for it",
    "shipped": "contributors: whoever changed anything that ships, and whoever asked for it",
}
_TITLE = "What the configuration means, with every default written out."
_COMMENT_COLUMN = 46


def explain(policy: Policy) -> str:
    """The whole policy as a commented configuration that reads back as the same policy."""
    rows: list[Row] = [("", _TITLE), ("version: 1", ""), ("", ""), ("stages:", _scans(policy.stages))]
    for stage in policy.stages:
        rows += _indent(_stage(stage))
    rows += [("", ""), ("environments:", "where deployments go; each has one gate")]
    for environment in policy.environments:
        rows += _indent(_environment(environment))
    if policy.owners:
        rows += [
            ("", ""),
            ("policy:", ""),
            ("  owners:", "each line must be met before this file becomes looser"),
        ]
        rows += [(f"    - {_approvers(line)}", _people(line)) for line in policy.owners]
    if policy.notify:
        rows += [
            ("", ""),
            (f"notify: {inline_list(policy.notify)}", "told too; the operator has to have them"),
        ]
    return "\n".join(map(_line, rows)) + "\n"


def _indent(rows: Iterable[Row]) -> Iterator[Row]:
    for line, sentence in rows:
        yield f"  {line}", sentence


def _line(row: Row) -> str:
    """A line with its sentence beside it, or above it where there is no room."""
    line, sentence = row
    if line and sentence and len(line) > _COMMENT_COLUMN:
        indent = line[: len(line) - len(line.lstrip())]
        return f"{indent}# {sentence}:\n{line}"
    if line and sentence:
        return f"{line:<{_COMMENT_COLUMN}} # {sentence}"
    return f"# {sentence}" if sentence else line


def _scans(stages: Sequence[Stage]) -> str:
    if any(not isinstance(stage.work, ChecksWork) and stage.work.sarif for stage in stages):
        return "automated work"
    return "automated work; none of it scans: shown as no scan found"


def _stage(stage: Stage) -> Iterator[Row]:
    yield f"{key(stage.name)}:", ""
    yield from _indent(_work(stage.work))
    if stage.new_findings is not None:
        severity = stage.new_findings.value
        sentence = f"new findings of severity {severity} or above hold the gate; no baseline: all are new"
        yield f"  fail_when: {{new_findings: {severity}}}", sentence


def _work(work: Work) -> Iterator[Row]:
    match work:
        case ChecksWork():
            yield _checks(work)
        case WorkflowWork():
            yield f"workflow: {text(work.workflow)}", "dispatched on the head branch and followed"
            yield from _reports(work)
        case CommandWork():
            yield f"command: {text(work.command)}", "run on the head SHA, isolated"
            yield from _reports(work)
            yield f"timeout: {duration_text(work.timeout)}", "then stopped, and unknown"
        case _:
            assert_never(work)


def _checks(work: ChecksWork) -> Row:
    match work.select:
        case "all":
            return "checks: all", "every check on the commit that is not ours is green, at least one"
        case "required":
            return "checks: required", "every check that the branch requires is green, at least one"
        case names:
            return f"checks: {inline_list(names)}", "the checks of these names are green, at least one"


def _reports(work: CommandWork | WorkflowWork) -> Iterator[Row]:
    if work.junit is not None:
        yield f"junit: {text(work.junit)}", "the test report decides; missing or empty is unknown"
    if work.sarif is not None:
        yield f"sarif: {text(work.sarif)}", "the scan report decides; missing or empty is unknown"
    if work.coverage is not None:
        yield f"coverage: {text(work.coverage)}", "measured; missing or empty is unknown"


def _environment(environment: Environment) -> Iterator[Row]:
    yield f"{key(environment.name)}:", ""
    if environment.shadow:
        yield "  shadow: true", "judged and recorded; nothing is held, asked or released"
    yield from _indent(_before(environment))
    yield from _indent(_approval(environment.approval))
    yield from _indent(_route(environment.deploy))
    if environment.monitor:
        yield "  monitor:", "watched after the deployment"
        yield f"    for: {duration_text(environment.monitor.duration)}", ""
        yield "    probes:", ""
        for probe in environment.monitor.probes:
            every = duration_text(probe.every)
            what, healthy = ("prometheus", "each number holds") if probe.query else ("http", "2xx is healthy")
            yield f"      - {{{what}: {text(probe.shown)}, every: {every}}}", healthy
        yield f"    on_breach: {environment.monitor.on_breach}", _ON_BREACH[environment.monitor.on_breach]
    if environment.override:
        yield "  override:", "these may release without what the gate asks for, and owe a follow-up"
        for who, names in (
            ("users", environment.override.line.users),
            ("teams", environment.override.line.teams),
        ):
            if names:
                yield f"    {who}: {inline_list(names)}", "whoever overrides is one of them"
        own = str(environment.override.self_approval).lower()
        yield f"    self_approval: {own}", "whether contributors may for their own change"
    if environment.rollback:
        yield "  rollback:", "a way back asks these people; who asks for it does not count"
        yield "    approvers:", "every line must be met, by different people"
        for line in environment.rollback:
            yield f"      - {_approvers(line)}", _people(line)
    if environment.verify:
        yield f"  verify: {inline_list(environment.verify)}", "run after the deployment; then it is healthy"


_ON_BREACH: Mapping[OnBreach, str] = {
    "propose_rollback": "a person is asked whether to go back",
    "rollback": "goes back to what was healthy before, by itself, and says so",
    "notify": "the release has failed, and people are told",
}


def _before(environment: Environment) -> Iterator[Row]:
    match environment.origin:
        case Origin.DEFAULT_BRANCH:
            yield "from: default_branch", "deploys each new commit on the default branch"
        case Origin.PULL_REQUEST:
            yield "from: pull_request", "deploys the head of an open pull request"
        case Origin.COMMAND:
            yield "from: command", "deploys what somebody asks for with /deploy"
        case _:
            assert_never(environment.origin)
    if environment.paths:
        yield f"paths: {inline_list(environment.paths)}", "a change that touches none of them skips it"
    yield f"needs: {inline_list(environment.needs)}", "stages that must have passed"
    if environment.after is not None:
        yield f"after: {text(environment.after)}", "the same content must be deployed and healthy there"
    if environment.soak:
        yield f"soak: {duration_text(environment.soak)}", "for that long, before anybody is asked"
    if environment.freeze:
        yield "freeze:", "nothing is released then; an approval given in it waits for its end"
        for window in environment.freeze:
            yield f"  - {_window(window)}", window.reason


def _parameter(parameter: Parameter) -> str:
    entries: list[tuple[str, str]] = [("type", parameter.type)]
    if parameter.options:
        entries.append(("options", inline_list(parameter.options)))
    bounds = (("minimum", parameter.minimum), ("maximum", parameter.maximum))
    entries += [(name, str(bound)) for name, bound in bounds if bound is not None]
    plain = parameter.type in ("integer", "boolean")
    entries.append(("default", parameter.default if plain else text(parameter.default)))
    return inline_mapping(entries)


def _window(window: FreezeWindow) -> str:
    entries: list[tuple[str, str]] = []
    if window.cron:
        entries += [("cron", text(window.cron)), ("duration", duration_text(window.duration))]
    else:
        entries.append(("holidays", "-".join(part for part in (window.country, window.region) if part)))
    entries.append(("timezone", text(window.timezone)))
    if window.exceptions:
        entries.append(("exceptions", inline_list(window.exceptions)))
    if window.reason:
        entries.append(("reason", text(window.reason)))
    return inline_mapping(entries)


def _approval(approval: ApprovalPolicy) -> Iterator[Row]:
    yield "approval:", ""
    match approval.mode:
        case ApprovalMode.NEVER:
            yield "  mode: never", "asks nobody: goes on by itself, and says so"
            return
        case ApprovalMode.ESCALATE:
            yield (
                "  mode: escalate",
                "asks a person only when a rule fires, else goes on by itself and says so",
            )
            yield "  escalate_when:", "any rule that fires, or cannot be told, asks"
            for rule in approval.escalate_when:
                yield from _indent(_indent(_rule(rule)))
        case ApprovalMode.ALWAYS:
            yield "  mode: always", "always asks a person"
        case _:
            assert_never(approval.mode)
    yield "  approvers:", "every line must be met, by different people"
    for line in approval.lines:
        yield f"    - {_approvers(line)}", _people(line)
    if approval.delegates:
        yield "  delegates:", "who may answer for an approver who delegated to them"
        for line in approval.delegates:
            yield f"    - {_approvers(line)}", _people(line)
    yield _SELF_APPROVAL[approval.self_approval]
    yield _SAME_CONTENT[approval.keeps]
    yield f"  contributors: {approval.contributors}", _CONTRIBUTORS[approval.contributors]
    if approval.parameters:
        yield "  parameters:", "what /modify may set; the deployment is told the values"
        for parameter in approval.parameters:
            yield f"    {parameter.name}: {_parameter(parameter)}", parameter.wanted
    expires = f"  expires_after: {duration_text(approval.expires_after)}"
    yield expires, "counted from the question; then denied, never approved"
    yield from _indent(_clocks(approval))


def _clocks(approval: ApprovalPolicy) -> Iterator[Row]:
    """What happens to a question while nobody answers, and to an approval while nothing is released."""
    if approval.remind_after:
        spans = ", ".join(map(duration_text, approval.remind_after))
        yield f"remind_after: [{spans}]", "whoever can still answer is reminded, each time once"
    if approval.escalate_to:
        yield "escalate_to:", "who may answer too, when nobody has for that long"
        for step in approval.escalate_to:
            entries = [("after", duration_text(step.after)), *_named(step.line)]
            yield f"  - {inline_mapping(entries)}", ""
    if approval.working_hours is not None:
        sentence = "the clocks of reminders and of the ladder run only then"
        yield f"working_hours: {working_hours(approval.working_hours)}", sentence
    if approval.approval_expires_after is not None:
        lasts = duration_text(approval.approval_expires_after)
        yield (
            f"approval_expires_after: {lasts}",
            "an older approval does not count any more; it is asked anew",
        )


def working_hours(hours: WorkingHours) -> str:
    """Working hours as the gate file writes them."""
    entries = [
        ("days", inline_list([DAYS[day] for day in hours.days])),
        ("from", text(wall_clock(hours.begins))),
        ("to", text(wall_clock(hours.ends))),
        ("timezone", text(hours.timezone)),
    ]
    if hours.country:
        entries.append(("holidays", "-".join(part for part in (hours.country, hours.region) if part)))
    return inline_mapping(entries)


def _rule(rule: EscalationRule) -> Iterator[Row]:
    """A rule as a list item, one condition a line."""
    rows: list[Row] = []
    if rule.paths:
        rows.append((f"paths: {inline_list(rule.paths)}", "a changed file fits"))
    if rule.lines_over is not None:
        rows.append((f'lines_changed: "> {rule.lines_over}"', "added and removed together"))
    if rule.new_findings is not None:
        rows.append((f"new_findings: {rule.new_findings.value}", "of that severity or above"))
    if rule.skipped_over is not None:
        rows.append((f'skipped_tests: "> {rule.skipped_over}"', "tests that did not run"))
    rows += _circumstances(rule)
    named = (
        ("authors", rule.authors),
        ("labels", rule.labels),
        ("title", rule.titles),
        ("branch", rule.branches),
        ("base", rule.bases),
    )
    rows += [(f"{name}: {inline_list(values)}", "one of them fits") for name, values in named if values]
    if rule.block:
        rows.append((f"block: {text(rule.block)}", "then nothing is released, whoever approves"))
    if rule.lines:
        rows.append(("approvers:", "must be met too when this rule fires"))
        rows += [(f"  - {_approvers(line)}", _people(line)) for line in rule.lines]
    for index, (line, sentence) in enumerate(rows):
        yield f"{'- ' if index == 0 else '  '}{line}", sentence


def _circumstances(rule: EscalationRule) -> Iterator[Row]:
    if rule.failed_over is not None:
        yield f'failed_tests: "> {rule.failed_over}"', "in stages that are not needed"
    if rule.flaky_over is not None:
        yield f'flaky_tests: "> {rule.flaky_over}"', "tests that failed and passed"
    if rule.coverage_over is not None:
        points = f"{rule.coverage_over / 1000:.3f}"
        yield f'coverage_drop: "> {points}"', "in points of percent, against what runs there"
    if rule.removed_over is not None:
        yield f'removed_tests: "> {rule.removed_over}"', "fewer than what runs there was released with"
    if rule.not_passed:
        yield f"not_passed: {inline_list(rule.not_passed)}", "one of them failed or came to no verdict"
    if rule.changes:
        yield f"changes: {inline_list(rule.changes)}", "files of that kind"
    if rule.confidence_below is not None:
        below = rule.confidence_below / 1000
        yield f'confidence: "< {below:.3f}"', "the lowest that the commits state; none is low"
    if rule.outside is not None:
        yield f"outside_hours: {working_hours(rule.outside)}", "at any other time"
    if rule.author_is:
        said = "the author is no person" if rule.author_is == "bot" else "their first deployment there"
        yield f"author_is: {rule.author_is}", said


def _approvers(line: ApproverLine) -> str:
    if line.parts:
        parts = ", ".join(map(_approvers, line.parts))
        return inline_mapping([("any_of" if line.any_of else "all_of", f"[{parts}]")])
    return inline_mapping([*_named(line), ("count", str(line.count))])


def _named(line: ApproverLine) -> Iterator[tuple[str, str]]:
    lists = (
        ("users", line.users),
        ("teams", line.teams),
        ("organisations", line.organisations),
        ("roles", line.roles),
    )
    yield from ((key, inline_list(values)) for key, values in lists if values)
    if line.codeowners:
        yield "codeowners", "true"
    if line.permission is not Permission.NONE:
        yield "permission", line.permission.name.lower()


def _people(line: ApproverLine) -> str:
    if line.any_of:
        return "one of: " + "; ".join(map(_people, line.any_of))
    if line.all_of:
        return "all of: " + "; ".join(map(_people, line.all_of))
    people = "one person" if line.count == 1 else f"{line.count} different people"
    conditions = []
    if line.users:
        conditions.append(f"named {_either(line.users)}")
    if line.teams:
        conditions.append(f"in team {_either(line.teams)}")
    if line.codeowners:
        conditions.append("who owns what changes, as many as own all of it,")
    if line.organisations:
        conditions.append(f"in organisation {_either(line.organisations)}")
    if line.roles:
        conditions.append(f"with role {_either(line.roles)}")
    if line.permission is not Permission.NONE:
        conditions.append(f"with {line.permission.name.lower()} permission")
    return " and ".join([f"{people} {conditions[0]}", *conditions[1:]]) if conditions else people


def _either(names: Sequence[str]) -> str:
    return " or ".join(names[:5]) + (f" or {len(names) - 5} more" if len(names) > 5 else "")


def _route(route: Route) -> Iterator[Row]:
    match route:
        case GrantRoute(workflow=str() as workflow) if workflow:
            yield (
                f"deploy: {{grant: {{workflow: {text(workflow)}}}}}",
                "only its jobs redeem the single-use grant",
            )
        case GrantRoute():
            yield "deploy: grant", "whoever redeems the single-use grant deploys"
        case DeploymentRoute():
            yield "deploy: deployment", "a GitHub deployment is created; others react to it"
        case ProtectionRuleRoute():
            yield "deploy: protection_rule", "GitHub holds the job, and is given the answer"
        case WorkflowRoute():
            yield "deploy:", "dispatched from the default branch, with sha and gate as inputs"
            yield f"  workflow: {text(route.workflow)}", ""
        case CommandRoute():
            yield "deploy:", "run in the unpacked commit"
            yield f"  command: {text(route.command)}", ""
            yield f"  timeout: {duration_text(route.timeout)}", "then stopped, and failed"
        case _:
            assert_never(route)
