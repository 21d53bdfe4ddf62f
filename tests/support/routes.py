"""The ways to test and to deploy that stories are told on: our own commands, workflows that we dispatch, others' work.

A story says which routes the default suite tells it on; `make stories` tells it on all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import pytest
from support.story import FAILING, GATE_FILE, HIGH, SARIF, SCAN, Place, Story, tell

from gate_app.standin.shapes import DeploymentState

Red = Literal["", "tests", "scan"]
"""What finds something wrong with the change."""

TESTS: Final = 'command: sh ./check.sh\n    junit: "reports/junit.xml"'
SCANS: Final = "command: sh ./scan.sh"
DEPLOY: Final = 'deploy: {command: echo "$GATE_ENVIRONMENT runs $GATE_SHA"}'
"""These lines of a story's gate file are what a route replaces."""
ROUTES: Final[Mapping[str, Mapping[str, str]]] = {
    "command": {},
    "workflow": {
        TESTS: 'workflow: ci.yml\n    junit: "reports/junit.xml"',
        SCANS: "workflow: scan.yml",
        DEPLOY: "deploy: {workflow: deploy.yml}",
    },
    "deployment": {TESTS: "checks: [test]", DEPLOY: "deploy: deployment"},
}
DEPLOYER: Final = "maintainer"

DISPATCHED: Final = """\
on:
  workflow_dispatch:
    inputs: {INPUTS}
jobs:
  JOB:
    runs-on: ubuntu-latest
    steps: [{run: "true"}]
"""
DEPLOY_YML: Final = DISPATCHED.replace("{INPUTS}", "{sha: {required: true}, gate: {required: true}}").replace(
    "JOB", "deploy"
)
WORKFLOWS: Final = {
    ".github/workflows/ci.yml": DISPATCHED.replace("{INPUTS}", "{}").replace("JOB", "test"),
    ".github/workflows/scan.yml": DISPATCHED.replace("{INPUTS}", "{}").replace("JOB", "scan"),
    ".github/workflows/deploy.yml": DEPLOY_YML,
}
PASSES: Final = '<testcase classname="greeter" name="greets again"/>'
FAILS: Final = PASSES.replace("/>", '><failure message="assert 1 == 2"/></testcase>')


def on_routes(*sample: str) -> pytest.MarkDecorator:
    """Tells a story on these routes in the default suite, on the others in `make stories`."""
    assert set(sample) <= set(ROUTES), sample
    params = [
        pytest.param(name, marks=() if name in sample else (pytest.mark.slow,), id=name) for name in ROUTES
    ]
    return pytest.mark.parametrize("route", params, indirect=True)


@dataclass(frozen=True)
class Route:
    """One of the ways, at one place."""

    name: str
    place: Place

    def of(self, gate_file: str) -> str:
        """A story's gate file, with the work done this way."""
        assert TESTS in gate_file, "nothing to replace"
        assert DEPLOY in gate_file, "nothing to replace"
        for usual, here in ROUTES[self.name].items():
            gate_file = gate_file.replace(usual, here)
        return gate_file

    def tell(
        self,
        files: Mapping[str, str] | None = None,
        gate_file: str = GATE_FILE,
        red: Red = "",
        scripts: Mapping[str, Mapping[str, object]] | None = None,
        workflows: Mapping[str, str] = WORKFLOWS,
    ) -> Story:
        """A story this way; `red` is found in the change, `scripts` say how runs end that differ."""
        story = tell(
            self.place,
            {**_work(red), **(files or {})},
            self.of(gate_file),
            workflows if self.name == "workflow" else {},
            {**runs(red), **(scripts or {})} if self.name == "workflow" else {},
        )
        self.tests(story, story.pull["head_sha"], red)
        return story

    def tests(self, story: Story, sha: str, red: Red = "") -> None:
        """Others test a commit, where others do; everything else begins by itself."""
        if self.name == "deployment":
            check = {
                "name": "test",
                "head_sha": sha,
                "status": "completed",
                "conclusion": "failure" if red == "tests" else "success",
            }
            self.place.control.create_check_run(story.repository, check)

    def deploys(self, story: Story, environment: str, state: str = "success") -> DeploymentState:
        """Waits for the deployment; on the route of that name somebody reacts to it."""
        made = story.sees(lambda: deployment(story, environment), f"{environment} is deployed")
        if self.name == "deployment":
            for word in ("in_progress", state):
                self.place.control.set_deployment_status(
                    story.repository, made["id"], DEPLOYER, {"state": word}
                )
        return made


def deployment(story: Story, environment: str) -> DeploymentState | None:
    """The newest deployment of ours to an environment."""
    ours = [each for each in story.released() if each["environment"] == environment]
    return ours[-1] if ours else None


def _work(red: Red) -> Mapping[str, str]:
    """What our own commands find in the change."""
    work = {"tests": {"check.sh": FAILING}, "scan": {"scan.sh": SCAN.replace("RESULTS", HIGH)}}
    return work.get(red, {})


def runs(red: Red = "") -> Mapping[str, Mapping[str, object]]:
    """How the runs of workflows end, and what they leave."""
    cases = f'<testsuite name="greeter">{PASSES}{FAILS if red == "tests" else PASSES}</testsuite>'
    found = SARIF.replace("RESULTS", HIGH if red == "scan" else "")
    return {
        "deploy.yml": {"conclusion": "success"},
        "ci.yml": {
            "conclusion": "failure" if red == "tests" else "success",
            "artifacts": {"reports": {"junit.xml": cases}},
        },
        "scan.yml": {"conclusion": "success", "artifacts": {"scan": {"scan.sarif": found}}},
    }
