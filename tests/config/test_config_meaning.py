"""What a readable file means, and what values may not mean together."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support.config import (
    BLOB,
    LONG,
    MINIMAL,
    accepted,
    paths,
    production,
    refused,
    with_approval,
    with_environment,
    with_line,
    with_parameter,
    with_probe,
    with_route,
    with_rule,
    with_stage,
    with_window,
    work,
)

from gate_app.config import read
from gate_app.config.vocabulary import NOT_YET, NotYet
from gate_app.domain.evidence import Severity
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
    GrantRoute,
    Permission,
    Policy,
    ProtectionRuleRoute,
    Route,
    Stage,
    WorkflowRoute,
    WorkflowWork,
)


def test_three_lines_are_a_safe_gate() -> None:
    assert accepted(MINIMAL) == Policy(
        BLOB,
        stages=(Stage("checks", ChecksWork("all")),),
        environments=(
            Environment(
                "production",
                origin=Origin.DEFAULT_BRANCH,
                needs=("checks",),
                after=None,
                approval=ApprovalPolicy(
                    lines=(ApproverLine(permission=Permission.WRITE, count=1),),
                    mode=ApprovalMode.ALWAYS,
                    self_approval=False,
                    expires_after=timedelta(hours=48),
                ),
                deploy=GrantRoute(),
                verify=(),
            ),
        ),
    )


def test_the_long_form_says_what_it_says() -> None:
    policy = accepted(LONG)
    assert policy.stages == (
        Stage("tests", ChecksWork("required")),
        Stage("build", WorkflowWork("ci.yml", junit="reports/junit*.xml")),
        Stage(
            "security",
            CommandWork(
                "mkdir -p reports && bandit -r . --exit-zero -f sarif -o reports/bandit.sarif",
                sarif="reports/*.sarif",
                timeout=timedelta(minutes=10),
            ),
            Severity.HIGH,
        ),
        Stage("integration", WorkflowWork("integration.yml")),
    )
    staging, production = policy.environments
    assert staging.origin is Origin.PULL_REQUEST
    assert staging.needs == ("tests", "build", "security")
    assert staging.approval.mode is ApprovalMode.NEVER
    assert staging.deploy == WorkflowRoute("deploy.yml")
    assert staging.verify == ("integration",)
    assert production.after == "staging"
    assert production.deploy == ProtectionRuleRoute()
    assert production.approval == ApprovalPolicy(
        lines=(
            ApproverLine(teams=("acme/sre",), count=1),
            ApproverLine(users=("octocat", "hubot"), permission=Permission.MAINTAIN, count=1),
        ),
        expires_after=timedelta(hours=24),
    )


def test_an_environment_that_names_no_needs_needs_every_automated_stage() -> None:
    environment = accepted(LONG).environment("production")
    assert environment is not None
    assert environment.needs == ("tests", "build", "security"), "integration merely verifies staging"


def test_a_stage_may_be_needed_and_verify_as_well() -> None:
    text = with_environment("{needs: [tests, smoke], verify: [smoke]}")
    assert production(text).needs == ("tests", "smoke")
    assert production(text).verify == ("smoke",)


def test_where_every_stage_merely_verifies_all_checks_are_needed() -> None:
    policy = accepted(
        "version: 1\nstages: {smoke: {workflow: s.yml}}\nenvironments: {a: {verify: [smoke]}}\n"
    )
    assert policy.environments[0].needs == ("checks",)
    assert policy.stage("checks").work == ChecksWork("all")


def test_the_stage_that_would_be_added_is_never_replaced_by_one_of_its_name() -> None:
    text = "version: 1\nstages: {checks: {workflow: s.yml}}\nenvironments: {a: {verify: [checks]}}\n"
    assert paths(refused(text)) == {"stages.checks"}


def test_an_environment_may_come_after_one_with_another_origin() -> None:
    text = "version: 1\nenvironments: {staging: {from: pull_request}, production: {after: staging}}\n"
    assert production(text).after == "staging"


def test_environments_keep_their_order() -> None:
    text = "version: 1\nenvironments: {production: {after: staging}, staging: {}, canary: {}}\n"
    assert [environment.name for environment in accepted(text).environments] == [
        "production",
        "staging",
        "canary",
    ]


@pytest.mark.parametrize(
    ("body", "route"),
    [
        ("grant", GrantRoute()),
        ("{grant: {}}", GrantRoute()),
        ("{grant: {workflow: deploy.yml}}", GrantRoute("deploy.yml")),
        ("deployment", DeploymentRoute()),
        ("{deployment: {}}", DeploymentRoute()),
        ("protection_rule", ProtectionRuleRoute()),
        ("{protection_rule: {}}", ProtectionRuleRoute()),
        ("{workflow: deploy.yml}", WorkflowRoute("deploy.yml")),
        ("{command: make deploy}", CommandRoute("make deploy")),
        ("{command: make deploy, timeout: 1h}", CommandRoute("make deploy", timedelta(hours=1))),
    ],
)
def test_a_route_is_what_it_is_called(body: str, route: Route) -> None:
    assert production(with_route(body)).deploy == route


@pytest.mark.parametrize(
    ("text", "span"),
    [("90s", timedelta(seconds=90)), ("30m", timedelta(minutes=30)), ("2d", timedelta(days=2))],
)
def test_a_duration_is_what_it_says(text: str, span: timedelta) -> None:
    assert production(with_approval(f"{{expires_after: {text}}}")).approval.expires_after == span


def test_a_stage_without_a_timeout_has_half_an_hour() -> None:
    assert work(with_stage("{command: make}")).work == CommandWork("make", timeout=timedelta(minutes=30))


def test_the_policy_is_pinned_to_its_blob() -> None:
    found = read(MINIMAL.encode(), "c" * 40)
    assert isinstance(found, Policy)
    assert found.blob_sha == "c" * 40


_E = "environments.production"

_NAMED = ", ".join(f"{{users: [u{number}]}}" for number in range(9))


TOGETHER = {
    "a stage that does nothing": (with_stage("{}"), "stages.work", "found none of them"),
    "a stage that does two things": (
        with_stage("{checks: all, command: make}"),
        "stages.work",
        "exactly one",
    ),
    "a report of checks": (
        with_stage("{checks: all, junit: a.xml}"),
        "stages.work.junit",
        "checks` leave nothing",
    ),
    "a scan of checks": (
        with_stage("{checks: all, sarif: a.sarif}"),
        "stages.work.sarif",
        "checks` leave nothing",
    ),
    "coverage of checks": (
        with_stage("{checks: all, coverage: c.xml}"),
        "stages.work.coverage",
        "checks` leave nothing",
    ),
    "a timeout of a workflow": (
        with_stage("{workflow: a.yml, timeout: 5m}"),
        "stages.work.timeout",
        "`command` only",
    ),
    "a threshold without a scan": (
        with_stage("{command: make, fail_when: {new_findings: high}}"),
        "stages.work.fail_when",
        "none is named",
    ),
    "two routes": (with_route("{workflow: a.yml, command: make}"), f"{_E}.deploy", "exactly one route"),
    "no route": (with_route("{timeout: 5m}"), f"{_E}.deploy", "found none"),
    "a timeout of a route that has none": (
        with_route("{workflow: a.yml, timeout: 5m}"),
        f"{_E}.deploy.timeout",
        "`command` only",
    ),
    "an unknown stage is needed": (with_environment("{needs: [test]}"), f"{_E}.needs[0]", "no stage `test`"),
    "an unknown stage verifies": (with_environment("{verify: [smok]}"), f"{_E}.verify[0]", "no stage `smok`"),
    "an environment verifies": (
        with_environment("{verify: [staging]}"),
        f"{_E}.verify[0]",
        "no stage `staging`",
    ),
    "after an unknown environment": (
        with_environment("{after: stagin}"),
        f"{_E}.after",
        "no environment `stagin`",
    ),
    "after a stage": (with_environment("{after: smoke}"), f"{_E}.after", "no environment `smoke`"),
    "after itself": (with_environment("{after: production}"), f"{_E}.after", "after itself"),
    "a circle of two": (
        "version: 1\nenvironments: {a: {after: b}, b: {after: a}}",
        "environments.a.after",
        "`a` after `b` after `a`",
    ),
    "a circle of three with a tail": (
        "version: 1\nenvironments: {t: {after: a}, a: {after: b}, b: {after: c}, c: {after: a}}",
        "environments.a.after",
        "`a` after `b` after `c` after `a`",
    ),
    "case 93: no environment": ("version: 1\nenvironments: {}", "environments", "empty"),
    "case 93: nothing is needed": (with_environment("{needs: []}"), f"{_E}.needs", "empty"),
    "case 93: nobody approves": (with_approval("{approvers: []}"), f"{_E}.approval.approvers", "empty"),
    "case 93: a line that anybody meets": (
        with_line("{count: 1}"),
        f"{_E}.approval.approvers[0]",
        "names nobody",
    ),
    "case 93: a line without a word": (with_line("{}"), f"{_E}.approval.approvers[0]", "names nobody"),
    "case 93: a line that any reader meets": (
        with_line("{permission: read}"),
        f"{_E}.approval.approvers[0].permission",
        "holds nothing",
    ),
    "case 93: people are counted as none": (
        with_line("{permission: write, count: 0}"),
        f"{_E}.approval.approvers[0].count",
        "at least 1",
    ),
    "case 93: a part without a word": (
        with_line("{any_of: [{users: [a]}, {}]}"),
        f"{_E}.approval.approvers[0].any_of[1]",
        "names nobody",
    ),
    "case 93: a role that nobody has": (
        with_line("{roles: [none]}"),
        f"{_E}.approval.approvers[0].roles",
        "no role",
    ),
    "case 93: anybody in a role": (
        with_line("{roles: [read, triage]}"),
        f"{_E}.approval.approvers[0].roles",
        "anybody can read",
    ),
    "keys beside parts": (
        with_line("{any_of: [{users: [a]}], permission: write}"),
        f"{_E}.approval.approvers[0]",
        "either its keys or its parts; found `any_of`, `permission`",
    ),
    "parts nested without end": (
        with_line("{any_of: [{all_of: [{any_of: [{all_of: [{users: [a]}]}]}]}]}"),
        f"{_E}.approval.approvers[0].any_of[0].all_of[0].any_of[0]",
        "more than 3 deep",
    ),
    "case 93: no choice of parts has enough people": (
        with_line(
            "{any_of: [{all_of: [{users: [a]}, {users: [a], permission: write}]}, {users: [b], count: 2}]}"
        ),
        f"{_E}.approval.approvers[0]",
        "need 2 different people and name 1",
    ),
    "more lines than anybody could read": (
        with_line(f"{{any_of: [{{all_of: [{{users: [a]}}, {{users: [b]}}]}}, {_NAMED}]}}"),
        f"{_E}.approval.approvers",
        "more than 10 lines",
    ),
    "more ways than can be tried": (
        "version: 1\nenvironments:\n  production:\n    approval:\n      mode: escalate\n      escalate_when:\n"
        + "".join(f"        - {{labels: [x{n}], approvers: [{{any_of: [{_NAMED}]}}]}}\n" for n in range(3)),
        f"{_E}.approval",
        "more than 256 ways",
    ),
    "case 93: nobody is asked, but approvers are listed": (
        with_approval("{mode: never, approvers: [{permission: write}]}"),
        f"{_E}.approval.approvers",
        "asks nobody",
    ),
    "case 93: nobody is asked, but the question expires": (
        with_approval("{mode: never, expires_after: 4h}"),
        f"{_E}.approval.expires_after",
        "asks nobody",
    ),
    "case 93: a rule over a stage that holds the gate anyway": (
        with_rule("{not_passed: [scan]}"),
        f"{_E}.approval.escalate_when[0].not_passed[0]",
        "holds the gate anyway",
    ),
    "a rule over a stage that there is not": (
        with_rule("{not_passed: [lint]}"),
        f"{_E}.approval.escalate_when[0].not_passed[0]",
        "no stage `lint`",
    ),
    "a reminder after the question is over": (
        with_approval("{remind_after: [48h]}"),
        f"{_E}.approval.remind_after[0]",
        "would never happen",
    ),
    "reminders out of order": (
        with_approval("{remind_after: [8h, 2h]}"),
        f"{_E}.approval.remind_after[1]",
        "`2h` is not after `8h`",
    ),
    "two steps at one time": (
        with_approval("{escalate_to: [{after: 4h, users: [a]}, {after: 240m, users: [b]}]}"),
        f"{_E}.approval.escalate_to[1].after",
        "is not after",
    ),
    "case 93: a step to nobody": (
        with_approval("{escalate_to: {after: 4h}}"),
        f"{_E}.approval.escalate_to",
        "on to nobody",
    ),
    "case 93: working hours in which no clock runs": (
        with_approval("{working_hours: {timezone: UTC}}"),
        f"{_E}.approval.working_hours",
        "no clock runs",
    ),
    "a working day that ends before it begins": (
        with_approval("{remind_after: [1h], working_hours: {from: 17:00, to: 09:00, timezone: UTC}}"),
        f"{_E}.approval.working_hours.to",
        "is not after",
    ),
    "a working day twice": (
        with_approval("{remind_after: [1h], working_hours: {days: [mon, mon], timezone: UTC}}"),
        f"{_E}.approval.working_hours.days[1]",
        "listed twice",
    ),
    "case 93: nobody is asked, but reminded": (
        with_approval("{mode: never, remind_after: [4h]}"),
        f"{_E}.approval.remind_after",
        "asks nobody",
    ),
    "an environment whose check run would be that of the file": (
        "version: 1\nenvironments: {Policy: {}}\n",
        "environments.Policy",
        "called `gate / policy` already",
    ),
    "a parameter whose name is ours": (
        with_approval("{parameters: {sha: {type: string, default: a}}}"),
        f"{_E}.approval.parameters.sha",
        "an input of our own",
    ),
    "a choice without options": (
        with_parameter("{type: choice, default: a}"),
        f"{_E}.approval.parameters.percent",
        "what a `choice` is among",
    ),
    "options of a number": (
        with_parameter("{type: integer, options: [a], default: 5}"),
        f"{_E}.approval.parameters.percent",
        "what a `choice` is among",
    ),
    "a default out of its bounds": (
        with_parameter("{type: integer, minimum: 1, maximum: 4, default: 5}"),
        f"{_E}.approval.parameters.percent.default",
        "a whole number from 1 to 4",
    ),
    "a default that is no option": (
        with_parameter("{type: choice, options: [a, b], default: c}"),
        f"{_E}.approval.parameters.percent.default",
        "one of a, b",
    ),
    "case 162: a default that is a credential": (
        with_parameter("{type: string, default: ghp_0123456789}"),
        f"{_E}.approval.parameters.percent.default",
        "never a secret",
    ),
    "one channel twice": (
        "version: 1\nenvironments: {production: {}}\nnotify: [ops, ops]\n",
        "notify[1]",
        "listed twice",
    ),
    "one option twice": (
        with_parameter("{type: choice, options: [a, a], default: a}"),
        f"{_E}.approval.parameters.percent.options[1]",
        "listed twice",
    ),
    "parameters where nobody is asked": (
        with_approval("{mode: never, parameters: {percent: {type: integer, default: 5}}}"),
        f"{_E}.approval.parameters",
        "asks nobody",
    ),
    "what comes after a shadow": (
        "version: 1\nenvironments:\n  staging: {shadow: true}\n  production: {after: staging}\n",
        "environments.production.after",
        "nothing passes there",
    ),
    "a soak that counts from nowhere": (with_environment("{soak: 30m}"), f"{_E}.soak", "in `after`"),
    "a window of two kinds": (
        with_window('{cron: "0 1 * * *", duration: 1h, holidays: DE, timezone: UTC}'),
        f"{_E}.freeze[0]",
        "found both",
    ),
    "a window of no kind": (with_window("{timezone: UTC}"), f"{_E}.freeze[0]", "found neither"),
    "case 93: a window without an end": (
        with_window('{cron: "0 1 * * *", timezone: UTC}'),
        f"{_E}.freeze[0]",
        "how long it is",
    ),
    "holidays with a duration": (
        with_window("{holidays: DE, duration: 1h, timezone: UTC}"),
        f"{_E}.freeze[0]",
        "how long it is",
    ),
    "the same window twice": (
        with_environment("{freeze: [{holidays: DE, timezone: UTC}, {holidays: DE, timezone: UTC}]}"),
        f"{_E}.freeze[1]",
        "given twice",
    ),
    "the same exception twice": (
        with_window("{holidays: DE, timezone: UTC, exceptions: [2026-12-27, 2026-12-27]}"),
        f"{_E}.freeze[0].exceptions[1]",
        "listed twice",
    ),
    "case 93: escalating without a rule": (
        with_approval("{mode: escalate}"),
        f"{_E}.approval.mode",
        "would never ask anybody",
    ),
    "case 93: rules beside a mode that always asks": (
        with_approval("{escalate_when: [{author_is: bot}]}"),
        f"{_E}.approval.escalate_when",
        "asks every time",
    ),
    "case 93: rules beside a mode that never asks": (
        with_approval("{mode: never, escalate_when: [{author_is: bot}]}"),
        f"{_E}.approval.escalate_when",
        "asks nobody",
    ),
    "case 93: a rule that nothing makes fire": (
        with_rule("{approvers: [{permission: admin}]}"),
        f"{_E}.approval.escalate_when[0]",
        "names nothing that could make it fire",
    ),
    "a rule that blocks and asks": (
        with_rule("{author_is: bot, block: no bots, approvers: [{permission: admin}]}"),
        f"{_E}.approval.escalate_when[0].approvers",
        "a rule that blocks asks nobody",
    ),
    "case 93: a line of a rule that anybody meets": (
        with_rule("{author_is: bot, approvers: [{permission: read}]}"),
        f"{_E}.approval.escalate_when[0].approvers[0].permission",
        "holds nothing",
    ),
    "a rule over findings that nobody reports": (
        with_approval("{mode: escalate, escalate_when: [{new_findings: low}]}"),
        f"{_E}.approval.escalate_when[0].new_findings",
        "leaves a `sarif` report",
    ),
    "a rule over tests that nobody counts": (
        with_approval('{mode: escalate, escalate_when: [{skipped_tests: "> 0"}]}'),
        f"{_E}.approval.escalate_when[0].skipped_tests",
        "leaves a `junit` report",
    ),
    "a rule over coverage that nobody measures": (
        with_approval('{mode: escalate, escalate_when: [{coverage_drop: "> 0.5"}]}'),
        f"{_E}.approval.escalate_when[0].coverage_drop",
        "leaves a `coverage` report",
    ),
    "a rule over failed tests that hold the gate anyway": (
        with_rule('{failed_tests: "> 0"}'),
        f"{_E}.approval.escalate_when[0].failed_tests",
        "there they hold the gate anyway",
    ),
    "a path from the root": (
        with_rule('{paths: ["/infra/**"]}'),
        f"{_E}.approval.escalate_when[0].paths[0]",
        "no file",
    ),
    "a path from here": (
        with_rule('{paths: ["./infra/**"]}'),
        f"{_E}.approval.escalate_when[0].paths[0]",
        "no file",
    ),
    "a folder with a slash": (with_environment('{paths: ["infra/"]}'), f"{_E}.paths[0]", "no file"),
    "braces": (with_rule('{paths: ["{infra,db}/**"]}'), f"{_E}.approval.escalate_when[0].paths[0]", "braces"),
    "only what is taken away": (
        with_rule('{paths: ["!docs/**"]}'),
        f"{_E}.approval.escalate_when[0].paths",
        "no file",
    ),
    "one login twice in a line of a rule": (
        with_rule("{author_is: bot, approvers: [{users: [a, A]}]}"),
        f"{_E}.approval.escalate_when[0].approvers[0].users[1]",
        "listed twice",
    ),
    "more people than are named": (
        with_line("{users: [a, b], count: 3}"),
        f"{_E}.approval.approvers[0].count",
        "need 3 different people and name 2",
    ),
    "two lines, one person": (
        with_approval("{approvers: [{users: [octocat]}, {permission: write}, {users: [Octocat]}]}"),
        f"{_E}.approval.approvers[2]",
        "lines 1, 3 together need 2 different people and name 1",
    ),
    "a probe that asks two things": (
        with_probe('{http: "https://a.example", prometheus: "error_rate < 0.01"}'),
        f"{_E}.monitor.probes[0]",
        "found both",
    ),
    "a probe that asks nothing": (with_probe("{every: 1m}"), f"{_E}.monitor.probes[0]", "found neither"),
    "too few people for a way back": (
        with_environment("{rollback: {approvers: [{users: [octocat], count: 2}]}}"),
        f"{_E}.rollback.approvers[0].count",
        "nobody could open this gate",
    ),
    "a way back that anybody could open": (
        with_environment("{rollback: {approvers: [{count: 1}]}}"),
        f"{_E}.rollback.approvers[0]",
        "anybody would meet this line",
    ),
    "a person twice": (
        with_line("{users: [octocat, OctoCat]}"),
        f"{_E}.approval.approvers[0].users[1]",
        "twice",
    ),
    "a team twice": (with_line("{teams: [a/b, A/b]}"), f"{_E}.approval.approvers[0].teams[1]", "twice"),
    "a need twice": (with_environment("{needs: [tests, tests]}"), f"{_E}.needs[1]", "twice"),
    "a check twice": (with_stage("{checks: [a, b, a]}"), "stages.work.checks[2]", "twice"),
    "case 94: two environments that GitHub takes for one": (
        "version: 1\nenvironments: {production: {}, Production: {}}",
        "environments.Production",
        "upper and lower",
    ),
    "two stages that look alike": (
        "version: 1\nstages: {a: {checks: all}, A: {checks: all}}\nenvironments: {x: {}}",
        "stages.A",
        "upper and lower",
    ),
}


@pytest.mark.parametrize(("text", "path", "words"), TOGETHER.values(), ids=TOGETHER.keys())
def test_values_that_hold_nothing_together_are_refused(text: str, path: str, words: str) -> None:
    (problem,) = refused(text)
    assert problem.path == path
    assert words in problem.reason


def test_a_circle_is_told_once_and_its_tail_not_at_all() -> None:
    text, path, _ = TOGETHER["a circle of three with a tail"]
    assert [problem.path for problem in refused(text)] == [path]


def test_a_line_is_not_short_where_a_team_widens_another_line() -> None:
    accepted(with_approval("{approvers: [{users: [octocat]}, {teams: [acme/sre], count: 3}]}"))


NOT_YET_FILES = {
    "environments.*.from.tag": with_environment('{from: {tag: "v*"}}'),
    "environments.*.approval.escalate_when.*.riskiest": with_rule("{author_is: bot, riskiest: 10%}"),
}


@pytest.mark.parametrize("row", NOT_YET, ids=lambda row: ".".join(row.path))
def test_case_093_what_cannot_be_enforced_yet_is_refused_once_and_not_ignored(row: NotYet) -> None:
    name = ".".join(row.path)
    (problem,) = refused(NOT_YET_FILES[name])
    assert "is known, but this version cannot enforce it yet" in problem.reason
    assert problem.path == name.replace("environments.*", "environments.production").replace(".*", "[0]")


def test_case_090_a_key_of_the_full_language_is_never_silently_lost() -> None:
    assert set(NOT_YET_FILES) == {".".join(row.path) for row in NOT_YET}


MEANT = {
    "a typo": (with_environment("{need: [tests]}"), "did you mean `needs`?"),
    "a typo of a section": ("version: 1\nenviroments: {a: {}}\n", "did you mean `environments`?"),
    "a typo of a reference": (with_environment("{needs: [tets]}"), "did you mean `tests`?"),
    "a typo of a word": (with_approval("{mode: alwyas}"), "did you mean `always`?"),
    "a typo of an environment": (with_environment("{after: stage}"), "did you mean `staging`?"),
    "a key one level too high": (
        with_environment("{expires_after: 4h}"),
        "it belongs under `environments.<name>.approval`",
    ),
    "a key of a line beside it": (
        with_approval("{count: 2}"),
        "it belongs under `environments.<name>.approval.approvers[…]`",
    ),
    "a key of the top": (with_environment("{version: 1}"), "it belongs at the top of the file"),
    "a key that resembles nothing": (
        with_route("{xyzzyx: 1}"),
        "known here: grant, workflow, deployment, protection_rule, command, timeout",
    ),
    "a name outside a list": (with_stage("{checks: xyzzyx}"), "names go in a list: `[…]`"),
    "no version": ("environments: {a: {}}\n", "write `version: 1`"),
    "no environments": ("version: 1\n", "name at least one: `environments: {production: {}}`"),
}


@pytest.mark.parametrize(("text", "fix"), MEANT.values(), ids=MEANT.keys())
def test_case_090_the_fix_says_what_was_meant(text: str, fix: str) -> None:
    assert fix in [problem.fix for problem in refused(text)]


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    problems = refused(
        "version: 1\n"
        "stages:\n"
        "  tests: {checks: requird}\n"
        "environments:\n"
        "  staging: {after: stagin, notify: [ops]}\n"
        "  production:\n"
        "    need: [tests]\n"
        "    after: prodution\n"
        "    approval:\n"
        "      approvers:\n"
        "        - {count: 0}\n"
    )
    assert [(problem.path, problem.line, problem.column) for problem in problems] == [
        ("stages.tests.checks", 3, 19),
        ("environments.staging.after", 5, 20),
        ("environments.staging.notify", 5, 28),
        ("environments.production.need", 7, 5),
        ("environments.production.approval.approvers[0].count", 11, 19),
    ]


def test_a_problem_is_one_friendly_line() -> None:
    (problem,) = refused("version: 1\nenvironments:\n  production: {need: [tests]}\n")
    assert str(problem) == (
        ".github/gate.yml:3:16: environments.production.need: `need` is not a key here; did you mean `needs`?"
    )


def test_problems_are_bounded_and_the_rest_is_counted() -> None:
    problems = refused("version: 1\nenvironments: {a: {}}\n" + "".join(f"key{n}: 1\n" for n in range(200)))
    assert len(problems) == 50
    assert problems[-1].reason == "151 more problems are not listed"


@pytest.mark.parametrize(
    "word",
    ["\\e[31m", "`code`", "\\n::error::", "\\u202e", "a" * 3_000, "<script>", "\\0"],
    ids=["terminal", "backticks", "workflow command", "reordering", "long", "markup", "NUL"],
)
def test_untrusted_text_is_harmless_in_a_problem(word: str) -> None:
    """`refused` checks that what is shown is one bounded printable line."""
    for text in (
        f'"{word}": 1\nversion: 1\nenvironments: {{a: {{}}}}',
        with_environment(f'{{after: "{word}"}}'),
    ):
        for problem in refused(text):
            assert str(problem).count("`") % 2 == 0
