"""People do anything in any order, GitHub answers or does not; whatever is released, all of it was in order."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from support.walker import Walk


def test_whatever_people_do_only_what_is_in_order_is_released() -> None:
    released = 0
    for seed in range(80):
        walk = Walk(seed)
        walk.walk(40)
        released += bool(walk.world.releases("staging"))
    assert 5 < released < 75, "the walks reach releases, and not all of them do"


def test_the_command_walks_on_all_cores_and_says_how_far_and_how_fast() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "support.walking", "--transitions", "300", "--seed", "7"],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    found = re.search(
        r"([0-9,]+) transitions in [0-9,]+ walks from seed 7, .*: [0-9,]+ a second", said.stdout
    )
    assert found is not None, said.stdout
    assert int(found[1].replace(",", "")) >= 300
