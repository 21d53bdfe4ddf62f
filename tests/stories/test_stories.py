"""Stories in the user's words, over HTTP, against the stand-in: who gets production, and who does not."""

from __future__ import annotations

import pytest
from support.story import FAILING, FROM_MAIN, GATE_FILE, HIGH, SCAN, SCANNED, Place, tell, until

from gate_app.domain.run import RunState


def test_a_change_is_tested_asked_about_and_released_to_staging_and_production(place: Place) -> None:
    story = tell(place, gate_file=SCANNED)
    story.asks("staging")
    assert story.replies_to(story.says("reviewer", "/approve staging")) == "+1"
    story.asks("production")
    assert story.replies_to(story.says("maintainer", "/approve production")) == "+1"
    story.shows("gate / production", "success")
    story.rests()
    deployed = [
        (d["environment"], d["sha"], [s["state"] for s in d["statuses"]]) for d in story.deployments()
    ]
    assert deployed == [
        ("staging", story.pull["head_sha"], ["in_progress", "success"]),
        ("production", story.pull["head_sha"], ["in_progress", "success"]),
    ]
    assert (story.release("production") / "app.py").read_text() == "print('bonjour')\n"


def test_a_denied_change_goes_nowhere_and_says_why(place: Place) -> None:
    story = tell(place)
    question = story.asks("staging")
    story.says("reviewer", "/deny staging the greeting is wrong")
    story.shows("gate / staging", "failure")
    story.rests()
    outcome = next(c for c in story.comments() if c["id"] == question["id"])
    assert "the greeting is wrong" in outcome["body"]
    assert story.deployments() == []


def test_a_push_supersedes_the_question_and_asks_a_new_one(place: Place) -> None:
    story = tell(place)
    old = story.asks("staging")
    story.pushes({"app.py": "print('salut')\n"})
    until(
        lambda: len(story.runs()) == 2 and story.runs()[0].state is RunState.SUPERSEDED, "a new run is open"
    )
    new = story.sees(
        lambda: next(
            (c for c in story.ours() if c["id"] > old["id"] and c["body"].startswith("### Deploy")), None
        ),
        "the new head is asked about",
    )
    assert story.pull["head_sha"][:12] in new["body"]
    story.says("reviewer", "/approve staging")
    story.sees(story.deployments, "staging is deployed")
    assert [deployment["sha"] for deployment in story.deployments()] == [story.pull["head_sha"]]


def test_case_020_an_approval_of_a_head_that_moved_releases_nothing(place: Place) -> None:
    story = tell(place)
    story.asks("staging")
    place.control.trouble_webhooks(hold=True)
    try:
        old = story.pull["head_sha"]
        story.pushes({"app.py": "print('evil')\n"})
        story.says("reviewer", f"/approve staging {old}")
    finally:
        place.control.trouble_webhooks()
    until(lambda: len(story.runs()) == 2, "the push is seen")
    story.rests()
    assert story.deployments() == []


def test_a_failing_test_closes_the_gate_and_nobody_is_asked(place: Place) -> None:
    story = tell(place, {"check.sh": FAILING})
    check = story.shows("stage / tests", "failure")
    assert "greets again" in (check["summary"] or "")
    story.shows("gate / staging", "failure")
    story.rests()
    assert not any(comment["body"].startswith("### Deploy") for comment in story.comments())
    assert story.deployments() == []


def test_a_new_high_finding_closes_the_gate_and_nobody_is_asked(place: Place) -> None:
    story = tell(place, {"scan.sh": SCAN.replace("RESULTS", HIGH)}, SCANNED)
    story.shows("gate / staging", "failure")
    story.rests()
    assert not any(comment["body"].startswith("### Deploy") for comment in story.comments())


