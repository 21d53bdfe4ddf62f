"""A gate that asks only when it matters, over HTTP."""

from __future__ import annotations

from support.story import GATE_FILE, Place, tell

ESCALATING = GATE_FILE.replace(
    "approval: {approvers: [{permission: write, count: 1}]}",
    """\
approval:
      mode: escalate
      escalate_when:
        - paths: ["migrations/**"]
        - labels: [hold]
          block: the label says so""",
    1,
)


def test_a_routine_change_goes_to_staging_by_itself_and_production_asks(place: Place) -> None:
    story = tell(place, gate_file=ESCALATING)
    story.asks("production")
    assert [deployment["environment"] for deployment in story.deployments()] == ["staging"]
    assert not any(comment["body"].startswith("### Deploy to `staging`?") for comment in story.ours())
    said = story.replies_to(story.says("reader", "/why staging"))
    assert "healthy" in said


def test_a_change_of_the_database_asks_and_says_which_file_made_it(place: Place) -> None:
    story = tell(place, {"migrations/2.sql": "ALTER TABLE greetings ADD COLUMN tongue TEXT;\n"}, ESCALATING)
    asked = story.asks("staging")["body"]
    assert "`paths: migrations/**`: `migrations/2.sql changes`" in asked
    assert not story.deployments()
    assert story.replies_to(story.says("reviewer", "/approve staging")) == "+1"
    story.shows("gate / staging", "success")


def test_a_label_can_hold_a_change_and_taking_it_off_lets_it_go_on(place: Place) -> None:
    story = tell(
        place, gate_file=ESCALATING.replace("command: sh ./check.sh", "command: sleep 3; sh ./check.sh")
    )
    place.control.label(story.repository, story.number, "hold")
    story.shows("gate / staging", "failure")
    check = story.check("gate / staging")
    assert check is not None
    assert "the label says so" in (check["summary"] or "")
    assert not story.deployments()
    place.control.label(story.repository, story.number)
    story.shows("gate / staging", "success")
