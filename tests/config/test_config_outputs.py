"""What the room writes: explanations, the default file, the schema, and the answer of `validate`."""

from __future__ import annotations

import os
import subprocess
from importlib import resources
from pathlib import Path

import pytest
from support.config import (
    LONG,
    MINIMAL,
    accepted,
    refused,
    schema_accepts,
    with_approval,
    with_environment,
    with_line,
    with_route,
    with_stage,
)

from gate_app.config import ProposedStage, blob_sha, default_file, explain, json_schema, validate
from gate_app.config.document import parse
from gate_app.config.schema import json_schema_text
from gate_app.domain.evidence import Severity
from gate_app.domain.model import Origin
from gate_app.domain.policy import CommandRoute, CommandWork, Policy

GOOD = {
    "three lines": MINIMAL,
    "the long form": LONG,
    "names that need quotes": 'version: 1\nstages: {"12": {checks: all}, "true": {checks: ["12", "no: 1"]}}\n'
    "environments: {no: {}, 3.4: {after: no}}\n",
    "a command of several lines": with_stage('{command: "set -e\\necho \\"it\'s\\" # \\\\ done\\n\\ttrue"}'),
    "a command with quotes": with_stage("{command: 'echo \"a\" ''b'' {x: y}'}"),
    "emoji": with_stage('{checks: ["🧪 tests", "für alle"]}'),
    "reports of a command": with_stage('{command: make, junit: "r/*.xml", sarif: "r/*.sarif", timeout: 90s}'),
    "nobody is asked": with_approval("{mode: never}"),
    "many people": with_line(
        "{users: [a, b, c, d, e, f, g], teams: [acme/sre], permission: triage, count: 3}"
    ),
    "people of a role and an organisation": with_line("{roles: [release captain], organisations: [acme]}"),
    "exceptions": with_approval("{self_approval: true, contributors: shipped}"),
    "code owners": with_line("{codeowners: true, count: 2}"),
    "parts": with_line("{any_of: [{users: [a]}, {all_of: [{teams: [x/y]}, {permission: admin, count: 2}]}]}"),
    "a grant": with_route("{grant: {}}"),
    "a deployment": with_route("deployment"),
    "a deploy command": with_route("{command: 'echo \"$GATE_SHA\"', timeout: 61s}"),
    "verified": with_environment("{needs: [tests], verify: [smoke]}"),
}
_good = pytest.mark.parametrize("text", GOOD.values(), ids=GOOD.keys())


@_good
def test_an_explanation_reads_back_as_the_same_policy(text: str) -> None:
    policy = accepted(text)
    assert accepted(explain(policy)) == policy


@_good
def test_the_schema_accepts_what_is_accepted(text: str) -> None:
    value = parse(text).value
    assert schema_accepts(json_schema(), value)


def test_three_lines_are_explained_in_plain_words() -> None:
    text = explain(accepted(MINIMAL))
    for words in (
        "every check on the commit that is not ours is green, at least one",
        "one person with write permission",
        "nobody approves what they contributed to",
        "always asks a person",
        "expires_after: 48h",
        "then denied, never approved",
        "whoever redeems the single-use grant deploys",
        "shown as no scan found",
    ):
        assert words in text


def test_people_are_explained_as_conditions_that_all_hold() -> None:
    text = explain(accepted(with_line("{users: [a, b], teams: [acme/sre], permission: admin, count: 2}")))
    assert "2 different people named a or b and in team acme/sre and with admin permission" in text


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"version": 1}, id="no environments"),
        pytest.param({"version": 2, "environments": {"a": {}}}, id="another version"),
        pytest.param(
            {"version": 1, "notify": ["ops"], "environments": {"a": {}}}, id="a key that is not enforced"
        ),
        pytest.param({"version": 1, "environments": {"a": {"after": None}}}, id="null"),
        pytest.param({"version": 1, "environments": {"../a": {}}}, id="a name that climbs"),
        pytest.param({"version": 1, "environments": {"a": {"deploy": "push"}}}, id="an unknown route"),
        pytest.param({"version": 1, "environments": {"a": {"needs": ()}}}, id="an empty list"),
    ],
)
def test_an_editor_marks_what_is_refused(value: object) -> None:
    assert not schema_accepts(json_schema(), value)


def test_the_shipped_schema_is_the_generated_one() -> None:
    shipped = resources.files("gate_app.config").joinpath("gate.schema.json").read_text(encoding="utf-8")
    assert shipped == json_schema_text()


