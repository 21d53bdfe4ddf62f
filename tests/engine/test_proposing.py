"""Whether a pull request changes the gate file: asked once for each head, read only if it does."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from support.runs import CHANGE, HEAD, asking, policy

from gate_app.domain.model import Purpose, Repository, Subject, Unknown
from gate_app.domain.policy import ApprovalMode, Policy
from gate_app.domain.proposals import Past, Proposal
from gate_app.domain.run import Run, RunState
from gate_app.engine.ports import Comparison, Hub, PolicyAbsent, PolicyFile, PolicyRefused
from gate_app.engine.proposing import Proposing
from gate_app.errors import HubUnavailable

RULES = policy()
LOOSE = PolicyFile("l" * 40, b"loose")
File = PolicyFile | PolicyAbsent | PolicyRefused | Exception


@dataclass
class Github:
    file: File = LOOSE
    floor: File = PolicyAbsent()
    asked: list[str] = field(default_factory=list)

    def proposed_file(self, repository: Repository, sha: str) -> PolicyFile | PolicyAbsent | PolicyRefused:
        self.asked.append(sha)
        return told(self.file)

    def floor_file(self, repository: Repository) -> PolicyFile | PolicyAbsent | PolicyRefused:
        self.asked.append("floor")
        return told(self.floor)


def told(file: File) -> PolicyFile | PolicyAbsent | PolicyRefused:
    if isinstance(file, Exception):
        raise file
    return file


def read(file: PolicyFile, floor: PolicyFile | None) -> Policy | str:
    if file.raw == b"broken":
        return "line 1: broken"
    return policy(mode=ApprovalMode.NEVER, blob=file.blob_sha + (f"+{floor.blob_sha}" if floor else ""))


TOUCHED = Comparison(1, 0, (), ("app.py", ".github/gate.yml"))


def found(
    github: Github,
    between: Comparison | Unknown = TOUCHED,
    run: Run | None = None,
    rules: Policy | None = RULES,
) -> Proposal | Unknown | None:
    proposing = Proposing(cast(Hub, cast(Any, github)), read)
    return proposing.of(run or asking(RULES).run, rules, lambda base: between)


def test_a_pull_request_that_leaves_the_gate_file_alone_is_not_read() -> None:
    github = Github()
    assert found(github, Comparison(1, 0, (), ("app.py",))) == Proposal(RULES.blob_sha)
    assert not github.asked


@pytest.mark.parametrize(
    "between", [TOUCHED, Comparison(1, 0, (), None)], ids=["it is listed", "not all files are listed"]
)
def test_a_changed_gate_file_is_read_at_the_head_and_compared(between: Comparison) -> None:
    github = Github()
    proposal = found(github, between)
    assert isinstance(proposal, Proposal)
    assert proposal.looser == ("staging", "production")
    assert github.asked == [HEAD.sha]


STAGING, LIVE = Past("staging", 50, 7, 2), Past("live", 3, 0, 0)


@pytest.mark.parametrize(
    ("told", "kept"),
    [((STAGING, LIVE), (STAGING,)), (Unknown("out_of_time"), Unknown("out_of_time"))],
    ids=["of the environments that differ", "or why not"],
)
def test_what_the_last_runs_would_have_been_is_kept(
    told: tuple[Past, ...] | Unknown, kept: tuple[Past, ...] | Unknown
) -> None:
    asked: list[str] = []

    def past(repository_id: int, policy: Policy) -> tuple[Past, ...] | Unknown:
        asked.append(f"{repository_id} {policy.blob_sha[:1]}")
        return told

    proposing = Proposing(cast(Hub, cast(Any, Github())), read, past)
    proposal = proposing.of(asking(RULES).run, RULES, lambda base: TOUCHED)
    assert isinstance(proposal, Proposal)
    assert (proposal.past, asked) == (kept, ["71 l"])
    broken = Proposing(cast(Hub, cast(Any, Github(PolicyFile("x" * 40, b"broken")))), read, past)
    assert isinstance(broken.of(asking(RULES).run, RULES, lambda base: TOUCHED), Proposal)
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        pytest.param(PolicyAbsent(), "is taken away", id="removed"),
        pytest.param(PolicyRefused("a symlink"), "a symlink", id="case 96: not a plain file"),
        pytest.param(PolicyFile("x" * 40, b"broken"), "line 1: broken", id="broken"),
    ],
)
def test_a_version_that_cannot_be_obeyed_says_why(file: File, problem: str) -> None:
    proposal = found(Github(file))
    assert isinstance(proposal, Proposal)
    assert problem in proposal.problem
    assert proposal.conclusion == "failure"


def test_the_version_in_force_changes_nothing() -> None:
    proposal = found(Github(PolicyFile(RULES.blob_sha, b"now")))
    assert proposal == Proposal(RULES.blob_sha, touches=True)


FLOORED = replace(RULES, blob_sha=f"{RULES.blob_sha}+{'f' * 40}")
FLOOR = PolicyFile("f" * 40, b"floor")


def test_it_is_read_under_the_floor_that_is_in_force() -> None:
    github = Github(floor=FLOOR)
    assert isinstance(found(github, rules=FLOORED), Proposal)
    assert "floor" in github.asked


@pytest.mark.parametrize(
    ("github", "between", "rules"),
    [
        pytest.param(Github(HubUnavailable("502")), TOUCHED, RULES, id="the file"),
        pytest.param(Github(), Unknown("hub_unavailable"), RULES, id="the comparison"),
        pytest.param(Github(floor=HubUnavailable("502")), TOUCHED, FLOORED, id="the floor"),
        pytest.param(Github(floor=PolicyFile("e" * 40, b"")), TOUCHED, FLOORED, id="another floor by now"),
        pytest.param(Github(), TOUCHED, FLOORED, id="no floor any more"),
    ],
)
def test_what_cannot_be_read_is_not_known(
    github: Github, between: Comparison | Unknown, rules: Policy
) -> None:
    assert isinstance(found(github, between, rules=rules), Unknown)


RUN = asking(RULES).run


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(replace(RUN, state=RunState.CLOSED), id="closed"),
        pytest.param(replace(RUN, purpose=Purpose.ROLLBACK), id="a rollback"),
        pytest.param(
            replace(RUN, change=replace(CHANGE, subject=Subject(71, ref="refs/heads/main"))),
            id="merged already",
        ),
        pytest.param(replace(RUN, change=replace(CHANGE, base_ref="release")), id="into another branch"),
        pytest.param(replace(RUN, proposal=Proposal(RULES.blob_sha, touches=True)), id="known"),
        pytest.param(replace(RUN, proposal=Proposal("o" * 40)), id="known to leave it alone"),
    ],
)
def test_nothing_is_asked_where_nothing_is_to_be_learned(run: Run) -> None:
    assert found(Github(), run=run) is None
    assert found(Github(), rules=None) is None


def test_under_another_policy_it_is_compared_anew() -> None:
    known = replace(RUN, proposal=Proposal("o" * 40, touches=True))
    assert isinstance(found(Github(), run=known), Proposal)
