"""The text of what is written: the gate file, a workflow that tests, one for each deployment.

Rules of the file: the least that is a safe gate, with the next steps as comments; what comes from the repository is
written by `yaml_text` alone; a deployment that nobody has described yet fails instead of pretending.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from gate_app.config.yaml_text import key, text

CHECKOUT: Final = "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0"
_COMMENTS_AT: Final = 44


def gate_file(
    environments: Mapping[str, str], after: Mapping[str, str], branch: str, owners: str | None
) -> str:
    """The gate file: from each environment to the workflow that deploys it, in order; `after` as its key has it."""
    lines = [
        "# What must hold before a deployment. It counts once it is on the default branch" + _named(branch),
        "# In words: gate-app validate --explain. Every key: docs/configuration.md of Gate App.",
        "version: 1",
        "",
        "environments:",
    ]
    for name, workflow in environments.items():
        lines += _environment(name, workflow, after.get(name), owners)
    return "\n".join(lines) + "\n"


def _named(branch: str) -> str:
    return f", {branch}." if branch.isascii() and branch.isprintable() else "."


def _environment(name: str, workflow: str, after: str | None, owners: str | None) -> Iterator[str]:
    yield f"  {key(name)}:"
    if after is not None:
        yield _noted(f"    after: {text(after)}", "the same content has to be deployed and healthy there")
    yield "    approval:"
    yield "      approvers:"
    yield _noted("        - {permission: write, count: 1}", "one person who may write and did not contribute")
    if owners is not None:
        yield _noted("        # - {codeowners: true}", f"and an owner of what changes, by {owners}")
    yield _noted("      # self_approval: true", "only for who works alone: every use of it is recorded")
    yield _noted(f"    deploy: {{workflow: {text(workflow)}}}", "is started once the gate is open")


def _noted(line: str, comment: str) -> str:
    return f"{line:<{_COMMENTS_AT}}  # {comment}"


def deploying_workflow(environment: str, path: str, command: str | None) -> str:
    """A workflow that the app starts once the gate is open; without a command it fails until somebody writes one."""
    named = text(f"Deploy to {environment}")
    step = (
        [f"        run: {text(command)}"]
        if command
        else [
            "        run: | # your deployment goes here",
            f'          echo "::error file={path}::Say in this step how to deploy"',
            "          exit 1",
        ]
    )
    return _joined(
        "# Started by Gate App alone, from the default branch, once the gate is open; a person who starts it deploys",
        "# past the gate. docs/action.md of Gate App has the step that makes sure of that: redeem.",
        f"name: {named}",
        "run-name: Deploy ${{ inputs.sha }} for ${{ inputs.gate }}",
        "on:",
        "  workflow_dispatch:",
        "    inputs:",
        "      sha: {required: true, description: The commit to deploy, type: string}",
        "      gate: {required: true, description: The gate that let it through, type: string}",
        "permissions: {}",
        f"concurrency: {{group: {text('deploy-' + environment)}, cancel-in-progress: false}}",
        "jobs:",
        "  deploy:",
        "    runs-on: ubuntu-latest",
        "    timeout-minutes: 60",
        f"    environment: {text(environment)}",
        "    permissions:",
        "      contents: read",
        "    steps:",
        "      - name: Check out what was approved",
        f"        uses: {CHECKOUT}",
        "        with:",
        "          ref: ${{ inputs.sha }}",
        "          persist-credentials: false",
        "      - name: Deploy",
        *step,
    )


def testing_workflow(branch: str, commands: Sequence[str]) -> str:
    """A workflow that tests every pull request, and what is on the default branch."""
    return _joined(
        "# The checks that the gates wait for: on each pull request, and on what was merged.",
        "name: Tests",
        "on:",
        "  pull_request:",
        "  push:",
        f"    branches: [{text(branch)}]",
        "permissions: {}",
        "jobs:",
        "  tests:",
        "    runs-on: ubuntu-latest",
        "    timeout-minutes: 30",
        "    permissions:",
        "      contents: read",
        "    steps:",
        f"      - uses: {CHECKOUT}",
        "        with:",
        "          persist-credentials: false",
        *(f"      - run: {text(command)}" for command in commands),
    )


def _joined(*lines: str) -> str:
    return "\n".join(lines) + "\n"
