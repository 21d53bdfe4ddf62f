"""What the doctor says about what it sees: each state has its grade, its meaning and what to mend."""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console
from support.github import (
    APP_ID,
    INSTALLATION_ID,
    NOON,
    REPOSITORY,
    ScriptedGithub,
    hub,
    policy_file,
    private_key,
    scripted,
)
from support.tokens import AUDIENCE as ME
from support.tokens import ISSUER, key_entry

from gate_app.bootstrap import read_policy
from gate_app.doctor import app, jobs, machine, report
from gate_app.doctor.examination import examine, refused_settings
from gate_app.doctor.finding import Finding, Grade, exit_code, ok, warn, wrong
from gate_app.doctor.repositories import installations, strength
from gate_app.domain.events import ClockTicked
from gate_app.engine.ports import DeliveryRecord, InboxItem, RunNoticed
from gate_app.errors import ConfigurationFault
from gate_app.github.inspection import DeployEnvironment, Greeting, Hook
from gate_app.github.payloads import essential_events, work_events
from gate_app.github.permissions import needed
from gate_app.settings import Settings, from_environment
from gate_app.store.database import migrate, open_engine
from gate_app.store.repository import SqlStore

HOOK = Hook("https://gate.example/webhooks/github", "json", verifies_tls=True, secret=True)
ENVIRONMENT = "/repos/acme/shop/environments/production"
RULES = f"{ENVIRONMENT}/deployment_protection_rules"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return from_environment(
        {
            "GATE_APP_ID": str(APP_ID),
            "GATE_PRIVATE_KEY": private_key(),
            "GATE_BASE_URL": "https://gate.example",
            "GATE_DATABASE_URL": f"sqlite:///{tmp_path}/gate.db",
            "GATE_HOME": str(tmp_path / "home"),
        }
    )


@pytest.fixture
def github() -> Iterator[ScriptedGithub]:
    with scripted() as github:
        yield github


def said(findings: Sequence[Finding] | Iterator[Finding], grade: Grade) -> str:
    return "\n".join(f"{each.topic}: {each.text}" for each in findings if each.grade is grade)


def description(**changed: object) -> dict[str, object]:
    known: dict[str, object] = {
        "id": APP_ID,
        "slug": "gate-app",
        "name": "Gate",
        "permissions": needed(),
        "events": sorted(essential_events() | work_events()),
    }
    return {**known, **changed}


# --- the App ---


@pytest.mark.parametrize(
    ("ahead", "grade"),
    [(0, Grade.OK), (-15, Grade.OK), (40, Grade.WARN), (-40, Grade.WARN), (90, Grade.WRONG)],
)
def test_case_148_a_clock_that_is_off_is_told(settings: Settings, ahead: int, grade: Grade) -> None:
    met = Greeting(401, NOON, None)
    (clock, *_) = app.greeting(met, settings, NOON + timedelta(seconds=ahead))
    assert (clock.topic, clock.grade) == ("clock", grade)


def test_a_github_that_does_not_tell_the_time_is_doubtful(settings: Settings) -> None:
    assert "clock" in said(app.greeting(Greeting(200, None, None), settings, NOON), Grade.WARN)


@pytest.mark.parametrize("name", sorted(needed()))
def test_a_missing_permission_is_named_with_what_does_not_work(name: str) -> None:
    granted = {each: level for each, level in needed().items() if each != name}
    (finding,) = app.permissions(granted, "the App", "grant it")
    assert finding.grade is not Grade.OK
    assert f"lacks {name}: {needed()[name]}" in finding.text


def test_reading_where_writing_is_needed_is_not_enough_and_writing_covers_reading() -> None:
    (finding,) = app.permissions({**needed(), "checks": "read"}, "the App", "grant it")
    assert "lacks checks: write" in finding.text
    (finding,) = app.permissions(dict.fromkeys(needed(), "write"), "the App", "")
    assert finding.grade is Grade.OK


def test_writing_that_nothing_needs_is_better_taken_away() -> None:
    found = list(app.superfluous({**needed(), "administration": "write", "packages": "read"}))
    assert [each.text for each in found] == ["the App has administration: write, which is never used"]


def test_a_missing_event_is_named() -> None:
    everything = essential_events() | work_events()
    assert "issue_comment" in said(app.events(everything - {"issue_comment"}), Grade.WRONG)
    assert "check_suite" in said(app.events(everything - {"check_suite"}), Grade.WARN)
    assert said(app.events(everything), Grade.OK) == "events: subscribed to all that are used"


