"""The stand-in as a process: started, killed, continued; faults of its API; the feed of changes."""

from __future__ import annotations

import ast
import contextlib
import http.client
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import psutil
import pytest
from support.standin import API, REPOSITORY, Github, open_pull, send, serving

import gate_app.standin
from gate_app.standin import faults
from gate_app.standin.control import ControlError
from gate_app.standin.dispatcher import Troubles
from gate_app.standin.process import StandinError, start
from gate_app.standin.runners import Script

COMMENTS = f"{API}/issues/1/comments"


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Github]:
    with serving(tmp_path_factory.mktemp("standin")) as found:
        open_pull(found)
        yield found


def test_it_survives_kill_9_with_everything_it_knew(tmp_path: Path) -> None:
    process = start(tmp_path)
    try:
        process.control.register_app("http://127.0.0.1:9/", "a secret of twenty bytes")
        process.control.create_person("author")
        process.control.create_repository("acme", "shop", files={"a": "1\n"})
        sha = process.control.commit("acme/shop", {"a": "2\n"})["sha"]
        process.control.trouble_webhooks(hold=True)
        process.control.open_pull("acme/shop", head_sha=sha, head_branch="topic", title="T", author="author")
        before = process.control.state()
    finally:
        process.kill()
    again = start(tmp_path, process.port)
    try:
        assert again.url == process.url
        assert again.pid != process.pid
        assert again.control.state() == before
        assert process.control.state() == before, "the control token stays the same"
        again.control.trouble_webhooks()
        assert again.control.quiesce()["quiet"]
        assert {delivery["status"] for delivery in again.control.state()["deliveries"]} == {
            "failed to connect to host"
        }
    finally:
        again.stop()
    assert (tmp_path / "standin.log").read_text() == ""


