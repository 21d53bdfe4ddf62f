"""Waiving a finding: by an approver who did not contribute, until a day, and never for good."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from support.runs import (
    AUTHOR,
    CHANGE,
    MAINTAINER,
    READER,
    REVIEWER,
    START,
    World,
    asking,
    passed,
    policy,
    proposed,
)

from gate_app.domain.commands import Command, Malformed, parse
from gate_app.domain.conditions import EnvironmentFacts
from gate_app.domain.effects import PublishCheckRun, PublishComment, React
from gate_app.domain.evidence import Finding, Severity
from gate_app.domain.model import Authorship, Content, Person, Unknown
from gate_app.domain.policy import ApprovalMode, ApproverLine, EscalationRule, Permission, Policy
from gate_app.domain.shipping import Shipment
from gate_app.domain.verdict import ReasonCode
from gate_app.domain.waivers import MOST, Waiver

MARK = "0123456789abcdef0123456789abcdef"
OTHER = "0123456789ab00000000000000000000"
HIGH = Finding(MARK, "B602", Severity.HIGH, "shell=True", "app/main.py", 3)
DAY = datetime(2026, 3, 10, tzinfo=UTC)
ID = MARK[:16]


def rules(*lines: ApproverLine, **approval: object) -> Policy:
    """New findings that are high fail the tests."""
    found = policy(*lines, **approval)
    return replace(found, stages=(replace(found.stages[0], new_findings=Severity.HIGH),))


def found(*findings: Finding, under: Policy | None = None) -> World:
    """The stage passed, but for what it found."""
    world = proposed(under or rules())
    world.passes(5).stage_ends(outcome=passed(*(findings or (HIGH,))))
    return world


def waivers(world: World, environment: str = "staging") -> tuple[Waiver, ...]:
    facts = world.environments.get(environment)
    return facts.waivers if facts else ()


def obeyed(world: World) -> bool:
    return any(isinstance(e, React) and e.comment_id == world.last_comment for e in world.effects)


def shown(world: World, surface: str) -> str:
    return [e.body for e in world.effects if isinstance(e, PublishComment) and e.surface.startswith(surface)][
        -1
    ]


def test_a_waived_finding_does_not_fail_the_gate_any_more() -> None:
    world = found()
    assert "new_findings" in world.codes("staging")
    world.says(REVIEWER, f"/waive {ID} until 2026-03-10 the input is checked before")
    assert obeyed(world)
    assert world.decisions[-1].verdicts["staging"].asks
    reasons = [each for root in world.decisions[-1].verdicts["staging"].reasons for each in root.walk()]
    assert ReasonCode.FINDINGS_WAIVED in {each.code for each in reasons}
    world.says(MAINTAINER, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_it_names_who_until_when_and_why_wherever_the_gate_is_shown() -> None:
    world = found()
    world.says(REVIEWER, f"/waive {ID} until 2026-03-10 checked @before")
    line = "`B602 in app/main.py` (`0123456789ab`) for `staging`, until 2026-03-10, by `reviewer`: `checked @before`"
    assert line in shown(world, "status")
    assert line in shown(world, "question:staging")
    world.says(REVIEWER, "/why staging")
    assert "passed, but for what is waived (until 2026-03-11 00:00 UTC)" in world.replies()[-1]


def test_the_id_is_on_the_check_run_of_the_stage() -> None:
    world = found()
    checks = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "stage:tests"]
    assert "`shell=True` · `0123456789ab`" in checks[-1].summary


def test_it_ends_by_itself() -> None:
    world = found()
    world.says(REVIEWER, f"/waive {ID} until 2026-03-02 only today")
    assert world.decisions[-1].verdicts["staging"].asks
    assert world.run.wake_at == datetime(2026, 3, 3, tzinfo=UTC)
    world.now = datetime(2026, 3, 3, tzinfo=UTC)
    world.tick()
    assert "new_findings" in world.codes("staging")
    world.says(MAINTAINER, "/approve staging")
    assert not world.releases("staging")


def test_once_it_is_over_the_next_change_fails_again() -> None:
    world = found()
    world.says(REVIEWER, f"/waive {ID} until 2026-03-10 checked before")
    world.says(MAINTAINER, "/approve staging")
    world.deploys("staging")
    assert world.environments["staging"].baseline == ()
    later = asking(rules())
    later.environments = dict(world.environments)
    later.now = DAY + timedelta(days=2)
    later.run = later.run.with_stage(world.run.stages["tests"])
    later.tick()
    assert "new_findings" in later.codes("staging")


def test_other_findings_go_on_failing() -> None:
    second = replace(HIGH, fingerprint="f" * 32, rule="B603")
    world = found(HIGH, second)
    world.says(REVIEWER, f"/waive {ID} until 2026-03-10 checked before")
    assert "new_findings" in world.codes("staging")
    assert len(waivers(world)) == 1


def test_rules_of_escalation_see_what_is_waived() -> None:
    asks = rules(mode=ApprovalMode.ESCALATE, escalate_when=(EscalationRule(new_findings=Severity.HIGH),))
    world = proposed(asks)
    first = Shipment("c" * 40, True, 1, 0, (), (), (), True)
    world.shipments = {"staging": first, "production": first}
    world.passes(5).stage_ends(outcome=passed(HIGH))
    world.says(REVIEWER, f"/waive {ID} until 2026-03-10 checked before")
    assert world.decisions[-1].verdicts["staging"].asks


# --- who ---


@pytest.mark.parametrize(
    ("person", "code"),
    [(AUTHOR, "self_approval"), (READER, "not_permitted"), (REVIEWER, "not_an_approver")],
    ids=["a contributor", "who may not write", "who may not approve there"],
)
def test_it_is_refused_to(person: Person, code: str) -> None:
    world = found(under=rules(ApproverLine(permission=Permission.MAINTAIN), self_approval=True))
    world.says(person, f"/waive {ID} until 2026-03-10 checked before")
    assert code in world.replies()[-1]
    assert not waivers(world)


def test_it_holds_where_that_person_may_approve() -> None:
    first, second = rules().environments
    strict = replace(second.approval, lines=(ApproverLine(permission=Permission.MAINTAIN),))
    world = found(under=replace(rules(), environments=(first, replace(second, approval=strict))))
    world.says(REVIEWER, f"/waive {ID} until 2026-03-10 checked before")
    assert len(waivers(world)) == 1
    assert not waivers(world, "production")


def test_who_contributed_has_to_be_known() -> None:
    world = found()
    world.run = replace(world.run, authorship=None)
    world.authorship = Unknown("hub_unavailable")
    world.says(REVIEWER, f"/waive {ID} until 2026-03-10 checked before")
    assert "contributors_unknown" in world.replies()[-1]
    assert not waivers(world)


def test_whoever_asked_for_the_deployment_does_not_waive_for_it() -> None:
    world = found()
    world.says(REVIEWER, "/cancel")
    world.says(MAINTAINER, "/deploy staging")
    world.says(MAINTAINER, f"/waive {ID} until 2026-03-10 checked before")
    assert not waivers(world)
    assert waivers(world, "production")  # of that one they asked nothing
    world.says(REVIEWER, f"/waive {ID} until 2026-03-10 checked before")
    assert waivers(world)


@pytest.mark.parametrize(
    ("made_by", "code"),
    [(AUTHOR, ""), (REVIEWER, "self_approval"), (None, "contributors_unknown")],
    ids=["somebody else", "whoever waives", "not known"],
)
def test_where_everything_that_ships_counts_nobody_waives_for_their_own(
    made_by: Person | None, code: str
) -> None:
    shipped, _ = rules(contributors="shipped").environments
    world = found(under=replace(rules(), environments=(shipped,)))
    if made_by is not None:
        shipment = Shipment(CHANGE.base_sha, False, 2, 0, authorship=Authorship((made_by.id,)))
        world.run = replace(world.run, shipments={"staging": shipment})
        running = EnvironmentFacts("staging", running=Content(CHANGE.base_sha, "c" * 40))
        world.environments["staging"] = running
    world.says(REVIEWER, f"/waive {ID} until 2026-03-10 checked before")
    assert bool(waivers(world)) is not bool(code)
    assert not code or code in world.replies()[-1]


# --- what and how long ---


@pytest.mark.parametrize("mark", ["9" * 12, MARK[:12]], ids=["nothing", "two findings"])
def test_it_means_one_finding_or_none(mark: str) -> None:
    world = found(HIGH, replace(HIGH, fingerprint=OTHER))
    world.says(REVIEWER, f"/waive {mark} until 2026-03-10 checked before")
    assert "finding_not_found" in world.replies()[-1]
    assert not waivers(world)


@pytest.mark.parametrize("day", ["2026-03-01", "2027-03-10"], ids=["a day that is over", "too far"])
def test_it_ends_on_a_day_to_come(day: str) -> None:
    world = found()
    world.says(REVIEWER, f"/waive {ID} until {day} checked before")
    assert "waiver_time" in world.replies()[-1]
    assert not waivers(world)


def test_a_later_waiver_takes_the_place_of_an_earlier_one_and_those_that_are_over_go() -> None:
    world = found()
    over = Waiver("a" * 32, REVIEWER, START, START + timedelta(seconds=1), "over")
    world.environments["staging"] = EnvironmentFacts("staging", waivers=(over,))
    world.says(REVIEWER, f"/waive {ID} until 2026-03-10 one")
    world.says(MAINTAINER, f"/waive {ID} until 2026-03-12 two")
    assert [(each.by, each.reason) for each in waivers(world)] == [(MAINTAINER, "two")]


def test_there_are_only_so_many() -> None:
    world = found()
    many = tuple(Waiver(f"{index:032x}", REVIEWER, START, DAY, "one of many") for index in range(MOST))
    world.environments["staging"] = EnvironmentFacts("staging", waivers=many)
    world.says(REVIEWER, f"/waive {ID} until 2026-03-10 one more")
    assert "waivers_spent" in world.replies()[-1]
    assert len(waivers(world)) == MOST


# --- how it is written ---


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("/waive", ReasonCode.TEXT_MISSING),
        (f"/waive {ID} until 2026-03-10", ReasonCode.TEXT_MISSING),
        (f"/waive {ID} checked before", ReasonCode.COMMAND_MALFORMED),
        (f"/waive {ID[:11]} until 2026-03-10 too short", ReasonCode.COMMAND_MALFORMED),
        (f"/waive {ID} until 2026-02-30 no such day", ReasonCode.COMMAND_MALFORMED),
        (f"/waive {ID} until 9999-12-31 beyond all days", ReasonCode.COMMAND_MALFORMED),
        (f"/waive {ID.upper()} until 2026-03-10 in capitals", ReasonCode.COMMAND_MALFORMED),
    ],
)
def test_what_is_written_wrongly_is_refused(line: str, code: ReasonCode) -> None:
    wrong = parse(line, ["staging"])
    assert isinstance(wrong, Malformed)
    assert wrong.code is code


def test_the_day_counts_to_its_end_and_a_reason_is_any_text() -> None:
    assert parse(f"/waive {ID} until 2026-03-10 wird später behoben", []) == Command(
        "waive", reason="wird später behoben", finding=ID, until=DAY + timedelta(days=1)
    )
