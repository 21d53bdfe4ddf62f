"""A stage of a kind that this version cannot run ends as unknown, and the gate is told so at once."""

from __future__ import annotations

from dataclasses import replace

from support.runs import policy, proposed

from gate_app.domain.policy import Stage, WorkflowWork


def test_a_stage_that_cannot_be_run_makes_the_gate_say_unknown_without_any_further_event() -> None:
    world = proposed(replace(policy(), stages=(Stage("tests", WorkflowWork("ci.yml", junit="*.xml")),)))
    assert "stage_unknown" in world.codes("staging")
    assert "stage_running" not in world.codes("staging")
    assert len(world.decisions) == 2  # judged once more, and then at rest
