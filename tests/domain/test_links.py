"""A commit that a deployment by command could not unpack is not asked about."""

from __future__ import annotations

from dataclasses import replace

from support.runs import policy, proposed

from gate_app.domain.evidence import Evidence, StageOutcome, StageReason, StageVerdict
from gate_app.domain.model import Purpose
from gate_app.domain.policy import DeploymentRoute, Policy

LEADING_OUT = StageOutcome(
    StageVerdict.PASSED, StageReason.TESTS_PASSED, Evidence(leads_out="logs → /var/log")
)


def codes_of(rules: Policy | None = None, purpose: Purpose = Purpose.RELEASE) -> tuple[str, ...]:
    world = proposed(rules)
    world.run = replace(world.run, purpose=purpose)
    world.passes(5).stage_ends(outcome=LEADING_OUT)
    return world.codes("staging")


def test_case_176_a_link_that_leads_out_blocks_a_deployment_by_command_before_it_is_asked_about() -> None:
    assert "route_blocked" in codes_of()


def test_who_deploys_otherwise_may_have_such_a_link() -> None:
    rules = policy()
    elsewhere = tuple(replace(each, deploy=DeploymentRoute()) for each in rules.environments)
    assert codes_of(replace(rules, environments=elsewhere)) == ("approval", "approval_missing")


def test_what_ran_there_before_was_unpacked_before() -> None:
    assert "route_blocked" not in codes_of(purpose=Purpose.ROLLBACK)
