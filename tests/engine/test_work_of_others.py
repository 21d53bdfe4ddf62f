"""Webhooks about other people's checks: what is looked at, how often, and what costs nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from support.engine import AUTHOR, MAIN, SHOP, TinyEngine, pull, sha
from support.store import sql

from gate_app.domain.checks import Check, CheckState
from gate_app.domain.events import RerunRequested
from gate_app.engine.ports import InboxItem, SubjectNoticed
from gate_app.engine.replay import replay
from gate_app.store.codec import run_digest
from gate_app.store.journal import entries, recorded
from gate_app.store.repository import SqlStore

pytest_plugins = ["support.store_databases"]

BEGAN = datetime(2026, 5, 4, 11, 0, tzinfo=UTC)
GREEN = Check(15368, 7, 900, "test", CheckState.PASSED, "success", BEGAN)


@pytest.fixture
def engine(store: SqlStore) -> TinyEngine:
    """The head of the default branch is under decision; its gate needs all checks."""
    engine = TinyEngine(store)
    engine.github.main_is_at("a")
    engine.hears(MAIN)
    engine.github.asked.clear()
    return engine


def stage(engine: TinyEngine) -> str:
    (run,) = engine.runs()
    found = run.stages["checks"]
    return found.outcome.verdict.value if found.outcome else found.status.value


def test_a_check_that_ended_is_looked_at_live(engine: TinyEngine) -> None:
    assert stage(engine) == "running"
    engine.github.standing_checks = (GREEN,)
    engine.hears_of_work("commit", sha("a")).drains()
    assert stage(engine) == "passed"


def test_a_check_on_an_unrelated_commit_costs_nothing(engine: TinyEngine, store: SqlStore) -> None:
    before = sql(store._engine, "SELECT count(*) FROM inbox")
    engine.hears_of_work("commit", sha("b")).drains()
    assert engine.github.asked == []
    assert sql(store._engine, "SELECT count(*) FROM inbox") == before


def test_a_burst_of_checks_is_one_look(engine: TinyEngine) -> None:
    for _ in range(20):
        engine.hears_of_work("commit", sha("a"))
    engine.drains()
    assert engine.github.asked == ["checks"]


def test_case_100_every_subject_with_that_head_looks(engine: TinyEngine) -> None:
    engine.github.gate_file = (
        b"version: 1\nenvironments:\n  production: {from: pull_request, deploy: {command: 'true'}}\n"
    )
    for number in (3, 4):
        engine.github.pull_is_at(number, "c")
        engine.hears(pull(number))
    engine.github.standing_checks = (GREEN,)
    engine.hears_of_work("commit", sha("c")).drains()
    outcomes = [engine.runs(pull(number))[0].stages["checks"].outcome for number in (3, 4)]
    assert [outcome and outcome.verdict.value for outcome in outcomes] == ["passed", "passed"]


def test_what_was_looked_at_is_replayed(engine: TinyEngine, store: SqlStore) -> None:
    engine.github.standing_checks = (GREEN,)
    engine.hears_of_work("commit", sha("a")).drains()
    report = replay(recorded(store._engine), run_digest)
    assert report.agrees
    assert report.entries >= 2


def test_a_lost_webhook_is_made_up_for_by_the_clock(engine: TinyEngine, store: SqlStore) -> None:
    (run,) = engine.runs()
    assert run.wake_at is not None
    assert [stored.run.id for stored in store.runs_to_wake(run.wake_at)] == [run.id]
    assert run.change.repository == SHOP


def test_a_re_run_of_all_checks_reaches_the_run_of_that_commit(engine: TinyEngine, store: SqlStore) -> None:
    asked = RerunRequested(BEGAN, AUTHOR)
    engine.hears_of_commit(sha("b"), asked).hears_of_commit(sha("a"), asked).drains()
    heard = [sealed.entry.event for sealed in entries(store._engine)]
    assert [event for event in heard if isinstance(event, RerunRequested)] == [asked]


def test_a_re_run_of_a_commit_that_was_replaced_meanwhile_means_nothing(
    engine: TinyEngine, store: SqlStore
) -> None:
    engine.github.main_is_at("b")
    store.put([InboxItem(MAIN.key, SubjectNoticed(SHOP, MAIN, BEGAN, AUTHOR), "look:pushed")])
    engine.hears_of_commit(sha("a"), RerunRequested(BEGAN, AUTHOR)).drains()
    (note,) = sql(store._engine, "SELECT note FROM inbox WHERE meaning LIKE 'commit:%'")
    assert note == ("another commit is decided on",)
