"""A decision is stored whole or not at all, and never on a picture that has changed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from support.store import (
    NOW,
    a_run,
    a_step,
    comment,
    contents,
    deliver,
    deployment,
    handed_back,
    opened,
    released,
    sql,
    stored,
    tick,
)

from gate_app.domain.conditions import EnvironmentFacts
from gate_app.domain.model import Repository
from gate_app.domain.run import Run
from gate_app.engine.ports import Transition
from gate_app.errors import Conflict
from gate_app.store.faults import DatabaseRefused
from gate_app.store.repository import SqlStore
from gate_app.store.verification import verify

pytest_plugins = ["support.store_databases"]

BUSY = EnvironmentFacts("staging", busy_with="71#3:1:staging")
ELSEWHERE = Repository(72, "acme", "other", 5)


def in_inbox(store: SqlStore, run: Run, meaning: str = "m") -> int:
    """The id of a row in the inbox of the run's subject."""
    store.put([tick(run, meaning)])
    row = store.next_row(run.change.subject.key, NOW)
    assert row is not None
    return row.id


# --- one decision -------------------------------------------------------------------------------------------


def test_a_step_is_stored_whole(store: SqlStore, engine: sa.Engine) -> None:
    run = stored(store, a_run())
    row = in_inbox(store, run)
    after = released(run)
    step = a_step(run, 1, after=after, effects=(deployment(run),), environments=(BUSY,))
    store.commit(Transition((step,), row, "released", (tick(run, "next"),)))

    found = store.run(run.id)
    assert found is not None
    assert (found.run, found.version) == (after, 2)
    assert store.environments(71, ["staging"]) == {"staging": replace(BUSY, version=1)}
    release = store.next_release(run.change.subject.key)
    assert release is not None
    assert release.effect == deployment(run)
    assert sql(engine, "SELECT state, note FROM inbox ORDER BY id") == [("done", "released"), ("new", "")]
    assert sql(engine, "SELECT gate_id, journal_number FROM releases") == [(run.gate_id("staging"), 2)]
    assert verify(engine).clean


def test_a_transition_without_steps_marks_what_it_handled(store: SqlStore, engine: sa.Engine) -> None:
    run = stored(store, a_run())
    store.commit(Transition(inbox_id=in_inbox(store, run), note="nobody waits for it"))
    assert sql(engine, "SELECT state, note FROM inbox") == [("done", "nobody waits for it")]


def test_steps_of_one_transition_build_on_each_other(store: SqlStore, engine: sa.Engine) -> None:
    run = a_run()
    store.commit(Transition((a_step(run), a_step(run, 1, after=released(run)), a_step(a_run(4)))))
    found = store.run(run.id)
    assert found is not None
    assert found.version == 2
    assert verify(engine).entries == 3
    assert verify(engine).clean


def test_repositories_have_journals_of_their_own(store: SqlStore, engine: sa.Engine) -> None:
    store.commit(Transition((a_step(a_run(repository=ELSEWHERE)), a_step(a_run()))))
    report = verify(engine)
    assert report.clean
    assert {repository: head.number for repository, head in report.heads.items()} == {71: 1, 72: 1}


# --- compare and set ----------------------------------------------------------------------------------------


def missing_version(run: Run) -> Transition:
    return Transition((a_step(run),))


def older_version(run: Run) -> Transition:
    return Transition((a_step(run, 1),))


def later_version(run: Run) -> Transition:
    return Transition((a_step(run, 3),))


def unknown_run(_: Run) -> Transition:
    return Transition((a_step(a_run(9), 1),))


def taken_sequence(run: Run) -> Transition:
    return Transition((a_step(replace(run, id="another id")),))


def relied_on_older_environment(run: Run) -> Transition:
    return Transition((a_step(run, 2, relied_on=(("staging", 0),)),))


def relied_on_environment_that_is_not_there(run: Run) -> Transition:
    return Transition((a_step(run, 2, relied_on=(("production", 1),)),))


def new_environment_that_is_there(run: Run) -> Transition:
    return Transition((a_step(run, 2, environments=(BUSY,)),))


def older_environment(run: Run) -> Transition:
    return Transition((a_step(run, 2, environments=(replace(BUSY, version=2),)),))


def inbox_row_of_somebody_else(run: Run) -> Transition:
    return Transition((a_step(run, 2),), inbox_id=1)


STALE: list[Callable[[Run], Transition]] = [
    missing_version,
    older_version,
    later_version,
    unknown_run,
    taken_sequence,
    relied_on_older_environment,
    relied_on_environment_that_is_not_there,
    new_environment_that_is_there,
    older_environment,
    inbox_row_of_somebody_else,
]


