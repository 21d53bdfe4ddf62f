"""Custom deployment protection rules: environments that hold jobs until an App answers.

Rules of this file, from the docs "Creating custom deployment protection rules", "Reviewing deployments" and the REST
docs "Workflow runs", "Deployment protection rules":

* A run whose jobs name such an environment waits before any of them starts; each App with a rule there is told.
* Apps answer for an environment of the run's newest attempt, every job of it at once, and only where their own rule
  waits (403 for others, 422 once nothing waits). Without a state it is a report: at most ten, of 1,024 characters.
* One rejection fails the run. Once every rule has approved, the run waits for a runner.
* Other than at GitHub, a run waits as a whole: there is no `needs` between jobs here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import quote

from gate_app.standin import apps, environments, people, pulls, repositories, webhooks, workflow_runs
from gate_app.standin.apps import App
from gate_app.standin.environments import Environment
from gate_app.standin.errors import GitHubError, forbidden
from gate_app.standin.repositories import Repository
from gate_app.standin.state import JsonObject, Transaction, node_id
from gate_app.standin.workflow_runs import WorkflowRun

MAX_REPORTS = 10
MAX_COMMENT = 1_024


@dataclass(frozen=True)
class Rule:
    """An App without whose answer no job uses the environment."""

    TABLE: ClassVar[str] = "protection_rules"
    id: int
    environment_id: int
    app_id: int


@dataclass(frozen=True)
class Review:
    """What an App said of the jobs that wait there; `state` is empty for a report."""

    TABLE: ClassVar[str] = "rule_reviews"
    id: int
    run_id: int
    attempt: int
    environment: str
    app_id: int
    state: str
    comment: str
    created_at: str


def protect(tx: Transaction, repository: Repository, name: str, app: App) -> None:
    """Enable the App as a rule of an environment."""
    place = environments.ensure(tx, repository, name)
    if tx.get(Rule, environment_id=place.id, app_id=app.id) is None:
        tx.insert(Rule, environment_id=place.id, app_id=app.id)


def unprotect(tx: Transaction, repository: Repository, name: str) -> None:
    """Take every rule of an environment away."""
    tx.delete(Rule, environment_id=environments.require(tx, repository, name).id)


def rules_of(tx: Transaction, place: Environment) -> list[Rule]:
    """The rules of an environment."""
    return tx.every(Rule, environment_id=place.id)


def waiting(tx: Transaction, run: WorkflowRun) -> list[Environment]:
    """The environments that the run's newest attempt waits for, once each."""
    if run.status == "completed":
        return []
    names = dict.fromkeys(
        job.environment for job, _ in workflow_runs.jobs(tx, run, run.attempt) if job.environment
    )
    places = [tx.get(Environment, repository_id=run.repository_id, name=name) for name in names]
    return [place for place in places if place is not None and _unanswered(tx, run, place)]


def _unanswered(tx: Transaction, run: WorkflowRun, place: Environment) -> list[Rule]:
    where = {"run_id": run.id, "attempt": run.attempt, "environment": place.name, "state": "approved"}
    return [rule for rule in rules_of(tx, place) if tx.get(Review, app_id=rule.app_id, **where) is None]


def ask(tx: Transaction, run: WorkflowRun) -> bool:
    """Tell each App that jobs wait for it; whether any does."""
    repository = repositories.by_id(tx, run.repository_id)
    places = waiting(tx, run)
    for place in places:
        payload: JsonObject = {
            "action": "requested",
            "environment": place.name,
            "event": "workflow_dispatch",
            "sha": run.head_sha,
            "ref": f"refs/heads/{run.head_branch}",
            "deployment_callback_url": f"{workflow_runs.api_url(tx, run)}/deployment_protection_rule",
            "pull_requests": [
                pulls.render(tx, each) for each in pulls.with_head(tx, repository, run.head_sha)
            ],
        }
        sender = people.by_id(tx, run.triggering_actor_id)
        for rule in _unanswered(tx, run, place):
            webhooks.emit(
                tx, repository, sender, "deployment_protection_rule", payload, apps.by_id(tx, rule.app_id)
            )
    return bool(places)


def review(
    tx: Transaction, run: WorkflowRun, app: App, environment: str, state: str | None, comment: str | None
) -> None:
    """An App's answer, or its report. 403 without a rule of its own, 422 where nothing waits for it."""
    place = tx.get(Environment, repository_id=run.repository_id, name=environment)
    if place is None or tx.get(Rule, environment_id=place.id, app_id=app.id) is None:
        raise forbidden()
    ours = [each for each in waiting(tx, run) if each.id == place.id]
    if not any(rule.app_id == app.id for each in ours for rule in _unanswered(tx, run, each)):
        raise GitHubError(422, "No deployments are waiting for this rule")
    where = {"run_id": run.id, "attempt": run.attempt, "environment": place.name, "app_id": app.id}
    if not state and tx.count(Review, state="", **where) >= MAX_REPORTS:
        raise GitHubError(422, "Too many status reports")
    if len(comment or "") > MAX_COMMENT:
        raise GitHubError(422, "Comment is too long")
    tx.insert(Review, **where, state=state or "", comment=comment or "", created_at=tx.now)
    tx.announce("deployment_review", id=run.id, environment=place.name, state=state or "", comment=comment)


def render_pending(tx: Transaction, place: Environment) -> JsonObject:
    """An environment as a run waits for it."""
    whole = environments.render(tx, place)
    shown = {name: whole[name] for name in ("id", "node_id", "name", "url", "html_url")}
    return {
        "environment": shown,
        "wait_timer": 0,
        "wait_timer_started_at": None,
        "current_user_can_approve": False,
        "reviewers": [],
    }


def render_rule(tx: Transaction, rule: Rule) -> JsonObject:
    """A rule of an environment."""
    app = apps.by_id(tx, rule.app_id)
    shown = {
        "id": app.id,
        "slug": app.slug,
        "integration_url": f"{tx.url}/apps/{quote(app.slug)}",
        "node_id": node_id("Integration", app.id),
    }
    return {"id": rule.id, "node_id": node_id("GateApp", rule.id), "enabled": True, "app": shown}
