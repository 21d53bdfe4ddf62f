"""A running Gate App in front of the stand-in, and people who use it: what the stories are told with.

Everything is real: the stand-in, a web process and an engine process, HTTP with signatures and tokens. Each
story has a repository of its own; the processes are shared by the stories of a test process.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TypeVar
from urllib.error import URLError
from urllib.parse import unquote
from urllib.request import urlopen

from gate_app.bootstrap import Overview, overview
from gate_app.domain.run import Run
from gate_app.standin import process
from gate_app.standin.control import Control
from gate_app.standin.process import StandinProcess
from gate_app.standin.shapes import (
    CheckRunState,
    CommentState,
    DeploymentState,
    PullState,
    Registered,
    Snapshot,
    WorkflowRunState,
)

_MARK = re.compile(r"<!-- gate-app:(\S+) -->")
PATIENCE = 45.0
Found = TypeVar("Found")

CHECK = """\
mkdir -p reports
cat > reports/junit.xml <<'XML'
<testsuites><testsuite name="greeter" tests="2">
<testcase classname="greeter" name="greets"/>
<testcase classname="greeter" name="{name}">{body}</testcase>
</testsuite></testsuites>
XML
"""
PASSING = CHECK.format(name="greets again", body="")
FAILING = CHECK.format(name="greets again", body='<failure message="assert 1 == 2"/>')
SARIF = """\
{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "scan", "rules": []}},
 "artifacts": [{"location": {"uri": "app.py"}}],
 "results": [RESULTS]}]}
"""
SCAN = f"mkdir -p reports\ncat > reports/scan.sarif <<'JSON'\n{SARIF}JSON\n"
HIGH = (
    '{"ruleId": "S1", "level": "error", "message": {"text": "a secret"}, "locations": [{"physicalLocation":'
    ' {"artifactLocation": {"uri": "app.py"}, "region": {"startLine": 1}}}]}'
)

GATE_FILE = """\
version: 1
stages:
  tests:
    command: sh ./check.sh
    junit: "reports/junit.xml"
environments:
  staging:
    from: pull_request
    approval: {approvers: [{permission: write, count: 1}]}
    deploy: {command: echo "$GATE_ENVIRONMENT runs $GATE_SHA"}
  production:
    from: pull_request
    after: staging
    approval: {approvers: [{permission: write, count: 1}]}
    deploy: {command: echo "$GATE_ENVIRONMENT runs $GATE_SHA"}
"""
SCANNED = GATE_FILE.replace(
    "environments:",
    """\
  security:
    command: sh ./scan.sh
    sarif: "reports/*.sarif"
    fail_when: {new_findings: high}
