"""A gate that asks only when it matters, over HTTP."""

from __future__ import annotations

import pytest
from support.story import GATE_FILE, Place, tell

WHO = "approval: {approvers: [{permission: write, count: 1}]}"


def escalating(*rules: str) -> str:
    """The gate file of the stories, with these rules for staging."""
    lines = "".join(f"\n        - {rule}" for rule in rules)
    return GATE_FILE.replace(WHO, f"approval:\n      mode: escalate\n      escalate_when:{lines}", 1)


MIGRATIONS = escalating('paths: ["migrations/**"]')
HOLDING = escalating("{labels: [hold], block: the label says so}")


def test_a_routine_change_goes_to_staging_by_itself_and_one_of_the_database_asks(place: Place) -> None:
    story = tell(place, gate_file=MIGRATIONS)
    first = story.asks("staging")
    assert "which files changed cannot be told" in first["body"], "nothing of ours runs there yet"
    story.says("reviewer", "/approve staging")
    story.asks("production")

    story.pushes({"app.py": "print('salut')\n"})
    story.shows("gate / staging", "success")
    check = story.check("gate / staging")
    assert check is not None
    assert "not_escalated" in (check["summary"] or "")

    story.pushes({"migrations/2.sql": "ALTER TABLE greetings ADD COLUMN tongue TEXT;\n"})
    asked = story.asks("staging", after=first["id"])["body"]
    assert "`paths: migrations/**`: `migrations/2.sql changes`" in asked
    assert story.replies_to(story.says("maintainer", "/approve staging")) == "+1"
    story.shows("gate / staging", "success")


@pytest.mark.processes
def test_a_label_can_hold_a_change_and_taking_it_off_lets_it_go_on(place: Place) -> None:
    story = tell(
        place, gate_file=HOLDING.replace("command: sh ./check.sh", "command: sleep 3; sh ./check.sh")
    )
    place.control.label(story.repository, story.number, "hold")
    story.shows("gate / staging", "failure")
    check = story.check("gate / staging")
    assert check is not None
    assert "the label says so" in (check["summary"] or "")
    assert not story.deployments()
    place.control.label(story.repository, story.number)
    story.shows("gate / staging", "success")


MEASURED = escalating('coverage_drop: "> 0.5"').replace(
    'junit: "reports/junit.xml"', "coverage: reports/lcov.info", 1
)


def measuring(covered: int) -> str:
    """A command that measures ten lines."""
    lines = "".join(f"DA:{number},{int(number <= covered)}\\n" for number in range(1, 11))
    return f"mkdir -p reports\nprintf 'SF:app.py\\n{lines}end_of_record\\n' > reports/lcov.info\n"


def test_a_change_that_covers_less_than_what_runs_asks(place: Place) -> None:
    story = tell(place, gate_file=MEASURED, files={"check.sh": measuring(9)})
    first = story.asks("staging")
    assert "what runs there was not measured" in first["body"]
    assert "90.0 % of lines covered" in first["body"]
    story.says("reviewer", "/approve staging")
    story.shows("gate / staging", "success")

    story.pushes({"check.sh": measuring(8)})
    asked = story.asks("staging", after=first["id"])["body"]
    assert "`80.0 % of lines covered, and 90.0 % of lines covered of what runs there`" in asked
