"""The inspection of the isolation: it finds every leak, believes no silence, and decides what is started."""

import os
import shlex
import shutil
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from support import stages

from gate_app.domain.effects import StartStage
from gate_app.domain.evidence import StageOutcome, StageReason, StageVerdict
from gate_app.domain.model import Repository
from gate_app.domain.run import StageRole
from gate_app.engine.ports import Checkout, Child, Running
from gate_app.stages.inspection import Demand, Inspected, inspect
from gate_app.stages.isolation import Grade
from gate_app.stages.places import Places
from gate_app.stages.workers import StageWorkers

UNCONFINED = '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done; shift; exec "$@"\n'
needs_bubblewrap = pytest.mark.skipif(
    stages.STRONGEST is Grade.PROCESS, reason="bubblewrap is not installed, or namespaces are not allowed"
)


@pytest.fixture
def places(tmp_path) -> Places:
    """A state folder, and beside it a private key and a home that hold something."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "notes").write_text("canary")
    (tmp_path / "key.pem").write_text("canary")
    guarded = (tmp_path / "home", tmp_path / "key.pem", tmp_path / "not there", Path("/"))
    return Places(tmp_path / "state", stages.SEARCH_PATH, None, guarded)


def with_program(places: Places, folder: Path, script: str) -> Places:
    """The same places where `bwrap` is this script."""
    stages.program(folder / "bin" / "bwrap", script)
    return Places(places.home, f"{folder / 'bin'}:{places.search_path}", None, places.guarded)


@needs_bubblewrap
def test_bubblewrap_as_it_is_called_confines_and_nothing_is_left_behind(places):
    assert inspect(places) == Inspected(Grade.NAMESPACES)
    assert list(places.home.rglob("*")) == [places.stages]


@pytest.mark.parametrize(
    ("script", "shortcoming"),
    [
        pytest.param(None, "not installed", id="there is none"),
        pytest.param("#!/bin/sh\necho No permissions >&2; exit 1\n", "No permissions", id="it is forbidden"),
        pytest.param("#!/bin/sh\nexit 1\n", "only fails", id="it fails without a word"),
        pytest.param("#!/bin/sh\nexit 0\n", "no answer", id="it succeeds and runs nothing"),
        pytest.param("#!/bin/sh\necho '{\"worked\": []}'\n", "no answer", id="it answers for the command"),
        pytest.param("#!/bin/sh\necho '[['\n", "no answer", id="its answer is none"),
        pytest.param("not a program", "Exec format error", id="it is no program"),
        pytest.param(UNCONFINED, "can be written to", id="it confines nothing"),
    ],
)
def test_a_bubblewrap_that_does_not_confine_is_found_out(places, tmp_path, script, shortcoming):
    if script is None:
        places = Places(places.home, str(tmp_path), None, places.guarded)
    else:
        places = with_program(places, tmp_path, script)
    found = inspect(places)
    assert found.grade is Grade.PROCESS
    assert shortcoming in found.shortcoming


def leaky(change: str) -> str:
    """A bubblewrap that is called with other options: `change` is Python over the list `a`."""
    real = shutil.which("bwrap", path=stages.SEARCH_PATH)
    program = f"import os, sys; a = sys.argv[1:]\n{change}\nos.execv({real!r}, [{real!r}, *a])"
    return f'#!/bin/sh\nexec {shlex.join((sys.executable, "-I", "-S", "-c", program))} "$@"\n'


WITHOUT_COVERS = """
while "--tmpfs" in a: i = a.index("--tmpfs"); del a[i:i + 2]
while "--remount-ro" in a: i = a.index("--remount-ro"); del a[i:i + 2]
"""


@needs_bubblewrap
@pytest.mark.parametrize(
    ("change", "shortcoming"),
    [
        pytest.param('a[a.index("--ro-bind")] = "--bind"', "can be written to", id="a writable machine"),
        pytest.param('a[1:1] = ["--share-net"]', "network of this machine", id="the network"),
        pytest.param(WITHOUT_COVERS, "/home can be seen", id="the operator's home"),
        pytest.param(
            WITHOUT_COVERS + 'while "/dev/null" in a: i = a.index("/dev/null"); del a[i - 1:i + 2]',
            "key.pem can be seen",
            id="the private key",
        ),
        pytest.param(
            'i = a.index("--unshare-all"); a[i:i + 1] = ["--unshare-user", "--unshare-net", "--unshare-ipc"]',
            "the pid namespace is shared",
            id="other processes",
        ),
        pytest.param(
            'i = a.index("--cap-drop"); del a[i:i + 2]',
            "capabilities are left",
            id="capabilities",
            marks=pytest.mark.skipif(os.getuid() != 0, reason="only root has any"),
        ),
    ],
)
def test_each_leak_is_found(places, tmp_path, change, shortcoming):
    found = inspect(with_program(places, tmp_path, leaky(change)))
    assert found.grade is Grade.PROCESS
    assert shortcoming in found.shortcoming
    assert not list(Path("/").glob(".gate-*"))


def test_a_state_folder_that_cannot_be_made_is_a_shortcoming(places, tmp_path):
    places = with_program(places, tmp_path, UNCONFINED)
    places.home.write_text("a file where the folder should be")
    assert inspect(places).grade is Grade.PROCESS


# --- what follows from it ----------------------------------------------------------------------


def started(places: Places, grade: Grade, *demand: Demand) -> Child | StageOutcome:
    workers = StageWorkers(places, Inspected(grade, "bwrap is a fake"), *demand)
    wanted = StartStage("tests", 1, StageRole.AUTOMATED, "0" * 40, "true", timedelta(minutes=1))
    nowhere = Checkout("ftp://127.0.0.1:9/acme/greeter", "token")  # refused at once, not tried again
    return workers.start("run", Repository(7, "acme", "greeter", 1), wanted, nowhere)


def test_where_isolation_is_required_nothing_is_started_without_it(places):
    ended = started(places, Grade.PROCESS)
    assert isinstance(ended, StageOutcome)
    assert (ended.verdict, ended.reason) == (StageVerdict.UNKNOWN, StageReason.ISOLATION_MISSING)
    assert "bwrap is a fake" in ended.detail
    assert not places.stages.exists()


@pytest.mark.parametrize(
    ("grade", "demand", "reason"),
    [
        pytest.param(
            Grade.PROCESS, Demand.BEST, StageReason.WORKSPACE_UNAVAILABLE, id="the best there is: it gets on"
        ),
        pytest.param(
            Grade.NAMESPACES, Demand.BEST, StageReason.ISOLATION_MISSING, id="bubblewrap is gone meanwhile"
        ),
    ],
)
def test_a_stage_runs_in_the_isolation_that_was_inspected_or_not_at_all(places, grade, demand, reason):
    git = shutil.which("git", path=stages.SEARCH_PATH)
    places = Places(
        places.home, str(stages.program(places.home / "bin" / "git", f'#!/bin/sh\nexec {git} "$@"\n').parent)
    )
    child = started(places, grade, demand)
    assert isinstance(child, Child)
    workers = StageWorkers(places, Inspected(grade), demand)
    stages.wait_for(lambda: not isinstance(workers.poll(child), Running))
    outcome = workers.poll(child)
    assert isinstance(outcome, StageOutcome)
    assert (outcome.verdict, outcome.reason) == (StageVerdict.UNKNOWN, reason)
