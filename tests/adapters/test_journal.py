"""The journal says everything that was decided, and shows whoever changes it."""

# ruff: noqa: S608 - statements are put together from names in this file only

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support.store import (
    LATER,
    NOW,
    a_run,
    a_step,
    comment,
    conditions,
    handed_back,
    released,
    sql,
    stored,
    tamper,
)

from gate_app.domain.conditions import EnvironmentFacts
from gate_app.domain.decide import decide
from gate_app.domain.effects import PublishCheckRun
from gate_app.domain.events import ChangeClosed, ChangeProposed, ClockTicked, Event
from gate_app.domain.model import Repository
from gate_app.domain.run import Run
from gate_app.domain.surface import shown_digest
from gate_app.engine.ports import Step, Transition
from gate_app.engine.replay import replay
from gate_app.store import journal, schema
from gate_app.store.codec import RUN, run_digest
from gate_app.store.faults import RecordUnreadable
from gate_app.store.journal import GENESIS, Head, entries, heads, recorded, remember_heads, remembered_heads
from gate_app.store.repository import SqlStore
from gate_app.store.verification import MAX_FINDINGS, verify

pytest_plugins = ["support.store_databases"]

ELSEWHERE = Repository(72, "acme", "other", 5)
COLUMNS = ("repository_id", "number", "run_id", "at", "prev_hash", "hash", "entry")


@pytest.fixture
def written(store: SqlStore, engine: sa.Engine) -> sa.Engine:
    """A journal with two chains: five entries about two runs in 71, one of them released, two in 72."""
    run = stored(store, a_run(3))
    stored(store, a_run(4))
    first = released(run)
    back = handed_back(first)
    for version, (before, after) in enumerate(((run, first), (first, back), (back, released(back))), start=1):
        taken = (EnvironmentFacts("staging", version - 1, busy_with="71#3:1:staging"),)
        step = a_step(before, version, after=after, effects=(comment(str(version)),), environments=taken)
        store.commit(Transition((step,)))
    there = stored(store, a_run(3, repository=ELSEWHERE))
    store.commit(Transition((a_step(there, 1),)))
    return engine


def codes(engine: sa.Engine, remembered: dict[int, Head] | None = None) -> set[str]:
    return {finding.code for finding in verify(engine, remembered).findings}


# --- what is written


def test_an_untouched_journal_is_clean(written: sa.Engine) -> None:
    report = verify(written, dict(heads(written)))
    assert (report.clean, report.findings, report.entries) == (True, (), 7)
    assert report.heads == heads(written)


def test_an_empty_journal_is_clean(engine: sa.Engine) -> None:
    assert verify(engine).clean
    assert heads(engine) == {}


def test_each_entry_continues_the_one_before_it(written: sa.Engine) -> None:
    chain = list(entries(written, repository_id=71))
    assert [sealed.entry.number for sealed in chain] == [1, 2, 3, 4, 5]
    assert [sealed.prev_hash for sealed in chain] == [GENESIS, *(sealed.hash for sealed in chain[:-1])]
    assert heads(written)[71] == Head(5, chain[-1].hash)


def test_a_run_is_whole_in_its_first_entry_and_a_fingerprint_in_the_others(written: sa.Engine) -> None:
    first, *others = (sealed.entry for sealed in entries(written, run_id="71#3:1"))
    assert first.opening == a_run(3)
    assert first.before == ""
    assert [entry.opening for entry in others] == [None] * 3
    assert [entry.before for entry in others] == [first.after, *(entry.after for entry in others[:-1])]


def test_releases_and_their_returns_are_named(written: sa.Engine) -> None:
    said = [(sealed.entry.released, sealed.entry.returned) for sealed in entries(written, run_id="71#3:1")]
    gate = "71#3:1:staging"
    assert said == [((), ()), (((gate, 1),), ()), ((), ((gate, 1),)), (((gate, 2),), ())]


def test_entries_are_streamed_by_repository_and_by_run(written: sa.Engine) -> None:
    def places(**selection: Any) -> list[tuple[int, int]]:
        found = entries(written, **selection)
        return [(sealed.entry.repository_id, sealed.entry.number) for sealed in found]

    assert places() == [(71, 1), (71, 2), (71, 3), (71, 4), (71, 5), (72, 1), (72, 2)]
    assert places(repository_id=72) == [(72, 1), (72, 2)]
    assert places(run_id="71#4:1") == [(71, 2)]
    assert places(repository_id=72, run_id="71#4:1") == []


