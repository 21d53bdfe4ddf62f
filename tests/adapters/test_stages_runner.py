"""Supervised children: started, followed, stopped and found again, with real processes and repositories."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from support import stages
from support.stages import BANDIT, PASSING_TEST, PYTEST, wait_for, wait_until_gone

from gate_app.domain.evidence import Severity, StageReason, StageVerdict, TestCounts
from gate_app.stages import isolation
from gate_app.stages.job import Phase
from gate_app.stages.runner import Ended, Runner, Running, Vanished

FAILING_TEST = "def test_two():\n    assert 1 + 1 == 3, 'arithmetic'\n"
FINDING = 'import subprocess\n\n\ndef run(name):\n    subprocess.call(f"ls {name}", shell=True)\n'
JUNIT = "reports/junit*.xml"
SARIF = "reports/*.sarif"


@pytest.fixture
def repository(tmp_path):
    return stages.new_repository(tmp_path / "repository")


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state"


@pytest.fixture
def runner():
    return Runner()


def ended(repository, state, files, command, **changes):
    sha = repository.commit(files)
    return stages.run_to_end(stages.new_job(state, repository, sha, command, **changes))


# --- the verdict of real tools -----------------------------------------------------------------


def test_real_tests_that_pass_pass_and_nothing_is_left_behind(repository, state):
    sha = repository.commit({"test_one.py": PASSING_TEST})
    job = stages.new_job(state, repository, sha, PYTEST, junit=JUNIT)
    outcome = stages.run_to_end(job)
    assert (outcome.verdict, outcome.reason) == (StageVerdict.PASSED, StageReason.TESTS_PASSED), outcome
    assert outcome.evidence.tests == TestCounts(passed=1, flaky=0)
    assert "1 passed" in outcome.evidence.log_tail
    assert outcome.evidence.isolation.startswith(("process:", "namespaces:"))
    assert not job.work_folder.exists()


def test_a_real_failing_test_fails_with_its_name_and_place(repository, state):
    files = {"test_one.py": PASSING_TEST, "test_two.py": FAILING_TEST}
    outcome = ended(repository, state, files, PYTEST, junit=JUNIT)
    assert (outcome.verdict, outcome.reason) == (StageVerdict.FAILED, StageReason.TESTS_FAILED), outcome
    assert outcome.evidence.tests == TestCounts(passed=1, failed=1, flaky=0)
    failure = outcome.evidence.failures[0]
    assert (failure.name, failure.path, failure.line) == ("test_two.test_two", "test_two.py", 2)


def test_a_failing_test_is_not_hidden_by_the_exit_code(repository, state):
    files = {"test_one.py": PASSING_TEST, "test_two.py": FAILING_TEST}
    outcome = ended(repository, state, files, f"{PYTEST} || true", junit=JUNIT)
    assert outcome.verdict is StageVerdict.FAILED


@pytest.mark.parametrize(
    ("files", "reason", "named"),
    [
        pytest.param(
            {"test_one.py": "import nosuchmodule\n\n\ndef test_a(): pass\n"},
            StageReason.MODULE_MISSING,
            "nosuchmodule",
            id="a missing module in a test",
        ),
        pytest.param(
            {"conftest.py": "import nosuchmodule\n", "test_one.py": PASSING_TEST},
            StageReason.MODULE_MISSING,
            "nosuchmodule",
            id="a missing module in the configuration of the tests",
        ),
        pytest.param({"readme.txt": "x"}, StageReason.NO_TESTS, "No tests", id="no test at all"),
        pytest.param(
            {"test_one.py": "import pytest\n\n\n@pytest.mark.skip\ndef test_a(): pass\n"},
            StageReason.NO_TESTS,
            "skipped",
            id="every test skipped",
        ),
    ],
)
def test_tests_that_did_not_run_are_unknown(repository, state, files, reason, named):
    outcome = ended(repository, state, files, PYTEST, junit=JUNIT)
    assert (outcome.verdict, outcome.reason) == (StageVerdict.UNKNOWN, reason), outcome
    assert named in outcome.detail


def test_a_real_scan_reports_its_findings_and_passes(repository, state):
    outcome = ended(repository, state, {"app/main.py": FINDING}, BANDIT, sarif=SARIF)
    assert (outcome.verdict, outcome.reason) == (StageVerdict.PASSED, StageReason.FINDINGS_REPORTED), outcome
    high = [found for found in outcome.evidence.findings if found.severity is Severity.HIGH]
    assert [(found.path, found.line) for found in high] == [("app/main.py", 5)]


def test_a_real_scan_of_clean_code_is_clean(repository, state):
    outcome = ended(repository, state, {"app/main.py": "x = 1\n"}, BANDIT, sarif=SARIF)
    assert (outcome.verdict, outcome.reason) == (StageVerdict.PASSED, StageReason.SCAN_CLEAN), outcome


def test_a_real_scan_of_a_missing_folder_exits_0_and_is_unknown(repository, state):
    outcome = ended(repository, state, {"readme.txt": "x"}, BANDIT, sarif=SARIF)
    assert (outcome.verdict, outcome.reason) == (StageVerdict.UNKNOWN, StageReason.NOTHING_SCANNED), outcome


@pytest.mark.parametrize(
    ("links", "told"),
    [
        pytest.param({}, "", id="none"),
        pytest.param({"a/link": "../b.txt"}, "", id="one that stays inside"),
        pytest.param({"link": "/etc/hosts"}, "link → /etc/hosts", id="case 176: an absolute one"),
        pytest.param({"a/link": "../../x"}, "a/link → ../../x", id="case 176: one that leads above"),
        pytest.param({"link": "a/../../x"}, "link → a/../../x", id="case 176: by a detour"),
        pytest.param({"up": ".."}, "up → ..", id="case 176: the folder above"),
    ],
)
def test_a_link_that_leads_out_is_told_before_anybody_is_asked(repository, state, links, told):
    sha = repository.commit({"a/b.txt": "one", "b.txt": "two"}, links)
    outcome = stages.run_to_end(stages.new_job(state, repository, sha, "true"))
    assert (outcome.verdict, outcome.evidence.leads_out) == (StageVerdict.PASSED, told)


def test_a_report_that_the_commit_brought_is_not_a_report(repository, state):
    forged = '<testsuite><testcase name="forged"/></testsuite>'
    outcome = ended(repository, state, {"reports/junit.xml": forged}, "true", junit=JUNIT)
    assert (outcome.verdict, outcome.reason) == (StageVerdict.UNKNOWN, StageReason.REPORT_MISSING), outcome
    assert "commit" in outcome.detail


def test_the_repositorys_own_virtual_environment_comes_first(repository, state, tmp_path):
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    program = venv / "bin" / "python"
    program.write_text('#!/bin/sh\necho "own python in $VIRTUAL_ENV"\n')
    program.chmod(0o755)
    outcome = ended(repository, state, {"a.txt": "x"}, "python --version", python_venv=venv)
    assert f"own python in {venv}" in outcome.evidence.log_tail


@pytest.mark.skipif(stages.STRONGEST is isolation.Grade.PROCESS, reason="bubblewrap does not work here")
def test_a_virtual_environment_works_although_what_it_leads_to_is_below_the_hidden_home(
    repository, state, tmp_path
):
    """An interpreter that is linked by a name of its version, and an editable install beside the checkout."""
    home, venv = tmp_path / "home", tmp_path / "home" / "service" / ".venv"
    stages.program(home / "pythons" / "3.11.9" / "bin" / "python", "#!/bin/sh\necho interpreter\n")
    (home / "pythons" / "3.11").symlink_to("3.11.9")
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(home / "pythons" / "3.11" / "bin" / "python")
    packages = venv / "lib" / "python3.11" / "site-packages"
    (packages / "shared-1.dist-info").mkdir(parents=True)
    origin = {"url": f"file://{home}/shared", "dir_info": {"editable": True}}
    (packages / "shared-1.dist-info" / "direct_url.json").write_text(json.dumps(origin))
    for name in ("shared", "private"):
        (home / name).mkdir()
        (home / name / "module.py").write_text(f"{name} module")
    command = f"python; cat {home}/shared/module.py {home}/private/module.py; true"
    outcome = ended(repository, state, {"a.txt": "x"}, command, python_venv=venv, hidden=(home,))
    assert "interpreter" in outcome.evidence.log_tail
    assert "shared module" in outcome.evidence.log_tail
    assert "private module" not in outcome.evidence.log_tail


@contextmanager
def engine_of_its_own(job_file: Path, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that starts the child of a job and lives on, with these variables in its environment."""
    program = (
        "import signal, sys; from pathlib import Path; from gate_app.stages.job import read_job; "
        "from gate_app.stages.runner import Runner; Runner().start(read_job(Path(sys.argv[1]))); "
        "signal.pause()"
    )
    arguments = (sys.executable, "-P", "-c", program, str(job_file))
    with subprocess.Popen(arguments, env={"PATH": stages.SEARCH_PATH, **variables}) as engine:
        try:
            yield engine
        finally:
            engine.kill()


