"""A looser gate file passes when the owners of the policy say so: who they are, what counts, and what voids it."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest
from support.runs import (
    AUTHOR,
    CHANGE,
    MAINTAINER,
    READER,
    REVIEWER,
    ROBOT,
    STANDINGS,
    World,
    asking,
    policy,
    proposed,
)

from gate_app.domain.conditions import Head, Standing
from gate_app.domain.decide import decide
from gate_app.domain.effects import PublishCheckRun, PublishComment, React
from gate_app.domain.events import ChangeClosed, ClockTicked, CommentChanged
from gate_app.domain.model import Person, Unknown
from gate_app.domain.ownership import Owners
from gate_app.domain.policy import ApprovalMode, ApproverLine, Permission, Policy, PolicyProblem
from gate_app.domain.proposals import Proposal, proposal
from gate_app.domain.review import review_binding
from gate_app.domain.run import RunState

BOSS = Person(110, "boss")
MAINTAINERS = ApproverLine(permission=Permission.MAINTAIN)
NOW = replace(policy(), owners=(MAINTAINERS,))
LOOSE = replace(policy(mode=ApprovalMode.NEVER, blob="r" * 40), owners=(MAINTAINERS,))
STRICT = replace(policy(ApproverLine(permission=Permission.ADMIN), blob="s" * 40), owners=(MAINTAINERS,))


def looser(rules: Policy = NOW, to: Policy = LOOSE, world: World | None = None, **owners: object) -> World:
    """The pull request is known to make the gate file looser."""
    world = world or proposed(rules)
    world.standings[BOSS.id] = Standing(BOSS, Permission.ADMIN)
    world.owners |= owners  # type: ignore[arg-type]  # keyword pass-through
    world.proposal = proposal(rules, replace(to, owners=rules.owners))
    world.passes(5).tick()
    world.proposal = None
    return world


def check(world: World) -> PublishCheckRun:
    return [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "policy"][-1]


def question(world: World, number: int = 1) -> str:
    surface = f"question:policy:{number}"
    return [e.body for e in world.effects if isinstance(e, PublishComment) and e.surface == surface][-1]


def conclusion(world: World) -> str | None:
    return check(world).conclusion


def test_an_owner_lets_a_looser_gate_file_pass_and_the_check_says_who() -> None:
    world = looser()
    assert conclusion(world) == "failure"
    assert "### Let this pull request make the gate file looser?" in question(world)
    assert "one person with maintain permission who did not contribute" in question(world)
    world.says(MAINTAINER, "/approve policy -- agreed in the review")
    assert any(isinstance(effect, React) for effect in world.effects)
    assert (check(world).conclusion, check(world).title) == (
        "success",
        "Looser than now: staging, production; allowed by maintainer",
    )
    assert "✅ **Looser than now: staging, production; allowed by maintainer**" in question(world)
    assert "Allowed by `maintainer`, for this commit and the gate file in force." in check(world).summary
    assert world.state("staging") == "waiting"
    assert not world.releases("staging")


@pytest.mark.parametrize(
    ("person", "code", "instead"),
    [
        pytest.param(REVIEWER, "not_an_approver", "one person with maintain permission", id="somebody else"),
        pytest.param(AUTHOR, "self_approval", "who did not contribute", id="case 54: the author"),
        pytest.param(READER, "not_an_approver", "one person with maintain permission", id="a reader"),
    ],
)
def test_who_does_not_own_it_or_made_it_is_refused_with_what_would_count(
    person: Person, code: str, instead: str
) -> None:
    world = looser()
    world.says(person, "/approve policy")
    assert conclusion(world) == "failure"
    assert f"`/approve policy` by `{person.login}` does not count (`{code}`)" in world.replies()[-1]
    assert instead in world.replies()[-1]


def test_a_bot_lets_nothing_pass() -> None:
    world = looser()
    world.says(ROBOT, "/approve policy")
    world.says(MAINTAINER, "/approve policy", via_app=True)
    assert conclusion(world) == "failure"
    assert not world.replies()


def test_without_its_name_an_approval_is_not_about_the_gate_file() -> None:
    world = looser(world=asking(NOW))
    world.says(MAINTAINER, "/approve")
    assert conclusion(world) == "failure"
    assert world.releases("staging")


def test_a_denial_closes_it_for_this_commit() -> None:
    world = looser()
    world.says(REVIEWER, "/deny policy not without the security team")
    assert check(world).title.endswith("; denied by reviewer")
    world.says(MAINTAINER, "/approve policy")
    assert conclusion(world) == "failure"
    assert "too_late" in world.replies()[-1]
    assert "not without the security team" in check(world).summary


def test_a_denial_counts_from_those_who_may_write() -> None:
    world = looser()
    world.says(READER, "/deny policy no")
    assert "`/deny policy` by `reader` does not count (`not_an_approver`)" in world.replies()[-1]
    assert "Everybody with write permission may deny" in world.replies()[-1]
    world.says(MAINTAINER, "/approve policy")
    assert conclusion(world) == "success"


def test_a_denial_whose_author_is_not_known_holds_it() -> None:
    world = looser()
    world.standings[REVIEWER.id] = Unknown("hub_unavailable")
    world.says(REVIEWER, "/deny policy no")
    world.says(MAINTAINER, "/approve policy")
    assert conclusion(world) == "failure"
    assert world.run.wake_at is not None


@pytest.mark.parametrize("change", ["edited", "deleted"])
def test_case_035_a_changed_comment_takes_its_approval_with_it(change: str) -> None:
    world = looser()
    world.says(MAINTAINER, "/approve policy")
    world.happens(CommentChanged(world.now, world.last_comment, change, MAINTAINER))  # type: ignore[arg-type]  # parametrized
    assert conclusion(world) == "failure"


def test_an_approval_is_taken_back() -> None:
    world = looser()
    world.says(MAINTAINER, "/approve policy")
    world.says(MAINTAINER, "/withdraw policy")
    assert conclusion(world) == "failure"


def test_it_is_verified_again_while_it_passes() -> None:
    world = looser()
    world.says(MAINTAINER, "/approve policy")
    assert world.run.wake_at is not None
    world.standings[MAINTAINER.id] = STANDINGS[REVIEWER.id]
    world.passes(600).tick()
    assert conclusion(world) == "failure"


def test_another_gate_file_in_force_voids_it_and_asks_again() -> None:
    world = looser()
    world.says(MAINTAINER, "/approve policy")
    other = replace(NOW, blob_sha="z" * 40)
    world.current_policy = other
    world.proposal = proposal(other, LOOSE)
    world.passes(5).tick()
    assert conclusion(world) == "failure"
    assert "Question 1 for `policy` was replaced by a newer one." in question(world, 1)
    assert "### Let this pull request" in question(world, 2)


def test_a_policy_that_is_known_before_its_comparison_lets_nothing_pass() -> None:
    world = looser()
    world.says(MAINTAINER, "/approve policy")
    world.current_policy = replace(NOW, blob_sha="z" * 40)
    world.proposal = Unknown("hub_unavailable", "502")
    world.passes(5).tick()
    assert check(world).status == "in_progress"
    assert "policy" not in world.decisions[-1].verdicts


@pytest.mark.parametrize(
    "head",
    [Head("d" * 40, "main", True), Head(CHANGE.head.sha, "other", True), Unknown("hub_unavailable")],
    ids=["another commit", "another base", "not known"],
)
def test_what_github_says_of_the_head_has_to_agree(head: Head | Unknown) -> None:
    world = looser()
    world.head = head
    world.says(MAINTAINER, "/approve policy")
    assert conclusion(world) == "failure"


def test_a_version_is_part_of_what_is_approved() -> None:
    run = looser().run
    assert run.proposal is not None
    other = replace(run.proposal, blob="9" * 40)
    assert review_binding(run, run.proposal).changed(review_binding(run, other)) == ("plan",)


def test_once_it_is_looser_no_more_nobody_is_asked() -> None:
    world = looser()
    other = replace(NOW, blob_sha="z" * 40)
    world.current_policy, world.proposal = other, proposal(other, STRICT)
    world.passes(5).tick()
    world.proposal = None
    assert conclusion(world) == "success"
    assert "not asked about any more" in question(world)
    world.says(MAINTAINER, "/approve policy")
    assert "policy_not_asked" in world.replies()[-1]


@pytest.mark.parametrize(
    "found",
    [proposal(NOW, "line 3: unknown key"), proposal(NOW, STRICT), Proposal(NOW.blob_sha)],
    ids=["broken", "stricter", "left alone"],
)
def test_where_nothing_is_looser_there_is_nothing_to_approve(found: Proposal) -> None:
    world = proposed(NOW)
    world.proposal = found
    world.passes(5).tick()
    world.says(MAINTAINER, "/approve policy")
    assert (
        "Owners of the policy are asked where a pull request makes the gate file looser."
        in world.replies()[-1]
    )
    world.says(MAINTAINER, "/why policy")
    assert not any(isinstance(e, PublishComment) and "policy:1" in e.surface for e in world.effects)


def test_a_reason_that_begins_with_the_word_policy_is_a_reason() -> None:
    world = asking()
    world.says(REVIEWER, "/deny policy violations in the report")
    assert world.state("staging") == "denied"
    assert world.gate("staging").answers[0].reason == "policy violations in the report"


def test_the_tree_of_reasons_is_shown_on_demand() -> None:
    world = looser()
    world.says(REVIEWER, "/why policy")
    assert "**`policy`: waiting**" in world.replies()[-1]
    assert "approval_missing" in world.replies()[-1]


def test_the_tree_of_a_review_that_is_over_is_what_the_gate_file_would_change() -> None:
    world = looser()
    other = replace(NOW, blob_sha="z" * 40)
    world.current_policy, world.proposal = other, proposal(other, STRICT)
    world.passes(5).tick()
    world.says(REVIEWER, "/why policy")
    assert "| `staging` | stricter | `approval.approvers` (stricter) |" in world.replies()[-1]


@pytest.mark.parametrize("order", [*permutations(("maintainer", "boss", "author", "reader", "no"))])
def test_in_whatever_order_a_denial_that_counts_dominates(order: tuple[str, ...]) -> None:
    world = looser()
    people = {person.login: person for person in (MAINTAINER, BOSS, AUTHOR, READER)}
    for word in order:
        said = "/deny policy no" if word == "no" else "/approve policy"
        world.says(people.get(word, REVIEWER), said)
    assert conclusion(world) == "failure"
    world.says(MAINTAINER, "/withdraw policy")
    world.says(MAINTAINER, "/approve policy")
    assert conclusion(world) == "failure"


# --- whom it asks -------------------------------------------------------------------------------------------


def test_without_owners_in_the_file_its_code_owners_are_asked() -> None:
    owned = (Owners(users=("maintainer",), file=".github/gate.yml"),)
    world = proposed()
    world.identities["maintainer"] = MAINTAINER.id
    looser(policy(), world=world, policy=owned)
    assert "the code owners of what changes (`maintainer` for `.github/gate.yml`)" in question(world)
    world.says(BOSS, "/approve policy")
    assert conclusion(world) == "failure"
    world.says(MAINTAINER, "/approve policy")
    assert conclusion(world) == "success"


def test_other_code_owners_void_it() -> None:
    world = proposed()
    world.identities["maintainer"] = MAINTAINER.id
    looser(policy(), world=world, policy=(Owners(users=("maintainer",)),))
    world.says(MAINTAINER, "/approve policy")
    world.owners["policy"] = (Owners(users=("maintainer", "boss")),)
    world.passes(5).tick()
    assert conclusion(world) == "failure"
    assert "### Let this pull request" in question(world, 2)


@pytest.mark.parametrize(
    "owners",
    [Unknown("owners_absent"), (Owners(anybody=True),)],
    ids=["no CODEOWNERS", "none for the gate file"],
)
def test_where_nobody_is_named_administrators_are_asked(owners: object) -> None:
    world = looser(policy(), policy=owners)
    world.says(MAINTAINER, "/approve policy")
    assert conclusion(world) == "failure"
    world.says(BOSS, "/approve policy")
    assert conclusion(world) == "success"


def test_code_owners_that_cannot_be_read_let_nothing_pass() -> None:
    world = looser(policy(), policy=Unknown("owners_unreadable", "line 3"))
    world.says(BOSS, "/approve policy")
    assert conclusion(world) == "failure"
    assert "owners_unknown" in check(world).summary
    assert "Who owns the gate file is not known yet" in check(world).summary
    assert "not_asked_yet" in world.replies()[-1]
    assert world.run.wake_at is not None


def test_a_line_over_code_owners_is_met_by_nobody_where_there_are_none() -> None:
    rules = replace(policy(), owners=(ApproverLine(codeowners=True),))
    assert conclusion(looser(rules, policy=(Owners(anybody=True),))) == "failure"
    world = looser(rules, policy=Unknown("owners_unreadable"))
    assert world.run.review is not None
    assert world.run.review.question is None
    asked = looser(rules, policy=(Owners(users=("boss",)),))
    asked.identities["boss"] = BOSS.id
    asked.says(BOSS, "/approve policy")
    assert conclusion(asked) == "success"


def test_code_owners_that_were_not_read_are_read_at_once() -> None:
    world = proposed()
    world.proposal = proposal(policy(), LOOSE)
    world.owners = {}
    first = decide(world.run, ClockTicked(world.now), world.conditions())
    assert first.again
    world.proposal = None
    assert not decide(first.run, ClockTicked(world.now), world.conditions()).again


# --- where it shows -----------------------------------------------------------------------------------------


def test_with_owners_every_pull_request_has_the_check_so_that_it_can_be_required() -> None:
    world = proposed(NOW)
    world.proposal = Proposal(NOW.blob_sha)
    world.passes(5).tick()
    assert (check(world).conclusion, check(world).title) == (
        "success",
        "This pull request leaves the gate file alone",
    )


def test_the_end_of_the_pull_request_leaves_the_check_as_it_was() -> None:
    world = looser()
    world.says(MAINTAINER, "/approve policy")
    before = len([e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "policy"])
    world.happens(ChangeClosed(world.now, merged=True))
    after = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "policy"]
    assert len(after) == before
    assert world.run.state is RunState.MERGED
    assert "the pull request, or this commit, is over" in question(world)


def test_a_run_whose_gates_are_over_still_learns_of_the_gate_file_and_asks_its_owners() -> None:
    world = proposed(NOW)
    world.proposal = Unknown("hub_unavailable")
    world.passes(5).tick()
    world.says(REVIEWER, "/cancel")
    assert all(gate.ended for gate in world.run.gates.values())
    assert not world.run.final
    looser(world=world)
    world.says(MAINTAINER, "/approve policy")
    assert conclusion(world) == "success"
    world.happens(ChangeClosed(world.now, merged=False))
    assert world.run.final


def test_who_owns_the_policy_is_part_of_how_strict_it_is() -> None:
    unnamed = replace(NOW, owners=())
    assert proposal(NOW, unnamed).looser == ("policy",)
    assert proposal(unnamed, NOW).looser == ("policy",)
    two = replace(NOW, owners=(replace(MAINTAINERS, count=2),))
    assert proposal(NOW, two).looser == ()
    assert proposal(two, NOW).looser == ("policy",)


def test_a_broken_gate_file_in_force_is_mended_first() -> None:
    world = proposed(PolicyProblem("policy_invalid", "line 1"))
    world.says(MAINTAINER, "/approve policy")
    assert conclusion(world) == "failure"
    assert len(world.replies()) == 1


@pytest.mark.parametrize(
    "line",
    [
        "/lock policy mine",
        "/unlock policy mine",
        "/modify policy percent=1",
        "/deploy policy",
        "/rollback policy back",
        "/override policy now",
        "/delegate policy @author until 2026-03-05",
    ],
)
def test_a_command_about_environments_is_refused_where_it_names_the_gate_file(line: str) -> None:
    world = looser()
    world.says(MAINTAINER, line)
    assert "was not obeyed" in world.replies()[-1]
    assert set(world.environments) == set()


def test_a_denial_is_heard_while_the_gate_file_is_compared_anew() -> None:
    world = looser()
    world.current_policy = replace(NOW, blob_sha="n" * 40)
    world.proposal = Unknown("hub_unavailable")
    world.passes(5).tick()
    world.says(MAINTAINER, "/approve policy")
    assert "policy_not_asked" in world.replies()[-1]
    world.says(REVIEWER, "/deny policy not without the security team")
    assert "denial_pending" in world.replies()[-1]
    world.proposal = proposal(world.current_policy, LOOSE)
    world.passes(5).tick()
    world.says(MAINTAINER, "/approve policy")
    assert conclusion(world) == "failure"
    assert check(world).title.endswith("; denied by reviewer")
