"""Each guard of the security core is taken out, and a test notices.

`make proof` takes out all of them, one after the other; the suite takes out one and looks whether the others still
stand where the table says.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from proof.guards import GUARDS, Guard

import gate_app
from gate_app import settings

ROOT = Path(__file__).parents[2]
PACKAGE = Path(gate_app.__file__).parent


def without(guard: Guard, folder: Path) -> Path:
    """A copy of the package in which the guard is gone."""
    copy = folder / "gate_app"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    path = copy / guard.file
    path.write_text(path.read_text().replace(guard.text, guard.without))
    compile(path.read_text(), str(path), "exec")
    return folder


def outcome(folder: Path, guard: Guard) -> subprocess.CompletedProcess[str]:
    """Runs the tests that must notice against that copy."""
    options = ["-q", "-x", "--no-header", "-p", "no:cacheprovider", f"--rootdir={ROOT}"]
    return subprocess.run(
        [sys.executable, "-P", "-m", "pytest", *options, *guard.caught_by],
        cwd=ROOT,
        env={**settings.inherited(), "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        check=False,
        text=True,
        timeout=100,
    )


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_a_guard_stands_where_the_table_says(guard: Guard) -> None:
    assert (PACKAGE / guard.file).read_text().count(guard.text) == 1
    assert guard.text != guard.without
    assert all((ROOT / test).exists() for test in guard.caught_by)


SAMPLE = "a_delivery_is_signed"


@pytest.mark.parametrize(
    "guard",
    [
        pytest.param(each, marks=() if each.name == SAMPLE else (pytest.mark.slow,), id=each.name)
        for each in GUARDS
    ],
)
def test_a_guard_that_is_taken_out_is_missed(guard: Guard, tmp_path: Path) -> None:
    done = outcome(without(guard, tmp_path), guard)
    assert done.returncode == 1, (
        f"nobody noticed, or nothing ran:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    )
    assert "failed" in done.stdout, done.stdout[-2000:]


def test_with_every_guard_in_place_nothing_is_missed(tmp_path: Path) -> None:
    """The same way of running, on an unchanged copy: what fails above fails because of the guard."""
    sample = next(each for each in GUARDS if each.name == SAMPLE)
    shutil.copytree(PACKAGE, tmp_path / "gate_app", ignore=shutil.ignore_patterns("__pycache__"))
    done = outcome(tmp_path, sample)
    assert done.returncode == 0, done.stdout[-2000:]