# --- secrets -----------------------------------------------------------------------------------


def test_a_secret_of_the_parent_is_seen_by_no_command(repository, state):
    sha = repository.commit({"a.txt": "x"})
    job = stages.new_job(state, repository, sha, "env; cat /proc/$PPID/environ 2>/dev/null | tr '\\0' '\\n'")
    state.mkdir()
    (state / "job").write_bytes(stages.job_bytes(job))
    with engine_of_its_own(state / "job", CANARY="s3cret-canary"):
        wait_for(job.result_path.exists)
    text = job.result_path.read_text()
    assert f"GATE_SHA={sha}" in text
    assert "canary" not in text.lower()


def test_the_credential_file_is_removed_and_the_command_never_sees_it(repository, state, tmp_path):
    credential = tmp_path / "credential"
    credential.write_text("ghs_canary")
    credential.chmod(0o600)
    outcome = ended(repository, state, {"a.txt": "x"}, "env; id", credential_path=credential)
    assert outcome.verdict is StageVerdict.PASSED, outcome
    assert not credential.exists()
    assert "canary" not in outcome.evidence.log_tail


def test_a_credential_file_that_others_can_read_is_refused_and_removed(repository, state, tmp_path):
    credential = tmp_path / "credential"
    credential.write_text("ghs_canary")
    credential.chmod(0o644)
    outcome = ended(repository, state, {"a.txt": "x"}, "true", credential_path=credential)
    assert (outcome.verdict, outcome.reason) == (StageVerdict.UNKNOWN, StageReason.WORKSPACE_UNAVAILABLE)
    assert not credential.exists()


