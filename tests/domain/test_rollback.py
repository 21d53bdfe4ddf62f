"""Going back by hand: only to what was healthy there, decided by somebody else, and by nothing that means a release."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.runs import AUTHOR, CHANGE, HEAD, MAINTAINER, READER, REVIEWER, World, asking, policy, proposed

from gate_app.domain.commands import Command, Malformed, parse
from gate_app.domain.conditions import EnvironmentFacts, Head
from gate_app.domain.draft import RollbackProposal
from gate_app.domain.effects import PublishComment, React
from gate_app.domain.events import ChangeClosed, ChangeProposed, DeploymentCreated
from gate_app.domain.model import Content
from gate_app.domain.opening import open_rollback, rollback_subject
from gate_app.domain.policy import ApprovalMode, ApprovalPolicy, ApproverLine, Permission, Policy
from gate_app.domain.run import ReleaseStatus
from gate_app.domain.verdict import ReasonCode

EARLIER = Content("e" * 40, "1" * 40)
EARLIEST = Content("d" * 40, "2" * 40)


def released(rules: Policy | None = None) -> World:
    """Staging ran two contents healthily, and now runs this head."""
    world = asking(rules)
    world.environments["staging"] = EnvironmentFacts("staging", 3, EARLIER, (EARLIER, EARLIEST))
    world.says(REVIEWER, "/approve staging")
    world.deploys("staging")
    return world


def proposals(world: World) -> list[RollbackProposal]:
    return [each for decision in world.decisions for each in decision.proposals]


def obeyed(world: World) -> bool:
    return any(isinstance(e, React) and e.comment_id == world.last_comment for e in world.effects)


def going_back(world: World, rules: Policy | None = None) -> World:
    """The run that asks, as the engine opens it for the newest request."""
    wanted, rules = proposals(world)[-1], rules or policy()
    change = replace(
        CHANGE,
        subject=rollback_subject(CHANGE.repository, wanted.environment),
        head=wanted.target,
        base_sha=wanted.takes_out,
    )
    by = (wanted.by,) if wanted.by else ()
    run = open_rollback(change, 1, rules, world.now, wanted.environment, wanted.because, wanted.holder, by)
    back = World(run, world.now, current_policy=rules, environments=world.environments)
    back.last_comment, back.head = world.last_comment, Head(wanted.target.sha, "main", True)
    back.happens(ChangeProposed(world.now, change))
    return back


def question(world: World) -> str:
    return [e.body for e in world.effects if isinstance(e, PublishComment) and "question" in e.surface][-1]


# --- asking for it ---


def test_it_goes_back_to_what_was_healthy_before_what_runs_now() -> None:
    world = released()
    world.says(AUTHOR, "/rollback staging customers cannot log in")
    assert obeyed(world)
    holder = f"71@rollback/staging:{world.last_comment}:staging"
    assert proposals(world) == [
        RollbackProposal("staging", EARLIER, "customers cannot log in", HEAD.sha, AUTHOR, holder)
    ]
    assert world.environments["staging"].busy_with == holder


def test_a_commit_may_be_named() -> None:
    world = released()
    world.says(AUTHOR, f"/rollback staging {EARLIEST.sha[:12]} the last good one")
    assert [each.target for each in proposals(world)] == [EARLIEST]


@pytest.mark.parametrize("sha", ["9" * 12, HEAD.sha], ids=["never healthy there", "what runs now"])
def test_nothing_else_is_gone_back_to(sha: str) -> None:
    world = released()
    world.says(AUTHOR, f"/rollback staging {sha} please")
    assert "rollback_target" in world.replies()[-1]
    assert "`eeeeeeeeeeee`, `dddddddddddd`" in world.replies()[-1]
    assert not proposals(world)
    assert world.environments["staging"].busy_with is None


def test_a_name_that_means_two_commits_means_none() -> None:
    world = released()
    twin = Content("e" * 39 + "0", "3" * 40)
    world.environments["staging"] = replace(world.environments["staging"], verified=(EARLIER, twin))
    world.says(AUTHOR, f"/rollback staging {'e' * 12} please")
    assert "rollback_target" in world.replies()[-1]


def test_where_nothing_of_ours_runs_there_is_nothing_to_take_out() -> None:
    world = proposed()
    world.says(AUTHOR, "/rollback production please")
    assert "rollback_target" not in world.replies()[-1]  # its gate is under decision here
    world.says(AUTHOR, "/cancel")
    world.says(AUTHOR, "/rollback production please")
    assert "rollback_target" in world.replies()[-1]
    assert "nothing else" in world.replies()[-1]


def test_whoever_may_not_write_asks_for_nothing() -> None:
    world = released()
    world.says(READER, "/rollback staging please")
    assert "not_permitted" in world.replies()[-1]
    assert not proposals(world)


def test_a_gate_under_decision_here_is_decided_first() -> None:
    world = asking()
    world.environments["staging"] = EnvironmentFacts("staging", 3, EARLIER, (EARLIER, EARLIEST))
    world.says(AUTHOR, "/rollback staging please")
    assert "already_open" in world.replies()[-1]
    assert not proposals(world)


def test_a_release_under_way_comes_to_its_end_first() -> None:
    world = released()
    facts = replace(world.environments["staging"], busy_with="71#9:1:staging")
    world.environments["staging"] = facts
    world.says(AUTHOR, "/rollback staging please")
    assert "rollback_too_early" in world.replies()[-1]
    world.environments["staging"] = replace(facts, busy_with=None)
    world.says(AUTHOR, "/rollback staging please")
    world.says(MAINTAINER, "/rollback staging me too")
    assert "rollback_too_early" in world.replies()[-1]
    assert len(proposals(world)) == 1


def test_while_it_is_asked_about_nothing_is_released_there_and_no_answer_means_two_things() -> None:
    world = released()
    world.says(AUTHOR, "/rollback staging please")
    said = len(world.replies())
    world.says(REVIEWER, "/approve staging")
    assert len(world.replies()) == said  # left to the way back
    world.says(REVIEWER, "/deploy staging")
    assert "rollback_pending" in world.replies()[-1]
    assert len(world.releases("staging")) == 1
    other = asking()
    other.environments = world.environments
    other.tick()
    other.says(REVIEWER, "/approve staging")
    assert not other.releases("staging")


def test_after_a_breach_nothing_is_asked_beside_the_way_back() -> None:
    world = released()
    release = world.gate("staging").release
    assert release is not None
    failed = replace(release, status=ReleaseStatus.FAILED, failure=ReasonCode.WATCH_BREACHED)
    world.run = world.run.with_gate(replace(world.gate("staging"), release=failed))
    facts = world.environments["staging"]
    world.environments["staging"] = replace(facts, busy_with=world.run.gate_id("staging"))
    world.says(REVIEWER, "/deploy staging")
    assert "rollback_pending" in world.replies()[-1]
    world.environments["staging"] = facts
    world.says(REVIEWER, "/deploy staging")
    assert obeyed(world)


# --- deciding it ---


def test_somebody_else_approves_and_it_is_deployed_again() -> None:
    world = released()
    world.says(REVIEWER, "/rollback staging customers cannot log in")
    back = going_back(world)
    assert "### Roll back `staging` to `eeeeeeeeeeee`?" in question(back)
    assert "`reviewer` asks to take out `aaaaaaaaaaaa`: `customers cannot log in`" in question(back)
    assert "one person with write permission, but not `reviewer`." in question(back)
    assert back.environments["staging"].busy_with == back.run.follows  # until this is decided
    back.says(REVIEWER, "/approve staging")
    assert "self_approval" in back.replies()[-1]
    assert "not who asked for it" in back.replies()[-1]
    back.says(AUTHOR, "/approve staging")
    (release,) = back.releases("staging")
    assert release.sha == EARLIER.sha
    back.deploys("staging")
    facts = back.environments["staging"]
    assert (facts.running, facts.busy_with) == (EARLIER, None)


def test_what_was_taken_out_has_passed_there_no_more() -> None:
    world = released()
    merged = Content("9" * 40, HEAD.tree)
    facts = world.environments["staging"]
    world.environments["staging"] = replace(facts, verified=(*facts.verified, merged))
    world.says(REVIEWER, "/rollback staging please")
    back = going_back(world)
    back.says(AUTHOR, "/approve staging")
    back.deploys("staging")
    assert back.environments["staging"].verified == (EARLIER, EARLIEST)
    world.tick()
    assert "after_unmet" in world.codes("production")


def test_the_one_who_asked_does_not_approve_even_where_people_may_approve_their_own_change() -> None:
    world = released()
    world.says(REVIEWER, "/rollback staging please")
    back = going_back(world, policy(self_approval=True))
    back.says(REVIEWER, "/approve staging")
    assert "self_approval" in back.replies()[-1]
    assert not back.releases("staging")
    back.says(AUTHOR, "/approve staging")
    (release,) = back.releases("staging")
    assert release.sha == EARLIER.sha
    assert "self_approved" not in back.codes("staging")


def test_a_no_and_an_expiry_leave_everything_as_it_is_and_the_environment_free() -> None:
    world = released()
    world.says(REVIEWER, "/rollback staging please")
    back = going_back(world)
    back.says(AUTHOR, "/deny staging it is mended")
    assert back.state("staging") == "denied"
    assert back.environments["staging"].busy_with is None
    world.says(REVIEWER, "/rollback staging please")
    back = going_back(world)
    back.passes(49 * 3600).tick()
    assert back.state("staging") == "expired"
    assert back.environments["staging"].busy_with is None
    assert back.environments["staging"].running == HEAD


def test_its_own_lighter_rule_says_who_answers() -> None:
    two = ApprovalPolicy((ApproverLine(permission=Permission.ADMIN, count=2),), mode=ApprovalMode.NEVER)
    rules = policy()
    first, second = rules.environments
    lighter = replace(first, approval=two, rollback=(ApproverLine(permission=Permission.MAINTAIN),))
    rules = replace(rules, environments=(lighter, second))
    world = released()
    world.says(AUTHOR, "/rollback staging please")
    back = going_back(world, rules)
    assert "one person with maintain permission, but not `author`." in question(back)
    back.says(REVIEWER, "/approve staging")
    assert "not_an_approver" in back.replies()[-1]
    assert "It takes one person with maintain permission, not who asked for it." in back.replies()[-1]
    back.says(MAINTAINER, "/approve staging")
    assert len(back.releases("staging")) == 1
    assert back.run.expires_at(back.gate("staging"), timedelta(1)) is not None


def test_a_denial_before_it_deploys_is_judged_by_its_own_rule() -> None:
    world = released()
    world.says(AUTHOR, "/rollback staging please")
    back = going_back(world)
    back.says(REVIEWER, "/approve staging")
    back.says(MAINTAINER, "/deny staging wait")
    back.happens(DeploymentCreated(back.now, "staging", 900))
    assert back.state("staging") == "approved"  # the release failed before anything was deployed
    assert "deploy@staging" not in back.run.stages
    assert back.environments["staging"].running == HEAD


def test_a_newer_request_after_the_end_of_an_older_one_is_another_question() -> None:
    world = released()
    world.says(AUTHOR, "/rollback staging please")
    back = going_back(world)
    back.happens(ChangeClosed(back.now, merged=False))
    world.says(AUTHOR, "/rollback staging once more")
    first, second = proposals(world)
    assert first.holder != second.holder


# --- how it is written ---


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("/rollback", ReasonCode.ENVIRONMENT_UNKNOWN),
        ("/rollback nowhere because", ReasonCode.ENVIRONMENT_UNKNOWN),
        ("/rollback staging", ReasonCode.TEXT_MISSING),
        (f"/rollback staging {'a' * 12}", ReasonCode.TEXT_MISSING),
    ],
)
def test_what_is_written_wrongly_is_refused(line: str, code: ReasonCode) -> None:
    found = parse(line, ["staging"])
    assert isinstance(found, Malformed)
    assert found.code is code


def test_a_reason_is_any_text() -> None:
    found = parse("/rollback staging Größe stimmt nicht", ["staging"])
    assert found == Command("rollback", "staging", None, "Größe stimmt nicht")
