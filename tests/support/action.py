"""The steps of the action, run as a runner runs them, and what they leave."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.routes import DEPLOY, TESTS, WORKFLOWS
from support.story import GATE_FILE, Place, Story, tell

ROOT = Path(__file__).parents[2]
STEP = ROOT / "actions/lib/step"


DEPLOY_YML = """\
on:
  workflow_dispatch:
    inputs: {sha: {default: ""}, gate: {default: ""}}
permissions: {id-token: write}
jobs:
  deploy:
    runs-on: ubuntu-latest
    environment: staging
    steps: [{run: "true"}]
  other:
    runs-on: ubuntu-latest
    environment: production
    steps: [{run: "true"}]
  plain:
    runs-on: ubuntu-latest
    permissions: {}
    steps: [{run: "true"}]
"""
CHECKED = GATE_FILE.replace(TESTS, "checks: [test]")
GRANT = CHECKED.replace(DEPLOY, "deploy: grant")
DISPATCHED = CHECKED.replace(DEPLOY, "deploy: {workflow: deploy.yml}")


def asking(
    place: Place, gate_file: str = GRANT, name: str = "deploy.yml", workflow: str = DEPLOY_YML
) -> Story:
    """A pull request whose checks have passed, so that staging asks; runs of the workflow never end by themselves."""
    workflows = {**WORKFLOWS, f".github/workflows/{name}": workflow}
    story = tell(place, {"app.py": "print('salut')\n"}, gate_file, workflows, {name: {"conclusion": None}})
    check = {
        "name": "test",
        "head_sha": story.pull["head_sha"],
        "status": "completed",
        "conclusion": "success",
    }
    place.control.create_check_run(story.repository, check)
    story.asks("staging")
    return story


@dataclass(frozen=True)
class Ended:
    """A step that has ended: its exit code, its outputs as the runner reads them, its log and its summary."""

    code: int
    outputs: Mapping[str, str]
    log: str
    summary: str

    @property
    def result(self) -> dict[str, Any]:
        return dict(json.loads(self.outputs["result"]))

    @property
    def said(self) -> tuple[str, str]:
        return self.outputs["decision"], self.outputs["reason_code"]


@dataclass
class Runner:
    """A job on a runner; `job` are the variables by which it gets its OIDC tokens."""

    home: Path
    url: str
    job: Mapping[str, str] = field(default_factory=dict)
    started: int = 0

    def begin(self, step: str, **inputs: str) -> subprocess.Popen[str]:
        """Starts a step."""
        self.started += 1
        for name in ("output", "summary"):
            (self.home / f"{name}-{self.started}").touch()
        variables = {f"INPUT_{name.upper()}": value for name, value in {"url": self.url, **inputs}.items()}
        return subprocess.Popen(
            ["bash", str(STEP), step],
            env={
                "PATH": "/usr/bin:/bin",
                "GITHUB_OUTPUT": str(self.home / f"output-{self.started}"),
                "GITHUB_STEP_SUMMARY": str(self.home / f"summary-{self.started}"),
                **self.job,
                **variables,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def end(self, process: subprocess.Popen[str], patience: float = 60) -> Ended:
        """Waits for the step that was started last."""
        try:
            log, _ = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        text = (self.home / f"output-{self.started}").read_text()
        summary = (self.home / f"summary-{self.started}").read_text()
        return Ended(process.returncode, read_outputs(text), log, summary)

    def does(self, step: str, **inputs: str) -> Ended:
        """Runs a step to its end."""
        return self.end(self.begin(step, **inputs))


def read_outputs(text: str) -> dict[str, str]:
    """The outputs of a file as the runner reads it (actions/runner, `FileCommandManager`). ValueError as it fails."""
    found: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            found[line[:equals]] = line[equals + 1 :]
        elif heredoc > 0:
            name, delimiter, value = line[:heredoc], line[heredoc + 2 :], []
            for each in lines:
                if each == delimiter:
                    break
                value.append(each)
            else:
                raise ValueError("no closing delimiter")
            found[name] = "\n".join(value)
        else:
            raise ValueError("no output")
    return found
