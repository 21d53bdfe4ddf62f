"""Releases: unpacked, made current in one step, and never done twice."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from support import stages

from gate_app.domain.evidence import StageReason, StageVerdict
from gate_app.stages import deploy
from gate_app.stages.isolation import ProcessIsolation
from gate_app.stages.job import JobKind
from gate_app.stages.workspace import Workspace

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def repository(tmp_path):
    return stages.new_repository(tmp_path / "repository")


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state"


def new_deployment(state, repository, sha, command="", **changes):
    return stages.new_job(
        state,
        repository,
        sha,
        command,
        kind=JobKind.DEPLOY,
        environment="staging",
        releases_folder=state / "releases",
        **changes,
    )


@pytest.fixture
def deployed(state):
    """Deploys in this process, each deployment a minute after the one before."""
    minutes = count()
    workspace = Workspace(state / "caches", stages.SEARCH_PATH, allowed_protocols=("file",))

    def run(job):
        workspace.fetch(job.clone_url, job.sha)
        return deploy.deploy(
            job, workspace, ProcessIsolation(), clock=lambda: START + timedelta(minutes=next(minutes))
        )

    return run


def current(state):
    return (state / "releases" / "staging" / "current").resolve()


def test_a_commit_becomes_the_current_release_with_a_stamp(repository, state):
    sha = repository.commit({"app.py": "x = 1\n"})
    command = 'echo "$GATE_ENVIRONMENT $GATE_SHA $GATE_RELEASE" > started; pwd >> started'
    outcome = stages.run_to_end(new_deployment(state, repository, sha, command))
    assert (outcome.verdict, outcome.reason) == (StageVerdict.PASSED, StageReason.RELEASED), outcome
    release = state / "releases" / "staging" / f"{sha[:12]}-job-1"
    assert current(state) == release.resolve()
    assert (release / "started").read_text().split() == ["staging", sha, str(release), str(release)]
    stamp = json.loads((release / "RELEASE.json").read_text())
    assert (stamp["environment"], stamp["sha"], stamp["job_id"]) == ("staging", sha, "job-1")


def test_without_a_command_the_commit_is_unpacked_and_stamped(repository, state, deployed):
    job = new_deployment(state, repository, repository.commit({"app.py": "x"}))
    assert deployed(job).verdict is StageVerdict.PASSED
    assert (current(state) / "app.py").exists()


def test_a_failed_command_leaves_the_old_release_current_and_no_new_folder(repository, state, deployed):
    first = new_deployment(state, repository, repository.commit({"app.py": "1"}))
    deployed(first)
    before = current(state)
    second = new_deployment(state, repository, repository.commit({"app.py": "2"}), "exit 1", job_id="job-2")
    outcome = deployed(second)
    assert (outcome.verdict, outcome.reason) == (StageVerdict.FAILED, StageReason.COMMAND_FAILED)
    assert current(state) == before
    assert {path.name for path in before.parent.iterdir()} == {before.name, "current"}


def test_the_same_job_twice_runs_its_command_once(repository, state, deployed):
    sha = repository.commit({"app.py": "1"})
    job = new_deployment(state, repository, sha, f"echo once >> {state}/runs")
    assert [deployed(job).reason, deployed(job).reason] == [StageReason.RELEASED] * 2
    assert (state / "runs").read_text() == "once\n"


def test_a_repetition_makes_up_for_a_switch_that_was_lost(repository, state, deployed):
    job = new_deployment(state, repository, repository.commit({"app.py": "1"}))
    deployed(job)
    (state / "releases" / "staging" / "current").unlink()
    deployed(job)
    assert (current(state) / "app.py").exists()


def test_a_late_repetition_does_not_switch_back(repository, state, deployed):
    first = new_deployment(state, repository, repository.commit({"app.py": "1"}))
    second = new_deployment(state, repository, repository.commit({"app.py": "2"}), job_id="job-2")
    deployed(first)
    deployed(second)
    deployed(first)
    assert (current(state) / "app.py").read_text() == "2"


def test_an_attempt_that_broke_off_is_begun_anew(repository, state, deployed):
    job = new_deployment(state, repository, repository.commit({"app.py": "1"}))
    left = state / "releases" / "staging" / f"{job.sha[:12]}-job-1"
    left.mkdir(parents=True)
    (left / "half.txt").touch()
    deployed(job)
    assert not (current(state) / "half.txt").exists()


@pytest.mark.parametrize("links", [{}, {"RELEASE.json": "app.py"}], ids=["a file", "a link"])
def test_a_stamp_that_the_commit_brought_is_not_a_stamp(repository, state, deployed, links):
    forged = {} if links else {"RELEASE.json": '{"environment":"staging","sha":"x","job_id":"x"}'}
    sha = repository.commit({"app.py": "1", **forged}, links)
    deployed(new_deployment(state, repository, sha, "test ! -e RELEASE.json"))
    stamp = json.loads((current(state) / "RELEASE.json").read_text())
    assert stamp["sha"] == sha
    assert (current(state) / "app.py").read_text() == "1"


def test_two_environments_have_releases_of_their_own(repository, state, deployed):
    sha = repository.commit({"app.py": "1"})
    deployed(new_deployment(state, repository, sha))
    deployed(replace(new_deployment(state, repository, sha), environment="production"))
    assert (state / "releases" / "production" / "current" / "app.py").exists()


def test_a_stage_after_the_deployment_sees_the_current_release(repository, state, deployed):
    sha = repository.commit({"app.py": "1"})
    deployed(new_deployment(state, repository, sha))
    verify = stages.new_job(
        state,
        repository,
        sha,
        'test "$GATE_ENVIRONMENT" = staging && cat "$GATE_RELEASE/RELEASE.json"',
        job_id="verify-1",
        environment="staging",
        releases_folder=state / "releases",
        hidden=(state,),
    )
    outcome = stages.run_to_end(verify)
    assert outcome.verdict is StageVerdict.PASSED, outcome
    assert sha in outcome.evidence.log_tail


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"environment": None}, id="no environment"),
        pytest.param({"environment": "../x"}, id="case 176: an environment that leads out"),
        pytest.param({"job_id": "../x"}, id="case 176: a job id that leads out"),
        pytest.param({"job_id": ".hidden"}, id="a hidden job id"),
        pytest.param({"releases_folder": None}, id="no releases folder"),
        pytest.param({"sha": "main"}, id="a branch"),
        pytest.param({"timeout_seconds": 0}, id="no time"),
        pytest.param({"junit": "/etc/*.xml"}, id="a report outside"),
        pytest.param({"variables": (("PATH", "/x"),)}, id="case 158: PATH"),
    ],
)
def test_a_job_outside_of_its_bounds_cannot_be_made(state, repository, changes):
    job = new_deployment(state, repository, "0" * 40)
    with pytest.raises(ValueError):
        replace(job, **changes)
