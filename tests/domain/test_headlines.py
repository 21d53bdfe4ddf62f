"""Where a gate stands, in one line that a person understands."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.runs import (
    AUTHOR,
    MAINTAINER,
    REVIEWER,
    World,
    asking,
    failed,
    passed,
    policy,
    proposed,
    unknown_outcome,
)

from gate_app.domain.conditions import EnvironmentFacts, Head
from gate_app.domain.events import ChangeClosed, HeadMoved, ReleaseReturned
from gate_app.domain.evidence import Finding, Severity, StageOutcome
from gate_app.domain.headlines import ENDINGS, FAILURES, OBSTACLES, gate_title
from gate_app.domain.model import Unknown
from gate_app.domain.policy import ProtectionRuleRoute
from gate_app.domain.run import Gate
from gate_app.domain.verdict import ReasonCode, Verdict, VerdictState, unmet


def ended(outcome: StageOutcome) -> World:
    world = proposed()
    world.stage_ends(outcome=outcome)
    return world


def found_something() -> World:
    rules = policy()
    world = proposed(replace(rules, stages=(replace(rules.stages[0], new_findings=Severity.HIGH),)))
    world.stage_ends(outcome=passed(Finding("f1", "B602", Severity.HIGH, "shell=True")))
    return world


def nowhere_to_deploy() -> World:
    rules = policy()
    staging = replace(rules.environments[0], deploy=ProtectionRuleRoute())
    world = proposed(replace(rules, environments=(staging,)))
    world.stage_ends()
    return world


def moved() -> World:
    world = asking()
    world.head = Head("d" * 40, "main", open=True)
    world.tick()
    return world


def retargeted() -> World:
    world = asking()
    world.head = replace(Head("a" * 40, "main", open=True), base_ref="release")
    world.tick()
    return world


def unreadable() -> World:
    world = asking()
    world.head = Unknown("hub_unavailable", "502")
    world.tick()
    return world


def busy() -> World:
    world = proposed()
    world.environments["staging"] = EnvironmentFacts("staging", busy_with="71#9:1:staging")
    world.stage_ends()
    return world


def returned() -> World:
    world = asking()
    world.says(REVIEWER, "/approve staging")
    later = world.passes(1).now.replace(year=2027)
    world.happens(ReleaseReturned(world.now, "staging", later, "422"))
    return world


def half_known() -> World:
    """One of two approvers may or may not count; the gate waits for people all the same."""
    world = asking()
    world.standings[REVIEWER.id] = Unknown("hub_unavailable")
    world.says(REVIEWER, "/approve staging")
    return world


def denied() -> World:
    world = asking()
    world.says(AUTHOR, "/deny staging not today")
    return world


def cancelled() -> World:
    world = asking()
    world.says(AUTHOR, "/cancel")
    return world


def expired() -> World:
    world = asking()
    world.passes(49 * 3600).tick()
    return world


def superseded() -> World:
    world = asking()
    world.happens(HeadMoved(world.now, "d" * 40, "main"))
    return world


def closed() -> World:
    world = asking()
    world.happens(ChangeClosed(world.now, merged=False))
    return world


def approved() -> World:
    world = asking()
    world.says(REVIEWER, "/approve staging")
    return world


def released(outcome: StageOutcome | None = None) -> World:
    world = approved()
    world.deploys("staging", outcome)
    return world


@pytest.mark.parametrize(
    ("world", "title"),
    [
        pytest.param(proposed(), "Waiting for tests", id="a stage runs"),
        pytest.param(ended(failed()), "Blocked: tests failed", id="tests failed"),
        pytest.param(ended(unknown_outcome()), "Waiting: tests came to no verdict", id="unknown"),
        pytest.param(found_something(), "Blocked: new findings in tests", id="new findings"),
        pytest.param(asking(), "Waiting for a person: deploy to staging?", id="a person is asked"),
        pytest.param(
            half_known(), "Waiting for a person: deploy to staging?", id="an answer is not known yet"
        ),
        pytest.param(nowhere_to_deploy(), "Waiting for a job that GitHub holds", id="no job is held"),
        pytest.param(moved(), "Waiting: a newer commit was pushed", id="the head moved"),
        pytest.param(retargeted(), "Waiting: the base branch changed", id="another base"),
        pytest.param(unreadable(), "Waiting: the commit cannot be read right now", id="GitHub is ill"),
        pytest.param(busy(), "Waiting: another release is under way there", id="somebody else releases"),
        pytest.param(returned(), "Waiting: the last try to release did not happen", id="a release came back"),
        pytest.param(approved(), "Approved, deploying", id="approved"),
        pytest.param(released(), "Released and healthy", id="released"),
        pytest.param(released(failed()), "The deployment failed", id="the deployment failed"),
        pytest.param(denied(), "Denied", id="denied"),
        pytest.param(cancelled(), "Cancelled", id="cancelled"),
        pytest.param(expired(), "Expired: nobody answered in time", id="expired"),
        pytest.param(superseded(), "Superseded by a newer commit", id="superseded"),
        pytest.param(closed(), "Ended with its pull request", id="the pull request was closed"),
    ],
)
def test_the_title_of_a_gate_says_what_it_waits_for_or_how_it_ended(world: World, title: str) -> None:
    assert gate_title(world.gate("staging"), world.decisions[-1].verdicts["staging"]) == title


def test_a_gate_behind_another_waits_for_that_one() -> None:
    world = asking()
    assert gate_title(world.gate("production"), world.decisions[-1].verdicts["production"]) == (
        "Waiting for staging"
    )


def test_several_stages_are_named_together() -> None:
    running = (unmet(ReasonCode.STAGE_RUNNING, stage=name) for name in ("tests", "security", "tests"))
    verdict = Verdict("staging", VerdictState.WAITING, tuple(running))
    assert gate_title(Gate("staging"), verdict) == "Waiting for tests, security"


@pytest.mark.parametrize(
    ("reasons", "title"),
    [
        pytest.param((), "Waiting", id="no ground at all"),
        pytest.param((unmet(ReasonCode.NEEDS),), "Waiting: needs", id="a ground without a line of its own"),
    ],
)
def test_a_waiting_gate_always_has_a_title(reasons: tuple[object, ...], title: str) -> None:
    verdict = Verdict("staging", VerdictState.WAITING, reasons)  # type: ignore[arg-type]  # reasons or none
    assert gate_title(Gate("staging"), verdict) == title


def test_every_line_is_short_and_without_a_code() -> None:
    lines = [*ENDINGS.values(), *FAILURES.values(), *(line([{}]) for line in OBSTACLES.values())]
    for line in lines:
        assert len(line) <= 60, line
        assert "_" not in line, line
        assert not line.endswith("."), line


def test_a_release_that_is_verified_says_so() -> None:
    rules = policy()
    staging = replace(rules.environments[0], verify=("tests",))
    world = asking(replace(rules, environments=(staging, rules.environments[1])))
    world.says(MAINTAINER, "/approve staging")
    world.deploys("staging")
    verdict = world.decisions[-1].verdicts["staging"]
    assert gate_title(world.gate("staging"), verdict) == "Deployed, being verified"