@pytest.mark.parametrize(
    ("hook", "base_url", "grade", "text"),
    [
        pytest.param(HOOK, "https://gate.example", Grade.OK, "goes to https://gate.example", id="ours"),
        pytest.param(None, "https://gate.example", Grade.WRONG, "no webhook", id="none"),
        pytest.param(HOOK, "https://other.example", Grade.WRONG, "not to https://other", id="elsewhere"),
        pytest.param(HOOK, "", Grade.WARN, "not known", id="base URL unknown"),
        pytest.param(
            Hook("https://gate-app.invalid/webhooks/github", "json", verifies_tls=True, secret=True),
            "",
            Grade.OK,
            "--poll",
            id="no public address, on purpose",
        ),
        pytest.param(
            Hook(HOOK.url, "form", verifies_tls=True, secret=True),
            "https://gate.example",
            Grade.WRONG,
            "content type",
            id="a form",
        ),
        pytest.param(
            Hook(HOOK.url, "json", verifies_tls=True, secret=False),
            "https://gate.example",
            Grade.WRONG,
            "no secret",
            id="case 6: no secret",
        ),
        pytest.param(
            Hook(HOOK.url, "json", verifies_tls=False, secret=True),
            "https://gate.example",
            Grade.WARN,
            "certificate",
            id="TLS not verified",
        ),
    ],
)
def test_the_webhook_is_held_against_what_it_should_be(
    hook: Hook | None, base_url: str, grade: Grade, text: str
) -> None:
    assert text in said(app.webhook(hook, base_url), grade)


def attempt(guid: str, *, delivered: bool) -> DeliveryRecord:
    return DeliveryRecord(1, guid, "push", NOON, delivered)


@pytest.mark.parametrize(
    ("recent", "stored", "grade", "text"),
    [
        ([], [], Grade.WARN, "sent none"),
        ([attempt("a", delivered=True)], ["a"], Grade.OK, "all arrived"),
        ([attempt("a", delivered=False)], [], Grade.WARN, "1 of 1 did not arrive"),
        ([attempt("a", delivered=False)], ["a"], Grade.OK, "1 failed and were fetched since"),
        ([attempt("a", delivered=True), attempt("a", delivered=False)], [], Grade.OK, "all arrived"),
    ],
)
def test_what_became_of_the_deliveries(
    recent: list[DeliveryRecord], stored: list[str], grade: Grade, text: str
) -> None:
    (finding,) = app.deliveries(recent, stored)
    assert finding.grade is grade
    assert text in finding.text


# --- where it is installed ---


@pytest.mark.parametrize(
    ("found", "grade", "word"),
    [
        pytest.param(None, Grade.WARN, "open", id="no such environment"),
        pytest.param(DeployEnvironment(True, False, False), Grade.OK, "enforced", id="our rule"),
        pytest.param(DeployEnvironment(True, False, True), Grade.OK, "administrators", id="our rule, bypass"),
        pytest.param(DeployEnvironment(True, False, None), Grade.OK, "administrators", id="bypass not told"),
        pytest.param(DeployEnvironment(False, True, None), Grade.OK, "cooperative", id="certain branches"),
        pytest.param(DeployEnvironment(False, False, None), Grade.WARN, "open", id="nothing"),
    ],
)
def test_how_strong_a_gate_is_is_shown_never_implied(
    found: DeployEnvironment | None, grade: Grade, word: str
) -> None:
    finding = strength("acme/shop, production", found)
    assert finding.grade is grade
    assert word in finding.text


def installed(github: ScriptedGithub, gate_file: bytes | None, **changed: object) -> None:
    """One installation with one repository, whose `main` requires `ci` and `gate / production`."""
    installation = {
        "id": INSTALLATION_ID,
        "account": {"login": "acme"},
        "target_id": 9,
        "suspended_at": None,
        "permissions": needed(),
        "events": [],
        **changed,
    }
    github.answers("GET", "/app/installations", [installation])
    shop = {"id": REPOSITORY.id, "full_name": REPOSITORY.full_name}
    github.answers("GET", "/installation/repositories", {"total_count": 1, "repositories": [shop]})
    github.answers("GET", "/repos/acme/shop", {**shop, "default_branch": "main"})
    if gate_file is not None:
        github.answers("GET", "/repos/acme/shop/contents/.github/gate.yml", policy_file(gate_file))
    checks = [{"context": "ci"}, {"context": "gate / production"}]
    rule = {"type": "required_status_checks", "parameters": {"required_status_checks": checks}}
    github.answers("GET", "/repos/acme/shop/rules/branches/main", [rule])
    github.answers("GET", "/repos/acme/shop/branches/main", {"name": "main", "protection": None})