def test_a_journal_longer_than_a_page_is_read_to_its_end(store: SqlStore, engine: sa.Engine) -> None:
    run = a_run()
    count = journal.PAGE + 2
    store.commit(Transition(tuple(a_step(run, version) for version in range(count))))
    assert [sealed.entry.number for sealed in entries(engine)] == list(range(1, count + 1))
    assert verify(engine).entries == count


def test_writers_go_on_while_the_journal_is_verified(store: SqlStore, engine: sa.Engine) -> None:
    run = stored(store, a_run())
    done = threading.Event()

    def write() -> None:
        for version in range(1, 40):
            store.commit(Transition((a_step(run, version),)))
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    reports = [verify(engine)]
    while not done.is_set():
        reports.append(verify(engine))
    writer.join()
    assert all(report.clean for report in reports), reports
    assert verify(engine).entries == 40


# --- replay


def steps(run: Run) -> Iterator[Step]:
    """What the engine does: every event decided by the domain, on the run that the one before it left."""
    happened: list[tuple[Event, timedelta]] = [
        (ChangeProposed(NOW, run.change), timedelta()),
        (ClockTicked(LATER), timedelta(minutes=5)),
        (ChangeClosed(LATER, merged=False), timedelta(minutes=6)),
    ]
    for version, (event, after) in enumerate(happened):
        facts = conditions(NOW + after)
        decision = decide(run, event, facts)
        yield Step(run, event, facts, decision, version)
        run = decision.run


def test_the_journal_holds_what_a_replay_needs_to_agree(store: SqlStore, engine: sa.Engine) -> None:
    for step in steps(a_run()):
        store.commit(Transition((step,)))
    run: Run | None = None
    for sealed in entries(engine, run_id=a_run().id):
        entry = sealed.entry
        run = run or entry.opening
        assert run is not None
        again = decide(run, entry.event, entry.conditions)
        assert (dict(again.verdicts), again.effects) == (dict(entry.verdicts), entry.effects)
        assert run_digest(again.run) == entry.after
        run = again.run
    found = store.current("71#3")
    assert found is not None
    assert found.run == run


# --- releases of this program

FIRST_RELEASE = Path(__file__).parent / "journals" / "first-release.jsonl.gz"
"""Written once by the program as it was then: two runs; approvals, refusals, a denial, a failed test, a push."""


@pytest.fixture
def of_the_first_release(engine: sa.Engine) -> sa.Engine:
    with gzip.open(FIRST_RELEASE, "rt") as file, engine.begin() as connection:
        connection.execute(sa.insert(schema.journal), [json.loads(line) for line in file])
    return engine


def test_a_journal_of_the_first_release_is_decided_again_the_same_way(
    of_the_first_release: sa.Engine,
) -> None:
    """A new field that is not marked `LATER`, or a rule that changed, shows here."""
    report = replay(recorded(of_the_first_release), run_digest)
    assert (report.entries, report.differences) == (16, ())


def put_otherwise(step: Step) -> Step:
    """The same decision by a release that had other words for its check runs."""
    decision = step.decision
    said = tuple(
        replace(effect, title="As it was put then") if isinstance(effect, PublishCheckRun) else effect
        for effect in decision.effects
    )
    shown = {effect.surface: shown_digest(effect) for effect in said if isinstance(effect, PublishCheckRun)}
    run = replace(decision.run, published={**decision.run.published, **shown})
    return replace(step, decision=replace(decision, run=run, effects=said))


def test_words_that_read_otherwise_are_counted_and_are_no_difference(
    store: SqlStore, engine: sa.Engine
) -> None:
    opening, *_ = steps(a_run())
    store.commit(Transition((put_otherwise(opening),)))
    report = replay(recorded(engine), run_digest)
    assert (report.agrees, report.reworded) == (True, 1)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        pytest.param('"state":"superseded"', '"state":"waiting"', "verdicts", id="a verdict"),
        pytest.param('"after":"', '"after":"0', "run", id="the run it left"),
        pytest.param(
            '"effects":[',
            '"effects":[{"comment_id":1,"content":"+1","kind":"react"},',
            "effects",
            id="an act",
        ),
    ],
)
def test_what_was_not_decided_so_is_named(
    store: SqlStore, engine: sa.Engine, old: str, new: str, what: str
) -> None:
    for step in steps(a_run()):
        store.commit(Transition((step,)))
    last = "SELECT max(number) FROM journal"
    tamper(
        engine,
        f"UPDATE journal SET entry = replace(entry, :old, :new) WHERE number = ({last})",
        old=old,
        new=new,
    )
    report = replay(recorded(engine), run_digest)
    assert {(each.number, each.what) for each in report.differences} >= {(3, what)}


