"""Which commits of the default branch are asked about: those that arrived since it was first seen (case 195)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.engine import MAIN, MAINTAINER, SHOP, TinyEngine, pull, sha
from support.store import sql

from gate_app.domain.events import CommandGiven
from gate_app.domain.model import Subject
from gate_app.domain.policy import PolicyProblem
from gate_app.engine.ports import ConversationNoticed
from gate_app.store.repository import SqlStore

pytest_plugins = ["support.store_databases"]


@pytest.fixture
def engine(store: SqlStore) -> TinyEngine:
    engine = TinyEngine(store)
    engine.github.main_is_at("a")
    return engine


def test_what_was_there_before_the_app_is_not_asked_about(engine: TinyEngine) -> None:
    assert engine.reconciles().reconciles().heads() == ""


def test_why_it_was_not_asked_about_is_kept(engine: TinyEngine, store: SqlStore) -> None:
    engine.reconciles()
    ((note,),) = sql(store._engine, "SELECT note FROM inbox")
    assert note == "there when the branch was first seen: not asked about"
    ((seen, at),) = sql(store._engine, "SELECT sha, seen_at FROM first_heads")
    assert (seen, at > 0) == (sha("a"), True)


def test_case_195_a_commit_that_arrived_since_is_found_when_its_delivery_is_lost(engine: TinyEngine) -> None:
    engine.reconciles().github.main_is_at("b")
    assert engine.reconciles().reconciles().heads() == "b"
    engine.github.main_is_at("c")
    assert engine.reconciles().heads() == "bc"


def test_a_push_that_is_told_is_asked_about_even_if_it_is_the_first_thing_seen(engine: TinyEngine) -> None:
    assert engine.hears(MAIN).reconciles().heads() == "a"


def test_a_push_that_is_told_late_is_asked_about_although_it_was_seen_first(engine: TinyEngine) -> None:
    assert engine.reconciles().hears(MAIN).heads() == "a"


def test_case_195_a_merge_after_the_first_pull_request_is_found_before_the_first_round(
    engine: TinyEngine,
) -> None:
    engine.github.pull_is_at(1, "f")
    engine.hears(pull(1))
    assert (engine.heads(pull(1)), engine.heads()) == ("f", "")
    engine.github.live[pull(1)] = replace(engine.github.live[pull(1)], open=False, merged=True)
    engine.github.main_is_at("b", conversation=1)
    assert engine.reconciles().heads() == "b"


def test_the_base_of_a_stacked_pull_request_is_seen_and_not_asked_about(engine: TinyEngine) -> None:
    feature = Subject(SHOP.id, ref="refs/heads/feature")
    engine.github.pull_is_at(1, "f", base_ref="feature")
    engine.github.live[feature] = engine.github.live[MAIN]
    assert engine.hears(pull(1)).heads(feature) == ""
    del engine.github.live[feature]
    engine.github.pull_is_at(2, "e", base_ref="feature")
    assert engine.hears(pull(2)).heads(pull(2)) == "e", "the branch was looked at already"


def test_before_there_is_a_gate_file_nothing_is_asked_and_the_commit_that_brings_it_is(
    engine: TinyEngine,
) -> None:
    engine.github.gate_file, given = None, engine.github.gate_file
    engine.reconciles().github.main_is_at("b")
    assert engine.hears(MAIN).reconciles().heads() == ""
    engine.github.gate_file = given
    engine.github.main_is_at("c")
    assert engine.reconciles().heads() == "c"


def test_a_branch_that_went_on_and_came_back_is_asked_about_again(engine: TinyEngine) -> None:
    engine.reconciles().github.main_is_at("b")
    engine.reconciles().github.main_is_at("a")
    assert engine.reconciles().heads() == "ba"


# --- what is made up for


def test_a_pull_request_gets_its_run_when_the_gate_file_comes_after_it(engine: TinyEngine) -> None:
    file, engine.github.gate_file = engine.github.gate_file, None
    engine.github.pull_is_at(1, "f")
    engine.hears(pull(1)).reconciles().reconciles()
    assert engine.heads(pull(1)) == ""
    engine.github.gate_file = file
    engine.reconciles().reconciles()
    assert engine.heads(pull(1)) == "f"


def test_a_gate_file_that_nobody_can_obey_is_loud_on_open_pull_requests_too(engine: TinyEngine) -> None:
    engine.github.gate_file = None
    engine.github.pull_is_at(1, "f")
    engine.reconciles()
    engine.github.refused = "a directory lies there"
    engine.reconciles()
    (run,) = engine.runs(pull(1))
    assert isinstance(run.policy, PolicyProblem)


def test_old_commands_are_not_answered_again_where_a_merged_pull_request_converses(
    engine: TinyEngine, store: SqlStore
) -> None:
    engine.github.pull_is_at(1, "f")
    engine.hears(pull(1))
    asked = CommandGiven(engine.now(), 501, 1, MAINTAINER, "/status", "d" * 64)
    said = ConversationNoticed(SHOP, 1, asked)
    store.put(engine.sweep.addressed(said, "delivery"))
    engine.drains()
    engine.github.live[pull(1)] = replace(engine.github.live[pull(1)], open=False, merged=True)
    engine.github.main_is_at("b", conversation=1)
    engine.hears(MAIN).hears(pull(1))
    assert engine.heads() == "b"
    engine.github.commands = [said]
    engine.reconciles()
    told = sql(store._engine, "SELECT subject FROM inbox WHERE meaning = 'comment:501:created'")
    assert told == [(pull(1).key,)]


def test_a_command_whose_delivery_was_lost_is_told_to_everybody_who_converses_there(
    engine: TinyEngine, store: SqlStore
) -> None:
    engine.github.pull_is_at(1, "f")
    engine.hears(pull(1))
    asked = CommandGiven(engine.now(), 501, 1, MAINTAINER, "/status", "d" * 64)
    engine.github.commands = [ConversationNoticed(SHOP, 1, asked)]
    engine.reconciles()
    assert sql(store._engine, "SELECT count(*) FROM inbox WHERE meaning = 'comment:501:created'") == [(1,)]
