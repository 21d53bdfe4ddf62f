"""docs/start.md, followed to the letter: its commands are run, and a person does what its sentences say."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest
from support.setting_up import setting_up
from support.story import App, free_port, until
from support.trial import IDENTITY, commit

from gate_app.standin import process
from gate_app.standin.process import StandinProcess
from gate_app.standin.shapes import Snapshot
from gate_app.trial.git import Git

PAGE = (Path(__file__).parents[2] / "docs/start.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
ANSWER = re.findall(r"^    (/\w+.*)$", PAGE, re.MULTILINE)
SHOP = "acme/shop"
FILES = {
    ".github/workflows/ci.yml": "on: [push]\njobs: {test: {runs-on: ubuntu-latest, steps: [{run: make}]}}\n",
    "deploy.sh": "echo deployed\n",
}
PATIENCE = 60.0


@pytest.fixture
def standin(tmp_path: Path) -> Iterator[StandinProcess]:
    """GitHub with an organisation, its repository and people; no App."""
    started = process.start(tmp_path / "standin")
    for login in ("author", "reviewer", "maintainer"):
        started.control.create_person(login)
    started.control.create_repository("acme", "shop", files=FILES, identities={"*": "author"})
    for login, role in (("author", "write"), ("reviewer", "write"), ("maintainer", "maintain")):
        started.control.set_role(SHOP, login, role)
    started.control.script_workflow(SHOP, "gate-production.yml", {"conclusion": "success"})
    yield started
    started.stop()


class Desk:
    """The person's machine: a checkout of the repository, its origin, a terminal."""

    def __init__(self, home: Path, standin: StandinProcess) -> None:
        self.home = home
        self.standin = standin
        self.port = free_port()
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(home),
            "GATE_GITHUB_API_URL": standin.url,
            "GATE_BIND": f"127.0.0.1:{self.port}",
            "GATE_SETTLE_SECONDS": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            **IDENTITY,
        }
        shop = home / "shop"
        shop.mkdir()
        Git(shop).run("init", "--quiet", "--initial-branch=main")
        commit(shop, FILES)
        Git(home).run("clone", "--quiet", "--bare", str(shop), str(home / "origin.git"))
        Git(shop).run("remote", "add", "origin", str(home / "origin.git"))
        Git(shop).run("push", "--quiet", "--set-upstream", "origin", "main")

    def types(self, block: str, folder: Path, keys: str = "") -> str:
        """Runs a block of the document as it stands; gives what it printed."""
        done = subprocess.run(
            ["bash", "-e", "-c", block],
            cwd=folder,
            env=self.environment,
            input=keys,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def opens_and_merges(self, branch: str) -> tuple[int, str]:
        """What was pushed becomes a pull request that is merged, here as there; its number and what main is then."""
        origin, control = Git(self.home / "origin.git"), self.standin.control
        changed = origin.run("diff", "--name-only", "main", branch).split("\n")
        files = {name: origin.run("show", f"{branch}:{name}") + "\n" for name in changed}
        made = control.commit(SHOP, files, message=branch, login="author")
        pull = control.open_pull(
            SHOP, head_sha=made["sha"], head_branch=branch, title=branch, author="author"
        )
        merged = control.merge(SHOP, pull["number"], "author")
        origin.run("update-ref", "refs/heads/main", f"refs/heads/{branch}")
        return pull["number"], merged["merge_commit_sha"] or ""


def registers(link: str, standin: StandinProcess) -> None:
    """A browser: opens the link, sends the form to GitHub, and presses what the last page offers."""
    browser = build_opener(HTTPCookieProcessor(CookieJar()))

    def page(url: str, form: dict[str, str] | None = None) -> str:
        headers = {"Origin": standin.url} if url.startswith(standin.url) else {}
        body = None if form is None else urlencode(form).encode()
        with browser.open(Request(url, body, headers), timeout=20) as answer:  # noqa: S310 - loopback
            return str(answer.read().decode())

    begin = page(link)
    to = re.search(rf'action="({re.escape(standin.url)}[^"]*)"', begin)
    manifest = re.search(r'name="manifest" value="([^"]*)"', begin)
    assert to, begin
    assert manifest
    done = page(html.unescape(to[1]), {"manifest": html.unescape(manifest[1])})
    install = re.search(r'href="([^"]*/installations/new)"', done)
    assert install, done
    page(install[1], {"account": "acme"})


@pytest.mark.processes
@pytest.mark.timeout(300)
def test_ten_minutes_from_nothing_to_the_first_gated_deployment(
    tmp_path: Path, standin: StandinProcess
) -> None:
    install, setup, serve, gate, change, doctor = BLOCKS
    assert "pip install" in install
    desk = Desk(tmp_path, standin)
    with setting_up(desk.environment, *setup.split()[2:]) as running:
        registers(running.link, standin)
        assert running.ends()[0] == 0

    logs = tmp_path / "logs"
    logs.mkdir()
    app = App(logs, {**desk.environment, "GATE_BASE_URL": ""}, "best")
    app.start(*serve.split()[1:])
    try:
        said = desk.types(gate, tmp_path, keys="y\n")
        assert "Written: .github/gate.yml" in said
        desk.opens_and_merges("gates")
        desk.types(change, tmp_path / "shop")
        number, sha = desk.opens_and_merges("hello")
        check = {"name": "test", "head_sha": sha, "status": "completed", "conclusion": "success"}
        standin.control.create_check_run(SHOP, check)

        def state() -> Snapshot:
            return standin.control.state(SHOP)

        until(
            lambda: any(
                each["number"] == number and each["body"].startswith("### Deploy to `production`?")
                for each in state()["comments"]
            ),
            "production is asked for",
            PATIENCE,
            told=app.log,
        )
        standin.control.comment(SHOP, number, "reviewer", ANSWER[0])
        until(
            lambda: any(
                (run["name"], run["head_sha"], run["conclusion"]) == ("gate / production", sha, "success")
                for run in state()["check_runs"]
            ),
            "the gate is green",
            PATIENCE,
            told=lambda: str(state()["comments"]) + app.log(),
        )
        (run,) = state()["workflow_runs"]
        assert (run["file_name"], run["inputs"]["sha"]) == ("gate-production.yml", sha)
        told = subprocess.run(
            doctor.split(), env=desk.environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert told.returncode in (0, 1), told.stdout
        assert "acme/shop: valid" in " ".join(told.stdout.split())
    finally:
        app.end()
