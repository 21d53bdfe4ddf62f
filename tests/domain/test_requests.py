"""`/deploy` asks anew and `/cancel` withdraws: who may, when, and what carries over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.runs import (
    AUTHOR,
    MAINTAINER,
    READER,
    REVIEWER,
    ROBOT,
    World,
    asking,
    failed,
    policy,
    proposed,
)

from gate_app.domain.effects import PublishCheckRun, PublishComment, React, StartStage
from gate_app.domain.model import Origin, Person, Unknown
from gate_app.domain.policy import Policy, PolicyProblem
from gate_app.domain.run import RunState
from gate_app.domain.verdict import VerdictState


def on_command() -> Policy:
    """Staging from the pull request; production only when somebody asks for it."""
    rules = policy()
    staging, production = rules.environments
    return replace(rules, environments=(staging, replace(production, origin=Origin.COMMAND, after=None)))


def last_check(world: World, environment: str) -> PublishCheckRun:
    surface = f"gate:{environment}"
    return [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == surface][-1]


def expired() -> World:
    world = asking()
    world.passes(timedelta(hours=49).total_seconds()).tick()
    assert world.state("staging") == "expired"
    return world


# --- /cancel ---


def test_a_cancelled_run_asks_nobody_any_more() -> None:
    world = asking()
    world.says(AUTHOR, "/cancel")
    for name in ("staging", "production"):
        closing = world.gate(name).closing
        assert closing is not None
        assert (closing.state, closing.by) == (VerdictState.CANCELLED, AUTHOR)
    check = last_check(world, "staging")
    assert (check.status, check.conclusion, check.buttons) == ("completed", "cancelled", ())
    assert "Cancelled by `author`" in check.summary
    assert [e.content for e in world.effects if isinstance(e, React)] == ["+1"]
    world.says(REVIEWER, "/approve staging")
    assert world.gate("staging").release is None
    assert "too_late" in world.replies()[-1]


def test_a_release_that_has_begun_goes_on_when_the_rest_is_cancelled() -> None:
    world = asking()
    world.says(REVIEWER, "/approve staging")
    world.says(REVIEWER, "/cancel")
    world.deploys("staging")
    release = world.gate("staging").release
    assert release is not None
    assert release.status.value == "healthy"
    closing = world.gate("production").closing
    assert closing is not None
    assert closing.state is VerdictState.CANCELLED


def test_where_nothing_is_open_there_is_nothing_to_cancel() -> None:
    world = asking()
    world.says(AUTHOR, "/cancel")
    world.says(AUTHOR, "/cancel")
    assert "nothing_open" in world.replies()[-1]


# --- /deploy ---


def test_an_expired_gate_asks_again_with_a_new_question_and_a_release_of_its_own() -> None:
    world = expired()
    world.says(MAINTAINER, "/deploy staging")
    assert world.decisions[-1].verdicts["staging"].asks
    assert world.gate("staging").question is not None
    assert world.gate("staging").question.number == 2  # type: ignore[union-attr]  # just asserted
    world.says(REVIEWER, "/approve staging")
    (release,) = world.releases("staging")
    assert release.gate_id.endswith(":staging+1")


def test_what_the_first_question_came_to_stays_written_there() -> None:
    world = expired()
    before = [e for e in world.effects if isinstance(e, PublishComment) and e.surface == "question:staging:1"]
    world.says(MAINTAINER, "/deploy staging")
    after = [e for e in world.effects if isinstance(e, PublishComment) and e.surface == "question:staging:1"]
    assert after == before


def test_who_requests_does_not_approve() -> None:
    world = expired()
    world.says(REVIEWER, "/deploy staging")
    world.says(REVIEWER, "/approve staging")
    assert world.gate("staging").release is None
    assert "self_approval" in world.replies()[-1]


def test_answers_from_before_do_not_carry_over() -> None:
    world = asking()
    world.says(REVIEWER, "/approve staging")
    world.deploys("staging", failed())
    world.says(MAINTAINER, "/deploy staging")
    assert world.gate("staging").answers == ()
    assert world.decisions[-1].verdicts["staging"].asks


def test_what_was_released_can_be_deployed_again_and_is_really_deployed() -> None:
    world = asking()
    world.says(REVIEWER, "/approve staging")
    world.deploys("staging")
    world.says(MAINTAINER, "/deploy staging")
    world.says(REVIEWER, "/approve staging")
    world.deploys("staging")
    starts = [e for e in world.effects if isinstance(e, StartStage) and e.stage == "deploy@staging"]
    assert [(start.attempt, start.occasion) for start in starts] == [(1, 0), (2, 1)]
    assert [release.gate_id for release in world.releases("staging")] == [
        "71#1:1:staging",
        "71#1:1:staging+1",
    ]
    release = world.gate("staging").release
    assert release is not None
    assert release.status.value == "healthy"


def test_an_environment_on_command_has_a_gate_when_somebody_asks_for_it() -> None:
    world = asking(on_command())
    assert "production" not in world.run.gates
    world.says(MAINTAINER, "/deploy production")
    assert world.decisions[-1].verdicts["production"].asks
    world.says(REVIEWER, "/approve production")
    assert len(world.releases("production")) == 1


@pytest.mark.parametrize("sha", ["a" * 12, "a" * 40])
def test_a_request_may_name_the_head(sha: str) -> None:
    world = expired()
    world.says(MAINTAINER, f"/deploy staging {sha}")
    assert world.decisions[-1].verdicts["staging"].asks


def merged_only() -> Policy:
    rules = policy()
    staging, production = rules.environments
    return replace(
        rules, environments=(staging, replace(production, origin=Origin.DEFAULT_BRANCH, after=None))
    )


@pytest.mark.parametrize(
    ("line", "rules", "code"),
    [
        pytest.param("/deploy staging", None, "already_open", id="a gate that is open"),
        pytest.param("/deploy staging bbbbbbbbbbbb", None, "sha_mismatch", id="another head"),
        pytest.param(
            "/deploy elsewhere",
            None,
            "there is no gate for `elsewhere` here. Environments: `staging`, `production`.",
            id="an environment that is not",
        ),
        pytest.param(
            "/deploy",
            None,
            "which environment. Environments: `staging`, `production`.",
            id="no environment",
        ),
        pytest.param(
            "/deploy staging now please",
            None,
            "`now please` was not expected there. Write it as `/deploy environment [sha]`.",
            id="something more",
        ),
        pytest.param("/deploy production", merged_only(), "deploys_from_elsewhere", id="another origin"),
    ],
)
def test_a_request_that_does_not_fit_changes_nothing_and_says_why(
    line: str, rules: Policy | None, code: str
) -> None:
    world = asking(rules)
    before = world.run.gates
    world.says(MAINTAINER, line)
    assert world.run.gates == before
    assert code in world.replies()[-1]


def test_a_denial_of_this_head_stands() -> None:
    world = asking()
    world.says(REVIEWER, "/deny staging no")
    world.says(MAINTAINER, "/deploy staging")
    assert "denial_stands" in world.replies()[-1]
    assert world.gate("staging").question is not None
    assert world.gate("staging").closing is not None


def test_a_release_under_way_is_not_doubled() -> None:
    world = asking()
    world.says(REVIEWER, "/approve staging")
    world.says(MAINTAINER, "/deploy staging")
    assert "release_under_way" in world.replies()[-1]
    assert len(world.releases("staging")) == 1


@pytest.mark.parametrize("line", ["/cancel", "/deploy staging"])
def test_who_may_only_read_moves_nothing(line: str) -> None:
    world = expired()
    before = world.run.gates
    world.says(READER, line)
    assert world.run.gates == before
    assert "not_permitted" in world.replies()[-1]


@pytest.mark.parametrize("person", [ROBOT, Person(200, "ghost")])
def test_bots_and_people_github_cannot_speak_of_move_nothing(person: Person) -> None:
    world = asking()
    world.standings[200] = Unknown("hub_unavailable")
    world.says(person, "/cancel")
    assert world.gate("staging").closing is None


def test_a_request_in_a_comment_that_changed_or_cannot_be_read_is_not_obeyed() -> None:
    world = asking()
    world.comments[1] = "edited"
    world.comments[2] = Unknown("hub_unavailable")
    world.says(MAINTAINER, "/cancel")
    world.says(MAINTAINER, "/cancel")
    assert world.gate("staging").closing is None
    assert "comment_changed" in world.replies()[0]
    assert "comment_unknown" in world.replies()[1]


def test_a_run_that_is_over_is_not_moved() -> None:
    world = expired()
    world.run = replace(world.run, state=RunState.CLOSED)
    world.says(MAINTAINER, "/deploy staging")
    assert "too_late" in world.replies()[-1]


def test_without_a_policy_that_can_be_read_nothing_is_moved() -> None:
    world = proposed(PolicyProblem("policy_invalid", "x"))
    world.says(MAINTAINER, "/cancel")
    assert "was not obeyed (`policy_invalid`): the gate file on the default branch" in world.replies()[-1]
