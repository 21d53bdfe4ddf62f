"""A lock of one pull request, and the others that wait for it: each is judged anew when it moves."""

from __future__ import annotations

import pytest
from support.engine import AUTHOR, MAINTAINER, TinyEngine, pull

from gate_app.store.repository import SqlStore

pytest_plugins = ["support.store_databases"]


@pytest.fixture
def engine(store: SqlStore) -> TinyEngine:
    engine = TinyEngine(store)
    engine.github.gate_file = (
        b"version: 1\nenvironments:\n  production: {from: pull_request, deploy: {command: 'true'}}\n"
    )
    engine.github.main_is_at("9")
    engine.github.pull_is_at(1, "a")
    engine.github.pull_is_at(2, "b")
    return engine.hears(pull(1)).hears(pull(2))


def shown(engine: TinyEngine, number: int) -> bool:
    """Whether the run of a pull request was last judged while a lock held it."""
    run = engine.runs(pull(number))[-1]
    return "locked" in engine.store.last_verdicts(run.id)["production"].codes


def test_a_lock_is_seen_and_its_end_heard_of_by_every_other_pull_request(engine: TinyEngine) -> None:
    engine.hears_command(1, AUTHOR, "/lock production mine for 2h")
    assert shown(engine, 2)
    assert not shown(engine, 1)
    engine.hears_command(2, MAINTAINER, "/unlock production they are done")
    assert not shown(engine, 2)


def test_the_second_of_two_locks_is_refused(engine: TinyEngine) -> None:
    engine.hears_command(1, AUTHOR, "/lock production mine")
    engine.hears_command(2, MAINTAINER, "/lock production no, mine")
    facts = engine.store.environments(71, ["production"])["production"]
    assert getattr(facts.lock, "owner", None) == 1
