"""Runs, environments, identities and children are found again as they were stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.store import NOW, POLICY, a_run, a_step, sql, stored, tamper

from gate_app.domain.conditions import EnvironmentFacts
from gate_app.domain.locks import Lock
from gate_app.domain.model import Content, Repository, Unknown
from gate_app.domain.policy import ChecksWork, Stage
from gate_app.domain.run import Closing, Run
from gate_app.domain.verdict import ReasonCode, Verdict, VerdictState
from gate_app.engine.ports import Child, Transition
from gate_app.store.faults import RecordUnreadable
from gate_app.store.repository import SqlStore

pytest_plugins = ["support.store_databases"]

SUBJECT = "71#3"


def ended(run: Run) -> Run:
    """The run with every gate closed: final."""
    closing = Closing(VerdictState.DENIED, NOW, ReasonCode.DENIED)
    return replace(run, gates={name: replace(gate, closing=closing) for name, gate in run.gates.items()})


def conversing(run: Run, conversation: int | None) -> Run:
    return replace(run, change=replace(run.change, conversation=conversation))


def test_a_run_that_was_never_stored_is_not_there(store: SqlStore) -> None:
    assert store.run("71#3:1") is None
    assert store.current(SUBJECT) is None
    assert store.unfinished(SUBJECT) == []


def test_the_current_run_of_a_subject_is_the_newest_final_or_not(store: SqlStore) -> None:
    stored(store, a_run(sequence=1))
    stored(store, a_run(sequence=10))
    newest = stored(store, ended(a_run(sequence=11)))
    found = store.current(SUBJECT)
    assert found is not None
    assert found.run == newest


def test_unfinished_runs_come_oldest_first(store: SqlStore) -> None:
    stored(store, a_run(sequence=10))
    stored(store, a_run(sequence=2))
    stored(store, ended(a_run(sequence=3)))
    stored(store, a_run(4, sequence=1))
    assert [found.run.sequence for found in store.unfinished(SUBJECT)] == [2, 10]


def test_a_run_that_ends_is_not_unfinished_any_more(store: SqlStore) -> None:
    run = stored(store, a_run())
    store.commit(Transition((a_step(run, 1, after=ended(run)),)))
    assert store.unfinished(SUBJECT) == []


def test_a_conversation_reaches_the_subjects_whose_newest_run_is_there(store: SqlStore) -> None:
    stored(store, conversing(a_run(5), 3))
    older = replace(conversing(a_run(4), 3), opened_at=NOW - timedelta(minutes=1))
    stored(store, older)
    stored(store, conversing(a_run(6, 1), 3))
    stored(store, conversing(a_run(6, 2), None))
    stored(store, conversing(a_run(7), None))
    stored(store, conversing(a_run(3, repository=Repository(72, "acme", "other", 5)), 3))
    assert store.conversing(71, 3) == ["71#4", "71#5"]
    assert store.conversing(71, 4) == []


def test_a_repository_knows_its_unfinished_subjects_and_their_conversations(store: SqlStore) -> None:
    for number, conversation in ((5, 3), (4, 3), (6, None)):
        stored(store, conversing(a_run(number), conversation))
    stored(store, a_run(5, sequence=2))
    stored(store, ended(a_run(9)))
    stored(store, a_run(8, repository=Repository(72, "acme", "other", 5)))
    assert store.unfinished_subjects(71) == ["71#4", "71#5", "71#6"]
    assert store.conversations(71) == [3, 5]
    assert store.unfinished_subjects(73) == store.conversations(73) == []


def test_people_can_look_at_every_run_and_its_last_verdicts(store: SqlStore) -> None:
    later = replace(a_run(3), opened_at=NOW + timedelta(minutes=1))
    stored(store, later)
    earlier = stored(store, ended(a_run(4)))
    step = a_step(later, 1)
    denied = Verdict("staging", VerdictState.DENIED, ())
    decision = replace(step.decision, verdicts={"staging": denied})
    store.commit(Transition((replace(step, decision=decision),)))
    assert [found.run for found in store.all_runs()] == [earlier, later]
    assert store.last_verdicts(later.id) == {"staging": denied}
    assert store.last_verdicts("71#9:1") == {}


def test_a_run_wakes_when_its_time_has_passed_and_not_before(store: SqlStore) -> None:
    exact = NOW + timedelta(microseconds=1)
    run = stored(store, replace(a_run(), wake_at=exact))
    stored(store, replace(ended(a_run(4)), wake_at=NOW))
    stored(store, a_run(5))
    assert store.runs_to_wake(NOW) == []
    assert store.runs_to_wake(exact) == []  # a millisecond is the resolution, and early is worse than late
    [due] = store.runs_to_wake(NOW + timedelta(milliseconds=1))
    assert due.run == run


def test_runs_wake_the_longest_overdue_first(store: SqlStore) -> None:
    for number, minutes in ((4, 2), (5, 3), (6, 1)):
        stored(store, replace(a_run(number), wake_at=NOW - timedelta(minutes=minutes)))
    assert [due.run.change.subject.number for due in store.runs_to_wake(NOW)] == [5, 4, 6]


def test_environments_are_known_by_repository_and_name(store: SqlStore) -> None:
    run = stored(store, a_run())
    facts = EnvironmentFacts("staging", 0, Content("a" * 40, "c" * 40), (), run.gate_id("staging"), ("f1",))
    store.commit(Transition((a_step(run, 1, environments=(facts,)),)))
    assert store.environments(71, ["staging", "production"]) == {"staging": replace(facts, version=1)}
    assert store.environments(71, []) == {}
    assert store.environments(72, ["staging"]) == {}


def test_case_084_a_damaged_lock_is_unreadable_and_takes_nothing_else_with_it(
    store: SqlStore, engine: sa.Engine
) -> None:
    run = stored(store, a_run())
    lock = Lock(3, run.change.author, NOW, NOW + timedelta(hours=1), "mine")
    facts = EnvironmentFacts("staging", 0, Content("a" * 40, "c" * 40), busy_with="71#3:1:staging", lock=lock)
    store.commit(Transition((a_step(run, 1, environments=(facts,)),)))
    assert store.environments(71, ["staging"])["staging"].lock == lock
    statement = "UPDATE environments SET facts = replace(facts, :before, :after)"
    tamper(engine, statement, before='"owner":3', after='"owner":0')
    damaged = replace(facts, version=1, lock=Unknown("lock_unreadable"))
    assert store.environments(71, ["staging"]) == {"staging": damaged}
    tamper(engine, statement, before='"busy_with":', after='"busy":')
    with pytest.raises(RecordUnreadable):
        store.environments(71, ["staging"])
    tamper(engine, statement, before='"lock":', after='"look":')
    with pytest.raises(RecordUnreadable):
        store.environments(71, ["staging"])


def test_case_059_the_first_resolution_of_a_login_stays(store: SqlStore) -> None:
    store.pin_identity(71, "Octocat", 583231)
    store.pin_identity(71, "octocat", 666)
    assert store.pinned_identities(71, ["octocat", "OCTOCAT", "hubot"]) == {
        "octocat": 583231,
        "OCTOCAT": 583231,
    }
    assert store.pinned_identities(72, ["octocat"]) == {}


def test_children_are_remembered_until_they_end(store: SqlStore) -> None:
    first = Child("71#3:1", "tests", 1, 4242, 1777888999.125, Path("/var/lib/gate/jobs/1"))
    second = replace(first, stage="build", pid=4243)
    store.child_started(first)
    store.child_started(second)
    assert store.children() == [second, first]
    store.child_ended(first)
    assert store.children() == [second]


def test_a_child_started_again_takes_the_place_of_the_one_that_vanished(store: SqlStore) -> None:
    vanished = Child("71#3:1", "tests", 1, 4242, 1.0, Path("/old"))
    again = replace(vanished, pid=4300, process_started=2.0, folder=Path("/new"))
    store.child_started(vanished)
    store.child_started(again)
    store.child_ended(vanished)
    assert store.children() == [again]


def test_a_policy_is_pinned_with_the_run(store: SqlStore, engine: sa.Engine) -> None:
    run = stored(store, a_run())
    found = store.run(run.id)
    assert found is not None
    assert found.run.policy == POLICY
    assert sql(engine, "SELECT subject, sequence, repository_id, conversation, final FROM runs") == [
        (SUBJECT, 1, 71, 3, 0)
    ]


def following(run: Run) -> Run:
    """The run under a policy whose gates need the checks of others."""
    stage = Stage("ci", ChecksWork())
    gates = tuple(replace(environment, needs=("ci",)) for environment in POLICY.environments)
    return replace(run, policy=replace(POLICY, stages=(stage,), environments=gates))


def test_a_run_is_found_by_the_commit_that_it_follows_until_it_is_final(store: SqlStore) -> None:
    one, other = following(a_run(3)), following(a_run(4))
    for run in (one, other, following(a_run(5, head="b")), a_run(6)):
        stored(store, run)
    assert store.watching(71, "commit", "a" * 40) == ["71#3", "71#4"]
    assert store.watching(72, "commit", "a" * 40) == []
    assert store.watching(71, "deployment", "a" * 40) == []
    store.commit(Transition((a_step(one, 1, after=ended(one)),)))
    assert store.watching(71, "commit", "a" * 40) == ["71#4"]
