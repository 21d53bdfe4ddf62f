"""Overriding a gate: by few, for one commit, loudly, and not again before it was followed up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest
from support.runs import (
    AUTHOR,
    CHANGE,
    HEAD,
    MAINTAINER,
    READER,
    REVIEWER,
    ROBOT,
    START,
    World,
    asking,
    failed,
    policy,
    proposed,
)

from gate_app.domain.commands import Command, Malformed, parse
from gate_app.domain.conditions import Authorship, EnvironmentFacts, Head
from gate_app.domain.delegation import Delegation
from gate_app.domain.effects import Notify, OpenIssue, PublishCheckRun, PublishComment
from gate_app.domain.events import (
    ChangeClosed,
    ClockTicked,
    CommandGiven,
    DeploymentCreated,
    FollowUpOpened,
    ReleaseReturned,
)
from gate_app.domain.freezes import Freeze, FreezeWindow
from gate_app.domain.locks import Lock
from gate_app.domain.model import Content, Person, PersonKind, Unknown
from gate_app.domain.overrides import EVERYWHERE, LASTS, MOST, SPAN, Debt
from gate_app.domain.overriding import asked_after
from gate_app.domain.parameters import Parameter
from gate_app.domain.policy import (
    ApprovalMode,
    ApproverLine,
    GrantRoute,
    OverridePolicy,
    Permission,
    Policy,
    WorkflowRoute,
)
from gate_app.domain.shipping import Shipment
from gate_app.domain.verdict import ReasonCode

SHA = HEAD.sha[:12]
LISTED = OverridePolicy(ApproverLine(users=("maintainer",), permission=Permission.WRITE))
DAY = SPAN.total_seconds()


def rules(override: OverridePolicy | None = LISTED, **staging: object) -> Policy:
    """Two people with write permission approve; the maintainer may override."""
    found = policy(ApproverLine(permission=Permission.WRITE, count=2))
    first, second = found.environments
    changed = replace(first, override=override, **staging)  # type: ignore[arg-type]  # keyword pass-through
    return replace(found, environments=(changed, second))


def known(world: World) -> World:
    world.identities = {"maintainer": MAINTAINER.id, "author": AUTHOR.id}
    return world


def failing(found: Policy | None = None) -> World:
    """The tests failed, so nobody is asked."""
    world = known(proposed(found or rules()))
    world.passes(5).stage_ends(outcome=failed())
    return world


def said(world: World) -> str:
    return world.replies()[-1]


def debts(world: World) -> tuple[Debt, ...]:
    facts = world.environments.get(EVERYWHERE)
    return facts.debts if facts else ()


def check(world: World) -> PublishCheckRun:
    shown = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "gate:staging"]
    return shown[-1]


# --- what it does ---


def test_a_listed_person_releases_what_nobody_approved() -> None:
    world = known(asking(rules()))
    world.says(MAINTAINER, "/override staging nobody answers")
    (release,) = world.releases("staging")
    assert release.sha == HEAD.sha
    begun = world.gate("staging").release
    assert begun is not None
    assert begun.override is not None
    assert (begun.override.by, begun.override.reason, begun.unasked) == (
        MAINTAINER,
        "nobody answers",
        "overridden",
    )
    assert "`overridden`" in check(world).summary


def test_failed_stages_holds_freezes_locks_and_rules_do_not_stop_it() -> None:
    window = FreezeWindow("Europe/Berlin", cron="0 0 * * *", duration=timedelta(days=1))
    world = failing(rules(freeze=(window,)))
    world.freezes = {"staging": Freeze(START + timedelta(days=1), "tomorrow", "")}
    lock = Lock(2, REVIEWER, START, START + timedelta(hours=3), "mine")
    world.environments["staging"] = EnvironmentFacts("staging", lock=lock)
    world.says(REVIEWER, "/hold")
    world.says(MAINTAINER, f"/override staging {SHA} customers cannot log in")
    assert len(world.releases("staging")) == 1


def test_everybody_hears_of_it_and_an_issue_is_opened() -> None:
    world = known(asking(rules()))
    world.says(MAINTAINER, "/override staging nobody @answers")
    assert "🚨 `maintainer` overrides the gate of `staging` for `aaaaaaaaaaaa`: `nobody @answers`" in said(
        world
    )
    assert "Not asked: 2 people with write permission" in said(world)
    (issue,) = [e for e in world.effects if isinstance(e, OpenIssue)]
    assert (issue.key, issue.title) == (
        f"issue:{world.last_comment}",
        f"Follow up: staging was overridden for {SHA}",
    )
    assert "in #1: `nobody @answers`" in issue.body
    question = [e for e in world.effects if isinstance(e, PublishComment) and "question" in e.surface][-1]
    world.happens(DeploymentCreated(world.now, "staging", 900))
    question = [e for e in world.effects if isinstance(e, PublishComment) and "question" in e.surface][-1]
    assert "**overridden** by `maintainer`" in question.body


def test_channels_are_told_of_an_override_asked_or_not() -> None:
    for world, sha in ((failing(heard()), f" {SHA}"), (known(asking(heard())), "")):
        world.channels = ("ops",)
        world.says(MAINTAINER, f"/override staging{sha} nobody answers")
        told = [each.text for each in world.effects if isinstance(each, Notify) and each.topic == "decision"]
        assert [each.partition(":")[0] for each in told] == ["Overridden by maintainer"]


def heard() -> Policy:
    return replace(rules(), notify=("ops",))


def test_what_did_not_hold_is_said_where_it_is_overridden() -> None:
    world = failing()
    world.says(MAINTAINER, f"/override staging {SHA} customers cannot log in")
    assert "`stage_failed`" in said(world)
    assert "`approval`" in said(world)
    assert "Overridden by `maintainer`: `customers cannot log in`" in check(world).summary
    verdict = next(
        each.verdicts["staging"]
        for each in world.decisions
        if any(reason.code is ReasonCode.OVERRIDDEN for reason in each.verdicts["staging"].reasons)
    )
    assert "overridden" in verdict.codes
    assert "stage_failed" not in verdict.codes


def test_what_passed_by_an_override_alone_goes_no_further() -> None:
    first, second = rules().environments
    automatic = replace(second, approval=replace(second.approval, mode=ApprovalMode.NEVER), after="staging")
    world = failing(replace(rules(), environments=(first, automatic)))
    world.says(MAINTAINER, f"/override staging {SHA} customers cannot log in")
    world.deploys("staging")
    facts = world.environments["staging"]
    assert facts.verified == (HEAD,)
    assert facts.overridden == (HEAD.sha,)
    assert "after_unmet" in world.codes("production")
    world.says(REVIEWER, "/why production")
    assert "has not passed in `staging` without an override yet" in said(world)
    assert not world.releases("production")


def test_a_release_as_usual_makes_it_as_good_as_any_and_an_override_makes_it_no_worse() -> None:
    world = known(asking(rules()))
    world.says(MAINTAINER, "/override staging nobody answers")
    world.deploys("staging")
    assert world.environments["staging"].overridden == (HEAD.sha,)
    world.says(AUTHOR, "/deploy staging")
    world.says(REVIEWER, "/approve staging")
    world.says(MAINTAINER, "/approve staging")
    world.deploys("staging")
    assert world.environments["staging"].overridden == ()
    world.issues = {7: REVIEWER}
    (debt,) = debts(world)
    world.environments[EVERYWHERE] = replace(world.environments[EVERYWHERE], debts=(debt.opened_as(7),))
    world.says(AUTHOR, "/deploy staging")
    world.says(MAINTAINER, f"/override staging {SHA} nobody answers again")
    world.deploys("staging")
    assert len(world.releases("staging")) == 3
    assert world.environments["staging"].overridden == ()


# --- who ---


@pytest.mark.parametrize(
    ("person", "found", "code"),
    [
        (MAINTAINER, rules(None), "override_not_configured"),
        (REVIEWER, rules(), "override_not_permitted"),
        (READER, rules(), "not_permitted"),
        (AUTHOR, rules(OverridePolicy(ApproverLine(users=("author",)))), "self_approval"),
    ],
    ids=["nobody is listed", "somebody else", "who may not write", "the author"],
)
def test_it_is_refused_to(person: Person, found: Policy, code: str) -> None:
    world = known(asking(found))
    world.says(person, "/override staging nobody answers")
    assert code in said(world)
    assert not world.releases("staging")
    assert not debts(world)


def test_the_author_overrides_only_where_the_policy_says_so() -> None:
    own = OverridePolicy(ApproverLine(users=("author",)), self_approval=True)
    world = known(asking(rules(own)))
    world.says(AUTHOR, "/override staging nobody answers")
    assert len(world.releases("staging")) == 1


def test_whoever_asked_for_the_deployment_does_not_override_it() -> None:
    world = known(asking(rules()))
    world.says(REVIEWER, "/cancel")
    world.says(MAINTAINER, "/deploy staging")
    world.says(MAINTAINER, f"/override staging {SHA} nobody answers")
    assert "self_approval" in said(world)


@pytest.mark.parametrize(
    ("made_by", "code"),
    [(REVIEWER, ""), (MAINTAINER, "self_approval"), (None, "contributors_unknown")],
    ids=["somebody else", "whoever overrides", "not known"],
)
def test_where_everything_that_ships_counts_nobody_overrides_for_their_own(
    made_by: Person | None, code: str
) -> None:
    world = known(proposed(rules(approval=replace(rules().environments[0].approval, contributors="shipped"))))
    if made_by is not None:
        shipment = Shipment(CHANGE.base_sha, False, 2, 0, authorship=Authorship((made_by.id,)))
        world.run = replace(world.run, shipments={"staging": shipment})
        world.environments["staging"] = EnvironmentFacts(
            "staging", running=Content(CHANGE.base_sha, "c" * 40)
        )
    world.passes(5).stage_ends()
    world.says(MAINTAINER, f"/override staging {SHA} nobody answers")
    assert code in said(world)
    assert len(world.releases("staging")) == (0 if code else 1)


def test_what_is_not_known_of_a_person_is_no_permission() -> None:
    world = known(asking(rules()))
    world.identities["maintainer"] = Unknown("hub_unavailable")
    world.says(MAINTAINER, "/override staging nobody answers")
    assert "standing_unknown" in said(world)
    world = known(asking(rules()))
    world.run = replace(world.run, authorship=None)
    world.authorship = Unknown("hub_unavailable")
    world.says(MAINTAINER, "/override staging nobody answers")
    assert "contributors_unknown" in said(world)
    assert not world.releases("staging")


# --- for which commit ---


def test_before_any_question_the_commit_has_to_be_named() -> None:
    world = failing()
    world.says(MAINTAINER, "/override staging nobody answers")
    assert "override_sha_missing" in said(world)
    assert f"`/override staging {SHA} reason`" in said(world)
    world.says(MAINTAINER, f"/override staging {'9' * 12} nobody answers")
    assert "sha_mismatch" in said(world)
    world.says(MAINTAINER, f"/override staging {SHA} nobody answers")
    assert len(world.releases("staging")) == 1


def test_a_question_that_is_not_on_the_page_yet_names_no_commit() -> None:
    world = known(proposed(rules()))
    world.hidden = True
    world.passes(5).stage_ends()
    world.says(MAINTAINER, "/override staging nobody answers")
    assert "override_sha_missing" in said(world)


# --- what it never takes the place of ---


def test_a_head_that_is_not_known_or_has_moved_is_not_released() -> None:
    world = known(asking(rules()))
    world.head = Unknown("hub_unavailable")
    world.says(MAINTAINER, "/override staging nobody answers")
    assert not world.releases("staging")
    world.head = Head("9" * 40, "main", True)
    world.tick()
    assert not world.releases("staging")
    world.head = Head(HEAD.sha, "main", False)
    world.tick()
    assert not world.releases("staging")
    world.head = Head(HEAD.sha, "main", True)
    world.tick()
    assert len(world.releases("staging")) == 1


def test_while_it_waits_the_headline_names_what_it_waits_for() -> None:
    world = failing()
    world.environments["staging"] = EnvironmentFacts("staging", busy_with="71#9:1:staging")
    world.says(MAINTAINER, f"/override staging {SHA} nobody answers")
    assert "environment_busy" in world.codes("staging")
    assert "stage_failed" not in world.codes("staging")
    assert "another release" in check(world).title.lower()


@pytest.mark.parametrize(
    "facts",
    [
        EnvironmentFacts("staging", busy_with="71#9:1:staging"),
        EnvironmentFacts("staging", lock=Unknown("lock_unreadable")),
    ],
    ids=["a release under way", "a lock that cannot be read"],
)
def test_it_waits_for(facts: EnvironmentFacts) -> None:
    world = known(asking(rules()))
    world.environments["staging"] = facts
    world.says(MAINTAINER, "/override staging nobody answers")
    assert not world.releases("staging")
    world.environments["staging"] = replace(facts, busy_with=None, lock=None)
    world.tick()
    assert len(world.releases("staging")) == 1


def test_a_denial_stays_a_denial() -> None:
    world = known(asking(rules()))
    world.says(REVIEWER, "/deny staging it deletes data")
    world.says(MAINTAINER, "/override staging nobody answers")
    assert "too_late" in said(world)
    world = known(asking(rules()))
    world.standings[REVIEWER.id] = Unknown("hub_unavailable")
    world.says(REVIEWER, "/deny staging it deletes data")
    world.says(MAINTAINER, "/override staging nobody answers")
    assert "denial_pending" in world.codes("staging")
    assert not world.releases("staging")


def test_a_gate_that_is_not_here_is_not_overridden() -> None:
    first, second = rules().environments
    elsewhere = replace(rules(), environments=(first, replace(second, origin=CHANGE.origin.DEFAULT_BRANCH)))
    world = known(asking(elsewhere))
    world.says(MAINTAINER, "/override production nobody answers")
    assert "deploys_from_elsewhere" in said(world)


def test_a_workflow_is_looked_at_before_it_is_started_by_an_override() -> None:
    world = failing(rules(deploy=WorkflowRoute("deploy.yml")))
    world.says(MAINTAINER, f"/override staging {SHA} nobody answers")
    assert len(world.releases("staging")) == 1


def listing(*logins: str) -> Policy:
    return rules(OverridePolicy(ApproverLine(users=logins, permission=Permission.WRITE)))


def overriding_robot() -> World:
    world = known(asking(listing("robot")))
    world.identities["robot"] = ROBOT.id
    world.says(ROBOT, "/override staging nobody answers")
    return world


def overriding_app() -> World:
    world = known(asking(rules()))
    world.says(MAINTAINER, "/override staging nobody answers", via_app=True)
    return world


def overriding_delegate() -> World:
    """The maintainer, who is listed, delegated to the reviewer, who is not."""
    delegating = replace(
        rules().environments[0].approval, delegates=(ApproverLine(permission=Permission.WRITE),)
    )
    world = known(asking(rules(approval=delegating)))
    delegation = Delegation(MAINTAINER, REVIEWER, START, START + timedelta(days=3))
    world.environments["staging"] = EnvironmentFacts("staging", delegations=(delegation,))
    world.says(REVIEWER, "/override staging nobody answers")
    return world


def overriding_elsewhere() -> World:
    both = tuple(replace(each, override=LISTED) for each in rules().environments)
    world = known(asking(replace(rules(), environments=both)))
    world.says(MAINTAINER, f"/override production {SHA} nobody answers")
    assert world.releases("production")
    return world


def overriding_in_shadow() -> World:
    world = known(proposed(rules(shadow=True)))
    world.passes(5).stage_ends()
    world.says(MAINTAINER, f"/override staging {SHA} nobody answers")
    return world


def overriding_what_is_closed() -> World:
    world = known(asking(rules()))
    world.happens(ChangeClosed(world.now, merged=False))
    world.says(MAINTAINER, "/override staging nobody answers")
    return world


def overriding_an_edited_comment() -> World:
    world = known(asking(rules()))
    world.comments[world.last_comment + 1] = "edited"
    world.says(MAINTAINER, "/override staging nobody answers")
    return world


@pytest.mark.parametrize(
    "told",
    [
        overriding_robot,
        overriding_app,
        overriding_delegate,
        overriding_elsewhere,
        overriding_in_shadow,
        overriding_what_is_closed,
        overriding_an_edited_comment,
    ],
)
def test_case_71_nothing_is_opened_by(told: Callable[[], World]) -> None:
    world = told()
    assert not world.releases("staging")
    world.passes(60).tick()
    assert not world.releases("staging")


# --- how long ---


def waiting() -> World:
    """Overridden, while another release is under way there."""
    world = known(asking(rules()))
    world.environments["staging"] = EnvironmentFacts("staging", busy_with="71#9:1:staging")
    world.says(MAINTAINER, "/override staging nobody answers")
    return world


def with_percent() -> Policy:
    approval = replace(rules().environments[0].approval, parameters=(Parameter("percent", "integer", "100"),))
    return rules(approval=approval)


def freed(world: World) -> int:
    """How many releases there are once the other one has ended."""
    world.environments["staging"] = EnvironmentFacts("staging")
    world.tick()
    return len(world.releases("staging"))


def test_an_override_lasts_an_hour() -> None:
    world = waiting()
    given = world.gate("staging").override
    assert given is not None
    world.now = given.at + LASTS
    assert freed(world) == 1
    world = waiting()
    world.now = given.at + LASTS + timedelta(seconds=1)
    assert freed(world) == 0


def test_a_comment_that_is_heard_of_too_late_overrides_nothing() -> None:
    world = known(asking(rules()))
    line, digest = "/override staging nobody answers", sha256(b"/override staging nobody answers").hexdigest()
    written = world.now + timedelta(seconds=1)
    world.passes(LASTS.total_seconds() + 2)
    world.comments[41] = digest
    world.happens(CommandGiven(written, 41, 1, MAINTAINER, line, digest))
    assert "override_late" in said(world)
    assert not debts(world)


def test_an_override_whose_comment_changed_or_whose_author_may_not_any_more_is_void() -> None:
    world = waiting()
    world.comments[world.last_comment] = "edited"
    assert freed(world) == 0
    world = waiting()
    world.identities["maintainer"] = 4711
    assert freed(world) == 0
    world = waiting()
    world.authorship = Authorship((AUTHOR.id, MAINTAINER.id))
    world.run = replace(world.run, authorship=world.authorship)
    assert freed(world) == 0


def test_an_override_that_cannot_be_told_waits_visibly() -> None:
    world = waiting()
    world.comments[world.last_comment] = Unknown("hub_unavailable")
    assert freed(world) == 0
    assert "override_unknown" in world.codes("staging")
    world.comments[world.last_comment] = Unknown("hub_unavailable")
    world = waiting()
    world.standings[MAINTAINER.id] = Unknown("hub_unavailable")
    assert freed(world) == 0
    assert "override_unknown" in world.codes("staging")


def test_another_plan_voids_it() -> None:
    world = known(asking(with_percent()))
    world.environments["staging"] = EnvironmentFacts("staging", busy_with="71#9:1:staging")
    world.says(MAINTAINER, "/override staging nobody answers")
    world.says(REVIEWER, "/modify staging percent=10")
    assert freed(world) == 0


def test_the_plan_as_it_was_changed_before_is_released() -> None:
    world = known(asking(with_percent()))
    world.says(REVIEWER, "/modify staging percent=10")
    world.says(MAINTAINER, f"/override staging {SHA} nobody answers")
    begun = world.gate("staging").release
    assert begun is not None
    assert begun.parameters == {"percent": "10"}


def test_another_gate_file_voids_it() -> None:
    world = waiting()
    world.current_policy = replace(rules(), blob_sha="q" * 40)
    assert freed(world) == 0


def test_approvals_that_arrive_in_time_need_no_override() -> None:
    world = waiting()
    world.says(REVIEWER, "/approve staging")
    world.says(MAINTAINER, "/approve staging")
    assert freed(world) == 1
    release = world.gate("staging").release
    assert release is not None
    assert (release.override, len(release.approved_by)) == (None, 2)


# --- the debt ---


def again(world: World, found: Policy | None = None) -> World:
    """The next change wants to be overridden in the same repository."""
    later = known(asking(found or rules()))
    later.environments = {EVERYWHERE: world.environments[EVERYWHERE]}
    later.now, later.last_comment = world.now, world.last_comment + 10
    later.issues = world.issues
    return later


def owing(issue: int = 7) -> World:
    """Overridden a minute ago; the follow-up is open."""
    world = known(asking(rules()))
    world.says(MAINTAINER, "/override staging nobody answers")
    if issue:
        (wanted,) = [e for e in world.effects if isinstance(e, OpenIssue)]
        world.happens(FollowUpOpened(world.now, wanted.comment_id, issue))
        world.issues = {issue: None}
    return world.passes(60)


def test_the_follow_up_is_remembered_with_its_issue() -> None:
    world = owing()
    (debt,) = debts(world)
    assert (debt.environment, debt.by, debt.issue) == ("staging", MAINTAINER, 7)


STALE_BOT = Person(900, "stale[bot]", PersonKind.BOT)
GONE = Person(0, "ghost", PersonKind.OTHER)


@pytest.mark.parametrize(
    "closer",
    [None, Unknown("hub_refused"), MAINTAINER, replace(MAINTAINER, login="renamed"), STALE_BOT, GONE],
    ids=["nobody", "who knows", "whoever overrode", "the same renamed", "a bot", "an account that is gone"],
)
def test_nobody_overrides_again_before_somebody_else_closes_it(closer: Person | Unknown | None) -> None:
    world = owing()
    world.issues = {7: closer}
    later = again(world)
    later.says(MAINTAINER, f"/override staging {SHA} once more")
    assert "override_debt" in said(later)
    assert "To be closed: `#7`." in said(later)
    assert not later.releases("staging")
    world.issues = {7: REVIEWER}
    later = again(world)
    later.says(MAINTAINER, f"/override staging {SHA} once more")
    assert len(later.releases("staging")) == 1


def test_whoever_may_override_for_their_own_may_follow_it_up_too() -> None:
    world = owing()
    world.issues = {7: MAINTAINER}
    later = again(world, rules(replace(LISTED, self_approval=True)))
    later.says(MAINTAINER, f"/override staging {SHA} once more")
    assert len(later.releases("staging")) == 1


@pytest.mark.parametrize("issue", [0, 7], ids=["never opened", "deleted"])
def test_a_follow_up_that_is_not_there_is_opened_when_it_is_asked_for(issue: int) -> None:
    world = owing(issue)
    first = next(e for e in world.effects if isinstance(e, OpenIssue))
    world.issues = {issue: Unknown("hub_refused")} if issue else {}
    later = again(world)
    later.says(MAINTAINER, f"/override staging {SHA} once more")
    (wanted,) = [e for e in later.effects if isinstance(e, OpenIssue)]
    assert wanted == replace(first, wanted_by=later.last_comment)
    assert wanted.key != first.key
    later.says(REVIEWER, f"/override staging {SHA} once more")
    assert len([e for e in later.effects if isinstance(e, OpenIssue)]) == 1
    later.happens(FollowUpOpened(later.now, first.comment_id, 9))
    later.issues = {9: REVIEWER}
    later.says(MAINTAINER, f"/override staging {SHA} at last")
    assert len(later.releases("staging")) == 1


def test_a_follow_up_that_was_not_opened_yet_counts_as_open() -> None:
    later = again(owing(issue=0))
    later.says(MAINTAINER, f"/override staging {SHA} once more")
    assert "override_debt" in said(later)
    assert "Its issue is opened now." in said(later)


def test_too_many_within_a_day_are_refused_followed_up_or_not() -> None:
    world = owing()
    debt = debts(world)[0]
    many = tuple(replace(debt, comment_id=index) for index in range(MOST))
    world.environments[EVERYWHERE] = replace(world.environments[EVERYWHERE], debts=many)
    world.issues = {7: REVIEWER}
    later = again(world)
    later.says(MAINTAINER, f"/override staging {SHA} once more")
    assert "override_spent" in said(later)
    later.passes(DAY)
    later.says(MAINTAINER, f"/override staging {SHA} once more")
    assert "override_spent" not in "".join(later.replies()[1:])


def test_a_follow_up_of_another_override_changes_nothing_of_this_one() -> None:
    world = owing(issue=0)
    world.happens(FollowUpOpened(world.now, 4711, 9))
    assert [each.issue for each in debts(world)] == [0]


# --- how it is written ---


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("/override", ReasonCode.ENVIRONMENT_UNKNOWN),
        ("/override staging", ReasonCode.TEXT_MISSING),
        (f"/override staging {SHA}", ReasonCode.TEXT_MISSING),
    ],
)
def test_what_is_written_wrongly_is_refused(line: str, code: ReasonCode) -> None:
    found = parse(line, ["staging"])
    assert isinstance(found, Malformed)
    assert found.code is code


def test_an_override_may_name_its_commit() -> None:
    assert parse(f"/override staging {SHA} es brennt", ["staging"]) == Command(
        "override", "staging", SHA, "es brennt"
    )


def test_follow_ups_are_looked_at_for_an_override_alone() -> None:
    debt = Debt("staging", 41, MAINTAINER, START, HEAD.sha, "it burns", 1)
    facts = EnvironmentFacts(EVERYWHERE, debts=(debt.opened_as(7), debt))
    asked = CommandGiven(START, 42, 1, MAINTAINER, "/gate override staging again", "d" * 64)
    assert asked_after(asked, facts) == (7,)
    assert asked_after(asked, None) == ()
    assert asked_after(replace(asked, line="/approve staging"), facts) == ()
    assert asked_after(ClockTicked(START), facts) == ()


# --- where a job redeems it ---


def test_a_job_redeems_what_was_overridden_only_while_the_override_holds() -> None:
    world = known(asking(rules(deploy=GrantRoute())))
    world.says(MAINTAINER, "/override staging nobody answers")
    assert not world.releases("staging")
    assert world.decisions[-1].verdicts["staging"].awaits_job
    assert world.run.wake_at is not None
    given = world.gate("staging").override
    assert given is not None
    world.now = given.at + LASTS + timedelta(seconds=1)
    assert world.run.wake_at <= world.now
    late = world.tick().verdicts["staging"]
    assert not late.awaits_job
    assert "approval_missing" in late.codes


# --- what voids one that waits ---


def waiting_override(found: Policy | None = None, *, asked: bool = True) -> World:
    """It was given while another release is under way there."""
    world = known(asking(found or rules())) if asked else failing(found)
    world.environments["staging"] = EnvironmentFacts("staging", busy_with="71#9:1:staging")
    world.last_comment = 10
    world.says(MAINTAINER, f"/override staging {SHA} nobody answers")
    return world


def once_it_is_free(world: World) -> World:
    world.environments["staging"] = replace(world.environments["staging"], busy_with=None)
    world.passes(5).tick()
    return world


@pytest.mark.parametrize("line", ["/deny staging it deletes data", "/deny it deletes data"])
def test_an_override_before_any_question_can_be_denied_before_any_question(line: str) -> None:
    world = waiting_override(asked=False)
    assert world.gate("staging").question is None
    world.says(REVIEWER, line)
    assert world.state("staging") == "denied"
    assert not once_it_is_free(world).releases("staging")


def test_a_denial_that_comes_before_any_work_stops_what_was_overridden_unasked() -> None:
    world = failing()
    world.says(MAINTAINER, f"/override staging {SHA} nobody answers")
    world.says(REVIEWER, "/deny staging it deletes data")
    world.happens(DeploymentCreated(world.now, "staging", 900))
    assert "deploy@staging" not in world.started()


@pytest.mark.parametrize("later", [0, 1], ids=["in the same second", "after it"])
def test_case_023_an_override_from_before_the_head_was_away_does_not_count(later: int) -> None:
    world = waiting_override()
    world.passes(later)
    world.head = Head(HEAD.sha, "main", True, interrupted_at=world.now)
    assert not once_it_is_free(world).releases("staging")
    world.head = Head(HEAD.sha, "main", True)  # nobody asks for it any more
    world.passes(5).tick()
    assert not world.releases("staging")


def test_case_034_one_that_is_heard_of_after_the_pull_request_was_reopened_is_refused() -> None:
    world = known(asking(rules()))
    world.head = Head(HEAD.sha, "main", True, interrupted_at=world.now + timedelta(seconds=1))
    world.says(MAINTAINER, f"/override staging {SHA} nobody answers")
    assert "override_late" in said(world)
    assert not debts(world)
    world.says(MAINTAINER, f"/override staging {SHA} nobody answers")
    assert len(world.releases("staging")) == 1


def test_a_plan_that_was_changed_before_it_and_is_heard_of_later_is_another_plan() -> None:
    declared = (Parameter("percent", "integer", "10"),)
    world = waiting_override(rules(approval=replace(rules().environments[0].approval, parameters=declared)))
    line = "/modify staging percent=90"
    digest = sha256(line.encode()).hexdigest()
    world.comments[5] = digest
    world.happens(CommandGiven(world.now, 5, 1, REVIEWER, line, digest))
    assert world.gate("staging").modifications
    assert not once_it_is_free(world).releases("staging")


def test_a_laxer_environment_takes_no_debt_of_a_stricter_one_as_paid_by_who_owes_it() -> None:
    lax, strict = rules().environments
    lax = replace(lax, override=replace(LISTED, self_approval=True))
    world = known(asking(replace(rules(), environments=(lax, replace(strict, override=LISTED)))))
    world.says(MAINTAINER, f"/override production {SHA} nobody answers")
    (debt,) = debts(world)
    world.environments[EVERYWHERE] = replace(world.environments[EVERYWHERE], debts=(debt.opened_as(7),))
    world.issues = {7: MAINTAINER}
    world.says(MAINTAINER, f"/override staging {SHA} nobody answers")
    assert "override_debt" in said(world)
    world.issues = {7: REVIEWER}
    world.says(MAINTAINER, f"/override staging {SHA} nobody answers")
    assert world.releases("staging")


@pytest.mark.parametrize("asked", [True, False], ids=["asked", "before any question"])
def test_who_overrode_takes_it_back_until_a_release_has_begun(asked: bool) -> None:
    world = waiting_override(asked=asked)
    world.says(AUTHOR, "/withdraw staging")
    assert "nothing_to_withdraw" in said(world)
    world.says(MAINTAINER, "/withdraw staging")
    assert not once_it_is_free(world).releases("staging")
    assert debts(world)


def test_one_that_is_taken_back_too_late_is_not_there_if_its_release_comes_back() -> None:
    world = failing()
    world.says(MAINTAINER, f"/override staging {SHA} nobody answers")
    world.says(MAINTAINER, "/withdraw staging")
    assert "withdrawal_kept" in said(world)
    world.happens(ReleaseReturned(world.now, "staging", world.now, "GitHub refused it"))
    world.passes(60).tick()
    assert len(world.releases("staging")) == 1
