"""What a release would bring, and environments that a change does not touch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from support.runs import CHANGE, START, World, policy, proposed

from gate_app.config import globs
from gate_app.domain.effects import PublishCheckRun, PublishComment
from gate_app.domain.model import Unknown
from gate_app.domain.opening import open_run
from gate_app.domain.policy import ApprovalPolicy, Environment, EscalationRule, Policy
from gate_app.domain.shipping import Difference, Shipment, pull_of, shipment_of, subject_of
from gate_app.domain.verdict import VerdictState

API = ("services/api/**",)
BASE = CHANGE.base_sha


def monorepo() -> Policy:
    """Staging is made of `services/api`; production of everything."""
    rules = policy()
    staging, production = rules.environments
    return replace(rules, environments=(replace(staging, paths=API), replace(production, after=None)))


def question(world: World, environment: str) -> str:
    surface = f"question:{environment}:"
    return [e.body for e in world.effects if isinstance(e, PublishComment) and e.surface.startswith(surface)][
        -1
    ]


def shown(world: World, environment: str) -> PublishCheckRun:
    surface = f"gate:{environment}"
    return [e for e in world.effects if isinstance(e, PublishCheckRun) and e.surface == surface][-1]


def touching(touched: bool) -> World:
    world = proposed(monorepo())
    world.shipments["staging"] = Shipment(BASE, True, 1, 0, paths=API, touched=touched)
    world.passes(5).stage_ends()
    return world


def test_a_change_that_touches_nothing_of_an_environment_skips_it_visibly() -> None:
    world = touching(False)
    closing = world.gate("staging").closing
    assert closing is not None
    assert closing.state is VerdictState.SKIPPED
    check = shown(world, "staging")
    assert (check.status, check.conclusion) == ("completed", "skipped")
    assert check.title == "Skipped: the change touches nothing of it"
    assert "services/api/**" in check.summary
    assert world.gate("staging").question is None
    assert world.decisions[-1].verdicts["production"].asks


def test_a_change_that_touches_it_asks() -> None:
    world = touching(True)
    assert world.decisions[-1].verdicts["staging"].asks
    assert "paths_touched" in shown(world, "staging").summary


def test_as_long_as_the_files_are_not_known_the_gate_waits_and_says_so() -> None:
    world = proposed(monorepo())
    world.shipments["staging"] = Unknown("hub_unavailable", "502")
    world.passes(5).stage_ends()
    assert world.codes("staging")[0] == "paths_unknown"
    assert world.gate("staging").question is None
    assert world.run.wake_at is not None
    world.shipments["staging"] = Shipment(BASE, True, 1, 0, paths=API)
    world.tick()
    assert world.decisions[-1].verdicts["staging"].asks


def test_globs_that_changed_since_are_not_answered_by_what_was_learned_for_others() -> None:
    world = proposed(monorepo())
    world.shipments["staging"] = Shipment(BASE, True, 1, 0, paths=("docs/**",), touched=False)
    world.passes(5).stage_ends()
    assert world.codes("staging")[0] == "paths_unknown"


@pytest.mark.parametrize(
    ("shipment", "says"),
    [
        pytest.param(
            Shipment(BASE, True, 2, 0, (), ("Greet in French", "Tidy")),
            "**Ships:** 2 commits in, nothing of ours runs in `staging` yet.",
            id="a first deployment",
        ),
        pytest.param(
            Shipment(BASE, True, 1, 3),
            "**Ships:** 1 commit in, nothing of ours runs in `staging` yet.",
            id="a first deployment, while the base went on",
        ),
        pytest.param(
            Shipment(BASE, True, 0, 0),
            "**Ships:** nothing new, nothing of ours runs in `staging` yet.",
            id="a first deployment of the base itself",
        ),
        pytest.param(
            Shipment("e" * 40, False, 1, 0, (12,), ("Greet in French (#12)",)),
            "**Ships:** 1 commit in (pull request `#12`), since `eeeeeeeeeeee` in `staging`.",
            id="since what runs",
        ),
        pytest.param(
            Shipment("e" * 40, False, 9, 2, (1, 2, 3, 4, 5, 6, 7), ("a", "b", "c", "d", "e", "f")),
            "**Ships:** 9 commits in, 2 commits **out** (pull requests `#1`, `#2`, `#3`, `#4`, `#5` and 2 more), since",
            id="more than is shown, and some go out",
        ),
        pytest.param(
            Shipment("e" * 40, False, 0, 3), "**Ships:** 3 commits **out**, back from", id="a step back"
        ),
        pytest.param(
            Shipment("e" * 40, False, 0, 0),
            "nothing new, `staging` runs this content already",
            id="the same again",
        ),
    ],
)
def test_the_question_says_what_ships(shipment: Shipment, says: str) -> None:
    world = proposed()
    world.shipments["staging"] = shipment
    world.passes(5).stage_ends()
    assert says in question(world, "staging")


def test_commits_that_are_not_named_are_counted() -> None:
    world = proposed()
    world.shipments["staging"] = Shipment("e" * 40, False, 9, 0, (), ("a", "b", "c", "d", "e", "f"))
    world.passes(5).stage_ends()
    status = [e.body for e in world.effects if isinstance(e, PublishComment) and e.surface == "status"][-1]
    assert (
        "#### Deploy to `staging`?\n\n**Ships:** 9 commits in, since `eeeeeeeeeeee` in `staging`.\n- `a`"
        in status
    )
    assert "- `e`\n- … and 4 more" in status
    assert "**Recommendation:** approve, because every stage is clean." in status


def test_what_could_not_be_read_is_left_out_and_holds_nothing() -> None:
    world = World(open_run(CHANGE, 1, policy(), START), current_policy=policy())
    world.shipments["staging"] = Unknown("hub_refused", "404")
    world.tick()
    world.passes(5).stage_ends()
    assert "Ships:" not in question(world, "staging")


@pytest.mark.parametrize(
    ("message", "number"),
    [
        ("Merge pull request #12 from acme/topic", 12),
        ("Greet in French (#7)", 7),
        ("Greet (#7) in French", None),
        ("Fixes #7", None),
        ("Greet (#0)", None),
        ("Greet (#٣)", None),
    ],
)
def test_a_commit_names_its_pull_request_in_githubs_own_way(message: str, number: int | None) -> None:
    assert pull_of(subject_of(message + "\n\n(#99)")) == number


def test_commits_and_evidence_are_two_lists_and_not_one() -> None:
    world = proposed()
    world.shipments["staging"] = Shipment("e" * 40, False, 1, 0, (), ("Greet in French",))
    world.passes(5).stage_ends()
    status = [e.body for e in world.effects if isinstance(e, PublishComment) and e.surface == "status"][-1]
    assert "- `Greet in French`\n\n**Evidence:**\n\n- ✅ `tests`" in status


def touches(patterns: Sequence[str], files: Sequence[str]) -> bool:
    return any(file.startswith(pattern.removesuffix("**")) for file in files for pattern in patterns)


DIFFERENCE = Difference(BASE, False, 2, 0, ("Fix it (#7)", "Merge pull request #9 from x"), ("docs/a",), 3)


@pytest.mark.parametrize(
    ("found", "proposed_", "touched", "hits", "lines"),
    [
        (DIFFERENCE, True, False, (), 3),
        (replace(DIFFERENCE, files=("services/api/a",)), True, True, ("services/api/a",), 3),
        (replace(DIFFERENCE, files=None), True, True, ("",), None),
        (replace(DIFFERENCE, behind=1), True, True, ("",), None),
        (replace(DIFFERENCE, first=True), False, True, ("",), None),
        (replace(DIFFERENCE, first=True), True, False, ("",), None),
    ],
    ids=["other files", "its files", "files not listed", "a step back", "first push", "first proposal"],
)
def test_what_a_difference_means_to_an_environment(
    found: Difference, proposed_: bool, touched: bool, hits: tuple[str, ...], lines: int | None
) -> None:
    rule = EscalationRule(paths=API)
    environment = Environment("staging", paths=API, approval=ApprovalPolicy(escalate_when=(rule,)))
    shipment = shipment_of(found, environment, proposed_, touches)
    assert (shipment.touched, shipment.pulls, shipment.lines) == (touched, (9, 7), lines)
    assert tuple(each.file for each in shipment.found) == hits
    assert shipment_of(found, Environment("staging"), proposed_, touches).touched


SHOWN = (".github/actions/x/run.sh", "tools/action.yaml", ".github/gate.tests.yml")


@pytest.mark.parametrize(
    ("files", "governing"),
    [
        (("app.py", ".github/gate.yml"), (".github/gate.yml",)),
        ((".github/workflows/deploy.yml", "CODEOWNERS"), (".github/workflows/deploy.yml", "CODEOWNERS")),
        (("docs/gate.yml", ".github/gate.yml.bak"), ()),
        ((".github/actions/x/run.sh", "tools/action.yaml", ".github/gate.tests.yml", "a/CODEOWNERS"), SHOWN),
        (tuple(f"src/{number}.py" for number in range(3_000)), ()),
        (None, ()),
    ],
)
def test_case_087_a_change_of_what_governs_deployments_is_seen(
    files: tuple[str, ...] | None, governing: tuple[str, ...]
) -> None:
    found = shipment_of(replace(DIFFERENCE, files=files), Environment("staging"), True, globs.touches)
    assert found.governing == governing


def test_case_087_the_question_warns_of_it() -> None:
    world = proposed()
    world.shipments["staging"] = Shipment(BASE, True, 1, 0, governing=(".github/gate.yml",))
    world.passes(5).stage_ends()
    assert "**It changes how deployments are governed:** `.github/gate.yml`." in question(world, "staging")