THREE_LINES = b"version: 1\nenvironments:\n  production: {}\n"


def looked(github: ScriptedGithub) -> list[Finding]:
    return list(installations(hub(github), read_policy))


def test_a_gate_after_the_merge_that_is_required_before_it_is_a_deadlock(github: ScriptedGithub) -> None:
    installed(github, THREE_LINES)
    found = looked(github)
    assert "acme/shop: valid; gates: production" in said(found, Grade.OK)
    assert "main requires “gate / production”" in said(found, Grade.WARN)


@pytest.mark.parametrize(
    ("protected", "rules", "grade", "text"),
    [
        pytest.param(False, [], Grade.WARN, "main: is not protected", id="open to every push"),
        pytest.param(None, [], Grade.WARN, "does not say", id="not told"),
        pytest.param(True, [], Grade.OK, "is protected", id="classic protection"),
        pytest.param(False, [{"type": "pull_request"}], Grade.OK, "by pull requests alone", id="a ruleset"),
    ],
)
def test_whether_the_gate_file_can_be_pushed_over_is_told(
    github: ScriptedGithub, protected: bool | None, rules: list[object], grade: Grade, text: str
) -> None:
    github.answers("GET", "/repos/acme/shop/rules/branches/main", rules)
    branch = {"name": "main", "protection": None, "protected": protected}
    github.answers("GET", "/repos/acme/shop/branches/main", branch)
    installed(github, THREE_LINES)
    assert text in said([each for each in looked(github) if each.topic == "branch"], grade)


def test_a_gate_before_the_merge_may_be_required(github: ScriptedGithub) -> None:
    installed(github, b"version: 1\nenvironments:\n  production: {from: pull_request}\n")
    assert "deadlock" not in said(looked(github), Grade.WARN)


def test_a_broken_gate_file_is_told_with_its_line_and_fix(github: ScriptedGithub) -> None:
    installed(github, b"version: 1\nenvironmnts: {}\n")
    assert "acme/shop: .github/gate.yml:2:1" in said(looked(github), Grade.WRONG)


def test_a_channel_that_there_is_not_is_told(github: ScriptedGithub) -> None:
    installed(github, THREE_LINES + b"notify: [ops, pager]\n")
    found = list(installations(hub(github), read_policy, {"ops": ()}))
    assert "acme/shop: tells the channel pager, which there is not" in said(found, Grade.WARN)
    assert "ops" not in said(found, Grade.WARN)


def test_a_repository_without_a_gate_file_is_counted_and_silent(github: ScriptedGithub) -> None:
    installed(github, None)
    assert "acme: 1 without .github/gate.yml" in said(looked(github), Grade.OK)


def test_a_rule_of_ours_on_the_environment_enforces_the_gate(github: ScriptedGithub) -> None:
    installed(github, THREE_LINES)
    github.answers("GET", ENVIRONMENT, {"deployment_branch_policy": None, "can_admins_bypass": False})
    rules = [{"enabled": True, "app": {"id": APP_ID}}]
    github.answers("GET", RULES, {"total_count": 1, "custom_deployment_protection_rules": rules})
    assert "production: enforced" in said(looked(github), Grade.OK)


@pytest.mark.parametrize("there", [True, False], ids=["no rule", "no environment"])
def test_a_gate_that_github_should_hold_is_open_without_our_rule(github: ScriptedGithub, there: bool) -> None:
    installed(github, b"version: 1\nenvironments:\n  production: {deploy: protection_rule}\n")
    if there:
        github.answers("GET", ENVIRONMENT, {"deployment_branch_policy": None, "can_admins_bypass": False})
        github.answers("GET", RULES, {"total_count": 0, "custom_deployment_protection_rules": []})
    assert "production: open; the gate file leaves it to GitHub" in said(looked(github), Grade.WRONG)