# --- what cannot be done is unknown ------------------------------------------------------------


def test_a_commit_that_cannot_be_fetched_is_unknown(repository, state):
    repository.commit({"a.txt": "x"})
    outcome = stages.run_to_end(stages.new_job(state, repository, "1" * 40, "true"))
    assert (outcome.verdict, outcome.reason) == (StageVerdict.UNKNOWN, StageReason.WORKSPACE_UNAVAILABLE)


def test_a_stage_that_needs_namespaces_does_not_run_without_them(repository, state, tmp_path):
    witness = tmp_path / "ran"
    outcome = ended(
        repository,
        state,
        {"a.txt": "x"},
        f"touch {witness}",
        isolation=isolation.Grade.NAMESPACES,
        search_path=str(tmp_path),
    )
    assert (outcome.verdict, outcome.reason) == (StageVerdict.UNKNOWN, StageReason.ISOLATION_MISSING)
    assert not witness.exists()


def test_a_fault_inside_the_child_is_unknown(repository, state):
    sha = repository.commit({"a.txt": "x"})
    job = stages.new_job(state, repository, sha, "true")
    state.mkdir()
    (state / "caches").write_text("a file where a folder should be")
    outcome = stages.run_to_end(job)
    assert (outcome.verdict, outcome.reason) == (StageVerdict.UNKNOWN, StageReason.STAGE_FAULT), outcome


# --- supervision -------------------------------------------------------------------------------

SLEEPERS = """
for i in 1 2 3 4 5; do
  setsid sh -c 'sleep 3600 & sleep 3600' &
  ( sleep 3600 & )
done
touch started
sleep 3600
"""