@pytest.mark.parametrize("stale", STALE, ids=[case.__name__.replace("_", " ") for case in STALE])
def test_case_077_a_decision_on_a_stale_picture_stores_nothing(
    store: SqlStore, engine: sa.Engine, stale: Callable[[Run], Transition]
) -> None:
    run = stored(store, a_run())
    store.commit(Transition((a_step(run, 1, environments=(BUSY,)),), in_inbox(store, run)))
    before = contents(engine)
    transition = stale(run)
    step = replace(transition.steps[0].decision, effects=(comment("late"), deployment(run)))
    with pytest.raises(Conflict):
        store.commit(
            replace(
                transition,
                steps=(replace(transition.steps[0], decision=step),),
                follow_ups=(tick(run, "late"),),
            )
        )
    assert contents(engine) == before


def test_a_decision_that_relied_on_the_present_environments_is_stored(store: SqlStore) -> None:
    run = stored(store, a_run())
    store.commit(Transition((a_step(run, 1, relied_on=(("staging", 0),), environments=(BUSY,)),)))
    store.commit(Transition((a_step(run, 2, relied_on=(("staging", 1), ("production", 0))),)))
    found = store.run(run.id)
    assert found is not None
    assert found.version == 3


def test_a_decision_made_without_seeing_the_step_before_it_is_a_conflict(
    store: SqlStore, engine: sa.Engine
) -> None:
    before = contents(engine)
    with pytest.raises(Conflict):
        store.commit(
            Transition(
                (a_step(a_run(3), environments=(BUSY,)), a_step(a_run(4), relied_on=(("staging", 0),)))
            )
        )
    assert contents(engine) == before


# --- releases -----------------------------------------------------------------------------------------------


def test_case_085_a_second_release_of_a_gate_is_refused_by_the_schema(
    store: SqlStore, engine: sa.Engine
) -> None:
    run = stored(store, a_run())
    store.commit(Transition((a_step(run, 1, after=released(run)),)))
    before = contents(engine)
    forgetful = a_step(run, 2, after=released(run))  # its picture of the run has no release
    with pytest.raises(DatabaseRefused):
        store.commit(Transition((forgetful,)))
    assert contents(engine) == before


def test_a_release_that_did_not_happen_makes_room_for_the_next_occasion(
    store: SqlStore, engine: sa.Engine
) -> None:
    run = stored(store, a_run())
    first = released(run)
    back = handed_back(first)
    second = released(back)
    for version, (before, after) in enumerate(((run, first), (first, back), (back, second)), start=1):
        store.commit(Transition((a_step(before, version, after=after),)))
    rows = sql(engine, "SELECT occasion, journal_number, returned_number FROM releases ORDER BY occasion")
    assert rows == [(1, 2, 3), (2, 4, None)]
    assert verify(engine).clean


def test_a_release_may_return_and_begin_again_in_one_decision(store: SqlStore, engine: sa.Engine) -> None:
    run = stored(store, a_run())
    first = released(run)
    store.commit(Transition((a_step(run, 1, after=first),)))
    store.commit(Transition((a_step(first, 2, after=released(first)),)))
    rows = sql(engine, "SELECT occasion, journal_number, returned_number FROM releases ORDER BY occasion")
    assert rows == [(1, 2, 3), (2, 3, None)]
    assert verify(engine).clean


def test_taking_back_a_release_that_is_not_in_effect_is_refused(store: SqlStore, engine: sa.Engine) -> None:
    run = stored(store, a_run())
    before = contents(engine)
    with pytest.raises(DatabaseRefused):
        store.commit(Transition((a_step(released(run), 1, after=run),)))
    assert contents(engine) == before


# --- all or nothing -----------------------------------------------------------------------------------------


class PowerCutError(Exception):
    """What the tests raise in the middle of a transaction."""


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO journal",
        "UPDATE runs",
        "INSERT INTO environments",
        "INSERT INTO effects",
        "UPDATE inbox",
        "INSERT INTO inbox",
    ],
)
def test_case_193_an_interruption_at_any_statement_leaves_nothing_half_stored(
    store: SqlStore, engine: sa.Engine, statement: str
) -> None:
    run = stored(store, a_run())
    row = in_inbox(store, run)
    before = contents(engine)

    @sa.event.listens_for(engine, "after_cursor_execute")
    def interrupt(_connection: Any, _cursor: Any, text: str, *_: Any) -> None:
        if text.lstrip().startswith(statement):
            raise PowerCutError

    step = a_step(run, 1, after=released(run), effects=(deployment(run),), environments=(BUSY,))
    with pytest.raises(PowerCutError):
        store.commit(Transition((step,), row, "", (tick(run, "next"),)))
    sa.event.remove(engine, "after_cursor_execute", interrupt)
    assert contents(engine) == before
    store.commit(Transition((step,), row, "", (tick(run, "next"),)))
    assert verify(engine).clean


# --- races --------------------------------------------------------------------------------------------------


