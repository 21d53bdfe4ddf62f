"""Each command that is not obeyed says who, which rule, and what would count instead."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.runs import (
    AUTHOR,
    CHANGE,
    MAINTAINER,
    READER,
    REVIEWER,
    World,
    asking,
    failed,
    policy,
    proposed,
)

from gate_app.domain.events import ChangeClosed, DeploymentCreated
from gate_app.domain.model import Authorship, Person, Unknown
from gate_app.domain.policy import ApproverLine, Permission, PolicyProblem

ONE_PERSON = "It takes one person with write permission who did not contribute."
ANSWER_STAGING = (
    "Answer with the buttons of the check run, or in a new comment on the pull request: "
    "`/approve staging` or `/deny staging reason`."
)


def told(world: World, person: Person, line: str) -> str:
    world.says(person, line)
    return world.replies()[-1]


@pytest.mark.parametrize(
    ("person", "line", "reply"),
    [
        pytest.param(
            AUTHOR,
            "/approve staging",
            "`/approve staging` by `author` does not count (`self_approval`): nobody approves a change that they"
            f" contributed to. {ONE_PERSON}",
            id="the author approves",
        ),
        pytest.param(
            READER,
            "/approve staging",
            "`/approve staging` by `reader` does not count (`not_an_approver`): they are not among those who may"
            f" answer here. {ONE_PERSON}",
            id="a reader approves",
        ),
        pytest.param(
            READER,
            "/deny staging no",
            "`/deny staging` by `reader` does not count (`not_an_approver`): they are not among those who may"
            " answer here. Everybody with write permission may deny, and everybody who may approve.",
            id="a reader denies",
        ),
        pytest.param(
            REVIEWER,
            "/approve production",
            "`/approve production` by `reviewer` was not obeyed (`not_asked_yet`): no question was open there when"
            f" it was given. `production`: Waiting for staging. {ANSWER_STAGING}",
            id="too early",
        ),
        pytest.param(
            REVIEWER,
            "/approve staging bbbbbbbbbbbb",
            "`/approve staging` by `reviewer` was not obeyed (`sha_mismatch`): it names another commit than the one"
            " under decision. The commit under decision is `aaaaaaaaaaaa`.",
            id="case 28: another commit",
        ),
        pytest.param(
            REVIEWER,
            "/approve stagin",
            "`/approve` by `reviewer` was not obeyed (`environment_unknown`): there is no gate for `stagin` here."
            " Environments: `staging`, `production`.",
            id="a slip of the pen",
        ),
        pytest.param(
            REVIEWER,
            "/approve staging please",
            "`/approve` by `reviewer` was not obeyed (`command_malformed`): `please` was not expected there."
            " Write it as `/approve [environment] [sha] [-- reason]`.",
            id="something more",
        ),
        pytest.param(
            REVIEWER,
            "/approve\u200b staging",
            "`/approve` by `reviewer` was not obeyed (`command_malformed`): it has characters outside ASCII."
            " Write it as `/approve [environment] [sha] [-- reason]`.",
            id="case 41: an invisible character",
        ),
        pytest.param(
            REVIEWER,
            "/approve staging percent=50",
            "`/approve` by `reviewer` was not obeyed (`parameters_undeclared`): an approval changes nothing;"
            " `/modify` does, and somebody else approves what it makes. Write it as"
            " `/approve [environment] [sha] [-- reason]`.",
            id="a parameter",
        ),
        pytest.param(
            REVIEWER,
            "/deny staging",
            "`/deny` by `reviewer` was not obeyed (`reason_missing`): a denial needs a reason that the author can"
            " act on. Write it as `/deny staging reason`.",
            id="a denial without a reason",
        ),
        pytest.param(
            REVIEWER,
            "/deny",
            "`/deny` by `reviewer` was not obeyed (`reason_missing`): a denial needs a reason that the author can"
            " act on. Write it as `/deny [environment] reason`.",
            id="a denial of nothing",
        ),
        pytest.param(
            REVIEWER,
            "/status now",
            "`/status` by `reviewer` was not obeyed (`command_malformed`): `now` was not expected there."
            " Write it as `/status`.",
            id="more than the command",
        ),
    ],
)
def test_who_which_rule_and_what_instead(person: Person, line: str, reply: str) -> None:
    assert told(asking(), person, line) == reply


def test_after_the_decision_it_says_what_was_decided() -> None:
    world = asking()
    world.says(REVIEWER, "/approve staging")
    world.happens(DeploymentCreated(world.now, "staging", 900))
    assert told(world, MAINTAINER, "/deny staging wait") == (
        "`/deny staging` by `maintainer` was not obeyed (`too_late`): it is too late, that is decided."
        " `staging`: Approved, deploying."
    )


def test_without_an_environment_every_gate_is_shown() -> None:
    world = proposed()
    world.stage_ends(outcome=failed())
    assert told(world, REVIEWER, "/approve").endswith(
        "`staging`: Blocked: tests failed · `production`: Blocked: tests failed."
    )


def test_between_two_questions_the_choices_are_listed() -> None:
    rules = policy()
    staging, production = rules.environments
    world = asking(replace(rules, environments=(staging, replace(production, after=None))))
    assert told(world, REVIEWER, "/approve") == (
        "`/approve` by `reviewer` was not obeyed (`environment_ambiguous`): more than one gate may be meant; name the"
        " environment. Asking: `staging`, `production`."
    )


def test_a_gate_file_that_cannot_be_obeyed_is_said() -> None:
    world = proposed(PolicyProblem("policy_invalid", "line 3"))
    assert told(world, MAINTAINER, "/approve").endswith(
        "Every gate stays closed: the gate file on the default branch cannot be obeyed."
    )
    assert told(world, MAINTAINER, "/why staging").endswith("Write it as `/why [environment]`.")


def test_a_closed_pull_request_is_said() -> None:
    world = asking()
    world.happens(ChangeClosed(world.now, merged=True))
    assert told(world, REVIEWER, "/approve staging").endswith("`staging`: Ended with its pull request.")


def test_what_is_not_known_yet_is_kept_and_not_refused() -> None:
    world = asking()
    world.standings[REVIEWER.id] = Unknown("hub_unavailable")
    assert told(world, REVIEWER, "/approve staging") == (
        "`/approve staging` by `reviewer` does not count yet (`standing_unknown`): GitHub could not say right now"
        " what they may do here; the answer is kept and judged again."
    )
    shown = [body for body in map(str, world.effects) if "**Answers**" in body]
    assert "❔ approval by `reviewer`, which does not count yet" in shown[-1]


def test_a_request_is_not_kept() -> None:
    world = asking()
    world.standings[REVIEWER.id] = Unknown("hub_unavailable")
    assert told(world, REVIEWER, "/cancel").endswith("write it again later.")


def test_case_055_commits_of_no_account_are_named_with_what_helps() -> None:
    world = proposed(change=replace(CHANGE, pusher=None))
    world.run = replace(world.run, authorship=Authorship((AUTHOR.id,), ("ghost@example.com",)))
    world.stage_ends()
    assert told(world, REVIEWER, "/approve staging") == (
        "`/approve staging` by `reviewer` does not count yet (`contributors_unknown`): commits by"
        " `ghost@example.com` belong to no account and nobody was seen pushing them, so who contributed is not"
        " known; push once more."
    )


def test_what_it_takes_names_people_without_calling_them() -> None:
    lines = (
        ApproverLine(users=("maintainer", "octocat"), teams=("acme/sre",), permission=Permission.MAINTAIN),
        ApproverLine(permission=Permission.WRITE, count=2),
    )
    assert told(asking(policy(*lines)), AUTHOR, "/approve staging").endswith(
        "It takes one of `maintainer` or `octocat` in `acme/sre`, with maintain permission, and 2 people with"
        " write permission, all different people who did not contribute."
    )


def test_an_environment_that_left_the_gate_file_takes_nobodys_approval() -> None:
    world = asking()
    rules = policy(blob="q" * 40)
    world.current_policy = replace(rules, environments=rules.environments[1:])
    assert told(world, REVIEWER, "/approve") == (
        "`/approve staging` by `reviewer` does not count (`too_late`): it is too late, that is decided."
    )