def test_a_rule_of_somebody_else_does_not(github: ScriptedGithub) -> None:
    installed(github, THREE_LINES)
    github.answers("GET", ENVIRONMENT, {"deployment_branch_policy": None})
    rules = [{"enabled": True, "app": {"id": 666}}, {"enabled": False, "app": {"id": APP_ID}}]
    github.answers("GET", RULES, {"total_count": 2, "custom_deployment_protection_rules": rules})
    assert "production: open" in said(looked(github), Grade.WARN)


def test_a_strength_that_may_not_be_looked_at_is_not_guessed(github: ScriptedGithub) -> None:
    installed(github, THREE_LINES)
    github.answers("GET", ENVIRONMENT, {}, status=403)
    assert "production: cannot be told" in said(looked(github), Grade.WARN)


def test_an_installation_that_has_not_accepted_new_permissions_is_named(github: ScriptedGithub) -> None:
    installed(github, None, permissions={**needed(), "deployments": "read"})
    assert "the installation on acme lacks deployments: write" in said(looked(github), Grade.WRONG)


def test_a_suspended_installation_and_none_at_all_are_told(github: ScriptedGithub) -> None:
    installed(github, None, suspended_at="2026-11-01T00:00:00Z")
    assert "acme has suspended the App" in said(looked(github), Grade.WARN)
    github.scripted["GET /app/installations"] = [(200, {}, "[]")]
    assert "installed nowhere" in said(looked(github), Grade.WRONG)


# --- this machine ---


def test_a_database_that_is_not_there_yet_is_made_at_the_first_start(settings: Settings) -> None:
    assert "is made at the first start" in said(machine.database(settings), Grade.OK)


def test_a_database_is_written_to_and_has_the_tables(settings: Settings, tmp_path: Path) -> None:
    engine = open_engine(settings.database_url)
    migrate(engine)
    engine.dispose()
    (tmp_path / "gate.db").chmod(0o600)
    assert [each.grade for each in machine.database(settings)] == [Grade.OK]
    (tmp_path / "gate.db").chmod(0o644)
    assert "can be read by others" in said(machine.database(settings), Grade.WARN)


def test_a_database_of_another_version_is_told(settings: Settings, tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "gate.db").close()
    assert "not those of this version" in said(machine.database(settings), Grade.WARN)


def test_a_database_that_is_none_is_wrong(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "gate.db").write_text("not a database at all, " * 100)
    assert "cannot be written to" in said(machine.database(settings), Grade.WRONG)


def test_a_home_that_others_can_read_is_doubtful(settings: Settings) -> None:
    assert "made at the first start" in said(machine.home(settings), Grade.OK)
    settings.home.mkdir(mode=0o755)
    settings.home.chmod(0o755)
    assert "can be read by others" in said(machine.home(settings), Grade.WARN)
    settings.home.chmod(0o700)
    assert [each.grade for each in machine.home(settings)] == [Grade.OK]


def test_without_bubblewrap_command_stages_are_doubtful(settings: Settings, tmp_path: Path) -> None:
    assert "is not installed" in said(machine.isolation(settings, str(tmp_path)), Grade.WARN)


def test_addresses_of_channels_are_looked_at_and_not_shown(settings: Settings) -> None:
    channels = {"ops": ("json://127.0.0.1/",), "pager": ("nonsense://canary",)}
    found = list(machine.channels(replace(settings, channels=channels)))
    assert "ops can be told" in said(found, Grade.OK)
    assert "an address of pager cannot be used" in said(found, Grade.WRONG)
    assert "canary" not in str(found)


# --- everything ---


def test_everything_well_is_zero(github: ScriptedGithub, settings: Settings) -> None:
    github.answers("GET", "/app", description(), headers={"Date": NOON.strftime("%a, %d %b %Y %H:%M:%S GMT")})
    config = {"url": HOOK.url, "content_type": "json", "insecure_ssl": "0", "secret": "********"}
    github.answers("GET", "/app/hook/config", config)
    sent = {"id": 7, "guid": "g", "event": "push", "status": "OK", "delivered_at": "2026-11-20T11:00:00Z"}
    github.answers("GET", "/app/hook/deliveries", [sent])
    installed(github, None)
    found = list(examine(settings, hub(github), read_policy, "/nowhere", github.clock))
    others = [each for each in found if each.topic != "isolation"]
    assert exit_code(others) == 0, others
    assert {call.method for call in github.calls} == {"GET"}


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        pytest.param(401, {"message": "canary"}, "refuses the App's word (401)", id="case 148: refused"),
        pytest.param(200, description(id=666), "belongs to App 666", id="the key of another App"),
        pytest.param(502, "<html>canary", "GitHub answers 502", id="GitHub is down"),
    ],
)
def test_where_the_app_is_not_believed_nothing_more_is_asked(
    github: ScriptedGithub, settings: Settings, status: int, body: object, text: str
) -> None:
    github.answers("GET", "/app", body, status=status)
    found = list(examine(settings, hub(github), read_policy, "/nowhere", github.clock))
    assert text in said(found, Grade.WRONG)
    assert {call.name for call in github.calls} == {"GET /app"}
    assert "canary" not in said(found, Grade.WRONG)


