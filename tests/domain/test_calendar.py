"""Which windows and which working hours are asked for, and of whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from support.runs import MAINTAINER, START, World, asking, policy, proposed

from gate_app.domain.calendar import AHEAD, at_work, freezes, working
from gate_app.domain.freezes import Freeze, FreezeWindow
from gate_app.domain.model import Unknown
from gate_app.domain.policy import ApprovalMode, EscalationRule, PolicyProblem
from gate_app.domain.worktime import Span, WorkingHours

HOURS = WorkingHours("Europe/Berlin", days=(0, 4), begins=510, ends=1440)


@dataclass
class Asked:
    """A calendar on which it is always working time, never, or nobody knows."""

    closed: bool = False
    unread: bool = False
    spans: list[tuple[datetime, datetime]] = field(default_factory=list)

    def frozen(self, windows: Sequence[FreezeWindow], now: datetime) -> Freeze | Unknown | None:
        return None

    def working(self, hours: WorkingHours, since: datetime, until: datetime) -> tuple[Span, ...] | Unknown:
        self.spans.append((since, until))
        if self.unread:
            return Unknown("calendar_unknown")
        if self.closed:
            return ()
        return (Span(since, until),)


def read(world: World) -> list[tuple[datetime, datetime]]:
    calendar = Asked()
    working(world.run, world.current_policy, calendar, world.now)
    return calendar.spans


def test_working_hours_are_read_from_the_question_on() -> None:
    world = asking(policy(remind_after=(timedelta(hours=1),), working_hours=HOURS))
    asked_at = world.now
    world.passes(60)
    assert (asked_at, world.now + AHEAD) in read(world)


def test_before_a_question_they_are_read_from_now_on() -> None:
    world = proposed(policy(remind_after=(timedelta(hours=1),), working_hours=HOURS))
    assert set(read(world)) == {(START, START + AHEAD)}


def test_nobody_reads_a_calendar_for_nothing() -> None:
    assert read(asking()) == [], "no working hours are configured"
    denied = asking(policy(working_hours=HOURS))
    denied.says(MAINTAINER, "/deny staging no")
    denied.says(MAINTAINER, "/cancel")
    assert read(denied) == []
    broken = PolicyProblem("policy_invalid", "broken")
    assert working(denied.run, broken, Asked(), START) == {}
    assert freezes(broken, Asked(), START) == {}


def test_hours_that_rules_name_are_asked_about_now() -> None:
    file = policy(mode=ApprovalMode.ESCALATE, escalate_when=(EscalationRule(outside=HOURS),))
    assert at_work(file, Asked(), START) == {HOURS.shown: True}
    assert at_work(file, Asked(closed=True), START) == {HOURS.shown: False}
    assert at_work(file, Asked(unread=True), START) == {HOURS.shown: Unknown("calendar_unknown")}
    assert at_work(policy(), Asked(), START) == {}
    assert at_work(PolicyProblem("policy_invalid", "broken"), Asked(), START) == {}


def test_working_hours_read_as_people_say_them() -> None:
    assert replace(HOURS, country="DE", region="BY").shown.endswith("Europe/Berlin without holidays of DE-BY")
    assert HOURS.shown == "Mon Fri 08:30 to 24:00 Europe/Berlin"
