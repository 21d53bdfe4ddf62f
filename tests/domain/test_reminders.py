"""A question that nobody answers: reminders, the ladder, working hours, people whom a rule adds, old approvals."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.runs import (
    CHANGE,
    HEAD,
    MAINTAINER,
    READER,
    REVIEWER,
    START,
    World,
    asking,
    policy,
    presses,
    proposed,
    shown_buttons,
)

from gate_app.domain.conditions import Head, Standing
from gate_app.domain.effects import PublishCheckRun, PublishComment
from gate_app.domain.events import ChangeClosed, ChangeProposed
from gate_app.domain.freezes import Freeze, FreezeWindow
from gate_app.domain.model import Person, Unknown
from gate_app.domain.opening import open_rollback, rollback_subject
from gate_app.domain.patience import reached
from gate_app.domain.policy import (
    ApprovalMode,
    ApproverLine,
    EscalationRule,
    LadderStep,
    Permission,
    Policy,
)
from gate_app.domain.reminders import too_late
from gate_app.domain.shipping import Shipment
from gate_app.domain.verdict import ReasonCode, VerdictState
from gate_app.domain.worktime import Span, WorkingHours

HOUR = 3600
LEAD = Person(110, "lead")
SRE = ApproverLine(teams=("acme/sre",))
LEADS = ApproverLine(teams=("acme/leads",))
LADDER = (LadderStep(timedelta(hours=4), LEADS),)
REMINDERS = (timedelta(hours=2), timedelta(hours=8))


def waiting(rules: Policy) -> World:
    """Staging asks; the lead is in a team of leads and may write."""
    world = asking(rules)
    world.standings[LEAD.id] = Standing(LEAD, Permission.WRITE, ("acme/leads",))
    return world


def nudges(world: World) -> dict[str, str]:
    """What was said about questions besides them: text by what it is."""
    said = [e for e in world.effects if isinstance(e, PublishComment) and e.surface.startswith("nudge:")]
    assert len({e.surface for e in said}) == len(said), "each is said once"
    return {e.surface.removeprefix("nudge:staging:"): e.body for e in said}


def question(world: World, number: int = 1) -> str:
    surface = f"question:staging:{number}"
    return [e for e in world.effects if isinstance(e, PublishComment) and e.surface == surface][-1].body


def number(world: World) -> int:
    asked = world.gate("staging").question
    return asked.number if asked is not None else 0


# --- reminders -------------------------------------------------------------------------------------------


def test_whoever_can_still_answer_is_reminded_once_at_each_time() -> None:
    world = waiting(policy(SRE, remind_after=REMINDERS))
    assert world.run.wake_at == world.now + timedelta(hours=2)
    world.passes(2 * HOUR).tick()
    world.passes(60).tick()
    assert list(nudges(world)) == ["1:reminder:1"]
    assert (
        "Deploying to `staging` at `aaaaaaaaaaaa` still waits for @acme/sre." in nudges(world)["1:reminder:1"]
    )
    assert "`/approve staging`" in nudges(world)["1:reminder:1"]
    world.passes(6 * HOUR).tick()
    assert list(nudges(world)) == ["1:reminder:1", "1:reminder:2"]
    world.passes(30 * HOUR).tick()
    assert len(nudges(world)) == 2


def test_reminders_that_were_slept_through_are_one() -> None:
    world = waiting(policy(SRE, remind_after=REMINDERS))
    world.passes(9 * HOUR).tick()
    assert list(nudges(world)) == ["1:reminder:2"]


def test_a_reminder_names_only_those_who_are_missing() -> None:
    world = waiting(policy(SRE, ApproverLine(users=("maintainer",)), remind_after=REMINDERS))
    world.identities["maintainer"] = MAINTAINER.id
    world.says(REVIEWER, "/approve staging")
    world.passes(2 * HOUR).tick()
    assert "still waits for @maintainer." in nudges(world)["1:reminder:1"]


@pytest.mark.parametrize("end", ["approve", "deny", "cancel", "close", "expire"])
def test_nobody_is_reminded_of_what_has_ended(end: str) -> None:
    world = waiting(policy(remind_after=REMINDERS))
    match end:
        case "close":
            world.head = Head(HEAD.sha, "main", open=False)
            world.happens(ChangeClosed(world.now, merged=False))
        case "expire":
            world.passes(49 * HOUR).tick()
        case _:
            world.says(
                MAINTAINER,
                f"/{end} staging no"
                if end == "deny"
                else f"/{end} staging".removesuffix(" staging" if end == "cancel" else ""),
            )
    world.passes(3 * HOUR).tick()
    assert not nudges(world)


def test_nobody_is_reminded_while_it_is_held_or_its_author_is_asked() -> None:
    world = waiting(policy(remind_after=REMINDERS))
    world.says(MAINTAINER, "/ask staging why now?")
    world.passes(10 * HOUR).tick()
    assert not nudges(world)
    world.says(MAINTAINER, "/answer because")
    assert not nudges(world), "the clock stood still"
    world.passes(2 * HOUR).tick()
    assert list(nudges(world)) == ["1:reminder:1"]


def test_a_reminder_that_could_not_be_written_in_time_is_not_written() -> None:
    world = waiting(policy(remind_after=REMINDERS))
    world.passes(2 * HOUR).tick()
    assert not too_late(world.run, "nudge:staging:1:reminder:1")
    assert too_late(world.run, "nudge:staging:2:reminder:1"), "another question is asked"
    assert too_late(world.run, "nudge:elsewhere:1:reminder:1")
    world.says(MAINTAINER, "/deny staging no")
    assert too_late(world.run, "nudge:staging:1:reminder:1")


def test_a_commit_without_a_conversation_has_nobody_to_remind() -> None:
    world = proposed(policy(remind_after=REMINDERS, escalate_to=LADDER), replace(CHANGE, conversation=None))
    world.passes(5).stage_ends()
    world.passes(5 * HOUR).tick()
    assert not nudges(world)
    assert world.gate("staging").question is not None
    shown = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "gate:staging"]
    assert "`acme/leads`" in shown[-1].summary, "it is handed on all the same"


# --- the ladder ------------------------------------------------------------------------------------------


def test_a_question_is_handed_on_and_they_answer_instead() -> None:
    world = waiting(policy(SRE, escalate_to=LADDER))
    world.passes(4 * HOUR).tick()
    assert list(nudges(world)) == ["1:handed:1"]
    assert "@acme/leads may answer instead" in nudges(world)["1:handed:1"]
    assert "nothing is approved by waiting" in nudges(world)["1:handed:1"]
    assert "one of @acme/sre or, by now, @acme/leads" in question(world)
    assert not world.releases("staging")
    world.says(LEAD, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_whom_it_was_handed_on_from_may_still_answer() -> None:
    world = waiting(policy(SRE, escalate_to=LADDER))
    world.passes(4 * HOUR).tick()
    world.says(REVIEWER, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_an_approval_before_it_was_their_turn_does_not_open_the_gate_later() -> None:
    world = waiting(policy(SRE, escalate_to=LADDER))
    world.says(LEAD, "/approve staging")
    assert "`not_an_approver`" in world.replies()[-1]
    world.passes(4 * HOUR).tick()
    world.passes(60).tick()
    assert not world.releases("staging")
    world.says(LEAD, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_the_ladder_asks_as_many_people_as_before() -> None:
    world = waiting(policy(replace(SRE, count=2), escalate_to=LADDER))
    world.passes(4 * HOUR).tick()
    world.says(LEAD, "/approve staging")
    assert not world.releases("staging"), "one person fills one place"
    world.says(REVIEWER, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_the_author_does_not_answer_by_way_of_the_ladder() -> None:
    world = waiting(policy(SRE, escalate_to=LADDER))
    world.standings[CHANGE.author.id] = Standing(CHANGE.author, Permission.ADMIN, ("acme/leads",))
    world.passes(4 * HOUR).tick()
    world.says(CHANGE.author, "/approve staging")
    assert "`self_approval`" in world.replies()[-1]
    assert not world.releases("staging")


def test_who_is_in_nobodys_place_does_not_count_after_the_ladder_either() -> None:
    world = waiting(policy(SRE, escalate_to=LADDER))
    world.passes(4 * HOUR).tick()
    world.says(MAINTAINER, "/approve staging")
    world.says(READER, "/approve staging")
    assert not world.releases("staging")


def test_steps_are_taken_one_after_the_other() -> None:
    last = LadderStep(timedelta(hours=8), ApproverLine(permission=Permission.ADMIN))
    world = waiting(policy(SRE, escalate_to=(*LADDER, last), remind_after=(timedelta(hours=8),)))
    world.passes(4 * HOUR).tick()
    assert world.run.wake_at == world.now + timedelta(hours=4)
    world.passes(4 * HOUR).tick()
    assert list(nudges(world)) == ["1:handed:1", "1:handed:2"], "what is due at one time is one comment"
    assert "by now, @acme/leads or, by now, people with admin permission" in question(world)
    world.says(LEAD, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_what_is_asked_anew_begins_its_ladder_anew() -> None:
    world = waiting(policy(SRE, escalate_to=LADDER))
    world.passes(4 * HOUR).tick()
    world.current_policy = replace(policy(SRE, escalate_to=LADDER), blob_sha="q" * 40)
    world.tick()
    world.says(LEAD, "/approve staging")
    assert not world.releases("staging")


def test_lines_of_a_rule_are_not_handed_on() -> None:
    security = ApproverLine(users=("maintainer",))
    rule = EscalationRule(labels=("risky",), lines=(security,))
    world = escalated(rule, SRE, escalate_to=LADDER)
    world.identities["maintainer"] = MAINTAINER.id
    world.passes(4 * HOUR).tick()
    world.says(LEAD, "/approve staging")
    other = Person(111, "other")
    world.standings[other.id] = Standing(other, Permission.WRITE, ("acme/leads",))
    world.says(other, "/approve staging")
    assert not world.releases("staging")
    world.says(MAINTAINER, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_a_way_back_is_handed_on_too() -> None:
    oncall = ApproverLine(users=("maintainer",))
    file = policy(SRE, escalate_to=LADDER)
    file = replace(file, environments=tuple(replace(each, rollback=(oncall,)) for each in file.environments))
    back = replace(CHANGE, subject=rollback_subject(CHANGE.repository, "staging"), base_sha="e" * 40)
    run = open_rollback(back, 1, file, START, "staging", "it fails", "")
    world = World(run, current_policy=file)
    world.identities["maintainer"] = MAINTAINER.id
    world.standings[LEAD.id] = Standing(LEAD, Permission.WRITE, ("acme/leads",))
    world.happens(ChangeProposed(START, back))
    world.passes(4 * HOUR).tick()
    said = nudges(world)["1:handed:1"]
    assert "Rolling back `staging` to `aaaaaaaaaaaa` has waited long enough for @maintainer." in said
    assert "one of @maintainer or, by now, @acme/leads" in question(world)
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")
    assert "or, by now, `acme/leads`" in world.replies()[-1]
    world.says(LEAD, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_nothing_expires_later_because_it_was_handed_on() -> None:
    world = waiting(policy(SRE, escalate_to=LADDER))
    world.passes(4 * HOUR).tick()
    world.passes(44 * HOUR + 1).tick()
    assert world.decisions[-1].verdicts["staging"].state is VerdictState.EXPIRED


# --- working hours ---------------------------------------------------------------------------------------

HOURS = WorkingHours("UTC")


def day(number: int) -> Span:
    """From nine to five; the first day is the one on which it is asked, at nine."""
    begins = START + timedelta(days=number)
    return Span(begins, begins + timedelta(hours=8))


def test_the_clock_runs_in_working_hours_only() -> None:
    rules = policy(SRE, remind_after=(timedelta(hours=10),), working_hours=HOURS)
    world = proposed(rules)
    world.working["staging"] = (day(0), day(1), day(2))
    world.passes(5).stage_ends()
    assert world.run.wake_at == START + timedelta(days=1, hours=2, seconds=5)
    world.passes(12 * HOUR).tick()
    assert not nudges(world)
    world.passes(14 * HOUR).tick()
    assert list(nudges(world)) == ["1:reminder:1"]


def test_invariant_4_a_calendar_that_cannot_be_told_hands_nothing_on() -> None:
    world = waiting(policy(SRE, escalate_to=LADDER, working_hours=HOURS))
    world.working["staging"] = Unknown("calendar_unknown", "ValueError")
    world.passes(5 * HOUR).tick()
    assert not nudges(world)
    assert world.run.wake_at is not None
    world.says(LEAD, "/approve staging")
    assert not world.releases("staging")


def test_a_clock_beyond_the_calendar_is_looked_for_again() -> None:
    world = waiting(policy(SRE, remind_after=(timedelta(hours=47),), working_hours=HOURS))
    world.working["staging"] = (day(0), day(1))
    world.tick()
    assert world.run.wake_at == world.now + timedelta(days=1)


def test_a_pause_takes_time_out_of_the_working_day() -> None:
    assert reached(START, timedelta(hours=9), (), (day(0), day(1))) == START + timedelta(days=1, hours=1)
    assert reached(START, timedelta(hours=17), (), (day(0), day(1))) is None


# --- people whom a rule adds -----------------------------------------------------------------------------


def escalated(rule: EscalationRule, *lines: ApproverLine, **approval: object) -> World:
    """Staging asks because somebody has to look at it; `rule` has not fired yet, or has."""
    rules = policy(
        *lines, mode=ApprovalMode.ESCALATE, escalate_when=(EscalationRule(bases=("main",)), rule), **approval
    )
    world = proposed(rules)
    world.standings[LEAD.id] = Standing(LEAD, Permission.WRITE, ("acme/leads",))
    world.head = Head(HEAD.sha, "main", True, labels=("risky",) if approval else ())
    looked_for = rules.environments[0].globs
    for name in ("staging", "production"):
        world.shipments[name] = Shipment(CHANGE.base_sha, True, 1, 0, looked_for=looked_for, lines=1)
    world.passes(5).stage_ends()
    return world


SECURITY = EscalationRule(labels=("risky",), lines=(LEADS,))


def test_whom_a_rule_adds_after_the_question_is_told() -> None:
    world = escalated(SECURITY, SRE)
    assert "@acme/leads" not in question(world)
    world.head = Head(HEAD.sha, "main", True, labels=("risky",))
    world.passes(60).tick()
    assert list(nudges(world)) == ["1:added:1"]
    assert "also needs @acme/leads" in nudges(world)["1:added:1"]
    world.passes(60).tick()
    assert len(nudges(world)) == 1
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")
    world.says(LEAD, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_whom_the_question_names_is_not_told_again() -> None:
    world = escalated(SECURITY, SRE, remind_after=())
    assert "@acme/leads" in question(world)
    world.passes(60).tick()
    assert not nudges(world)


def test_where_the_added_line_is_met_already_nobody_is_told() -> None:
    world = escalated(EscalationRule(labels=("risky",), lines=(SRE,)), LEADS)
    world.says(REVIEWER, "/approve staging")
    world.head = Head(HEAD.sha, "main", True, labels=("risky",))
    world.passes(60).tick()
    assert world.decisions[-1].verdicts["staging"].asks
    assert not nudges(world)


# --- approvals that expire -------------------------------------------------------------------------------

TWO = ApproverLine(permission=Permission.WRITE, count=2)
DAY = timedelta(hours=24)


def test_an_approval_that_waited_too_long_does_not_count_and_it_is_asked_anew() -> None:
    world = waiting(policy(TWO, approval_expires_after=DAY))
    world.says(REVIEWER, "/approve staging")
    given = world.now
    assert world.run.wake_at == given + DAY + timedelta(seconds=1)
    world.passes(24 * HOUR).tick()
    assert number(world) == 1, "its last instant"
    world.passes(1).tick()
    assert "an approval is too old to count any more" in question(world, 2)
    shown = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "gate:staging"][-1]
    assert "`approval_expired`" in shown.summary
    world.says(MAINTAINER, "/approve staging")
    assert not world.releases("staging")
    world.says(REVIEWER, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_it_is_asked_anew_once_for_each_approval_that_becomes_too_old() -> None:
    world = waiting(policy(TWO, approval_expires_after=DAY, expires_after=timedelta(days=9)))
    world.says(REVIEWER, "/approve staging")
    for _ in range(3):
        world.passes(24 * HOUR + 2).tick()
    assert number(world) == 2


def test_an_approval_given_ahead_of_a_freeze_may_become_too_old_in_it() -> None:
    window = FreezeWindow("UTC", cron="0 16 * * FRI", duration=timedelta(hours=64))
    rules = policy(approval_expires_after=DAY)
    rules = replace(rules, environments=tuple(replace(each, freeze=(window,)) for each in rules.environments))
    world = proposed(rules)
    until = world.now + timedelta(hours=40)
    world.freezes["staging"] = Freeze(until, "soon", "weekend")
    world.passes(5).stage_ends()
    world.says(REVIEWER, "/approve staging")
    world.passes(25 * HOUR).tick()
    world.freezes["staging"] = None
    world.passes(16 * HOUR).tick()
    assert not world.releases("staging")
    world.says(REVIEWER, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_a_press_becomes_too_old_like_a_comment() -> None:
    world = waiting(policy(TWO, approval_expires_after=DAY))
    presses(world, REVIEWER, "staging", shown_buttons(world, "staging")["Approve"])
    world.passes(25 * HOUR).tick()
    assert ReasonCode.APPROVAL_EXPIRED in {
        each.code for each in world.decisions[-1].verdicts["staging"].answers
    }


def test_a_denial_does_not_become_too_old() -> None:
    world = waiting(policy(approval_expires_after=timedelta(minutes=1)))
    world.says(MAINTAINER, "/deny staging no")
    world.passes(HOUR).tick()
    assert world.gate("staging").closing is not None


def test_whoever_approved_in_their_own_line_does_not_stand_in_for_another_one_once_it_is_handed_on() -> None:
    other = Person(120, "other")
    lines = (ApproverLine(teams=("acme/sre",)), ApproverLine(users=("maintainer",)))
    step = LadderStep(timedelta(hours=4), ApproverLine(teams=("acme/sre",)))
    world = asking(policy(*lines, escalate_to=(step,)))
    world.identities["maintainer"] = MAINTAINER.id
    world.standings[other.id] = Standing(other, Permission.WRITE, ("acme/sre",))
    for person in (REVIEWER, other):
        world.says(person, "/approve staging")
    world.passes(4 * 3600 + 5).tick()
    assert not world.releases("staging"), "nobody said anything since it was handed on"
    world.says(other, "/approve staging")
    assert len(world.releases("staging")) == 1
