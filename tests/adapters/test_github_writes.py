"""What we tell GitHub: created once, found again, updated in place, within its limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from support.github import (
    APP_ID,
    BOT,
    NOON,
    OTHER_SHA,
    REPOSITORY,
    SHA,
    ScriptedGithub,
    account,
    comment,
    hub,
    scripted,
)

from gate_app.domain.annotations import Annotation
from gate_app.domain.buttons import Button
from gate_app.domain.effects import CreateDeployment, PublishCheckRun, PublishComment, React, ReportDeployment
from gate_app.errors import HubRefused, HubUnavailable
from gate_app.github.limits import CLOSING_NOTE, line_within, text_within_bytes, text_within_chars
from gate_app.github.writes import hidden

RUNS = "/repos/acme/shop/check-runs"
RUNS_OF_HEAD = f"/repos/acme/shop/commits/{SHA}/check-runs"
COMMENTS = "/repos/acme/shop/issues/3/comments"
ONE_COMMENT = "/repos/acme/shop/issues/comments"
DEPLOYMENTS = "/repos/acme/shop/deployments"
STATUSES = f"{DEPLOYMENTS}/81/statuses"

GATE_RUN = PublishCheckRun(
    surface="gate:production",
    name="gate / production",
    head_sha=SHA,
    external_id="r1:gate:production",
    status="completed",
    conclusion="action_required",
    title="Deploy to production?",
    summary="All tests pass.",
    buttons=(
        Button("Approve", "Yes", "approve:0123456789ab"),
        Button("Deny", "No", "deny:0123456789ab"),
    ),
)
QUESTION = PublishComment(
    surface="question:production:1",
    marker="r1:question:production:1",
    conversation=3,
    body="Deploy to production?",
)
DEPLOYMENT = CreateDeployment(
    environment="production",
    occasion=1,
    gate_id="r1:production",
    sha=SHA,
    description="Approved",
    judged_at=NOON,
)
REPORT = ReportDeployment(environment="production", deployment_id=81, state="success", description="Healthy")
MARKER = "<!-- gate-app:r1%3Aquestion%3Aproduction%3A1 -->"


@pytest.fixture
def github() -> Iterator[ScriptedGithub]:
    with scripted() as github:
        yield github


def listed(
    number: int, external_id: str = GATE_RUN.external_id, app_id: int | None = APP_ID
) -> dict[str, object]:
    return {"id": number, "external_id": external_id, "app": None if app_id is None else {"id": app_id}}


def page(*runs: dict[str, object]) -> dict[str, object]:
    return {"total_count": len(runs), "check_runs": list(runs)}


# --- check runs ---


def test_a_known_check_run_is_updated_with_one_call(github: ScriptedGithub) -> None:
    github.answers("PATCH", f"{RUNS}/61", {"id": 61})
    assert hub(github).publish_check_run(REPOSITORY, GATE_RUN, known=61) == 61
    (call,) = github.calls
    assert call.body == {
        "name": "gate / production",
        "external_id": "r1:gate:production",
        "status": "completed",
        "conclusion": "action_required",
        "output": {"title": "Deploy to production?", "summary": "All tests pass."},
        "actions": [
            {"label": "Approve", "description": "Yes", "identifier": "approve:0123456789ab"},
            {"label": "Deny", "description": "No", "identifier": "deny:0123456789ab"},
        ],
    }


def test_an_unknown_check_run_is_looked_for_and_then_created(github: ScriptedGithub) -> None:
    github.answers("GET", RUNS_OF_HEAD, page())
    github.answers("POST", RUNS, {"id": 62}, status=201)
    assert hub(github).publish_check_run(REPOSITORY, GATE_RUN, known=None) == 62
    assert github.names() == [f"GET {RUNS_OF_HEAD}", f"POST {RUNS}"]
    look, create = github.calls
    assert look.query == {
        "app_id": str(APP_ID), "check_name": "gate / production", "filter": "all", "per_page": "100", "page": "1"
    }  # fmt: skip
    assert isinstance(create.body, dict)
    assert create.body["head_sha"] == SHA


@pytest.mark.parametrize(
    ("runs", "updated"),
    [
        pytest.param([listed(61)], 61, id="ours"),
        pytest.param([listed(60), listed(61)], 61, id="two of ours: the newest is the one shown"),
        pytest.param([listed(61, "r0:gate:production")], None, id="of another run"),
        pytest.param([listed(61, app_id=666)], None, id="case 169: of another App with our external id"),
        pytest.param([listed(61, app_id=None)], None, id="case 169: of nobody"),
    ],
)
def test_case_194_a_check_run_whose_creation_was_not_heard_of_is_found_again(
    github: ScriptedGithub, runs: list[dict[str, object]], updated: int | None
) -> None:
    github.answers("GET", RUNS_OF_HEAD, page(*runs))
    github.answers("PATCH", f"{RUNS}/61", {"id": 61})
    github.answers("POST", RUNS, {"id": 62}, status=201)
    assert hub(github).publish_check_run(REPOSITORY, GATE_RUN, known=None) == (updated or 62)


def test_case_32_a_check_run_on_the_second_page_is_found(github: ScriptedGithub) -> None:
    github.answers("GET", RUNS_OF_HEAD, page(*(listed(number, "other") for number in range(1, 101))))
    github.answers("GET", RUNS_OF_HEAD, page(listed(161)))
    github.answers("PATCH", f"{RUNS}/161", {"id": 161})
    assert hub(github).publish_check_run(REPOSITORY, GATE_RUN, known=None) == 161


def test_a_known_check_run_that_is_gone_is_created_again(github: ScriptedGithub) -> None:
    github.answers("GET", RUNS_OF_HEAD, page())
    github.answers("POST", RUNS, {"id": 62}, status=201)
    assert hub(github).publish_check_run(REPOSITORY, GATE_RUN, known=61) == 62
    assert github.names() == [f"PATCH {RUNS}/61", f"GET {RUNS_OF_HEAD}", f"POST {RUNS}"]


def test_a_check_run_in_progress_carries_no_conclusion_because_that_would_complete_it(
    github: ScriptedGithub,
) -> None:
    github.answers("PATCH", f"{RUNS}/61", {"id": 61})
    running = replace(GATE_RUN, status="in_progress", conclusion="success")
    hub(github).publish_check_run(REPOSITORY, running, known=61)
    body = github.calls[0].body
    assert isinstance(body, dict)
    assert body["status"] == "in_progress"
    assert "conclusion" not in body


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(replace(GATE_RUN, conclusion=None), id="completed without a conclusion"),
        pytest.param(replace(GATE_RUN, external_id="x" * 256), id="an external id that is too long"),
    ],
)
def test_a_check_run_that_github_would_refuse_is_not_sent(
    github: ScriptedGithub, wanted: PublishCheckRun
) -> None:
    with pytest.raises(HubRefused) as fault:
        hub(github).publish_check_run(REPOSITORY, wanted, known=61)
    assert fault.value.status == 422
    assert github.calls == []


def test_a_check_run_is_cut_to_githubs_limits(github: ScriptedGithub) -> None:
    github.answers("PATCH", f"{RUNS}/61", {"id": 61})
    long = replace(GATE_RUN, title="ü" * 300, summary="ünïcödé, ünïcödé\n" * 5_000)
    hub(github).publish_check_run(REPOSITORY, long, known=61)
    body = github.calls[0].body
    assert isinstance(body, dict)
    assert len(body["output"]["title"]) == 255
    assert len(body["output"]["summary"].encode()) <= 65_535
    assert body["output"]["summary"].endswith(CLOSING_NOTE)


@pytest.mark.parametrize("status", [403, 422])
def test_an_update_that_is_refused_for_another_reason_creates_nothing(
    github: ScriptedGithub, status: int
) -> None:
    github.answers("PATCH", f"{RUNS}/61", {}, status=status)
    with pytest.raises(HubRefused):
        hub(github).publish_check_run(REPOSITORY, GATE_RUN, known=61)
    assert len(github.calls) == 1


@pytest.mark.parametrize("answer", [{}, {"id": None}, {"id": 0}, [], {"id": 99}], ids=str)
def test_an_update_that_does_not_name_what_was_updated_did_not_happen(
    github: ScriptedGithub, answer: object
) -> None:
    github.answers("PATCH", f"{RUNS}/61", answer)
    with pytest.raises(HubUnavailable):
        hub(github).publish_check_run(REPOSITORY, GATE_RUN, known=61)


@pytest.mark.parametrize("status", [307, 308, 301, 201])
def test_case_144_an_empty_answer_to_a_creation_is_never_a_success(
    github: ScriptedGithub, status: int
) -> None:
    github.answers("GET", RUNS_OF_HEAD, page())
    github.answers("POST", RUNS, {"message": "Moved Permanently"}, status=status)
    with pytest.raises(HubUnavailable):
        hub(github).publish_check_run(REPOSITORY, GATE_RUN, known=None)


# --- comments ---


def test_a_new_comment_carries_our_hidden_marker_at_its_end(github: ScriptedGithub) -> None:
    github.answers("GET", COMMENTS, [])
    github.answers("POST", COMMENTS, {"id": 701}, status=201)
    assert hub(github).publish_comment(REPOSITORY, QUESTION, known=None) == 701
    assert github.calls[-1].body == {"body": f"Deploy to production?\n\n{MARKER}"}


def test_a_known_comment_is_edited_with_one_call(github: ScriptedGithub) -> None:
    github.answers("PATCH", f"{ONE_COMMENT}/701", {"id": 701})
    assert hub(github).publish_comment(REPOSITORY, QUESTION, known=701) == 701
    assert github.names() == [f"PATCH {ONE_COMMENT}/701"]


def marked(**changed: object) -> dict[str, object]:
    return {**comment(701, f"Old text\n\n{MARKER}", user=BOT), **changed}


@pytest.mark.parametrize(
    ("existing", "edited"),
    [
        pytest.param(marked(), True, id="by our bot"),
        pytest.param(marked(body=f"Old text\n\n{MARKER}\r\n"), True, id="with a line end after it"),
        pytest.param(
            marked(user=account(77, "renamed[bot]", "Bot"), performed_via_github_app={"id": APP_ID}),
            True,
            id="by a bot of our App",
        ),
        pytest.param(marked(user=account(12, "stranger")), False, id="case 169: by a stranger"),
        pytest.param(
            marked(user=account(12, "stranger"), performed_via_github_app={"id": APP_ID}),
            False,
            id="case 169: by a person through our App",
        ),
        pytest.param(
            marked(user=account(78, "other[bot]", "Bot"), performed_via_github_app={"id": 666}),
            False,
            id="case 169: by another App",
        ),
        pytest.param(marked(user=None), False, id="case 169: by a ghost"),
        pytest.param(marked(body=f"{MARKER} quoted, and more"), False, id="our bot quotes the marker"),
        pytest.param(
            marked(body="<!-- gate-app:r2%3Aquestion%3Aproduction%3A1 -->"), False, id="of another run"
        ),
        pytest.param(marked(body=None), False, id="without a body"),
    ],
)
def test_case_169_a_marker_counts_only_in_our_own_comments(
    github: ScriptedGithub, existing: dict[str, object], edited: bool
) -> None:
    github.answers("GET", COMMENTS, [comment(600, "chatter"), existing])
    github.answers("PATCH", f"{ONE_COMMENT}/701", {"id": 701})
    github.answers("POST", COMMENTS, {"id": 702}, status=201)
    assert hub(github).publish_comment(REPOSITORY, QUESTION, known=None) == (701 if edited else 702)


def test_our_bot_is_known_by_our_app_when_its_account_is_not(github: ScriptedGithub) -> None:
    github.answers("GET", COMMENTS, [marked(performed_via_github_app={"id": APP_ID})])
    github.answers("PATCH", f"{ONE_COMMENT}/701", {"id": 701})
    assert hub(github, bot_id=None).publish_comment(REPOSITORY, QUESTION, known=None) == 701


def described(slug: str | None = "gate-app", app_id: int = APP_ID) -> dict[str, object]:
    """`GET /app`; GitHub's schema does not promise the slug."""
    return {"id": app_id, "name": "Gate", "permissions": {}, "events": [], **({"slug": slug} if slug else {})}