@pytest.mark.parametrize(
    ("login", "code"),
    [
        pytest.param("author", "self_approval", id="case 54: by the author"),
        pytest.param("reader", "not_an_approver", id="case 65: by somebody who may only read"),
    ],
)
def test_an_approval_does_not_count(place: Place, login: str, code: str) -> None:
    story = tell(place)
    story.asks("staging")
    assert code in story.replies_to(story.says(login, "/approve staging"))
    story.rests()
    assert story.deployments() == []


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("> /approve staging", id="case 38: in a quote"),
        pytest.param("```\n/approve staging\n```", id="case 38: in a fence"),
        pytest.param("    /approve staging", id="case 38: in an indented block"),
        pytest.param("<!-- -->\n/approve staging", id="case 38: behind a comment"),
        pytest.param("| /approve staging |\n|---|", id="case 38: in a table"),
        pytest.param("- /approve staging", id="case 38: in a list"),
        pytest.param("thanks\n/approve staging", id="case 38: on a later line"),
        pytest.param("thanks\u2028/approve staging", id="case 39: behind a hidden separator"),
        pytest.param("/approver staging", id="case 42: a near miss"),
        pytest.param("／ａｐｐｒｏｖｅ staging", id="case 40: full-width letters"),
    ],
)
def test_a_command_that_is_none_gets_silence(place: Place, body: str, quiet_story: object) -> None:
    from support.story import Story

    assert isinstance(quiet_story, Story)
    before = len(quiet_story.comments())
    quiet_story.says("reviewer", body)
    quiet_story.rests()
    assert len(quiet_story.comments()) == before + 1
    assert quiet_story.deployments() == []


@pytest.fixture(scope="module")
def quiet_story(place: Place) -> object:
    """A story whose staging gate asks, shared by comments that change nothing."""
    story = tell(place)
    story.asks("staging")
    return story


def test_case_044_an_approval_by_a_bot_or_through_an_app_gets_silence(place: Place) -> None:
    story = tell(place)
    story.asks("staging")
    story.says("robot", "/approve staging")
    story.says("reviewer", "/approve staging", via_app=True)
    story.rests()
    assert story.deployments() == []


def test_case_035_a_comment_edited_into_an_approval_is_none(place: Place) -> None:
    story = tell(place)
    story.asks("staging")
    harmless = story.says("reviewer", "looks good")
    place.control.edit_comment(story.repository, harmless["id"], "author", "/approve staging")
    story.rests()
    assert story.deployments() == []


def test_case_035_an_approval_edited_before_it_is_read_again_does_not_count(place: Place) -> None:
    story = tell(place)
    story.asks("staging")
    place.control.trouble_webhooks(hold=True)
    try:
        given = story.says("reviewer", "/approve staging")
        place.control.edit_comment(story.repository, given["id"], "reviewer", "/approve staging now")
    finally:
        place.control.trouble_webhooks()
    story.rests()
    assert story.deployments() == []


def test_case_037_an_approval_goes_with_its_comment(place: Place) -> None:
    story = tell(place, gate_file=GATE_FILE.replace("count: 1", "count: 2"))
    story.asks("staging")
    given = story.says("reviewer", "/approve staging")
    story.rests()
    place.control.delete_comment(story.repository, given["id"], "reviewer")
    story.says("maintainer", "/approve staging")
    story.rests()
    assert story.deployments() == []
    story.says("reviewer", "/approve staging")
    story.sees(story.deployments, "both have approved")


def test_case_086_a_gate_file_changed_by_the_pull_request_is_not_used(place: Place) -> None:
    loose = GATE_FILE.replace(
        "approval: {approvers: [{permission: write, count: 1}]}", "approval: {mode: never}"
    )
    story = tell(place, {".github/gate.yml": loose})
    story.asks("staging")
    story.rests()
    assert story.deployments() == []


def test_case_025_a_changed_base_asks_anew(place: Place) -> None:
    story = tell(place)
    story.asks("staging")
    sha = story.state()["repositories"][0]["branches"]["main"]
    place.control.push(story.repository, "release", sha, by="maintainer")
    place.control.change_pull(story.repository, story.number, base="release")
    until(lambda: len(story.runs()) == 2, "the new base is a new run")


