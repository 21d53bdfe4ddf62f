"""From what a checkout holds to the files that are to be written, and what a person should know about them.

Rules of the file: a gate file that our own reader refuses is never proposed; a name that it refuses is left out, and
that is said; text of the repository is shown by `quote`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gate_app import config
from gate_app.config import DEFAULT_FILE_NAME
from gate_app.config.problems import quote
from gate_app.config.text import MAX_BYTES
from gate_app.domain.policy import Policy
from gate_app.stages import detect
from gate_app.starter import files
from gate_app.starter.checkout import WORKFLOWS, Checkout
from gate_app.starter.ci import Workflow
from gate_app.trial.refusal import Refusal

TESTS_FILE: Final = f"{WORKFLOWS}/gate-tests.yml"
_DEFAULT: Final = "production"
_MAX_ENVIRONMENTS: Final = 10
_LADDER: Final = (
    re.compile(r"dev|test|qa|preview|review|sandbox", re.IGNORECASE),
    re.compile(r"stag|(pre|non)[-_ ]?prod|uat|integration|canary", re.IGNORECASE),
    re.compile(r"^(?!.*(pre|non)[-_ ]?prod).*prod|^live$", re.IGNORECASE),
)
_STAGING, _PRODUCTION = 1, 2


@dataclass(frozen=True, slots=True)
class Planned:
    """A file to be written; `before` is what stands there now, None where nothing does."""

    path: str
    content: bytes
    before: bytes | None = None

    @property
    def differs(self) -> bool:
        return self.content != self.before


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything to be written, and one line for each thing that a person should know."""

    files: tuple[Planned, ...]
    notes: tuple[str, ...]


def planned(found: Checkout) -> Plan | Refusal:
    """The gate file and the workflows for a checkout. Raises Unusable where a file of the same name cannot be used."""
    notes = list(found.notes)
    environments = _environments(found, notes)
    workflows = {name: _workflow_of(name, environments, found.workflows) for name in environments}
    text = files.gate_file(workflows, _after(environments), found.branch, found.owners_file)
    raw = text.encode()
    judged = config.read(raw, config.blob_sha(raw))
    if not isinstance(judged, Policy):
        return Refusal(tuple(map(str, judged)))
    fitting = {each.file for each in found.workflows if each.fits}
    texts: dict[str, str] = {DEFAULT_FILE_NAME: text, **_tests(found, notes)}
    for name, workflow in workflows.items():
        if workflow not in fitting:
            path = f"{WORKFLOWS}/{workflow}"
            command = f"./{found.deploying}" if found.deploying else None
            texts[path] = files.deploying_workflow(name, path, command)
            what = f"it runs {command}" if command else "it fails until you do"
            notes.append(f"{path}: say in its last step how {name} is deployed; {what}.")
    notes += _passed_by(found.workflows, set(environments), fitting)
    return Plan(tuple(_planned(found, path, content) for path, content in texts.items()), tuple(notes))


def _planned(found: Checkout, path: str, text: str) -> Planned:
    return Planned(path, text.encode(), found.folder.read(path, MAX_BYTES))


def _environments(found: Checkout, notes: list[str]) -> tuple[str, ...]:
    """The environments that jobs name, in the order in which things are deployed; else production."""
    named = dict.fromkeys(name for each in found.workflows for name in each.environments)
    folded: dict[str, str] = {}
    for name in named:
        if not _is_usable(name):
            notes.append(
                f"The environment {quote(name)} cannot be gated: its name has other signs than ours may."
            )
        elif (first := folded.setdefault(name.casefold(), name)) != name:
            notes.append(f"{quote(name)} is {quote(first)} to GitHub.")
    unsure = sorted({name for each in found.workflows for name in each.unsure})
    chosen = "An environment is chosen by {}; add each one that it can be."
    notes += [chosen.format(quote(name)) for name in unsure[:_MAX_ENVIRONMENTS]]
    usable = sorted(folded.values(), key=lambda name: (_rung(name), name))
    if len(usable) > _MAX_ENVIRONMENTS:
        notes.append(
            f"Only {_MAX_ENVIRONMENTS} of {len(usable)} environments are in the file; add the others."
        )
        usable = usable[:_MAX_ENVIRONMENTS]
    if not usable:
        notes.append(f"No job names an environment, so there is one gate, {_DEFAULT}.")
    return tuple(usable) or (_DEFAULT,)