@pytest.mark.parametrize(
    ("user", "edited"),
    [
        pytest.param(BOT, True, id="our bot"),
        pytest.param(account(78, "other[bot]", "Bot"), False, id="another bot"),
        pytest.param(account(79, "gate-app[bot]"), False, id="case 58: a person of that name"),
    ],
)
def test_a_bot_whose_comment_names_no_app_is_known_by_the_login_that_github_gave_our_app(
    github: ScriptedGithub, user: dict[str, object], edited: bool
) -> None:
    github.answers("GET", "/app", described())
    github.answers("GET", COMMENTS, [marked(user=user)])
    github.answers("PATCH", f"{ONE_COMMENT}/701", {"id": 701})
    github.answers("POST", COMMENTS, {"id": 702}, status=201)
    assert hub(github, bot_id=None).publish_comment(REPOSITORY, QUESTION, known=None) == (
        701 if edited else 702
    )


def test_who_we_are_is_asked_only_in_doubt_and_once(github: ScriptedGithub) -> None:
    github.answers("GET", "/app", described())
    github.answers("GET", COMMENTS, [comment(600, "chatter", user=BOT)])
    github.answers("GET", COMMENTS, [marked()])
    github.answers("PATCH", f"{ONE_COMMENT}/701", {"id": 701})
    github.answers("POST", COMMENTS, {"id": 702}, status=201)
    client = hub(github, bot_id=None)
    assert client.publish_comment(REPOSITORY, QUESTION, known=None) == 702
    assert "GET /app" not in github.names()
    for _ in range(2):
        assert client.publish_comment(REPOSITORY, QUESTION, known=None) == 701
    assert github.names().count("GET /app") == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param({}, 404, id="GitHub does not say"),
        pytest.param(described(slug=None), 200, id="without a slug"),
        pytest.param(described(app_id=666), 200, id="case 148: the key of another App"),
        pytest.param({}, 500, id="GitHub is down"),
    ],
)
def test_while_nobody_knows_who_we_are_nothing_is_written_twice(
    github: ScriptedGithub, body: object, status: int
) -> None:
    github.answers("GET", "/app", body, status=status)
    github.answers("GET", COMMENTS, [marked()])
    with pytest.raises(HubUnavailable):
        hub(github, bot_id=None).publish_comment(REPOSITORY, QUESTION, known=None)
    assert not any(call.method == "POST" for call in github.calls)