environments:""",
)
"""The same with a second stage: for the stories in which it matters, since each stage is a process."""
FROM_MAIN = GATE_FILE.replace("    from: pull_request\n    after: staging\n", "")
"""Staging from the pull request, production from the default branch, neither after the other."""
FILES = {"app.py": "print('hello')\n", "check.sh": PASSING, "scan.sh": SCAN.replace("RESULTS", "")}
PEOPLE = {"author": "write", "reviewer": "write", "maintainer": "maintain", "reader": "read"}


def until(
    find: Callable[[], Found | None],
    what: str,
    patience: float = PATIENCE,
    told: Callable[[], str] = lambda: "",
) -> Found:
    """What `find` finds, once it does; fails in words, with what `told` then says, after `patience` seconds."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        found = find()
        if found:
            return found
        time.sleep(0.05)  # waiting for other processes, bounded above
    raise AssertionError(f"waited {patience:g} s in vain: {what}\n{told()}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class App:
    """The processes of one Gate App; `environment` is what configures them, `isolation` what confines commands.

    The stories run anywhere: on a machine without bubblewrap their commands are plain processes.
    """

    home: Path
    environment: dict[str, str]
    isolation: str = "best"
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *options: str) -> subprocess.Popen[bytes]:
        """Starts `web` or `worker`, again after it was killed."""
        confined = () if name == "web" else ("--isolation", self.isolation)
        with (self.home / f"{name}.log").open("ab") as log:
            started = subprocess.Popen(
                [sys.executable, "-m", "gate_app.cli", name, *confined, *options],
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes[name] = started
        return started

    def wait_ready(self) -> None:
        until(lambda: _ready(self.environment["GATE_BASE_URL"]), "the app is ready", told=self.log)

    def log(self) -> str:
        """The logs of both processes, for messages of failed tests."""
        texts = [path.read_text(errors="replace")[-3_000:] for path in sorted(self.home.glob("*.log"))]
        return "\n".join(texts)

    def end(self) -> None:
        """At once: what a process does when it is told to end is a story of its own."""
        for started in self.processes.values():
            if started.poll() is None:
                os.killpg(started.pid, signal.SIGKILL)
            started.wait(15)

    @property
    def database_url(self) -> str:
        return self.environment["GATE_DATABASE_URL"]


def _ready(url: str) -> bool:
    try:
        with urlopen(f"{url}/readyz", timeout=2) as answer:  # noqa: S310 - loopback, our own process
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


@dataclass
class Place:
    """A stand-in with an App registered and running in front of it; its channel `ops` is a chat at `chat_port`."""

    standin: StandinProcess
    app: App
    registered: Registered
    chat_port: int = 0
    numbers: count[int] = field(default_factory=lambda: count(1))

    @property
    def control(self) -> Control:
        return self.standin.control

    def end(self) -> None:
        self.app.end()
        self.standin.stop()


def open_place(
    home: Path, reconcile_seconds: int = 300, isolation: str = "best", first_on_path: Path | None = None
) -> Place:
    """Starts everything in `home` and waits until it is ready; programs are looked for in `first_on_path` first."""
    standin = process.start(home / "standin")
    port = free_port()
    secret = secrets.token_hex(32)
    base = f"http://127.0.0.1:{port}"
    registered = standin.control.register_app(f"{base}/webhooks/github", secret)
    for login in PEOPLE:
        standin.control.create_person(login)
    standin.control.create_person("robot", kind="Bot")
    state = home / "app"
    state.mkdir()
    key = state / "key.pem"
    key.touch(mode=0o600)
    key.write_text(registered["private_key_pem"] or "")
    channels, chat_port = state / "channels", free_port()
    channels.touch(mode=0o600)
    channels.write_text(f"ops = json://127.0.0.1:{chat_port}/\n")
    environment = {
        "PATH": ":".join(map(str, (first_on_path or home, Path(sys.executable).parent, os.environ["PATH"]))),
        "HOME": str(home),
        "GATE_APP_ID": str(registered["app_id"]),
        "GATE_PRIVATE_KEY_FILE": str(key),
        "GATE_WEBHOOK_SECRET": secret,
        "GATE_GITHUB_API_URL": standin.url,
        "GATE_BASE_URL": base,
        "GATE_BIND": f"127.0.0.1:{port}",
        "GATE_DATABASE_URL": f"sqlite:///{state / 'gate.db'}",
        "GATE_HOME": str(state),
        "GATE_WEB_PROCESSES": "1",
        "GATE_RECONCILE_SECONDS": str(reconcile_seconds),
        "GATE_SETTLE_SECONDS": "1",
        "GATE_LOG_LEVEL": "INFO",
        "GATE_PROBE_HOSTS": "127.0.0.1",
        "GATE_NOTIFY_FILE": str(channels),
    }
    place = Place(standin, App(state, environment, isolation), registered, chat_port)
    place.app.start("worker")
    place.app.start("web")
    place.app.wait_ready()
    return place


def marks_of(comment: CommentState) -> list[str]:
    """What our comments say of themselves: the run and what they are for."""
    return [unquote(mark) for mark in _MARK.findall(comment["body"])]


@dataclass
class Story:
    """One repository with one pull request, and what people do with it.

    `last_change` is the newest change at the stand-in that was waited for, `patience` how many seconds are waited.
    """

    place: Place
    repository: str
    repository_id: int
    pull: PullState
    last_change: int = 0
    patience: float = PATIENCE

    @property
    def number(self) -> int:
        return self.pull["number"]

    # What people do.

    def says(self, login: str, body: str, *, via_app: bool = False) -> CommentState:
        return self.place.control.comment(self.repository, self.number, login, body, via_app=via_app)

    def pushes(self, files: Mapping[str, str], login: str = "author") -> str:
        commit = self.place.control.commit(
            self.repository, files, parent=self.pull["head_sha"], message="Change", login=login
        )
        self.pull = self.place.control.set_head(self.repository, self.number, commit["sha"], by=login)
        return commit["sha"]

    # What can be seen.

    def state(self) -> Snapshot:
        """What the stand-in knows of this repository."""
        return self.place.control.state(self.repository)

    def comments(self) -> list[CommentState]:
        return [comment for comment in self.state()["comments"] if comment["number"] == self.number]

    def ours(self) -> list[CommentState]:
        return [comment for comment in self.comments() if comment["login"].endswith("[bot]")]

    def expect_one_comment_each(self) -> None:
        """One status, one question per environment, none doubled; a reply may say that an answer came early."""
        marks = [mark for comment in self.ours() for mark in marks_of(comment)]
        assert len(marks) == len(set(marks)) == len(self.ours()), marks
        assert len([mark for mark in marks if ":reply:" not in mark]) == 3, marks

    def own_checks(self) -> list[CheckRunState]:
        """The check runs that we made."""
        ours = self.place.registered["slug"]
        return [run for run in self.state()["check_runs"] if run["app"] == ours]

    def check(self, name: str) -> CheckRunState | None:
        runs = [
            run
            for run in self.state()["check_runs"]
            if (run["name"], run["head_sha"]) == (name, self.pull["head_sha"])
        ]
        assert len(runs) <= 1, f"{len(runs)} check runs named {name}"
        return runs[0] if runs else None

    def deployments(self) -> list[DeploymentState]:
        return self.state()["deployments"]

    def released(self) -> list[DeploymentState]:
        """The deployments that we made; the job of a workflow may make its own."""
        return [each for each in self.deployments() if each["creator"].endswith("[bot]")]

    def workflow_runs(self) -> list[WorkflowRunState]:
        return self.state()["workflow_runs"]

    def overview(self) -> Overview:
        return overview(self.place.app.database_url)

    def runs(self) -> list[Run]:
        return [run for run in self.overview().runs if run.change.repository.id == self.repository_id]

    def release(self, environment: str) -> Path:
        """Where the files are that run in an environment."""
        return self.place.app.home / "releases" / str(self.repository_id) / environment / "current"

    # What one waits for.

    def sees(self, find: Callable[[], Found | None], what: str) -> Found:
        """Waits until `find` finds something at the stand-in; looks again whenever something changes there."""

        def look() -> Found | None:
            found = find()
            if not found:
                changes = self.place.control.events(after=self.last_change, wait=0.5)
                self.last_change = max((change["id"] for change in changes), default=self.last_change)
            return found

        return until(look, what, self.patience, self.told)

    def asks(self, environment: str, after: int = 0) -> CommentState:
        """Waits until the question for an environment is there as a new comment, newer than the one of that id."""
        wanted = f"### Deploy to `{environment}`?"

        def found() -> CommentState | None:
            asked = (each for each in self.ours() if each["id"] > after and each["body"].startswith(wanted))
            return next(asked, None)

        return self.sees(found, f"{environment} asks")

    def shows(self, name: str, conclusion: str) -> CheckRunState:
        """Waits until a check run on the head has this conclusion."""

        def found() -> CheckRunState | None:
            run = self.check(name)
            return run if run and run["conclusion"] == conclusion else None

        return self.sees(found, f"{name} concludes {conclusion}")

    def replies_to(self, comment: CommentState) -> str:
        """Waits for our reply that names a rule for this comment, or for our reaction (`+1`)."""

        def found() -> str | None:
            comments = self.comments()
            for other in comments:
                reply = any(":reply:" in mark for mark in marks_of(other))
                if reply and other["id"] > comment["id"] and other["login"].endswith("[bot]"):
                    return other["body"]
            mine = next((c for c in comments if c["id"] == comment["id"]), None)
            return mine["reactions"][0]["content"] if mine and mine["reactions"] else None

        return self.sees(found, f"an answer to {comment['body']!r}")

    def rests(self) -> None:
        """Waits until every delivery was sent, understood and worked off."""
        self.place.control.quiesce(10)
        until(
            lambda: _idle(self.place.app.database_url), "everything is worked off", self.patience, self.told
        )

    def told(self) -> str:
        """What happened so far, for messages of failed tests."""
        checks = [(r["name"], r["conclusion"]) for r in self.state()["check_runs"]]
        said = "\n---\n".join(comment["body"] for comment in self.comments())
        return f"{checks}\n{said}\n{self.place.app.log()[-4_000:]}"


def _idle(database_url: str) -> bool:
    """Nothing is due soon: no new delivery, no unhandled row, no unfinished effect, no running child."""
    from sqlalchemy import text

    from gate_app.store.database import open_engine, reading

    waiting = (
        "SELECT (SELECT count(*) FROM deliveries WHERE state = 'new')"
        " + (SELECT count(*) FROM inbox WHERE state = 'new')"
        " + (SELECT count(*) FROM effects WHERE state = 'started')"
        " + (SELECT count(*) FROM effects WHERE state = 'pending' AND not_before <= :soon)"
        " + (SELECT count(*) FROM children)"
    )
    engine = open_engine(database_url)
    try:
        with reading(engine) as connection:
            soon = int(time.time() * 1_000) + 10_000
            return connection.execute(text(waiting), {"soon": soon}).scalar_one() == 0
    finally:
        engine.dispose()


def tell(
    place: Place,
    files: Mapping[str, str] | None = None,
    gate_file: str | None = GATE_FILE,
    base: Mapping[str, str] | None = None,
    runs: Mapping[str, Mapping[str, object]] | None = None,
) -> Story:
    """A new repository with the gate file on its default branch, and a pull request that changes `files`.

    `base` are more files of the default branch, `runs` says how those of a workflow file end.
    """
    name = f"greeter-{next(place.numbers)}"
    tree = {**FILES, **(base or {})}
    if gate_file is not None:
        tree[".github/gate.yml"] = gate_file
    created = place.control.create_repository("acme", name, files=tree)
    repository = created["full_name"]
    for login, role in PEOPLE.items():
        place.control.set_role(repository, login, role)
    for file, ending in (runs or {}).items():
        place.control.script_workflow(repository, file, ending)
    change = {"app.py": "print('bonjour')\n", **(files or {})}
    commit = place.control.commit(repository, change, message="Greet in French", login="author")
    pull = place.control.open_pull(
        repository, head_sha=commit["sha"], head_branch="french", title="Greet in French", author="author"
    )
    return Story(place, repository, created["id"], pull)
