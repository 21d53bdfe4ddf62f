"""kill -9 at every step of the story and around every outside call: it ends the same, nothing double (193)."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.action import GRANT, Runner, asking
from support.chat import chat
from support.endings import expect_a_whole_record, expect_one_of_everything
from support.held import reviews, starts, with_held_jobs
from support.routes import Route
from support.story import GATE_FILE, SCANNED, Place, open_place, tell, until

from gate_app import failpoints

IN_ORDER = (
    "inbox.before",
    "inbox.after",
    "start_stage.before",
    "start_stage.started",
    "start_stage.after",
    "publish_check_run.before",
    "publish_check_run.written",
    "publish_check_run.after",
    "publish_comment.before",
    "publish_comment.written",
    "publish_comment.after",
)
"""Where the engine dies while the stages run and the question is asked, one after the other."""
AFTER_APPROVAL = (
    "create_deployment.before",
    "react.before",
    "react.after",
    "report_deployment.before",
    "report_deployment.after",
)
AFTER_SECOND_APPROVAL = ("create_deployment.after",)
WITH_A_NEW_TOKEN = ("mint_token.before", "mint_token.after")
WHILE_A_WORKFLOW_TESTS = (
    "dispatch_workflow.before",
    "dispatch_workflow.after",
    "collect_reports.before",
    "collect_reports.after",
)
WHILE_A_CHAT_IS_TOLD = ("notify.before", "notify.after")
WHEN_SUPERSEDED = ("stop_stage.before", "stop_stage.after")
WHILE_A_JOB_IS_HELD = ("answer_job.before", "answer_job.after")
WHEN_OVERRIDDEN = ("open_issue.before", "open_issue.after")


@pytest.fixture
def own_place(tmp_path: Path) -> Iterator[Place]:
    """Processes that nobody else needs: they are going to be killed."""
    place = open_place(tmp_path, reconcile_seconds=1)
    yield place
    place.end()


def restart_at(place: Place, *names: str) -> None:
    """Starts the engine to die at a failpoint, waits for that, and so on; then starts it for good."""
    for name in names:
        dying = place.app.processes["worker"]
        if dying.poll() is None:
            dying.send_signal(signal.SIGKILL)
            dying.wait(10)
        started = place.app.start("worker", "--failpoint", name)
        until(
            lambda started=started: started.poll() is not None,
            f"the engine dies at {name}",
            told=place.app.log,
        )
        assert started.returncode == -signal.SIGKILL, f"{name}: {place.app.log()}"
    place.app.start("worker")


@pytest.mark.timeout(300)  # nineteen starts of an engine
@pytest.mark.parametrize(
    "step",
    [
        pytest.param(6, id="a sample of them"),
        pytest.param(1, id="each of them", marks=pytest.mark.processes),
    ],
)
def test_case_193_the_engine_dies_at_every_step_of_the_story(own_place: Place, step: int) -> None:
    own_place.app.processes["worker"].send_signal(signal.SIGKILL)
    own_place.app.processes["worker"].wait(10)
    story = tell(own_place, gate_file=SCANNED)
    restart_at(own_place, *IN_ORDER[::step])
    story.asks("staging")
    own_place.app.processes["worker"].send_signal(signal.SIGKILL)
    own_place.app.processes["worker"].wait(10)
    story.says("reviewer", "/approve staging")
    restart_at(own_place, *AFTER_APPROVAL[::step])
    story.asks("production")
    own_place.app.processes["worker"].send_signal(signal.SIGKILL)
    own_place.app.processes["worker"].wait(10)
    story.says("maintainer", "/approve production")
    restart_at(own_place, *AFTER_SECOND_APPROVAL)
    expect_one_of_everything(story)
    expect_a_whole_record(story)


def test_every_failpoint_is_part_of_a_kill_test() -> None:
    assert {
        *IN_ORDER,
        *AFTER_APPROVAL,
        *AFTER_SECOND_APPROVAL,
        *WITH_A_NEW_TOKEN,
        *WHEN_SUPERSEDED,
        *WHILE_A_WORKFLOW_TESTS,
        *WHILE_A_CHAT_IS_TOLD,
        *WHEN_OVERRIDDEN,
        *WHILE_A_JOB_IS_HELD,
    } == failpoints.NAMES


@pytest.mark.processes
@pytest.mark.timeout(300)  # nine starts of an engine
def test_case_193_the_engine_dies_around_every_dispatch(own_place: Place) -> None:
    own_place.app.processes["worker"].send_signal(signal.SIGKILL)
    own_place.app.processes["worker"].wait(10)
    story = Route("workflow", own_place).tell()
    restart_at(own_place, *WHILE_A_WORKFLOW_TESTS)
    for environment, place in (("staging", "before"), ("production", "after")):
        story.asks(environment)
        own_place.app.processes["worker"].send_signal(signal.SIGKILL)
        own_place.app.processes["worker"].wait(10)
        story.says("reviewer", f"/approve {environment}")
        restart_at(own_place, f"dispatch_workflow.{place}")
    expect_one_of_everything(story)
    expect_a_whole_record(story)


@pytest.mark.processes
@pytest.mark.timeout(180)
def test_case_193_the_engine_dies_while_a_chat_is_told(own_place: Place) -> None:
    """A message may come twice then; what it is about does not."""
    own_place.app.processes["worker"].send_signal(signal.SIGKILL)
    own_place.app.processes["worker"].wait(10)
    before, after = WHILE_A_CHAT_IS_TOLD
    with chat(port=own_place.chat_port) as ops:
        story = tell(own_place, gate_file=f"{GATE_FILE}notify: [ops]\n")
        restart_at(own_place, after)
        story.asks("staging")
        own_place.app.processes["worker"].send_signal(signal.SIGKILL)
        own_place.app.processes["worker"].wait(10)
        story.says("reviewer", "/approve staging")
        restart_at(own_place, before)
        story.asks("production")
        story.says("maintainer", "/approve production")
        expect_one_of_everything(story)
        expect_a_whole_record(story)
        assert ops.taken


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("failpoint", WHEN_OVERRIDDEN)
def test_case_193_the_engine_dies_while_a_follow_up_is_opened(own_place: Place, failpoint: str) -> None:
    overriding = GATE_FILE.partition("  production:")[0] + "    override: {users: [maintainer]}\n"
    story = tell(own_place, gate_file=overriding)
    story.asks("staging")
    own_place.app.processes["worker"].send_signal(signal.SIGKILL)
    own_place.app.processes["worker"].wait(10)
    story.says("maintainer", "/override staging it burns")
    restart_at(own_place, failpoint)
    story.shows("gate / staging", "success")
    story.rests()
    assert len(story.state()["issues"]) == 1
    assert len(story.deployments()) == 1


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "failpoint", ["inbox.before", "inbox.after", "create_deployment.before", "create_deployment.after"]
)
def test_case_193_the_engine_dies_while_a_job_redeems(
    own_place: Place, tmp_path: Path, failpoint: str
) -> None:
    """The job that asked gets the grant all the same, once, and there is one deployment."""
    story = asking(own_place, GRANT)
    story.says("reviewer", "/approve staging")
    until(lambda: "grant_awaited" in str(story.overview().verdicts), "it waits for a job")
    story.rests()
    own_place.app.processes["worker"].send_signal(signal.SIGKILL)
    own_place.app.processes["worker"].wait(10)
    run = own_place.control.dispatch_workflow(story.repository, "deploy.yml", "maintainer")
    job = own_place.control.become_job(story.repository, run["id"], "deploy")
    (tmp_path / "runner").mkdir()
    runner = Runner(tmp_path / "runner", own_place.app.environment["GATE_BASE_URL"], job)
    redeeming = runner.begin("redeem", environment="staging", wait="2")
    restart_at(own_place, failpoint)
    ended = runner.end(redeeming, patience=130)
    assert (ended.code, *ended.said) == (0, "approved", "grant_given"), ended.log
    bot = own_place.registered["bot_login"]
    assert len([each for each in story.released() if each["creator"] == bot]) == 1


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("failpoint", WHILE_A_JOB_IS_HELD)
def test_case_193_the_engine_dies_while_it_answers_a_held_job(own_place: Place, failpoint: str) -> None:
    story = with_held_jobs(own_place)
    run = starts(story)
    story.asks("staging")
    own_place.app.processes["worker"].send_signal(signal.SIGKILL)
    own_place.app.processes["worker"].wait(10)
    story.says("reviewer", "/approve staging")
    restart_at(own_place, failpoint)
    story.shows("gate / staging", "success")
    assert [state for _, state in reviews(story, run)].count("approved") == 1


SLOW = GATE_FILE.replace("sh ./check.sh", "sleep 30; sh ./check.sh")


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", WHEN_SUPERSEDED)
def test_case_193_the_engine_dies_while_it_stops_the_stages_of_an_old_head(
    own_place: Place, name: str
) -> None:
    story = tell(own_place, gate_file=SLOW)
    until(lambda: story.runs() and story.check("stage / tests"), "the tests run")
    until(lambda: len(list((own_place.app.home / "stages").glob("*"))) >= 1, "a worker runs")
    own_place.app.processes["worker"].send_signal(signal.SIGKILL)
    own_place.app.processes["worker"].wait(10)
    story.pushes({"app.py": "print('salut')\n"})
    restart_at(own_place, name)
    until(lambda: len(story.runs()) == 2, "the new head is under decision")
    until(lambda: story.runs()[0].final, "the old run has ended")


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("hit", [1, 2, 3, 5])
@pytest.mark.parametrize("name", [*IN_ORDER, *AFTER_APPROVAL, *AFTER_SECOND_APPROVAL, *WITH_A_NEW_TOKEN])
def test_case_193_the_engine_dies_at(own_place: Place, name: str, hit: int) -> None:
    own_place.app.processes["worker"].send_signal(signal.SIGKILL)
    own_place.app.processes["worker"].wait(10)
    own_place.app.start("worker", "--failpoint", f"{name}:{hit}")
    story = tell(own_place)

    def alive_until(question: str) -> None:
        """Restarts the engine once it has died; some failpoints are not hit that often, which is fine."""

        def asked() -> bool:
            worker = own_place.app.processes["worker"]
            if worker.poll() is not None:
                own_place.app.start("worker")
            return any(c["body"].startswith(f"### Deploy to `{question}`?") for c in story.ours())

        until(asked, f"{question} asks", told=story.told)

    alive_until("staging")
    story.says("reviewer", "/approve staging")
    alive_until("production")
    story.says("maintainer", "/approve production")

    def ended() -> bool:
        worker = own_place.app.processes["worker"]
        if worker.poll() is not None:
            own_place.app.start("worker")
        check = story.check("gate / production")
        return check is not None and check["conclusion"] == "success"

    until(ended, "production is released", told=story.told)
    expect_one_of_everything(story)
    expect_a_whole_record(story)


@pytest.mark.timeout(180)
def test_case_193_the_web_process_dies_and_what_was_not_acknowledged_is_found(own_place: Place) -> None:
    """GitHub never redelivers: the deliveries of the dead time are lost and found by looking (case 195)."""
    web = own_place.app.processes["web"]
    os.killpg(web.pid, signal.SIGKILL)
    web.wait(10)
    story = tell(own_place)
    story.asks("staging")
    story.says("reviewer", "/approve staging")
    own_place.app.start("web")
    own_place.app.wait_ready()
    story.asks("production")
    story.says("maintainer", "/approve production")
    expect_one_of_everything(story)
    expect_a_whole_record(story)
