"""Environments of a repository: they come to be with their first deployment, or are made by hand.

Names are not case-sensitive and may contain slashes. Source: REST docs "Deployment environments".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import quote

from gate_app.standin import repositories
from gate_app.standin.errors import not_found
from gate_app.standin.repositories import Repository
from gate_app.standin.state import JsonObject, Transaction, node_id


@dataclass(frozen=True)
class Environment:
    """An environment without protection rules."""

    TABLE: ClassVar[str] = "environments"
    id: int
    repository_id: int
    name: str
    created_at: str


def ensure(tx: Transaction, repository: Repository, name: str) -> Environment:
    """The environment with this name, made if there is none."""
    found = tx.get(Environment, repository_id=repository.id, name=name)
    return found or tx.insert(Environment, repository_id=repository.id, name=name, created_at=tx.now)


def require(tx: Transaction, repository: Repository, name: str) -> Environment:
    """The environment with this name. 404 if there is none."""
    found = tx.get(Environment, repository_id=repository.id, name=name)
    if found is None:
        raise not_found()
    return found


def render(tx: Transaction, environment: Environment) -> JsonObject:
    """The environment of every body."""
    repository = repositories.by_id(tx, environment.repository_id)
    page = f"{repositories.html_url(tx, repository)}/deployments/activity_log"
    return {
        "id": environment.id,
        "node_id": node_id("Environment", environment.id),
        "name": environment.name,
        "url": f"{repositories.api_url(tx, repository)}/environments/{quote(environment.name, safe='')}",
        "html_url": f"{page}?environments_filter={quote(environment.name, safe='')}",
        "created_at": environment.created_at,
        "updated_at": environment.created_at,
        "protection_rules": [],
        "deployment_branch_policy": None,
    }
