"""Stories in the user's words, over HTTP, against the stand-in: who gets production, and who does not.

Each on one route or two; `make stories` tells them on all.
"""

from __future__ import annotations

import time

import pytest
from support.routes import Route, on_routes
from support.story import FROM_MAIN, GATE_FILE, SCANNED, Place, Story, marks_of, tell, until

from gate_app.domain.run import RunState
from gate_app.standin.shapes import CommentState


@on_routes("command", "workflow", "deployment")
def test_a_change_is_tested_asked_about_and_released_to_staging_and_production(route: Route) -> None:
    story = route.tell(gate_file=SCANNED)
    story.asks("staging")
    assert story.replies_to(story.says("reviewer", "/approve staging")) == "+1"
    route.deploys(story, "staging")
    story.asks("production")
    assert story.replies_to(story.says("maintainer", "/approve production")) == "+1"
    route.deploys(story, "production")
    story.shows("gate / production", "success")
    story.rests()
    deployed = [(d["environment"], d["sha"], d["statuses"][-1]["state"]) for d in story.released()]
    assert deployed == [
        ("staging", story.pull["head_sha"], "success"),
        ("production", story.pull["head_sha"], "success"),
    ]


def expect_nothing_released(story: Story) -> None:
    story.rests()
    assert story.deployments() == []
    assert not any(run["inputs"] for run in story.workflow_runs()), "none was told what to deploy"


def expect_nobody_asked(story: Story) -> None:
    expect_nothing_released(story)
    assert not any(comment["body"].startswith("### Deploy") for comment in story.comments())


@on_routes("deployment")
def test_a_denied_change_goes_nowhere_and_says_why(route: Route) -> None:
    story = route.tell()
    question = story.asks("staging")
    story.says("reviewer", "/deny staging the greeting is wrong")
    story.shows("gate / staging", "failure")
    expect_nothing_released(story)
    outcome = next(c for c in story.comments() if c["id"] == question["id"])
    assert "the greeting is wrong" in outcome["body"]


@on_routes("workflow", "command")
def test_a_push_supersedes_the_question_and_the_new_head_is_released(route: Route) -> None:
    story = route.tell()
    old = story.asks("staging")
    story.pushes({"app.py": "print('salut')\n"})
    route.tests(story, story.pull["head_sha"])
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
    route.deploys(story, "staging")
    story.shows("gate / staging", "success")
    assert [deployment["sha"] for deployment in story.released()] == [story.pull["head_sha"]]


@on_routes("workflow")
def test_case_020_an_approval_of_a_head_that_moved_releases_nothing(route: Route) -> None:
    story = route.tell()
    story.asks("staging")
    route.place.control.trouble_webhooks(hold=True)
    try:
        old = story.pull["head_sha"]
        story.pushes({"app.py": "print('evil')\n"})
        story.says("reviewer", f"/approve staging {old}")
    finally:
        route.place.control.trouble_webhooks()
    until(lambda: len(story.runs()) == 2, "the push is seen")
    expect_nothing_released(story)


@on_routes("command", "workflow")
def test_a_failing_test_closes_the_gate_and_nobody_is_asked(route: Route) -> None:
    story = route.tell(red="tests")
    check = story.shows("stage / tests", "failure")
    assert ("`test`" if route.name == "deployment" else "greets again") in (check["summary"] or "")
    story.shows("gate / staging", "failure")
    expect_nobody_asked(story)


@on_routes("workflow")
def test_a_new_high_finding_closes_the_gate_and_nobody_is_asked(route: Route) -> None:
    story = route.tell(gate_file=SCANNED, red="scan")
    story.shows("gate / staging", "failure")
    expect_nobody_asked(story)


def expect_no_approval_of(route: Route, login: str, code: str) -> None:
    story = route.tell()
    story.asks("staging")
    assert code in story.replies_to(story.says(login, "/approve staging"))
    expect_nothing_released(story)


@on_routes("deployment")
def test_case_054_an_approval_by_the_author_does_not_count(route: Route) -> None:
    expect_no_approval_of(route, "author", "self_approval")


@on_routes("workflow")
def test_case_065_an_approval_by_somebody_who_may_only_read_does_not_count(route: Route) -> None:
    expect_no_approval_of(route, "reader", "not_an_approver")


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
@on_routes("workflow")
def test_a_command_that_is_none_gets_silence(quiet_story: Story, body: str) -> None:
    before = len(quiet_story.comments())
    quiet_story.says("reviewer", body)
    expect_nothing_released(quiet_story)
    assert len(quiet_story.comments()) == before + 1


