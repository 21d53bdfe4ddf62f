"""GitHub holds the job until the gate answers: over HTTP, with the rules of the stand-in."""

from __future__ import annotations

from support.held import reviews, seen, starts, with_held_jobs
from support.routes import DEPLOYER
from support.story import Place, until


def test_the_job_waits_for_a_person_and_goes_on(place: Place) -> None:
    story = with_held_jobs(place)
    run = starts(story)
    story.asks("staging")
    assert seen(story, run)["status"] == "waiting"
    until(lambda: reviews(story, run), "GitHub is told why it waits")
    story.says("reviewer", "/approve staging")
    story.shows("gate / staging", "success")
    assert reviews(story, run) == [(1, ""), (1, "approved")]
    assert seen(story, run)["jobs"] == {"one": "success", "two": "success"}


def test_a_denial_fails_the_run_and_running_it_again_asks_again(place: Place) -> None:
    story = with_held_jobs(place)
    run = starts(story)
    story.asks("staging")
    story.says("reviewer", "/deny staging not on a Friday")
    until(lambda: seen(story, run)["conclusion"] == "failure", "the run has failed")
    place.control.rerun_workflow(story.repository, run["id"], DEPLOYER)
    until(lambda: (2, "") in reviews(story, run), "the second attempt waits for a person")
    story.pushes({"app.py": "print('ciao')\n"})
    until(
        lambda: seen(story, run)["conclusion"] == "cancelled", "a newer commit cancels it", told=place.app.log
    )
    assert (2, "rejected") not in reviews(story, run)


def test_a_job_that_no_gate_is_for_is_told_why_and_waits(place: Place) -> None:
    story = with_held_jobs(place)
    other = starts(story, "elsewhere.yml")
    until(lambda: reviews(story, other), "it is told why it waits", told=place.app.log)
    (told,) = place.control.job_reviews(story.repository, other["id"])
    assert "does not name `a/b c`" in str(told["comment"])
    assert "gate-app init" in str(told["comment"])
    story.rests()
    assert seen(story, other)["status"] == "waiting"
