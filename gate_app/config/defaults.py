"""The configuration that `gate-app try` uses for a repository that has none.

Rules of the file: the text is an ordinary configuration, shown to the person and read like any other; it says
with each part why it is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gate_app.config.yaml_text import inline_list, key, text
from gate_app.domain.evidence import Severity

_COMMENTS_AT = 34
_DEPLOY = 'echo "$GATE_ENVIRONMENT runs $GATE_SHA"'


@dataclass(frozen=True, slots=True)
class ProposedStage:
    """A stage that fits the repository: a shell command and the globs of the reports that it leaves."""

    name: str
    command: str
    junit: str | None = None
    sarif: str | None = None
    fail_when: Severity | None = None


def default_file(stages: Sequence[ProposedStage], verify: Sequence[str] = ()) -> str:
    """The text of a configuration with `stages`, staging and production, both from the pull request.

    `verify` names those of the stages that run again after staging is deployed. Without stages the gates need
    all checks on the commit, at least one: nothing ever passes because nothing was tested.
    """
    lines = ["version: 1", *_stages(stages), "", "environments:"]
    needs = tuple(stage.name for stage in stages)
    lines += [*_environment("staging", needs), *_verify(verify)]
    lines += _environment("production", needs, after="staging")
    return "\n".join(lines) + "\n"


def _stages(stages: Sequence[ProposedStage]) -> Iterator[str]:
    if not stages:
        return
    yield ""
    yield _noted("stages:", "run on the head of the pull request, isolated")
    for stage in stages:
        yield f"  {key(stage.name)}:"
        yield f"    command: {text(stage.command)}"
        if stage.junit is not None:
            yield f"    junit: {text(stage.junit)}"
        if stage.sarif is not None:
            yield f"    sarif: {text(stage.sarif)}"
        if stage.fail_when is not None:
            yield f"    fail_when: {{new_findings: {stage.fail_when.value}}}"


def _environment(name: str, needs: Sequence[str], after: str | None = None) -> Iterator[str]:
    yield f"  {name}:"
    yield "    from: pull_request"
    if needs:
        yield f"    needs: {inline_list(needs)}"
    if after is not None:
        yield _noted(f"    after: {after}", "the same content must be deployed and healthy there")
    yield "    approval:"
    yield _noted("      approvers:", "one person who may write and did not contribute")
    yield "        - {permission: write, count: 1}"
    yield f"    deploy: {{command: {text(_DEPLOY)}}}"


def _noted(line: str, comment: str) -> str:
    """A line with its comment, all of them in one column where the lines are short enough."""
    return f"{line:<{_COMMENTS_AT}}  # {comment}"


def _verify(names: Sequence[str]) -> Iterator[str]:
    if names:
        yield _noted(f"    verify: {inline_list(names)}", "run again once staging is deployed")
