"""A no that is heard between the record of a release and its first piece of work."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.runs import CHANGE, HEAD, MAINTAINER, READER, REVIEWER, World, asking, policy, proposed

from gate_app.domain.conditions import Standing
from gate_app.domain.effects import ReportDeployment
from gate_app.domain.events import ChangeClosed, CommentChanged, DeploymentCreated, HeadMoved
from gate_app.domain.model import Person, Unknown
from gate_app.domain.ownership import Owners
from gate_app.domain.policy import (
    ApprovalMode,
    ApproverLine,
    DeploymentRoute,
    EscalationRule,
    LadderStep,
    Permission,
    Policy,
)
from gate_app.domain.run import ReleaseStatus
from gate_app.domain.shipping import Shipment


def begun(rules: Policy | None = None) -> World:
    """Staging was approved and its record asked for; the engine has not heard of it yet."""
    world = asking(rules)
    world.says(REVIEWER, "/approve staging")
    assert len(world.releases("staging")) == 1
    return world


def is_recorded(world: World) -> None:
    world.happens(DeploymentCreated(world.now, "staging", 901))


def ended(world: World) -> tuple[str, list[str]]:
    """What the gate says, and what was told to the record."""
    reports = [effect.state for effect in world.effects if isinstance(effect, ReportDeployment)]
    return world.codes("staging")[0], reports


def test_a_denial_before_any_work_stops_the_release() -> None:
    world = begun()
    world.says(MAINTAINER, "/deny staging the migration is wrong")
    assert "denial_kept" in world.replies()[-1]
    is_recorded(world)
    assert "deploy@staging" not in world.started()
    assert ended(world) == ("denied", ["failure"])
    assert world.environments["staging"].busy_with is None


SRE, LEADS = ApproverLine(teams=("acme/sre",)), ApproverLine(teams=("acme/leads",))
LEAD = Person(121, "lead")


def asked_beside(rules: Policy) -> World:
    """The lead may only read; staging was approved by an SRE after the lead was asked too."""
    world = proposed(rules)
    world.shipments["staging"] = Shipment(CHANGE.base_sha, True, 1, 0)
    world.stage_ends("tests")
    world.standings[LEAD.id] = Standing(LEAD, Permission.READ, ("acme/leads",))
    world.passes(3601).tick()
    world.says(REVIEWER, "/approve staging")
    return world


def test_the_denial_of_whom_the_question_was_handed_on_to_stops_the_release() -> None:
    ladder = (LadderStep(timedelta(hours=1), LEADS),)
    world = asked_beside(policy(SRE, escalate_to=ladder))
    assert len(world.releases("staging")) == 1
    world.says(LEAD, "/deny staging not today")
    is_recorded(world)
    assert "deploy@staging" not in world.started()
    assert ended(world) == ("denied", ["failure"])


def test_the_denial_of_whom_a_rule_added_stops_the_release() -> None:
    rule = EscalationRule(titles=("*",), lines=(LEADS,))
    world = asked_beside(policy(SRE, mode=ApprovalMode.ESCALATE, escalate_when=(rule,)))
    other = Person(122, "another lead")
    world.standings[other.id] = Standing(other, Permission.READ, ("acme/leads",))
    world.says(other, "/approve staging")
    assert len(world.releases("staging")) == 1
    world.says(LEAD, "/deny staging not today")
    is_recorded(world)
    assert "deploy@staging" not in world.started()
    assert ended(world) == ("denied", ["failure"])


def test_a_denial_that_may_be_of_a_code_owner_holds_the_work() -> None:
    world = proposed(policy(ApproverLine(codeowners=True)))
    world.owners["staging"] = (Owners(teams=("acme/sre",), file="app.py"),)
    world.stage_ends("tests")
    world.says(REVIEWER, "/approve staging")
    assert len(world.releases("staging")) == 1
    world.standings[LEAD.id] = Standing(LEAD, Permission.READ, ("acme/leads",))
    world.owners["staging"] = Unknown("hub_unavailable", "502")
    world.says(LEAD, "/deny staging not today")
    is_recorded(world)
    assert world.codes("staging") == ("denial_pending",)
    assert "deploy@staging" not in world.started()


def test_closing_before_any_work_stops_the_release() -> None:
    world = begun()
    world.happens(ChangeClosed(world.now, merged=False))
    is_recorded(world)
    assert "deploy@staging" not in world.started()
    assert ended(world) == ("change_closed", ["failure"])
    assert world.run.final


def test_a_denial_that_cannot_be_judged_holds_the_work() -> None:
    world = begun()
    world.standings[MAINTAINER.id] = Unknown("hub_unavailable", "502")
    world.says(MAINTAINER, "/deny staging wait")
    is_recorded(world)
    assert world.codes("staging") == ("denial_pending",)
    assert "deploy@staging" not in world.started()
    assert world.run.wake_at is not None
    world.standings[MAINTAINER.id] = replace(world.standings[REVIEWER.id], person=MAINTAINER)  # type: ignore[type-var]  # known by now
    world.passes(30).tick()
    assert ended(world) == ("denied", ["failure"])


@pytest.mark.parametrize("what", ["a reader denies", "it was taken back", "a newer head", "a merge"])
def test_what_is_no_denial_that_counts_stops_nothing(what: str) -> None:
    world = begun()
    if what == "a reader denies":
        world.says(READER, "/deny staging no")
    elif what == "it was taken back":
        world.says(MAINTAINER, "/deny staging no")
        world.happens(CommentChanged(world.now, world.last_comment, 1, "deleted"))
    elif what == "a newer head":
        world.happens(HeadMoved(world.now, "d" * 40, "main"))
    else:
        world.happens(ChangeClosed(world.now, merged=True))
    is_recorded(world)
    assert "deploy@staging" in world.started()


def test_once_work_has_begun_it_is_too_late() -> None:
    world = begun()
    is_recorded(world)
    world.says(MAINTAINER, "/deny staging no")
    assert "too_late" in world.replies()[-1]
    assert world.gate("staging").release is not None
    world.stage_ends("deploy@staging")
    assert world.state("staging") == "approved"


def test_where_the_record_sets_others_to_work_nothing_can_be_stopped() -> None:
    rules = policy()
    staging = replace(rules.environments[0], deploy=DeploymentRoute())
    world = begun(replace(rules, environments=(staging, *rules.environments[1:])))
    world.happens(ChangeClosed(world.now, merged=False))
    is_recorded(world)
    release = world.gate("staging").release
    assert release is not None
    assert release.status is ReleaseStatus.DEPLOYING
    assert release.content == HEAD


def test_who_answered_is_read_again_as_long_as_it_may_matter() -> None:
    assert asking().gate("staging").turns_on_answers
    world = begun()
    assert not world.gate("staging").turns_on_answers
    world.says(MAINTAINER, "/deny staging no")
    assert world.gate("staging").turns_on_answers
    is_recorded(world)
    assert not world.gate("staging").turns_on_answers
