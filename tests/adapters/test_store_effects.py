"""The outbox: what decisions want is done in order, at least once, newest wish first for what is shown."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from support.store import LATER, NOW, a_run, a_step, comment, deployment, reaction, sql, stored, tick

from gate_app.domain.effects import (
    CreateDeployment,
    Effect,
    PublishCheckRun,
    ReportDeployment,
    StartStage,
    StopStage,
)
from gate_app.domain.run import Run, StageRole
from gate_app.engine.ports import PendingEffect, SetAside, Transition
from gate_app.errors import Conflict
from gate_app.store.repository import SqlStore
from gate_app.store.schema import MAX_ATTEMPTS

pytest_plugins = ["support.store_databases"]

SUBJECT = "71#3"
CHECK = PublishCheckRun(
    "check:staging", "gate: staging", "a" * 40, "71#3:1:staging", "in_progress", None, "t", "s"
)
START = StartStage("tests", 1, StageRole.AUTOMATED, "a" * 40, "make test", timedelta(minutes=30))
REPORT = ReportDeployment("staging", 7, "in_progress", "")


def wanted(store: SqlStore, run: Run, version: int, *effects: Effect) -> None:
    store.commit(Transition((a_step(run, version, effects=effects),)))


def upcoming(store: SqlStore) -> PendingEffect:
    effect = store.next_effect(SUBJECT, NOW)
    assert effect is not None
    return effect


def perform_all(store: SqlStore) -> list[Effect]:
    done = []
    while (effect := store.next_effect(SUBJECT, NOW)) is not None:
        store.effect_started(effect)
        store.effect_done(effect, "")
        done.append(effect.effect)
    return done


@pytest.mark.parametrize(
    "effect",
    [START, StopStage("tests", 1), CHECK, comment("hello"), reaction(9), REPORT],
    ids=lambda effect: effect.kind,
)
def test_an_effect_comes_out_as_it_was_wanted(store: SqlStore, effect: Effect) -> None:
    run = stored(store, a_run(), effects=(effect,))
    pending = upcoming(store)
    assert pending.effect == effect
    assert (pending.run_id, pending.repository) == (run.id, run.change.repository)
    assert (pending.attempts, pending.revision, pending.in_doubt) == (0, 1, False)


def test_effects_are_done_in_the_order_in_which_they_were_first_wanted(store: SqlStore) -> None:
    run = stored(store, a_run(), effects=(comment("1"), START))
    wanted(store, run, 1, reaction(9), comment("2"))
    assert perform_all(store) == [comment("2"), START, reaction(9)]


@pytest.mark.parametrize("level", [comment("old"), CHECK, REPORT], ids=lambda effect: effect.kind)
def test_what_is_shown_is_wanted_again_when_it_was_already_done(store: SqlStore, level: Effect) -> None:
    run = stored(store, a_run(), effects=(level,))
    assert perform_all(store) == [level]
    wanted(store, run, 1, level)
    assert perform_all(store) == [level]


@pytest.mark.parametrize("once", [START, StopStage("tests", 1), reaction(9)], ids=lambda effect: effect.kind)
def test_what_happens_once_is_not_wanted_again(store: SqlStore, once: Effect) -> None:
    run = stored(store, a_run(), effects=(once,))
    wanted(store, run, 1, once)
    assert perform_all(store) == [once]
    wanted(store, run, 2, once)
    assert perform_all(store) == []


def test_the_same_key_in_two_runs_is_two_effects(store: SqlStore) -> None:
    stored(store, a_run(), effects=(reaction(9),))
    stored(store, a_run(sequence=2, head="e"), effects=(reaction(9),))
    assert len(perform_all(store)) == 2


def test_a_newer_wish_during_the_performance_is_performed_as_well(store: SqlStore) -> None:
    run = stored(store, a_run(), effects=(comment("1"),))
    pending = upcoming(store)
    store.effect_started(pending)
    wanted(store, run, 1, comment("2"))
    store.effect_done(pending, "")
    again = upcoming(store)
    assert (again.effect, again.revision) == (comment("2"), 2)
    assert again.in_doubt, "the first call may have reached GitHub, and its object is not known"


def test_an_older_wish_cannot_be_begun_any_more(store: SqlStore) -> None:
    run = stored(store, a_run(), effects=(comment("1"),))
    pending = upcoming(store)
    wanted(store, run, 1, comment("2"))
    with pytest.raises(Conflict):
        store.effect_started(pending)


def test_a_finished_effect_cannot_be_begun_again(store: SqlStore) -> None:
    stored(store, a_run(), effects=(reaction(9),))
    pending = upcoming(store)
    store.effect_done(pending, "")
    with pytest.raises(Conflict):
        store.effect_started(pending)


def test_what_follows_from_an_effect_is_stored_with_its_end(store: SqlStore, engine: sa.Engine) -> None:
    run = stored(store, a_run(), effects=(reaction(9),))
    store.effect_done(upcoming(store), "id 5", (tick(run, "created"),))
    assert store.next_row(SUBJECT, NOW) is not None
    assert sql(engine, "SELECT state, result, in_doubt FROM effects") == [("done", "id 5", 0)]


# --- doubt and delay


def test_case_194_a_crash_after_the_call_leaves_the_effect_in_doubt(store: SqlStore) -> None:
    stored(store, a_run(), effects=(reaction(9),))
    store.effect_started(upcoming(store))
    assert upcoming(store).in_doubt


def test_case_194_doubt_outlasts_a_delay(store: SqlStore) -> None:
    stored(store, a_run(), effects=(reaction(9),))
    pending = upcoming(store)
    store.effect_started(pending)
    store.effect_delayed(pending, "no answer", NOW, "counted")
    again = upcoming(store)
    assert (again.in_doubt, again.attempts, again.not_before) == (True, 1, NOW)


def test_case_201_a_delayed_effect_does_not_hold_up_the_others(store: SqlStore) -> None:
    stored(store, a_run(), effects=(comment("1"), reaction(9), START))
    store.effect_delayed(upcoming(store), "rate limited", LATER, "free")
    assert store.subjects_due(NOW) == [SUBJECT]
    assert perform_all(store) == [reaction(9), START]
    assert store.subjects_due(NOW) == []
    assert store.subjects_due(LATER) == [SUBJECT]
    later = store.next_effect(SUBJECT, LATER)
    assert later is not None
    assert later.attempts == 0


def test_case_211_an_effect_that_keeps_failing_is_set_aside_with_its_last_words(store: SqlStore) -> None:
    run = stored(store, a_run(), effects=(reaction(9),))
    last_words = (tick(run, "failed"),)
    pending = upcoming(store)
    for _ in range(MAX_ATTEMPTS - 1):
        assert not store.effect_delayed(pending, "422", NOW, "counted", last_words)
    assert store.next_row(SUBJECT, NOW) is None
    assert store.effect_delayed(pending, "422", NOW, "counted", last_words)
    assert store.next_effect(SUBJECT, LATER) is None
    assert store.next_row(SUBJECT, NOW) is not None
    assert store.set_aside() == [SetAside("effect", pending.id, SUBJECT, "422", MAX_ATTEMPTS)]


def test_waiting_for_a_rate_limit_never_sets_an_effect_aside(store: SqlStore) -> None:
    stored(store, a_run(), effects=(reaction(9),))
    for _ in range(2 * MAX_ATTEMPTS):
        assert not store.effect_delayed(upcoming(store), "rate limited", NOW, "free")
    assert store.set_aside() == []


def test_a_newer_wish_has_tries_of_its_own(store: SqlStore) -> None:
    run = stored(store, a_run(), effects=(comment("1"),))
    old = upcoming(store)
    for _ in range(MAX_ATTEMPTS - 1):
        store.effect_delayed(old, "502", NOW, "counted")
    wanted(store, run, 1, comment("2"))
    assert not store.effect_delayed(old, "502", LATER, "counted")
    assert upcoming(store).attempts == 0


def test_a_newer_wish_brings_an_effect_back_that_was_set_aside(store: SqlStore) -> None:
    run = stored(store, a_run(), effects=(comment("1"),))
    old = upcoming(store)
    for _ in range(MAX_ATTEMPTS):
        store.effect_delayed(old, "502", NOW, "counted")
    wanted(store, run, 1, comment("2"))
    assert store.set_aside() == []
    assert upcoming(store).effect == comment("2")


def test_case_199_a_newer_wish_respects_the_delay_that_github_asked_for(store: SqlStore) -> None:
    run = stored(store, a_run(), effects=(comment("1"),))
    store.effect_delayed(upcoming(store), "rate limited", LATER, "free")
    wanted(store, run, 1, comment("2"))
    assert store.next_effect(SUBJECT, NOW) is None
    later = store.next_effect(SUBJECT, LATER)
    assert later is not None
    assert later.effect == comment("2")


# --- releases


def test_a_release_goes_its_own_way_due_or_not(store: SqlStore) -> None:
    run = a_run()
    stored(store, run, effects=(deployment(run), reaction(9)))
    assert perform_all(store) == [reaction(9)]
    release = store.next_release(SUBJECT)
    assert release is not None
    store.effect_started(release)
    store.effect_delayed(release, "no answer", LATER, "counted")
    doubtful = store.next_release(SUBJECT)
    assert doubtful is not None
    assert (doubtful.in_doubt, doubtful.not_before) == (True, LATER)
    store.effect_done(doubtful, "7")
    assert store.next_release(SUBJECT) is None


def test_the_next_occasion_is_another_release(store: SqlStore) -> None:
    run = a_run()
    stored(store, run, effects=(deployment(run),))
    first = store.next_release(SUBJECT)
    assert first is not None
    store.effect_done(first, "returned")
    wanted(store, run, 1, deployment(run, occasion=2))
    second = store.next_release(SUBJECT)
    assert second is not None
    assert isinstance(second.effect, CreateDeployment)
    assert second.effect.occasion == 2


def test_a_pending_release_makes_its_subject_due(store: SqlStore) -> None:
    run = a_run()
    stored(store, run, effects=(deployment(run),))
    assert store.subjects_due(NOW) == [SUBJECT]


def test_subjects_do_not_see_each_others_effects(store: SqlStore) -> None:
    run = a_run()
    stored(store, run, effects=(deployment(run), reaction(9)))
    assert store.next_effect("71#4", NOW) is None
    assert store.next_release("71#4") is None


# --- objects


def test_the_object_of_a_surface_is_remembered_and_replaced(store: SqlStore) -> None:
    run = stored(store, a_run())
    assert store.known_object(run.id, "card") is None
    store.remember_object(run.id, "card", 5)
    store.remember_object(run.id, "card", 6)
    assert store.known_object(run.id, "card") == 6
    assert store.known_object(run.id, "check:staging") is None
