"""After a release: the watch, its breach, and the question whether to go back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.runs import (
    AUTHOR,
    HEAD,
    MAINTAINER,
    READER,
    REVIEWER,
    START,
    World,
    asking,
    policy,
    presses,
    shown_buttons,
    unknown_outcome,
)

from gate_app.domain.conditions import EnvironmentFacts, Head, Running
from gate_app.domain.draft import RollbackProposal
from gate_app.domain.effects import PublishCheckRun, PublishComment, ReportDeployment, StartStage
from gate_app.domain.events import ChangeClosed, ChangeProposed, ReleaseReturned, StageVanished
from gate_app.domain.evidence import Evidence, StageOutcome, StageReason, StageVerdict
from gate_app.domain.locks import Lock
from gate_app.domain.model import Content, Subject, Unknown
from gate_app.domain.opening import open_rollback, rollback_subject
from gate_app.domain.policy import ApprovalMode, ApprovalPolicy, ApproverLine, Environment, Permission, Policy
from gate_app.domain.probes import Probe, ProbeWork
from gate_app.domain.run import ReleaseStatus

BREACHED_GATE = "71#1:1:staging"
EARLIER = Content("e" * 40, "f" * 40)
MONITOR = ProbeWork((Probe("https://app.example/healthz"),), timedelta(minutes=15))
BREACH = StageOutcome(
    StageVerdict.FAILED, StageReason.PROBE_BREACHED, Evidence(), "https://app.example/healthz answered 500"
)


def watched(**staging: object) -> Policy:
    """Staging is watched for a quarter of an hour."""
    rules = policy()
    first, second = rules.environments
    return replace(rules, environments=(replace(first, **{"monitor": MONITOR, **staging}), second))  # type: ignore[arg-type]  # keyword pass-through


def deployed(rules: Policy | None = None) -> World:
    """Staging ran `EARLIER` healthily; the change was approved and deployed there and is watched now."""
    world = asking(rules or watched())
    world.environments["staging"] = EnvironmentFacts("staging", 3, EARLIER, (EARLIER,), baseline=("old",))
    world.says(REVIEWER, "/approve staging")
    world.deploys("staging")
    return world


def status(world: World) -> ReleaseStatus:
    release = world.gate("staging").release
    assert release is not None
    return release.status


def reports(world: World) -> list[tuple[str, str]]:
    return [(e.state, e.description) for e in world.effects if isinstance(e, ReportDeployment)]


def test_a_release_is_watched_before_it_counts_as_healthy() -> None:
    world = deployed()
    assert status(world) is ReleaseStatus.WATCHING
    (started,) = [e for e in world.effects if isinstance(e, StartStage) and e.stage == "watch@staging"]
    assert (started.probes, started.timeout, started.command) == (MONITOR.probes, MONITOR.duration, "")
    assert world.codes("production") == ("after_unmet", "approval", "approval_missing")
    world.stage_ends("watch@staging")
    assert status(world) is ReleaseStatus.HEALTHY
    assert world.decisions[-1].verdicts["production"].asks
    assert [state for state, _ in reports(world)] == ["in_progress", "in_progress", "success"]
    assert "watched until 09:15 UTC" in reports(world)[1][1]


def test_a_breach_is_shown_and_reported_and_asks_to_go_back_to_what_was_healthy() -> None:
    world = deployed()
    world.stage_ends("watch@staging", BREACH)
    assert status(world) is ReleaseStatus.FAILED
    assert world.environments["staging"].busy_with == BREACHED_GATE  # nobody else asks before this is decided
    assert reports(world)[-1][0] == "failure"
    proposals = [each for decision in world.decisions for each in decision.proposals]
    assert proposals == [RollbackProposal("staging", EARLIER, BREACH.detail)]
    check = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "gate:staging"][-1]
    assert (check.conclusion, check.title) == ("failure", "Released, but the watch saw it fail")
    assert "watch_breached" in check.summary


def test_without_anything_healthy_before_there_is_nothing_to_go_back_to() -> None:
    world = asking(watched())
    world.says(REVIEWER, "/approve staging")
    world.deploys("staging")
    world.stage_ends("watch@staging", BREACH)
    assert status(world) is ReleaseStatus.FAILED
    assert world.environments["staging"].busy_with is None
    assert not any(decision.proposals for decision in world.decisions)


def test_a_watch_that_cannot_tell_is_no_health_and_no_breach() -> None:
    world = deployed()
    world.stage_ends("watch@staging", unknown_outcome())
    assert status(world) is ReleaseStatus.FAILED
    assert "watch_unknown" in world.codes("staging")
    assert not any(decision.proposals for decision in world.decisions)


def test_a_watch_whose_worker_is_gone_starts_again() -> None:
    world = deployed()
    world.happens(StageVanished(world.now, "watch@staging", 1))
    assert status(world) is ReleaseStatus.WATCHING
    assert world.run.stages["watch@staging"].attempt == 2


def test_a_watch_that_the_policy_no_longer_has_ends_unknown() -> None:
    world = deployed()
    world.current_policy = replace(policy(), blob_sha="q" * 40)
    world.happens(StageVanished(world.now, "watch@staging", 1))
    assert status(world) is ReleaseStatus.FAILED
    world = deployed()
    world.current_policy = replace(policy(), blob_sha="q" * 40, environments=policy().environments[1:])
    world.happens(StageVanished(world.now, "watch@staging", 1))
    assert status(world) is ReleaseStatus.FAILED


def test_verified_first_then_watched() -> None:
    rules = watched(verify=("tests",))
    world = deployed(rules)
    assert status(world) is ReleaseStatus.VERIFYING
    world.stage_ends("tests@staging")
    assert status(world) is ReleaseStatus.WATCHING


def by_rule(what: str) -> Policy:
    return watched(monitor=replace(MONITOR, on_breach=what))


def told(world: World) -> list[str]:
    return [e.body for e in world.effects if isinstance(e, PublishComment) and ":breach:" in e.surface]


def test_where_people_are_only_told_nothing_is_taken_back_and_the_environment_is_free() -> None:
    world = deployed(by_rule("notify"))
    world.stage_ends("watch@staging", BREACH)
    assert not any(decision.proposals for decision in world.decisions)
    assert world.environments["staging"].busy_with is None
    (said,) = told(world)
    assert "saw the release of `aaaaaaaaaaaa` fail: `https://app.example/healthz answered 500`" in said
    assert "`/rollback staging reason` asks for it" in said
    world.tick()
    assert len(told(world)) == 1


def test_where_the_policy_goes_back_by_itself_it_says_so() -> None:
    world = deployed(by_rule("rollback"))
    world.stage_ends("watch@staging", BREACH)
    assert [each for d in world.decisions for each in d.proposals] == [
        RollbackProposal("staging", EARLIER, BREACH.detail, by_rule=policy().blob_sha)
    ]
    assert world.environments["staging"].busy_with == BREACHED_GATE
    (said,) = told(world)
    assert "By rule it goes back to `eeeeeeeeeeee`" in said
    assert "where something is in its way, a person is asked instead" in said


@pytest.mark.parametrize("what", ["rollback", "propose_rollback"])
def test_with_nothing_to_go_back_to_people_are_told(what: str) -> None:
    world = asking(by_rule(what))
    world.says(REVIEWER, "/approve staging")
    world.deploys("staging")
    world.stage_ends("watch@staging", BREACH)
    assert not any(decision.proposals for decision in world.decisions)
    assert world.environments["staging"].busy_with is None
    assert "there is nothing to go back to" in told(world)[0]


def test_a_rollback_by_rule_asks_nobody_once_and_is_not_watched() -> None:
    world = going_back_by_rule()
    (release,) = world.releases("staging")
    assert release.sha == EARLIER.sha
    assert world.gate("staging").question is None
    world.deploys("staging")
    assert status(world) is ReleaseStatus.HEALTHY
    assert "watch@staging" not in world.run.stages
    check = [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == "gate:staging"][-1]
    assert (check.conclusion, "`rollback_by_rule`" in check.summary) == ("success", True)


def test_a_rollback_by_rule_that_fails_does_not_roll_back_again() -> None:
    world = going_back_by_rule()
    failed = StageOutcome(StageVerdict.FAILED, StageReason.COMMAND_FAILED, Evidence(), "it failed")
    world.deploys("staging", failed)
    assert status(world) is ReleaseStatus.FAILED
    assert not any(decision.proposals for decision in world.decisions)
    world.passes(3600).tick()
    assert len(world.releases("staging")) == 1


def test_a_gate_file_that_asks_by_then_is_obeyed() -> None:
    world = rollback(watched(), by_rule=policy().blob_sha)
    assert world.decisions[-1].verdicts["staging"].asks
    assert not world.releases("staging")


LOCK = Lock(9, MAINTAINER, START, START + timedelta(days=1), "a migration")


def in_its_way(what: str) -> World:
    """A breach whose rollback by rule finds something in its way when it is first judged."""
    rules = by_rule("rollback")
    shadow = replace(rules, blob_sha="s" * 40, environments=(replace(rules.environments[0], shadow=True),))
    blob = rules.blob_sha
    match what:
        case "shadow":
            return rollback(shadow, by_rule=shadow.blob_sha)
        case "a lock":
            return rollback(rules, by_rule=blob, lock=LOCK)
        case "another release":
            return rollback(rules, by_rule=blob, busy_with="71#9:1:staging")
        case "no gate file that can be obeyed":
            return rollback(rules, by_rule=blob, current=Unknown("hub_unavailable", "502"))
        case _:
            return rollback(replace(rules, blob_sha="r" * 40), by_rule=blob)


@pytest.mark.parametrize(
    "what",
    ["shadow", "a lock", "another release", "no gate file that can be obeyed", "another gate file"],
)
def test_a_rollback_by_rule_happens_at_once_or_a_person_is_asked(what: str) -> None:
    world = in_its_way(what)
    world.passes(2 * 3600)
    world.current_policy = by_rule("rollback")
    world.environments["staging"] = replace(world.environments["staging"], lock=None, busy_with=BREACHED_GATE)
    world.tick()
    assert not world.releases("staging")
    assert world.decisions[-1].verdicts["staging"].asks
    world.says(REVIEWER, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_a_gate_file_that_is_changed_later_to_ask_nobody_does_not_open_what_was_asked() -> None:
    world = rollback()
    world.current_policy = replace(by_rule("rollback"), blob_sha="r" * 40)
    world.passes(3600).tick()
    assert world.decisions[-1].verdicts["staging"].asks
    assert not world.releases("staging")


def test_a_rollback_by_rule_behind_a_lock_is_asked_about_can_be_refused_and_ends() -> None:
    world = in_its_way("a lock")
    assert "### Roll back `staging`" in question(world)
    world.says(MAINTAINER, "/deny staging it is mended by hand")
    assert world.state("staging") == "denied"
    assert world.environments["staging"].busy_with is None
    world = in_its_way("a lock")
    world.passes(31 * 86400).tick()
    assert world.state("staging") == "expired"
    assert not world.releases("staging")


def test_a_rollback_by_rule_that_github_does_not_take_is_asked_about() -> None:
    world = going_back_by_rule()
    world.happens(ReleaseReturned(world.now, "staging", world.now + timedelta(minutes=1), "502"))
    world.passes(120).tick()
    assert len(world.releases("staging")) == 1
    assert world.decisions[-1].verdicts["staging"].asks


def test_a_rollback_of_an_older_release_asks_a_person() -> None:
    world = rollback(by_rule("rollback"))  # nothing says by which gate file it went back
    assert world.decisions[-1].verdicts["staging"].asks
    assert not world.releases("staging")


# --- the rollback ---


def going_back_by_rule() -> World:
    """The same without asking, by the gate file of the breach."""
    rules = by_rule("rollback")
    return rollback(rules, by_rule=rules.blob_sha)


def rollback(
    rules: Policy | None = None,
    *,
    by_rule: str = "",
    current: Policy | Unknown | None = None,
    busy_with: str = BREACHED_GATE,
    lock: Lock | Unknown | None = None,
) -> World:
    """The breach of the change above asks, in a run of its own, to go back to `EARLIER`."""
    rules = rules or watched()
    change = replace(
        asking(rules).run.change,
        subject=rollback_subject(asking(rules).run.change.repository, "staging"),
        head=EARLIER,
        base_sha=HEAD.sha,
    )
    world = World(
        open_rollback(change, 1, rules, START, "staging", BREACH.detail, BREACHED_GATE, by_rule=by_rule),
        current_policy=current or rules,
    )
    world.head = Head(EARLIER.sha, "main", True)
    before = Running(EARLIER, ("old",))
    world.environments["staging"] = EnvironmentFacts(
        "staging", 7, HEAD, (EARLIER,), busy_with, ("new",), before, lock=lock
    )
    world.happens(ChangeProposed(START, change))
    return world


def question(world: World) -> str:
    return [e.body for e in world.effects if isinstance(e, PublishComment) and "question" in e.surface][-1]


def test_a_rollback_asks_a_person_and_says_why() -> None:
    world = rollback()
    assert world.decisions[-1].verdicts["staging"].asks
    assert "### Roll back `staging` to `eeeeeeeeeeee`?" in question(world)
    assert "answered 500" in question(world)
    check = [e for e in world.effects if isinstance(e, PublishCheckRun)][-1]
    assert (check.name, check.head_sha) == ("rollback / staging", HEAD.sha)
    assert check.title == "Waiting for a person: roll back staging?"
    assert "which was healthy there; what is there now fails: `" in check.summary
    assert "**Who can approve:** one person with write permission.\n" in question(world)
    assert world.started() == []
    assert not [e for e in world.effects if isinstance(e, PublishComment) and e.surface == "status"]


def test_an_approved_rollback_deploys_the_earlier_content_and_restores_its_baseline() -> None:
    world = rollback()
    world.says(REVIEWER, "/approve staging")
    (release,) = world.releases("staging")
    assert release.sha == EARLIER.sha
    world.deploys("staging")
    assert status(world) is ReleaseStatus.HEALTHY
    assert world.environments["staging"].busy_with is None
    assert world.environments["staging"].running == EARLIER
    assert world.environments["staging"].baseline == ("old",)
    deploys = [e.sha for e in world.effects if isinstance(e, StartStage)]
    assert deploys == [EARLIER.sha]


def test_a_baseline_that_is_not_known_is_none() -> None:
    world = rollback()
    facts = world.environments["staging"]
    world.environments["staging"] = replace(facts, before=None)
    world.says(REVIEWER, "/approve staging")
    world.deploys("staging")
    assert world.environments["staging"].baseline is None


def test_a_denied_rollback_leaves_everything_as_it_is() -> None:
    world = rollback()
    world.says(REVIEWER, "/deny staging we are mending it")
    assert world.state("staging") == "denied"
    assert world.releases("staging") == []
    assert world.environments["staging"].busy_with is None


def test_contributors_may_take_their_own_work_out_but_readers_may_not() -> None:
    world = rollback()
    world.says(READER, "/approve staging")
    assert world.releases("staging") == []
    world.says(AUTHOR, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_a_button_of_a_rollback_is_pressed_on_the_page_of_what_it_takes_out() -> None:
    world = rollback()
    presses(world, MAINTAINER, "staging", shown_buttons(world, "staging")["Approve"], HEAD.sha)
    assert len(world.releases("staging")) == 1


def test_a_person_is_asked_even_where_releases_ask_nobody() -> None:
    rules = watched()
    first, second = rules.environments
    nobody = replace(first, approval=replace(first.approval, mode=ApprovalMode.NEVER))
    world = rollback(replace(rules, environments=(nobody, second)))
    assert world.decisions[-1].verdicts["staging"].asks


@pytest.mark.parametrize(
    "line", ["/approve", "/status", "/help", "/why staging", "/cancel", "/deploy staging", "/deny"]
)
def test_everything_but_an_answer_that_names_it_is_left_to_the_run_it_follows(line: str) -> None:
    world = rollback()
    before = len(world.effects)
    world.says(REVIEWER, line)
    assert world.gate("staging").answers == ()
    assert len(world.effects) == before


def test_the_run_that_was_breached_leaves_the_answer_to_the_rollback() -> None:
    world = deployed()
    world.stage_ends("watch@staging", BREACH)
    said = len(world.replies())
    world.says(REVIEWER, "/approve staging")
    world.says(REVIEWER, "/withdraw staging")
    assert len(world.replies()) == said


def test_an_approval_of_a_rollback_is_taken_back() -> None:
    line = ApproverLine(permission=Permission.WRITE, count=2)
    world = rollback(watched(approval=ApprovalPolicy((line,))))
    world.says(REVIEWER, "/approve staging")
    world.says(REVIEWER, "/withdraw staging")
    world.says(MAINTAINER, "/approve staging")
    assert not world.releases("staging")
    world.says(REVIEWER, "/approve staging")
    assert len(world.releases("staging")) == 1


def test_content_that_was_breached_has_passed_no_more() -> None:
    world = deployed()
    world.environments["staging"] = replace(world.environments["staging"], verified=(HEAD, EARLIER))
    world.stage_ends("watch@staging", BREACH)
    assert world.environments["staging"].verified == (EARLIER,)


def test_a_newer_breach_replaces_the_question_of_an_older_one() -> None:
    world = rollback()
    world.happens(ChangeClosed(world.now, merged=False))
    assert world.state("staging") == "superseded"
    assert "rollback_replaced" in world.codes("staging")


def test_an_environment_that_is_gone_from_the_policy_is_not_rolled_back() -> None:
    world = rollback()
    world.current_policy = replace(policy(blob="q" * 40), environments=(Environment("production"),))
    world.tick()
    assert world.state("staging") == "superseded"


def test_rollbacks_have_an_inbox_of_their_own_that_github_is_not_asked_about() -> None:
    repository = asking().run.change.repository
    subject = rollback_subject(repository, "eu: west")
    assert subject.key == "71@rollback/eu%3A%20west"
    assert not subject.is_at_github
    assert Subject(71, ref="refs/heads/main").is_at_github
    assert Subject(71, number=3).is_at_github
