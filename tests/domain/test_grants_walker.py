"""Jobs and people do anything in any order; whoever gets a grant asked for it, may have it, and is the only one.

The oracle is written from what was done, and shares nothing with the rules but the words.
"""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest
from support.runs import AUTHOR, HEAD, MAINTAINER, READER, REVIEWER, World, policy, proposed

from gate_app.domain.conditions import Head
from gate_app.domain.effects import CreateDeployment
from gate_app.domain.events import CommentChanged, DeploymentCreated, JobAsked, ReleaseReturned
from gate_app.domain.grants import Job
from gate_app.domain.model import Unknown
from gate_app.domain.policy import GrantRoute, Policy

MAIN, ELSEWHERE = "refs/heads/main", "refs/heads/feature"
GOOD = Job(
    71, 9, "acme/greeter", 77, 1, "deploy.yml", MAIN, "deploy.yml", MAIN, "workflow_dispatch", MAIN, "d" * 40,
    "staging", "k" * 64,
)  # fmt: skip
FIT = (
    GOOD,
    replace(GOOD, key="l" * 64),
    replace(GOOD, run_id=78),
    replace(GOOD, attempt=2),
    replace(GOOD, environment=""),
    replace(GOOD, event="push", sha=HEAD.sha),
)
UNFIT = (
    replace(GOOD, event="push"),
    replace(GOOD, event="pull_request_target"),
    replace(GOOD, repository_id=72),
    replace(GOOD, repository="acme/other"),
    replace(GOOD, environment="production"),
    replace(GOOD, run_ref=ELSEWHERE),
    replace(GOOD, workflow_ref=ELSEWHERE),
    replace(GOOD, called_from_ref=ELSEWHERE),
)


def rules() -> Policy:
    file = policy()
    return replace(file, environments=(replace(file.environments[0], deploy=GrantRoute()),))


class Walk:
    """A world, and beside it who asked with which ticket, who has said yes, and who has the grant."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - repeatable, no secret
        self.world: World = proposed(rules())
        self.asked: dict[str, Job] = {}
        self.yes: dict[int, int] = {}
        self.denied = False
        self.begun_by: list[Job] = []
        self.granted: dict[str, set[Job]] = {}

    def step(self) -> None:
        self.world.passes(self.chance.choice((1, 1, 60, 3_600)))
        before = len(self.world.decisions)
        action = self.chance.choice((self.job, self.job, self.job, self.person, self.github, self.trouble))
        action()
        for decision in self.world.decisions[before:]:
            self.look_at(decision)

    def job(self) -> None:
        job = self.chance.choice(FIT if self.chance.random() < 0.6 else UNFIT)
        want: Any = self.chance.choice(("redeem", "redeem", "request", "report", "withdraw"))
        ticket = f"{len(self.asked):064x}"
        self.asked[ticket] = job
        self.asking = job if want == "redeem" else None
        outcome: Any = self.chance.choice(("success", "failure", "cancelled")) if want == "report" else ""
        self.world.happens(JobAsked(self.world.now, "staging", ticket, want, job, outcome))

    def person(self) -> None:
        self.asking = None
        who = self.chance.choice((AUTHOR, REVIEWER, MAINTAINER, READER))
        word = self.chance.choice(("/approve staging", "/approve staging", "/deny staging no"))
        if word.startswith("/deny") and self.chance.random() < 0.7:
            return
        asked = self.world.gate("staging").question is not None  # before that there is nothing to deny
        self.world.says(who, word)
        if word.startswith("/approve"):
            self.yes[self.world.last_comment] = who.id
        elif who is not READER and asked:
            self.denied = True

    def github(self) -> None:
        self.asking = None
        release = self.world.gate("staging").release
        if release is not None and release.deployment_id is None:
            now = self.world.now
            lost = ReleaseReturned(now, "staging", now, "422")
            self.world.happens(lost if self.chance.random() < 0.3 else DeploymentCreated(now, "staging", 901))
        elif "tests" in self.world.run.stages and self.world.run.stages["tests"].outcome is None:
            self.world.stage_ends()
        else:
            self.world.tick()

    def trouble(self) -> None:
        self.asking = None
        kind = self.chance.randrange(4)
        if kind == 0 and self.yes:
            comment = self.chance.choice(sorted(self.yes))
            del self.yes[comment]
            self.world.happens(CommentChanged(self.world.now, comment, 1, "edited"))
        elif kind == 1:
            away = Unknown("hub_unavailable")
            self.world.head = self.chance.choice((away, Head(HEAD.sha, "main", open=True)))
            self.world.tick()
        else:
            self.world.tick()

    def look_at(self, decision: Any) -> None:
        for effect in decision.effects:
            if isinstance(effect, CreateDeployment):
                assert self.asking in FIT, "a release begins with a job that asks, and may"
                assert {REVIEWER.id, MAINTAINER.id} & set(self.yes.values()), "somebody else has approved"
                assert not self.denied, "nobody has denied"
                assert isinstance(self.world.head, Head), "the head is known"
                self.begun_by.append(self.asking)
        for answer in decision.answers:
            said = json.loads(answer.body)
            if said["grant_id"]:
                job = self.asked[answer.ticket]
                assert job == self.begun_by[-1], "it is the job that the release began with"
                assert said["decision"] == "approved"
                assert said["sha"] == HEAD.sha
                holders = self.granted.setdefault(said["grant_id"], set())
                holders.add(job)
                assert len(holders) == 1, "nobody else ever gets it"


def walk(seed: int, steps: int) -> Walk:
    walked = Walk(seed)
    for _ in range(steps):
        walked.step()
    return walked


def test_whatever_happens_a_grant_has_one_holder_who_asked_and_may() -> None:
    walks = [walk(seed, 40) for seed in range(60)]
    assert sum(len(each.granted) for each in walks) > 10, "some of them come to their end"


@pytest.mark.slow
def test_the_same_for_long() -> None:
    for seed in range(1_000, 1_500):
        walk(seed, 80)
