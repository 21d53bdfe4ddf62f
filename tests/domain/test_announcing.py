"""What channels are told: each thing once, with names and numbers alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.runs import CHANGE, HEAD, MAINTAINER, REVIEWER, START, World, asking, policy, proposed

from gate_app.domain.conditions import Head
from gate_app.domain.effects import Notify, PublishCheckRun
from gate_app.domain.events import ChangeClosed, ChangeProposed
from gate_app.domain.opening import open_rollback, rollback_subject
from gate_app.domain.policy import ApprovalMode, ApproverLine, EscalationRule, LadderStep, Policy
from gate_app.domain.shipping import Shipment

LEADS = ApproverLine(teams=("acme/leads",))


def telling(rules: Policy | None = None, channels: tuple[str, ...] = ("ops",), **change: object) -> World:
    """Staging asks, and the gate file names a channel."""
    rules = replace(rules or policy(), notify=("ops", "pager"))
    world = proposed(rules, replace(CHANGE, **change))  # type: ignore[arg-type]  # keyword pass-through
    world.channels = channels
    world.passes(5).stage_ends()
    return world


def news(world: World) -> list[str]:
    told = [effect for effect in world.effects if isinstance(effect, Notify)]
    assert len({each.key for each in told}) == len(told), "each is told once"
    assert all("Greet in French" not in each.text + each.title for each in told), "titles stay at GitHub"
    return [f"{each.channel} {each.topic}: {each.text}" for each in told]


DEPLOY = "deploy aaaaaaaaaaaa to staging, acme/greeter #1."


def test_a_question_and_its_decision_are_told() -> None:
    world = telling()
    assert news(world) == [f"ops question: A person is asked: {DEPLOY}"]
    world.says(REVIEWER, "/approve staging")
    world.tick()
    assert news(world)[1:] == [f"ops decision: Approved by reviewer: {DEPLOY}"]


def test_every_channel_that_the_operator_has_is_told() -> None:
    world = telling(channels=("ops", "pager"))
    assert [each.split()[0] for each in news(world)] == ["ops", "pager"]


def test_a_channel_that_nobody_configured_holds_nothing_and_shows() -> None:
    world = telling(channels=())
    assert news(world) == []
    shown = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "gate:staging"][-1]
    assert (
        "⚠️ `notify` names `ops`, `pager`, which the operator of this app has not configured." in shown.summary
    )
    world.says(REVIEWER, "/approve staging")
    assert len(world.releases("staging")) == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/deny staging the token is hunter2", "Denied by maintainer"),
        ("/cancel", "Cancelled by maintainer"),
    ],
    ids=["deny", "cancel"],
)
def test_a_no_is_told_without_its_reason(line: str, said: str) -> None:
    world = telling()
    world.says(MAINTAINER, line)
    assert news(world)[-1] == f"ops decision: {said}: {DEPLOY}"


def test_that_nobody_answered_is_told() -> None:
    world = telling(
        policy(remind_after=(timedelta(hours=2),), escalate_to=(LadderStep(timedelta(hours=4), LEADS),))
    )
    for hours in (2, 2, 45):
        world.passes(hours * 3600).tick()
    assert [each.partition(" to ")[0] for each in news(world)] == [
        "ops question: A person is asked: deploy aaaaaaaaaaaa",
        "ops reminder: Still waiting for an answer: deploy aaaaaaaaaaaa",
        "ops escalation: Nobody has answered: handed on: deploy aaaaaaaaaaaa",
        "ops decision: Nobody answered in time: denied: deploy aaaaaaaaaaaa",
    ]


def test_whom_a_rule_adds_is_an_escalation() -> None:
    rules = (EscalationRule(bases=("main",)), EscalationRule(labels=("risky",), lines=(LEADS,)))
    file = replace(policy(mode=ApprovalMode.ESCALATE, escalate_when=rules), notify=("ops",))
    world = proposed(file)
    world.channels = ("ops",)
    world.head = Head(HEAD.sha, "main", True, labels=())
    for name in ("staging", "production"):
        world.shipments[name] = Shipment("c" * 40, True, 1, 0, looked_for=file.environments[0].globs, lines=1)
    world.passes(5).stage_ends()
    world.head = Head(HEAD.sha, "main", True, labels=("risky",))
    world.passes(60).tick()
    assert news(world)[1:] == [f"ops escalation: A rule asks more people: {DEPLOY}"]


def test_what_goes_on_by_itself_or_ends_unasked_is_no_news() -> None:
    assert news(telling(policy(mode=ApprovalMode.NEVER))) == []
    world = asking(replace(policy(), notify=("ops",)))
    assert news(world) == [], "no channel was read"
    closed = telling()
    closed.head = Head(HEAD.sha, "main", open=False)
    closed.happens(ChangeClosed(closed.now, merged=False))
    assert len(news(closed)) == 1, "a closed pull request is seen at GitHub"


def test_a_commit_without_a_pull_request_is_linked_itself() -> None:
    (told,) = [each for each in telling(conversation=None).effects if isinstance(each, Notify)]
    assert told.page == f"acme/greeter/commit/{HEAD.sha}"
    assert told.title == "acme/greeter: staging"


def test_a_way_back_is_told_as_one() -> None:
    file = replace(policy(), notify=("ops",))
    back = replace(CHANGE, subject=rollback_subject(CHANGE.repository, "staging"), base_sha="e" * 40)
    world = World(open_rollback(back, 1, file, START, "staging", "it fails", ""), current_policy=file)
    world.channels = ("ops",)
    world.happens(ChangeProposed(START, back))
    assert news(world) == [
        "ops question: A person is asked: roll back to aaaaaaaaaaaa in staging, acme/greeter #1."
    ]