def running(runner, repository, state, command=SLEEPERS, **changes):
    """A child whose command has started; with its job."""
    sha = repository.commit({"a.txt": "x"})
    job = stages.new_job(state, repository, sha, command, timeout_seconds=600, **changes)
    handle = runner.start(job)
    wait_for(lambda: (job.work_folder / "checkout" / "started").exists())
    return job, handle


def processes_of(job) -> list[psutil.Process]:
    """Every living process whose environment or command line names the job's own folder."""
    found = []
    for process in psutil.process_iter():
        try:
            named = str(job.work_folder) in (*process.environ().values(), *process.cmdline())
            if named and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def test_a_running_child_says_what_it_does_and_since_when(runner, repository, state):
    _, handle = running(runner, repository, state)
    polled = runner.poll(handle)
    runner.stop(handle)
    assert isinstance(polled, Running)
    assert polled.progress.phase is Phase.RUNNING
    assert polled.progress.since.tzinfo is not None


def test_stop_ends_the_whole_tree_and_clears_away(runner, repository, state):
    job, handle = running(runner, repository, state)
    assert len(processes_of(job)) > 10
    runner.stop(handle)
    assert processes_of(job) == []
    assert not job.work_folder.exists()
    assert runner.poll(handle) == Vanished()
    runner.stop(handle)


def test_another_engine_process_polls_and_stops_a_child_it_did_not_start(repository, state):
    job, handle = running(Runner(), repository, state)
    program = (
        "import json, sys; from gate_app.stages.runner import ChildHandle, Runner; "
        "handle = ChildHandle(**json.loads(sys.argv[1])); runner = Runner(); "
        "print(type(runner.poll(handle)).__name__); runner.stop(handle); "
        "print(type(runner.poll(handle)).__name__)"
    )
    said = subprocess.run(
        (sys.executable, "-P", "-c", program, stages.handle_text(handle)),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert said.stdout.split() == ["Running", "Vanished"]
    assert processes_of(job) == []


def test_a_command_over_its_time_is_ended_as_a_tree_and_unknown(repository, state):
    sha = repository.commit({"a.txt": "x"})
    job = stages.new_job(state, repository, sha, f"echo before; {SLEEPERS}", timeout_seconds=1)
    outcome = stages.run_to_end(job)
    assert (outcome.verdict, outcome.reason) == (StageVerdict.UNKNOWN, StageReason.TIMED_OUT), outcome
    assert "before" in outcome.evidence.log_tail
    assert processes_of(job) == []


def test_what_a_command_leaves_in_the_background_is_ended(repository, state):
    sha = repository.commit({"a.txt": "x"})
    job = stages.new_job(state, repository, sha, "setsid sleep 3600 & ( sleep 3600 & ) ; echo done")
    outcome = stages.run_to_end(job)
    assert outcome.verdict is StageVerdict.PASSED, outcome
    assert processes_of(job) == []


def test_a_killed_child_vanishes_and_what_it_started_is_ended(runner, repository, state):
    job, handle = running(runner, repository, state)
    os.kill(handle.pid, signal.SIGKILL)
    assert wait_until_gone(runner, handle) == Vanished()
    assert processes_of(job) == []
    assert not job.work_folder.exists()


@pytest.mark.parametrize("grade", sorted({isolation.Grade.PROCESS, stages.STRONGEST}))
def test_a_child_ends_with_a_killed_engine_and_leaves_no_result(repository, state, grade):
    sha = repository.commit({"a.txt": "x"})
    job = stages.new_job(state, repository, sha, SLEEPERS, timeout_seconds=600, isolation=grade)
    state.mkdir()
    (state / "job").write_bytes(stages.job_bytes(job))
    with engine_of_its_own(state / "job") as engine:
        wait_for((job.work_folder / "checkout" / "started").exists)
        assert len(processes_of(job)) > 10
        engine.send_signal(signal.SIGKILL)
        wait_for(lambda: processes_of(job) == [], seconds=10)
    assert not job.work_folder.exists()
    assert not job.result_path.exists()


def test_a_child_asked_to_end_says_that_it_was_stopped(runner, repository, state):
    job, handle = running(runner, repository, state)
    os.kill(handle.pid, signal.SIGTERM)
    polled = wait_until_gone(runner, handle)
    assert isinstance(polled, Ended)
    assert (polled.outcome.verdict, polled.outcome.reason) == (StageVerdict.UNKNOWN, StageReason.STOPPED)
    assert processes_of(job) == []


def test_a_result_counts_only_when_its_process_is_gone(runner, repository, state):
    job, handle = running(runner, repository, state)
    job.result_path.write_text('{"verdict": "passed"}')
    polled = runner.poll(handle)
    runner.stop(handle)
    assert isinstance(polled, Running)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"verdict": "pas', id="cut short"),
        pytest.param(b'{"verdict": "great"}', id="an unknown verdict"),
        pytest.param(b" " * (16 * 1024**2 + 1), id="too large"),
    ],
)
def test_a_result_that_cannot_be_read_is_unknown(runner, repository, state, content):
    sha = repository.commit({"a.txt": "x"})
    job = stages.new_job(state, repository, sha, "true")
    handle = runner.start(job)
    wait_until_gone(runner, handle)
    job.result_path.write_bytes(content)
    polled = runner.poll(handle)
    assert isinstance(polled, Ended)
    assert (polled.outcome.verdict, polled.outcome.reason) == (
        StageVerdict.UNKNOWN,
        StageReason.RESULT_UNREADABLE,
    )


