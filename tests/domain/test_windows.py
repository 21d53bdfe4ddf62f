"""Freezes and soaking: when the answer is yes, and the moment is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from support.runs import MAINTAINER, REVIEWER, World, failed, policy, proposed

from gate_app.domain.conditions import EnvironmentFacts
from gate_app.domain.effects import PublishCheckRun, PublishComment
from gate_app.domain.freezes import Freeze, FreezeWindow
from gate_app.domain.model import Content, Unknown
from gate_app.domain.policy import Policy
from gate_app.domain.verdict import VerdictState

WEEKEND = FreezeWindow("UTC", cron="0 16 * * FRI", duration=timedelta(hours=64))


def windowed(name: str = "staging", **rules: object) -> Policy:
    file = policy()
    return replace(
        file,
        environments=tuple(
            replace(each, **rules) if each.name == name else each  # type: ignore[arg-type]  # keyword pass-through
            for each in file.environments
        ),
    )


def freeze(world: World, hours: float) -> Freeze:
    until = world.now + timedelta(hours=hours)
    return Freeze(until, f"{until:%a %H:%M} UTC", "weekend")


def asked_in_a_freeze(hours: float = 64) -> World:
    world = proposed(windowed(freeze=(WEEKEND,)))
    world.freezes["staging"] = freeze(world, hours)
    world.passes(5).stage_ends()
    return world


def question(world: World) -> str:
    asked = [e for e in world.effects if isinstance(e, PublishComment) and e.surface == "question:staging:1"]
    return asked[-1].body if asked else ""


def title(world: World) -> str:
    shown = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "gate:staging"]
    return shown[-1].title


def test_people_approve_ahead_and_the_release_goes_out_when_the_freeze_ends() -> None:
    world = asked_in_a_freeze()
    assert "Frozen until" in question(world)
    assert "weekend" in question(world)
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")
    assert title(world).startswith("Approved; frozen until")
    assert "✅ approval by `reviewer`" in question(world)
    assert "`/deny staging reason` still stops it." in question(world)
    world.freezes["staging"] = None
    world.passes(64 * 3600).tick()
    assert len(world.releases("staging")) == 1


def test_an_approval_in_time_outlives_its_question_during_a_freeze() -> None:
    world = asked_in_a_freeze()
    world.says(REVIEWER, "/approve staging")
    world.passes(49 * 3600).tick()
    assert world.decisions[-1].verdicts["staging"].state is VerdictState.WAITING
    held = world.freezes["staging"]
    assert isinstance(held, Freeze)
    assert world.run.wake_at == held.until, "it sleeps until the freeze ends"


def test_a_question_that_nobody_answers_expires_in_a_freeze_too() -> None:
    world = asked_in_a_freeze()
    world.passes(49 * 3600).tick()
    assert world.decisions[-1].verdicts["staging"].state is VerdictState.EXPIRED


def test_an_approval_that_comes_too_late_is_not_saved_by_the_freeze() -> None:
    world = asked_in_a_freeze()
    world.passes(49 * 3600)
    world.says(REVIEWER, "/approve staging")
    assert world.decisions[-1].verdicts["staging"].state is VerdictState.EXPIRED
    world.freezes["staging"] = None
    world.passes(64 * 3600).tick()
    assert not world.releases("staging")


def test_a_denial_during_a_freeze_dominates_the_approval_that_waits() -> None:
    world = asked_in_a_freeze()
    world.says(REVIEWER, "/approve staging")
    world.says(MAINTAINER, "/deny staging found a mistake")
    world.freezes["staging"] = None
    world.passes(64 * 3600).tick()
    assert not world.releases("staging")


def test_who_lost_their_permission_during_the_freeze_does_not_count_at_its_end() -> None:
    world = asked_in_a_freeze()
    world.says(REVIEWER, "/approve staging")
    world.standings[REVIEWER.id] = Unknown("hub_unavailable", "no answer")
    world.freezes["staging"] = None
    world.passes(3600).tick()
    assert not world.releases("staging")


def test_invariant_4_a_calendar_that_cannot_be_told_never_opens() -> None:
    world = proposed(windowed(freeze=(WEEKEND,)))
    world.freezes["staging"] = Unknown("calendar_unknown", "ValueError")
    world.passes(5).stage_ends()
    assert not question(world)
    assert title(world) == "Waiting: the calendar of the freeze cannot be told"
    del world.freezes["staging"]
    world.passes(60).tick()
    assert not question(world), "not read is not open"
    world.freezes["staging"] = None
    world.passes(60).tick()
    world.says(REVIEWER, "/approve staging")
    assert len(world.releases("staging")) == 1


def soaking(soak: timedelta) -> World:
    """Staging has just become healthy; production comes after it and soaks."""
    world = proposed(windowed("production", soak=soak))
    world.passes(5).stage_ends()
    world.says(REVIEWER, "/approve staging")
    world.deploys("staging")
    return world


def production_asks(world: World) -> bool:
    return any(isinstance(e, PublishComment) and e.surface == "question:production:1" for e in world.effects)


def test_nobody_is_asked_about_production_before_staging_has_soaked() -> None:
    world = soaking(timedelta(minutes=30))
    assert not production_asks(world)
    assert world.run.wake_at == world.environments["staging"].healthy_since[
        world.run.change.head.sha
    ] + timedelta(minutes=30)
    world.passes(29 * 60).tick()
    assert not production_asks(world)
    world.passes(60).tick()
    assert production_asks(world)


def test_without_a_soak_production_is_asked_about_at_once() -> None:
    assert production_asks(soaking(timedelta()))


def test_what_passed_before_its_time_was_noted_has_to_be_released_there_again() -> None:
    world = soaking(timedelta(minutes=30))
    world.environments["staging"] = replace(world.environments["staging"], healthy_since={})
    world.passes(3600).tick()
    assert not production_asks(world)
    codes = [reason.code.value for reason in world.decisions[-1].verdicts["production"].reasons]
    assert "soak_unknown" in codes


def test_the_same_content_released_again_does_not_begin_to_soak_again() -> None:
    world = soaking(timedelta(minutes=30))
    since = dict(world.environments["staging"].healthy_since)
    world.passes(600)
    world.says(REVIEWER, "/deploy staging")
    world.says(REVIEWER, "/approve staging")
    world.deploys("staging")
    assert world.environments["staging"].healthy_since == since


def another_takes_its_place(world: World, sha: str = "e" * 40) -> None:
    """Another run has released something else to staging: what ran there does no longer."""
    facts = world.environments["staging"]
    other = Content(sha, "f" * 40)
    world.environments["staging"] = replace(
        facts,
        running=other,
        verified=(other, *facts.verified),
        healthy_since={**facts.healthy_since, sha: world.now},
        healthy_until={world.run.change.head.sha: world.now},
    )


def test_what_was_replaced_before_it_had_soaked_has_to_be_released_there_again() -> None:
    world = soaking(timedelta(minutes=30))
    world.passes(60)
    another_takes_its_place(world)
    world.passes(3600).tick()
    assert not production_asks(world)
    codes = [reason.code.value for reason in world.decisions[-1].verdicts["production"].reasons]
    assert "soak_cut_short" in codes


def test_what_had_soaked_before_it_was_replaced_goes_on() -> None:
    world = soaking(timedelta(minutes=30))
    world.passes(1800)
    another_takes_its_place(world)
    world.passes(60).tick()
    assert production_asks(world)


def test_a_release_takes_the_place_of_what_soaked_there() -> None:
    world = proposed(windowed("production", soak=timedelta(minutes=30)))
    before = Content("d" * 40, "e" * 40)
    world.environments["staging"] = EnvironmentFacts(
        "staging", running=before, verified=(before,), healthy_since={before.sha: world.now}
    )
    world.passes(5).stage_ends()
    world.says(REVIEWER, "/approve staging")
    world.deploys("staging")
    facts = world.environments["staging"]
    assert list(facts.healthy_until) == [before.sha]
    assert facts.healthy_since[world.run.change.head.sha] == world.now


def test_content_that_comes_back_begins_to_soak_again() -> None:
    world = soaking(timedelta(minutes=30))
    another_takes_its_place(world)
    world.passes(3600)
    world.says(REVIEWER, "/deploy staging")
    world.says(MAINTAINER, "/approve staging")
    world.deploys("staging")
    facts = world.environments["staging"]
    assert facts.healthy_since[world.run.change.head.sha] == world.now
    assert world.run.change.head.sha not in facts.healthy_until


def test_content_whose_next_deployment_failed_has_passed_no_more() -> None:
    world = soaking(timedelta())
    world.says(REVIEWER, "/deploy staging")
    world.says(MAINTAINER, "/approve staging")
    world.deploys("staging", failed())
    world.says(REVIEWER, "/approve production")
    assert not world.releases("production")
    codes = [reason.code.value for reason in world.decisions[-1].verdicts["production"].reasons]
    assert "after_unmet" in codes
