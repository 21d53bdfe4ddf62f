"""`gate-app serve` as an operator runs it: few settings, one parent, a story through it, an end, a new start."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from support.plain_github import deliver
from support.story import PEOPLE, App, Place, free_port, tell, until

from gate_app.standin import process
from gate_app.supervisor import Bounds


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A stand-in and the settings of an App that is not started yet; only what has no default is set."""
    standin = process.start(tmp_path / "standin")
    port, secret = free_port(), secrets.token_hex(32)
    base = f"http://127.0.0.1:{port}"
    registered = standin.control.register_app(f"{base}/webhooks/github", secret)
    for login in PEOPLE:
        standin.control.create_person(login)
    state = tmp_path / "app"
    state.mkdir()
    key = state / "key.pem"
    key.touch(mode=0o600)
    key.write_text(registered["private_key_pem"] or "")
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "GATE_APP_ID": str(registered["app_id"]),
        "GATE_PRIVATE_KEY_FILE": str(key),
        "GATE_WEBHOOK_SECRET": secret,
        "GATE_GITHUB_API_URL": standin.url,
        "GATE_BASE_URL": base,
        "GATE_DATABASE_URL": f"sqlite:///{state}/data/gate.db",
        "GATE_BIND": f"127.0.0.1:{port}",
        "GATE_WEB_PROCESSES": "2",
    }
    opened = Place(standin, App(state, environment), registered)
    yield opened
    opened.end()


def serve(place: Place, *options: str) -> psutil.Process:
    parent = psutil.Process(place.app.start("serve", *options).pid)
    place.app.wait_ready()
    return parent


def told_to_end(place: Place, by: signal.Signals) -> int:
    parent = place.app.processes["serve"]
    parent.send_signal(by)
    return parent.wait(60)


def engine_of(parent: psutil.Process) -> psutil.Process:
    return until(
        lambda: next((child for child in parent.children() if "worker" in child.cmdline()), None),
        "there is an engine process",
    )


@pytest.mark.processes
def test_the_story_goes_through_serve_and_on_after_a_restart(place: Place) -> None:
    parent = serve(place)
    story = tell(place)
    story.asks("staging")
    family = parent.children(recursive=True)
    assert len(family) >= 4  # gunicorn, two of its processes, the engine
    assert told_to_end(place, signal.SIGTERM) == 0
    psutil.wait_procs(family, timeout=5)
    assert [child for child in family if child.is_running()] == []

    approval = story.says("reviewer", "/approve staging")  # nobody listens: GitHub never sends it again
    serve(place)
    assert story.replies_to(approval) == "+1"
    story.asks("production")
    assert story.replies_to(story.says("maintainer", "/approve production")) == "+1"
    story.shows("gate / production", "success")
    story.rests()
    assert [deployment["environment"] for deployment in story.deployments()] == ["staging", "production"]
    assert told_to_end(place, signal.SIGINT) == 0
    assert (place.app.home / "data/gate.db").stat().st_mode & 0o077 == 0


@pytest.mark.processes
def test_with_poll_the_story_goes_through_although_github_cannot_reach_us(place: Place) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/webhooks/github"
    place.control.change_hook(nowhere, place.app.environment["GATE_WEBHOOK_SECRET"])
    serve(place, "--poll")
    assert "Deliveries are read from GitHub every few seconds" in place.app.log()
    story = tell(place)
    story.asks("staging")
    assert story.replies_to(story.says("reviewer", "/approve staging")) == "+1"
    story.asks("production")
    story.says("maintainer", "/deny production not today")
    story.shows("gate / production", "failure")
    assert [deployment["environment"] for deployment in story.deployments()] == ["staging"]


@pytest.mark.processes
def test_a_delivery_that_failed_while_we_were_away_is_fetched(place: Place) -> None:
    serve(place)
    story = tell(place)
    story.asks("staging")
    story.rests()
    assert told_to_end(place, signal.SIGTERM) == 0
    approval = story.says("reviewer", "/approve staging")
    place.control.delete_comment(
        story.repository, approval["id"], "reviewer"
    )  # only a delivery tells of this
    place.control.quiesce(20)
    serve(place)
    until(lambda: place.app.log().count("was fetched from GitHub") >= 2, "both deliveries are fetched")
    story.rests()
    assert story.deployments() == []


def test_it_says_where_it_listens_which_app_it_is_and_where_it_keeps_things(place: Place) -> None:
    serve(place)
    said = place.app.log().splitlines()
    url, app = place.app.environment["GATE_BASE_URL"], place.registered["app_id"]
    assert f"Gate App is ready at {url} as App {app} of {place.standin.url}." in said
    assert any(str(place.app.home / "data/gate.db") in line for line in said)
    assert place.app.environment["GATE_WEBHOOK_SECRET"] not in place.app.log()