def test_it_ends_when_its_starter_ends(tmp_path: Path) -> None:
    script = (
        "from pathlib import Path; from gate_app.standin.process import start;"
        f"print(start(Path({str(tmp_path)!r})).pid)"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    with contextlib.suppress(psutil.NoSuchProcess):
        orphan = psutil.Process(int(done.stdout))
        gone, alive = psutil.wait_procs([orphan], timeout=15)
        assert gone or alive[0].status() == psutil.STATUS_ZOMBIE


def test_a_port_that_is_taken_is_a_clear_failure(tmp_path: Path, github: Github) -> None:
    with pytest.raises(StandinError, match="in use"):
        start(tmp_path, int(github.url.rsplit(":", 1)[1]))


def test_it_listens_on_the_loopback_address_only(github: Github) -> None:
    assert github.url.startswith("http://127.0.0.1:")


@pytest.mark.parametrize(
    ("kind", "status", "header", "written"),
    [
        ("502_before", 502, None, 0),
        ("502_after", 502, None, 1),
        ("429", 429, None, 0),
        ("429_retry_after", 429, ("Retry-After", "3"), 0),
        ("secondary_403", 403, ("Retry-After", "3"), 0),
        ("primary_limit", 403, ("X-RateLimit-Remaining", "0"), 0),
        ("307", 307, ("Location", COMMENTS), 0),
        ("307_elsewhere", 307, ("Location", "http://localhost:"), 0),
    ],
)
def test_a_fault_strikes_as_often_as_asked(
    github: Github, kind: str, status: int, header: tuple[str, str] | None, written: int
) -> None:
    token = github.mint()
    before = len(github.control.state()["comments"])
    github.control.set_faults(
        {"method": "POST", "path_regex": "/comments$", "times": 1, "kind": kind, "seconds": 3}
    )
    answer = github.call("POST", COMMENTS, {"body": "once"}, token=token)
    assert answer.status == status
    assert header is None or header[1] in answer.headers[header[0]]
    assert ("Retry-After" in answer.headers) == (kind in ("429_retry_after", "secondary_403"))
    assert len(github.control.state()["comments"]) == before + written
    assert github.control.requests()[-1]["fault"] == kind
    assert github.call("POST", COMMENTS, {"body": "again"}, token=token).status == 201


@pytest.mark.parametrize(("kind", "written"), [("lost_answer", 1), ("lost_request", 0)])
def test_a_connection_breaks_after_the_work_or_before(github: Github, kind: str, written: int) -> None:
    token = github.mint()
    before = len(github.control.state()["comments"])
    github.control.set_faults({"path_regex": "comments", "times": 1, "kind": kind})
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        send(github.url + COMMENTS, "POST", b'{"body": "lost"}', {"Authorization": f"token {token}"})
    assert len(github.control.state()["comments"]) == before + written
    assert github.control.requests()[-1]["fault"] == kind


def test_a_fault_lets_the_first_calls_pass_and_others_alone(github: Github) -> None:
    token = github.mint()
    github.control.set_faults({"method": "GET", "path_regex": "/pulls", "skip": 2, "kind": "502_before"})
    pulls = [github.call("GET", f"{API}/pulls", token=token).status for _ in range(4)]
    assert pulls == [200, 200, 502, 200]
    assert github.call("GET", API, token=token).status == 200


def test_a_slow_answer_still_comes(github: Github) -> None:
    github.control.set_faults({"path_regex": ".", "times": 1, "kind": "slow", "seconds": 0})
    assert github.call("GET", API, token=github.mint()).status == 200


@pytest.mark.parametrize(
    "fault", [{"kind": "earthquake", "path_regex": "."}, {"kind": "429", "path_regex": "("}]
)
def test_a_fault_that_cannot_be_is_refused(github: Github, fault: dict[str, object]) -> None:
    with pytest.raises(ControlError) as refused:
        github.control.set_faults(fault)
    assert refused.value.status == 422


def test_changes_are_numbered_and_waited_for(github: Github) -> None:
    github.control.quiesce()  # what came of opening the pull request is numbered, too
    last = github.control.state()["change"]
    assert github.control.events(after=last, wait=0) == []
    timer = threading.Timer(0.1, github.control.comment, (REPOSITORY, 1, "reviewer", "Here."))
    timer.start()
    found = github.control.events(after=last, wait=10)
    timer.join()
    first = found[0]  # its deliveries follow it
    assert (first["id"], first["kind"], first["facts"]["by"]) == (last + 1, "comment.created", "reviewer")


def test_the_state_may_be_that_of_one_repository(github: Github) -> None:
    github.control.create_repository("acme", "elsewhere")
    github.control.quiesce()
    whole, one, other = (github.control.state(name) for name in ("", REPOSITORY, "acme/elsewhere"))
    assert [each["full_name"] for each in (*one["repositories"], *other["repositories"])] == [
        REPOSITORY,
        "acme/elsewhere",
    ]
    assert (one["pulls"], one["comments"]) == (whole["pulls"], whole["comments"])
    assert (other["pulls"], other["comments"]) == ([], [])
    assert one["people"] == other["people"] == whole["people"]
    with pytest.raises(ControlError, match="acme/nowhere") as refused:
        github.control.state("acme/nowhere")
    assert refused.value.status == 404


def test_a_refused_change_leaves_nothing_behind(github: Github) -> None:
    github.control.quiesce()
    before = github.control.state()
    with pytest.raises(ControlError):
        github.control.open_pull(REPOSITORY, head_sha="f" * 40, head_branch="x", title="T", author="author")
    with pytest.raises(ControlError, match="nobody has the login"):
        github.control.comment(REPOSITORY, 1, "nobody", "Hello.")
    assert github.control.state() == before


def test_the_stand_in_imports_nothing_else_of_the_app() -> None:
    """It is GitHub, not us."""
    folder = Path(gate_app.standin.__path__[0])
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                assert not name.startswith("gate_app") or name.startswith("gate_app.standin"), (
                    f"{file.name}: {name}"
                )


def test_everything_that_can_be_asked_for_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "standin.md").read_text()
    asked = [field.name for kind in (Script, Troubles) for field in fields(kind)]
    for name in (*faults.KINDS, *asked):
        assert f"`{name}`" in text, name


def test_the_control_client_needs_the_standard_library_only() -> None:
    script = (
        "import sys, gate_app.standin.control;"
        "print([m for m in ('flask', 'pydantic', 'jwt', 'cryptography', 'werkzeug') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip() == "[]"


def test_the_ready_line_tells_where_it_is(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gate_app.standin", "--home", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert ready["pid"] == process.pid
        assert (
            send(
                f"{ready['url']}/_standin/state", "GET", headers={"X-Standin-Token": ready["control_token"]}
            ).status
            == 200
        )
        process.terminate()
        assert process.wait(15) == 0