# --- tampering (cases 212, 213)


def flipped(value: Any) -> list[Any]:
    """The value with one bit changed, at about ten places of a text."""
    if isinstance(value, int):
        return [value ^ 1]
    places = range(0, len(value), max(1, len(value) // 10))
    return [value[:place] + chr(ord(value[place]) ^ 1) + value[place + 1 :] for place in places]


@pytest.mark.parametrize("column", COLUMNS)
def test_case_212_a_flipped_bit_is_found_wherever_it_is(written: sa.Engine, column: str) -> None:
    where = "WHERE repository_id = :repository AND number = :number"
    for number in (1, 3, 5):
        [(stored_value,)] = sql(
            written, f"SELECT {column} FROM journal {where}", repository=71, number=number
        )
        for value in flipped(stored_value):
            place = {"repository": 71, "number": number}
            moved = {"repository": 71, "number": number} | (
                {"repository": value}
                if column == "repository_id"
                else {"number": value}
                if column == "number"
                else {}
            )
            if exists(written, **moved) and moved != place:
                continue  # the flip would collide with another row, which the primary key refuses
            tamper(written, f"UPDATE journal SET {column} = :value {where}", value=value, **place)
            assert not verify(written).clean, (number, value)
            tamper(written, f"UPDATE journal SET {column} = :value {where}", value=stored_value, **moved)
    assert verify(written).clean


def exists(engine: sa.Engine, repository: int, number: int) -> bool:
    query = "SELECT 1 FROM journal WHERE repository_id = :repository AND number = :number"
    return bool(sql(engine, query, repository=repository, number=number))


@pytest.mark.parametrize("number", [1, 3, 5])
def test_case_212_a_deleted_entry_is_found(written: sa.Engine, number: int) -> None:
    tamper(written, "DELETE FROM journal WHERE repository_id = 71 AND number = :number", number=number)
    assert not verify(written).clean


def test_case_213_swapped_entries_are_found(written: sa.Engine) -> None:
    for old, new in ((2, 90), (3, 2), (90, 3)):
        tamper(
            written,
            "UPDATE journal SET number = :new WHERE repository_id = 71 AND number = :old",
            old=old,
            new=new,
        )
    assert {"journal_link_broken", "journal_row_changed"} <= codes(written)


def test_case_213_chains_swapped_between_repositories_are_found(written: sa.Engine) -> None:
    for table in ("journal", "journal_heads"):
        for old, new in ((71, 90), (72, 71), (90, 72)):
            tamper(
                written,
                f"UPDATE {table} SET repository_id = :new WHERE repository_id = :old",
                old=old,
                new=new,
            )
    assert "journal_row_changed" in codes(written)


def test_case_213_a_cut_off_end_is_found(written: sa.Engine) -> None:
    tamper(written, "DELETE FROM journal WHERE repository_id = 71 AND number > 3")
    assert {"journal_head_differs", "run_differs", "release_differs"} <= codes(written)


def cut_off_without_a_trace(engine: sa.Engine) -> None:
    """The last entry of 72 is gone, and every other table says what it said before that entry."""
    [(mark,)] = sql(engine, "SELECT hash FROM journal WHERE repository_id = 72 AND number = 1")
    tamper(engine, "DELETE FROM journal WHERE repository_id = 72 AND number = 2")
    tamper(engine, "UPDATE journal_heads SET number = 1, hash = :mark WHERE repository_id = 72", mark=mark)
    tamper(engine, "UPDATE runs SET version = 1 WHERE repository_id = 72")


def test_case_213_a_perfect_truncation_is_found_by_the_remembered_head(written: sa.Engine) -> None:
    remembered = dict(heads(written))
    cut_off_without_a_trace(written)
    assert verify(written).clean
    assert codes(written, remembered) == {"journal_truncated"}


def test_case_213_a_whole_chain_that_vanished_is_found_by_the_remembered_head(written: sa.Engine) -> None:
    remembered = dict(heads(written))
    for table in ("journal", "journal_heads", "runs"):
        tamper(written, f"DELETE FROM {table} WHERE repository_id = 72")
    assert verify(written).clean
    assert codes(written, remembered) == {"journal_truncated"}


def rewrite_without_a_trace(engine: sa.Engine, old: str, new: str) -> None:
    """The last entry of 72 says something else, and its hash and the head agree with that."""
    [(text,)] = sql(engine, "SELECT entry FROM journal WHERE repository_id = 72 AND number = 2")
    [(before,)] = sql(engine, "SELECT hash FROM journal WHERE repository_id = 72 AND number = 1")
    forged = text.replace(old, new)
    assert forged != text
    mark = journal.seal(before, forged)
    place = "WHERE repository_id = 72 AND number = 2"
    tamper(engine, f"UPDATE journal SET entry = :entry, hash = :mark {place}", entry=forged, mark=mark)
    tamper(engine, f"UPDATE journal_heads SET hash = :mark {place}", mark=mark)


def test_case_213_a_rewritten_chain_is_found_by_the_remembered_head(written: sa.Engine) -> None:
    remembered = dict(heads(written))
    rewrite_without_a_trace(written, '"delivery":""', '"delivery":"forged"')
    assert verify(written).clean
    assert codes(written, remembered) == {"journal_rewritten"}


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        pytest.param('"before":"', '"before":"0', "journal_run_broken", id="another run before"),
        pytest.param('"after":"', '"after":"0', "run_differs", id="another run after"),
        pytest.param('"number":2', '"number":3', "journal_row_changed", id="another number"),
        pytest.param('"run_id":"72#3', '"run_id":"72#4', "journal_row_changed", id="another run"),
        pytest.param('"at":"2026', '"at":"2027', "journal_row_changed", id="another time"),
        pytest.param('"released":[]', '"released":[["g",1]]', "release_missing", id="a release"),
    ],
)
def test_case_212_a_rewritten_entry_contradicts_the_rest(
    written: sa.Engine, old: str, new: str, code: str
) -> None:
    rewrite_without_a_trace(written, old, new)
    assert codes(written) == {code}