PROPOSED = (
    ProposedStage(
        "tests", "mkdir -p reports && pytest -q --junitxml=reports/junit.xml", junit="reports/*.xml"
    ),
    ProposedStage("security", 'bandit -f "sarif" ', sarif="reports/*.sarif", fail_when=Severity.HIGH),
)


def test_the_default_file_deploys_staging_then_production_from_the_pull_request() -> None:
    policy = accepted(default_file(PROPOSED))
    staging, production = policy.environments
    assert (staging.name, production.name, production.after) == ("staging", "production", "staging")
    for environment in policy.environments:
        assert environment.origin is Origin.PULL_REQUEST
        assert environment.needs == ("tests", "security")
        assert [(line.permission.name, line.count) for line in environment.approval.lines] == [("WRITE", 1)]
        assert environment.deploy == CommandRoute('echo "$GATE_ENVIRONMENT runs $GATE_SHA"')
    assert policy.stage("security").new_findings is Severity.HIGH
    assert policy.stage("tests").work == CommandWork(PROPOSED[0].command, junit="reports/*.xml")


def test_a_stage_that_verifies_staging_is_still_needed_before_it() -> None:
    staging, production = accepted(default_file(PROPOSED, verify=("tests",))).environments
    assert staging.verify == ("tests",)
    assert staging.needs == production.needs == ("tests", "security")


def test_the_comments_of_the_default_file_stand_in_one_column() -> None:
    lines = default_file(PROPOSED, verify=("tests",)).splitlines()
    assert {line.index("  # ") for line in lines if "  # " in line} == {34}


def test_the_default_file_without_stages_needs_all_checks() -> None:
    policy = accepted(default_file(()))
    assert [environment.needs for environment in policy.environments] == [("checks",), ("checks",)]


def test_the_default_deploy_command_stamps_what_runs_where(tmp_path: Path) -> None:
    route = accepted(default_file(PROPOSED)).environments[0].deploy
    assert isinstance(route, CommandRoute)
    done = subprocess.run(
        ["sh", "-c", route.command],
        env={"GATE_ENVIRONMENT": "staging", "GATE_SHA": "abc", "PATH": os.defpath},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    )
    assert done.stdout == "staging runs abc\n"


def test_a_valid_file_is_said_to_be_valid_and_can_be_explained(tmp_path: Path) -> None:
    file = tmp_path / "gate.yml"
    file.write_text(LONG)
    validation = validate(file)
    assert validation.exit_code == 0
    assert validation.lines == (f"{file}: valid; gates: staging, production",)
    assert isinstance(validation.policy, Policy)
    assert validation.policy.blob_sha == blob_sha(LONG.encode())


def test_an_invalid_file_is_told_problem_by_problem(tmp_path: Path) -> None:
    file = tmp_path / "gate.yml"
    file.write_text("version: 1\nenvironments: {a: {need: [b]}, c: {soak: 1h}}\n")
    validation = validate(file)
    assert validation.exit_code == 1
    assert validation.policy is None
    assert len(validation.lines) == 2
    assert validation.lines[0].startswith(f"{file}:2:20: environments.a.need: ")


@pytest.mark.parametrize("name", ["missing.yml", "folder", "missing/gate.yml"])
def test_a_wrong_call_ends_with_2(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    validation = validate(tmp_path / name)
    assert validation.exit_code == 2
    assert validation.policy is None


def test_case_096_a_link_is_refused_even_to_a_valid_file(tmp_path: Path) -> None:
    (tmp_path / "real.yml").write_text(MINIMAL)
    link = tmp_path / "gate.yml"
    link.symlink_to("real.yml")
    assert validate(link).exit_code == 1


@pytest.mark.timeout(5)
def test_case_096_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    pipe = tmp_path / "gate.yml"
    os.mkfifo(pipe)
    assert validate(pipe).exit_code == 1


def test_the_blob_id_is_the_one_that_git_gives(tmp_path: Path) -> None:
    file = tmp_path / "gate.yml"
    file.write_bytes(MINIMAL.encode())
    done = subprocess.run(
        ["git", "hash-object", "--no-filters", str(file)],
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    )
    assert blob_sha(MINIMAL.encode()) == done.stdout.strip()


def test_a_refusal_names_the_file_it_is_about() -> None:
    assert str(refused("")[0]).startswith(".github/gate.yml:1:1: ")
