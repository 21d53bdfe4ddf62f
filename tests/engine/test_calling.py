"""Which gate a job means: the one it names, the one of its own run, the only one that is open; else it is told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from support.runs import CHANGE, REVIEWER, World, policy, proposed

from gate_app.domain.events import DeploymentCreated, JobAsked
from gate_app.domain.grants import Job, JobAnswer
from gate_app.domain.model import Content, Origin, Subject
from gate_app.domain.opening import open_rollback
from gate_app.domain.policy import GrantRoute, Policy
from gate_app.domain.run import Run
from gate_app.engine.calling import JOB_CALL, Calling
from gate_app.engine.ports import Delivery, InboxItem, RunNoticed, StoredRun

MAIN = "refs/heads/main"
JOB = Job(
    71, 9, "acme/greeter", 77, 1, "deploy.yml", MAIN, "deploy.yml", MAIN, "workflow_dispatch", MAIN, "d" * 40,
    "staging", "k",
)  # fmt: skip


@dataclass
class Kept:
    """The runs that there are, and what became of a call."""

    runs: dict[str, Run] = field(default_factory=dict)
    answers: list[JobAnswer] = field(default_factory=list)
    items: list[InboxItem] = field(default_factory=list)

    def run(self, run_id: str) -> StoredRun | None:
        return StoredRun(self.runs[run_id], 1) if run_id in self.runs else None

    def unfinished_subjects(self, repository_id: int) -> Sequence[str]:
        ours = [run for run in self.runs.values() if run.change.repository.id == repository_id]
        return list(dict.fromkeys(run.change.subject.key for run in ours))

    def unfinished(self, subject: str) -> Sequence[StoredRun]:
        return [StoredRun(run, 1) for run in self.runs.values() if run.change.subject.key == subject]

    def answer(self, told: JobAnswer, at: object) -> None:
        self.answers.append(told)

    def route(self, delivery: Delivery, items: Sequence[InboxItem], note: str) -> None:
        self.items += items


def granted() -> Policy:
    rules = policy()
    return replace(rules, environments=tuple(replace(e, deploy=GrantRoute()) for e in rules.environments))


def waiting(number: int = 1, sha: str = "a" * 40) -> World:
    """A pull request whose staging waits."""
    change = replace(CHANGE, subject=Subject(71, number=number), head=Content(sha, "b" * 40))
    world = proposed(granted(), change)
    world.stage_ends()
    return world


def called(*worlds: World | Run, job: Job = JOB, gate: str = "", environment: str = "staging") -> Kept:
    runs = [each.run if isinstance(each, World) else each for each in worlds]
    kept = Kept({run.id: run for run in runs})
    said: dict[str, Any] = {
        "want": "redeem",
        "ticket": "t",
        "environment": environment,
        "gate": gate,
        "outcome": "",
    }
    said["job"] = {name: getattr(job, name) for name in Job.__dataclass_fields__}
    row = Delivery(1, "job-x", JOB_CALL, json.dumps(said).encode(), CHANGE_AT, 0)
    Calling(kept).route(row)  # type: ignore[arg-type]  # as much of a store as is asked here
    return kept


CHANGE_AT = waiting().now


def meant(kept: Kept) -> str:
    """The run that hears of it, or the reason code that the job is told."""
    if kept.items:
        (item,) = kept.items
        assert isinstance(item.notice, RunNoticed)
        assert isinstance(item.notice.event, JobAsked)
        assert kept.answers == []
        return item.notice.run_id
    (answer,) = kept.answers
    return str(json.loads(answer.body)["reason_code"])


def test_the_only_gate_that_is_open_is_meant() -> None:
    assert meant(called(waiting())) == "71#1:1"


def test_of_several_the_named_one() -> None:
    worlds = (waiting(1), waiting(2))
    assert meant(called(*worlds)) == "gate_ambiguous"
    assert meant(called(*worlds, gate="71#2:1:staging")) == "71#2:1"


@pytest.mark.parametrize(
    "gate",
    [
        "71#3:1:staging",
        "71#1:1:production",
        "71#1:1",
        "nonsense",
        "71#1:1:staging+1",
        "71#1:1:staging+",
        ":staging",
    ],
)
def test_a_name_of_nothing_is_nothing(gate: str) -> None:
    assert meant(called(waiting(), gate=gate)) == "gate_unknown"


def test_an_earlier_occasion_is_over() -> None:
    world = waiting()
    again = replace(world.gate("staging"), requested=2)
    world.run = world.run.with_gate(again)
    assert meant(called(world, gate="71#1:1:staging+2")) == "71#1:1"
    assert meant(called(world, gate="71#1:1:staging+1")) == "gate_unknown"
    assert meant(called(world, gate="71#1:1:staging")) == "gate_unknown"


def test_another_repository_has_no_gate_here() -> None:
    """Cases 129, 151."""
    stranger = replace(JOB, repository_id=72)
    assert meant(called(waiting(), job=stranger)) == "gate_unknown"
    assert meant(called(waiting(), job=stranger, gate="71#1:1:staging")) == "gate_unknown"


def test_an_environment_without_a_gate_is_unknown() -> None:
    assert meant(called(waiting(), environment="moon")) == "gate_unknown"
    assert meant(called()) == "gate_unknown"


def test_a_closed_gate_is_not_open() -> None:
    world = waiting()
    world.says(REVIEWER, "/deny staging no")
    assert meant(called(world)) == "gate_unknown"


def test_a_job_that_has_the_grant_means_its_own_release() -> None:
    world = waiting(1)
    world.says(REVIEWER, "/approve staging")
    world.passes(1).happens(JobAsked(world.now, "staging", "t" * 64, "redeem", JOB))
    world.happens(DeploymentCreated(world.now, "staging", 901))
    assert meant(called(world, waiting(2))) == "71#1:1"


def test_a_push_means_its_own_commit_and_no_other() -> None:
    pushed = replace(JOB, event="push", sha="c" * 40)
    assert meant(called(waiting(1), job=pushed)) == "gate_unknown"
    assert meant(called(waiting(1), waiting(2, "c" * 40), job=pushed)) == "71#2:1"


def test_the_way_back_goes_before_what_waits() -> None:
    subject = Subject(71, ref="rollback/staging")
    change = replace(CHANGE, subject=subject, origin=Origin.DEFAULT_BRANCH, base_sha="f" * 40)
    back = open_rollback(change, 1, granted(), CHANGE_AT, "staging", "it broke", "71#1:1:staging")
    assert meant(called(waiting(1), waiting(2), back)) == back.id
