"""Nobody answers: the sweep wakes the run when a reminder is due, and what it says is on its way to GitHub once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.engine import TinyEngine, pull
from support.store import sql

from gate_app.domain.checks import Check, CheckState
from gate_app.engine.sweep import Sweep
from gate_app.store.repository import SqlStore

pytest_plugins = ["support.store_databases"]

BEGAN = datetime(2026, 5, 4, 11, 0, tzinfo=UTC)
GATE_FILE = b"""\
version: 1
environments:
  production:
    from: pull_request
    deploy: {command: 'true'}
    approval: {remind_after: [2h, 8h], escalate_to: {after: 4h, permission: triage}, expires_after: 24h}
"""


class _Quiet:
    """Wakes nobody: the test drains by itself."""

    def wake(self, subject: str) -> None:
        """The subject is due, as the drain will see."""


@pytest.fixture
def engine(store: SqlStore) -> TinyEngine:
    """A pull request whose checks have passed is asked about."""
    engine = TinyEngine(store)
    engine.github.gate_file = GATE_FILE
    engine.github.standing_checks = (Check(15368, 7, 900, "test", CheckState.PASSED, "success", BEGAN),)
    engine.github.main_is_at("9")
    engine.github.pull_is_at(1, "a")
    return engine.hears(pull(1))


def waits(engine: TinyEngine, hours: float) -> None:
    """Time goes by, and the sweep does what is due."""
    unused: Any = None
    quiet: Any = _Quiet()
    engine.time += timedelta(hours=hours)
    Sweep(engine.store, unused, unused, quiet, engine.now)()
    engine.drains()


def nudges(engine: TinyEngine) -> list[str]:
    """The comments to those who have not answered, by what each is for."""
    rows = sql(engine.store._engine, "SELECT key FROM effects WHERE key LIKE '%nudge:%' ORDER BY id")
    return [str(key).partition("nudge:production:1:")[2].partition(":")[0] for (key,) in rows]


def test_each_reminder_and_each_step_of_the_ladder_comes_once_and_then_it_is_over(engine: TinyEngine) -> None:
    assert nudges(engine) == []
    waits(engine, 1.9)
    assert nudges(engine) == []
    waits(engine, 0.2)
    waits(engine, 0.5)
    assert len(nudges(engine)) == 1
    waits(engine, 2)
    assert len(nudges(engine)) == 2
    waits(engine, 5)
    assert len(nudges(engine)) == 3
    waits(engine, 16)
    (run,) = engine.runs(pull(1))
    closing = run.gates["production"].closing
    assert closing is not None
    assert closing.state.value == "expired"
    assert len(nudges(engine)) == 3
