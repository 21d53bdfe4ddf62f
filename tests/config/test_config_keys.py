"""Every key of the file: one good value, one bad, one hostile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from support.config import (
    accepted,
    paths,
    refused,
    with_approval,
    with_environment,
    with_hours,
    with_line,
    with_monitor,
    with_parameter,
    with_probe,
    with_route,
    with_rule,
    with_rule_beside,
    with_stage,
    with_step,
    with_window,
)

from gate_app.config.models import DESCRIBED
from gate_app.config.shape import keys_of


@dataclass(frozen=True)
class Key:
    """A key as `<pattern>.<key>`, and files that use it well, badly and with intent."""

    name: str
    wrap: Callable[[str], str]
    good: str
    bad: str
    hostile: str
    refused_at: str


def _whole(text: str) -> str:
    return text


_STAGE, _ENVIRONMENT = "stages.work", "environments.production"
_APPROVAL, _LINE = f"{_ENVIRONMENT}.approval", f"{_ENVIRONMENT}.approval.approvers[0]"
_RULE = f"{_APPROVAL}.escalate_when[0]"
_WINDOW = f"{_ENVIRONMENT}.freeze[0]"
_PARAMETER = f"{_APPROVAL}.parameters.percent"
_ROUTE = f"{_ENVIRONMENT}.deploy"
_STEP, _HOURS = f"{_APPROVAL}.escalate_to", f"{_APPROVAL}.working_hours"
_LONG = "a" * 5_000

KEYS = (
    Key(
        "version",
        _whole,
        "version: 1\nenvironments: {a: {}}",
        "version: 2\nenvironments: {a: {}}",
        "version: true\nenvironments: {a: {}}",
        "version",
    ),
    Key(
        "stages",
        _whole,
        "version: 1\nstages: {a: {checks: all}}\nenvironments: {a: {}}",
        "version: 1\nstages: {}\nenvironments: {a: {}}",
        "version: 1\nstages: [a]\nenvironments: {a: {}}",
        "stages",
    ),
    Key(
        "environments",
        _whole,
        "version: 1\nenvironments: {a: {}}",
        "version: 1\nenvironments: {}",
        "version: 1\nenvironments: production",
        "environments",
    ),
    Key(
        "policy",
        _whole,
        "version: 1\nenvironments: {a: {}}\npolicy: {owners: [{permission: admin}]}",
        "version: 1\nenvironments: {a: {}}\npolicy: acme/sre",
        "version: 1\nenvironments: {a: {}}\npolicy: [acme/sre]",
        "policy",
    ),
    Key(
        "policy.owners",
        lambda lines: f"version: 1\nenvironments: {{a: {{}}}}\npolicy: {{owners: {lines}}}",
        "[{teams: [acme/sre]}, {any_of: [{users: [octocat]}, {codeowners: true}]}]",
        "[]",
        "[{permission: read}]",
        "policy.owners",
    ),
    Key(
        "notify",
        _whole,
        "version: 1\nenvironments: {a: {}}\nnotify: [ops, on-call_2]",
        "version: 1\nenvironments: {a: {}}\nnotify: ops",
        "version: 1\nenvironments: {a: {}}\nnotify: ['slack://token@channel']",
        "notify",
    ),
    Key(
        "stages.*.checks",
        with_stage,
        '{checks: ["test (3.12)", "lint*"]}',
        "{checks: requird}",
        '{checks: "all "}',
        f"{_STAGE}.checks",
    ),
    Key(
        "stages.*.workflow",
        with_stage,
        "{workflow: ci.yml}",
        "{workflow: ci}",
        '{workflow: "../../evil.yml"}',
        f"{_STAGE}.workflow",
    ),
    Key(
        "stages.*.command",
        with_stage,
        "{command: make test}",
        "{command: 3}",
        f"{{command: {_LONG}}}",
        f"{_STAGE}.command",
    ),
    Key(
        "stages.*.junit",
        with_stage,
        '{command: make, junit: "reports/**/*.xml"}',
        "{command: make, junit: /etc/x.xml}",
        '{command: make, junit: "a/../../x.xml"}',
        f"{_STAGE}.junit",
    ),
    Key(
        "stages.*.sarif",
        with_stage,
        '{command: make, sarif: "reports/*.sarif"}',
        '{command: make, sarif: ""}',
        '{command: make, sarif: "..\\\\x"}',
        f"{_STAGE}.sarif",
    ),
    Key(
        "stages.*.coverage",
        with_stage,
        '{command: make, coverage: "reports/*.xml"}',
        "{command: make, coverage: [a.xml]}",
        '{command: make, coverage: "../lcov.info"}',
        f"{_STAGE}.coverage",
    ),
    Key(
        "stages.*.timeout",
        with_stage,
        "{command: make, timeout: 90s}",
        "{command: make, timeout: 90}",
        "{command: make, timeout: 9999999d}",
        f"{_STAGE}.timeout",
    ),
    Key(
        "stages.*.fail_when",
        with_stage,
        "{command: scan, sarif: a.sarif, fail_when: {new_findings: low}}",
        "{command: scan, sarif: a.sarif, fail_when: high}",
        "{checks: all, fail_when: {new_findings: high}}",
        f"{_STAGE}.fail_when",
    ),
    Key(
        "stages.*.fail_when.new_findings",
        with_stage,
        "{command: scan, sarif: a.sarif, fail_when: {new_findings: critical}}",
        "{command: scan, sarif: a.sarif, fail_when: {new_findings: hihg}}",
        "{command: scan, sarif: a.sarif, fail_when: {new_findings: 9}}",
        f"{_STAGE}.fail_when.new_findings",
    ),
    Key(
        "environments.*.from",
        with_environment,
        "{from: pull_request}",
        "{from: pull-request}",
        "{from: refs/heads/evil}",
        f"{_ENVIRONMENT}.from",
    ),
    Key(
        "environments.*.needs",
        with_environment,
        "{needs: [tests]}",
        "{needs: tests}",
        "{needs: []}",
        f"{_ENVIRONMENT}.needs",
    ),
    Key(
        "environments.*.after",
        with_environment,
        "{after: staging}",
        "{after: stagin}",
        "{after: production}",
        f"{_ENVIRONMENT}.after",
    ),
    Key(
        "environments.*.approval",
        with_environment,
        "{approval: {}}",
        "{approval: never}",
        "{approval: [mode, never]}",
        f"{_ENVIRONMENT}.approval",
    ),
    Key(
        "environments.*.deploy",
        with_environment,
        "{deploy: deployment}",
        "{deploy: yes}",
        "{deploy: {}}",
        f"{_ENVIRONMENT}.deploy",
    ),
    Key(
        "environments.*.monitor",
        with_environment,
        '{monitor: {for: 15m, probes: [{http: "https://app.example/healthz"}]}}',
        "{monitor: 15m}",
        "{monitor: {}}",
        f"{_ENVIRONMENT}.monitor",
    ),
    Key(
        "environments.*.monitor.for",
        with_monitor,
        "{for: 24h, probes: [{http: 'https://a.example'}]}",
        "{for: 15, probes: [{http: 'https://a.example'}]}",
        "{for: 30d, probes: [{http: 'https://a.example'}]}",
        f"{_ENVIRONMENT}.monitor.for",
    ),
    Key(
        "environments.*.monitor.probes",
        with_monitor,
        "{for: 1m, probes: [{http: 'https://a.example'}, {http: 'http://b.example:8080/up?x=1'}]}",
        "{for: 1m, probes: 'https://a.example'}",
        "{for: 1m, probes: []}",
        f"{_ENVIRONMENT}.monitor.probes",
    ),
    Key(
        "environments.*.monitor.probes.*.http",
        with_probe,
        "{http: 'https://a.example/healthz'}",
        "{http: a.example}",
        "{http: 'https://user:secret@a.example/'}",
        f"{_ENVIRONMENT}.monitor.probes[0].http",
    ),
    Key(
        "environments.*.monitor.probes.*.prometheus",
        with_probe,
        '{prometheus: "error_rate < 0.01"}',
        "{prometheus: error_rate}",
        f'{{prometheus: "{_LONG} < 1"}}',
        f"{_ENVIRONMENT}.monitor.probes[0].prometheus",
    ),
    Key(
        "environments.*.monitor.probes.*.every",
        with_probe,
        "{http: 'https://a.example', every: 1s}",
        "{http: 'https://a.example', every: often}",
        "{http: 'https://a.example', every: 0s}",
        f"{_ENVIRONMENT}.monitor.probes[0].every",
    ),
    Key(
        "environments.*.monitor.on_breach",
        with_monitor,
        "{for: 1m, probes: [{http: 'https://a.example'}], on_breach: rollback}",
        "{for: 1m, probes: [{http: 'https://a.example'}], on_breach: ask}",
        "{for: 1m, probes: [{http: 'https://a.example'}], on_breach: {run: rm}}",
        f"{_ENVIRONMENT}.monitor.on_breach",
    ),
    Key(
        "environments.*.override",
        with_environment,
        "{override: {teams: [acme/oncall]}}",
        "{override: {}}",
        "{override: everybody}",
        f"{_ENVIRONMENT}.override",
    ),
    Key(
        "environments.*.override.users",
        with_environment,
        "{override: {users: [octocat]}}",
        "{override: {users: []}}",
        '{override: {users: ["@everyone"]}}',
        f"{_ENVIRONMENT}.override.users",
    ),
    Key(
        "environments.*.override.teams",
        with_environment,
        "{override: {teams: [acme/oncall], users: [octocat]}}",
        "{override: {teams: []}}",
        '{override: {teams: ["acme/*"]}}',
        f"{_ENVIRONMENT}.override.teams",
    ),
    Key(
        "environments.*.override.self_approval",
        with_environment,
        "{override: {users: [octocat], self_approval: true}}",
        "{override: {users: [octocat], self_approval: sometimes}}",
        "{override: {users: [octocat], self_approval: 1}}",
        f"{_ENVIRONMENT}.override.self_approval",
    ),
    Key(
        "environments.*.rollback",
        with_environment,
        "{rollback: {approvers: [{teams: [acme/oncall]}]}}",
        "{rollback: anybody}",
        "{rollback: {approvers: []}}",
        f"{_ENVIRONMENT}.rollback",
    ),
    Key(
        "environments.*.rollback.approvers",
        with_environment,
        "{rollback: {approvers: [{users: [octocat, hubot], count: 2}]}}",
        "{rollback: {approvers: []}}",
        "{rollback: {approvers: everybody}}",
        f"{_ENVIRONMENT}.rollback.approvers",
    ),
    Key(
        "environments.*.paths",
        with_environment,
        '{paths: ["services/api/**", "!services/api/docs/**"]}',
        "{paths: services/api}",
        '{paths: ["../../etc/**"]}',
        f"{_ENVIRONMENT}.paths",
    ),
    Key(
        "environments.*.verify",
        with_environment,
        "{verify: [smoke]}",
        "{verify: {smoke: {}}}",
        "{verify: []}",
        f"{_ENVIRONMENT}.verify",
    ),
    Key(
        "environments.*.approval.parameters",
        with_approval,
        "{parameters: {migrate: {type: boolean, default: false}}}",
        "{parameters: [migrate]}",
        "{parameters: {}}",
        f"{_APPROVAL}.parameters",
    ),
    Key(
        "environments.*.approval.parameters.*.type",
        with_parameter,
        "{type: integer, default: 5}",
        "{type: number, default: 5}",
        "{type: [integer], default: 5}",
        f"{_PARAMETER}.type",
    ),
    Key(
        "environments.*.approval.parameters.*.default",
        with_parameter,
        "{type: string, default: eu-central-1}",
        "{type: integer, default: many}",
        "{type: string, default: $(id)}",
        f"{_PARAMETER}.default",
    ),
    Key(
        "environments.*.approval.parameters.*.options",
        with_parameter,
        "{type: choice, options: [rolling, canary], default: rolling}",
        "{type: choice, options: rolling, default: rolling}",
        "{type: choice, options: [], default: rolling}",
        f"{_PARAMETER}.options",
    ),
    Key(
        "environments.*.approval.parameters.*.minimum",
        with_parameter,
        "{type: integer, minimum: 1, default: 5}",
        "{type: integer, minimum: one, default: 5}",
        "{type: integer, minimum: -1000000000, default: 5}",
        f"{_PARAMETER}.minimum",
    ),
    Key(
        "environments.*.approval.parameters.*.maximum",
        with_parameter,
        "{type: integer, maximum: 9, default: 5}",
        "{type: string, maximum: 9, default: a}",
        "{type: integer, maximum: true, default: 5}",
        f"{_PARAMETER}.maximum",
    ),
    Key(
        "environments.*.soak",
        with_environment,
        "{after: staging, soak: 30m}",
        "{after: staging, soak: 30}",
        "{after: staging, soak: 31d}",
        f"{_ENVIRONMENT}.soak",
    ),
    Key(
        "environments.*.shadow",
        with_environment,
        "{shadow: true}",
        "{shadow: 'true'}",
        "{shadow: 1}",
        f"{_ENVIRONMENT}.shadow",
    ),
    Key(
        "environments.*.freeze",
        with_environment,
        "{freeze: [{holidays: DE, timezone: UTC}]}",
        "{freeze: {holidays: DE, timezone: UTC}}",
        "{freeze: []}",
        f"{_ENVIRONMENT}.freeze",
    ),
    Key(
        "environments.*.freeze.*.cron",
        with_window,
        '{cron: "0 16 * * FRI", duration: 64h, timezone: UTC}',
        '{cron: "0 16 * *", duration: 64h, timezone: UTC}',
        '{cron: "0 0 30 2 *", duration: 64h, timezone: UTC}',
        f"{_WINDOW}.cron",
    ),
    Key(
        "environments.*.freeze.*.duration",
        with_window,
        '{cron: "0 16 * * FRI", duration: 60d, timezone: UTC}',
        '{cron: "0 16 * * FRI", duration: long, timezone: UTC}',
        '{cron: "0 16 * * FRI", duration: 61d, timezone: UTC}',
        f"{_WINDOW}.duration",
    ),
    Key(
        "environments.*.freeze.*.holidays",
        with_window,
        "{holidays: DE-BY, timezone: Europe/Berlin}",
        "{holidays: Bavaria, timezone: Europe/Berlin}",
        "{holidays: DE-ZZ, timezone: Europe/Berlin}",
        f"{_WINDOW}.holidays",
    ),
    Key(
        "environments.*.freeze.*.timezone",
        with_window,
        "{holidays: DE, timezone: America/New_York}",
        "{holidays: DE, timezone: Berlin}",
        "{holidays: DE, timezone: ../../etc/passwd}",
        f"{_WINDOW}.timezone",
    ),
    Key(
        "environments.*.freeze.*.exceptions",
        with_window,
        "{holidays: DE, timezone: UTC, exceptions: [2026-12-27]}",
        "{holidays: DE, timezone: UTC, exceptions: [27.12.2026]}",
        "{holidays: DE, timezone: UTC, exceptions: [20261227]}",
        f"{_WINDOW}.exceptions[0]",
    ),
    Key(
        "environments.*.freeze.*.reason",
        with_window,
        "{holidays: DE, timezone: UTC, reason: we rest}",
        "{holidays: DE, timezone: UTC, reason: 5}",
        '{holidays: DE, timezone: UTC, reason: "\\u202e"}',
        f"{_WINDOW}.reason",
    ),
    Key(
        "environments.*.approval.mode",
        with_approval,
        "{mode: never}",
        "{mode: sometimes}",
        "{mode: no}",
        f"{_APPROVAL}.mode",
    ),
    Key(
        "environments.*.approval.escalate_when",
        with_approval,
        "{mode: escalate, escalate_when: [{author_is: bot}]}",
        "{mode: escalate, escalate_when: {author_is: bot}}",
        "{mode: escalate, escalate_when: []}",
        f"{_APPROVAL}.escalate_when",
    ),
    Key(
        "environments.*.approval.escalate_when.*.paths",
        with_rule,
        '{paths: ["migrations/**", "!migrations/notes.md"]}',
        "{paths: migrations}",
        '{paths: ["../**"]}',
        f"{_RULE}.paths",
    ),
    Key(
        "environments.*.approval.escalate_when.*.lines_changed",
        with_rule,
        '{lines_changed: "> 400"}',
        "{lines_changed: 400}",
        '{lines_changed: "> -1"}',
        f"{_RULE}.lines_changed",
    ),
    Key(
        "environments.*.approval.escalate_when.*.new_findings",
        with_rule,
        "{new_findings: medium}",
        "{new_findings: bad}",
        "{new_findings: true}",
        f"{_RULE}.new_findings",
    ),
    Key(
        "environments.*.approval.escalate_when.*.skipped_tests",
        with_rule,
        '{skipped_tests: "> 0"}',
        '{skipped_tests: "< 3"}',
        f'{{skipped_tests: "> {"9" * 40}"}}',
        f"{_RULE}.skipped_tests",
    ),
    Key(
        "environments.*.approval.escalate_when.*.removed_tests",
        with_rule,
        "{removed_tests: '> 0'}",
        "{removed_tests: 0}",
        "{removed_tests: '> -1'}",
        f"{_RULE}.removed_tests",
    ),
    Key(
        "environments.*.approval.escalate_when.*.failed_tests",
        with_rule_beside,
        "{failed_tests: '> 2'}",
        "{failed_tests: 2}",
        "{failed_tests: '>= 2'}",
        f"{_RULE}.failed_tests",
    ),
    Key(
        "environments.*.approval.escalate_when.*.flaky_tests",
        with_rule,
        "{flaky_tests: '> 0'}",
        "{flaky_tests: 0}",
        "{flaky_tests: '> 0.5'}",
        f"{_RULE}.flaky_tests",
    ),
    Key(
        "environments.*.approval.escalate_when.*.coverage_drop",
        with_rule,
        "{coverage_drop: '> 0.5'}",
        "{coverage_drop: 1}",
        "{coverage_drop: '> 100'}",
        f"{_RULE}.coverage_drop",
    ),
    Key(
        "environments.*.approval.escalate_when.*.not_passed",
        with_rule_beside,
        "{not_passed: [lint]}",
        "{not_passed: lint}",
        "{not_passed: []}",
        f"{_RULE}.not_passed",
    ),
    Key(
        "environments.*.approval.escalate_when.*.changes",
        with_rule,
        "{changes: [dependencies, policy]}",
        "{changes: dependencies}",
        "{changes: [everything]}",
        f"{_RULE}.changes",
    ),
    Key(
        "environments.*.approval.escalate_when.*.confidence",
        with_rule,
        "{confidence: '< 0.8'}",
        "{confidence: 0.8}",
        "{confidence: '< 1.5'}",
        f"{_RULE}.confidence",
    ),
    Key(
        "environments.*.approval.escalate_when.*.outside_hours",
        with_rule,
        "{outside_hours: {timezone: UTC}}",
        "{outside_hours: night}",
        "{outside_hours: {from: 17:00, to: 09:00, timezone: UTC}}",
        f"{_RULE}.outside_hours",
    ),
    Key(
        "environments.*.approval.escalate_when.*.author_is",
        with_rule,
        "{author_is: bot}",
        "{author_is: octocat}",
        "{author_is: [bot]}",
        f"{_RULE}.author_is",
    ),
    Key(
        "environments.*.approval.escalate_when.*.authors",
        with_rule,
        "{authors: [octocat]}",
        "{authors: octocat}",
        "{authors: []}",
        f"{_RULE}.authors",
    ),
    Key(
        "environments.*.approval.escalate_when.*.labels",
        with_rule,
        '{labels: ["risk: *"]}',
        "{labels: risky}",
        '{labels: ["\\u200b"]}',
        f"{_RULE}.labels",
    ),
    Key(
        "environments.*.approval.escalate_when.*.title",
        with_rule,
        '{title: ["*hotfix*"]}',
        "{title: hotfix}",
        f"{{title: [{_LONG}]}}",
        f"{_RULE}.title",
    ),
    Key(
        "environments.*.approval.escalate_when.*.branch",
        with_rule,
        '{branch: ["release/*"]}',
        "{branch: main}",
        "{branch: []}",
        f"{_RULE}.branch",
    ),
    Key(
        "environments.*.approval.escalate_when.*.base",
        with_rule,
        '{base: ["release/*"]}',
        "{base: main}",
        "{base: [1]}",
        f"{_RULE}.base",
    ),
    Key(
        "environments.*.approval.escalate_when.*.approvers",
        with_rule,
        "{author_is: bot, approvers: [{permission: admin}]}",
        "{author_is: bot, approvers: {permission: admin}}",
        "{author_is: bot, approvers: []}",
        f"{_RULE}.approvers",
    ),
    Key(
        "environments.*.approval.escalate_when.*.block",
        with_rule,
        "{author_is: bot, block: bots do not deploy}",
        "{author_is: bot, block: true}",
        f"{{author_is: bot, block: {_LONG}}}",
        f"{_RULE}.block",
    ),
    Key(
        "environments.*.approval.approvers",
        with_approval,
        "{approvers: [{permission: admin}]}",
        "{approvers: {permission: admin}}",
        "{approvers: []}",
        f"{_APPROVAL}.approvers",
    ),
    Key(
        "environments.*.approval.self_approval",
        with_approval,
        "{self_approval: true}",
        "{self_approval: maybe}",
        "{self_approval: 1}",
        f"{_APPROVAL}.self_approval",
    ),
    Key(
        "environments.*.approval.same_content",
        with_approval,
        "{same_content: keep}",
        "{same_content: keeps}",
        "{same_content: true}",
        f"{_APPROVAL}.same_content",
    ),
    Key(
        "environments.*.approval.contributors",
        with_approval,
        "{contributors: shipped}",
        "{contributors: shiped}",
        "{contributors: nobody}",
        f"{_APPROVAL}.contributors",
    ),
    Key(
        "environments.*.approval.delegates",
        with_approval,
        "{delegates: [{permission: write}, {teams: [acme/sre]}]}",
        "{delegates: {permission: write}}",
        "{delegates: [{permission: read}, {}]}",
        f"{_APPROVAL}.delegates",
    ),
    Key(
        "environments.*.approval.expires_after",
        with_approval,
        "{expires_after: 2d}",
        "{expires_after: 48}",
        "{expires_after: 31d}",
        f"{_APPROVAL}.expires_after",
    ),
    Key(
        "environments.*.approval.remind_after",
        with_approval,
        "{remind_after: [2h, 8h]}",
        "{remind_after: 2h}",
        "{remind_after: [0s]}",
        f"{_APPROVAL}.remind_after",
    ),
    Key(
        "environments.*.approval.escalate_to",
        with_approval,
        "{escalate_to: [{after: 4h, teams: [acme/leads]}, {after: 8h, permission: admin}]}",
        "{escalate_to: acme/leads}",
        "{escalate_to: []}",
        f"{_APPROVAL}.escalate_to",
    ),
    Key(
        "environments.*.approval.escalate_to.after",
        with_step,
        "{after: 1m, users: [octocat]}",
        "{after: 4, users: [octocat]}",
        "{after: 31d, users: [octocat]}",
        f"{_STEP}.after",
    ),
    Key(
        "environments.*.approval.escalate_to.users",
        with_step,
        "{after: 4h, users: [octocat]}",
        "{after: 4h, users: octocat}",
        "{after: 4h, users: []}",
        f"{_STEP}.users",
    ),
    Key(
        "environments.*.approval.escalate_to.teams",
        with_step,
        "{after: 4h, teams: [acme/leads]}",
        "{after: 4h, teams: acme/leads}",
        '{after: 4h, teams: ["@acme/leads"]}',
        f"{_STEP}.teams",
    ),
    Key(
        "environments.*.approval.escalate_to.permission",
        with_step,
        "{after: 4h, permission: admin}",
        "{after: 4h, permission: owner}",
        "{after: 4h, permission: read}",
        f"{_STEP}.permission",
    ),
    Key(
        "environments.*.approval.working_hours",
        with_approval,
        "{remind_after: [2h], working_hours: {timezone: UTC}}",
        "{remind_after: [2h], working_hours: 9 to 5}",
        "{remind_after: [2h], working_hours: {}}",
        _HOURS,
    ),
    Key(
        "environments.*.approval.working_hours.days",
        with_hours,
        "{days: [sat, sun], timezone: UTC}",
        "{days: mon, timezone: UTC}",
        "{days: [], timezone: UTC}",
        f"{_HOURS}.days",
    ),
    Key(
        "environments.*.approval.working_hours.from",
        with_hours,
        "{from: 00:00, timezone: UTC}",
        "{from: 9, timezone: UTC}",
        '{from: "25:00", timezone: UTC}',
        f"{_HOURS}.from",
    ),
    Key(
        "environments.*.approval.working_hours.to",
        with_hours,
        '{to: "24:00", timezone: UTC}',
        "{to: 08:59, timezone: UTC}",
        '{to: "24:01", timezone: UTC}',
        f"{_HOURS}.to",
    ),
    Key(
        "environments.*.approval.working_hours.timezone",
        with_hours,
        "{timezone: America/New_York}",
        "{timezone: Berlin}",
        "{timezone: ../../etc/passwd}",
        f"{_HOURS}.timezone",
    ),
    Key(
        "environments.*.approval.working_hours.holidays",
        with_hours,
        "{timezone: UTC, holidays: DE-BY}",
        "{timezone: UTC, holidays: Bavaria}",
        "{timezone: UTC, holidays: DE-ZZ}",
        f"{_HOURS}.holidays",
    ),
    Key(
        "environments.*.approval.approval_expires_after",
        with_approval,
        "{approval_expires_after: 24h}",
        "{approval_expires_after: 24}",
        "{approval_expires_after: 31d}",
        f"{_APPROVAL}.approval_expires_after",
    ),
    Key(
        "environments.*.approval.approvers.*.users",
        with_line,
        "{users: [octocat, ab_corp]}",
        "{users: octocat}",
        "{users: []}",
        f"{_LINE}.users",
    ),
    Key(
        "environments.*.approval.approvers.*.teams",
        with_line,
        "{teams: [acme/sre]}",
        "{teams: acme/sre}",
        "{teams: []}",
        f"{_LINE}.teams",
    ),
    Key(
        "environments.*.approval.approvers.*.permission",
        with_line,
        "{permission: maintain}",
        "{permission: writer}",
        "{permission: read}",
        f"{_LINE}.permission",
    ),
    Key(
        "environments.*.approval.approvers.*.count",
        with_line,
        "{permission: write, count: 2}",
        "{permission: write, count: two}",
        "{permission: write, count: 0}",
        f"{_LINE}.count",
    ),
    Key(
        "environments.*.approval.approvers.*.organisations",
        with_line,
        "{organisations: [acme]}",
        "{organisations: acme}",
        '{organisations: ["acme/../evil"]}',
        f"{_LINE}.organisations",
    ),
    Key(
        "environments.*.approval.approvers.*.roles",
        with_line,
        "{roles: [security-manager, release captain]}",
        "{roles: security-manager}",
        "{roles: [read]}",
        f"{_LINE}.roles",
    ),
    Key(
        "environments.*.approval.approvers.*.codeowners",
        with_line,
        "{codeowners: true, permission: maintain}",
        "{codeowners: false}",
        "{codeowners: 1}",
        f"{_LINE}.codeowners",
    ),
    Key(
        "environments.*.approval.approvers.*.any_of",
        with_line,
        "{any_of: [{users: [octocat]}, {all_of: [{teams: [acme/sre]}, {permission: admin}]}]}",
        "{any_of: {users: [octocat]}}",
        "{any_of: []}",
        f"{_LINE}.any_of",
    ),
    Key(
        "environments.*.approval.approvers.*.all_of",
        with_line,
        "{all_of: [{users: [octocat]}, {permission: write}]}",
        "{all_of: octocat}",
        "{all_of: []}",
        f"{_LINE}.all_of",
    ),
    Key(
        "environments.*.deploy.grant",
        with_route,
        "{grant: {}}",
        "{grant: true}",
        "{grant: {to: everybody}}",
        f"{_ROUTE}.grant",
    ),
    Key(
        "environments.*.deploy.grant.workflow",
        with_route,
        "{grant: {workflow: deploy.yml}}",
        "{grant: {workflow: [deploy.yml]}}",
        '{grant: {workflow: "../deploy.yml"}}',
        f"{_ROUTE}.grant.workflow",
    ),
    Key(
        "environments.*.deploy.workflow",
        with_route,
        "{workflow: deploy.yaml}",
        "{workflow: [deploy.yml]}",
        '{workflow: "deploy.yml@evil"}',
        f"{_ROUTE}.workflow",
    ),
    Key(
        "environments.*.deploy.deployment",
        with_route,
        "{deployment: {}}",
        "{deployment: yes}",
        "{deployment: {auto: 1}}",
        f"{_ROUTE}.deployment",
    ),
    Key(
        "environments.*.deploy.protection_rule",
        with_route,
        "{protection_rule: {}}",
        "{protection_rule: []}",
        "{protection_rule: {fail: open}}",
        f"{_ROUTE}.protection_rule",
    ),
    Key(
        "environments.*.deploy.command",
        with_route,
        "{command: make deploy}",
        "{command: [make]}",
        '{command: "\\u202emake"}',
        f"{_ROUTE}.command",
    ),
    Key(
        "environments.*.deploy.timeout",
        with_route,
        "{command: make, timeout: 6h}",
        "{command: make, timeout: 0s}",
        "{command: make, timeout: 7h}",
        f"{_ROUTE}.timeout",
    ),
)

_each_key = pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)


@_each_key
def test_a_good_value_is_accepted(key: Key) -> None:
    accepted(key.wrap(key.good))


@_each_key
def test_a_bad_value_is_refused_at_its_key(key: Key) -> None:
    assert key.refused_at in paths(refused(key.wrap(key.bad)))


@_each_key
def test_a_hostile_value_is_refused_at_or_below_its_key(key: Key) -> None:
    found = paths(refused(key.wrap(key.hostile)))
    assert any(path.startswith(key.refused_at) for path in found), found


@_each_key
def test_a_key_without_a_value_is_refused(key: Key) -> None:
    """An empty value is what a slipped indentation leaves; it never stands for the default."""
    word = key.name.rpartition(".")[2]
    wraps = {
        "version": "version:\nenvironments: {a: {}}",
        "stages": "version: 1\nstages:\nenvironments: {a: {}}",
        "notify": "version: 1\nnotify:\nenvironments: {a: {}}",
    }
    text = wraps.get(key.name, "version: 1\nenvironments:" if word == "environments" else "")
    problems = refused(text or key.wrap(f"{{{word}: }}"))
    assert any(problem.reason == "has no value" for problem in problems)


def test_every_key_of_every_model_is_in_the_table() -> None:
    known = {".".join((*place, key)) for model, place in DESCRIBED.items() for key in keys_of(model)}
    assert {key.name for key in KEYS} == known


@pytest.mark.parametrize(
    "name",
    ["production", "review/pr-12", "eu west 1", "v1.2", "a", "0", "github-pages", "A" * 255],
)
def test_an_environment_may_have_the_name(name: str) -> None:
    assert accepted(f'version: 1\nenvironments: {{"{name}": {{}}}}').environments[0].name == name


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="nothing"),
        pytest.param(" production", id="a blank before"),
        pytest.param("production ", id="a blank after"),
        pytest.param("a  b", id="two blanks"),
        pytest.param("../../etc", id="a way out of a folder"),
        pytest.param("a/../b", id="a way out in the middle"),
        pytest.param("/abs", id="an absolute path"),
        pytest.param("a//b", id="an empty part"),
        pytest.param("a/", id="a slash at the end"),
        pytest.param(".hidden", id="a dot at the beginning"),
        pytest.param("-rf", id="an option"),
        pytest.param("pr\\u043eduction", id="case 94: a Cyrillic look-alike"),
        pytest.param("production\\n", id="case 94: a line break after"),
        pytest.param("production\\0", id="case 94: a NUL after"),
        pytest.param("production\\u200b", id="case 94: an invisible character after"),
        pytest.param("prod*", id="case 94: a glob"),
        pytest.param("^prod", id="case 94: an expression"),
        pytest.param("a`b", id="a backtick"),
        pytest.param("<b>", id="markup"),
        pytest.param("gate / production", id="the name of a gate's check run"),
        pytest.param("a" * 256, id="256 characters"),
    ],
)
def test_case_094_no_environment_and_no_stage_may_have_the_name(name: str) -> None:
    refused(f'version: 1\nenvironments: {{"{name}": {{}}}}')
    refused(f'version: 1\nstages: {{"{name}": {{checks: all}}}}\nenvironments: {{a: {{}}}}')


@pytest.mark.parametrize(
    "login", ["@octocat", "dependabot[bot]", "a b", "-a", "a" * 40, "octo.cat", "octocát"]
)
def test_what_is_not_a_persons_login_is_refused(login: str) -> None:
    assert f"{_LINE}.users[0]" in paths(refused(with_line(f'{{users: ["{login}"]}}')))


@pytest.mark.parametrize("team", ["sre", "@acme/sre", "acme/", "/sre", "acme/a/b", "acme/a b", "acme/*"])
def test_what_is_not_a_team_is_refused(team: str) -> None:
    assert f"{_LINE}.teams[0]" in paths(refused(with_line(f'{{teams: ["{team}"]}}')))


@pytest.mark.parametrize(
    "text", ["0s", "-1h", "1.5h", "1h30m", "48 h", "48H", "h", "\u0661h", "1w", "1h\\n", "59s", "31d"]
)
def test_what_is_not_a_patience_is_refused(text: str) -> None:
    assert f"{_APPROVAL}.expires_after" in paths(refused(with_approval(f'{{expires_after: "{text}"}}')))


@pytest.mark.parametrize(
    "count", ["-1", "0", "101", "1.0", '"1"', "true", "1_0", "0x1", "+1", "99999999999999999999"]
)
def test_case_093_what_is_not_a_count_of_people_is_refused(count: str) -> None:
    assert f"{_LINE}.count" in paths(refused(with_line(f"{{permission: write, count: {count}}}")))
