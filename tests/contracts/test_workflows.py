"""The workflows that are shipped and documented: linted, schema-checked, pinned, with the least permissions."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
SHIPPED = sorted((ROOT / "workflows").glob("*.yml"))
ACTIONS = sorted([ROOT / "action.yml", *(ROOT / "actions").glob("*/action.yml")])
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
MAY = {
    "ask-only.yml": {"id-token": "write"},
    "deploy-dispatched.yml": {"contents": "read", "id-token": "write"},
    "deploy-waiting.yml": {"contents": "read", "id-token": "write"},
    "health.yml": {},
    "policy-check.yml": {"contents": "read"},
}
"""The permissions of the jobs of each workflow, and no others."""


def documented(page: str) -> str:
    """The first workflow of a page."""
    found: list[str] = re.findall(
        r"^```yaml\n(name: .*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL
    )
    return found[0]


def loaded(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def linted(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def workflows(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Those that are shipped, and those of the documents."""
    folder = tmp_path_factory.mktemp("documented")
    for page in ("README.md", "docs/action.md"):
        (folder / f"{Path(page).stem}.yml").write_text(documented(page))
    return [str(path) for path in (*SHIPPED, *sorted(folder.glob("*.yml")))]


def test_zizmor_finds_nothing(workflows: list[str]) -> None:
    """Cases 157, 164."""
    linted(str(BIN / "zizmor"), "--offline", "--no-progress", "--quiet", *workflows, *map(str, ACTIONS))


def test_actionlint_finds_nothing(workflows: list[str]) -> None:
    linted(str(BIN / "actionlint"), *workflows)


def test_they_fit_githubs_schemas(workflows: list[str]) -> None:
    check = str(BIN / "check-jsonschema")
    linted(check, "--builtin-schema", "vendor.github-workflows", *workflows)
    linted(check, "--builtin-schema", "vendor.github-actions", *map(str, ACTIONS))


def test_each_workflow_may_do_what_it_needs_and_nothing_else() -> None:
    assert {path.name for path in SHIPPED} == set(MAY)
    for path in SHIPPED:
        workflow = loaded(path.read_text())
        assert workflow["permissions"] == {}, path.name
        for job in workflow["jobs"].values():
            assert job.get("permissions", {}) == MAY[path.name], path.name
            assert job["timeout-minutes"] <= 120, path.name


@pytest.mark.parametrize("path", [*SHIPPED, *ACTIONS], ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_used_is_pinned_and_nothing_is_installed_at_run_time(path: Path) -> None:
    """Case 164."""
    text = path.read_text()
    for used in re.findall(r"uses: *(\S+)", text):
        assert PINNED.fullmatch(used), used
    if path in ACTIONS:
        assert not re.search(r"pip|npm|curl|wget", text)


def test_no_expression_is_text_of_a_script() -> None:
    """Case 157: values reach scripts by the environment alone."""
    for path in (*SHIPPED, *ACTIONS):
        document = loaded(path.read_text())
        jobs = document.get("jobs", {"": document.get("runs", {})})
        for job in jobs.values():
            for step in job["steps"]:
                assert "${{" not in step.get("run", ""), path


def test_the_documented_workflow_is_short_and_the_same_in_both_places() -> None:
    assert documented("README.md") == documented("docs/action.md")
    assert len(documented("README.md").splitlines()) <= 15