def test_case_194_after_a_lost_answer_the_comment_is_found_not_doubled(github: ScriptedGithub) -> None:
    client = hub(github)
    github.answers("GET", COMMENTS, [])
    github.answers("GET", COMMENTS, [marked()])
    github.fails("POST", COMMENTS, requests.ReadTimeout())
    github.answers("PATCH", f"{ONE_COMMENT}/701", {"id": 701})
    with pytest.raises(HubUnavailable):
        client.publish_comment(REPOSITORY, QUESTION, known=None)
    assert client.publish_comment(REPOSITORY, QUESTION, known=None) == 701
    assert github.names().count(f"POST {COMMENTS}") == 1


def test_a_comment_deleted_by_somebody_is_written_again(github: ScriptedGithub) -> None:
    github.answers("GET", COMMENTS, [])
    github.answers("POST", COMMENTS, {"id": 702}, status=201)
    assert hub(github).publish_comment(REPOSITORY, QUESTION, known=701) == 702


def test_a_long_comment_keeps_its_marker_and_says_that_it_was_cut(github: ScriptedGithub) -> None:
    github.answers("PATCH", f"{ONE_COMMENT}/701", {"id": 701})
    hub(github).publish_comment(REPOSITORY, replace(QUESTION, body="word\n" * 20_000), known=701)
    body = github.calls[0].body
    assert isinstance(body, dict)
    assert len(body["body"]) <= 65_000
    assert body["body"].endswith(f"{CLOSING_NOTE}\n\n{MARKER}")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_case_169_no_name_ends_the_hidden_marker_early(marker: str) -> None:
    line = hidden(marker)
    assert line.isascii()
    assert line.index("-->") == len(line) - 3
    assert "\n" not in line