@pytest.fixture(scope="module")
def quiet_story(route: Route) -> Story:
    """A story whose staging gate asks, shared by comments that change nothing."""
    story = route.tell()
    story.asks("staging")
    return story


@on_routes("deployment")
def test_case_044_an_approval_by_a_bot_or_through_an_app_gets_silence(route: Route) -> None:
    story = route.tell()
    story.asks("staging")
    story.says("robot", "/approve staging")
    story.says("reviewer", "/approve staging", via_app=True)
    expect_nothing_released(story)


@on_routes("deployment")
def test_case_035_a_comment_edited_into_an_approval_is_none(route: Route) -> None:
    story = route.tell()
    story.asks("staging")
    harmless = story.says("reviewer", "looks good")
    route.place.control.edit_comment(story.repository, harmless["id"], "author", "/approve staging")
    expect_nothing_released(story)


@on_routes("workflow")
def test_case_035_an_approval_edited_before_it_is_read_again_does_not_count(route: Route) -> None:
    story = route.tell()
    story.asks("staging")
    route.place.control.trouble_webhooks(hold=True)
    try:
        given = story.says("reviewer", "/approve staging")
        route.place.control.edit_comment(story.repository, given["id"], "reviewer", "/approve staging now")
    finally:
        route.place.control.trouble_webhooks()
    expect_nothing_released(story)


@on_routes("deployment")
def test_case_037_an_approval_goes_with_its_comment(route: Route) -> None:
    story = route.tell(gate_file=GATE_FILE.replace("count: 1", "count: 2"))
    story.asks("staging")
    given = story.says("reviewer", "/approve staging")
    story.rests()
    route.place.control.delete_comment(story.repository, given["id"], "reviewer")
    story.says("maintainer", "/approve staging")
    expect_nothing_released(story)
    story.says("reviewer", "/approve staging")
    route.deploys(story, "staging")


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


BOTH = GATE_FILE.replace("count: 1", "count: 2")
"""Every gate needs two people."""


def a_second_goes_by() -> None:
    """GitHub's times have whole seconds: what happens within one cannot be told apart."""
    end = time.monotonic() + 1
    until(lambda: time.monotonic() > end, "a second went by")


def asked_again(story: Story, environment: str, before: CommentState) -> CommentState:
    """The question that came after that one."""
    return story.sees(
        lambda: next(
            (c for c in story.ours() if c["id"] > before["id"] and c["body"].startswith("### Deploy")), None
        ),
        f"{environment} is asked about anew",
    )


@pytest.mark.parametrize("told", ["late", "never"])
def test_case_023_an_approval_from_before_a_head_that_came_back_does_not_count(
    place: Place, told: str
) -> None:
    """Somebody pushes something else and takes it back by force; the app is told afterwards, or not at all."""
    story = tell(place, gate_file=BOTH)
    question = story.asks("staging")
    story.says("reviewer", "/approve staging")
    story.rests()
    a_second_goes_by()
    place.control.trouble_webhooks(hold=told == "late", drop_every=int(told == "never"))
    try:
        shown = story.pull["head_sha"]
        story.pushes({"app.py": "print('evil')\n"})
        story.pull = place.control.set_head(story.repository, story.number, shown, by="author")
    finally:
        place.control.trouble_webhooks()
    story.says("maintainer", "/approve staging")
    asked_again(story, "staging", question)
    story.rests()
    assert story.deployments() == []
    for login in ("reviewer", "maintainer"):
        story.says(login, "/approve staging")
    story.sees(story.deployments, "both have approved what came back")


def test_case_034_an_approval_from_before_a_reopening_does_not_count(place: Place) -> None:
    story = tell(place, gate_file=BOTH)
    question = story.asks("staging")
    story.says("reviewer", "/approve staging")
    story.rests()
    a_second_goes_by()
    place.control.trouble_webhooks(drop_every=1)
    try:
        place.control.close(story.repository, story.number, by="author")
        place.control.reopen(story.repository, story.number, by="author")
    finally:
        place.control.trouble_webhooks()
    story.says("maintainer", "/approve staging")
    asked_again(story, "staging", question)
    story.rests()
    assert story.deployments() == []


