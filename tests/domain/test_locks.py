"""Locks: an environment belongs to one pull request for a while, and nothing else of the gate changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from support.runs import AUTHOR, CHANGE, MAINTAINER, READER, REVIEWER, START, World, asking, policy, proposed

from gate_app.domain.commands import Command, Malformed, parse
from gate_app.domain.conditions import EnvironmentFacts
from gate_app.domain.effects import PublishCheckRun, PublishComment, React
from gate_app.domain.events import ChangeProposed
from gate_app.domain.locks import LONGEST, USUAL, Lock
from gate_app.domain.model import Content, Person, Unknown
from gate_app.domain.opening import open_rollback, rollback_subject
from gate_app.domain.policy import ApproverLine, Permission
from gate_app.domain.verdict import ReasonCode

HOUR = 3600
MAINTAINERS = ApproverLine(permission=Permission.MAINTAIN)


def lock_of_another(
    hours: float = 2, at: datetime = START, by: Person = MAINTAINER, reason: str = "measuring"
) -> Lock:
    return Lock(2, by, at, at + timedelta(hours=hours), reason)


def locked(world: World, lock: Lock | Unknown | None = None) -> World:
    """Pull request 2 has staging."""
    facts = world.environments.get("staging", EnvironmentFacts("staging"))
    world.environments["staging"] = replace(facts, lock=lock or lock_of_another())
    world.tick()
    return world


def title(world: World) -> str:
    shown = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "gate:staging"]
    return shown[-1].title


def status(world: World) -> str:
    return [e for e in world.effects if isinstance(e, PublishComment) and e.surface == "status"][-1].body


def obeyed(world: World) -> bool:
    return any(isinstance(e, React) and e.comment_id == world.last_comment for e in world.effects)


def lock_now(world: World) -> Lock | Unknown | None:
    facts = world.environments.get("staging")
    return facts.lock if facts else None


# --- what a lock does ---


def test_another_pull_request_releases_nothing_while_an_environment_is_locked() -> None:
    world = locked(asking())
    assert title(world) == "Locked by #2 until 2026-03-02 11:00 UTC"
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")
    assert title(world) == "Approved; locked by #2 until 2026-03-02 11:00 UTC"
    assert "locked" in world.codes("staging")


def test_the_end_of_a_lock_wakes_what_was_approved_ahead() -> None:
    world = locked(asking())
    world.says(REVIEWER, "/approve staging")
    assert world.run.wake_at == lock_of_another().until
    world.now = lock_of_another().until - timedelta(microseconds=1)
    world.tick()
    assert not world.releases("staging")
    world.now = lock_of_another().until
    world.tick()
    assert len(world.releases("staging")) == 1


def test_what_was_approved_in_time_does_not_expire_during_a_lock() -> None:
    world = locked(asking(policy(expires_after=timedelta(hours=4))), lock_of_another(hours=30))
    world.says(REVIEWER, "/approve staging")
    world.now = START + timedelta(hours=30)
    world.tick()
    assert len(world.releases("staging")) == 1


def test_a_question_that_nobody_answers_expires_during_a_lock() -> None:
    world = locked(asking(policy(expires_after=timedelta(hours=4))), lock_of_another(hours=30))
    world.passes(5 * HOUR).tick()
    assert world.state("staging") == "expired"


def test_its_own_pull_request_releases() -> None:
    world = asking()
    world.says(AUTHOR, "/lock staging mine for now")
    assert obeyed(world)
    assert "Locked for this pull request by `author`" in status(world)
    world.says(REVIEWER, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_a_lock_is_shown_where_nothing_waits_for_it_too() -> None:
    world = asking()
    world.says(REVIEWER, "/approve staging")
    world.deploys("staging")
    world.says(AUTHOR, "/lock staging measuring")
    assert "- `staging`: Locked for this pull request by `author`" in status(world)


def test_a_lock_is_shown_where_it_holds_with_its_reason_inert() -> None:
    world = locked(asking(), lock_of_another(reason="@everybody <b>now</b>"))
    body = status(world)
    assert "Locked for pull request `#2` by `maintainer` (until 2026-03-02 11:00 UTC)" in body
    assert "`@everybody <b>now</b>`" in body
    world.says(REVIEWER, "/why staging")
    assert "`locked`" in world.replies()[-1]


def test_a_lock_that_cannot_be_read_holds_everybody_and_is_looked_at_again() -> None:
    world = locked(asking(), Unknown("lock_unreadable"))
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")
    assert title(world) == "Waiting: its lock cannot be read"
    assert world.run.wake_at is not None
    world.says(REVIEWER, "/lock staging then it is mine")
    assert "lock_unreadable" in world.replies()[-1]
    world.says(MAINTAINER, "/unlock staging the record was damaged")
    assert lock_now(world) is None
    assert len(world.releases("staging")) == 1


def test_a_way_back_respects_a_lock() -> None:
    rules = policy()
    change = replace(
        CHANGE, subject=rollback_subject(CHANGE.repository, "staging"), head=Content("e" * 40, "")
    )
    run = open_rollback(change, 1, rules, START, "staging", "it answered 500", "")
    world = World(run, current_policy=rules)
    world.environments["staging"] = EnvironmentFacts("staging", lock=lock_of_another())
    world.happens(ChangeProposed(START, change))
    assert title(world) == "Locked by #2 until 2026-03-02 11:00 UTC"
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")


# --- putting it on ---


def test_a_lock_names_its_pull_request_its_reason_and_its_end() -> None:
    world = proposed()
    world.says(REVIEWER, "/lock staging waiting for the translators for 2h")
    assert lock_now(world) == Lock(
        1, REVIEWER, world.now, world.now + timedelta(hours=2), "waiting for the translators"
    )


def test_a_lock_that_does_not_say_how_long_ends_after_a_day() -> None:
    world = proposed()
    world.says(REVIEWER, "/lock staging ich messe den Index für später")
    assert isinstance(found := lock_now(world), Lock)
    assert found.until - found.at == USUAL


def test_the_same_pull_request_puts_it_on_again_and_another_one_does_not() -> None:
    world = proposed()
    world.says(REVIEWER, "/lock staging one for 1h")
    world.says(AUTHOR, "/lock staging two for 5h")
    assert isinstance(found := lock_now(world), Lock)
    assert found.reason == "two"
    world = locked(proposed())
    world.says(AUTHOR, "/lock staging me too")
    assert "locked_by_another" in world.replies()[-1]
    assert lock_now(world) == lock_of_another()


def test_a_lock_that_is_over_is_in_nobodys_way() -> None:
    world = locked(asking(), lock_of_another(hours=1))
    world.passes(2 * HOUR)
    world.says(AUTHOR, "/lock staging my turn")
    assert isinstance(found := lock_now(world), Lock)
    assert found.owner == 1


def test_whoever_may_not_write_locks_nothing() -> None:
    world = proposed()
    world.says(READER, "/lock staging mine")
    assert "not_permitted" in world.replies()[-1]
    assert lock_now(world) is None


def test_a_lock_is_compared_with_what_was_read() -> None:
    world = proposed()
    world.environments["staging"] = EnvironmentFacts("staging", version=7)
    decision = world.says(REVIEWER, "/lock staging mine")
    assert [each.version for each in world.decisions[-2].environments] == [7]
    assert not decision.environments  # the look after it changes nothing any more


# --- taking it off ---


@pytest.mark.parametrize(
    ("person", "line", "code"),
    [
        (REVIEWER, "/unlock staging we need it", "unlock_not_permitted"),
        (READER, "/unlock staging we need it", "not_permitted"),
        (MAINTAINER, "/unlock staging", "text_missing"),
    ],
    ids=["who may not approve there", "who may not write", "an approver without a reason"],
)
def test_the_lock_of_another_pull_request_is_not_lifted_by(person: Person, line: str, code: str) -> None:
    world = locked(asking(policy(MAINTAINERS)))
    world.says(person, line)
    assert code in world.replies()[-1]
    assert lock_now(world) == lock_of_another()


def test_an_approver_lifts_the_lock_of_another_pull_request_with_a_reason() -> None:
    world = locked(asking(policy(ApproverLine(permission=Permission.WRITE))))
    world.says(REVIEWER, "/unlock staging they went home")
    assert obeyed(world)
    assert lock_now(world) is None


def test_in_its_own_pull_request_anybody_who_may_write_lifts_it() -> None:
    world = asking(policy(MAINTAINERS))
    world.says(AUTHOR, "/lock staging mine")
    world.says(REVIEWER, "/unlock staging")
    assert lock_now(world) is None
    world.says(REVIEWER, "/unlock staging")
    assert "not_locked" in world.replies()[-1]


def test_an_unlock_lifts_no_lock_that_is_newer() -> None:
    world = locked(asking(), lock_of_another(at=START + timedelta(hours=1)))
    world.says(MAINTAINER, "/unlock staging they went home")
    assert "not_locked" in world.replies()[-1]
    assert lock_now(world) is not None


def test_who_cannot_be_told_lifts_nothing() -> None:
    world = locked(asking())
    world.standings[MAINTAINER.id] = Unknown("hub_unavailable")
    world.says(MAINTAINER, "/unlock staging they went home")
    assert lock_now(world) == lock_of_another()


# --- how it is written ---


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("/lock", ReasonCode.ENVIRONMENT_UNKNOWN),
        ("/lock nowhere because", ReasonCode.ENVIRONMENT_UNKNOWN),
        ("/lock staging", ReasonCode.TEXT_MISSING),
        ("/lock staging for 2h", ReasonCode.TEXT_MISSING),
        ("/lock staging because for 0m", ReasonCode.COMMAND_MALFORMED),
        ("/lock staging because for 31d", ReasonCode.COMMAND_MALFORMED),
        ("/unlock nowhere", ReasonCode.ENVIRONMENT_UNKNOWN),
        ("/lock staging beca\u200bse", ReasonCode.COMMAND_MALFORMED),
    ],
)
def test_a_lock_that_is_written_wrongly_is_refused(line: str, code: ReasonCode) -> None:
    found = parse(line, ["staging"])
    assert isinstance(found, Malformed)
    assert found.code is code


def test_a_reason_may_speak_of_time() -> None:
    found = parse("/lock staging closed for 2h or so", ["staging"])
    assert isinstance(found, Command)
    assert (found.reason, found.duration) == ("closed for 2h or so", None)


@pytest.mark.parametrize(
    ("owner", "lasts", "reason"),
    [(0, USUAL, "why"), (1, timedelta(), "why"), (1, LONGEST + USUAL, "why"), (1, USUAL, "")],
    ids=["nobody's", "without a length", "too long", "without a reason"],
)
def test_a_lock_that_makes_no_sense_cannot_be_made(owner: int, lasts: timedelta, reason: str) -> None:
    with pytest.raises(ValueError, match="a lock has an owner"):
        Lock(owner, MAINTAINER, START, START + lasts, reason)
