"""A plan is changed by a comment that begins with a block: values, notes, and the way back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from support.runs import (
    AUTHOR,
    HEAD,
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

from gate_app.domain.commands import Command, Malformed, parse
from gate_app.domain.conditions import EnvironmentFacts
from gate_app.domain.effects import PublishCheckRun, PublishComment
from gate_app.domain.evidence import StageOutcome, StageReason, StageVerdict
from gate_app.domain.model import Content, Origin, Person
from gate_app.domain.parameters import Parameter
from gate_app.domain.plan import Plan, fingerprint
from gate_app.domain.plan_block import MAX_BLOCK, MAX_NOTES
from gate_app.domain.policy import ApprovalMode, Policy
from gate_app.domain.probes import Probe, ProbeWork
from gate_app.domain.rollback import way_back
from gate_app.domain.wording import why
from gate_app.github.markdown import command_line

PERCENT = Parameter("percent", "integer", "100", minimum=1, maximum=100)
BEFORE = Content("1" * 40, "2" * 40)
OLDER = Content("3" * 40, "4" * 40)
GONE = Content("5" * 40, "6" * 40)
ENVIRONMENTS = ("staging", "production")


def block(*lines: str) -> str:
    return "\n".join(("```gate-plan", *lines, "```"))


def asked(file: Policy | None = None) -> World:
    """Staging asks; it has run two contents healthily, and runs the newer one."""
    world = asking(file or policy(parameters=(PERCENT,)))
    facts = EnvironmentFacts("staging", running=BEFORE, verified=(BEFORE, OLDER))
    world.environments["staging"] = facts
    return world


def question(world: World, number: int) -> str:
    surface = f"question:staging:{number}"
    bodies = [e.body for e in world.effects if isinstance(e, PublishComment) and e.surface == surface]
    return bodies[-1] if bodies else ""


READ: dict[str, tuple[str, Command]] = {
    "values": (
        block("environment: staging", "percent=10 strategy=canary", "zone=a"),
        Command("modify", "staging", values=(("percent", "10"), ("strategy", "canary"), ("zone", "a"))),
    ),
    "notes of several lines": (
        block("notes: support knows,", "  percent=99", "", "and stays é"),
        Command("modify", notes="support knows,\n  percent=99\n\nand stays é"),
    ),
    "notes below their key": (block("notes:", "later"), Command("modify", notes="later")),
    "notes that are taken back": (block("notes:"), Command("modify", notes="")),
    "the way back": (block("rollback: 333333333333"), Command("modify", rollback="333333333333")),
    "the usual way back": (block("rollback: none"), Command("modify", rollback="")),
    "a line of Windows": (
        "```gate-plan\r\npercent=10\r\n```\r",
        Command("modify", values=(("percent", "10"),)),
    ),
    "a block that nobody closed": (
        "```gate-plan\npercent=10",
        Command("modify", values=(("percent", "10"),)),
    ),
}
UNREAD: dict[str, tuple[str, str]] = {
    "nothing": (block(), "text_missing"),
    "an environment alone": (block("environment: staging"), "text_missing"),
    "another environment": (block("environment: nowhere", "percent=1"), "environment_unknown"),
    "case 108: an environment in other letters": (
        block("environment: Staging", "percent=1"),
        "environment_unknown",
    ),
    "case 43: two environments": (
        block("environment: staging", "environment: production", "percent=1"),
        "command_malformed",
    ),
    "case 43: a value twice": (block("percent=1", "percent=2"), "command_malformed"),
    "case 43: a value twice in a line": (block("percent=1 percent=2"), "command_malformed"),
    "case 43: two ways back": (block("rollback: none", "rollback: 333333333333"), "command_malformed"),
    "case 43: two blocks": ("```gate-plan\n```gate-plan", "command_malformed"),
    "case 43: a command in it": (block("/approve production"), "command_malformed"),
    "a sentence": (block("please set percent to 10"), "command_malformed"),
    "YAML": (block("percent: 10"), "command_malformed"),
    "case 29: a short SHA": (block("rollback: 33333333333"), "command_malformed"),
    "case 29: an upper-case SHA": (block("rollback: " + "A" * 40), "command_malformed"),
    "a branch as the way back": (block("rollback: main"), "command_malformed"),
    "case 40: a look-alike key": (block("perсent=10"), "command_malformed"),
    "case 41: an invisible character": (block("percent=1\u200b0"), "command_malformed"),
    "case 41: an invisible character in notes": (block("notes: a\u202eb"), "command_malformed"),
    "case 39: a hidden line": (block("notes: a\u2028percent=10"), "command_malformed"),
    "case 52: notes without end": (block("notes: " + "n" * MAX_NOTES), "command_malformed"),
    "invariant 11: a block without end": (block("notes: " + "n" * MAX_BLOCK), "command_malformed"),
    "another fence": ("```gate-planner\npercent=1\n```", "command_malformed"),
}


@pytest.mark.parametrize(("text", "command"), READ.values(), ids=READ)
def test_a_block_is_a_modify_that_can_say_more(text: str, command: Command) -> None:
    assert parse(text, ENVIRONMENTS) == command


@pytest.mark.parametrize(("text", "code"), UNREAD.values(), ids=UNREAD)
def test_a_block_is_read_whole_or_not_at_all(text: str, code: str) -> None:
    found = parse(text, ENVIRONMENTS)
    assert isinstance(found, Malformed)
    assert found.code.value == code


def test_the_next_version_shows_values_notes_and_the_way_back_and_is_asked_about_anew() -> None:
    world = asked()
    world.says(
        REVIEWER,
        block("environment: staging", "percent=10", "rollback: 333333333333", "notes: @cto says yes"),
    )
    shown = question(world, 2)
    assert "version 2, changed by `reviewer`" in shown
    assert "- `percent`: `10` (usually `100`)" in shown
    assert "- way back: `333333333333`, which was healthy there" in shown
    assert "- notes: `@cto says yes`" in shown
    checks = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "gate:staging"]
    assert "- notes: `@cto says yes`" in checks[-1].summary
    assert "- way back: `333333333333`" in why(world.run, world.decisions[-1].verdicts, "staging")


def test_case_160_answers_to_the_plan_before_are_void_and_whoever_changed_it_contributed() -> None:
    world = asked()
    world.says(AUTHOR, block("environment: staging", "notes: one after the other"))
    world.says(REVIEWER, block("environment: staging", "notes: all at once"))
    world.says(REVIEWER, "/approve staging")
    assert "self_approval" in world.replies()[-1]
    assert not world.releases("staging")
    world.says(MAINTAINER, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_what_was_said_before_stays_until_it_is_taken_back() -> None:
    world = asked()
    world.says(REVIEWER, block("environment: staging", "percent=10", "notes: first", "second"))
    world.says(MAINTAINER, block("environment: staging", "rollback: 333333333333"))
    assert "`percent`: `10`" in question(world, 3)
    assert "first" in question(world, 3)
    world.says(MAINTAINER, block("environment: staging", "rollback: none", "notes:"))
    assert "first" not in question(world, 4)
    assert "way back" not in question(world, 4)


def test_without_parameters_there_are_notes_and_a_way_back() -> None:
    world = asked(policy())
    assert "**Plan**" not in question(world, 1)
    world.says(REVIEWER, block("environment: staging", "notes: support knows"))
    assert "Change it with a plan block" in question(world, 2)


REFUSALS: dict[str, tuple[Person, tuple[str, ...], str, str]] = {
    "case 159: a value out of bounds": (REVIEWER, ("percent=0",), "parameter_invalid", "a whole number"),
    "case 158: a parameter that is not declared": (REVIEWER, ("PATH=x",), "parameter_unknown", "`percent`"),
    "what the plan says already": (REVIEWER, ("percent=100",), "parameters_unchanged", ""),
    "no way back that is none": (REVIEWER, ("rollback: none",), "parameters_unchanged", ""),
    "a SHA that never ran there": (
        REVIEWER,
        (f"rollback: {GONE.sha}",),
        "rollback_target",
        "`111111111111`, `333",
    ),
    "the commit itself": (REVIEWER, (f"rollback: {HEAD.sha}",), "rollback_target", "`111111111111`"),
    "somebody who may not write": (READER, ("percent=10",), "not_permitted", ""),
}


@pytest.mark.parametrize(("person", "lines", "code", "instead"), REFUSALS.values(), ids=REFUSALS)
def test_the_plan_stays_as_it_is_and_what_would_count_is_said(
    person: Person, lines: tuple[str, ...], code: str, instead: str
) -> None:
    world = asked()
    world.says(person, block("environment: staging", *lines))
    assert f"`{code}`" in world.replies()[-1]
    assert instead in world.replies()[-1]
    assert not world.gate("staging").modifications


def test_the_form_of_a_block_is_said_where_one_cannot_be_read() -> None:
    world = asked()
    world.says(REVIEWER, block("percent: 10"))
    said = world.replies()[-1]
    assert said.startswith("The plan block by `reviewer` was not obeyed")
    assert "`percent: 10` was not expected there" in said
    assert "rollback: sha" in said
    world.says(REVIEWER, block("notes: \u202e"))
    assert "characters outside ASCII before its notes, or invisible ones" in world.replies()[-1]


def test_a_robot_makes_no_plan() -> None:
    world = asked()
    world.says(ROBOT, block("percent=10"))
    assert not world.gate("staging").modifications
    assert not world.replies()


def test_which_environment_is_meant_has_to_be_said_where_there_are_two() -> None:
    world = asked()
    world.says(REVIEWER, block("notes: both?"))
    assert "environment_ambiguous" in world.replies()[-1]


def test_a_gate_that_is_not_there_has_no_plan() -> None:
    file = policy()
    staging, _ = file.environments
    world = asking(
        replace(file, environments=(staging, replace(staging, name="live", origin=Origin.DEFAULT_BRANCH)))
    )
    world.says(REVIEWER, block("environment: live", "notes: x"))
    assert "deploys_from_elsewhere" in world.replies()[-1]
    world.run = replace(world.run, gates={})
    world.says(REVIEWER, block("notes: x"))
    assert "nothing_open" in world.replies()[-1]


def test_where_nobody_is_asked_nobody_could_say_yes_to_another_plan() -> None:
    world = proposed(policy(mode=ApprovalMode.NEVER))
    world.says(REVIEWER, block("environment: staging", "notes: x"))
    assert "plan_unasked" in world.replies()[-1]


def test_older_plans_keep_their_digest() -> None:
    plan = Plan(1, "staging", "a" * 40, "grant", 1, {"percent": "10"})
    assert plan.digest == fingerprint([1, "staging", "a" * 40, "grant", 1, {"percent": "10"}])
    digests = {each.digest for each in _variants(plan)}
    assert len(digests) == 5


def _variants(plan: Plan) -> Iterator[Plan]:
    yield plan
    yield replace(plan, notes="x")
    yield replace(plan, rollback="x")
    yield replace(plan, notes="x", rollback="x")
    yield replace(plan, notes="x", parameters={})


def test_the_documented_block_is_read() -> None:
    page = (Path(__file__).parents[2] / "docs/plan.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^````markdown\n(.*?)^````$", page, re.MULTILINE | re.DOTALL)
    line = command_line(shown)
    assert line is not None
    command = parse(line, ENVIRONMENTS)
    assert isinstance(command, Command)
    assert (command.verb, command.environment, command.rollback) == ("modify", "production", "0123456789ab")
    assert dict(command.values) == {"percent": "10", "strategy": "canary"}
    assert command.notes == "support knows, and stays until it is over.\nAsk them before you go on."


BREACH = StageOutcome(StageVerdict.FAILED, StageReason.PROBE_BREACHED, failed().evidence, "500")


@pytest.mark.parametrize(
    ("lines", "target"),
    [
        pytest.param((), BEFORE, id="nobody named one"),
        pytest.param(("rollback: 333333333333",), OLDER, id="the plan names one"),
    ],
)
def test_after_a_breach_the_way_back_of_the_plan_is_proposed(lines: tuple[str, ...], target: Content) -> None:
    file = policy()
    staging, production = file.environments
    watched = replace(
        staging, monitor=ProbeWork((Probe("https://app.example/healthz"),), timedelta(minutes=1))
    )
    world = asked(replace(file, environments=(watched, production)))
    if lines:
        world.says(REVIEWER, block("environment: staging", *lines))
    world.says(MAINTAINER, "/approve staging")
    world.deploys("staging")
    decision = world.stage_ends("watch@staging", BREACH)
    (proposal,) = [each for made in world.decisions for each in made.proposals] or decision.proposals
    assert proposal.target == target


def test_what_the_plan_names_is_what_rollback_goes_back_to_by_hand() -> None:
    world = asked()
    world.says(REVIEWER, block("environment: staging", "rollback: 333333333333"))
    world.says(MAINTAINER, "/approve staging")
    world.deploys("staging")
    facts = world.environments["staging"]
    assert (facts.way_back, way_back(facts)) == (OLDER.sha, OLDER)
    world.says(REVIEWER, "/rollback staging it is slow")
    assert [each.target for made in world.decisions for each in made.proposals] == [OLDER]


def test_a_way_back_that_is_healthy_there_no_more_is_the_usual_one() -> None:
    facts = EnvironmentFacts("staging", running=HEAD, verified=(HEAD, BEFORE), way_back=OLDER.sha)
    assert way_back(facts) == BEFORE
    assert way_back(replace(facts, verified=(HEAD,))) is None