# --- limits ---


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=400), st.integers(min_value=60, max_value=300)
)
def test_a_text_cut_to_bytes_fits_and_is_whole_utf_8(text: str, limit: int) -> None:
    cut = text_within_bytes(text, limit)
    assert len(cut.encode()) <= limit
    assert cut == text or (cut.endswith(CLOSING_NOTE) and text.startswith(cut.removesuffix(CLOSING_NOTE)))


def test_case_167_a_cut_never_opens_a_code_span() -> None:
    line = "`@acme/everybody` " * 4
    cut = text_within_chars("\n".join([line] * 50), 1_000).removesuffix(CLOSING_NOTE)
    assert cut.count("`") % 2 == 0
    assert text_within_chars(line * 50, 100) == CLOSING_NOTE


def test_a_description_is_one_bounded_line() -> None:
    assert line_within("a\n  b\t" + "c" * 200, 140) == "a b " + "c" * 135 + "…"


# --- reactions ---


@pytest.mark.parametrize("status", [200, 201], ids=["there already", "new"])
def test_a_reaction_may_be_given_twice(github: ScriptedGithub, status: int) -> None:
    github.answers("POST", f"{ONE_COMMENT}/501/reactions", {"id": 9, "content": "+1"}, status=status)
    hub(github).react(REPOSITORY, React(501, "+1"))
    assert github.calls[0].body == {"content": "+1"}