def test_case_212_a_number_that_was_skipped_is_found_however_consistent_the_rest_is(
    written: sa.Engine,
) -> None:
    rewrite_without_a_trace(written, '"number":2', '"number":3')
    for table in ("journal", "journal_heads"):
        tamper(written, f"UPDATE {table} SET number = 3 WHERE repository_id = 72 AND number = 2")
    assert codes(written) == {"journal_gap"}


def test_a_remembered_head_stays_good_while_the_journal_grows(written: sa.Engine) -> None:
    remembered = dict(heads(written))
    SqlStore(written).commit(Transition((a_step(a_run(3, repository=ELSEWHERE), 2),)))
    assert verify(written, remembered).clean


FORGERIES = [
    (
        "UPDATE runs SET snapshot = replace(snapshot, 'Add a thing', 'Add a think') WHERE id = '71#3:1'",
        "run_differs",
    ),
    ("UPDATE runs SET version = 9 WHERE id = '71#3:1'", "run_differs"),
    ("UPDATE runs SET repository_id = 72 WHERE id = '71#3:1'", "run_differs"),
    ("UPDATE runs SET id = '71#9:1' WHERE id = '71#4:1'", "run_differs"),
    ("DELETE FROM runs WHERE id = '71#4:1'", "run_missing"),
    ("DELETE FROM releases WHERE occasion = 2", "release_missing"),
    ("UPDATE releases SET journal_number = 1 WHERE occasion = 2", "release_differs"),
    ("UPDATE releases SET returned_number = 5 WHERE occasion = 2", "release_differs"),
    (
        "UPDATE releases SET returned_number = NULL, gate_id = 'g', environment = 'e' WHERE occasion = 1",
        "release_differs",
    ),
    (
        "INSERT INTO releases VALUES ('71#4:1:staging', 1, '71#4:1', 'staging', 71, 2, NULL)",
        "release_differs",
    ),
    ("UPDATE journal_heads SET number = 4 WHERE repository_id = 71", "journal_head_differs"),
    ("DELETE FROM journal_heads", "journal_head_differs"),
    (
        "UPDATE environments SET facts = replace(facts, 'staging', 'stagine') WHERE name = 'staging'",
        "environment_differs",
    ),
    ("UPDATE environments SET version = 9 WHERE name = 'staging'", "environment_differs"),
    ("UPDATE environments SET facts = '[1' WHERE name = 'staging'", "environment_differs"),
    ("UPDATE environments SET repository_id = 72 WHERE name = 'staging'", "environment_missing"),
    ("DELETE FROM environments", "environment_missing"),
]


@pytest.mark.parametrize(("forgery", "code"), FORGERIES, ids=[statement[:60] for statement, _ in FORGERIES])
def test_case_212_tables_that_contradict_the_journal_are_found(
    written: sa.Engine, forgery: str, code: str
) -> None:
    tamper(written, forgery)
    assert code in codes(written)


