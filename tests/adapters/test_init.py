"""`gate-app init` in a checkout: what it finds, what it writes, what it refuses."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st
from support.trial import repository

from gate_app.cli import main
from gate_app.config import validate
from gate_app.domain.policy import Policy, WorkflowRoute
from gate_app.stages.detect import Proposal
from gate_app.starter.checkout import Checkout
from gate_app.starter.ci import Workflow, read_workflow
from gate_app.starter.command import Proposed, propose
from gate_app.starter.folder import Folder, Unusable
from gate_app.starter.plan import planned
from gate_app.trial.refusal import Refusal

GATE = ".github/gate.yml"
FLOWS = ".github/workflows"
CI = "on: [push, pull_request]\njobs: {test: {runs-on: ubuntu-latest, steps: [{run: make test}]}}\n"
BIN = Path(sys.executable).parent


def deploys(environment: str, on: str = "push") -> str:
    job = f"{{runs-on: ubuntu-latest, environment: {environment}, steps: [{{run: ./ship}}]}}"
    return f"on: {on}\njobs:\n  ship: {job}\n"


def init(folder: Path, *words: str, said: str | None = None) -> Result:
    return CliRunner().invoke(main, ["init", "--repo", str(folder), *words], input=said)


def proposed(folder: Path) -> Proposed:
    found = propose(folder, force=False)
    assert isinstance(found, Proposed), found
    return found


def policy(folder: Path) -> Policy:
    assert init(folder, "--yes").exit_code == 0
    found = validate(folder / GATE).policy
    assert found is not None
    return found


def test_a_repository_with_a_workflow_that_tests_gets_the_file_of_the_document(tmp_path: Path) -> None:
    made = repository(tmp_path / "r", {f"{FLOWS}/ci.yml": CI, "tests/test_a.py": ""})
    told = init(made, "--yes")
    assert told.exit_code == 0, told.output
    shown = re.search(r"^```yaml\n(.*?)^```", Path("docs/init.md").read_text(), re.MULTILINE | re.DOTALL)
    assert shown
    assert (made / GATE).read_text() == shown[1]
    assert sorted(path.name for path in (made / FLOWS).iterdir()) == ["ci.yml", "gate-production.yml"]
    assert "+version: 1" in told.output
    assert "`ci.yml` makes some" in told.output


def test_environments_of_jobs_become_gates_in_the_order_of_deploying(tmp_path: Path) -> None:
    files = {
        f"{FLOWS}/a.yml": deploys("{name: production, url: 'https://x.example'}"),
        f"{FLOWS}/b.yml": deploys("staging"),
        f"{FLOWS}/c.yml": deploys("github-pages"),
        f"{FLOWS}/d.yml": deploys("'${{ inputs.place }}'", "workflow_dispatch"),
        f"{FLOWS}/e.yml": deploys("'../odd'"),
        f"{FLOWS}/f.yml": deploys("Staging"),
    }
    made = repository(tmp_path / "r", files)
    staging, production = policy(made).environments
    assert (staging.name, production.name, production.after) == ("staging", "production", "staging")
    assert production.deploy == WorkflowRoute("gate-production.yml")
    notes = "\n".join(proposed(made).notes)
    for said in ("`${{ inputs.place }}`", "`../odd` cannot be gated", "`Staging` is `staging`"):
        assert said in notes
    assert "a.yml deploys to production by itself (on `push`), past the gate" in notes


def test_a_workflow_that_the_app_can_start_is_used(tmp_path: Path) -> None:
    inputs = "{workflow_dispatch: {inputs: {sha: {required: true}, gate: {required: true}}}}"
    made = repository(tmp_path / "r", {f"{FLOWS}/ship.yml": deploys("live", inputs), f"{FLOWS}/ci.yml": CI})
    (live,) = policy(made).environments
    assert live.deploy == WorkflowRoute("ship.yml")
    assert {path.name for path in (made / FLOWS).iterdir()} == {"ship.yml", "ci.yml"}


def test_one_that_asks_for_more_is_not_used() -> None:
    inputs = "{workflow_dispatch: {inputs: {sha: {}, gate: {}, region: {required: true}}}}"
    assert not read_workflow("ship.yml", deploys("live", inputs).encode()).fits


@pytest.mark.parametrize(
    ("on", "checks"),
    [
        ("push", True),
        ("[push]", True),
        ("{push: {branches: [main]}}", True),
        ("{push: {branches: ['**']}}", True),
        ("{push: {branches: [next]}}", False),
        ("{push: {tags: ['v*']}}", False),
        ("pull_request", False),
        ("7", False),
    ],
)
def test_what_runs_on_the_default_branch_makes_checks_there(on: str, checks: bool) -> None:
    found = read_workflow("ci.yml", f"on: {on}\njobs: {{}}\n".encode())
    assert found.checks("main") is checks


@pytest.mark.parametrize(
    "raw", [b"", b"[1]", b"a: &a [*a]", b"\xff", b"on: push\njobs: 3", b"a: " + b"[" * 50]
)
def test_an_odd_workflow_breaks_nothing(raw: bytes) -> None:
    read_workflow("x.yml", raw)


@pytest.mark.parametrize(
    ("files", "runs"),
    [
        pytest.param(
            {"tests/test_a.py": "", "requirements.txt": ""},
            ["pip install pytest -r req", "-m pytest"],
            id="pytest",
        ),
        pytest.param(
            {"package.json": '{"scripts": {"test": "jest"}}'}, ["npm install", "npm test"], id="npm"
        ),
        pytest.param({"go.mod": ""}, ["go test ./..."], id="go"),
    ],
)
def test_where_nothing_tests_what_is_merged_a_workflow_does(
    tmp_path: Path, files: dict[str, str], runs: list[str]
) -> None:
    made = repository(tmp_path / "r", {**files, f"{FLOWS}/ci.yml": "on: pull_request\njobs: {}\n"})
    policy(made)
    written = (made / FLOWS / "gate-tests.yml").read_text()
    assert all(each in written for each in runs), written


def test_where_no_test_is_known_it_says_that_gates_stay_closed(tmp_path: Path) -> None:
    made = repository(tmp_path / "r", {"readme.md": ""})
    assert "gates stay closed" in "\n".join(proposed(made).notes)


def test_owners_and_a_script_that_deploys_are_found(tmp_path: Path) -> None:
    made = repository(tmp_path / "r", {"CODEOWNERS": "* @octocat", "deploy.sh": "", f"{FLOWS}/ci.yml": CI})
    policy(made)
    assert "# - {codeowners: true}" in (made / GATE).read_text()
    assert "run: ./deploy.sh" in (made / FLOWS / "gate-production.yml").read_text().replace('"', "")


def test_what_it_writes_is_found_faultless_by_the_linters(tmp_path: Path) -> None:
    files = {"tests/test_a.py": "", "pyproject.toml": "", f"{FLOWS}/a.yml": deploys("'Prod EU/1'")}
    made = repository(tmp_path / "r", files)
    policy(made)
    (made / FLOWS / "a.yml").unlink()
    written = sorted(map(str, (made / FLOWS).iterdir()))
    assert [Path(path).name for path in written] == ["gate-prod-eu-1.yml", "gate-tests.yml"]
    for command in (
        ["zizmor", "--offline", "--no-progress", "--quiet"],
        ["actionlint"],
        ["check-jsonschema", "--builtin-schema", "vendor.github-workflows"],
    ):
        done = subprocess.run(
            [BIN / command[0], *command[1:], *written],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_second_time_there_is_nothing_to_do(tmp_path: Path) -> None:
    files = {
        "tests/test_a.py": "",
        f"{FLOWS}/a.yml": deploys("staging"),
        f"{FLOWS}/z.yml": deploys("production"),
    }
    made = repository(tmp_path / "r", files)
    policy(made)
    told = init(made)
    assert (told.exit_code, "Nothing to do" in told.output) == (0, True)


def test_it_asks_and_a_no_writes_nothing(tmp_path: Path) -> None:
    made = repository(tmp_path / "r", {"a": ""})
    for said in ("n\n", None):
        told = init(made, said=said)
        assert (told.exit_code, (made / ".github").exists()) == (1, False)
    assert init(made, said="y\n").exit_code == 0
    assert (made / GATE).exists()


def test_a_file_that_is_there_stays_unless_replacing_it_was_shown(tmp_path: Path) -> None:
    made = repository(
        tmp_path / "r", {GATE: "version: 1\x1b[2J\nmine: true\n", f"{FLOWS}/gate-production.yml": "x\n"}
    )
    told = init(made, "--yes")
    assert (told.exit_code, "stays" in told.output) == (1, True)
    assert "mine" in (made / GATE).read_text()
    told = init(made, "--force", "--yes")
    assert told.exit_code == 0
    assert "-mine: true" in told.output
    assert "\x1b" not in told.output
    assert "mine" not in (made / GATE).read_text()


def test_outside_a_checkout_it_says_so(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        told = init(folder)
        assert told.exit_code == 2
        assert "checkout" in told.output


def test_a_checkout_that_names_another_folder_as_its_own_is_refused(tmp_path: Path) -> None:
    other = repository(tmp_path / "other", {"a": ""})
    made = repository(tmp_path / "r", {"a": ""})
    subprocess.run(["git", "-C", made, "config", "core.worktree", other], check=True, timeout=10)
    told = init(made, "--yes")
    assert told.exit_code == 2
    assert not (other / ".github").exists()


@pytest.mark.parametrize("place", [".github", FLOWS, GATE, f"{FLOWS}/gate-production.yml"])
@pytest.mark.parametrize("target", ["outside", "nothing"])
def test_no_link_is_followed(tmp_path: Path, place: str, target: str) -> None:
    made = repository(tmp_path / "r", {"a": ""})
    outside = tmp_path / "outside"
    outside.mkdir()
    (made / place).parent.mkdir(parents=True, exist_ok=True)
    (made / place).symlink_to(tmp_path / target)
    told = init(made, "--force", "--yes")
    assert told.exit_code in (1, 2), told.output
    assert (list(outside.iterdir()), (tmp_path / "nothing").exists()) == ([], False)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    made = repository(tmp_path / "r", {"a": ""})
    (made / ".github").mkdir()
    os.mkfifo(made / GATE)
    assert init(made, "--force", "--yes").exit_code == 2


def test_a_file_that_changes_between_question_and_answer_stays(tmp_path: Path) -> None:
    made = repository(tmp_path / "r", {"a": ""})
    found = proposed(made)
    (made / ".github").mkdir()
    (made / GATE).write_text("mine")
    with pytest.raises(Unusable):
        found.folder.write(GATE, b"x", None)
    assert (made / GATE).read_text() == "mine"


def test_a_file_with_an_odd_name_cannot_move_the_cursor(tmp_path: Path) -> None:
    """Case 178."""
    odd = {f"{FLOWS}/a\x1b[2J\r\u202eb.yml": deploys("production"), f"{FLOWS}/c\x1b[8md.yml": "{"}
    found = proposed(repository(tmp_path / "r", odd))
    assert "past the gate" in "".join(found.notes)
    assert not {"\x1b", "\r", "\u202e"} & set("".join((*found.notes, *found.difference)))


def test_nothing_of_the_repository_is_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    made = repository(
        tmp_path / "r", {"tests/test_a.py": "", "package.json": '{"scripts": {"test": "touch ../ran"}}'}
    )
    hook = made / ".git/hooks/post-index-change"
    hook.write_text(f"#!/bin/sh\ntouch {mark}\n")
    hook.chmod(0o755)
    for name in ("core.fsmonitor", "core.pager", "core.editor", "filter.x.clean"):
        subprocess.run(["git", "-C", made, "config", name, f"touch {mark}"], check=True, timeout=10)
    init(made, "--yes")
    assert not mark.exists()


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_any_environment_and_branch_give_a_valid_file_or_a_refusal(name: str, branch: str) -> None:
    flow = Workflow("ci.yml", ("push",), (), (name,) if name else ())
    found = Checkout(Folder(Path("/")), branch, frozenset(), (flow,), Proposal(()), None, None)
    plan = planned(found)
    assert not isinstance(plan, Refusal)