# --- deployments ---


def deployment(number: int = 81, **changed: object) -> dict[str, object]:
    body: dict[str, object] = {
        "id": number,
        "sha": SHA,
        "payload": {"gate": "r1:production", "sha": SHA},
        "creator": BOT,
        "performed_via_github_app": {"id": APP_ID},
        "statuses_url": "https://sinkhole.example/",
    }
    return {**body, **changed}


def test_a_deployment_is_created_for_exactly_the_approved_commit(github: ScriptedGithub) -> None:
    github.answers("GET", DEPLOYMENTS, [])
    github.answers("POST", DEPLOYMENTS, deployment(), status=201)
    assert hub(github).create_deployment(REPOSITORY, replace(DEPLOYMENT, description="x" * 200)) == 81
    look, create = github.calls
    assert (look.query["sha"], look.query["environment"]) == (SHA, "production")
    assert create.body == {
        "ref": SHA,
        "auto_merge": False,
        "required_contexts": [],
        "payload": {"gate": "r1:production", "sha": SHA},
        "environment": "production",
        "description": "x" * 139 + "…",
    }


@pytest.mark.parametrize(
    ("existing", "found"),
    [
        pytest.param(deployment(), True, id="ours"),
        pytest.param(deployment(payload='{"gate": "r1:production"}'), True, id="its payload shown as a text"),
        pytest.param(deployment(payload={"gate": "r0:production"}), False, id="of another gate"),
        pytest.param(deployment(payload=""), False, id="without a payload"),
        pytest.param(deployment(payload="[" * 3_000), False, id="a payload of brackets"),
        pytest.param(deployment(payload=["gate"]), False, id="a payload that is a list"),
        pytest.param(
            deployment(creator=account(), performed_via_github_app=None), False, id="case 169: a stranger's"
        ),
        pytest.param(deployment(creator=None), False, id="case 169: a ghost's"),
        pytest.param(deployment(sha=OTHER_SHA), False, id="of another commit"),
    ],
)
def test_case_194_a_gate_has_one_deployment(
    github: ScriptedGithub, existing: dict[str, object], found: bool
) -> None:
    github.answers("GET", DEPLOYMENTS, [existing])
    github.answers("POST", DEPLOYMENTS, deployment(82), status=201)
    assert hub(github).create_deployment(REPOSITORY, DEPLOYMENT) == (81 if found else 82)
    assert len(github.calls) == (1 if found else 2)
    assert hub(github).find_deployment(REPOSITORY, DEPLOYMENT) == (81 if found else None)


def test_case_194_a_deployment_that_cannot_be_looked_for_is_not_said_to_be_missing(
    github: ScriptedGithub,
) -> None:
    github.answers("GET", DEPLOYMENTS, {}, status=404)
    with pytest.raises(HubRefused):
        hub(github).find_deployment(REPOSITORY, DEPLOYMENT)


