"""Looking at the stand-in's page: a browser, a pull request with everything on it, and what a page must not do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from support.standin import API, REPOSITORY, Github, open_pull

PATH = f"/{REPOSITORY}/pull/1"
HOSTILE = """<script>window.pwned = 1</script><img src=x onerror="window.pwned = 2"> [x](javascript:window.pwned=3)"""
WIDE = "unbreakable" * 40


def chromium() -> str:
    """The browser of the system; the test is skipped where there is none."""
    pytest.importorskip("playwright", reason="playwright is not installed (pip install -e .[dev])")
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip("there is no Chromium here (apt-get install chromium), so the page cannot be driven")
    return found


@dataclass
class Tab:
    """A page of the browser and what it complained about: scripts that fail, what its policy stops."""

    page: Any
    complaints: list[str] = field(default_factory=list)

    def fits(self) -> bool:
        """Whether nothing sticks out at the side."""
        return bool(
            self.page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        )


@contextmanager
def tab(browser: Any, **context: Any) -> Iterator[Tab]:
    """A tab of a fresh browser profile, which must have nothing to complain about in the end."""
    opened = browser.new_context(**context)
    opened.set_default_timeout(20_000)
    found = Tab(opened.new_page())
    found.page.on("pageerror", lambda error: found.complaints.append(f"error: {error}"))
    found.page.on(
        "console",
        lambda said: said.type in ("error", "warning") and found.complaints.append(f"console: {said.text}"),
    )
    found.page.on("dialog", lambda dialog: found.complaints.append(f"dialog: {dialog.message}"))
    try:
        yield found
    finally:
        opened.close()


def button(page: Any, label: str, check: str) -> Any:
    """The button of a check run."""
    return page.get_by_role("button", name=f"{label} ({check})", exact=True)


_numbers = count(1)


def new_pull(github: Github) -> tuple[int, str]:
    """Another pull request: its number and head SHA."""
    number = next(_numbers)
    return open_pull(github, f"topic-{number}", f"x = {number + 1}\n")


# --- a pull request with everything on it ----------------------------------------------------------------


def furnish(github: Github) -> int:
    """Pull request 1: commits, comments, reactions, checks in every state, deployments; harm in every text.

    Gives the id of the check run that shows buttons.
    """
    control = github.control
    first = control.commit(REPOSITORY, {"src/app.py": "x = 2\n"}, message=f"Begin {HOSTILE}", login="author")
    second = control.commit(
        REPOSITORY, {f"src/{WIDE[:90]}.py": "y = 1\n"}, parent=first["sha"], message="Go on", login="author"
    )
    control.open_pull(
        REPOSITORY,
        head_sha=second["sha"],
        head_branch="topic",
        title=f"Change everything {HOSTILE}",
        body=f"Please.\n\n{HOSTILE}\n\n{WIDE}",
        author="author",
    )
    _comments(github)
    _deployments(github, second["sha"])
    return _checks(github, second["sha"])


def _comments(github: Github) -> None:
    token = github.mint()
    said = github.control.comment(REPOSITORY, 1, "reviewer", f"/approve staging\n\n{HOSTILE}")
    github.call("POST", f"{API}/issues/comments/{said['id']}/reactions", {"content": "+1"}, token=token)
    table = f"|a|b|\n|-|-|\n|{WIDE}|2|"
    body = f"### Deploy to `staging`?\n\n@reviewer\n\n{table}\n\n<sub>until noon</sub>\n\n<!-- marker -->"
    github.call("POST", f"{API}/issues/1/comments", {"body": body}, token=token)


def _deployments(github: Github, sha: str) -> None:
    for environment, states in (("staging", ("in_progress", "success")), ("production", ("failure",))):
        wanted = {"ref": sha, "environment": environment, "required_contexts": [], "auto_merge": False}
        made = github.control.deploy(REPOSITORY, "maintainer", wanted)
        for state in states:
            status = {"state": state, "description": f"{environment} {HOSTILE}"}
            github.control.set_deployment_status(REPOSITORY, made["id"], "maintainer", status)


def _checks(github: Github, sha: str) -> int:
    token = github.mint()
    asks = {
        "name": "gate / staging",
        "head_sha": sha,
        "status": "completed",
        "conclusion": "action_required",
        "output": {"title": f"Deploy? {HOSTILE}", "summary": f"**Yes** or no\n\n{HOSTILE}\n\n{WIDE}"},
        "actions": [
            {"label": "Approve", "description": "Yes to staging", "identifier": "approve"},
            {"label": "Deny", "description": "No to staging", "identifier": "deny"},
        ],
    }
    made = github.call("POST", f"{API}/check-runs", asks, token=token).body
    for conclusion in ("success", "failure", "neutral", "cancelled", "skipped", "timed_out"):
        github.control.create_check_run(REPOSITORY, _other(sha, conclusion))
    status = {"state": "error", "context": "ci/old", "description": HOSTILE}
    github.control.set_status(REPOSITORY, sha, "maintainer", status)
    for name in ("queued", "in_progress"):
        github.control.create_check_run(REPOSITORY, {"name": name, "head_sha": sha, "status": name})
    return int(made["id"])


def _other(sha: str, conclusion: str) -> dict[str, object]:
    note = {
        "path": f"src/{WIDE[:90]}.py",
        "start_line": 1,
        "end_line": 3,
        "annotation_level": "failure",
        "title": "assert 1 == 2",
        "message": f"expected 2\n{HOSTILE}",
        "raw_details": f"Traceback\n{HOSTILE}\n{WIDE}",
    }
    output = {"title": f"It was {conclusion}", "summary": HOSTILE, "annotations": [note]}
    return {
        "name": f"test ({conclusion})",
        "head_sha": sha,
        "status": "completed",
        "conclusion": conclusion,
        "output": output,
    }
