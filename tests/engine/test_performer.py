"""Effects that keep failing: given up after bounded tries, and whoever waits for them is told, or neither."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
import sqlalchemy as sa
from support.store import NOW, a_run, comment, deployment, opened, reaction, sql, sqlite_url, stored

from gate_app.domain.effects import (
    AnswerJob,
    CollectReports,
    DispatchWorkflow,
    Effect,
    Notify,
    OpenIssue,
    PublishCheckRun,
    ReportDeployment,
    StartStage,
    StopStage,
)
from gate_app.domain.events import ClockTicked, DeploymentCreated, ReleaseReturned, StageEnded
from gate_app.domain.evidence import MAX_MESSAGE, Evidence, StageOutcome, StageReason, StageVerdict
from gate_app.domain.held import HeldRun
from gate_app.domain.probes import Probe
from gate_app.domain.run import Binding, Question, StageRole, StageRun, StageStatus
from gate_app.engine.drain import Drain
from gate_app.engine.performer import FRESH, RECORDING, Performer
from gate_app.engine.ports import Child, InboxItem, InboxRow, RunNoticed, Transition
from gate_app.errors import HubRefused, HubUnavailable
from gate_app.failpoints import armed
from gate_app.store.faults import DatabaseRefused
from gate_app.store.repository import SqlStore
from gate_app.store.schema import MAX_ATTEMPTS

pytest_plugins = ["support.store_databases"]

START = StartStage("tests", 1, StageRole.AUTOMATED, "a" * 40, "make test", timedelta(minutes=30))
RUN = a_run().with_stage(StageRun("tests", "tests", StageRole.AUTOMATED, None, 1, StageStatus.RUNNING, NOW))
SUBJECT = RUN.change.subject.key


@pytest.fixture
def database(sqlite_file: Path) -> Iterator[sa.Engine]:
    with opened(sqlite_url(sqlite_file)) as engine:
        yield engine


@pytest.fixture
def store(database: sa.Engine) -> SqlStore:
    return SqlStore(database)


@dataclass
class BrokenHub:
    """A GitHub that fails at everything in the same way."""

    fault: Exception

    def __getattr__(self, name: str) -> Callable[..., object]:
        def fail(*_: object) -> object:
            raise self.fault

        return fail


@dataclass
class Listener:
    """Stands where the gatekeeper does and keeps what it is told."""

    store: SqlStore
    heard: list[InboxRow] = field(default_factory=list)

    def handle(self, row: InboxRow) -> None:
        self.heard.append(row)
        self.store.commit(Transition(inbox_id=row.id))


@dataclass
class Engine:
    """A drain over a real store, in a world where time passes as told."""

    store: SqlStore
    fault: Exception
    now: datetime = NOW
    rows: Listener = field(init=False)
    drain: Drain = field(init=False)

    def __post_init__(self) -> None:
        self.rows = Listener(self.store)
        performer = Performer(self.store, BrokenHub(self.fault), None, lambda: self.now)
        self.drain = Drain(self.store, self.rows, performer, lambda: self.now)

    def turn(self) -> None:
        """One drain, and then time enough for the next try."""
        self.drain(SUBJECT)
        self.now += timedelta(hours=1)

    def told(self) -> list[StageEnded]:
        notices = [row.notice for row in self.rows.heard]
        return [
            notice.event
            for notice in notices
            if isinstance(notice, RunNoticed) and isinstance(notice.event, StageEnded)
        ]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        pytest.param(HubRefused("no contents", 403), StageReason.WORKSPACE_UNAVAILABLE, id="refused"),
        pytest.param(HubRefused("x" * 5_000, 403), StageReason.WORKSPACE_UNAVAILABLE, id="refused at length"),
        pytest.param(OSError("no space"), StageReason.STAGE_FAULT, id="a fault of ours"),
    ],
)
def test_case_211_a_stage_that_cannot_be_started_ends_unknown(
    store: SqlStore, fault: Exception, reason: StageReason
) -> None:
    stored(store, RUN, effects=(START,))
    engine = Engine(store, fault)
    for _ in range(MAX_ATTEMPTS - 1):
        engine.turn()
    assert engine.told() == []
    engine.turn()
    (ended,) = engine.told()
    assert (ended.stage, ended.attempt) == ("tests", 1)
    assert (ended.outcome.verdict, ended.outcome.reason) == (StageVerdict.UNKNOWN, reason)
    assert len(ended.outcome.detail) <= MAX_MESSAGE
    assert [each.what for each in store.set_aside()] == ["effect"]


@dataclass
class Recorder:
    """An outside that does whatever it is asked and notes it among the failpoints that were passed."""

    passed: list[str]
    names: frozenset[str] = frozenset({"ops"})

    def __getattr__(self, name: str) -> Callable[..., object]:
        def done(*_: object) -> object:
            self.passed.append("outside")
            known = {"start": CHILD, "dispatch_workflow": None, "judge": UNJUDGED, "held_run": HELD}
            return known.get(name, 7)

        return done


HELD = HeldRun(77, 1, "push", "main", "a" * 40, own=True, environments=("staging",))
UNJUDGED = StageOutcome(StageVerdict.UNKNOWN, StageReason.REPORT_MISSING, Evidence())
CHILD = Child(RUN.id, "tests", 1, 4711, 0.0, Path("/nowhere"))
NEWS = Notify("ops", "question", "staging:question:1", "acme/app", "A person is asked", "acme/app/pull/3")
OUTSIDE: list[Effect] = [
    START,
    DispatchWorkflow("tests", 1, StageRole.AUTOMATED, "ci.yml", "main", "a" * 40, NOW),
    CollectReports("tests", 1, 77, 1, "success", "*.xml", None),
    StopStage("tests", 1),
    PublishCheckRun("c", "c", "a" * 40, "71#3:1:c", "in_progress", None, "t", "s"),
    comment("hello"),
    reaction(9),
    deployment(RUN),
    ReportDeployment("staging", 7, "in_progress", ""),
    OpenIssue("staging", 9, "t", "b", "71#3:1:override:9", NOW),
    AnswerJob("staging", 77, 1, "rejected", "c", NOW),
    NEWS,
]


@pytest.mark.parametrize("effect", OUTSIDE, ids=lambda effect: effect.kind)
def test_case_193_every_outside_call_lies_between_its_failpoints(store: SqlStore, effect: Effect) -> None:
    stored(store, RUN, effects=(effect,))
    if isinstance(effect, StopStage):
        store.child_started(CHILD)
    passed: list[str] = []
    outside = Recorder(passed)
    performer = Performer(store, outside, outside, lambda: NOW, channels=outside)
    drain = Drain(store, Listener(store), performer, lambda: NOW)
    with (
        armed(f"{effect.kind}.before", lambda: passed.append("before")),
        armed(f"{effect.kind}.after", lambda: passed.append("after")),
    ):
        drain(SUBJECT)
    assert (passed[0], passed[-1], set(passed[1:-1])) == ("before", "after", {"outside"})


def test_every_kind_of_effect_is_among_them() -> None:
    assert {type(effect) for effect in OUTSIDE} == set(get_args(Effect))


def test_an_unreachable_github_is_waited_for_without_end(store: SqlStore) -> None:
    stored(store, RUN, effects=(START,))
    engine = Engine(store, HubUnavailable("no answer"))
    for _ in range(2 * MAX_ATTEMPTS):
        engine.turn()
    assert engine.told() == []
    assert store.set_aside() == []


@pytest.mark.parametrize("effect", [reaction(9), deployment(RUN)], ids=["an effect", "a release"])
def test_an_answer_lost_once_is_looked_for_soon_and_a_silent_github_is_not_pressed(
    store: SqlStore, effect: Effect
) -> None:
    stored(store, RUN, effects=(effect,))
    engine = Engine(store, HubUnavailable("no answer"))
    waits = []
    for _ in range(3):
        engine.drain(SUBJECT)
        pending = store.next_release(SUBJECT) or store.next_effect(SUBJECT, engine.now + timedelta(hours=1))
        assert pending is not None
        waits.append((pending.not_before - engine.now).total_seconds())
        engine.now = pending.not_before
    assert waits == [1, 5, 5]


def test_nobody_waits_for_an_effect_that_only_shows_something(store: SqlStore) -> None:
    stored(store, RUN, effects=(reaction(9),))
    engine = Engine(store, HubRefused("gone", 410))
    for _ in range(MAX_ATTEMPTS):
        engine.turn()
    assert engine.rows.heard == []
    assert [each.what for each in store.set_aside()] == ["effect"]


def test_case_193_giving_up_and_telling_the_run_happen_at_once_or_not_at_all(
    database: sa.Engine, store: SqlStore
) -> None:
    """What a crash between the two would leave: here the second of them fails and takes the first back."""
    stored(store, RUN, effects=(START,))
    engine = Engine(store, HubRefused("no contents", 403))
    for _ in range(MAX_ATTEMPTS - 1):
        engine.turn()
    sql(database, "CREATE TRIGGER cut BEFORE INSERT ON inbox BEGIN SELECT RAISE(ABORT, 'cut'); END")
    with pytest.raises(DatabaseRefused):
        engine.turn()
    assert store.set_aside() == [], "the run was not told, so the stage is not given up"
    sql(database, "DROP TRIGGER cut")
    engine.turn()
    assert len(engine.told()) == 1
    assert len(store.set_aside()) == 1


def test_case_146_a_watch_needs_nothing_of_github(store: SqlStore) -> None:
    watch = replace(START, role=StageRole.WATCH, probes=(Probe("https://app.example/healthz"),))
    stored(store, RUN, effects=(watch,))
    nothing, started = BrokenHub(HubUnavailable("GitHub was asked")), list[str]()
    performer = Performer(store, nothing, Recorder(started), lambda: NOW)
    Drain(store, Listener(store), performer, lambda: NOW)(SUBJECT)
    assert started == ["outside"]
    assert [child.pid for child in store.children()] == [CHILD.pid]


# --- a release in doubt


@dataclass
class SlowHub:
    """A GitHub that takes what it is sent, does it later, and says nothing in time."""

    there: int | None = None
    sent: int = 0
    looked: int = 0

    def find_deployment(self, *_: object) -> int | None:
        self.looked += 1
        return self.there

    def create_deployment(self, *_: object) -> int:
        self.sent += 1
        raise HubUnavailable("no answer within the client's patience")


def releasing(store: SqlStore, hub: SlowHub) -> Engine:
    stored(store, RUN, effects=(deployment(RUN),))
    engine = Engine(store, HubUnavailable("unused"))
    performer = Performer(store, hub, None, lambda: engine.now)  # type: ignore[arg-type]  # the two calls of a release
    engine.drain = Drain(store, engine.rows, performer, lambda: engine.now)  # type: ignore[arg-type]  # the listener
    return engine


def test_case_194_a_deployment_that_github_makes_after_our_patience_is_the_only_one(store: SqlStore) -> None:
    hub = SlowHub()
    engine = releasing(store, hub)
    engine.drain(SUBJECT)
    engine.now += timedelta(seconds=1)
    engine.drain(SUBJECT)
    assert (hub.looked, engine.rows.heard) == (1, []), "not there at the first look: not given up yet"
    hub.there = 77
    engine.now += RECORDING
    engine.drain(SUBJECT)
    (row,) = engine.rows.heard
    assert isinstance(row.notice, RunNoticed)
    assert isinstance(row.notice.event, DeploymentCreated)
    assert hub.sent == 1


def test_case_194_what_is_not_there_at_a_second_look_did_not_happen(store: SqlStore) -> None:
    hub = SlowHub()
    engine = releasing(store, hub)
    for wait in (timedelta(0), timedelta(seconds=1), RECORDING - timedelta(seconds=1)):
        engine.now += wait
        engine.drain(SUBJECT)
        assert engine.rows.heard == []
    engine.now += timedelta(seconds=1)
    engine.drain(SUBJECT)
    (row,) = engine.rows.heard
    assert isinstance(row.notice, RunNoticed)
    assert isinstance(row.notice.event, ReleaseReturned)
    assert (hub.looked, hub.sent) == (2, 1)


def test_what_waits_is_logged_once_with_its_reason_and_listed_until_it_is_done(
    store: SqlStore, caplog: pytest.LogCaptureFixture
) -> None:
    stored(store, RUN, effects=(comment("hello"),))
    engine = Engine(store, HubUnavailable("POST comments: GitHub answered with another comment"))
    for _ in range(3):
        engine.turn()
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert told == [
        f"effect 1 (show:card) of {RUN.id} waits: POST comments: GitHub answered with another comment"
    ]
    (waiting,) = store.delayed()
    assert (waiting.what, waiting.subject, waiting.since) == ("effect", SUBJECT, NOW)
    assert waiting.not_before > NOW
    working = Performer(store, Recorder([]), Recorder([]), lambda: engine.now)
    Drain(store, Listener(store), working, lambda: engine.now)(SUBJECT)
    assert store.delayed() == []


def test_a_row_that_waits_is_logged_once_too(store: SqlStore, caplog: pytest.LogCaptureFixture) -> None:
    class Refusing:
        def handle(self, row: InboxRow) -> None:
            raise HubRefused("GET pulls/3: not for you (403)", 403)

    stored(store, RUN)
    store.put([InboxItem(SUBJECT, RunNoticed(RUN.id, ClockTicked(NOW)), "tick")])
    for hours in range(3):
        clock = (NOW + timedelta(hours=hours)).astimezone
        Drain(store, Refusing(), Performer(store, None, None, clock), clock)(SUBJECT)
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert told == [f"inbox row 1 of {SUBJECT} waits: GET pulls/3: not for you (403)"]
    (waiting,) = store.delayed()
    assert (waiting.what, waiting.note, waiting.since) == ("inbox", "GET pulls/3: not for you (403)", NOW)


@pytest.mark.parametrize(
    ("number", "written"), [(1, True), (2, False)], ids=["the question is open", "it was asked anew"]
)
def test_a_reminder_of_a_question_that_has_ended_is_not_written(
    store: SqlStore, number: int, written: bool
) -> None:
    asked = Question(number, NOW, Binding("a" * 40, "plan", "evidence", "policy"))
    run = RUN.with_gate(replace(RUN.gates["staging"], question=asked))
    stored(store, run, effects=(comment("still waiting", "nudge:staging:1:reminder:1"),))
    passed: list[str] = []
    outside = Recorder(passed)
    Drain(store, Listener(store), Performer(store, outside, outside, lambda: NOW), lambda: NOW)(SUBJECT)
    assert bool(passed) is written
    assert store.next_effect(SUBJECT, NOW + timedelta(days=1)) is None, "it is done either way"


@dataclass
class Channels:
    """Channels whose messages end as told, or never."""

    answers: list[str | None]
    names: frozenset[str] = frozenset({"ops"})
    full: bool = False
    sent: int = 0

    def send(self, wanted: Notify, done: Callable[[str], None]) -> bool:
        if self.full:
            return False
        self.sent += 1
        answer = self.answers.pop(0)
        if answer is not None:
            done(answer)
        return True


@dataclass
class Telling:
    """A drain that tells channels, in a world where time passes as told."""

    store: SqlStore
    channels: Channels | None
    now: datetime = NOW

    def turn(self) -> None:
        performer = Performer(self.store, None, None, lambda: self.now, channels=self.channels)  # type: ignore[arg-type]  # no GitHub is needed
        Drain(self.store, Listener(self.store), performer, lambda: self.now)(SUBJECT)
        self.now += timedelta(hours=1)

    @property
    def over(self) -> bool:
        return self.store.next_effect(SUBJECT, self.now + timedelta(days=1)) is None


def test_a_message_that_was_taken_is_sent_once(store: SqlStore) -> None:
    stored(store, RUN, effects=(NEWS,))
    telling = Telling(store, Channels([""]))
    telling.turn()
    telling.turn()
    assert telling.channels is not None
    assert telling.channels.sent == 1
    assert telling.over


def test_a_channel_that_hangs_is_given_up_and_holds_nothing_up(store: SqlStore) -> None:
    stored(store, RUN, effects=(NEWS, reaction(9)))
    channels = Channels([None] * 100)
    telling = Telling(store, channels)
    passed: list[str] = []
    performer = Performer(store, Recorder(passed), Recorder(passed), lambda: NOW, channels=channels)
    Drain(store, Listener(store), performer, lambda: NOW)(SUBJECT)
    assert passed == ["outside"], "the reaction after it"
    for _ in range(4 * MAX_ATTEMPTS):
        telling.turn()
    assert channels.sent == MAX_ATTEMPTS
    assert telling.over
    assert [each.what for each in store.set_aside()] == ["effect"]


def test_a_message_that_is_refused_is_tried_again(store: SqlStore) -> None:
    stored(store, RUN, effects=(NEWS,))
    telling = Telling(store, Channels(["the channel did not take the message", ""]))
    telling.turn()
    assert [each.note for each in store.delayed()] == ["the channel did not take the message"]
    telling.turn()
    assert telling.over
    assert store.set_aside() == []


def test_when_too_much_is_under_way_a_message_waits(store: SqlStore) -> None:
    stored(store, RUN, effects=(NEWS,))
    channels = Channels([""], full=True)
    telling = Telling(store, channels)
    telling.turn()
    assert not telling.over
    channels.full = False
    telling.turn()
    assert telling.over


@pytest.mark.parametrize("channels", [None, Channels([], frozenset())], ids=["no channels", "not this one"])
def test_a_channel_that_is_gone_is_told_nothing(store: SqlStore, channels: Channels | None) -> None:
    stored(store, RUN, effects=(NEWS,))
    telling = Telling(store, channels)
    telling.turn()
    assert telling.over


def test_what_was_judged_too_long_ago_is_judged_again_before_anything_is_sent(store: SqlStore) -> None:
    """A process that stood still between the decision and the call releases nothing on what it knew then."""
    hub = SlowHub(there=77)
    engine = releasing(store, hub)
    engine.now += FRESH + timedelta(seconds=1)
    engine.drain(SUBJECT)
    (row,) = engine.rows.heard
    assert isinstance(row.notice, RunNoticed)
    assert isinstance(row.notice.event, ReleaseReturned)
    assert (hub.sent, row.notice.event.occasion) == (0, 1)
