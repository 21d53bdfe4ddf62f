"""Every call asks for the least, as the documentation says, and the documentation names every call."""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.github import NOON, REPOSITORY, SHA, ScriptedGithub, account, change, hub, scripted

from gate_app.domain.effects import (
    AnswerJob,
    CreateDeployment,
    DispatchWorkflow,
    OpenIssue,
    PublishCheckRun,
    PublishComment,
    React,
    ReportDeployment,
)
from gate_app.domain.held import HeldJob
from gate_app.domain.model import Person, Subject
from gate_app.domain.run import StageRole
from gate_app.domain.workflows import Sought
from gate_app.engine.ports import Hub, Survey
from gate_app.errors import HubRefused, HubUnavailable
from gate_app.github.client import GithubHub
from gate_app.github.permissions import CALLS, INSPECTION, OPTIONAL, needed, spoken

DOCUMENT = Path(__file__).parents[2] / "docs" / "permissions.md"
_GRANTED = re.compile(r"^\| ([a-z_]+)(?: \(organisation\))? \| (read|write) \|", re.MULTILINE)
_ROW = re.compile(r"^\| `([a-z_ ]+)` \| ([a-z_:, ]+) \|", re.MULTILINE)

REVIEWER = Person(12, "reviewer")
DEPLOYMENT = CreateDeployment("x", 1, "r1:x", SHA, "d", NOON)
HELD = AnswerJob("x", 77, 1, "approved", "c", NOON)
DISPATCH = DispatchWorkflow("tests", 1, StageRole.AUTOMATED, "ci.yml", "feature", SHA, NOON)
ASKED: dict[str, Callable[[GithubHub], object]] = {
    "live_change": lambda hub: hub.live_change(REPOSITORY, Subject(REPOSITORY.id, number=3)),
    "interrupted_at": lambda hub: hub.interrupted_at(REPOSITORY, Subject(REPOSITORY.id, number=3)),
    "happened_since": lambda hub: hub.happened_since(REPOSITORY, Subject(REPOSITORY.id, number=3), NOON),
    "interrupted_at of a branch": lambda hub: hub.interrupted_at(
        REPOSITORY, Subject(REPOSITORY.id, ref="refs/heads/main")
    ),
    "policy_file": lambda hub: hub.policy_file(REPOSITORY),
    "proposed_file": lambda hub: hub.proposed_file(REPOSITORY, SHA),
    "owners_file": lambda hub: hub.owners_file(REPOSITORY),
    "floor_file": lambda hub: hub.floor_file(REPOSITORY),
    "authorship": lambda hub: hub.authorship(change()),
    "compare": lambda hub: hub.compare(REPOSITORY, "b" * 40, "a" * 40),
    "standing": lambda hub: hub.standing(REPOSITORY, REVIEWER, ()),
    "standing with teams": lambda hub: hub.standing(REPOSITORY, REVIEWER, ("acme/sre",)),
    "team_id": lambda hub: hub.team_id(REPOSITORY, "acme/sre"),
    "identity": lambda hub: hub.identity(REPOSITORY, "reviewer"),
    "comment_fingerprint": lambda hub: hub.comment_fingerprint(REPOSITORY, 501),
    "check_runs": lambda hub: hub.check_runs(change(), ()),
    "commit_statuses": lambda hub: hub.commit_statuses(change()),
    "required_by_rules": lambda hub: hub.required_by_rules(REPOSITORY, "main"),
    "required_by_protection": lambda hub: hub.required_by_protection(REPOSITORY, "main"),
    "sight": lambda hub: hub.sight(change(), (), ["all"]),
    "workflow_obstacle": lambda hub: hub.workflow_obstacle(REPOSITORY, "deploy.yml"),
    "dispatch_workflow": lambda hub: hub.dispatch_workflow(REPOSITORY, DISPATCH),
    "dispatched_runs": lambda hub: hub.dispatched_runs(REPOSITORY, Sought("deploy.yml", "main", NOON)),
    "workflow_run": lambda hub: hub.workflow_run(REPOSITORY, 77),
    "artifacts": lambda hub: hub.artifacts(REPOSITORY, 77),
    "cancel_workflow_run": lambda hub: hub.cancel_workflow_run(REPOSITORY, 77),
    "deployment_seen": lambda hub: hub.deployment_seen(REPOSITORY, 81),
    "held_run": lambda hub: hub.held_run(REPOSITORY, 77),
    "answer_job": lambda hub: hub.answer_job(REPOSITORY, HELD),
    "released_jobs": lambda hub: hub.released_jobs(REPOSITORY, HeldJob(77, 1), "x"),
    "waiting_runs": lambda hub: hub.waiting_runs(REPOSITORY),
    "checkout": lambda hub: hub.checkout(REPOSITORY),
    "repositories": lambda hub: hub.repositories(),
    "heads": lambda hub: hub.heads(REPOSITORY),
    "commands_since": lambda hub: hub.commands_since(REPOSITORY, 3, NOON),
    "publish_check_run": lambda hub: hub.publish_check_run(
        REPOSITORY, PublishCheckRun("gate:x", "gate / x", SHA, "r1", "in_progress", None, "t", "s"), None
    ),
    "publish_comment": lambda hub: hub.publish_comment(
        REPOSITORY, PublishComment("status", "status:71#3", 3, "Hello"), None
    ),
    "react": lambda hub: hub.react(REPOSITORY, React(501, "+1")),
    "issue_closer": lambda hub: hub.issue_closer(REPOSITORY, 7),
    "open_issue": lambda hub: hub.open_issue(REPOSITORY, OpenIssue("x", 501, "t", "b", "r1", NOON)),
    "find_deployment": lambda hub: hub.find_deployment(REPOSITORY, DEPLOYMENT),
    "create_deployment": lambda hub: hub.create_deployment(REPOSITORY, DEPLOYMENT),
    "report_deployment": lambda hub: hub.report_deployment(
        REPOSITORY, ReportDeployment("x", 81, "success", "d")
    ),
}


