"""What only the in-memory twin does: running when it is told to, for a bounded number of drains."""

from __future__ import annotations

import pytest

from gate_app.jobs.faults import JobsAlreadyRunning, JobsNotRunning, StillBusy
from gate_app.jobs.inline import InlineJobs


def test_nothing_is_drained_until_it_is_told_to() -> None:
    drained: list[str] = []
    jobs = InlineJobs()
    jobs.start(drained.append)
    for subject in ("b", "a", "b"):
        jobs.wake(subject)
    assert drained == []
    assert jobs.run_until_idle() == 2
    assert drained == ["b", "a"]
    assert jobs.run_until_idle() == 0


def test_a_subject_that_never_comes_to_rest_is_found_out() -> None:
    jobs = InlineJobs()
    jobs.start(jobs.wake)
    jobs.wake("41#7")
    with pytest.raises(StillBusy, match="41#7"):
        jobs.run_until_idle(max_drains=5)


def test_a_handler_does_not_run_the_jobs_itself() -> None:
    refused: list[JobsAlreadyRunning] = []

    def run(subject: str) -> None:
        with pytest.raises(JobsAlreadyRunning) as caught:
            jobs.run_until_idle()
        refused.append(caught.value)

    jobs = InlineJobs()
    jobs.start(run)
    jobs.wake("41#7")
    assert jobs.run_until_idle() == 1
    assert len(refused) == 1


def test_what_was_queued_before_a_stop_is_drained_after_the_next_start() -> None:
    drained: list[str] = []
    jobs = InlineJobs()
    jobs.start(drained.append)
    jobs.wake("41#7")
    jobs.stop()
    with pytest.raises(JobsNotRunning):
        jobs.run_until_idle()
    jobs.start(drained.append)
    jobs.run_until_idle()
    assert drained == ["41#7"]
