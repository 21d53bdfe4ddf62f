"""Workflows: the files under `.github/workflows`, and what they say of themselves.

Rules of this file, from the docs "Events that trigger workflows", "Workflow syntax" and the REST docs
"Workflows":

* A workflow exists once its file is on the default branch; it is known by its id or its file name.
* What counts for a run is the file at the ref that was dispatched: its trigger, its inputs, its jobs.
* Inputs are strings; unknown ones, missing ones and choices outside the list are refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from gate_app.standin import repositories
from gate_app.standin.errors import GitHubError, not_found
from gate_app.standin.git import Git
from gate_app.standin.repositories import Repository
from gate_app.standin.state import JsonObject, Transaction, node_id

FOLDER = ".github/workflows"
ENDINGS = (".yml", ".yaml")
MAX_INPUTS = 25
_INPUT = re.compile(r"\$\{\{\s*(?:github\.event\.)?inputs\.([A-Za-z0-9_-]+)\s*\}\}")
NO_TRIGGER = "Workflow does not have 'workflow_dispatch' trigger"


@dataclass(frozen=True)
class Workflow:
    """A workflow that was ever on the default branch."""

    TABLE: ClassVar[str] = "workflows"
    id: int
    repository_id: int
    path: str
    created_at: str

    @property
    def file_name(self) -> str:
        """The name it may be asked for by."""
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Input:
    """An input of a dispatch; choices are empty unless the input is one of a list."""

    required: bool
    default: str | None
    choices: tuple[str, ...]


@dataclass(frozen=True)
class JobDefinition:
    """A job, by the name of its check runs, and the environment that it deploys to, if any.

    `key` is what the file calls it; `id_token` says that it may have OIDC tokens.
    """

    name: str
    environment: str | None
    key: str = ""
    id_token: bool = False

    def environment_for(self, inputs: Mapping[str, str]) -> str | None:
        """The environment's name, in which inputs may be used; of no other expression is anything known."""
        if self.environment is None:
            return None
        return _INPUT.sub(lambda found: inputs.get(found.group(1), ""), self.environment) or None


@dataclass(frozen=True)
class Definition:
    """What a workflow file says; inputs are None if it cannot be dispatched."""

    name: str
    inputs: Mapping[str, Input] | None
    jobs: tuple[JobDefinition, ...]


def every(tx: Transaction, repository: Repository) -> list[Workflow]:
    """The workflows on the default branch, each with the id that it has ever had."""
    git = repositories.git(tx, repository)
    tip = git.branch(repository.default_branch)
    names = [] if tip is None else [entry.name for entry in git.entries(tip, FOLDER) if entry.kind == "blob"]
    return [_known(tx, repository, f"{FOLDER}/{name}") for name in names if name.endswith(ENDINGS)]


def _known(tx: Transaction, repository: Repository, path: str) -> Workflow:
    found = tx.get(Workflow, repository_id=repository.id, path=path)
    return found or tx.insert(Workflow, repository_id=repository.id, path=path, created_at=tx.now)


def require(tx: Transaction, repository: Repository, key: str) -> Workflow:
    """The workflow with this id or file name. 404 if the default branch has none."""
    for workflow in every(tx, repository):
        if key in (str(workflow.id), workflow.file_name):
            return workflow
    raise not_found()


def by_id(tx: Transaction, identifier: int) -> Workflow:
    """The workflow with this id, its file gone or not."""
    found = tx.get(Workflow, id=identifier)
    if found is None:
        raise LookupError(f"no workflow {identifier}")
    return found


def definition(git: Git, sha: str, path: str) -> Definition:
    """What the file says at a commit; one that is absent or unreadable cannot be dispatched."""
    entry = git.entry(sha, path)
    text = git.blob(entry.sha).decode(errors="replace") if entry and entry.kind == "blob" else ""
    try:
        read = YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        read = None
    document = _mapping(read)
    return Definition(
        name=str(document.get("name") or path),
        inputs=_inputs(document.get("on")),
        jobs=tuple(
            _job(str(key), _mapping(facts), document.get("permissions"))
            for key, facts in _mapping(document.get("jobs")).items()
        ),
    )


def _mapping(value: object) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _inputs(triggers: object) -> dict[str, Input] | None:
    named = triggers if isinstance(triggers, dict | list) else [triggers]
    if "workflow_dispatch" not in named:
        return None
    given = _mapping(_mapping(_mapping(triggers).get("workflow_dispatch")).get("inputs"))
    return {str(name): _input(_mapping(facts)) for name, facts in given.items()}


def _input(facts: Mapping[str, Any]) -> Input:
    default, options = facts.get("default"), facts.get("options")
    listed = options if facts.get("type") == "choice" and isinstance(options, list) else ()
    return Input(
        required=bool(facts.get("required")),
        default=None if default is None else _text(default),
        choices=tuple(map(_text, listed)),
    )


def _text(value: object) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _job(key: str, facts: Mapping[str, Any], granted: object) -> JobDefinition:
    """The permissions of a job take the place of those of its workflow."""
    place = facts.get("environment")
    environment = place.get("name") if isinstance(place, dict) else place
    permissions = facts.get("permissions", granted)
    id_token = permissions == "write-all" or _mapping(permissions).get("id-token") == "write"
    return JobDefinition(
        str(facts.get("name") or key), str(environment) if environment else None, key, id_token
    )


def filled(found: Definition, given: Mapping[str, object]) -> dict[str, str]:
    """The inputs of a run: what was given, else the defaults. 422 for what the file does not allow."""
    if found.inputs is None:
        raise GitHubError(422, NO_TRIGGER)
    unknown = [name for name in given if name not in found.inputs]
    if unknown:
        raise GitHubError(422, f"Unexpected inputs provided: {json.dumps(unknown)}")
    if len(given) > MAX_INPUTS:
        raise GitHubError(422, f"you may only define up to {MAX_INPUTS} `inputs` for a `workflow_dispatch`")
    values = {name: _text(value) for name, value in given.items()}
    for name, wanted in found.inputs.items():
        if wanted.default is not None:
            values.setdefault(name, wanted.default)
        if wanted.required and not values.get(name):
            raise GitHubError(422, f"Required input '{name}' not provided")
        if wanted.choices and name in values and values[name] not in wanted.choices:
            value = values[name]
            raise GitHubError(
                422, f"Provided value '{value}' for input '{name}' not in the list of allowed values"
            )
    return values


def render(tx: Transaction, workflow: Workflow) -> JsonObject:
    """The workflow of every body."""
    repository = repositories.by_id(tx, workflow.repository_id)
    git = repositories.git(tx, repository)
    tip = git.branch(repository.default_branch) or ""
    html = repositories.html_url(tx, repository)
    return {
        "id": workflow.id,
        "node_id": node_id("Workflow", workflow.id),
        "name": definition(git, tip, workflow.path).name if tip else workflow.path,
        "path": workflow.path,
        "state": "active" if tip and git.entry(tip, workflow.path) else "deleted",
        "created_at": workflow.created_at,
        "updated_at": workflow.created_at,
        "url": api_url(tx, workflow),
        "html_url": f"{html}/blob/{repository.default_branch}/{workflow.path}",
        "badge_url": f"{html}/workflows/{workflow.file_name}/badge.svg",
    }


def api_url(tx: Transaction, workflow: Workflow) -> str:
    """The address of the workflow in the REST API."""
    repository = repositories.by_id(tx, workflow.repository_id)
    return f"{repositories.api_url(tx, repository)}/actions/workflows/{workflow.id}"
