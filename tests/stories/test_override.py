"""A gate is overridden in an emergency, and the debt of it is an issue at GitHub, over HTTP."""

from __future__ import annotations

from support.story import FAILING, GATE_FILE, Place, tell

OVERRIDING = GATE_FILE.partition("  production:")[0] + "    override: {users: [maintainer, reviewer]}\n"


def test_an_override_releases_opens_an_issue_and_bars_the_next_one_until_that_is_closed(place: Place) -> None:
    story = tell(place, gate_file=OVERRIDING, files={"check.sh": FAILING})
    story.shows("stage / tests", "failure")
    assert "override_sha_missing" in story.replies_to(story.says("maintainer", "/override staging it burns"))
    line = f"/override staging {story.pull['head_sha'][:12]} it burns"
    story.says("maintainer", line)
    story.shows("gate / staging", "success")
    issue = story.sees(lambda: next(iter(story.state()["issues"]), None), "the follow-up is opened")
    assert issue["login"].endswith("[bot]")
    assert "`maintainer` overrode the gate of `staging`" in issue["body"]
    story.rests()
    assert len(story.deployments()) == 1
    sha = story.pushes({"app.py": "print('worse')\n"})
    story.shows("stage / tests", "failure")
    again = f"/override staging {sha[:12]} it burns again"
    assert f"`#{issue['number']}`" in story.replies_to(story.says("reviewer", again))
    place.control.close_issue(issue["repository"], issue["number"], "reviewer")
    story.says("reviewer", again)
    story.shows("gate / staging", "success")
    story.rests()
    assert len(story.deployments()) == 2
