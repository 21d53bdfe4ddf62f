"""Failpoints: what `--failpoint NAME[:N]` does to the process, and that nothing happens without it."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from gate_app.failpoints import NAMES, UnknownFailpoint, arm_as_told, armed, hit


def test_a_disarmed_failpoint_does_nothing() -> None:
    for name in NAMES:
        hit(name)


def test_an_armed_failpoint_acts_once_at_the_hit_it_waits_for() -> None:
    happened: list[str] = []
    with armed("inbox.before", lambda: happened.append("acted"), at=3):
        for count in range(1, 6):
            hit("inbox.after")
            hit("inbox.before")
            happened.append(f"hit {count}")
    assert happened == ["hit 1", "hit 2", "acted", "hit 3", "hit 4", "hit 5"]


def test_a_failpoint_is_disarmed_after_its_block() -> None:
    acted: list[str] = []
    with armed("inbox.before", lambda: acted.append("acted")):
        pass
    hit("inbox.before")
    assert acted == []


@pytest.mark.parametrize(
    "option",
    [
        pytest.param("inbox.befor", id="a name that nobody hits"),
        pytest.param("", id="empty"),
        pytest.param("inbox.before:", id="no count after the colon"),
        pytest.param("inbox.before:0", id="the zeroth hit"),
        pytest.param("inbox.before:-1", id="a negative hit"),
        pytest.param("inbox.before:²", id="a digit that is not ASCII"),
        pytest.param("inbox.before:9999999", id="a count without bound"),
        pytest.param("inbox.before:1:2", id="two counts"),
    ],
)
def test_an_option_that_names_no_failpoint_is_refused(option: str) -> None:
    with pytest.raises(UnknownFailpoint):
        arm_as_told(option)


@pytest.mark.parametrize(
    ("option", "survived"), [("inbox.before", 0), ("inbox.before:3", 2)], ids=["first hit", "third hit"]
)
def test_case_193_a_process_told_to_dies_at_its_failpoint_as_by_kill_9(option: str, survived: int) -> None:
    program = (
        "import sys; from gate_app.failpoints import arm_as_told, hit; arm_as_told(sys.argv[1])\n"
        "while True: hit('inbox.before'); print('survived', flush=True)"
    )
    died = subprocess.run(
        [sys.executable, "-c", program, option], capture_output=True, text=True, timeout=30, check=False
    )
    assert died.returncode == -signal.SIGKILL
    assert died.stdout.count("survived") == survived