def test_a_closed_pull_request_releases_nothing(place: Place) -> None:
    story = tell(place)
    story.asks("staging")
    place.control.close(story.repository, story.number, by="author")
    story.shows("gate / staging", "cancelled")
    story.says("reviewer", "/approve staging")
    story.rests()
    assert story.deployments() == []


def test_without_a_gate_file_the_app_is_silent(place: Place) -> None:
    story = tell(place, gate_file=None)
    story.rests()
    assert story.comments() == []
    assert story.check("gate / staging") is None


def test_case_090_a_broken_gate_file_is_closed_and_loud(place: Place) -> None:
    story = tell(place, gate_file=GATE_FILE.replace("environments:", "enviroments:"))
    check = story.shows("gate / policy", "failure")
    assert "environments" in (check["summary"] or "")
    story.rests()
    assert story.deployments() == []


def test_an_environment_of_the_default_branch_asks_on_the_merged_pull_request(place: Place) -> None:
    gate_file = GATE_FILE.replace("  production:\n    from: pull_request\n", "  production:\n")
    story = tell(place, gate_file=gate_file)
    story.asks("staging")
    story.says("reviewer", "/approve staging")
    story.sees(lambda: story.check("gate / staging") and story.deployments(), "staging is deployed")
    story.shows("gate / staging", "success")
    assert story.check("gate / production") is None, "none before the merge"
    merged = place.control.merge(story.repository, story.number, by="maintainer", method="merge")
    question = story.asks("production")
    assert (merged["merge_commit_sha"] or "")[:12] in question["body"]
    story.says("reviewer", "/approve production")
    story.sees(lambda: len(story.deployments()) == 2, "production is deployed")
    assert story.deployments()[1]["sha"] == merged["merge_commit_sha"]


@pytest.mark.parametrize("method", ["merge", "squash"])
def test_case_54_who_only_merged_may_approve_and_who_wrote_it_may_not(place: Place, method: str) -> None:
    """The base went on, so only GitHub's own merge shows that the maintainer added nothing."""
    story = tell(place, gate_file=FROM_MAIN)
    story.asks("staging")
    other = place.control.commit(story.repository, {"other.txt": "x\n"}, login="reviewer")["sha"]
    place.control.push(story.repository, "main", other, "reviewer")
    until(lambda: len(story.runs()) == 2, "the other commit has its run")
    place.control.merge(story.repository, story.number, by="maintainer", method=method)
    story.asks("production")
    assert "self_approval" in story.replies_to(story.says("author", "/approve production"))
    story.says("maintainer", "/approve production")
    story.sees(story.deployments, "production is deployed")


def test_who_approved_staging_approved_nothing_else(place: Place) -> None:
    story = tell(place)
    story.asks("staging")
    story.says("reviewer", "/approve staging")
    story.asks("production")
    story.rests()
    assert [deployment["environment"] for deployment in story.deployments()] == ["staging"]


def test_why_and_status_and_help_are_answered(place: Place) -> None:
    story = tell(place)
    story.asks("staging")
    assert "approval_missing" in story.replies_to(story.says("reviewer", "/why staging"))
    assert "where it stands" in story.replies_to(story.says("reviewer", "/status"))
    assert "/approve [environment]" in story.replies_to(story.says("reviewer", "/help"))


def test_tests_that_could_not_start_are_unknown_with_the_missing_name(place: Place) -> None:
    script = "echo \"ModuleNotFoundError: No module named 'requests'\" >&2; exit 1\n"
    story = tell(place, {"check.sh": script})
    story.shows("stage / tests", "failure")
    story.rests()
    codes = [
        verdict.codes for verdicts in story.overview().verdicts.values() for verdict in verdicts.values()
    ]
    assert any("stage_unknown" in code for code in codes)