def test_case_21_a_deployment_of_another_commit_is_refused(github: ScriptedGithub) -> None:
    github.answers("GET", DEPLOYMENTS, [])
    github.answers("POST", DEPLOYMENTS, deployment(sha=OTHER_SHA), status=201)
    with pytest.raises(HubRefused) as fault:
        hub(github).create_deployment(REPOSITORY, DEPLOYMENT)
    assert fault.value.status == 409


def test_a_deployment_that_github_merged_instead_of_creating_is_no_success(github: ScriptedGithub) -> None:
    github.answers("GET", DEPLOYMENTS, [])
    github.answers("POST", DEPLOYMENTS, {"message": "Auto-merged main into feature"}, status=202)
    with pytest.raises(HubUnavailable):
        hub(github).create_deployment(REPOSITORY, DEPLOYMENT)


@pytest.mark.parametrize(
    ("newest", "written"),
    [
        pytest.param([], True, id="the first status"),
        pytest.param([{"state": "in_progress", "description": "Healthy"}], True, id="another state"),
        pytest.param([{"state": "success", "description": None}], True, id="another description"),
        pytest.param([{"state": "success", "description": "Healthy"}], False, id="case 194: written already"),
    ],
)
def test_a_deployment_status_is_written_unless_it_is_the_newest(
    github: ScriptedGithub, newest: list[object], written: bool
) -> None:
    github.answers("GET", STATUSES, newest)
    github.answers("POST", STATUSES, {"id": 91}, status=201)
    hub(github).report_deployment(REPOSITORY, REPORT)
    if written:
        assert github.calls[-1].body == {"state": "success", "description": "Healthy", "auto_inactive": True}
    assert github.names() == [f"GET {STATUSES}"] + [f"POST {STATUSES}"] * written


# --- annotations ---


def noted(number: int) -> PublishCheckRun:
    notes = [
        Annotation(f"src/{index}.py", index + 1, "warning", "B101", "assert used") for index in range(number)
    ]
    return replace(GATE_RUN, buttons=(), annotations=tuple(notes))


def counted(count: int | None) -> dict[str, object]:
    return {"id": 61, "output": {} if count is None else {"annotations_count": count}}


def sent_annotations(github: ScriptedGithub) -> list[list[str]]:
    bodies = [call.body for call in github.calls if isinstance(call.body, dict)]
    outputs = [body["output"] for body in bodies]
    return [
        [str(note["path"]) for note in output["annotations"]]
        for output in outputs
        if isinstance(output, dict) and "annotations" in output
    ]


def test_annotations_go_in_fifties(github: ScriptedGithub) -> None:
    for count in (0, 50, 70):
        github.answers("PATCH", f"{RUNS}/61", counted(count))
    hub(github).publish_check_run(REPOSITORY, noted(70), known=61)
    assert [len(paths) for paths in sent_annotations(github)] == [50, 20]


def test_annotations_that_are_there_are_not_sent_again(github: ScriptedGithub) -> None:
    """GitHub appends: the same ones sent twice would show twice (github-facts, limits)."""
    for count in (50, 70):
        github.answers("PATCH", f"{RUNS}/61", counted(count))
    hub(github).publish_check_run(REPOSITORY, noted(70), known=61)
    assert [paths[0] for paths in sent_annotations(github)] == ["src/50.py"]


def test_a_server_that_counts_no_annotations_gets_each_once(github: ScriptedGithub) -> None:
    for _ in range(2):
        github.answers("PATCH", f"{RUNS}/61", counted(None))
    hub(github).publish_check_run(REPOSITORY, noted(3), known=61)
    assert [len(paths) for paths in sent_annotations(github)] == [3]


def test_a_check_run_that_goes_away_meanwhile_is_tried_again_later(github: ScriptedGithub) -> None:
    github.answers("PATCH", f"{RUNS}/61", counted(0))
    github.answers("PATCH", f"{RUNS}/61", {"message": "Not Found"}, status=404)
    with pytest.raises(HubUnavailable):
        hub(github).publish_check_run(REPOSITORY, noted(3), known=61)
