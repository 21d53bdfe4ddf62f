"""What the engine may rely on, whichever jobs it was given: the in-memory twin, SQLite, PostgreSQL."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.jobs import (
    PATIENCE,
    QUICK_POLL,
    Rig,
    database,
    fresh_subject,
    now,
    running,
    sqlite_url,
)
from support.postgres import own_database

from gate_app.jobs.durable import DurableJobs
from gate_app.jobs.faults import JobsAlreadyRunning, JobsNotRunning
from gate_app.jobs.inline import InlineJobs


@pytest.fixture(scope="module", params=["inline", "sqlite", "postgres"])
def jobs_running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    match request.param:
        case "inline":
            with running(InlineJobs()) as rig:
                yield rig
        case "sqlite":
            yield from durable_rig(sqlite_url(tmp_path_factory.mktemp("jobs")))
        case _:
            server: sa.URL = request.getfixturevalue("postgres_server")
            with own_database(server, "jobs") as url:
                yield from durable_rig(url.render_as_string(hide_password=False))


def durable_rig(url: str) -> Iterator[Rig]:
    with (
        database(url) as engine,
        running(DurableJobs(engine, clock=now, poll=QUICK_POLL, stop_timeout=5)) as rig,
    ):
        yield rig


@pytest.fixture
def rig(jobs_running: Rig) -> Rig:
    jobs_running.reset()
    return jobs_running


@pytest.fixture
def durable(rig: Rig) -> Rig:
    if isinstance(rig.jobs, InlineJobs):
        pytest.skip("the in-memory twin has one thread")
    return rig


def test_a_wake_leads_to_a_drain(rig: Rig) -> None:
    subject = fresh_subject()
    rig.jobs.wake(subject)
    rig.settle(subject, 1)
    assert rig.drained.count(subject) == 1


@pytest.mark.parametrize(
    "subject",
    [
        pytest.param("41:refs/heads/100%_done", id="wildcards of SQL"),
        pytest.param("41:refs/heads/grün/ß", id="beyond ASCII"),
        pytest.param("41:refs/tags/" + "v" * 1_011, id="1,024 characters"),
        pytest.param('41:refs/heads/it\'s "quoted"; --', id="quotes"),
    ],
)
def test_any_ref_is_a_subject(rig: Rig, subject: str) -> None:
    rig.jobs.wake(subject)
    rig.settle(subject, 1)


@pytest.mark.parametrize(
    "subject",
    [
        pytest.param("", id="empty"),
        pytest.param("x" * 1_025, id="1,025 characters"),
        pytest.param("41\x0042", id="NUL"),
    ],
)
def test_what_cannot_be_a_subject_is_refused(rig: Rig, subject: str) -> None:
    with pytest.raises(ValueError, match="characters"):
        rig.jobs.wake(subject)


def test_a_subject_is_not_mistaken_for_one_that_looks_alike(rig: Rig) -> None:
    alike = ["41:a_b", "41:aXb", "41:a%b", "41:a", "41:a_"]
    for subject in alike:
        rig.jobs.wake(subject)
    for subject in alike:
        rig.settle(subject, 1)


def test_a_wake_from_within_a_drain_leads_to_another_drain(rig: Rig) -> None:
    subject = fresh_subject()
    rig.work = lambda woken: rig.jobs.wake(woken) if rig.drained.count(woken) < 2 else None
    rig.jobs.wake(subject)
    rig.settle(subject, 3)
    assert rig.drained.most_of_one == 1


def test_a_drain_can_wake_another_subject(rig: Rig) -> None:
    first, second = fresh_subject(), fresh_subject()
    rig.work = lambda woken: rig.jobs.wake(second) if woken == first else None
    rig.jobs.wake(first)
    rig.settle(second, 1)


def test_a_failing_drain_does_not_block_its_subject(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    subject = fresh_subject()
    failing = [ValueError("token ghs_secret")]

    def fail_once(woken: str) -> None:
        if woken == subject and failing:
            raise failing.pop()

    rig.work = fail_once
    with caplog.at_level(logging.ERROR):
        rig.jobs.wake(subject)
        rig.settle(subject, 1)
        rig.jobs.wake(subject)
        rig.settle(subject, 2)
    assert "ValueError at" in caplog.text
    assert "ghs_secret" not in caplog.text


def test_what_a_drain_should_find_is_always_found(rig: Rig) -> None:
    """Rows committed before a wake are seen by a drain that begins after it, however it all interleaves."""
    subjects = [fresh_subject() for _ in range(4)]
    rows = dict.fromkeys(subjects, 0)
    seen = dict.fromkeys(subjects, 0)

    def look(woken: str) -> None:
        seen[woken] = rows[woken]

    def commit_and_wake(subject: str) -> None:
        for _ in range(15):
            rows[subject] += 1
            rig.jobs.wake(subject)

    rig.work = look
    if isinstance(rig.jobs, InlineJobs):
        for subject in subjects:
            commit_and_wake(subject)
            rig.jobs.run_until_idle()
    else:
        with ThreadPoolExecutor(len(subjects)) as threads:
            list(threads.map(commit_and_wake, subjects))
    rig.drained.wait(lambda: seen == rows)
    assert rig.drained.most_of_one == 1


def test_a_hot_subject_is_drained_a_few_times_not_200(durable: Rig) -> None:
    subject = fresh_subject()
    opened = threading.Event()
    durable.work = lambda woken: bool(opened.wait(PATIENCE)) and None
    durable.jobs.wake(subject)
    durable.drained.wait_until_begun(subject)
    for _ in range(200):
        durable.jobs.wake(subject)
    opened.set()
    durable.settle(subject, 2)
    another = fresh_subject()
    durable.jobs.wake(another)
    durable.settle(another, 1)
    assert durable.drained.count(subject) == 2


def test_the_twin_drains_a_hot_subject_once(rig: Rig) -> None:
    if not isinstance(rig.jobs, InlineJobs):
        pytest.skip("a drain of the durable jobs may begin between two wakes")
    subject = fresh_subject()
    for _ in range(200):
        rig.jobs.wake(subject)
    assert rig.jobs.run_until_idle() == 1


def test_different_subjects_are_drained_side_by_side(durable: Rig) -> None:
    subjects = [fresh_subject() for _ in range(4)]
    all_here = threading.Barrier(len(subjects), timeout=PATIENCE)
    durable.work = lambda woken: bool(all_here.wait()) and None
    for subject in subjects:
        durable.jobs.wake(subject)
    for subject in subjects:
        durable.settle(subject, 1)
    assert durable.drained.most_at_once >= len(subjects)


def test_wakes_from_many_threads_never_make_two_drains_of_one_subject(durable: Rig) -> None:
    subjects = [fresh_subject() for _ in range(3)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(durable.jobs.wake, subjects * 20))
    for subject in subjects:
        durable.settle(subject, 1)
    assert durable.drained.most_of_one == 1


def test_jobs_that_run_cannot_be_started_again(rig: Rig) -> None:
    with pytest.raises(JobsAlreadyRunning):
        rig.jobs.start(lambda subject: None)


@pytest.mark.parametrize("twin", ["inline", "durable"])
def test_nothing_is_woken_before_the_start(twin: str, tmp_path: Path) -> None:
    with database(sqlite_url(tmp_path)) as engine:
        jobs = InlineJobs() if twin == "inline" else DurableJobs(engine, clock=now)
        jobs.stop()
        with pytest.raises(JobsNotRunning):
            jobs.wake("41#7")
