"""The stand-in against GitHub's published description: nothing invented, and generated calls meet its answers.

For each endpoint schemathesis makes calls that fit the description and calls that do not, on ids that exist.
The stand-in never fails inside, answers as published, refuses with GitHub's refusals alone, takes no body that
the description forbids, and does not refuse every call that it allows. A few calls each in the suite; `make fuzz`
makes many.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy
from schemathesis import Case, GenerationMode
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import response_schema_conformance
from support import github_schema, openapi
from support.standin import API, REPOSITORY, Github, open_pull, serving

FEW, MANY = 2, 25
REFUSALS = frozenset({400, 403, 404, 409, 410, 422})
WORKFLOW = "on: workflow_dispatch\njobs: {ci: {}}\n"
GRANTED = {"administration": "read", "statuses": "write"}
ONCE = frozenset(
    {"cancel", "conversions", "deployment_protection_rule", "force-cancel", "rerun", "rerun-failed-jobs"}
)
"""What may have been done already, or not be possible any more, when it is tried."""


def _last(operation: tuple[str, str]) -> tuple[bool, int]:
    """What takes something away comes last, the smaller thing first."""
    method, path = operation
    return method == "DELETE", -len(path)


OPERATIONS = sorted(
    ((m.upper(), path) for path, methods in openapi.published()["paths"].items() for m in methods), key=_last
)


@dataclass
class Ground:
    """A stand-in on which something of everything exists, and the endpoints with the ids of that."""

    github: Github
    endpoints: dict[tuple[str, str], Any]
    tokens: Callable[[str], str]


def test_every_endpoint_is_one_that_github_publishes() -> None:
    """`support.openapi_extract` puts a new one into the extract, if there is such a one."""
    assert openapi.endpoints_of_the_stand_in() == {(m, openapi.plain(path)) for m, path in OPERATIONS}


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with serving(tmp_path_factory.mktemp("standin"), permissions=GRANTED) as github:
        document = openapi.given(openapi.published(), known_to(github))
        schema = schemathesis.openapi.from_dict(document)
        schema.config.update(base_url=github.url)
        found = [result.ok() for result in schema.get_all_operations()]
        yield Ground(github, {(op.method.upper(), op.path): op for op in found}, tokens_of(github))


def tokens_of(github: Github) -> Callable[[str], str]:
    """Which credential a path asks for: the App's own, one that will be revoked, or the installation's."""
    usual = github.mint()

    def token(path: str) -> str:
        if path == "/installation/token":
            return github.mint()
        return github.jwt() if path.startswith("/app") or path.endswith("/installation") else usual

    return token


def known_to(github: Github) -> dict[str, list[object]]:
    """Something of everything: the values of the parameters that lead there."""
    control, token = github.control, github.mint()
    for branch in ("main", "topic"):
        control.require_checks(REPOSITORY, branch, {"ci": None})
    sha = control.commit(REPOSITORY, {".github/workflows/ci.yml": WORKFLOW})["sha"]
    control.push(REPOSITORY, "main", sha, "maintainer")
    number, head = open_pull(github)
    control.set_membership("acme/sre", "reviewer")
    control.script_workflow(REPOSITORY, "ci.yml", {"artifacts": {"logs": {"log.txt": "done"}}})
    run = control.dispatch_workflow(REPOSITORY, "ci.yml", "maintainer")
    check = github.call("POST", f"{API}/check-runs", {"name": "gate", "head_sha": head}, token=token).body
    wanted = {"ref": "main", "environment": "staging", "required_contexts": [], "auto_merge": False}
    deployment = control.deploy(REPOSITORY, "maintainer", wanted)
    control.set_deployment_status(REPOSITORY, deployment["id"], "maintainer", {"state": "success"})
    comment = control.comment(REPOSITORY, number, "reviewer", "Hello.")
    reactions = f"{API}/issues/comments/{comment['id']}/reactions"
    reaction = github.call("POST", reactions, {"content": "eyes"}, token=token).body
    assert control.quiesce()["quiet"]
    artifacts = github.call("GET", f"{API}/actions/artifacts", token=token).body["artifacts"]
    jobs = github.call("GET", f"{API}/actions/runs/{run['id']}/jobs", token=token).body["jobs"]
    state = control.state()
    return {
        "owner": ["acme"],
        "repo": ["shop"],
        "org": ["acme"],
        "username": ["reviewer", "acme"],
        "account_id": [state["people"][0]["id"]],
        "team_slug": ["sre"],
        "installation_id": [github.app["installation_id"]],
        "delivery_id": [state["deliveries"][0]["id"]],
        "workflow_id": ["ci.yml"],
        "run_id": [run["id"]],
        "attempt_number": [1],
        "job_id": [jobs[0]["id"]],
        "artifact_id": [artifacts[0]["id"]],
        "archive_format": ["zip"],
        "check_run_id": [check["id"]],
        "check_suite_id": [check["check_suite"]["id"]],
        "deployment_id": [deployment["id"]],
        "status_id": [state["deployments"][0]["statuses"][0]["id"]],
        "environment_name": ["staging"],
        "issue_number": [number],
        "pull_number": [number],
        "comment_id": [comment["id"]],
        "reaction_id": [reaction["id"]],
        "branch": ["main", "topic"],
        "ref": ["heads/main", "main"],
        "basehead": ["main...topic"],
        "path": ["README.md", "src"],
        "sha": [head],
        "head_sha": [head],
        "commit_sha": [head],
        "tree_sha": [head],
        "body": ["Hello."],
        "url": [github.receiver.url],
        "code": ["0" * 40],
    }


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=lambda value: str(value))
def test_generated_calls_get_the_published_answers(ground: Ground, method: str, path: str) -> None:
    explore(ground, method, path, FEW, derandomize=True)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=lambda value: str(value))
def test_many_generated_calls_get_the_published_answers(ground: Ground, method: str, path: str) -> None:
    explore(ground, method, path, MANY, derandomize=False)


def explore(ground: Ground, method: str, path: str, calls: int, *, derandomize: bool) -> None:
    """So many calls that fit, and so many that do not, where there is a way not to fit."""
    limits = settings(
        max_examples=calls,
        derandomize=derandomize,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    endpoint = ground.endpoints[method, path]
    fitting = answers_to(ground, endpoint.as_strategy(generation_mode=GenerationMode.POSITIVE), limits)
    assert min(fitting) < 400 or method == "DELETE" or path.rsplit("/", 1)[1] in ONCE, fitting
    with contextlib.suppress(Unsatisfiable):
        answers_to(ground, endpoint.as_strategy(generation_mode=GenerationMode.NEGATIVE), limits)


def answers_to(ground: Ground, cases: SearchStrategy[Case], limits: settings) -> set[int]:
    """The status codes of the answers to generated calls, each of which was judged."""
    seen: set[int] = set()

    @limits
    @given(case=cases)
    def call(case: Case) -> None:
        seen.add(judge(ground, case))

    call()
    return seen


def judge(ground: Ground, case: Case) -> int:
    """One call and what must hold of its answer, whose status code it gives."""
    path = case.operation.path
    answer = case.call(headers={"Authorization": f"Bearer {ground.tokens(path)}"}, allow_redirects=False)
    published = case.operation.definition.raw["responses"]
    seen = f"{case.method} {case.formatted_path} -> {answer.status_code} {answer.text[:300]}"
    assert str(answer.status_code) in published or answer.status_code in REFUSALS, seen
    if str(answer.status_code) in published:
        case.validate_response(answer, checks=[response_schema_conformance])
    elif answer.content:
        github_schema.assert_answer_valid(case.method, path, answer.status_code, answer.json())
    body = case.meta.components.get(ParameterLocation.BODY) if case.meta else None
    assert answer.status_code >= 400 or body is None or not body.mode.is_negative, (
        f"taken: {case.body} {seen}"
    )
    return answer.status_code