def test_a_process_that_merely_has_the_same_id_is_not_stopped(runner, repository, state):
    sha = repository.commit({"a.txt": "x"})
    handle = runner.start(stages.new_job(state, repository, sha, "true"))
    wait_until_gone(runner, handle)
    with subprocess.Popen(("sleep", "600")) as stranger:
        recycled = replace(handle, pid=stranger.pid)
        runner.stop(recycled)
        assert isinstance(runner.poll(recycled), Ended)
        assert stranger.poll() is None
        stranger.kill()


def test_the_exit_status_of_a_process_with_the_same_id_is_not_taken(runner, repository, state):
    sha = repository.commit({"a.txt": "x"})
    handle = runner.start(stages.new_job(state, repository, sha, "true"))
    wait_until_gone(runner, handle)
    with subprocess.Popen(("sh", "-c", "exit 7")) as stranger:
        wait_for(lambda: psutil.Process(stranger.pid).status() == psutil.STATUS_ZOMBIE)
        runner.poll(replace(handle, pid=stranger.pid))
        assert stranger.wait() == 7


def test_an_older_result_is_not_taken_for_that_of_a_new_attempt(runner, repository, state):
    sha = repository.commit({"a.txt": "x"})
    job = stages.new_job(state, repository, sha, "true")
    assert stages.run_to_end(job).verdict is StageVerdict.PASSED
    handle = runner.start(replace(job, command=SLEEPERS, timeout_seconds=600))
    wait_for(lambda: (job.work_folder / "checkout" / "started").exists())
    runner.stop(handle)
    assert runner.poll(handle) == Vanished()


def test_a_child_whose_handle_was_lost_is_ended_by_the_next_start(runner, repository, state):
    job, lost = running(runner, repository, state)
    handle = runner.start(replace(job, command="echo second"))
    polled = wait_until_gone(runner, handle)
    assert isinstance(polled, Ended)
    assert "second" in polled.outcome.evidence.log_tail
    assert not psutil.pid_exists(lost.pid) or psutil.Process(lost.pid).status() == psutil.STATUS_ZOMBIE
    runner.poll(lost)


def test_many_children_of_one_repository_share_its_cache(runner, repository, state):
    sha = repository.commit({"a.txt": "x"})
    jobs = [stages.new_job(state, repository, sha, "cat a.txt", job_id=f"job-{n}") for n in range(3)]
    handles = [runner.start(job) for job in jobs]
    outcomes = [wait_until_gone(runner, handle) for handle in handles]
    assert [polled.outcome.verdict for polled in outcomes] == [StageVerdict.PASSED] * 3
