"""Whose files would change: CODEOWNERS of the default branch over what differs from what runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from support.runs import CHANGE, HEAD, asking, policy

from gate_app.domain.conditions import EnvironmentFacts
from gate_app.domain.model import Content, Repository, Subject, Unknown
from gate_app.domain.ownership import Owners
from gate_app.domain.policy import ApprovalMode, ApproverLine, Permission
from gate_app.domain.proposals import GATE_FILE, REVIEWED, proposal
from gate_app.domain.run import Run
from gate_app.engine.owning import Owning
from gate_app.engine.ports import Comparison, Hub, PolicyAbsent, PolicyFile, PolicyRefused
from gate_app.errors import HubUnavailable
from gate_app.owners import ownership

RULES = policy(ApproverLine(codeowners=True))
RUNS = "9" * 40
OWNED = b"/a @ann\n/b @bob\n"
Told = Comparison | Exception


@dataclass
class Github:
    file: PolicyFile | PolicyAbsent | PolicyRefused | Exception = PolicyFile("f" * 40, OWNED)
    there: Told = Comparison(1, 0, (), ("a",))
    back: Told = Comparison(0, 1, (), ("b",))
    asked: list[tuple[str, str]] = field(default_factory=list)

    def owners_file(self, repository: Repository) -> PolicyFile | PolicyAbsent | PolicyRefused:
        if isinstance(self.file, Exception):
            raise self.file
        return self.file

    def compare(self, repository: Repository, base: str, head: str) -> Comparison:
        self.asked.append((base, head))
        told = self.there if head == HEAD.sha else self.back
        if isinstance(told, Exception):
            raise told
        return told


def owners(
    github: Github, run: Run | None = None, facts: Mapping[str, EnvironmentFacts] | None = None
) -> object:
    owning = Owning(cast(Hub, cast(Any, github)), ownership)
    return owning.of(run or asking(RULES).run, RULES, facts or {}).get("staging")


RUNNING = {"staging": EnvironmentFacts("staging", running=Content(RUNS, "8" * 40))}
ANN, BOB = Owners(("ann",), file="a"), Owners(("bob",), file="b")


def test_a_change_is_measured_against_what_runs_and_without_it_against_its_base() -> None:
    github = Github()
    assert owners(github) == (ANN,)
    assert owners(github, facts=RUNNING) == (ANN,)
    assert (CHANGE.base_sha, HEAD.sha) in github.asked
    assert (RUNS, HEAD.sha) in github.asked


def test_after_a_step_aside_the_owners_of_both_are_asked() -> None:
    github = Github(there=Comparison(1, 2, (), ("a",)))
    assert owners(github, facts=RUNNING) == (ANN, BOB)
    assert (HEAD.sha, RUNS) in github.asked


ALL = (Owners(("ann",)), Owners(("bob",)))


@pytest.mark.parametrize(
    ("github", "found"),
    [
        pytest.param(Github(there=Comparison(1, 0, (), None)), ALL, id="more files than are listed"),
        pytest.param(
            Github(there=Comparison(1, 1, (), ("a",)), back=Comparison(1, 1, (), None)),
            ALL,
            id="more files than are listed on the other side",
        ),
        pytest.param(Github(there=HubUnavailable("502")), "hub_unavailable", id="no comparison"),
        pytest.param(
            Github(there=Comparison(1, 1, (), ("a",)), back=HubUnavailable("502")),
            "hub_unavailable",
            id="no comparison back",
        ),
        pytest.param(Github(HubUnavailable("502")), "hub_unavailable", id="no CODEOWNERS to be read"),
        pytest.param(Github(PolicyAbsent()), "owners_absent", id="no CODEOWNERS"),
        pytest.param(Github(PolicyRefused("a directory")), "owners_unreadable", id="case 96: no file"),
    ],
)
def test_what_cannot_be_told_is_everybody_or_unknown(github: Github, found: object) -> None:
    told = owners(github, facts=RUNNING)
    assert (told.code if isinstance(told, Unknown) else told) == found


def test_nobody_knows_what_a_branch_deploys_for_the_first_time() -> None:
    run = asking(RULES).run
    branch = replace(run, change=replace(CHANGE, subject=Subject(71, ref="refs/heads/main")))
    assert owners(Github(), run=branch) == ALL


def test_nothing_is_asked_where_no_line_asks_owners_or_nothing_is_decided_any_more() -> None:
    github, run = Github(HubUnavailable("never asked")), asking(RULES).run
    owning = Owning(cast(Hub, cast(Any, github)), ownership)
    assert not owning.of(run, policy(), {})
    assert not owning.of(run, None, {})
    assert not owning.of(replace(run, gates={}), RULES, {})


LOOSER = replace(
    asking(policy()).run, proposal=proposal(policy(), policy(mode=ApprovalMode.NEVER, blob="l" * 40))
)


@pytest.mark.parametrize(
    ("file", "found"),
    [
        pytest.param(b"/.github/ @ann\n", (Owners(("ann",), file=GATE_FILE),), id="of its folder"),
        pytest.param(b"/a @ann\n", (Owners(file=GATE_FILE, anybody=True),), id="of nobody"),
        pytest.param(None, "owners_absent", id="no CODEOWNERS"),
    ],
)
def test_a_looser_gate_file_has_owners_too(file: bytes | None, found: object) -> None:
    github = Github(PolicyFile("f" * 40, file) if file else PolicyAbsent())
    told = Owning(cast(Hub, cast(Any, github)), ownership).of(LOOSER, policy(), {})[REVIEWED]
    assert (told.code if isinstance(told, Unknown) else told) == found
    assert not github.asked


def test_where_the_gate_file_names_its_owners_nobody_reads_code_owners() -> None:
    rules = replace(policy(), owners=(ApproverLine(permission=Permission.MAINTAIN),))
    github = Github(HubUnavailable("never asked"))
    assert not Owning(cast(Hub, cast(Any, github)), ownership).of(LOOSER, rules, {})
