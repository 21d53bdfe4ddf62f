"""Deployments, their statuses, and environments."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from gate_app.standin import deployments, environments, held_jobs
from gate_app.standin.bodies import NewDeployment, NewDeploymentStatus
from gate_app.standin.deployments import Deployment, DeploymentStatus
from gate_app.standin.environments import Environment
from gate_app.standin.errors import not_found
from gate_app.standin.face import access

routes = Blueprint("deployments", __name__)
FILTERS = ("sha", "ref", "task", "environment")


@routes.get("/repos/<owner>/<name>/deployments")
def list_deployments(owner: str, name: str) -> ResponseReturnValue:
    """List deployments, newest first."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "deployments:read").repository
        where = {key: value for key, value in request.args.items() if key in FILTERS and value != "none"}
        found = tx.newest_first(Deployment, repository_id=repository.id, **where)
        return [deployments.render(tx, deployment) for deployment in access.page(found)]


@routes.post("/repos/<owner>/<name>/deployments")
def create_deployment(owner: str, name: str) -> ResponseReturnValue:
    """Create a deployment; 202 if the default branch was merged instead."""
    with access.state().transaction() as tx:
        visit = access.visit(tx, owner, name, "deployments:write")
        wanted = access.body(NewDeployment).wanted()
        made = deployments.create(tx, visit.repository, access.author(tx, visit.caller), wanted)
        if isinstance(made, str):
            return {"message": made}, 202
        return deployments.render(tx, made), 201


@routes.get("/repos/<owner>/<name>/environments")
def list_environments(owner: str, name: str) -> ResponseReturnValue:
    """List environments."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "actions:read").repository
        found = tx.every(Environment, repository_id=repository.id)
        shown = [environments.render(tx, environment) for environment in access.page(found)]
        return {"total_count": len(found), "environments": shown}


@routes.get("/repos/<owner>/<name>/environments/<path:environment>/deployment_protection_rules")
def list_rules(owner: str, name: str, environment: str) -> ResponseReturnValue:
    """Get all custom deployment protection rules of an environment."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "actions:read").repository
        found = held_jobs.rules_of(tx, environments.require(tx, repository, environment))
        shown = [held_jobs.render_rule(tx, rule) for rule in found]
        return {"total_count": len(found), "custom_deployment_protection_rules": shown}


@routes.get("/repos/<owner>/<name>/environments/<path:environment>")
def get_environment(owner: str, name: str, environment: str) -> ResponseReturnValue:
    """Get an environment; slashes in its name come encoded or not."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "actions:read").repository
        return environments.render(tx, environments.require(tx, repository, environment))


@routes.get("/repos/<owner>/<name>/deployments/<int:identifier>")
def get_deployment(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """Get a deployment."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "deployments:read").repository
        return deployments.render(tx, deployments.require(tx, repository, identifier))


@routes.get("/repos/<owner>/<name>/deployments/<int:identifier>/statuses")
def list_statuses(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """List deployment statuses, newest first."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "deployments:read").repository
        deployment = deployments.require(tx, repository, identifier)
        found = tx.newest_first(DeploymentStatus, deployment_id=deployment.id)
        return [deployments.render_status(tx, deployment, status) for status in access.page(found)]


@routes.post("/repos/<owner>/<name>/deployments/<int:identifier>/statuses")
def create_status(owner: str, name: str, identifier: int) -> ResponseReturnValue:
    """Create a deployment status."""
    with access.state().transaction() as tx:
        visit = access.visit(tx, owner, name, "deployments:write")
        deployment = deployments.require(tx, visit.repository, identifier)
        outcome = access.body(NewDeploymentStatus).outcome()
        status = deployments.set_status(tx, deployment, access.author(tx, visit.caller), outcome)
        return deployments.render_status(tx, deployment, status), 201


@routes.get("/repos/<owner>/<name>/deployments/<int:identifier>/statuses/<int:status_id>")
def get_status(owner: str, name: str, identifier: int, status_id: int) -> ResponseReturnValue:
    """Get a deployment status."""
    with access.state().transaction() as tx:
        repository = access.visit(tx, owner, name, "deployments:read").repository
        deployment = deployments.require(tx, repository, identifier)
        status = tx.get(DeploymentStatus, id=status_id, deployment_id=deployment.id)
        if status is None:
            raise not_found()
        return deployments.render_status(tx, deployment, status)
