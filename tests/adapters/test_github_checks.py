"""What stands on a commit: check runs and statuses of others, matched with what a stage asks for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.github import REPOSITORY, SHA, SINKHOLE, ScriptedGithub, change, hub, scripted

from gate_app.domain.checks import CheckReading, CheckState, looked_at
from gate_app.domain.policy import Select
from gate_app.errors import HubRefused, HubUnavailable

APP_ID = 4711
ACTIONS = 15368
RUNS = f"/repos/acme/shop/commits/{SHA}/check-runs"
STATUS = f"/repos/acme/shop/commits/{SHA}/status"
RULES = "/repos/acme/shop/rules/branches/main"
BRANCH = "/repos/acme/shop/branches/main"


@pytest.fixture
def github() -> Iterator[ScriptedGithub]:
    with scripted() as github:
        has_statuses(github)
        yield github


def run(name: str = "test", number: int = 900, **changed: object) -> dict[str, object]:
    body: dict[str, object] = {
        "id": number,
        "name": name,
        "status": "completed",
        "conclusion": "success",
        "started_at": "2026-11-20T11:59:00Z",
        "completed_at": "2026-11-20T11:59:30Z",
        "check_suite": {"id": 7},
        "app": {"id": ACTIONS, "slug": "github-actions"},
        "details_url": SINKHOLE,
        "html_url": SINKHOLE,
    }
    return {**body, **changed}


def listed(*runs: dict[str, object]) -> dict[str, object]:
    return {"total_count": len(runs), "check_runs": list(runs)}


def status(context: str, state: str, number: int = 5) -> dict[str, object]:
    created = "2026-11-20T11:58:00Z"
    return {"id": number, "context": context, "state": state, "created_at": created, "target_url": SINKHOLE}


def has_statuses(github: ScriptedGithub, *statuses: dict[str, object]) -> None:
    github.scripted.pop(f"GET {STATUS}", None)
    body = {"state": "pending", "sha": SHA, "total_count": len(statuses), "statuses": list(statuses)}
    github.answers("GET", STATUS, body)


def reading(github: ScriptedGithub, select: Select = "all", *gated: str) -> CheckReading:
    """What a stage looks at that asks for `select`, as the engine puts it together."""
    client = hub(github)
    standing = (*client.check_runs(change(), gated), *client.commit_statuses(change()))
    required = client.required(change().repository, change().base_ref) if select == "required" else ()
    return looked_at(select, standing, required)


def names(found: CheckReading) -> list[str]:
    return [check.name for check in found.checks]


def test_all_is_every_check_run_and_status_that_is_not_ours(github: ScriptedGithub) -> None:
    github.answers("GET", RUNS, listed(run(), run("gate / staging", 901, app={"id": APP_ID})))
    has_statuses(github, status("ci/jenkins", "success"))
    assert names(reading(github)) == ["test", "ci/jenkins"]
    assert github.names() == [f"GET {RUNS}", f"GET {STATUS}"]
    assert github.calls[0].query["filter"] == "all"


def test_a_check_is_linked_by_its_number_never_by_an_address_of_the_answer(github: ScriptedGithub) -> None:
    github.answers("GET", RUNS, listed(run()))
    (check,) = reading(github).checks
    assert check.link == "https://github.com/acme/shop/runs/900"
    assert (check.app, check.suite, check.id) == (ACTIONS, 7, 900)


@pytest.mark.parametrize(
    ("said", "state", "word"),
    [
        ({"conclusion": "success"}, CheckState.PASSED, "success"),
        ({"conclusion": "neutral"}, CheckState.SKIPPED, "neutral"),
        ({"conclusion": "skipped"}, CheckState.SKIPPED, "skipped"),
        ({"conclusion": "failure"}, CheckState.FAILED, "failure"),
        ({"conclusion": "timed_out"}, CheckState.FAILED, "timed_out"),
        ({"conclusion": "startup_failure"}, CheckState.FAILED, "startup_failure"),
        ({"conclusion": "cancelled"}, CheckState.INCONCLUSIVE, "cancelled"),
        ({"conclusion": "stale"}, CheckState.INCONCLUSIVE, "stale"),
        ({"conclusion": "action_required"}, CheckState.INCONCLUSIVE, "action_required"),
        ({"conclusion": "a new word"}, CheckState.INCONCLUSIVE, "a new word"),
        ({"conclusion": None}, CheckState.INCONCLUSIVE, "no conclusion"),
        ({"status": "queued", "conclusion": None, "started_at": None}, CheckState.PENDING, "queued"),
        ({"status": "waiting", "conclusion": None}, CheckState.PENDING, "waiting"),
        ({"app": None, "check_suite": None}, CheckState.PASSED, "success"),
    ],
)
def test_a_check_run_says(
    github: ScriptedGithub, said: dict[str, object], state: CheckState, word: str
) -> None:
    github.answers("GET", RUNS, listed(run(**said)))
    (check,) = reading(github).checks
    assert (check.state, check.conclusion) == (state, word)


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("success", CheckState.PASSED),
        ("failure", CheckState.FAILED),
        ("error", CheckState.FAILED),
        ("pending", CheckState.PENDING),
        ("a new word", CheckState.PENDING),
    ],
)
def test_a_commit_status_says(github: ScriptedGithub, said: str, state: CheckState) -> None:
    github.answers("GET", RUNS, listed())
    has_statuses(github, status("ci", said))
    (check,) = reading(github).checks
    assert (check.app, check.suite, check.state) == (0, 0, state)


@pytest.mark.parametrize(
    ("select", "found", "missing"),
    [
        (("test (3.12)",), ["test (3.12)"], ()),
        (("test (*)",), ["test (3.11)", "test (3.12)"], ()),
        (("lint [py]",), ["lint [py]"], ()),
        (("build/*",), ["build/linux/arm"], ()),
        (("Test (3.12)",), [], ("Test (3.12)",)),
        (("test (*)", "docs"), ["test (3.11)", "test (3.12)"], ("docs",)),
    ],
    ids=[
        "a name",
        "a glob",
        "a name with brackets",
        "a glob spans slashes",
        "by letter",
        "each has to match",
    ],
)
def test_checks_are_chosen_by(
    github: ScriptedGithub, select: tuple[str, ...], found: list[str], missing: tuple[str, ...]
) -> None:
    every = ("test (3.11)", "test (3.12)", "lint [py]", "build/linux/arm")
    github.answers("GET", RUNS, listed(*(run(name, number) for number, name in enumerate(every, 900))))
    chosen = reading(github, select)
    assert (names(chosen), chosen.missing) == (found, missing)


def test_a_job_that_deploys_to_a_gated_environment_is_no_check_of_what_it_deploys(
    github: ScriptedGithub,
) -> None:
    jobs = [
        run("deploy", 901, deployment={"environment": "Production", "url": SINKHOLE}),
        run("e2e", 902, deployment={"environment": "preview"}),
    ]
    github.answers("GET", RUNS, listed(run(), *jobs))
    assert names(reading(github, "all", "staging", "production")) == ["test", "e2e"]


# --- what the branch requires ---


def rule(*contexts: str, app: int | None = None) -> dict[str, object]:
    pinned = {} if app is None else {"integration_id": app}
    asked = [{"context": context, **pinned} for context in contexts]
    return {"type": "required_status_checks", "parameters": {"required_status_checks": asked}}


def branch(*checks: dict[str, object], contexts: tuple[str, ...] = ()) -> dict[str, object]:
    asked = {"contexts": list(contexts), "checks": list(checks), "contexts_url": SINKHOLE}
    return {"name": "main", "protected": True, "protection": {"required_status_checks": asked}}


def requires(github: ScriptedGithub, rules: list[dict[str, object]], protected: dict[str, object]) -> None:
    github.answers("GET", RULES, rules)  # type: ignore[arg-type]  # a list of objects is a body as well
    github.answers("GET", BRANCH, protected)


def test_required_is_what_rulesets_and_protection_require_together(github: ScriptedGithub) -> None:
    every = ("by ruleset", "by check", "by context", "by nobody")
    github.answers("GET", RUNS, listed(*(run(name, number) for number, name in enumerate(every, 900))))
    requires(
        github,
        [{"type": "deletion"}, {"type": "pull_request", "parameters": {"x": 1}}, rule("by ruleset")],
        branch({"context": "by check", "app_id": None}, contexts=("by check", "by context")),
    )
    assert names(reading(github, "required")) == ["by ruleset", "by check", "by context"]


def test_what_is_required_and_not_there_is_missing(github: ScriptedGithub) -> None:
    github.answers("GET", RUNS, listed(run("other")))
    requires(github, [rule("test")], branch())
    assert reading(github, "required") == CheckReading((), ("test",))


def test_a_branch_that_requires_nothing_finds_nothing(github: ScriptedGithub) -> None:
    github.answers("GET", RUNS, listed(run()))
    requires(github, [], {"name": "main", "protected": False, "protection": {}})
    assert reading(github, "required") == CheckReading()


@pytest.mark.parametrize(
    ("app", "pinned", "counts"),
    [(ACTIONS, ACTIONS, True), (99, ACTIONS, False), (99, -1, True), (99, None, True)],
    ids=["by the App", "by another App", "any App, as -1", "any App"],
)
def test_case_117_a_required_check_counts_from_its_app(
    github: ScriptedGithub, app: int, pinned: int | None, counts: bool
) -> None:
    github.answers("GET", RUNS, listed(run(app={"id": app})))
    requires(github, [], branch({"context": "test", "app_id": pinned}))
    assert names(reading(github, "required")) == (["test"] if counts else [])


def test_case_117_a_status_does_not_stand_in_for_a_pinned_check(github: ScriptedGithub) -> None:
    github.answers("GET", RUNS, listed())
    has_statuses(github, status("test", "success"))
    requires(github, [rule("test", app=ACTIONS)], branch())
    assert reading(github, "required") == CheckReading((), ("test",))


# --- what cannot be known ---


def test_a_list_that_is_not_whole_is_a_fault(github: ScriptedGithub) -> None:
    github.answers("GET", RUNS, {"total_count": 1, "check_runs": [{"id": 1}]})
    with pytest.raises(HubUnavailable):
        reading(github)


def test_a_missing_permission_is_a_refusal_that_names_it(github: ScriptedGithub) -> None:
    github.answers("GET", RUNS, {"message": "Resource not accessible by integration"}, 403)
    with pytest.raises(HubRefused, match="checks: read"):
        reading(github)


def test_another_branch_than_asked_for_is_a_fault(github: ScriptedGithub) -> None:
    github.answers("GET", RUNS, listed(run()))
    requires(github, [], {**branch(), "name": "other"})
    with pytest.raises(HubUnavailable):
        reading(github, "required")


def test_nothing_of_another_repository_is_asked(github: ScriptedGithub) -> None:
    github.answers("GET", RUNS, listed(run()))
    reading(github)
    assert {call.path.split("/")[3] for call in github.calls} == {REPOSITORY.name}