def _is_usable(name: str) -> bool:
    raw = files.gate_file({name: "a.yml"}, {}, "main", None).encode()
    return isinstance(config.read(raw, config.blob_sha(raw)), Policy)


def _rung(name: str) -> int:
    return next((index for index, names in reversed(list(enumerate(_LADDER))) if names.search(name)), 1)


def _after(environments: Sequence[str]) -> Mapping[str, str]:
    """Production comes after the one staging that there is; where it is not clear, nothing is said."""
    staging = [name for name in environments if _rung(name) == _STAGING and _LADDER[_STAGING].search(name)]
    production = [name for name in environments if _rung(name) == _PRODUCTION]
    return {production[0]: staging[0]} if len(staging) == len(production) == 1 else {}


def _workflow_of(name: str, environments: Sequence[str], workflows: Sequence[Workflow]) -> str:
    """The workflow that deploys it and can be started by the app, else the name of a new one."""
    for each in workflows:
        if each.fits and name in each.environments and len(each.environments) == 1:
            return each.file
    slugs = [re.sub(r"[^a-z0-9]+", "-", each.casefold()).strip("-") for each in environments]
    mine = slugs[environments.index(name)]
    unique = mine if slugs.count(mine) == 1 else f"{mine}-{environments.index(name) + 1}"
    return f"gate-{unique}.yml"


def _tests(found: Checkout, notes: list[str]) -> Mapping[str, str]:
    """A workflow that tests, where none runs on what is merged: the gates wait for its checks."""
    ours = TESTS_FILE.rpartition("/")[2]
    checking = [each.file for each in found.workflows if each.checks(found.branch) and each.file != ours]
    if checking:
        notes.append(
            f"The gates wait for every check on the commit; {', '.join(map(quote, checking))} makes some."
        )
        return {}
    tests = next((stage for stage in found.proposal.stages if stage.name == detect.TESTS), None)
    if tests is None:
        nothing = f"Nothing tests what is on {quote(found.branch)}, and no tests were recognised"
        notes.append(f"{nothing}: gates stay closed until a check runs there, or the file names `stages`.")
        return {}
    notes.append(f"{TESTS_FILE} runs {quote(tests.command)}, because {tests.reason}; add what it needs.")
    return {
        TESTS_FILE: files.testing_workflow(found.branch, [*_preparing(found.paths, tests), tests.command])
    }


def _preparing(paths: frozenset[str], tests: detect.ProposedStage) -> Iterator[str]:
    """What has to be installed on a fresh runner, by what the tree says."""
    if tests.command == "npm test":
        yield "npm ci" if "package-lock.json" in paths else "npm install"
    if "pytest" in tests.command:
        packaged = [f"-r {name}" for name in ("requirements.txt", "requirements-dev.txt") if name in paths]
        own = ["-e ."] if paths & {"setup.py", "setup.cfg"} or _is_package(paths) else []
        yield " ".join(["python -m pip install pytest", *packaged, *own])


def _is_package(paths: frozenset[str]) -> bool:
    return "pyproject.toml" in paths and any(name.endswith("/__init__.py") for name in paths)


def _passed_by(workflows: Sequence[Workflow], gated: set[str], fitting: set[str]) -> Iterator[str]:
    """Workflows that deploy without asking the gate."""
    for each in workflows:
        environments = sorted(gated.intersection(each.environments))
        if environments and each.file not in fitting:
            started = ", ".join(map(quote, each.triggers)) or "something unknown"
            where = ", ".join(environments)
            yield (
                f"{WORKFLOWS}/{each.file} deploys to {where} by itself (on {started}), past the gate: "
                "move its steps into the new workflow, then delete it."
            )