def test_one_thing_that_fails_does_not_hide_the_others(github: ScriptedGithub, settings: Settings) -> None:
    github.answers("GET", "/app", description())
    github.answers("GET", "/app/hook/config", "", status=500)
    github.answers("GET", "/app/hook/deliveries", "", status=500)
    installed(github, THREE_LINES)
    found = list(examine(settings, hub(github), read_policy, "/nowhere", github.clock))
    assert "webhook: could not be looked at" in said(found, Grade.WRONG)
    assert "deliveries: could not be looked at" in said(found, Grade.WRONG)
    assert "acme/shop: valid" in said(found, Grade.OK)


def test_each_problem_of_the_settings_is_a_finding() -> None:
    fault = ConfigurationFault("GATE_APP_ID is missing: a number\nGATE_BIND is no place: such as: x")
    assert list(refused_settings(fault)) == [
        wrong("settings", "GATE_APP_ID is missing", "a number"),
        wrong("settings", "GATE_BIND is no place", "such as: x"),
    ]


# --- how it is told ---

FINDINGS = [ok("app", "well"), warn("clock", "a bit\x1b[31m off", "let NTP set it")]


def test_without_a_terminal_a_finding_is_plain_lines() -> None:
    out = io.StringIO()
    console = Console(file=out, width=20, highlight=False)
    for finding in FINDINGS:
        report.show(console, finding)
    report.summary(console, FINDINGS)
    lines = out.getvalue().splitlines()
    assert [line.split() for line in lines[:2]] == [
        ["ok", "app", "well"],
        ["warn", "clock", "a", "bit", "[31m", "off"],
    ]
    assert lines[2].strip() == "→ let NTP set it"
    assert lines[3] == "1 well, 1 doubtful, 0 wrong."


def test_for_machines_it_is_one_document() -> None:
    told = json.loads(report.as_json(FINDINGS))
    assert told["exit_code"] == 1
    assert told["findings"][0] == {"topic": "app", "grade": "ok", "text": "well", "mend": ""}


@pytest.mark.parametrize(
    ("findings", "code"),
    [([], 0), (FINDINGS[:1], 0), (FINDINGS, 1), ([*FINDINGS, wrong("app", "x", "y")], 2)],
)
def test_the_worst_finding_is_the_exit_code(findings: list[Finding], code: int) -> None:
    assert exit_code(findings) == code


def test_what_waits_is_told_with_since_when_and_why(settings: Settings) -> None:
    engine = open_engine(settings.database_url)
    migrate(engine)
    store = SqlStore(engine)
    store.put([InboxItem("71#3", RunNoticed("71#3:1", ClockTicked(NOON)), "tick")])
    row = store.next_row("71#3", NOON)
    assert row is not None
    store.delay_row(row, "GitHub is limited", NOON + timedelta(hours=1), "free", NOON)
    engine.dispose()
    (waiting,) = [each for each in machine.database(settings) if each.topic == "waiting"]
    assert waiting.text == f"inbox of 71#3 since {NOON:%Y-%m-%d %H:%M:%S} UTC: GitHub is limited"
    assert f"{NOON + timedelta(hours=1):%H:%M:%S} UTC" in waiting.mend


# --- jobs ---


def test_whether_jobs_can_call_is_told() -> None:
    def away() -> bytes:
        raise OSError("HTTP 503")

    keys = json.dumps({"keys": [key_entry()]}).encode()
    cases = [("", lambda: keys), (ME, away), (ME, lambda: b"{}"), (ME, lambda: keys)]
    grades = [[each.grade for each in jobs.tokens(ISSUER, audience, fetch)] for audience, fetch in cases]
    assert grades == [[Grade.WARN], [Grade.WRONG], [Grade.WRONG], [Grade.OK]]
