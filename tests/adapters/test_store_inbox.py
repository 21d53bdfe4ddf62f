"""What comes in: deliveries are routed once, subjects are served in order, poison is set aside."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from support.store import AUTHOR, LATER, NOW, REPOSITORY, a_run, deliver, sql, stored, tick

from gate_app.domain.events import ClockTicked, CommentChanged
from gate_app.domain.model import Subject
from gate_app.engine.ports import (
    ConversationNoticed,
    Delivery,
    InboxItem,
    Notice,
    RunNoticed,
    SetAside,
    SubjectNoticed,
    Transition,
    passed_over,
)
from gate_app.store.repository import SqlStore
from gate_app.store.schema import MAX_ATTEMPTS, NOTE_LENGTH

pytest_plugins = ["support.store_databases"]

SUBJECT = "71#3"


def arrived(store: SqlStore, engine: sa.Engine, guid: str = "guid-1") -> Delivery:
    deliver(engine, guid)
    return store.new_deliveries(NOW, 10)[-1]


def item(meaning: str, subject: str = SUBJECT) -> InboxItem:
    return InboxItem(subject, RunNoticed("71#3:1", ClockTicked(NOW)), meaning)


def handle(store: SqlStore, subject: str = SUBJECT) -> int | None:
    """The id of the next row of the subject, after handling it."""
    row = store.next_row(subject, NOW)
    if row is not None:
        store.commit(Transition(inbox_id=row.id))
    return None if row is None else row.id


# --- deliveries


def test_new_deliveries_come_oldest_first_and_bounded(store: SqlStore, engine: sa.Engine) -> None:
    for number in range(3):
        deliver(engine, f"guid-{number}", body=b"\x00\xff" * number)
    found = store.new_deliveries(NOW, 2)
    assert [(delivery.guid, delivery.body, delivery.attempts) for delivery in found] == [
        ("guid-0", b"", 0),
        ("guid-1", b"\x00\xff", 0),
    ]


def test_known_deliveries_are_those_of_the_asked_ones_that_are_stored_in_any_state(
    store: SqlStore, engine: sa.Engine
) -> None:
    store.route(arrived(store, engine, "ignored"), (), "nothing")
    deliver(engine, "new")
    asked = [f"other-{number}" for number in range(1_100)]
    assert set(store.known_deliveries(["new", *asked, "ignored"])) == {"new", "ignored"}
    assert not store.known_deliveries([])


def test_why_a_delivery_was_ignored_is_remembered(store: SqlStore, engine: sa.Engine) -> None:
    store.route(arrived(store, engine), (), passed_over(501))
    assert store.ignored(passed_over(501))
    assert not store.ignored(passed_over(50))


def test_a_routed_delivery_is_in_its_inboxes_and_not_new_any_more(store: SqlStore, engine: sa.Engine) -> None:
    store.route(arrived(store, engine), [item("m"), item("m", "71#4")], "2 subjects")
    assert store.new_deliveries(NOW, 10) == []
    assert sql(engine, "SELECT state, note FROM deliveries") == [("routed", "2 subjects")]
    for subject in (SUBJECT, "71#4"):
        row = store.next_row(subject, NOW)
        assert row is not None
        assert (row.subject, row.delivery, row.attempts) == (subject, "guid-1", 0)


def test_a_delivery_that_means_nothing_is_visibly_ignored(store: SqlStore, engine: sa.Engine) -> None:
    store.route(arrived(store, engine), [], "ping")
    assert sql(engine, "SELECT state, note FROM deliveries") == [("ignored", "ping")]


def test_case_018_a_poisonous_delivery_is_set_aside_after_its_tries(
    store: SqlStore, engine: sa.Engine
) -> None:
    delivery = arrived(store, engine)
    for _ in range(MAX_ATTEMPTS - 1):
        store.delay_delivery(delivery, "KeyError", LATER)
    assert store.new_deliveries(NOW, 10) == []
    assert [again.attempts for again in store.new_deliveries(LATER, 10)] == [MAX_ATTEMPTS - 1]
    store.delay_delivery(delivery, "KeyError", LATER)
    assert store.new_deliveries(LATER, 10) == []
    assert store.set_aside() == [SetAside("delivery", delivery.id, "", "KeyError", MAX_ATTEMPTS)]


# --- inbox


@pytest.mark.parametrize(
    "notice",
    [
        SubjectNoticed(REPOSITORY, Subject(71, 3), NOW, AUTHOR),
        SubjectNoticed(REPOSITORY, Subject(71, ref="refs/heads/main"), NOW),
        ConversationNoticed(REPOSITORY, 3, CommentChanged(NOW, 9, 3, "edited")),
        RunNoticed("71#3:1", ClockTicked(NOW)),
    ],
    ids=["pull request", "branch", "conversation", "run"],
)
def test_a_notice_comes_out_as_it_went_in(store: SqlStore, notice: Notice) -> None:
    store.put([InboxItem(SUBJECT, notice, "m")])
    row = store.next_row(SUBJECT, NOW)
    assert row is not None
    assert row.notice == notice
    assert row.delivery == ""


def test_rows_of_a_subject_are_served_in_order_and_others_are_not_in_the_way(store: SqlStore) -> None:
    store.put([item("a"), item("x", "71#4"), item("b")])
    store.put([item("c")])
    order = list(iter(lambda: handle(store), None))
    assert len(order) == 3
    assert order == sorted(order)
    assert handle(store, "71#4") is not None


def test_case_009_the_same_meaning_is_handled_once_whatever_brings_it(
    store: SqlStore, engine: sa.Engine
) -> None:
    first, second = arrived(store, engine, "guid-1"), arrived(store, engine, "guid-2")
    store.route(first, [item("comment 9")], "")
    store.route(second, [item("comment 9")], "")
    store.put([item("comment 9")])
    assert handle(store) is not None
    assert handle(store) is None
    store.route(arrived(store, engine, "guid-3"), [item("comment 9")], "90 days later")
    assert handle(store) is None


def test_a_delayed_head_holds_the_later_rows_of_its_subject_back(store: SqlStore) -> None:
    store.put([item("a"), item("b")])
    row = store.next_row(SUBJECT, NOW)
    assert row is not None
    store.delay_row(row, "rate limited", LATER, "free")
    assert store.next_row(SUBJECT, NOW) is None
    again = store.next_row(SUBJECT, LATER)
    assert again is not None
    assert (again.id, again.attempts) == (row.id, 0)


def test_case_018_a_poisonous_row_is_set_aside_and_the_next_proceeds(store: SqlStore) -> None:
    store.put([item("poison"), item("good")])
    row = store.next_row(SUBJECT, NOW)
    assert row is not None
    for _ in range(MAX_ATTEMPTS):
        store.delay_row(row, "KeyError", NOW, "counted")
    following = store.next_row(SUBJECT, NOW)
    assert following is not None
    assert following.id > row.id
    assert store.set_aside() == [SetAside("inbox", row.id, SUBJECT, "KeyError", MAX_ATTEMPTS)]


def poisoned(store: SqlStore, meaning: str) -> None:
    store.put([item(meaning)])
    row = store.next_row(SUBJECT, NOW)
    assert row is not None
    for _ in range(MAX_ATTEMPTS):
        store.delay_row(row, "KeyError", NOW, "counted")


def test_case_010_a_redelivery_gives_a_dead_row_another_life(store: SqlStore, engine: sa.Engine) -> None:
    poisoned(store, "comment 9")
    store.route(arrived(store, engine, "guid-7"), [item("comment 9")], "")
    row = store.next_row(SUBJECT, NOW)
    assert row is not None
    assert (row.delivery, row.attempts) == ("guid-7", 0)
    assert store.set_aside() == []


def test_case_018_our_own_follow_up_does_not_bring_a_dead_row_back(store: SqlStore) -> None:
    poisoned(store, "tick")
    store.put([item("tick")])
    store.commit(Transition(follow_ups=(item("tick"),)))
    assert store.next_row(SUBJECT, NOW) is None


def test_a_row_that_was_handled_meanwhile_cannot_be_delayed(store: SqlStore, engine: sa.Engine) -> None:
    store.put([item("a")])
    row = store.next_row(SUBJECT, NOW)
    assert row is not None
    handle(store)
    store.delay_row(row, "late", NOW, "counted")
    assert sql(engine, "SELECT state, attempts FROM inbox") == [("done", 0)]


def test_a_note_is_bounded_and_holds_nothing_that_a_database_cannot(
    store: SqlStore, engine: sa.Engine
) -> None:
    store.put([item("a")])
    row = store.next_row(SUBJECT, NOW)
    assert row is not None
    store.delay_row(row, "\0\ud800" + "x" * 10 * NOTE_LENGTH, NOW, "free")
    [(note,)] = sql(engine, "SELECT note FROM inbox")
    assert len(note) == NOTE_LENGTH
    assert note.startswith("�?x")


# --- what is due


def test_a_subject_is_due_when_its_head_is(store: SqlStore) -> None:
    store.put([item("a"), item("b"), item("c", "71#4")])
    row = store.next_row(SUBJECT, NOW)
    assert row is not None
    assert store.subjects_due(NOW) == [SUBJECT, "71#4"]
    store.delay_row(row, "", LATER, "free")
    assert store.subjects_due(NOW) == ["71#4"]
    assert store.subjects_due(LATER) == [SUBJECT, "71#4"]


def test_a_subject_without_anything_to_do_is_not_due(store: SqlStore) -> None:
    run = stored(store, a_run())
    store.put([tick(run, "m")])
    assert handle(store) is not None
    assert store.subjects_due(LATER) == []


def test_whether_a_later_row_says_the_same_is_found_by_how_its_meaning_begins(store: SqlStore) -> None:
    store.put([item("work:1"), item("tick:1"), item("work:2"), item("work:3", subject="71#4")])
    first = store.next_row(SUBJECT, LATER)
    assert first is not None
    assert store.repeated(first, "work:")
    assert not store.repeated(first, "work_")
    store.commit(Transition(inbox_id=first.id + 2))
    assert not store.repeated(first, "work:")
