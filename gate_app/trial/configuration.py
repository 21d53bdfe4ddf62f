"""Which `.github/gate.yml` the trial is decided by: the repository's own at the base of the range, else a default.

Rules of the file: the trusted ref is the base (invariant 12): what the range itself changes is not used, and
that is said; a file that cannot be obeyed is refused before anything is started.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gate_app import config
from gate_app.config import DEFAULT_FILE_NAME, ConfigProblem
from gate_app.config.text import MAX_BYTES
from gate_app.domain.evidence import Severity
from gate_app.domain.policy import Policy
from gate_app.stages import detect
from gate_app.trial.git import Git
from gate_app.trial.refusal import Refusal, refuse
from gate_app.trial.repository import CommitRange

_MAX_MANIFEST: Final = 262_144
_JUNIT_OPTION: Final = re.compile(r"--junit-?xml[= ]([A-Za-z0-9._/-]+)")


@dataclass(frozen=True, slots=True)
class Configuration:
    """The policy of the trial. `proposed` is the text of the default file, None for the repository's own."""

    policy: Policy
    proposed: str | None
    notes: tuple[str, ...] = ()


def choose(commits: CommitRange, tests: str | None) -> Configuration | Refusal:
    """The configuration for a range; `tests` replaces the tests command of the default file."""
    if tests is not None and not tests.strip():
        return refuse("--tests is empty; name a command, or leave the option out")
    git = commits.git
    notes = _note_of_change(git, commits)
    if not git.run("ls-tree", "--full-tree", commits.base, "--", DEFAULT_FILE_NAME):
        return _default(git, commits, tests, notes)
    raw = git.blob(commits.base, DEFAULT_FILE_NAME, MAX_BYTES)
    if raw is None:
        return refuse(
            f"{DEFAULT_FILE_NAME} at {commits.base[:12]} is not a plain, small file; commit it as one"
        )
    if tests is not None:
        notes += (f"--tests is not used: the repository's own {DEFAULT_FILE_NAME} says what runs.",)
    policy = config.read(raw, config.blob_sha(raw))
    if not isinstance(policy, Policy):
        return _broken(commits, policy)
    return Configuration(policy, None, (f"Using {DEFAULT_FILE_NAME} of {commits.base[:12]}.", *notes))


def _note_of_change(git: Git, commits: CommitRange) -> tuple[str, ...]:
    changed = git.run("diff", "--name-only", commits.base, commits.head, "--", f":/{DEFAULT_FILE_NAME}")
    if not changed:
        return ()
    return (f"The range changes {DEFAULT_FILE_NAME}: that change is not used until it is merged.",)


def _broken(commits: CommitRange, problems: tuple[ConfigProblem, ...]) -> Refusal:
    title = f"{DEFAULT_FILE_NAME} at {commits.base[:12]} cannot be obeyed:"
    return Refusal((title, *(f"  {problem}" for problem in problems)))


def _default(
    git: Git, commits: CommitRange, tests: str | None, notes: tuple[str, ...]
) -> Configuration | Refusal:
    proposal = _proposal(git, commits.head)
    stages = _stages(proposal, tests)
    verify = [stage.name for stage in stages if stage.name == detect.TESTS]
    text = config.default_file(stages, verify)
    policy = config.read(text.encode(), config.blob_sha(text.encode()))
    if not isinstance(policy, Policy):
        return Refusal(tuple(str(problem) for problem in policy))
    said = (f"There is no {DEFAULT_FILE_NAME} at {commits.base[:12]}; the trial uses the default below.",)
    return Configuration(policy, text, (*said, *notes, *_notes_of_proposal(proposal, stages, tests)))


def _proposal(git: Git, head: str) -> detect.Proposal:
    paths = git.run("ls-tree", "-r", "-z", "--name-only", "--full-tree", head).split("\0")
    texts: dict[str, str] = {}
    for name in detect.MANIFESTS:
        raw = git.blob(head, name, _MAX_MANIFEST) if name in paths else None
        if raw is not None:
            texts[name] = raw.decode("utf-8", "replace")
    return detect.detect([path for path in paths if path], texts)


def _stages(proposal: detect.Proposal, tests: str | None) -> list[config.ProposedStage]:
    proposed = [
        config.ProposedStage(
            stage.name,
            stage.command,
            stage.junit,
            stage.sarif,
            Severity.HIGH if stage.sarif is not None else None,
        )
        for stage in proposal.stages
    ]
    if tests is None:
        return proposed
    report = _JUNIT_OPTION.search(tests)
    given = config.ProposedStage(detect.TESTS, tests, report.group(1) if report else None)
    return [given, *(stage for stage in proposed if stage.name != detect.TESTS)]


def _notes_of_proposal(
    proposal: detect.Proposal, stages: list[config.ProposedStage], tests: str | None
) -> tuple[str, ...]:
    if not stages:
        nothing = "Nothing here can be run, so no gate will open; --tests COMMAND names what to run."
        return (*proposal.notes, nothing)
    if tests is not None:
        return ()
    reasons = (f"{stage.name}: {stage.reason}." for stage in proposal.stages)
    tested = any(stage.name == detect.TESTS for stage in stages)
    return (*reasons, *proposal.notes, *(() if tested else ("--tests COMMAND names the tests to run.",)))
