"""Other people's checks: what they come to together, and how a gate follows them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.runs import CHANGE, HEAD, REVIEWER, START, World, policy, proposed

from gate_app.domain.checks import (
    Check,
    CheckReading,
    CheckState,
    Required,
    judge_checks,
    looked_at,
    settled,
    since,
)
from gate_app.domain.effects import PublishCheckRun, PublishComment, StopStage
from gate_app.domain.events import ChangeClosed, ChangeProposed, ClockTicked, HeadMoved
from gate_app.domain.evidence import Evidence, StageReason, StageVerdict, digest
from gate_app.domain.following import checks_to_read, watched
from gate_app.domain.model import Origin, Subject, Unknown
from gate_app.domain.opening import open_run
from gate_app.domain.policy import ChecksWork, CommandWork, Policy, PolicyProblem, Select, Stage

ACTIONS = 15368
DIGEST_OF_NOTHING = "1381b4f72c5af6004d3d0db05578df3c58aa11f85c1ba0b2bf73e18ecdcf8524"
LATER = START + timedelta(minutes=11)
CONCLUSIONS = {
    CheckState.PENDING: "in_progress",
    CheckState.PASSED: "success",
    CheckState.SKIPPED: "skipped",
    CheckState.FAILED: "failure",
    CheckState.INCONCLUSIVE: "cancelled",
}


def check(name: str, state: CheckState = CheckState.PASSED, number: int = 1, **said: object) -> Check:
    facts = {"app": ACTIONS, "suite": 7, "at": START, "conclusion": CONCLUSIONS[state], **said}
    return Check(id=number, name=name, state=state, **facts)  # type: ignore[arg-type]  # the tests name real fields


def passing(*names: str) -> CheckReading:
    return CheckReading(tuple(check(name) for name in names))


P, F, R, S, X = (
    CheckState.PASSED,
    CheckState.FAILED,
    CheckState.PENDING,
    CheckState.SKIPPED,
    CheckState.INCONCLUSIVE,
)


@pytest.mark.parametrize(
    ("states", "missing", "verdict"),
    [
        pytest.param((P,), (), "passed", id="one success is enough"),
        pytest.param((P, S), (), "passed", id="skipped and neutral pass beside a success, as at GitHub"),
        pytest.param((S, S), (), "unknown", id="case 93: nothing is green because everything was skipped"),
        pytest.param((P, F), (), "failed", id="one failure fails"),
        pytest.param((R, F), (), "failed", id="a failure does not wait for the rest"),
        pytest.param((P, R), (), "running", id="one that runs is waited for"),
        pytest.param((P, X), (), "unknown", id="a cancelled one says neither yes nor no"),
        pytest.param((), (), "unknown", id="case 93: no check at all"),
        pytest.param((P,), ("lint",), "unknown", id="one that is asked for is not there"),
        pytest.param((R,), ("lint",), "running", id="while others run it may yet come"),
    ],
)
def test_checks_come_to(states: tuple[CheckState, ...], missing: tuple[str, ...], verdict: str) -> None:
    checks = tuple(check(f"c{index}", state) for index, state in enumerate(states))
    outcome = judge_checks(CheckReading(checks, missing), START, LATER)
    assert (outcome.verdict.value if outcome else "running") == verdict


@pytest.mark.parametrize(
    ("select", "names", "missing"),
    [
        pytest.param("all", ["lint", "test (3.12)", "ci/old"], (), id="all"),
        pytest.param(("test (3.12)",), ["test (3.12)"], (), id="a name, letter by letter"),
        pytest.param(
            ("ci*", "deploy"), ["ci/old"], ("deploy",), id="a glob spans a slash; what fits nothing"
        ),
        pytest.param("required", ["lint", "ci/old"], ("e2e",), id="what the branch requires"),
    ],
)
def test_a_stage_looks_at(select: Select, names: list[str], missing: tuple[str, ...]) -> None:
    standing = [check("lint"), check("test (3.12)"), check("ci/old", app=0, suite=0)]
    required = [Required("lint", ACTIONS), Required("ci/old"), Required("e2e")]
    found = looked_at(select, standing, required)
    assert ([each.name for each in found.checks], found.missing) == (names, missing)


def test_case_117_what_is_pinned_to_an_app_counts_from_that_app_alone() -> None:
    pinned = [Required("test", ACTIONS)]
    assert looked_at("required", [check("test", app=0)], pinned) == CheckReading((), ("test",))


@pytest.mark.parametrize("reading", [CheckReading(), CheckReading((check("a"),), ("lint",))])
def test_a_check_has_ten_minutes_to_appear(reading: CheckReading) -> None:
    assert judge_checks(reading, START, START + timedelta(minutes=9, seconds=59)) is None
    outcome = judge_checks(reading, START, START + timedelta(minutes=10))
    assert outcome is not None
    assert outcome.reason is StageReason.CHECK_NOT_FOUND


def test_what_is_missing_is_named() -> None:
    outcome = judge_checks(CheckReading((), tuple("abcdefg")), START, LATER)
    assert outcome is not None
    assert "a, b, c, d, e …" in outcome.detail


def test_what_failed_is_named_with_how() -> None:
    reading = CheckReading(
        (check("lint"), check("test", F), check("slow", F, conclusion="timed_out"), check("other", R))
    )
    outcome = judge_checks(reading, START, START)
    assert outcome is not None
    assert outcome.detail == "Checks failed: slow (timed_out), test (failure)."
    assert outcome.evidence.summary == "4 checks: 1 failure, 1 in_progress, 1 success, 1 timed_out"


def test_too_many_checks_are_unknown_and_not_cut() -> None:
    reading = passing(*(f"c{number}" for number in range(1_001)))
    outcome = judge_checks(reading, START, START)
    assert outcome is not None
    assert (outcome.verdict, outcome.reason) == (StageVerdict.UNKNOWN, StageReason.CHECKS_TOO_MANY)


def test_a_rerun_replaces_the_run_before_it() -> None:
    again = (check("test", P, 2), check("test", F, 1))
    assert settled(again) == (again[0],)
    worse = (check("test", P, 1), check("test", F, 2))
    assert settled(worse) == (worse[1],)


def test_a_failure_of_another_workflow_with_the_same_job_name_stands() -> None:
    two = (check("build", F, 1, suite=7), check("build", P, 2, suite=8))
    assert settled(two) == (two[0],)


def test_a_run_of_the_same_name_elsewhere_is_waited_for() -> None:
    two = (check("build", R, 1, suite=7), check("build", P, 2, suite=8))
    assert settled(two) == (two[0],)


def test_a_cancelled_run_gives_way_to_a_newer_one_elsewhere() -> None:
    two = (check("build", X, 1, suite=7), check("build", P, 2, suite=8))
    assert settled(two) == (two[1],)


def test_case_117_the_same_name_by_two_apps_is_two_checks() -> None:
    two = (check("build", F, 1, app=1), check("build", P, 2, app=2))
    assert set(settled(two)) == set(two)


def test_what_began_before_a_deployment_does_not_verify_it() -> None:
    old, queued, new = (
        check("a", at=START - timedelta(seconds=1)),
        check("b", at=None),
        check("c", at=START),
    )
    assert since(CheckReading((old, queued, new), ("x",)), START) == CheckReading((queued, new), ("x",))


def test_the_evidence_is_the_same_after_a_rerun_that_found_the_same() -> None:
    one = judge_checks(CheckReading((check("a", link="https://github.com/1"),)), START, START)
    two = judge_checks(CheckReading((check("a", P, 9, link="https://github.com/9"),)), START, LATER)
    other = judge_checks(CheckReading((check("a"), check("b"))), START, START)
    assert one is not None
    assert two is not None
    assert other is not None
    assert digest(one.evidence) == digest(two.evidence) != digest(other.evidence)


def test_evidence_without_checks_has_the_digest_it_always_had() -> None:
    """Answers and journals of earlier versions are bound to it."""
    assert digest(Evidence()) == DIGEST_OF_NOTHING


# --- how a gate follows them -----------------------------------------------------------------------------


CI = Stage("ci", ChecksWork("all"))


def checked(*also: Stage, needs: tuple[str, ...] = ("ci",), verify: tuple[str, ...] = ()) -> Policy:
    rules = policy()
    gates = tuple(replace(environment, needs=needs) for environment in rules.environments)
    staging = replace(gates[0], verify=verify)
    return replace(rules, stages=(CI, *also), environments=(staging, gates[1]))


def reads(world: World, reading: CheckReading | Unknown, stage: str = "ci") -> World:
    """The next decisions read this; a look is taken at once."""
    world.checks[stage] = reading
    world.tick()
    return world


def test_a_gate_asks_once_the_checks_of_others_are_green() -> None:
    world = proposed(checked())
    assert world.codes("staging")[:2] == ("needs", "stage_running")
    reads(world, CheckReading((check("test", R),)))
    assert world.gate("staging").question is None
    reads(world, passing("test"))
    assert world.gate("staging").question is not None
    assert world.decisions[-1].verdicts["staging"].asks


def test_checks_that_are_green_when_the_run_opens_are_enough() -> None:
    rules = checked()
    world = World(open_run(CHANGE, 1, rules, START), current_policy=rules, checks={"ci": passing("test")})
    world.happens(ChangeProposed(START, CHANGE))
    assert world.run.stages["ci"].outcome is not None
    world.tick()
    assert world.gate("staging").question is not None


def test_a_red_check_closes_the_gate_and_a_rerun_opens_it_again() -> None:
    world = reads(proposed(checked()), CheckReading((check("test", F),)))
    assert "stage_failed" in world.codes("staging")
    reads(world, passing("test"))
    assert world.decisions[-1].verdicts["staging"].asks


@pytest.mark.parametrize("now", [Unknown("hub_unavailable", "502"), CheckReading((check("test", R),))])
def test_nothing_is_recommended_while_the_evidence_does_not_stand(now: CheckReading | Unknown) -> None:
    world = reads(reads(proposed(checked()), passing("test")), now)
    asked = [
        e.body for e in world.effects if isinstance(e, PublishComment) and e.surface.startswith("question")
    ]
    assert "approve, because every stage is clean" in asked[0]
    assert "none, because the evidence is incomplete" in asked[-1]


def test_a_check_that_turned_red_after_the_question_releases_nothing() -> None:
    world = reads(proposed(checked()), passing("test"))
    world.checks["ci"] = CheckReading((check("test", F, 2),))
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")
    assert "stage_failed" in world.codes("staging")


def test_a_passing_trouble_takes_no_answer_with_it() -> None:
    world = reads(proposed(checked()), passing("test"))
    world.checks["ci"] = Unknown("hub_unavailable", "502")
    world.says(REVIEWER, "/approve staging")
    assert not world.releases("staging")
    assert "stage_unknown" in world.codes("staging")
    assert world.run.wake_at == world.now + timedelta(seconds=30)
    reads(world.passes(30), passing("test"))
    assert len(world.releases("staging")) == 1


def test_checks_that_could_never_be_read_are_unknown_and_tried_again() -> None:
    world = reads(proposed(checked()), Unknown("hub_refused"))
    assert world.run.stages["ci"].outcome is not None
    assert "hub_refused" in world.run.stages["ci"].outcome.detail
    assert world.run.wake_at == world.now + timedelta(seconds=30)


def test_a_check_that_never_comes_is_unknown_and_seen_when_it_does() -> None:
    world = reads(proposed(checked()), CheckReading())
    assert world.run.wake_at == START + timedelta(minutes=5)
    world.passes(7 * 60).tick()
    assert world.run.wake_at == START + timedelta(minutes=10)
    world.passes(3 * 60).tick()
    assert "stage_unknown" in world.codes("staging")
    assert world.run.stages["ci"].outcome is not None
    assert world.run.stages["ci"].outcome.reason is StageReason.CHECK_NOT_FOUND
    assert world.run.wake_at == START + timedelta(minutes=20)
    reads(world.passes(60), passing("test"))
    assert world.decisions[-1].verdicts["staging"].asks


def test_waiting_for_a_person_costs_no_further_look() -> None:
    world = reads(proposed(checked()), passing("test"))
    assert world.run.wake_at == START + timedelta(hours=48, seconds=1)


def test_how_soon_it_is_looked_again_grows_and_ends_at_six_hours() -> None:
    world = reads(proposed(checked()), CheckReading((check("test", R),)))
    world.passes(3 * 3600).tick()
    assert world.run.wake_at == START + timedelta(hours=6)
    world.passes(30 * 3600).tick()
    assert world.run.wake_at == START + timedelta(hours=39)


def test_checks_are_no_work_of_ours_to_stop() -> None:
    world = reads(proposed(checked()), CheckReading((check("test", R),)))
    world.happens(HeadMoved(world.now, "e" * 40, "main"))
    assert world.run.final
    assert not [effect for effect in world.effects if isinstance(effect, StopStage)]
    assert watched(world.run) == ()


def test_nobody_looks_any_more_once_every_gate_is_decided() -> None:
    rules = checked()
    world = reads(proposed(replace(rules, environments=rules.environments[:1])), passing("test"))
    reads(world, CheckReading((check("test", R, 2),)))
    world.says(REVIEWER, "/deny staging no")
    assert world.run.stages["ci"].outcome is not None
    assert world.run.stages["ci"].outcome.reason is StageReason.STOPPED
    assert world.run.final
    assert watched(world.run) == ()


def test_a_gate_that_is_opened_anew_rests_on_nothing_that_was_read_before() -> None:
    world = reads(proposed(checked()), passing("test"))
    world.says(REVIEWER, "/cancel")
    world.checks.clear()
    world.says(REVIEWER, "/deploy staging")
    assert "stage_running" in world.codes("staging")
    assert world.decisions[-2].again
    reads(world, passing("test"))
    assert world.decisions[-1].verdicts["staging"].asks


def test_a_gate_that_closes_while_checks_run_ends_the_looking() -> None:
    world = reads(proposed(checked(), change=CHANGE), CheckReading((check("test", R),)))
    world.happens(ChangeClosed(world.now, merged=False))
    assert world.run.final


def test_what_is_followed_is_the_commit_while_a_gate_needs_it() -> None:
    world = proposed(checked())
    assert watched(world.run) == (("commit", HEAD.sha),)
    assert watched(proposed().run) == ()
    assert watched(proposed(PolicyProblem("policy_invalid", "broken")).run) == ()


def test_a_pull_request_without_gates_follows_nothing_and_says_nothing() -> None:
    rules = checked()
    of_branch = tuple(replace(e, origin=Origin.DEFAULT_BRANCH) for e in rules.environments)
    world = proposed(replace(rules, environments=of_branch))
    assert world.run.stages == {}
    assert checks_to_read(world.run, rules) == {}
    assert not [effect for effect in world.effects if isinstance(effect, PublishComment)]


def test_a_stage_that_the_gate_file_turned_into_checks_is_looked_at_anew() -> None:
    rules = checked()
    world = proposed(replace(rules, stages=(Stage("ci", CommandWork("true")),)))
    world.current_policy = replace(rules, blob_sha="q" * 40)
    world.checks["ci"] = passing("test")
    world.passes(1).tick()
    assert StopStage("ci", 1) in world.effects
    world.passes(30).tick()
    assert world.decisions[-1].verdicts["staging"].asks


def test_a_broken_gate_file_leaves_the_checks_alone() -> None:
    world = reads(proposed(checked()), passing("test"))
    world.current_policy = PolicyProblem("policy_invalid", "broken")
    world.tick()
    assert world.run.stages["ci"].outcome is not None


def test_checks_after_a_deployment_must_have_begun_after_it() -> None:
    world = proposed(checked(Stage("smoke", ChecksWork(("smoke",))), verify=("smoke",)))
    reads(world, passing("test"))
    world.says(REVIEWER, "/approve staging")
    world.passes(60).deploys("staging")
    old = check("smoke", at=START)
    reads(world, CheckReading((old,)), "smoke")
    assert world.run.stages["smoke@staging"].outcome is None
    world.checks["smoke"] = Unknown("hub_unavailable", "502")
    reads(world, CheckReading((replace(old, id=2, at=world.now),)), "smoke")
    world.tick()
    assert world.environments["staging"].running == HEAD
    assert world.gate("staging").release is not None
    assert world.run.stages["smoke@staging"].outcome is not None


def test_a_deployment_goes_on_being_verified_when_its_pull_request_is_merged() -> None:
    world = proposed(checked(Stage("smoke", ChecksWork(("smoke",))), verify=("smoke",)))
    reads(world, passing("test"))
    world.says(REVIEWER, "/approve staging")
    world.deploys("staging")
    world.happens(ChangeClosed(world.now, merged=True))
    assert watched(world.run) == (("commit", HEAD.sha),)
    reads(world, CheckReading((check("smoke", F, 5, at=world.now),)), "smoke")
    assert world.run.stages["smoke@staging"].outcome is not None
    world.tick()
    assert "verification_failed" in world.codes("staging")


def test_each_check_is_listed_with_its_page_and_those_that_failed_come_first() -> None:
    many = [
        check(f"a{number:02}", link=f"https://github.com/acme/greeter/runs/{number}") for number in range(50)
    ]
    reads(world := proposed(checked()), CheckReading((*many, check("lint", F))))
    shown = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "stage:ci"][-1]
    lines = shown.summary.splitlines()
    assert lines[1] == "- `lint`: `failure`"
    assert lines[2] == "- [`a00`](https://github.com/acme/greeter/runs/0): `success`"
    assert lines[-1] == "- and 11 more"


def test_the_run_of_a_branch_follows_its_head_too() -> None:
    rules = checked()
    of_branch = replace(
        rules, environments=tuple(replace(e, origin=Origin.DEFAULT_BRANCH) for e in rules.environments)
    )
    change = replace(
        CHANGE, subject=Subject(CHANGE.repository.id, ref="refs/heads/main"), origin=Origin.DEFAULT_BRANCH
    )
    world = World(open_run(change, 1, of_branch, START), current_policy=of_branch)
    world.happens(ClockTicked(START))
    reads(world, passing("test"))
    assert world.decisions[-1].verdicts["staging"].asks
