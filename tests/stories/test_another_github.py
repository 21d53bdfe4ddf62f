"""Against a GitHub that is not our stand-in, with the settings of the README and nothing else."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import github_schema
from support.github import private_key
from support.plain_github import APP_ID, GRAPHQL, HEAD, PREFIX, REVIEWER, PlainGithub, deliver, plain_github
from support.story import App, free_port, until

GATE_FILE = """\
version: 1
environments:
  staging:
    from: pull_request
    deploy: deployment
"""
SECRET = secrets.token_hex(32)


@pytest.fixture
def github() -> Iterator[PlainGithub]:
    with plain_github(GATE_FILE) as github:
        yield github


@pytest.fixture
def app(github: PlainGithub, tmp_path: Path) -> Iterator[App]:
    base = f"http://127.0.0.1:{free_port()}"
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "GATE_APP_ID": str(APP_ID),
        "GATE_PRIVATE_KEY": private_key(),
        "GATE_WEBHOOK_SECRET": SECRET,
        "GATE_GITHUB_API_URL": github.url,
        "GATE_BASE_URL": base,
        "GATE_BIND": base.removeprefix("http://"),
    }
    app = App(tmp_path, environment)
    yield app
    app.end()


def told(check_run: dict[str, Any]) -> tuple[object, ...]:
    return check_run["name"], check_run["status"], check_run["conclusion"]


def start(app: App) -> str:
    app.start("serve")
    app.wait_ready()
    return f"{app.environment['GATE_BASE_URL']}/webhooks/github"


def test_a_change_is_asked_about_and_released_with_documented_calls_alone(
    github: PlainGithub, app: App
) -> None:
    url = start(app)
    github.ci("test")
    assert deliver(url, SECRET, "pull_request", github.opened()) == 202
    until(
        lambda: any(each["body"].startswith("### Deploy to `staging`?") for each in github.comments.values()),
        f"it asks\n{app.log()}",
    )
    shown = ("gate / staging", "completed", "action_required")
    until(lambda: shown in [told(each) for each in github.check_runs.values()], "its check run waits")

    approval = github.says(REVIEWER, "/approve staging")
    assert deliver(url, SECRET, "issue_comment", approval) == 202
    until(lambda: github.deployments, f"it deploys\n{app.log()}")
    until(lambda: (approval["comment"]["id"], "+1") in github.reactions, "the answer is acknowledged")
    (deployment,) = github.deployments.values()
    assert (deployment["sha"], deployment["environment"]) == (HEAD, "staging")

    for state in ("in_progress", "success"):
        assert deliver(url, SECRET, "deployment_status", github.reports(deployment["id"], state)) == 202
    shown = ("gate / staging", "completed", "success")
    until(
        lambda: shown in [told(each) for each in github.check_runs.values()], f"it is released\n{app.log()}"
    )
    until(lambda: _idle(app), "everything is worked off")
    said = [(status["creator"]["login"], status["state"]) for status in github.statuses[deployment["id"]]]
    assert [state for by, state in said if by == "argo"] == ["in_progress", "success"]
    assert said[-1] == ("gate[bot]", "success")

    assert any(asked.path == GRAPHQL for asked in github.asked), "what it refuses is read part by part"
    assert set(github.unknown) <= {"GET /app/hook/deliveries"}, "nothing else is asked for"
    for asked in github.asked:
        assert asked.headers["X-GitHub-Api-Version"] == "2022-11-28"
        if asked.path.endswith("/access_tokens"):
            assert asked.body["permissions"]
        if asked.method in ("POST", "PATCH") and asked.path != GRAPHQL:
            github_schema.assert_request_valid(asked.method, asked.path.removeprefix(PREFIX), asked.body)


@pytest.mark.processes
def test_after_a_restart_its_own_comments_are_known_by_the_bot_of_the_app(
    github: PlainGithub, app: App
) -> None:
    url = start(app)
    github.ci("test")
    deliver(url, SECRET, "pull_request", github.opened())
    until(
        lambda: any(each["body"].startswith("### Deploy to `staging`?") for each in github.comments.values()),
        f"it asks\n{app.log()}",
    )
    until(lambda: _idle(app), "everything is shown")
    app.end()
    database = app.home / ".local/state/gate-app/gate.db"
    for file in database.parent.glob("gate.db*"):
        file.unlink()  # everything that it remembered is gone
    before = set(github.comments)
    start(app)
    deliver(url, SECRET, "pull_request", github.opened())
    until(lambda: any(asked.path == f"{PREFIX}/app" for asked in github.asked), f"who are we?\n{app.log()}")
    until(lambda: _idle(app), "everything is worked off")
    assert set(github.comments) == before


def _idle(app: App) -> bool:
    from support.story import _idle as idle

    return idle(f"sqlite:///{app.home}/.local/state/gate-app/gate.db")
