"""`gate-app try` as a user runs it: a command, its answers, its exit code, and nothing left behind."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import psutil
import pytest
from support.trial import (
    FAILING,
    FROM_MAIN,
    GATE,
    PASSING,
    attempt,
    command,
    commit,
    processes_of,
    repository,
)

from gate_app import settings

pytestmark = pytest.mark.timeout(150)


def service(folder: Path, check: str = PASSING, gate: str = GATE) -> Path:
    """A repository with its own gate file whose newest commit changes what its tests say."""
    made = repository(folder / "service", {".github/gate.yml": gate, "check.sh": "exit 3\n"})
    commit(made, {"check.sh": check})
    return made


def gate(state: dict[str, Any], environment: str) -> dict[str, Any]:
    found = [run["gates"][environment] for run in state["runs"] if environment in run["gates"]]
    return dict(found[-1])


def test_the_sample_service_is_released_when_the_right_people_say_so(tmp_path: Path) -> None:
    tried = attempt(
        tmp_path,
        *("--say", "author: /approve staging"),
        *("--say", "reviewer: /approve staging"),
        *("--say", "maintainer: /approve production -- looks fine"),
    )
    assert (tried.code, tried.state["outcome"]) == (0, "released"), tried.printed
    answers = [
        (answer["login"], answer["counted"], answer["code"])
        for environment in ("staging", "production")
        for answer in gate(tried.state, environment)["answers"]
    ]
    assert answers == [
        ("author", False, "self_approval"),
        ("reviewer", True, "answer_counts"),
        ("maintainer", True, "answer_counts"),
    ]
    stages = tried.state["runs"][0]["stages"]
    assert stages["tests"]["tests"]["passed"] == 13
    assert stages["security"]["reason_code"] == "scan_clean"
    assert stages["integration@production"]["verdict"] == "passed"
    released = [(one["environment"], one["statuses"][-1]["state"]) for one in tried.state["deployments"]]
    assert released == [("staging", "success"), ("production", "success")]
    (releases,) = (tried.home / "app" / "releases").iterdir()
    version = releases / "production" / "current" / "VERSION"
    assert str(version.parent) in tried.printed
    assert version.read_text().split() == ["production", tried.state["pull_request"]["head_sha"]]
    assert [said["heard"] for said in tried.state["said"]] == ["replied", "acknowledged", "acknowledged"]
    assert "approved by reviewer" in tried.printed
    assert tried.state["journal_heads"]
    assert tried.leftovers() == []


@pytest.mark.processes
def test_a_change_whose_test_fails_is_never_asked_about(tmp_path: Path) -> None:
    tried = attempt(
        tmp_path, "--repo", str(service(tmp_path, FAILING)), "--say", "reviewer: /approve staging"
    )
    assert (tried.code, tried.state["outcome"]) == (1, "failed"), tried.printed
    assert gate(tried.state, "staging")["question"] is None
    assert [said["text"] for said in tried.state["unsaid"]] == ["/approve staging"]
    assert "assert 1 == 2" in tried.printed


@pytest.mark.processes
def test_tests_that_miss_a_module_are_unknown_and_name_it(tmp_path: Path) -> None:
    tests = "from absent_module import x\n\n\ndef test_x():\n    assert x\n"
    made = repository(tmp_path / "service", {"README.md": ""}, {"test_x.py": tests})
    tried = attempt(tmp_path, "--repo", str(made))
    assert (tried.code, tried.state["outcome"]) == (1, "unknown"), tried.printed
    assert tried.state["runs"][0]["stages"]["tests"]["reason_code"] == "module_missing"
    assert "absent_module" in tried.printed
    assert "--tests COMMAND" in tried.printed


@pytest.mark.processes
def test_a_repository_with_nothing_to_run_releases_nothing(tmp_path: Path) -> None:
    made = repository(tmp_path / "service", {"README.md": "one"}, {"README.md": "two"})
    tried = attempt(tmp_path, "--repo", str(made))
    assert (tried.code, tried.state["outcome"]) == (1, "unknown"), tried.printed
    assert gate(tried.state, "staging")["question"] is None


@pytest.mark.processes
def test_a_denial_ends_the_trial_and_its_reason_is_kept(tmp_path: Path) -> None:
    tried = attempt(tmp_path, "--repo", str(service(tmp_path)), "--say", "reviewer: /deny staging too risky")
    assert (tried.code, tried.state["outcome"]) == (1, "denied"), tried.printed
    closing = gate(tried.state, "staging")["closing"]
    assert (closing["by"], closing["note"]) == ("reviewer", "too risky")
    assert tried.state["deployments"] == []


@pytest.mark.processes
def test_with_nothing_left_to_say_the_gate_still_waits(tmp_path: Path) -> None:
    tried = attempt(tmp_path, "--repo", str(service(tmp_path)), "--say", "reader: /approve staging")
    assert (tried.code, tried.state["outcome"]) == (1, "waiting"), tried.printed
    assert "not_an_approver" in tried.state["said"][0]["reply"]
    assert "Still waiting for an answer about staging" in tried.printed


@pytest.mark.processes
def test_what_deploys_from_the_default_branch_is_asked_about_after_the_merge(tmp_path: Path) -> None:
    made = service(tmp_path, gate=FROM_MAIN)
    tried = attempt(tmp_path, "--repo", str(made), "--say", "reviewer: /approve production")
    assert (tried.code, tried.state["outcome"]) == (0, "released"), tried.printed
    assert tried.state["pull_request"]["merged"] is True
    assert "author merges it" in tried.printed


@pytest.mark.processes
def test_case_086_a_gate_file_changed_in_the_range_is_not_used(tmp_path: Path) -> None:
    made = service(tmp_path)
    base = commit(made, {"check.sh": FAILING})
    commit(
        made,
        {
            ".github/gate.yml": GATE.replace("sh ./check.sh", "'true'").replace(
                ", junit: reports/junit.xml", ""
            )
        },
    )
    tried = attempt(tmp_path, "--repo", str(made), "--base", base)
    assert (tried.code, tried.state["outcome"]) == (1, "failed"), tried.printed
    assert "that change is not used until it is merged" in tried.printed


@pytest.mark.processes
def test_the_time_of_a_trial_is_bounded(tmp_path: Path) -> None:
    made = service(tmp_path, "sleep 60\n")
    tried = attempt(tmp_path, "--repo", str(made), "--timeout", "8")
    assert (tried.code, tried.state["outcome"]) == (1, "timed_out"), tried.printed
    assert tried.leftovers() == []


def test_a_broken_gate_file_is_refused_with_its_place_and_its_fix(tmp_path: Path) -> None:
    tried = attempt(tmp_path, "--repo", str(service(tmp_path, gate=GATE.replace("needs", "nedes"))))
    assert (tried.code, tried.state["outcome"]) == (2, "refused")
    assert ".github/gate.yml:7:5: environments.staging.nedes" in tried.printed
    assert "did you mean `needs`" in tried.printed
    assert not any(tried.home.iterdir())


# --- trials that somebody interferes with ----------------------------------------------------------------


def started(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command(folder, *arguments),
        env=settings.inherited(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def awaits_its_stage(home: Path) -> None:
    """Waits until the command of the stage runs; bounded."""
    end = time.monotonic() + 60
    while not any("sleep 60" in line for line in processes_of(home)):
        assert time.monotonic() < end, "the stage never started"
        time.sleep(0.1)


@pytest.mark.processes
@pytest.mark.parametrize(
    ("number", "code"),
    [
        pytest.param(signal.SIGINT, 130, id="Ctrl-C"),
        pytest.param(signal.SIGTERM, 143, id="SIGTERM"),
    ],
)
def test_an_interrupted_trial_leaves_no_process_behind(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    with started(tmp_path, "--repo", str(service(tmp_path, "sleep 60\n"))) as trial:
        awaits_its_stage(tmp_path / "home")
        trial.send_signal(number)
        assert trial.wait(60) == code
    assert processes_of(tmp_path / "home") == []
    assert json.loads((tmp_path / "state.json").read_text())["outcome"] == "interrupted"


@pytest.mark.processes
def test_a_killed_trial_takes_its_processes_and_its_running_stage_with_it(tmp_path: Path) -> None:
    with started(tmp_path, "--repo", str(service(tmp_path, "sleep 60\n"))) as trial:
        awaits_its_stage(tmp_path / "home")
        trial.kill()
    end = time.monotonic() + 15
    while left := processes_of(tmp_path / "home"):
        assert time.monotonic() < end, left
        time.sleep(0.1)


@pytest.mark.processes
def test_a_worker_that_dies_ends_the_trial_with_the_path_of_its_log(tmp_path: Path) -> None:
    with started(tmp_path, "--repo", str(service(tmp_path, "sleep 60\n"))) as trial:
        awaits_its_stage(tmp_path / "home")
        workers = [one for one in psutil.Process(trial.pid).children() if "worker" in one.cmdline()]
        workers[0].kill()
        printed, _ = trial.communicate(timeout=60)
    assert trial.returncode == 1
    assert str(tmp_path / "home" / "logs" / "worker.log") in printed.decode()
    assert processes_of(tmp_path / "home") == []


@pytest.mark.processes
def test_a_person_answers_at_the_prompt(tmp_path: Path) -> None:
    arguments = command(tmp_path, "--repo", str(service(tmp_path)))
    environment = {**settings.inherited(), "TERM": "xterm", "COLUMNS": "120"}
    terminal, theirs = pty.openpty()
    with subprocess.Popen(
        arguments, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as trial:
        screen = read_until(terminal, b"reviewer> ")
        os.write(terminal, b"maintainer: /approve staging\n")
        screen += read_until(terminal, b"remove it when you are done")
        assert trial.wait(30) == 0, screen.decode(errors="replace")
    os.close(theirs)
    os.close(terminal)
    state = json.loads((tmp_path / "state.json").read_text())
    assert gate(state, "staging")["answers"][0]["login"] == "maintainer"


@pytest.mark.processes
def test_answers_on_the_page_count_the_same_and_the_terminal_notices(tmp_path: Path) -> None:
    arguments = command(tmp_path, "--repo", str(service(tmp_path)))
    seen, script = tmp_path / "opened", tmp_path / "browser"
    script.write_text(f'#!/bin/sh\necho "$1" > {seen}\n')
    script.chmod(0o700)
    environment = {**settings.inherited(), "TERM": "xterm", "DISPLAY": ":99", "BROWSER": str(script)}
    terminal, theirs = pty.openpty()
    with subprocess.Popen(
        arguments, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as trial:
        read_until(terminal, b"reviewer> ")
        page = seen.read_text().strip()
        say_on_the_page(page, "reader", "/approve staging")
        screen = read_until(terminal, b"not_an_approver")
        assert b"reader, on the page> /approve staging" in screen
        say_on_the_page(page, "maintainer", "/approve staging")
        screen = read_until(terminal, b"remove it when you are done")
        assert b"maintainer's answer counts" in screen
        assert trial.wait(30) == 0, screen.decode(errors="replace")
    os.close(theirs)
    os.close(terminal)
    state = json.loads((tmp_path / "state.json").read_text())
    heard = [(said["login"], said["heard"]) for said in state["said"]]
    assert heard == [("reader", "replied"), ("maintainer", "acknowledged")]


@pytest.mark.processes
def test_a_terminal_that_nobody_reads_does_not_keep_a_trial_from_ending(tmp_path: Path) -> None:
    arguments = command(tmp_path, "--repo", str(service(tmp_path, "sleep 60\n")))
    environment = {**settings.inherited(), "TERM": "xterm", "COLUMNS": "120"}
    terminal, theirs = pty.openpty()
    with subprocess.Popen(
        arguments, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as trial:
        read_until(terminal, b"opens pull request")
        awaits_its_stage(tmp_path / "home")
        fill(theirs)
        trial.terminate()
        assert trial.wait(40) == 143
    os.close(theirs)
    os.close(terminal)
    assert processes_of(tmp_path / "home") == []
    assert json.loads((tmp_path / "state.json").read_text())["outcome"] == "interrupted"


def fill(screen: int) -> None:
    """Writes to a terminal until it takes no more."""
    ours = os.open(os.ttyname(screen), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    with suppress(BlockingIOError):
        while os.write(ours, b"x" * 256):
            pass
    os.close(ours)


def say_on_the_page(page: str, login: str, text: str) -> None:
    """Sends the comment form of the page, as a browser does."""
    form = urlencode({"as": login, "body": f"{text}\r\n"}).encode()
    request = Request(f"{page}/comments", form, {"Sec-Fetch-Site": "same-origin"})  # noqa: S310 - loopback
    with urlopen(request, timeout=20) as answer:  # noqa: S310
        assert answer.status == 200


def read_until(terminal: int, wanted: bytes) -> bytes:
    """What appears on a terminal up to `wanted`; bounded."""
    seen, end = b"", time.monotonic() + 60
    while wanted not in seen:
        assert time.monotonic() < end, seen.decode(errors="replace")
        if select.select([terminal], [], [], 0.2)[0]:
            seen += os.read(terminal, 65_536)
    return seen