def race(engine: sa.Engine, transitions: list[Transition]) -> list[bool]:
    """Commits all at the same instant, each on its own connection; True for those that were stored."""
    barrier = threading.Barrier(len(transitions))

    def one(transition: Transition) -> bool:
        barrier.wait()
        try:
            SqlStore(engine).commit(transition)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(len(transitions)) as pool:
        return list(pool.map(one, transitions))


def test_case_074_of_200_racing_pairs_on_a_run_one_each_is_stored(store: SqlStore, engine: sa.Engine) -> None:
    run = stored(store, a_run())
    for version in range(1, 201):
        pair = [Transition((a_step(run, version, effects=(comment(f"{version} {who}"),)),)) for who in "ab"]
        assert sorted(race(engine, pair)) == [False, True]
    assert verify(engine).clean
    assert verify(engine).entries == 201


def test_case_074_approvals_that_race_release_once(store: SqlStore, engine: sa.Engine) -> None:
    for number in range(1, 11):
        run = stored(store, a_run(number))
        crowd = [Transition((a_step(run, 1, after=released(run), effects=(deployment(run),)),))] * 6
        assert race(engine, crowd).count(True) == 1
    assert sql(engine, "SELECT COUNT(*) FROM releases") == [(10,)]
    assert sql(engine, "SELECT COUNT(*) FROM effects") == [(10,)]
    assert verify(engine).clean


def test_two_runs_that_want_one_environment_do_not_both_get_it(store: SqlStore, engine: sa.Engine) -> None:
    for version in range(20):
        pair = [stored(store, a_run(number, version + 1)) for number in (3, 4)]
        wanted = [
            Transition(
                (a_step(run, 1, environments=(EnvironmentFacts("staging", version, busy_with=run.id),)),)
            )
            for run in pair
        ]
        assert sorted(race(engine, wanted)) == [False, True]


def test_a_run_that_relied_on_an_environment_does_not_pass_one_that_changes_it(
    store: SqlStore, engine: sa.Engine
) -> None:
    """Whichever is first: both are stored only if the one that relied came before the change."""
    for version in range(20):
        relying, changing = (stored(store, a_run(number, version + 1)) for number in (3, 4))
        facts = EnvironmentFacts("staging", version)
        outcome = race(
            engine,
            [
                Transition((a_step(relying, 1, relied_on=(("staging", version),)),)),
                Transition((a_step(changing, 1, environments=(facts,)),)),
            ],
        )
        assert outcome[1]
        order = sql(
            engine,
            "SELECT run_id FROM journal WHERE run_id IN (:one, :other) ORDER BY number DESC",
            one=relying.id,
            other=changing.id,
        )
        assert not outcome[0] or order[0] == (changing.id,)


def test_an_inbox_row_is_handled_once_whoever_races_for_it(store: SqlStore, engine: sa.Engine) -> None:
    run = stored(store, a_run())
    for number in range(20):
        row = in_inbox(store, run, f"m{number}")
        assert sorted(race(engine, [Transition(inbox_id=row)] * 3)) == [False, False, True]


def test_commits_to_two_repositories_in_one_transition_do_not_wait_for_each_other_for_ever(
    store: SqlStore, engine: sa.Engine
) -> None:
    here, there = stored(store, a_run()), stored(store, a_run(repository=ELSEWHERE))
    for version in range(1, 11):
        both = (a_step(here, version), a_step(there, version))
        assert sorted(race(engine, [Transition(both), Transition(both[::-1])])) == [False, True]


def test_case_078_two_processes_are_kept_apart_like_two_threads(database_url: sa.URL) -> None:
    """Two engines with pools of their own: nothing in this process's memory keeps them apart."""
    with opened(database_url) as one, opened(database_url) as other:
        run = stored(SqlStore(one), a_run())
        for version in range(1, 21):
            barrier = threading.Barrier(2)

            def commit(
                engine: sa.Engine, version: int = version, barrier: threading.Barrier = barrier
            ) -> bool:
                barrier.wait()
                try:
                    SqlStore(engine).commit(Transition((a_step(run, version),)))
                except Conflict:
                    return False
                return True

            with ThreadPoolExecutor(2) as pool:
                assert sorted(pool.map(commit, (one, other))) == [False, True]
        assert verify(other).clean


def test_the_journal_names_the_delivery_that_caused_a_decision(store: SqlStore, engine: sa.Engine) -> None:
    run = stored(store, a_run())
    deliver(engine, "guid-1")
    [delivery] = store.new_deliveries(NOW, 10)
    store.route(delivery, [tick(run, "m")], "")
    row = store.next_row(run.change.subject.key, NOW)
    assert row is not None
    store.commit(Transition((a_step(run, 1),), row.id))
    assert '"delivery":"guid-1"' in sql(engine, "SELECT entry FROM journal WHERE number = 2")[0][0]
