"""When nothing is left to wait for: no drain runs, and the last one has had time to be recorded."""

from __future__ import annotations

from pathlib import Path

from support.jobs import database, sqlite_url

from gate_app.jobs.drains import RECORDED_WITHIN, Drains
from gate_app.jobs.turns import LocalTurns
from gate_app.jobs.wakeups import Wakeups


def test_an_engine_is_at_rest_a_second_after_its_last_drain(tmp_path: Path) -> None:
    now, seen = 100.0, []
    with database(sqlite_url(tmp_path)) as engine:
        drains = Drains(
            lambda _: seen.append(drains.at_rest), LocalTurns(), Wakeups(engine, 120), lambda: now
        )
        assert drains.at_rest, "it has drained nothing yet"
        drains.run("41#7")
        now += RECORDED_WITHIN
        seen.append(drains.at_rest)
        now += 0.1
        assert drains.at_rest
    assert seen == [False, False], "neither during a drain nor right after it"
