"""Held jobs at GitHub: what a delivery names is read live, and answers go to our own path only."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from support.github import NOON, REPOSITORY, SHA, SINKHOLE, ScriptedGithub, account, hub, scripted

from gate_app.domain.effects import AnswerJob
from gate_app.domain.held import HeldJob
from gate_app.engine.ports import HeldNoticed, Ignored
from gate_app.errors import HubRefused, HubUnavailable
from gate_app.github.payloads import WebhookPayloads

RUN = "/repos/acme/shop/actions/runs/77"
ADDRESS = "https://api.github.com/repos/acme/shop/actions/runs/77/deployment_protection_rule"


@pytest.fixture
def github() -> Iterator[ScriptedGithub]:
    with scripted() as github:
        yield github


def run(**changed: object) -> dict[str, object]:
    return {
        "id": 77,
        "run_attempt": 2,
        "event": "push",
        "status": "waiting",
        "conclusion": None,
        "head_branch": "main",
        "head_sha": SHA,
        "head_repository": {"id": 71, "url": SINKHOLE},
        "check_suite_id": 9,
        "pull_requests": [{"number": 3, "url": SINKHOLE}],
        "url": SINKHOLE,
        **changed,
    }


def pending(*names: str) -> list[dict[str, object]]:
    return [{"environment": {"name": name, "url": SINKHOLE}, "wait_timer": 0} for name in names]


# --- deliveries ---


def delivered(address: object, **changed: object) -> object:
    body = {
        "action": "requested",
        "installation": {"id": REPOSITORY.installation_id},
        "repository": {"id": 71, "name": "shop", "owner": account(5, "acme", "Organization")},
        "sender": account(),
        "environment": "production",
        "deployment_callback_url": address,
        **changed,
    }
    found = WebhookPayloads(4711).read("deployment_protection_rule", json.dumps(body).encode())
    return found if isinstance(found, Ignored) else found[0]


@pytest.mark.parametrize(
    "address",
    [
        ADDRESS,
        "https://ghe.example/api/v3/repos/acme/shop/actions/runs/77/deployment_protection_rule",
        "https://api.github.com/repos/ACME/Shop/actions/runs/77/deployment_protection_rule",
    ],
)
def test_the_run_of_a_delivery_is_looked_at(address: str) -> None:
    assert delivered(address) == HeldNoticed(REPOSITORY, 77)


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "https://api.github.com/repos/acme/other/actions/runs/77/deployment_protection_rule",
        "https://api.github.com/repos/evil/shop/actions/runs/77/deployment_protection_rule",
        "https://evil.example@api.github.com/repos/acme/shop/actions/runs/77/deployment_protection_rule",
        f"{ADDRESS}?x=1",
        f"{ADDRESS}#x",
        f"{ADDRESS}/../../78/deployment_protection_rule",
        ADDRESS.replace("77", "077"),
        ADDRESS.replace("77", "-7"),
        ADDRESS.replace("77", "9" * 19),
        ADDRESS.replace("77", "9" * 40),
        ADDRESS.replace("77", "\u0667\u0667"),
        ADDRESS.replace("77", "7%37"),
        f"{ADDRESS}\n",
        "x" * 4_000,
    ],
)
def test_case_141_a_forged_address_names_no_run(address: object) -> None:
    assert isinstance(delivered(address), Ignored)


def test_an_address_that_is_no_text_is_no_payload() -> None:
    with pytest.raises(ValueError, match="not a payload"):
        delivered(77)


# --- reading ---


def test_what_waits_is_read_live(github: ScriptedGithub) -> None:
    github.answers("GET", RUN, run())
    github.answers("GET", f"{RUN}/pending_deployments", pending("a/b c", "production", "a/b c"))
    seen = hub(github).held_run(REPOSITORY, 77)
    assert (seen.job, seen.event, seen.branch, seen.sha) == (HeldJob(77, 2), "push", "main", SHA)
    assert (seen.own, seen.environments, seen.pulls) == (True, ("a/b c", "production"), (3,))


@pytest.mark.parametrize("head", [None, {"id": 72}], ids=["the fork is gone", "a fork"])
def test_case_101_a_fork_is_told_apart(github: ScriptedGithub, head: object) -> None:
    github.answers("GET", RUN, run(head_repository=head, pull_requests=[]))
    github.answers("GET", f"{RUN}/pending_deployments", pending("production"))
    assert not hub(github).held_run(REPOSITORY, 77).own


def test_a_run_that_ended_waits_for_nothing(github: ScriptedGithub) -> None:
    github.answers("GET", RUN, run(status="completed", conclusion="cancelled", head_branch=None))
    seen = hub(github).held_run(REPOSITORY, 77)
    assert (seen.environments, seen.branch) == ((), "")


def test_an_answer_about_another_run_is_none(github: ScriptedGithub) -> None:
    github.answers("GET", RUN, run(id=78))
    with pytest.raises(HubUnavailable):
        hub(github).held_run(REPOSITORY, 77)
    github.answers("GET", f"{RUN}/attempts/1", run())
    with pytest.raises(HubUnavailable):
        hub(github).released_jobs(REPOSITORY, HeldJob(77, 1), "production")


def test_the_runs_that_wait_are_listed(github: ScriptedGithub) -> None:
    github.answers(
        "GET", "/repos/acme/shop/actions/runs", {"total_count": 2, "workflow_runs": [run(), run(id=78)]}
    )
    assert hub(github).waiting_runs(REPOSITORY) == [77, 78]


# --- answering ---


@pytest.mark.parametrize(
    ("said", "state"),
    [("approved", {"state": "approved"}), ("rejected", {"state": "rejected"}), ("waiting", {})],
)
def test_an_answer_goes_to_our_own_path_with_the_environment_in_its_body(
    github: ScriptedGithub, said: str, state: dict[str, str]
) -> None:
    path = f"{RUN}/deployment_protection_rule"
    github.answers("POST", path, "", 204)
    name = "../../x?y#z `\u202e"
    hub(github).answer_job(REPOSITORY, AnswerJob(name, 77, 1, said, "c" * 3_000, NOON))  # type: ignore[arg-type]  # one of them
    (call,) = github.calls
    assert call.path == path
    assert isinstance(call.body, dict)
    assert len(call.body.pop("comment")) <= 1_024
    assert call.body == {"environment_name": name, **state}


def test_a_refusal_is_a_refusal(github: ScriptedGithub) -> None:
    github.answers("POST", f"{RUN}/deployment_protection_rule", {"message": "no"}, status=422)
    with pytest.raises(HubRefused):
        hub(github).answer_job(REPOSITORY, AnswerJob("x", 77, 1, "approved", "c", NOON))


# --- how those end that were let go ---


def check(number: int, environment: str | None, conclusion: str | None) -> dict[str, object]:
    deployment = {"environment": environment} if environment else None
    return {
        "id": number,
        "name": "job",
        "status": "completed" if conclusion else "in_progress",
        "conclusion": conclusion,
        "started_at": "2026-11-20T11:00:00Z",
        "check_suite": {"id": 9},
        "app": {"id": 15368},
        "deployment": deployment,
    }


@pytest.mark.parametrize(
    ("attempt", "checks", "conclusion"),
    [
        pytest.param({"status": "completed", "conclusion": "success"}, None, "success", id="all is well"),
        pytest.param(
            {}, [check(1, "production", "success"), check(2, "later", None)], "success", id="the rest runs"
        ),
        pytest.param(
            {}, [check(1, "production", "success"), check(2, "production", None)], "", id="one still runs"
        ),
        pytest.param(
            {},
            [check(1, "production", "success"), check(2, "production", "failure")],
            "failure",
            id="one failed",
        ),
        pytest.param({}, [check(1, "production", "skipped")], "skipped", id="skipped is no success"),
        pytest.param({}, [check(9, "production", "success")], "", id="a job of another attempt"),
        pytest.param({}, [check(1, None, "success")], "", id="nobody says which jobs deploy"),
        pytest.param(
            {"status": "completed", "conclusion": "failure"},
            [check(1, "production", "success"), check(2, None, "failure")],
            "success",
            id="another job failed",
        ),
        pytest.param(
            {"status": "completed", "conclusion": "cancelled"},
            [],
            "cancelled",
            id="cancelled early",
        ),
    ],
)
def test_the_jobs_of_the_environment_are_what_ends(
    github: ScriptedGithub, attempt: dict[str, object], checks: list[object] | None, conclusion: str
) -> None:
    github.answers("GET", f"{RUN}/attempts/1", run(run_attempt=1, **{"status": "in_progress", **attempt}))
    if checks is not None:
        github.answers("GET", f"{RUN}/attempts/1/jobs", {"total_count": 2, "jobs": [{"id": 1}, {"id": 2}]})
        found = {"total_count": len(checks), "check_runs": checks}
        github.answers("GET", "/repos/acme/shop/check-suites/9/check-runs", found)
    seen = hub(github).released_jobs(REPOSITORY, HeldJob(77, 1), "production")
    assert (seen.conclusion, seen.attempt, seen.link) == (
        conclusion,
        1,
        "https://github.com/acme/shop/actions/runs/77",
    )
