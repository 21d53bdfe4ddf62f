"""Holding, asking and taking back: none of it opens anything, and none of it lasts for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.runs import (
    AUTHOR,
    CHANGE,
    MAINTAINER,
    READER,
    REVIEWER,
    ROBOT,
    World,
    asking,
    policy,
    proposed,
)

from gate_app.domain.conditions import Head
from gate_app.domain.effects import PublishCheckRun, PublishComment, React
from gate_app.domain.events import ReleaseReturned
from gate_app.domain.model import Authorship, Origin, Unknown
from gate_app.domain.parameters import Parameter
from gate_app.domain.patience import MAX_PAUSED
from gate_app.domain.policy import ApproverLine, Permission
from gate_app.domain.verdict import VerdictState

TWO = ApproverLine(permission=Permission.WRITE, count=2)
HOUR = 3600


def title(world: World) -> str:
    shown = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "gate:staging"]
    return shown[-1].title


def check_summary(world: World) -> str:
    shown = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "gate:staging"]
    return shown[-1].summary


def question(world: World) -> str:
    asked = [
        e for e in world.effects if isinstance(e, PublishComment) and e.surface.startswith("question:staging")
    ]
    return asked[-1].body


def obeyed(world: World) -> bool:
    """Whether the newest comment got a thumbs-up."""
    return any(isinstance(e, React) and e.comment_id == world.last_comment for e in world.effects)


# --- /hold, /resume ---


def test_nothing_is_released_while_somebody_holds_it() -> None:
    world = asking()
    world.says(REVIEWER, "/hold wait for the database")
    assert obeyed(world)
    assert title(world) == "Held by reviewer"
    world.says(MAINTAINER, "/approve staging")
    assert not world.releases("staging")
    assert "wait for the database" in check_summary(world)
    world.says(REVIEWER, "/resume")
    assert len(world.releases("staging")) == 1


def test_a_denial_closes_what_is_held() -> None:
    world = asking()
    world.says(REVIEWER, "/hold")
    world.says(MAINTAINER, "/deny staging found a mistake")
    world.says(REVIEWER, "/resume")
    assert world.state("staging") == "denied"
    assert not world.releases("staging")


def test_a_hold_is_put_on_before_anything_is_asked() -> None:
    world = proposed()
    world.says(REVIEWER, "/hold")
    world.passes(5).stage_ends()
    assert "**Held by `reviewer`; `/resume` lets it go on.**" in question(world)
    world.says(MAINTAINER, "/approve staging")
    assert not world.releases("staging")
    world.says(REVIEWER, "/resume")
    assert len(world.releases("staging")) == 1


@pytest.mark.parametrize(
    ("person", "code"),
    [(AUTHOR, "held_by_another"), (READER, "not_permitted")],
    ids=["a contributor", "somebody who may not write"],
)
def test_a_hold_is_not_lifted_by(person: object, code: str) -> None:
    world = asking()
    world.says(REVIEWER, "/hold")
    world.says(person, "/resume")  # type: ignore[arg-type]  # people of the table
    assert code in world.replies()[-1]
    assert title(world) == "Held by reviewer"


def test_a_hold_is_lifted_by_who_put_it_on_a_contributor_too() -> None:
    world = asking()
    world.says(AUTHOR, "/hold")
    world.says(AUTHOR, "/resume")
    assert not world.run.holds


def test_whoever_changed_the_plan_lifts_nobody_elses_hold() -> None:
    world = asking(policy(parameters=(Parameter("percent", "integer", "100"),)))
    world.says(MAINTAINER, "/hold")
    world.says(REVIEWER, "/modify staging percent=10")
    world.says(REVIEWER, "/resume")
    assert "held_by_another" in world.replies()[-1]


def test_somebody_else_lifts_a_hold_only_while_it_is_known_who_contributed() -> None:
    world = proposed()
    world.authorship = Unknown("hub_unavailable", "no answer")
    world.run = replace(world.run, authorship=None)
    world.says(REVIEWER, "/hold")
    world.says(MAINTAINER, "/resume")
    assert "held_by_another" in world.replies()[-1]
    world.authorship = Authorship((AUTHOR.id,))
    world.says(MAINTAINER, "/resume")
    assert not world.run.holds


def test_holding_twice_and_resuming_nothing_is_said() -> None:
    world = asking()
    world.says(REVIEWER, "/resume")
    assert "not_held" in world.replies()[-1]
    world.says(REVIEWER, "/hold")
    world.says(REVIEWER, "/hold again")
    assert "already_held" in world.replies()[-1]


def test_a_contributors_hold_does_not_stand_in_the_way_of_another() -> None:
    world = asking()
    world.says(AUTHOR, "/hold")
    world.says(MAINTAINER, "/hold there is an incident")
    world.says(REVIEWER, "/approve staging")
    world.says(AUTHOR, "/resume")
    assert not world.releases("staging")
    assert title(world) == "Held by maintainer"
    world.says(MAINTAINER, "/resume")
    assert len(world.releases("staging")) == 1


@pytest.mark.parametrize("line", ["/ask staging why?", "/hold"])
def test_a_pause_that_begins_after_the_end_brings_no_question_back(line: str) -> None:
    world = asking()
    world.passes(49 * HOUR)
    world.says(REVIEWER, line)
    world.says(MAINTAINER, "/approve staging")
    assert not world.releases("staging")
    assert world.state("staging") == "expired"


def test_a_robot_neither_holds_nor_resumes() -> None:
    world = asking()
    world.says(ROBOT, "/hold")
    assert not world.run.holds
    world.says(REVIEWER, "/hold")
    world.says(ROBOT, "/resume")
    assert world.run.holds


def test_the_clock_stands_still_while_it_is_held() -> None:
    world = asking()
    world.says(REVIEWER, "/hold")
    world.passes(40 * HOUR)
    world.says(REVIEWER, "/resume")
    world.passes(47 * HOUR).tick()
    assert world.decisions[-1].verdicts["staging"].state is VerdictState.WAITING
    world.passes(2 * HOUR).tick()
    assert world.decisions[-1].verdicts["staging"].state is VerdictState.EXPIRED


def test_nobody_keeps_a_question_open_for_ever() -> None:
    world = asking()
    world.says(REVIEWER, "/hold")
    world.passes((MAX_PAUSED + timedelta(hours=49)).total_seconds()).tick()
    assert world.decisions[-1].verdicts["staging"].state is VerdictState.EXPIRED


def test_pauses_at_one_time_count_once() -> None:
    world = asking()
    world.says(REVIEWER, "/hold")
    world.passes(HOUR)
    world.says(MAINTAINER, "/ask why now?")
    world.passes(9 * HOUR)
    world.says(AUTHOR, "/answer it is urgent")
    world.says(REVIEWER, "/resume")
    world.passes(39 * HOUR).tick()
    asked = world.gate("staging").question
    assert asked is not None
    expires = world.run.expires_at(world.gate("staging"), timedelta(hours=48))
    assert expires is not None
    assert timedelta(hours=58) < expires - asked.asked_at < timedelta(hours=58, minutes=1)


# --- /ask, /answer ---


def test_a_question_goes_to_the_author_and_its_answer_to_everybody() -> None:
    world = asking()
    world.says(REVIEWER, "/ask staging does it need the *new* index?")
    said = world.replies()[-1]
    assert said.startswith("@author, `reviewer` asks about `staging`: `does it need the *new* index?`")
    assert not world.releases("staging")
    world.says(AUTHOR, "/answer no, that comes later")
    assert obeyed(world)
    world.says(MAINTAINER, "/status")
    shown = world.replies()[-1]
    assert "`reviewer` asked: `does it need the *new* index?` · `author`: `no, that comes later`" in shown


def test_a_question_decides_nothing() -> None:
    world = asking()
    world.says(REVIEWER, "/ask why now?")
    world.says(REVIEWER, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_the_clock_stands_still_until_a_question_is_answered() -> None:
    world = asking()
    world.passes(47 * HOUR)
    world.says(REVIEWER, "/ask why now?")
    world.passes(24 * HOUR).tick()
    assert world.decisions[-1].verdicts["staging"].state is VerdictState.WAITING
    world.says(AUTHOR, "/answer it is urgent")
    world.passes(2 * HOUR).tick()
    assert world.decisions[-1].verdicts["staging"].state is VerdictState.EXPIRED


def test_what_was_asked_is_shown_until_it_is_answered() -> None:
    world = asking()
    world.says(REVIEWER, "/ask why now?")
    world.says(MAINTAINER, "/status")
    assert "not answered yet" in world.replies()[-1]


def test_answers_go_to_the_newest_question_and_need_one() -> None:
    world = asking()
    world.says(AUTHOR, "/answer what?")
    assert "nothing_asked" in world.replies()[-1]
    world.says(REVIEWER, "/ask one?")
    world.says(REVIEWER, "/ask two?")
    world.says(AUTHOR, "/answer to the second")
    assert [each.answer for each in world.run.pauses] == ["", "to the second"]


def test_nothing_is_asked_or_held_when_no_gate_is_open() -> None:
    world = asking()
    world.says(REVIEWER, "/cancel")
    world.says(REVIEWER, "/ask why?")
    assert "nothing_open" in world.replies()[-1]
    world.says(REVIEWER, "/hold")
    assert "nothing_open" in world.replies()[-1]


def test_a_question_without_a_text_is_told_how_to_write_it() -> None:
    world = asking()
    world.says(REVIEWER, "/ask staging")
    assert "text_missing" in world.replies()[-1]
    assert "/ask [environment] question" in world.replies()[-1]


# --- /withdraw ---


def test_an_approval_that_was_taken_back_does_not_count() -> None:
    world = asking(policy(TWO))
    world.says(REVIEWER, "/approve staging")
    world.says(REVIEWER, "/withdraw")
    assert obeyed(world)
    world.says(MAINTAINER, "/approve staging")
    assert not world.releases("staging")
    world.says(REVIEWER, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_nobody_takes_back_what_somebody_else_said() -> None:
    world = asking(policy(TWO))
    world.says(REVIEWER, "/approve staging")
    world.says(MAINTAINER, "/withdraw staging")
    assert "nothing_to_withdraw" in world.replies()[-1]
    world.says(MAINTAINER, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_an_older_approval_does_not_come_back_when_the_newer_one_is_withdrawn() -> None:
    world = asking(policy(TWO))
    world.says(REVIEWER, "/approve staging")
    world.says(REVIEWER, "/approve staging")
    world.says(REVIEWER, "/withdraw staging")
    world.says(MAINTAINER, "/approve staging")
    assert not world.releases("staging")


@pytest.mark.parametrize("reached", [True, False], ids=["reached GitHub", "only begun"])
def test_case_075_it_is_too_late_once_the_release_has(reached: bool) -> None:
    world = asking()
    world.says(REVIEWER, "/approve staging")
    if reached:
        world.deploys("staging")
    world.says(REVIEWER, "/withdraw staging")
    assert ("too_late" if reached else "withdrawal_kept") in world.replies()[-1]
    assert not obeyed(world)


def test_case_075_a_release_that_did_not_happen_is_not_tried_again_on_an_approval_that_was_taken_back() -> (
    None
):
    world = asking()
    world.says(REVIEWER, "/approve staging")
    world.says(REVIEWER, "/withdraw")
    world.happens(ReleaseReturned(world.now, "staging", world.now, "refused"))
    assert len(world.releases("staging")) == 1
    assert "approval_missing" in world.codes("staging") or world.state("staging") == "waiting"
    world.says(REVIEWER, "/approve staging")
    assert len(world.releases("staging")) == 2


def test_a_withdrawal_names_an_environment_or_nothing() -> None:
    world = asking()
    world.says(REVIEWER, "/withdraw nowhere")
    assert "environment_unknown" in world.replies()[-1]


def test_case_035_an_edited_comment_moves_nothing() -> None:
    world = asking(policy(TWO))
    world.says(REVIEWER, "/approve staging")
    world.comments[world.last_comment + 1] = "edited"
    world.says(REVIEWER, "/withdraw")
    assert "comment_changed" in world.replies()[-1]
    world.says(MAINTAINER, "/approve staging")
    assert len(world.releases("staging")) == 1


# --- /hold before the merge ---


def merging_later(base: str = "main") -> World:
    """Nothing deploys from the pull request; production deploys what it becomes."""
    file = policy()
    _, production = file.environments
    later = replace(production, after=None, origin=Origin.DEFAULT_BRANCH)
    return proposed(replace(file, environments=(later,)), replace(CHANGE, base_ref=base))


def status(world: World) -> str:
    return [e.body for e in world.effects if isinstance(e, PublishComment) and e.surface == "status"][-1]


def test_what_will_ship_is_held_before_it_is_merged_and_the_status_says_so() -> None:
    world = merging_later()
    world.says(REVIEWER, "/hold until the *docs* are there")
    world.says(MAINTAINER, "/hold")
    assert [each.by for each in world.run.holds] == [REVIEWER, MAINTAINER]
    assert "- `reviewer`: `until the *docs* are there`" in status(world)
    assert "- `maintainer`: no reason given" in status(world)
    world.says(REVIEWER, "/hold")
    assert "already_held" in world.replies()[-1]
    world.says(READER, "/resume")
    assert len(world.run.holds) == 2
    world.says(MAINTAINER, "/resume")
    assert not world.run.holds
    assert "**Held.**" not in status(world)


def test_what_goes_to_another_branch_ships_nothing_that_could_be_held() -> None:
    world = merging_later("release")
    world.says(REVIEWER, "/hold")
    assert "nothing_open" in world.replies()[-1]
    assert not world.run.holds


def test_where_nothing_is_open_a_question_is_still_none() -> None:
    world = merging_later()
    world.says(REVIEWER, "/ask why?")
    assert "nothing_open" in world.replies()[-1]


def test_a_hold_that_comes_with_the_merge_is_refused_rather_than_lost() -> None:
    """The commit that it became may have a run of its own already, which heard of no hold."""
    world = asking()
    world.head = Head(CHANGE.head.sha, "main", False, merged=True)
    world.says(REVIEWER, "/hold not tonight")
    assert "too_late" in world.replies()[-1]
    assert not world.run.holds
