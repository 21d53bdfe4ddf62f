"""A pull request that changes the gate file is told what it would change, and is judged by the one in force."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from support.runs import TESTS, World, asking, policy, proposed

from gate_app.domain.effects import PublishCheckRun, PublishComment
from gate_app.domain.model import Unknown
from gate_app.domain.policy import ApprovalMode, ApproverLine, CommandWork, Permission, PolicyProblem, Stage
from gate_app.domain.proposal_words import section, summary, title
from gate_app.domain.proposals import Past, Proposal, proposal

NOW = policy()
STRICT = policy(ApproverLine(permission=Permission.MAINTAIN), blob="q" * 40)
LOOSE = policy(mode=ApprovalMode.NEVER, blob="r" * 40)
BROKEN = ".github/gate.yml:3:1: environments: unknown key; remove it"


def learns(found: Proposal | Unknown | None, world: World | None = None) -> World:
    world = world or proposed()
    world.proposal = found
    world.passes(5).tick()
    return world


def shown(world: World) -> PublishCheckRun | None:
    checks = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "policy"]
    return checks[-1] if checks else None


def status(world: World) -> str:
    return [e.body for e in world.effects if isinstance(e, PublishComment) and e.surface == "status"][-1]


@pytest.mark.parametrize(
    ("found", "conclusion", "said"),
    [
        pytest.param(proposal(NOW, STRICT), "success", "Stricter than now", id="stricter"),
        pytest.param(proposal(NOW, NOW), "success", "As strict as now", id="a comment was mended"),
        pytest.param(proposal(NOW, LOOSE), "failure", "Looser than now: staging, production", id="looser"),
        pytest.param(
            proposal(NOW, BROKEN),
            "failure",
            "The gate file of this pull request could not be obeyed",
            id="broken",
        ),
    ],
)
def test_case_087_a_changed_gate_file_is_compared_on_its_check_run(
    found: Proposal, conclusion: str, said: str
) -> None:
    world = learns(found)
    check = shown(world)
    assert check is not None
    assert (check.status, check.conclusion, check.title) == ("completed", conclusion, said)
    assert f"#### The gate file: {said}" in status(world)


def test_a_pull_request_that_leaves_the_gate_file_alone_gets_no_check_run() -> None:
    world = learns(Proposal(NOW.blob_sha))
    assert shown(world) is None
    assert "gate file" not in status(world)


def test_case_086_nothing_is_judged_by_what_is_proposed() -> None:
    world = learns(proposal(NOW, LOOSE), asking())
    assert world.state("staging") == "waiting"
    assert world.run.policy == NOW
    assert not world.releases("staging")


def test_what_cannot_be_read_is_shown_to_be_not_known_and_looked_at_again() -> None:
    world = learns(Unknown("hub_unavailable", "502"))
    check = shown(world)
    assert check is not None
    assert (check.status, check.conclusion) == ("in_progress", None)
    assert world.run.wake_at is not None
    again = shown(learns(Proposal(NOW.blob_sha), world))
    assert again is not None
    assert (again.conclusion, again.title) == ("success", "This pull request leaves the gate file alone")


def test_a_gate_file_in_force_that_is_broken_comes_first() -> None:
    broken = proposed(PolicyProblem("policy_invalid", "line 1"))
    broken.proposal = proposal(NOW, STRICT)
    broken.passes(5).tick()
    check = shown(broken)
    assert check is not None
    assert (check.conclusion, check.title) == ("failure", "The gate file cannot be obeyed")


def test_what_is_looser_comes_first_with_its_keys() -> None:
    staging, production = NOW.environments
    changed = replace(staging, needs=(), approval=replace(staging.approval, self_approval=True))
    other = replace(production, name="live")
    stricter = replace(production, approval=STRICT.environments[0].approval)
    text = summary(proposal(NOW, replace(NOW, environments=(stricter, changed))))
    assert text.index("staging") < text.index("production")
    assert "| `staging` | ⚠️ looser | `needs` (looser), `approval.self_approval` (looser) |" in text
    assert "| `production` | stricter | `approval.approvers` (stricter) |" in text
    renamed = summary(proposal(NOW, replace(NOW, environments=(staging, other))))
    assert "| `production` | ⚠️ looser | it has no gate any more |" in renamed
    assert "| `live` | stricter | it gets a gate |" in renamed
    unasked = replace(production, name="live", approval=LOOSE.environments[0].approval)
    text = summary(proposal(NOW, replace(NOW, environments=(*NOW.environments, unasked))))
    assert "| `live` | ⚠️ looser | it is new, and asks people not always" in text


@pytest.mark.parametrize(
    ("past", "said"),
    [
        (
            (Past("staging", 50, 7, 2),),
            "Under this change, 7 of the last 50 runs would have needed nobody in `staging` (then: 2).",
        ),
        (
            (Past("a`b", 1, 0, 0, 1),),
            "0 of the last 1 run would have needed nobody in ``a`b`` (then: 0; of 1 it",
        ),
        ((), "The journal has no runs of these environments yet"),
        (Unknown("out_of_time", "there was not enough time"), "cannot be told: there was not enough time."),
        (None, "What cannot be shown"),
    ],
    ids=["told", "not told of some", "nothing there", "not known", "not asked"],
)
def test_it_is_said_how_often_nobody_would_have_been_asked(
    past: tuple[Past, ...] | Unknown | None, said: str
) -> None:
    assert said in summary(replace(proposal(NOW, LOOSE), past=past))


def test_a_stage_that_runs_something_else_is_looser() -> None:
    weak = replace(NOW, stages=(Stage("tests", CommandWork("true")),))
    assert proposal(NOW, weak).looser == ("staging", "production")
    assert proposal(NOW, replace(NOW, stages=(TESTS,))).looser == ()


def test_hostile_words_of_a_broken_file_are_boxed() -> None:
    text = section(proposal(NOW, "```\n@everyone <img src=x>\u202e"))
    assert "````text\n```\n@everyone <img src=x>\\u202e\n````" in text


def test_without_anything_proposed_the_words_are_those_of_the_file_in_force() -> None:
    assert section(None) == ""
    assert summary(None) == summary(Proposal("p")) == "The gate file on the default branch is valid."
    assert title(Proposal("p")) == "This pull request leaves the gate file alone"


def test_a_proposal_does_not_outlive_its_policy() -> None:
    world = learns(proposal(NOW, LOOSE))
    world.current_policy = STRICT
    fresh = shown(learns(proposal(STRICT, STRICT), world))
    assert fresh is not None
    assert fresh.title == "As strict as now"


PAGE = (Path(__file__).parents[2] / "docs/policy-changes.md").read_text()


def test_the_page_shows_what_is_said() -> None:
    staging, production = policy().environments
    unasked = replace(production, approval=replace(production.approval, mode=ApprovalMode.NEVER))
    soaked = replace(staging, soak=timedelta(hours=1))
    found = proposal(NOW, replace(NOW, environments=(soaked, unasked)))
    found = replace(found, past=(Past("production", 50, 7, 2),))
    table, past = re.findall(r"^```text\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[:2]
    assert table.strip() in summary(found)
    assert past.strip() in summary(found)
