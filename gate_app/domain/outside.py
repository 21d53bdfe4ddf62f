"""Releases outside the gate: deployments to a gated environment that no release of ours brought there.

Rules of the file: they are facts that are shown and journalled, and open or hold nothing; what is in shadow is deployed
by others on purpose. Which deployments are ours is known before: those that the App made, or whose job belongs to a
workflow run that it dispatched.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from gate_app.domain.conditions import Conditions, EnvironmentFacts, Outside
from gate_app.domain.events import DeployedByOthers, Event
from gate_app.domain.inert import code
from gate_app.domain.policy import Environment, Policy, WorkflowRoute
from gate_app.domain.requests import Obeyed
from gate_app.domain.run import Run

KEPT: Final = 5
"""Of an environment, the newest; the journal has all of them."""


def noticed(run: Run, event: Event, conditions: Conditions) -> Obeyed | None:
    """The environment with what came there past its gate; None where nothing did, or it is known."""
    if not isinstance(event, DeployedByOthers):
        return None
    environment = _gated(run, event.environment, conditions)
    if environment is None:
        return None
    facts = conditions.environment(environment.name)
    if _covered(event, environment, facts) or any(each.id == event.deployment_id for each in facts.outside):
        return None
    seen = Outside(event.deployment_id, event.sha, event.by, event.at)
    return Obeyed(run, (replace(facts, outside=(seen, *facts.outside)[:KEPT]),))


def _gated(run: Run, name: str, conditions: Conditions) -> Environment | None:
    """The environment of that name, as GitHub compares names; the gate file of now comes first."""
    rules = conditions.policy if isinstance(conditions.policy, Policy) else run.policy
    every = rules.environments if isinstance(rules, Policy) else ()
    found = next((each for each in every if each.name.casefold() == name.casefold()), None)
    return None if found is None or found.shadow else found


def _covered(event: DeployedByOthers, environment: Environment, facts: EnvironmentFacts) -> bool:
    """Whether it is what was released there, by its commit or its job, or the job of a release on its way whose run is
    not known yet.
    """
    if event.workflow_run in facts.jobs:
        return True
    if facts.running is not None and facts.running.sha == event.sha:
        return True
    under_way = facts.busy_with is not None and isinstance(environment.deploy, WorkflowRoute)
    return under_way and event.workflow_run > 0


def there_now(name: str, conditions: Conditions) -> Outside | None:
    """What came past the gate since the last release through it became healthy; None for nothing."""
    facts = conditions.environment(name)
    newest = facts.outside[0] if facts.outside else None
    since = facts.healthy_since.get(facts.running.sha) if facts.running is not None else None
    return None if newest is None or (since is not None and newest.at < since) else newest


def warning(name: str, conditions: Conditions) -> str:
    """What is said of it where the environment is named; empty for nothing."""
    found = there_now(name, conditions)
    if found is None:
        return ""
    return (
        f"⚠️ {code(name)} was released to outside the gate: {code(found.sha[:12])} by {code(found.by.login)}, "
        f"{found.at:%Y-%m-%d %H:%M} UTC. What ships is told against the last release through the gate."
    )


def warnings(policy: Policy, conditions: Conditions) -> str:
    """The same of every environment, for the status comment."""
    said = (warning(each.name, conditions) for each in policy.environments)
    return "\n".join(f"- {each}" for each in said if each)