@pytest.fixture
def github() -> Iterator[ScriptedGithub]:
    with scripted() as github:
        yield github


def test_every_method_of_the_client_is_in_the_table_and_nothing_else_is() -> None:
    members = (name for port in (Hub, Survey) for name, _ in inspect.getmembers(port, inspect.isfunction))
    methods = {name for name in members if not name.startswith("_")}
    assert {name.split(" ")[0] for name in CALLS} == methods
    assert set(ASKED) == set(CALLS)


def test_the_documentation_says_the_same_as_the_table() -> None:
    written = dict(_ROW.findall(DOCUMENT.read_text()))
    wanted = {**CALLS, **INSPECTION}
    assert written == {name: spoken(permissions) for name, permissions in wanted.items()}


def test_the_permissions_to_grant_are_the_union_of_the_table() -> None:
    granted = dict(_GRANTED.findall(DOCUMENT.read_text()))
    assert granted == needed()
    assert set(OPTIONAL) <= set(granted)


@pytest.mark.parametrize("name", CALLS)
def test_case_146_a_call_mints_exactly_what_it_needs(github: ScriptedGithub, name: str) -> None:
    github.answers(
        "GET",
        "/repos/acme/shop/collaborators/reviewer/permission",
        {"role_name": "write", "user": account(12, "reviewer")},
    )
    github.answers("GET", "/app/installations", [{"id": 5151, "suspended_at": None}])
    with contextlib.suppress(HubRefused, HubUnavailable):  # what the scripted GitHub answers is not the point
        ASKED[name](hub(github))
    wanted = [mint.body for mint in github.mints]
    permitted: dict[str, object] = {"repository_ids": [71], "permissions": dict(CALLS[name])}
    if name == "repositories":  # the one question that cannot name a repository
        permitted = {"permissions": {"metadata": "read"}}
    if name == "floor_file":  # in the repository `.github`, which is asked for by its name first
        github.mints.clear()
        github.floor_home = 79
        with contextlib.suppress(HubRefused, HubUnavailable):
            hub(github).floor_file(REPOSITORY)
        wanted = [mint.body for mint in github.mints]
        named = {"repositories": [".github"], "permissions": {"metadata": "read"}}
        assert wanted == [named, {"repository_ids": [79], "permissions": dict(CALLS[name])}]
        return
    first = {"standing with teams": "standing"}.get(name)
    asked_first = [{"repository_ids": [71], "permissions": dict(CALLS[first])}] if first else []
    assert wanted == [*asked_first, permitted]


def test_no_call_asks_for_more_than_reading_but_those_that_write() -> None:
    writing = {name for name, permissions in CALLS.items() if "write" in dict(permissions).values()}
    assert writing == {
        "workflow_obstacle",  # with the token that would dispatch, so that a missing permission shows before
        "dispatch_workflow",
        "cancel_workflow_run",
        "publish_check_run",
        "publish_comment",
        "react",
        "open_issue",
        "create_deployment",
        "report_deployment",
        "answer_job",
    }