UNREADABLE = ["", "{}", "[1]", "[1,{}]", "null", '[1,{"repository_id":71}]', "x", "[" * 100_000]


@pytest.mark.parametrize("text", UNREADABLE, ids=[text[:40] or "nothing" for text in UNREADABLE])
def test_an_entry_that_cannot_be_read_is_found_even_with_a_proper_hash(written: sa.Engine, text: str) -> None:
    [(before,)] = sql(written, "SELECT hash FROM journal WHERE repository_id = 72 AND number = 1")
    statement = "UPDATE journal SET entry = :entry, hash = :mark WHERE repository_id = 72 AND number = 2"
    tamper(written, statement, entry=text, mark=journal.seal(before, text))
    assert "journal_entry_unreadable" in codes(written)
    with pytest.raises(RecordUnreadable):
        list(entries(written, repository_id=72))


SQLITE_BLOBS = [
    ("UPDATE journal SET entry = CAST(entry AS BLOB) WHERE number = 2 AND repository_id = 71", "journal_gap"),
    ("UPDATE journal SET run_id = X'00' WHERE number = 2 AND repository_id = 71", "journal_entry_unreadable"),
    ("UPDATE journal SET number = 'two' WHERE number = 2 AND repository_id = 71", "journal_entry_unreadable"),
    ("UPDATE runs SET snapshot = CAST(snapshot AS BLOB)", "run_differs"),
    ("UPDATE environments SET facts = CAST(facts AS BLOB)", "environment_differs"),
    ("UPDATE releases SET gate_id = CAST(gate_id AS BLOB)", "release_differs"),
]


@pytest.mark.parametrize(("damage", "code"), SQLITE_BLOBS, ids=[told[:60] for told, _ in SQLITE_BLOBS])
def test_a_value_of_another_kind_is_damage_at_its_place(written: sa.Engine, damage: str, code: str) -> None:
    """SQLite keeps bytes and words in any column; PostgreSQL refuses them."""
    if written.dialect.name != "sqlite":
        pytest.skip("the server refuses such a value")
    tamper(written, damage)
    assert code in codes(written)


def test_a_replay_names_the_entry_that_cannot_be_read_and_goes_on(written: sa.Engine) -> None:
    if written.dialect.name != "sqlite":
        pytest.skip("the server refuses such a value")
    tamper(written, "UPDATE journal SET entry = CAST(entry AS BLOB) WHERE number = 1 AND repository_id = 72")
    report = replay(recorded(written), run_digest)
    there = [(each.number, each.what) for each in report.differences if each.repository_id == 72]
    assert there == [(1, "entry"), (2, "opening")]
    assert report.entries == 7


def test_findings_are_counted_beyond_those_that_are_listed(store: SqlStore, engine: sa.Engine) -> None:
    run = a_run()
    store.commit(Transition(tuple(a_step(run, version) for version in range(MAX_FINDINGS + 20))))
    tamper(engine, "UPDATE journal SET hash = 'x'")
    report = verify(engine)
    assert len(report.findings) == MAX_FINDINGS
    assert report.found > MAX_FINDINGS
    assert not report.clean


# --- heads


def test_heads_are_remembered_in_a_file(written: sa.Engine, tmp_path: Path) -> None:
    path = tmp_path / "heads.json"
    assert remember_heads(written, path) == heads(written)
    assert remembered_heads(path) == heads(written)
    assert json.loads(path.read_text())["71"][0] == 5
    assert list(tmp_path.glob("heads*")) == [path]


def test_remembering_again_replaces_the_file(written: sa.Engine, tmp_path: Path) -> None:
    path = tmp_path / "heads.json"
    remember_heads(written, path)
    SqlStore(written).commit(Transition((a_step(a_run(3, repository=ELSEWHERE), 2),)))
    remember_heads(written, path)
    assert remembered_heads(path)[72].number == 3


@pytest.mark.parametrize(
    "text", [None, "", "[]", "{", '{"71": 5}', '{"x": [1, "h"]}', '{"71": [1]}', "\udcff"]
)
def test_heads_that_cannot_be_read_are_a_fault_and_never_no_heads(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "heads.json"
    if text is not None:
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(RecordUnreadable):
        remembered_heads(path)


def test_the_snapshot_of_a_run_has_the_fingerprint_that_its_last_entry_names(written: sa.Engine) -> None:
    *_, last = entries(written, run_id="71#3:1")
    [(snapshot,)] = sql(written, "SELECT snapshot FROM runs WHERE id = '71#3:1'")
    assert run_digest(RUN.decode(snapshot)) == last.entry.after
