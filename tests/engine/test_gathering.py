"""Asking first: everything that a decision needs is asked at once, so that an answer costs few round trips."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Never, cast

import pytest
from support.runs import AUTHOR, CHANGE, REVIEWER, STANDINGS, START, asking, policy

from gate_app import calendars
from gate_app.domain.checks import Check, CheckReading, CheckState, Required
from gate_app.domain.conditions import EnvironmentFacts, Head, Standing
from gate_app.domain.delegation import Delegation
from gate_app.domain.events import ClockTicked, CommandGiven
from gate_app.domain.model import Authorship, Change, Person, Purpose, Repository, Subject, Unknown
from gate_app.domain.policy import ApproverLine, ChecksWork, Policy, PolicyProblem, Select, Stage
from gate_app.engine.conditions import Gathering
from gate_app.engine.ports import (
    Comparison,
    Hub,
    LiveChange,
    LiveHead,
    PolicyAbsent,
    PolicyFile,
    PolicyRefused,
    Sight,
    Store,
)
from gate_app.engine.sighting import after, nothing_sighted
from gate_app.errors import HubRefused, HubUnavailable
from gate_app.owners import ownership

PATIENCE = 10.0
RULES = policy(ApproverLine(users=("reviewer", "maintainer")))
IDS = {"reviewer": REVIEWER.id, "maintainer": 102}


@dataclass
class Github:
    """Answers only when `together` questions are under way; `asked` counts them by kind."""

    together: int = 1
    file: PolicyFile | PolicyAbsent = PolicyFile("p" * 40, b"pinned")
    floor: PolicyFile | PolicyAbsent | PolicyRefused | Exception = PolicyAbsent()
    asked: list[str] = field(default_factory=list)
    protection_hidden: bool = False
    touched_at: datetime | None = START
    away: datetime | Exception | None = None
    team: int | Exception | None = 500
    sighted: Sight | None = None

    def __post_init__(self) -> None:
        self._gate = threading.Barrier(self.together)

    def _answers(self, what: str) -> None:
        self.asked.append(what)
        self._gate.wait(PATIENCE)

    def live_change(self, repository: Repository, subject: Subject) -> LiveChange:
        self._answers("head")
        return LiveChange(CHANGE, open=True, merged=False, touched_at=self.touched_at)

    def interrupted_at(self, repository: Repository, subject: Subject) -> datetime | None:
        self._answers("interrupted")
        if isinstance(self.away, Exception):
            raise self.away
        return self.away

    def policy_file(self, repository: Repository) -> PolicyFile | PolicyAbsent:
        self._answers("policy")
        return self.file

    def floor_file(self, repository: Repository) -> PolicyFile | PolicyAbsent | PolicyRefused:
        self._answers("floor")
        if isinstance(self.floor, Exception):
            raise self.floor
        return self.floor

    def authorship(self, change: Change) -> Authorship:
        self._answers("authorship")
        return Authorship((AUTHOR.id,))

    def standing(
        self, repository: Repository, person: Person, teams: Sequence[str], organisations: Sequence[str] = ()
    ) -> Standing:
        self._answers("standing")
        return STANDINGS[person.id]

    def comment_fingerprint(self, repository: Repository, comment_id: int) -> str:
        self._answers("comment")
        return "d" * 64

    def team_id(self, repository: Repository, team: str) -> int | None:
        self._answers("team")
        if isinstance(self.team, Exception):
            raise self.team
        return self.team

    def identity(self, repository: Repository, login: str) -> int | None:
        self._answers("identity")
        return IDS[login]

    def check_runs(self, change: Change, gated: Sequence[str]) -> Sequence[Check]:
        self._answers("check runs")
        return [GREEN]

    def commit_statuses(self, change: Change) -> Sequence[Check]:
        self._answers("statuses")
        return []

    def required_by_rules(self, repository: Repository, branch: str) -> Sequence[Required]:
        self._answers("rulesets")
        return [Required("test")]

    def required_by_protection(self, repository: Repository, branch: str) -> Sequence[Required]:
        self._answers("protection")
        if self.protection_hidden:
            raise HubRefused("not for you", 403)
        return [Required("test")]

    def sight(self, change: Change, gated: Sequence[str], selects: Collection[Select]) -> Sight:
        if self.sighted is None:
            raise HubUnavailable("not in one call")
        self._answers("sight")
        return self.sighted

    def compare(self, repository: Repository, base: str, head: str) -> Comparison:
        self._answers("compare")
        raise HubUnavailable("502")


class Memory:
    """The part of the store that gathering reads."""

    def __init__(self) -> None:
        self.pins: dict[str, int] = {}

    def environments(self, repository_id: int, names: Sequence[str]) -> Mapping[str, EnvironmentFacts]:
        return {}

    def pinned_identities(self, repository_id: int, logins: Sequence[str]) -> Mapping[str, int]:
        return {name: self.pins[name] for name in logins if "/" in name and name in self.pins}

    def pin_identity(self, repository_id: int, login: str, person_id: int) -> None:
        self.pins[login] = person_id


def read_policy(file: PolicyFile, floor: PolicyFile | None) -> Policy | str:
    return replace(RULES, blob_sha=file.blob_sha + (f"+{floor.blob_sha}" if floor else ""))


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as pool:
        yield pool


def gathering(github: Github, pool: ThreadPoolExecutor, memory: Memory | None = None) -> Gathering:
    def now() -> datetime:
        return START

    hub, store = cast(Hub, cast(Any, github)), cast(Store, cast(Any, memory or Memory()))
    return Gathering(hub, store, read_policy, lambda patterns, files: True, calendars, ownership, pool, now)


GREEN = Check(15368, 7, 900, "test", CheckState.PASSED, "success", START)
ANSWER = CommandGiven(START, 501, 1, REVIEWER, "/approve staging", "d" * 64)


def test_the_reads_for_an_answer_are_under_way_at_once(pool: ThreadPoolExecutor) -> None:
    """Each of them waits until all of them were asked: one after the other, this would never end."""
    run = replace(asking(RULES).run, shipments={})
    github = Github(together=8)
    found = gathering(github, pool).conditions(run, ANSWER)
    assert sorted(github.asked) == [
        "comment",
        "compare",
        "floor",
        "head",
        "identity",
        "identity",
        "policy",
        "standing",
    ]
    assert found.standings == {REVIEWER.id: STANDINGS[REVIEWER.id]}
    assert found.comments == {501: "d" * 64}
    assert found.identities == IDS
    assert isinstance(found.shipments["staging"], Unknown)


CHECKED = replace(RULES, stages=(Stage("tests", ChecksWork("required")),))
REMARK = ["comment", "compare", "floor", "head", "identity", "identity", "policy", "standing"]


def test_the_checks_of_others_are_read_in_the_same_round_trip(pool: ThreadPoolExecutor) -> None:
    run = replace(asking(RULES).run, policy=CHECKED, shipments={})
    github = Github(together=12)
    found = gathering(github, pool).conditions(run, ANSWER)
    assert sorted(github.asked) == sorted([*REMARK, "check runs", "statuses", "rulesets", "protection"])
    assert found.checks == {"tests": CheckReading((GREEN,))}


SIGHTED = Sight(
    PolicyFile("p" * 40, b"pinned"),
    LiveHead(CHANGE.head.sha, CHANGE.base_ref, True, False, ("blue",), CHANGE.default_branch, START),
    (GREEN,),
    (Required("test"),),
)
"""What one call tells in the place of five."""


def test_one_call_stands_for_several_and_nothing_waits_for_it(pool: ThreadPoolExecutor) -> None:
    run = replace(asking(RULES).run, policy=CHECKED, shipments={})
    github = Github(together=8, sighted=SIGHTED)
    found = gathering(github, pool).conditions(run, ANSWER)
    rest = ["comment", "compare", "floor", "identity", "identity", "protection", "sight", "standing"]
    assert sorted(github.asked) == rest
    assert found.checks == {"tests": CheckReading((GREEN,))}
    assert isinstance(found.head, Head)
    assert (found.head.sha, found.head.labels) == (CHANGE.head.sha, ("blue",))
    assert isinstance(found.policy, Policy)


def test_one_call_that_tells_of_something_since_the_approval_leads_to_the_question(
    pool: ThreadPoolExecutor,
) -> None:
    run = replace(asking(RULES).run, policy=CHECKED)
    late = replace(SIGHTED, head=replace(SIGHTED.head, touched_at=START + timedelta(hours=1)))
    found = gathering(Github(sighted=late, away=START), pool).conditions(run, ANSWER)
    assert isinstance(found.head, Head)
    assert found.head.interrupted_at == START


def test_under_another_policy_nothing_that_one_call_told_is_used(pool: ThreadPoolExecutor) -> None:
    run = replace(asking(RULES).run, policy=CHECKED)
    github = Github(sighted=replace(SIGHTED, policy=PolicyFile("q" * 40, b"newer")))
    found = gathering(github, pool).conditions(run, ANSWER)
    assert isinstance(found.policy, Policy)
    assert found.policy.blob_sha == "q" * 40
    assert found.checks == {}, "the newer file has no such stage"
    assert github.asked.count("head") == 1


def test_a_head_read_in_this_step_is_newer_than_what_one_call_told(pool: ThreadPoolExecutor) -> None:
    run = replace(asking(RULES).run, policy=CHECKED)
    live = LiveChange(CHANGE, open=False, merged=False, touched_at=START)
    found = gathering(Github(sighted=SIGHTED), pool).conditions(run, ANSWER, live)
    assert isinstance(found.head, Head)
    assert not found.head.open


def test_a_rollback_is_read_part_by_part(pool: ThreadPoolExecutor) -> None:
    run = replace(asking(RULES).run, policy=CHECKED, purpose=Purpose.ROLLBACK)
    github = Github(sighted=SIGHTED)
    gathering(github, pool).conditions(run, ANSWER)
    assert "sight" not in github.asked


def test_a_fault_of_our_own_is_not_lost_on_the_way(pool: ThreadPoolExecutor) -> None:
    def breaks() -> Never:
        raise RuntimeError("ours")

    for first in (pool.submit(breaks), nothing_sighted()):
        with pytest.raises(RuntimeError, match="ours"):
            after(first, lambda _: pool.submit(breaks)).result(PATIENCE)


def test_half_of_what_stands_on_a_commit_is_unknown(pool: ThreadPoolExecutor) -> None:
    run = replace(asking(RULES).run, policy=CHECKED)
    found = gathering(Github(protection_hidden=True), pool).conditions(run, ANSWER)
    assert found.checks == {"tests": Unknown("hub_refused", "not for you")}


def test_under_another_policy_what_depends_on_it_is_asked_again(pool: ThreadPoolExecutor) -> None:
    github = Github(file=PolicyFile("q" * 40, b"newer"))
    found = gathering(github, pool).conditions(asking(RULES).run, ANSWER)
    assert isinstance(found.policy, Policy)
    assert found.policy.blob_sha == "q" * 40
    assert github.asked.count("policy") == 1
    assert github.asked.count("standing") == 2


def test_a_gate_file_that_is_gone_is_a_problem_while_a_run_is_open(pool: ThreadPoolExecutor) -> None:
    found = gathering(Github(file=PolicyAbsent()), pool).conditions(asking(RULES).run, ANSWER)
    assert isinstance(found.policy, PolicyProblem)
    assert found.policy.code == "policy_missing"


# --- whether the head was away since the oldest approval (cases 23, 34)

AN_HOUR = timedelta(hours=1)


def test_nothing_that_happened_since_the_approval_costs_no_question(pool: ThreadPoolExecutor) -> None:
    github = Github(touched_at=START)
    found = gathering(github, pool).conditions(asking(RULES).run, ANSWER)
    assert "interrupted" not in github.asked
    assert isinstance(found.head, Head)
    assert found.head.interrupted_at is None


@pytest.mark.parametrize("touched_at", [START + AN_HOUR, None], ids=["something", "nobody knows"])
def test_something_that_happened_since_is_asked_about(
    pool: ThreadPoolExecutor, touched_at: datetime | None
) -> None:
    found = gathering(Github(touched_at=touched_at, away=START), pool).conditions(asking(RULES).run, ANSWER)
    assert isinstance(found.head, Head)
    assert found.head.interrupted_at == START


def test_a_past_that_cannot_be_read_leaves_the_head_unknown(pool: ThreadPoolExecutor) -> None:
    github = Github(touched_at=None, away=HubUnavailable("502"))
    assert isinstance(gathering(github, pool).conditions(asking(RULES).run, ANSWER).head, Unknown)


def test_without_an_approval_the_past_does_not_matter(pool: ThreadPoolExecutor) -> None:
    github = Github(touched_at=None)
    gathering(github, pool).conditions(asking(RULES).run, ClockTicked(START))
    assert "interrupted" not in github.asked


# --- the floor of the organisation (case 97)


def test_case_097_a_policy_is_pinned_to_the_floor_too(pool: ThreadPoolExecutor) -> None:
    github = Github(floor=PolicyFile("f" * 40, b"floor"))
    found = gathering(github, pool).policy(CHANGE.repository)
    assert isinstance(found, Policy)
    assert found.blob_sha == "p" * 40 + "+" + "f" * 40


@pytest.mark.parametrize(
    ("floor", "said"),
    [
        (PolicyRefused("a symlink"), "a symlink"),
        (HubUnavailable("502"), "502"),
        (HubRefused("no", 403), "no"),
    ],
    ids=["no plain file", "unavailable", "refused"],
)
def test_case_097_a_floor_that_cannot_be_read_closes(
    floor: PolicyRefused | Exception, said: str, pool: ThreadPoolExecutor
) -> None:
    found = gathering(Github(floor=floor), pool).policy(CHANGE.repository)
    assert isinstance(found, PolicyProblem | Unknown)
    assert f"the floor of the organisation: {said}" in found.detail
    conditions = gathering(Github(floor=floor), pool).conditions(asking(RULES).run, ANSWER)
    assert not isinstance(conditions.policy, Policy)


def test_without_a_gate_file_a_floor_makes_no_gates(pool: ThreadPoolExecutor) -> None:
    github = Github(file=PolicyAbsent(), floor=PolicyFile("f" * 40, b"floor"))
    assert isinstance(gathering(github, pool).policy(CHANGE.repository), PolicyAbsent)


# --- which team a name means (case 62)

SRE = policy(ApproverLine(teams=("acme/sre",)))


@pytest.fixture
def asked(pool: ThreadPoolExecutor) -> tuple[Github, Memory, Gathering]:
    """A gate whose policy names a team; the team was looked at before anybody was asked."""
    github, memory = Github(), Memory()
    sees = replace(
        gathering(github, pool, memory), read_policy=lambda file, _: replace(SRE, blob_sha=file.blob_sha)
    )
    sees.conditions(asking(SRE).run, ClockTicked(START))
    return github, memory, sees


def test_case_062_which_team_is_meant_is_known_before_anybody_is_asked(
    asked: tuple[Github, Memory, Gathering],
) -> None:
    github, memory, sees = asked
    assert memory.pins == {f"{SRE.blob_sha}:acme/sre": 500}
    sees.conditions(asking(SRE).run, ClockTicked(START))
    assert github.asked.count("team") == 1, "it is asked about again only when there is an answer"


@pytest.mark.parametrize(
    ("team", "certain"),
    [
        pytest.param(500, True, id="the same team"),
        pytest.param(501, False, id="deleted, and made again by somebody"),
        pytest.param(None, False, id="gone"),
        pytest.param(HubUnavailable("502"), False, id="cannot be read"),
    ],
)
def test_case_062_a_team_counts_while_its_name_means_the_same_one(
    asked: tuple[Github, Memory, Gathering], team: int | Exception | None, certain: bool
) -> None:
    github, _, sees = asked
    github.team = team
    standing = sees.conditions(asking(SRE).run, ANSWER).standings[REVIEWER.id]
    assert isinstance(standing, Standing)
    assert (standing.teams, standing.doubtful) == ((("acme/sre",), ()) if certain else ((), ("acme/sre",)))


def test_case_062_a_changed_gate_file_says_anew_which_team_is_meant(
    asked: tuple[Github, Memory, Gathering],
) -> None:
    github, memory, sees = asked
    github.team, github.file = 501, PolicyFile("q" * 40, b"newer")
    sees.conditions(asking(SRE).run, ANSWER)
    assert memory.pins == {f"{SRE.blob_sha}:acme/sre": 500, f"{'q' * 40}:acme/sre": 501}


def test_who_delegated_to_somebody_who_answers_is_looked_at_too(pool: ThreadPoolExecutor) -> None:
    day = START + timedelta(days=3)
    delegated = Delegation(Person(102, "maintainer"), REVIEWER, START, day)

    class Delegated(Memory):
        def environments(self, repository_id: int, names: Sequence[str]) -> Mapping[str, EnvironmentFacts]:
            return {"staging": EnvironmentFacts("staging", delegations=(delegated,))}

    found = gathering(Github(), pool, Delegated()).conditions(asking(RULES).run, ANSWER)
    assert set(found.standings) == {REVIEWER.id, 102}


def test_the_login_that_a_delegation_names_is_told_by_number(pool: ThreadPoolExecutor) -> None:
    rules = policy()
    line = "/delegate @maintainer until 2026-03-05"
    event = replace(ANSWER, line=line)
    found = gathering(Github(), pool).conditions(asking(rules).run, event)
    assert found.identities == {"maintainer": 102}
