"""What survives: crashes, second processes, slow drains, restarts. On SQLite and PostgreSQL, with real
processes.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.jobs import (
    PATIENCE,
    QUICK_POLL,
    Drained,
    EngineProcess,
    database,
    fresh_subject,
    now,
    running,
    sqlite_url,
)
from support.postgres import own_database

from gate_app.errors import ConfigurationFault
from gate_app.jobs.durable import DurableJobs
from gate_app.jobs.faults import JobsAlreadyRunning, JobsNotRunning
from gate_app.jobs.members import OneOfMany, require_sqlite
from gate_app.jobs.turns import AdvisoryTurns, advisory_key, try_lock, unlock
from gate_app.jobs.wakeups import Wakeups


@pytest.fixture(scope="module")
def postgres(postgres_server: sa.URL) -> Iterator[str]:
    with own_database(postgres_server, "jobs") as url:
        yield url.render_as_string(hide_password=False)


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[sa.Engine]:
    with database(sqlite_url(tmp_path)) as engine:
        yield engine


def jobs_on(engine: sa.Engine, *, drain_timeout: float = 120.0, stop_timeout: int = 1) -> DurableJobs:
    return DurableJobs(
        engine, clock=now, poll=QUICK_POLL, drain_timeout=drain_timeout, stop_timeout=stop_timeout
    )


def test_importing_the_jobs_starts_nothing() -> None:
    program = (
        "import sys, threading, gate_app.jobs; assert 'dbos' not in sys.modules;"
        "import gate_app.jobs.durable, gate_app.jobs.inline; assert threading.active_count() == 1"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=PATIENCE)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?uri=true"])
def test_a_database_that_forgets_cannot_keep_jobs(url: str) -> None:
    engine = sa.create_engine(url)
    with pytest.raises(ConfigurationFault, match="SQLite file or PostgreSQL"):
        DurableJobs(engine, clock=now)
    engine.dispose()


def test_a_stop_that_leaves_no_time_to_record_anything_is_refused(sqlite: sa.Engine) -> None:
    with pytest.raises(ValueError, match="needs a second"):
        jobs_on(sqlite, stop_timeout=0)


@pytest.mark.processes
def test_case_209_stop_waits_for_the_running_drain(sqlite: sa.Engine) -> None:
    jobs, drained, go_on = jobs_on(sqlite, stop_timeout=10), Drained(), threading.Event()

    def slow(subject: str) -> None:
        drained.begin(subject)
        assert go_on.wait(PATIENCE)
        drained.end(subject)

    jobs.start(slow)
    jobs.wake("41#7")
    drained.wait_until_begun("41#7")
    stopping = threading.Thread(target=jobs.stop)
    stopping.start()
    stopping.join(1.5)
    assert stopping.is_alive()
    go_on.set()
    stopping.join(PATIENCE)
    assert drained.count("41#7") == 1
    assert [row["status"] for row in stored(sqlite)["workflow_status"]] == ["SUCCESS"]
    with pytest.raises(JobsNotRunning):
        jobs.wake("41#7")


@pytest.mark.processes
def test_a_drain_that_does_not_end_keeps_others_out(
    sqlite: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    jobs, drained, go_on = jobs_on(sqlite, stop_timeout=1), Drained(), threading.Event()

    def stuck(subject: str) -> None:
        drained.begin(subject)
        go_on.wait(PATIENCE)
        drained.end(subject)

    jobs.start(stuck)
    jobs.wake("41#7")
    drained.wait_until_begun("41#7")
    with caplog.at_level(logging.ERROR):
        jobs.stop()
    assert "drains still run 1 s after stop: 1" in caplog.text
    with pytest.raises(JobsAlreadyRunning):
        jobs_on(sqlite).start(lambda subject: None)
    go_on.set()
    drained.wait_for("41#7", 1)
    jobs.stop()
    with running(jobs_on(sqlite)) as rig:
        rig.drained.wait_for("41#7", 1)


def test_a_wake_before_a_restart_is_drained_after_it(sqlite: sa.Engine) -> None:
    with running(jobs_on(sqlite)) as rig:
        rig.jobs.wake("41#7")
        rig.drained.wait_for("41#7", 1)
        rig.jobs.stop()
        wakeups = Wakeups(sqlite, 120)
        wakeups.queue("41#8")
        wakeups.close()
    with running(jobs_on(sqlite)) as rig:
        rig.drained.wait_for("41#8", 1)


def test_only_the_subject_is_stored_and_as_json(sqlite: sa.Engine) -> None:
    def leak(subject: str) -> None:
        raise RuntimeError("ghs_secret")

    with running(jobs_on(sqlite, stop_timeout=5)) as rig:
        rig.work = leak
        rig.jobs.wake("41#7")
        rig.drained.wait_for("41#7", 1)
    tables = stored(sqlite)
    row = tables["workflow_status"][0]
    assert (row["status"], row["executor_id"], row["application_version"]) == ("SUCCESS", "embedded", "1")
    assert row["serialization"] == "portable_json"
    assert '{"namedArgs":{},"positionalArgs":["41#7"]}' in repr(tables)
    assert "ghs_secret" not in repr(tables)


def stored(engine: sa.Engine) -> dict[str, list[sa.RowMapping]]:
    """Everything in a SQLite database, by table."""
    everything = sa.MetaData()
    everything.reflect(engine)
    with engine.connect() as connection:
        return {
            name: list(connection.execute(sa.select(table)).mappings())
            for name, table in everything.tables.items()
        }


@pytest.mark.processes
def test_a_drain_that_outlives_its_timeout_is_not_overtaken(sqlite: sa.Engine) -> None:
    given_up = threading.Event()

    def slow_at_first(subject: str) -> None:
        if rig.drained.count(subject) == 0:
            assert given_up.wait(PATIENCE)

    with running(jobs_on(sqlite, drain_timeout=1)) as rig:
        rig.work = slow_at_first
        rig.jobs.wake("41#7")
        rig.drained.wait_until_begun("41#7")
        rig.jobs.wake("41#7")
        until_delayed(sqlite, "41#7")
        given_up.set()
        rig.drained.wait_for("41#7", 2)
        assert rig.drained.most_of_one == 1


def until_delayed(engine: sa.Engine, subject: str) -> None:
    """Until a drain has found the subject busy and queued it for later."""
    query = sa.text(
        "SELECT count(*) FROM workflow_status WHERE status = 'DELAYED' AND queue_partition_key = :subject"
    )
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.05)):
        with engine.connect() as connection:
            if connection.scalar(query, {"subject": subject}):
                return
        pause.wait(0.05)
    pytest.fail("no drain found the subject busy")


@pytest.mark.processes
def test_a_subject_that_another_process_drains_is_left_alone_until_it_is_free(postgres: str) -> None:
    subject, other = fresh_subject(), fresh_subject()
    with database(postgres) as engine, running(jobs_on(engine)) as rig:
        with AdvisoryTurns(engine).take(subject) as turn:
            assert turn == "taken"
            rig.jobs.wake(subject)
            rig.jobs.wake(other)
            rig.drained.wait_for(other, 1)
            assert rig.drained.count(subject) == 0
        rig.drained.wait_for(subject, 1)


def test_a_turn_is_free_for_others_after_a_fault(postgres: str) -> None:
    subject = fresh_subject()
    with database(postgres) as ours, database(postgres) as theirs:
        with pytest.raises(KeyError), AdvisoryTurns(ours).take(subject):
            raise KeyError
        with AdvisoryTurns(theirs).take(subject) as first, AdvisoryTurns(ours).take(subject) as second:
            assert (first, second) == ("taken", "busy")


def test_case_193_kill_9_during_a_drain_then_restart_drains_again_on_sqlite(
    sqlite: sa.Engine, tmp_path: Path
) -> None:
    with EngineProcess("hang", sqlite_url(tmp_path), "41#7") as process:
        assert {process.line(), process.line()} == {"started", "draining 41#7"}
        process.kill()
    with running(jobs_on(sqlite)) as rig:
        rig.drained.wait_for("41#7", 1)


@pytest.mark.processes
def test_case_193_kill_9_of_one_process_and_another_takes_over_on_postgres(postgres: str) -> None:
    subject = fresh_subject()
    with EngineProcess("hang", postgres, subject) as process, database(postgres) as engine:
        assert {process.line(), process.line()} == {"started", f"draining {subject}"}
        with running(jobs_on(engine)) as rig:
            process.kill()
            rig.drained.wait_for(subject, 1)


def test_every_process_on_postgres_has_an_executor_id_of_its_own(postgres: str) -> None:
    subject = fresh_subject()
    query = sa.text("SELECT executor_id FROM dbos.workflow_status WHERE queue_partition_key = :subject")
    with EngineProcess("hang", postgres, subject) as process, database(postgres) as engine:
        assert {process.line(), process.line()} == {"started", f"draining {subject}"}
        with engine.connect() as connection:
            assert f"-{process.process.pid}-" in connection.scalar(query, {"subject": subject})


@pytest.mark.processes
def test_two_processes_on_postgres_never_drain_one_subject_at_once(postgres: str, tmp_path: Path) -> None:
    subjects = [fresh_subject() for _ in range(4)]
    log = tmp_path / "drains"
    with EngineProcess("log", postgres, str(log)) as one, EngineProcess("log", postgres, str(log)) as two:
        assert one.line() == two.line() == "started"
        for _ in range(15):
            for process in (one, two):
                assert process.process.stdin is not None
                process.process.stdin.write("".join(f"{subject}\n" for subject in subjects))
                process.process.stdin.flush()
        assert "Traceback" not in one.end() + two.end()
    draining: set[str] = set()
    processes = set()
    for line in log.read_text().splitlines():
        step, subject, pid = line.split()
        processes.add(pid)
        if step == "begin":
            assert subject not in draining
            draining.add(subject)
        else:
            draining.remove(subject)
    assert processes == {str(one.process.pid), str(two.process.pid)}


def test_a_second_engine_process_on_sqlite_is_refused_and_told_why(sqlite: sa.Engine, tmp_path: Path) -> None:
    with EngineProcess("log", sqlite_url(tmp_path), str(tmp_path / "drains")) as first:
        assert first.line() == "started"
        with pytest.raises(JobsAlreadyRunning, match=rf"pid {first.process.pid}.*gate\.db.*use PostgreSQL"):
            jobs_on(sqlite).start(lambda subject: None)
        first.kill()
    with running(jobs_on(sqlite)):
        pass


def test_the_second_process_is_recognised_through_a_link_to_the_database(
    sqlite: sa.Engine, tmp_path: Path
) -> None:
    (tmp_path / "gate.db").touch()
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "other.db").symlink_to(tmp_path / "gate.db")
    with (
        EngineProcess("log", sqlite_url(tmp_path), str(tmp_path / "drains")) as first,
        database(f"sqlite:///{tmp_path / 'link' / 'other.db'}") as linked,
    ):
        assert first.line() == "started"
        with pytest.raises(JobsAlreadyRunning):
            jobs_on(linked).start(lambda subject: None)


def test_a_start_that_fails_leaves_nothing_behind(sqlite: sa.Engine, tmp_path: Path) -> None:
    with sqlite.begin() as connection:
        connection.execute(sa.text("CREATE TABLE dbos_migrations (nonsense TEXT)"))
    jobs = jobs_on(sqlite)
    logging.getLogger("dbos").setLevel(logging.CRITICAL)
    with pytest.raises(sa.exc.OperationalError):
        jobs.start(lambda subject: None)
    with sqlite.begin() as connection:
        connection.execute(sa.text("DROP TABLE dbos_migrations"))
    with running(jobs):
        pass


@pytest.mark.processes
def test_a_lost_lease_is_taken_again(postgres: str) -> None:
    with database(postgres) as engine, running(jobs_on(engine)):
        member, wakeups = OneOfMany(engine), Wakeups(engine, 120)
        member.join()
        cut_connections_that_hold_locks(engine)
        member.take_over(wakeups)
        assert held(engine, advisory_key("executor", member.executor))
        member.leave()
        assert not held(engine, advisory_key("executor", member.executor))
        wakeups.close()


def cut_connections_that_hold_locks(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        connection.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks JOIN pg_database ON oid = database"
                " WHERE locktype = 'advisory' AND datname = current_database()"
            )
        )


def held(engine: sa.Engine, key: int) -> bool:
    with engine.connect() as connection:
        if not try_lock(connection, key):
            return True
        unlock(connection, key)
        return False


@pytest.mark.processes
def test_finished_drains_are_forgotten_and_waiting_ones_are_not(sqlite: sa.Engine) -> None:
    with running(jobs_on(sqlite, stop_timeout=5)) as rig:
        for subject in ("41#1", "41#2"):
            rig.jobs.wake(subject)
            rig.drained.wait_for(subject, 1)
    wakeups = Wakeups(sqlite, 120)
    wakeups.queue("41#3")
    assert wakeups.forget_finished(now() - timedelta(hours=1)) == 0
    assert wakeups.forget_finished(now() + timedelta(seconds=5)) == 2
    wakeups.close()
    with running(jobs_on(sqlite)) as rig:
        rig.drained.wait_for("41#3", 1)


def test_a_process_ends_cleanly_when_it_is_told_to(tmp_path: Path) -> None:
    with EngineProcess("log", sqlite_url(tmp_path), str(tmp_path / "drains")) as process:
        assert process.line() == "started"
        assert process.end() == ""
        assert process.process.returncode == 0


@pytest.mark.processes
def test_an_engine_with_a_stuck_drain_ends_in_time_and_the_next_one_drains_again(tmp_path: Path) -> None:
    with EngineProcess("engine", sqlite_url(tmp_path), "41#7") as process:
        assert process.line() == "draining 41#7"
        process.process.send_signal(signal.SIGTERM)
        assert "drains still run 1 s after stop: 1" in process.end()
        assert process.process.returncode == 1
    with database(sqlite_url(tmp_path)) as engine, running(jobs_on(engine)) as rig:
        rig.drained.wait_for("41#7", 1)


@pytest.mark.parametrize("python", [(3, 12), (3, 13)])
def test_an_sqlite_that_is_too_old_for_this_python_is_told_before_anything_begins(
    python: tuple[int, int],
) -> None:
    with pytest.raises(ConfigurationFault, match=r"SQLite 3\.40, and jobs need 3\.42"):
        require_sqlite(python, (3, 40))
    require_sqlite(python, (3, 42))
    require_sqlite((3, 11), (3, 40))
