"""Repositories to try, trials run as the user runs them, and looks at a trial that never ran."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from support.runs import World

from gate_app import settings
from gate_app.domain.run import Run
from gate_app.domain.verdict import Verdict
from gate_app.engine.ports import SetAside
from gate_app.standin.shapes import CommentState, PullState, Snapshot
from gate_app.trial.git import Git
from gate_app.trial.picture import Picture
from gate_app.trial.scene import Scene

PASSING = """\
mkdir -p reports
echo '<testsuite><testcase name="greets"/></testsuite>' > reports/junit.xml
"""
FAILING = """\
mkdir -p reports
echo '<testsuite><testcase name="greets"><failure message="assert 1 == 2"/></testcase></testsuite>' > reports/junit.xml
exit 1
"""
GATE = """\
version: 1
stages:
  tests: {command: sh ./check.sh, junit: reports/junit.xml}
environments:
  staging:
    from: pull_request
    needs: [tests]
    deploy: {command: echo released > RELEASED}
"""
FROM_MAIN = GATE.replace("    from: pull_request\n", "").replace("staging", "production")
IDENTITY = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "Somebody"), ("EMAIL", "somebody@example.org"))
}


def commit(folder: Path, files: Mapping[str, str], subject: str = "Change something") -> str:
    """A commit with these files on what is checked out."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git = Git(folder)
    git.run("add", "--all")
    git.run("commit", "--quiet", "--allow-empty", "-m", subject, variables=IDENTITY)
    return git.run("rev-parse", "HEAD")


def repository(folder: Path, *commits: Mapping[str, str]) -> Path:
    """A checkout with these commits on `main`."""
    folder.mkdir(parents=True)
    Git(folder).run("init", "--quiet", "--initial-branch=main")
    for files in commits:
        commit(folder, files)
    return folder


# --- trials as the user runs them ------------------------------------------------------------------------


@dataclass(frozen=True)
class Tried:
    """A trial that ended: exit code, what it printed, its final state and its home."""

    code: int
    printed: str
    state: dict[str, Any]
    home: Path

    def leftovers(self) -> list[str]:
        return processes_of(self.home)


def command(folder: Path, *arguments: str) -> list[str]:
    """The command line of a trial whose home and final state are below `folder`."""
    places = ["--home", str(folder / "home"), "--json", str(folder / "state.json")]
    return [sys.executable, "-m", "gate_app.cli", "try", *places, "--timeout", "90", *arguments]


def attempt(folder: Path, *arguments: str) -> Tried:
    """Runs a trial with nobody at the terminal."""
    done = subprocess.run(
        command(folder, *arguments),
        env=settings.inherited(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=110,
        check=False,
        text=True,
    )
    state = json.loads((folder / "state.json").read_text())
    return Tried(done.returncode, done.stdout + done.stderr, state, folder / "home")


def processes_of(home: Path) -> list[str]:
    """The command lines of living processes that mention a trial's home, or work in it."""
    found = []
    for process in psutil.process_iter():
        try:
            line = " ".join(process.cmdline())
            if process.status() != psutil.STATUS_ZOMBIE and (str(home) in line or _is_in(process, home)):
                found.append(line)
        except psutil.Error:
            continue
    return found


def _is_in(process: psutil.Process, home: Path) -> bool:
    return Path(process.cwd()).is_relative_to(home)


# --- looks at a trial that never ran ---------------------------------------------------------------------

SCENE = Scene("acme/greeter", 1)


@dataclass(frozen=True)
class Seen:
    """An overview made by hand."""

    runs: tuple[Run, ...]
    verdicts: Mapping[str, Mapping[str, Verdict]]
    journal_heads: Mapping[int, tuple[int, str]] = field(default_factory=dict)
    set_aside: tuple[SetAside, ...] = ()


def look(*worlds: World, comments: tuple[CommentState, ...] = (), **pull: object) -> Picture:
    """The picture of these runs and comments; every question that was asked is on the page."""
    runs = tuple(world.run for world in worlds)
    verdicts = {world.run.id: world.decisions[-1].verdicts for world in worlds}
    return Picture(SCENE, Seen(runs, verdicts), _snapshot((*comments, *_questions(runs)), pull))


def said(
    comment_id: int, login: str, body: str, *, via_app: bool = False, thanked: bool = False
) -> CommentState:
    """A comment on the pull request; `thanked` is one that the App gave a thumbs up."""
    return {
        "id": comment_id,
        "repository": SCENE.repository,
        "number": SCENE.pull_request,
        "login": login,
        "via_app": "gate-app" if via_app else None,
        "body": body,
        "created_at": "2026-03-02T09:00:00Z",
        "updated_at": "2026-03-02T09:00:00Z",
        "reactions": [{"login": "gate-app[bot]", "content": "+1"}] if thanked else [],
    }


def app_comment(comment_id: int, marker: str, body: str) -> CommentState:
    """A comment of the App with its hidden marker."""
    quoted = marker.replace("#", "%23").replace(":", "%3A")
    return said(comment_id, "gate-app[bot]", f"{body}\n\n<!-- gate-app:{quoted} -->", via_app=True)


def _questions(runs: tuple[Run, ...]) -> tuple[CommentState, ...]:
    return tuple(
        app_comment(
            5_000 + index, f"{run.id}:question:{name}:{gate.question.number}", f"### Deploy to {name}?"
        )
        for run in runs
        for index, (name, gate) in enumerate(run.gates.items())
        if gate.question is not None
    )


def _snapshot(comments: tuple[CommentState, ...], pull: Mapping[str, object]) -> Snapshot:
    whole: PullState = {
        "repository": SCENE.repository,
        "number": SCENE.pull_request,
        "state": "open",
        "merged": False,
        "title": "Greet in French",
        "body": None,
        "author": "author",
        "head_ref": "change",
        "head_sha": "a" * 40,
        "base_ref": "main",
        "base_sha": "c" * 40,
        "merge_commit_sha": None,
    }
    whole.update(pull)  # type: ignore[typeddict-item]  # a test names the fields it is about
    return {
        "people": [],
        "repositories": [],
        "pulls": [whole],
        "comments": list(comments),
        "check_runs": [],
        "deployments": [],
        "deliveries": [],
        "installations": [],
        "change": 0,
    }
