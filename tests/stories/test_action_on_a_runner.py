"""The shipped workflows, run by nektos/act on this machine, against the app and the stand-in: no docker, no network.

What act leaves out (protection of environments, permissions, concurrency) is GitHub's; the token of the job comes from
the stand-in's issuer. Actions of others are replaced: `actions/checkout` by one that notes what was asked for.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.action import CHECKED, GRANT, asking
from support.routes import DEPLOY
from support.story import Place, Story

ROOT = Path(__file__).parents[2]
ACT = Path(sys.executable).parent / "act"
OURS = "acme/gate-app@0123456789abcdef0123456789abcdef01234567"
CHECKOUT = "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8"
IDENTITY = ("-c", "user.name=author", "-c", "user.email=author@example.com")
STUB = """\
name: checkout
description: Notes what was asked for, and leaves a deployment that says so in a file outside.
inputs: {ref: {default: ""}, persist-credentials: {default: ""}}
runs:
  using: composite
  steps:
    - shell: bash
      env: {REF: "${{ inputs.ref }}"}
      run: |
        printf '#!/bin/sh\\necho "deployed %s with $PARAMETERS" > OUTSIDE\\n' "$REF" > deploy.sh
        chmod +x deploy.sh
"""


pytestmark = pytest.mark.processes


def shipped(name: str, place: Place) -> str:
    """A workflow as it is shipped, with what everybody has to fill in."""
    text = (ROOT / "workflows" / name).read_text()
    url = place.app.environment["GATE_BASE_URL"]
    return text.replace("https://gate.example", url).replace("production", "staging")


def act(
    story: Story, tmp_path: Path, name: str, event: str, run: int, *options: str, wait: str = ""
) -> tuple[int, str]:
    """Runs a shipped workflow as the job of this run of the stand-in; its exit code and its log."""
    home = tmp_path / "work"
    for path, text in {
        f".github/workflows/{name}": _waiting(shipped(name, story.place), wait),
        "../checkout/action.yml": STUB.replace("OUTSIDE", str(tmp_path / "deployed")),
    }.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(text)
    shutil.copytree(ROOT / "actions", tmp_path / "ours/actions", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "action.yml", tmp_path / "ours")
    for command in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "Deploy")):
        subprocess.run(["git", "-C", str(home), *IDENTITY, *command], check=True, timeout=20)
    job = story.place.control.become_job(story.repository, run, "staging")
    done = subprocess.run(
        [
            str(ACT), event, "--directory", str(home), "--workflows", f".github/workflows/{name}",
            "--platform", "ubuntu-latest=-self-hosted", "--no-cache-server", "--pull=false", "--bind",
            "--local-repository", f"{OURS}={tmp_path / 'ours'}",
            "--local-repository", f"{CHECKOUT}={tmp_path / 'checkout'}",
            *(part for variable, value in job.items() for part in ("--env", f"{variable}={value}")),
            *options,
        ],
        env=_surroundings(tmp_path),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def _waiting(workflow: str, minutes: str) -> str:
    """Where a test knows that nothing will come, it waits for less."""
    named = "          environment: staging\n"
    return workflow.replace(named, f'{named}          wait: "{minutes}"\n', 1) if minutes else workflow


def _surroundings(home: Path) -> Mapping[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}


def test_the_workflow_that_is_dispatched_deploys_what_was_approved(place: Place, tmp_path: Path) -> None:
    gate_file = CHECKED.replace(DEPLOY, "deploy: {workflow: deploy-dispatched.yml}")
    name = "deploy-dispatched.yml"
    story = asking(place, gate_file, name, shipped(name, place))
    story.says("reviewer", "/approve staging")
    run = story.sees(lambda: story.workflow_runs(), "the workflow is dispatched")[0]
    inputs = [part for name, value in run["inputs"].items() for part in ("--input", f"{name}={value}")]
    code, log = act(story, tmp_path, name, "workflow_dispatch", run["id"], *inputs)
    assert code == 0, log
    assert (tmp_path / "deployed").read_text() == f"deployed {story.pull['head_sha']} with {{}}\n"


def test_the_workflow_that_waits_deploys_once_it_is_approved_and_says_how_it_ended(
    place: Place, tmp_path: Path
) -> None:
    name = "deploy-waiting.yml"
    waits = shipped(name, place).replace("on:\n", "on:\n  workflow_dispatch: {}\n")
    story = asking(place, GRANT, name, waits)
    story.says("reviewer", "/approve staging")
    run = place.control.dispatch_workflow(story.repository, name, "maintainer")
    code, log = act(story, tmp_path, name, "push", run["id"])
    assert code == 0, log
    assert (tmp_path / "deployed").read_text() == f"deployed {story.pull['head_sha']} with {{}}\n"
    story.shows("gate / staging", "success")


def test_the_same_workflow_run_by_hand_deploys_nothing(place: Place, tmp_path: Path) -> None:
    name = "deploy-dispatched.yml"
    story = asking(
        place, CHECKED.replace(DEPLOY, f"deploy: {{workflow: {name}}}"), name, shipped(name, place)
    )
    forged = {"sha": story.pull["head_sha"], "gate": f"{story.repository_id}#{story.number}:1:staging"}
    run = place.control.dispatch_workflow(story.repository, name, "author", inputs=forged)
    inputs = [part for key, value in forged.items() for part in ("--input", f"{key}={value}")]
    code, log = act(story, tmp_path, name, "workflow_dispatch", run["id"], *inputs, wait="0.1")
    assert code != 0
    assert "approval_missing" in log
    assert not (tmp_path / "deployed").exists()