@pytest.mark.processes
def test_an_engine_that_is_killed_is_started_again_and_the_story_goes_on(place: Place) -> None:
    parent = serve(place)
    story = tell(place)
    story.asks("staging")
    killed = engine_of(parent)
    killed.kill()
    story.says("reviewer", "/approve staging")
    story.asks("production")
    assert engine_of(parent).pid != killed.pid
    assert "the engine process ended (-9): started again" in place.app.log()


@pytest.mark.processes
def test_when_serve_itself_is_killed_nothing_of_it_goes_on(place: Place) -> None:
    parent = serve(place)
    family = parent.children(recursive=True)
    place.app.processes["serve"].kill()
    _, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []


def test_a_place_that_is_taken_is_told_before_anything_is_started(place: Place) -> None:
    host, port = place.app.environment["GATE_BIND"].split(":")
    with closing(socket.create_server((host, int(port)))):
        done = run(place)
    assert done.returncode == 2
    assert f"GATE_BIND {host}:{port} cannot be used" in done.stderr
    assert not (place.app.home / "data/gate.db").exists()


@pytest.mark.processes
def test_a_database_that_another_engine_works_on_brings_the_whole_down(place: Place) -> None:
    place.app.start("serve")
    place.app.wait_ready()
    other = {**place.app.environment, "GATE_BIND": f"127.0.0.1:{free_port()}"}
    done = run(place, other)
    assert done.returncode == 1
    assert done.stderr.count("another engine process") == 1, "it is not tried again and again"


BUSY = """\
version: 1
stages:
  quick: {command: "true"}
  slow: {command: sleep 600}
environments:
  staging: {from: pull_request, needs: [slow], deploy: {command: "true"}}
  production:
    from: pull_request
    needs: [quick]
    deploy: {command: "true"}
    monitor: {for: 10m, probes: [{http: "ADDRESS", every: 1s}]}
"""


@pytest.mark.processes
def test_it_ends_in_time_while_a_stage_runs_a_probe_hangs_and_github_does_not_answer(place: Place) -> None:
    """Every way in which something may keep us waiting, at once; nobody has to be killed for it."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        place.app.environment |= {"GATE_PROBE_HOSTS": "127.0.0.1", "GATE_RECONCILE_SECONDS": "10"}
        parent = serve(place)
        story = tell(place, gate_file=BUSY.replace("ADDRESS", f"http://127.0.0.1:{silent.getsockname()[1]}/"))
        story.asks("production")
        story.says("reviewer", "/approve production")
        silent.settimeout(60)
        probe, _ = silent.accept()
        until(lambda: "sleep 600" in commands_of(parent), "the stage runs")
        place.control.quiesce(10)
        github = psutil.Process(place.standin.pid)
        github.suspend()
        try:
            look_at_pulls(place)
            family = parent.children(recursive=True)
            before = time.monotonic()
            assert told_to_end(place, signal.SIGTERM) == 0
            assert time.monotonic() - before < Bounds().grace
            assert psutil.wait_procs(family, timeout=5)[1] == []
        finally:
            github.resume()
            probe.close()
    assert "is killed" not in place.app.log()


def look_at_pulls(place: Place) -> None:
    """What GitHub told about pull requests comes once more, as other deliveries: the app has to look at them."""
    environment = place.app.environment
    with closing(sqlite3.connect(environment["GATE_DATABASE_URL"].removeprefix("sqlite:///"))) as database:
        told = database.execute("SELECT body FROM deliveries WHERE event = 'pull_request'").fetchall()
    assert told
    hook = f"{environment['GATE_BASE_URL']}/webhooks/github"
    for (body,) in told:
        assert deliver(hook, environment["GATE_WEBHOOK_SECRET"], "pull_request", json.loads(body)) == 202
    until(lambda: "ESTABLISHED" in waiting_for(place), "GitHub is asked and does not answer")


def waiting_for(place: Place) -> str:
    """The states of the engine's connections to GitHub."""
    port = urlsplit(place.standin.url).port
    engine = engine_of(psutil.Process(place.app.processes["serve"].pid))
    return " ".join(
        each.status for each in engine.net_connections() if each.raddr and each.raddr.port == port
    )


def commands_of(parent: psutil.Process) -> str:
    lines = []
    for child in parent.children(recursive=True):
        with suppress(psutil.Error):  # it may end while it is looked at
            lines.append(" ".join(child.cmdline()))
    return "\n".join(lines)


def run(place: Place, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gate_app.cli", "serve"],
        env=environment or place.app.environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
