"""Another default branch: what was asked under the old one ends or is asked anew (case 88)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.engine import MAIN, SHOP, TinyEngine, pull, sha

from gate_app.domain.events import ClockTicked
from gate_app.domain.model import Subject
from gate_app.domain.run import Run, RunState
from gate_app.engine.ports import InboxItem, RunNoticed
from gate_app.store.repository import SqlStore

pytest_plugins = ["support.store_databases"]
TRUNK = Subject(SHOP.id, ref="refs/heads/trunk")


@pytest.fixture
def engine(store: SqlStore) -> TinyEngine:
    engine = TinyEngine(store)
    engine.github.gate_file = b"version: 1\nenvironments:\n  production: {deploy: {command: 'true'}}\n"
    engine.github.main_is_at("a", default_branch="main")
    engine.github.pull_is_at(1, "f")
    change = replace(engine.github.live[pull(1)].change, default_branch="main")
    engine.github.live[pull(1)] = replace(engine.github.live[pull(1)], change=change)
    return engine.hears(MAIN).hears(pull(1))


def is_trunk_now(engine: TinyEngine) -> None:
    """Somebody makes another branch the default one; main and its content stay as they are."""
    for subject, live in engine.github.live.items():
        engine.github.live[subject] = replace(live, change=replace(live.change, default_branch="trunk"))
    main = engine.github.live[MAIN]
    there = replace(main.change, subject=TRUNK, base_ref="trunk", head_branch="trunk")
    engine.github.live[TRUNK] = replace(main, change=there)


def states(engine: TinyEngine, subject: Subject) -> list[RunState]:
    return [run.state for run in engine.runs(subject)]


def judged(engine: TinyEngine, run: Run) -> None:
    """Something makes the run be judged again, as an answer does."""
    tick = RunNoticed(run.id, ClockTicked(engine.now()))
    engine.store.put([InboxItem(run.change.subject.key, tick, "tick")])
    engine.drains()


def test_a_run_of_the_old_default_branch_ends_at_the_next_round(engine: TinyEngine) -> None:
    is_trunk_now(engine)
    engine.reconciles()
    assert states(engine, MAIN) == [RunState.SUPERSEDED]
    assert engine.runs(MAIN)[0].ended == "default_branch_changed"
    assert engine.heads(TRUNK) == "", "it was there before it was the default one"


def test_a_run_of_a_pull_request_is_asked_anew_at_the_next_round(engine: TinyEngine) -> None:
    is_trunk_now(engine)
    engine.reconciles().reconciles()
    assert states(engine, pull(1)) == [RunState.SUPERSEDED, RunState.OPEN]
    assert engine.runs(pull(1))[1].change.default_branch == "trunk"


@pytest.mark.parametrize("subject", [MAIN, pull(1)], ids=["the branch", "a pull request"])
def test_a_judgement_notices_it_before_any_round(engine: TinyEngine, subject: Subject) -> None:
    is_trunk_now(engine)
    judged(engine, engine.runs(subject)[0])
    assert states(engine, subject)[0] is RunState.SUPERSEDED


def test_a_push_to_a_branch_that_is_not_the_default_one_opens_nothing(engine: TinyEngine) -> None:
    is_trunk_now(engine)
    live = engine.github.live[MAIN]
    engine.github.live[MAIN] = replace(
        live, change=replace(live.change, head=replace(live.change.head, sha=sha("b")))
    )
    engine.hears(MAIN)
    assert states(engine, MAIN) == [RunState.SUPERSEDED]