def test_case_088_another_default_branch_ends_what_waits_under_the_old_one(place: Place) -> None:
    story = tell(place)
    question = story.asks("staging")
    main = story.state()["repositories"][0]["branches"]["main"]
    strict = GATE_FILE.replace("permission: write", "permission: admin")
    other = place.control.commit(
        story.repository, {".github/gate.yml": strict}, parent=main, login="maintainer"
    )
    place.control.push(story.repository, "trunk", other["sha"], by="maintainer")
    place.control.change_repository(story.repository, default_branch="trunk")
    story.says("reviewer", "/approve staging")
    asked_again(story, "staging", question)
    story.rests()
    assert story.deployments() == []
    assert story.runs()[0].ended == "default_branch_changed"


@on_routes("deployment")
def test_a_closed_pull_request_releases_nothing(route: Route) -> None:
    story = route.tell()
    story.asks("staging")
    route.place.control.close(story.repository, story.number, by="author")
    story.shows("gate / staging", "cancelled")
    story.says("reviewer", "/approve staging")
    expect_nothing_released(story)


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


@on_routes("command", "deployment")
def test_an_environment_of_the_default_branch_asks_on_the_merged_pull_request(route: Route) -> None:
    gate_file = GATE_FILE.replace("  production:\n    from: pull_request\n", "  production:\n")
    story = route.tell(gate_file=gate_file)
    story.asks("staging")
    story.says("reviewer", "/approve staging")
    route.deploys(story, "staging")
    story.shows("gate / staging", "success")
    assert story.check("gate / production") is None, "none before the merge"
    merged = route.place.control.merge(story.repository, story.number, by="maintainer", method="merge")
    route.tests(story, merged["merge_commit_sha"] or "")
    question = story.asks("production")
    assert (merged["merge_commit_sha"] or "")[:12] in question["body"]
    story.says("reviewer", "/approve production")
    assert route.deploys(story, "production")["sha"] == merged["merge_commit_sha"]


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


@on_routes("deployment")
def test_who_approved_staging_approved_nothing_else(route: Route) -> None:
    story = route.tell()
    story.asks("staging")
    story.says("reviewer", "/approve staging")
    route.deploys(story, "staging")
    story.asks("production")
    story.rests()
    assert [deployment["environment"] for deployment in story.released()] == ["staging"]


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


def test_a_denial_that_says_why_in_markdown_counts_and_is_shown_inert(place: Place) -> None:
    story = tell(place)
    question = story.asks("staging")
    story.says("reviewer", "/deny staging **no**, see [the größte](https://evil.example) `leak` @author")
    story.shows("gate / staging", "failure")
    story.rests()
    outcome = next(c for c in story.comments() if c["id"] == question["id"])
    assert "``**no**, see [the größte](https://evil.example) `leak` @author``" in outcome["body"]
    assert story.deployments() == []


@pytest.mark.parametrize("change", ["edited", "deleted"])
def test_a_question_that_somebody_else_changed_is_asked_anew(place: Place, change: str) -> None:
    story = tell(place, gate_file=BOTH)
    question = story.asks("staging")
    story.says("reviewer", "/approve staging")
    story.rests()
    if change == "edited":
        harmless = question["body"].replace("Deploy to `staging`?", "Order pizza?")
        place.control.edit_comment(story.repository, question["id"], "maintainer", harmless)
    else:
        place.control.delete_comment(story.repository, question["id"], "maintainer")
    again = asked_again(story, "staging", question)
    assert "somebody edited or deleted the comment that asked" in again["body"]
    assert "Order pizza" not in "".join(comment["body"] for comment in story.comments())
    story.says("maintainer", "/approve staging")
    story.rests()
    assert story.deployments() == []
    story.says("reviewer", "/approve staging")
    story.sees(story.deployments, "both have answered the question that stands")


def test_a_status_that_somebody_else_edited_is_restored(place: Place) -> None:
    story = tell(place)
    story.asks("staging")
    story.rests()
    status = next(c for c in story.ours() if any(mark.startswith("status:") for mark in marks_of(c)))
    place.control.edit_comment(story.repository, status["id"], "maintainer", "All approved!")
    story.sees(lambda: status["body"] in [c["body"] for c in story.ours()], "the status reads as before")
