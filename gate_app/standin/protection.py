"""What a branch asks of a commit before it may be merged: the checks that are required.

They are asked for by branch protection or by a ruleset. Anybody who may read the contents sees the first with
the branch, anybody who may read metadata the second; only administrators see more. Source: REST docs "Get a
branch", "Get rules for a branch", "Get status checks protection".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import quote

from gate_app.standin import repositories
from gate_app.standin.errors import GitHubError
from gate_app.standin.repositories import Repository
from gate_app.standin.state import JsonObject, Transaction

PROTECTION, RULESET = "protection", "ruleset"


@dataclass(frozen=True)
class RequiredCheck:
    """A check that a branch requires, from one App only if that is named."""

    TABLE: ClassVar[str] = "required_checks"
    id: int
    repository_id: int
    branch: str
    source: str
    context: str
    app_id: int | None


def require_checks(
    tx: Transaction, repository: Repository, branch: str, source: str, wanted: dict[str, int | None]
) -> None:
    """The checks that a branch requires from now on, each from an App or from anybody; none: no more."""
    where = {"repository_id": repository.id, "branch": branch, "source": source}
    tx.delete(RequiredCheck, **where)
    for context, app_id in wanted.items():
        tx.insert(RequiredCheck, **where, context=context, app_id=app_id)


def required(tx: Transaction, repository: Repository, branch: str, source: str) -> list[RequiredCheck]:
    """The checks that a branch requires."""
    return tx.every(RequiredCheck, repository_id=repository.id, branch=branch, source=source)


def is_protected(tx: Transaction, repository: Repository, branch: str) -> bool:
    """Whether a branch asks anything."""
    return tx.count(RequiredCheck, repository_id=repository.id, branch=branch) > 0


def render(tx: Transaction, repository: Repository, branch: str) -> JsonObject:
    """The `protection` of a branch, as far as everybody sees it."""
    found = required(tx, repository, branch, PROTECTION)
    return {
        "enabled": bool(found),
        "required_status_checks": {
            "enforcement_level": "non_admins" if found else "off",
            "contexts": [check.context for check in found],
            "checks": [{"context": check.context, "app_id": check.app_id} for check in found],
        },
    }


def render_policy(tx: Transaction, repository: Repository, branch: str) -> JsonObject:
    """The body of "Get status checks protection". 404 if the branch has none."""
    found = required(tx, repository, branch, PROTECTION)
    if not found:
        raise GitHubError(404, "Branch not protected")
    url = f"{repositories.api_url(tx, repository)}/branches/{quote(branch)}/protection/required_status_checks"
    return {
        "url": url,
        "strict": False,
        "contexts": [check.context for check in found],
        "checks": [{"context": check.context, "app_id": check.app_id} for check in found],
        "contexts_url": f"{url}/contexts",
    }


def render_rules(tx: Transaction, repository: Repository, branch: str) -> list[JsonObject]:
    """The body of "Get rules for a branch", which needs not exist."""
    found = required(tx, repository, branch, RULESET)
    if not found:
        return []
    checks = [
        {"context": check.context, **({"integration_id": check.app_id} if check.app_id else {})}
        for check in found
    ]
    parameters = {"strict_required_status_checks_policy": False, "required_status_checks": checks}
    source = {
        "ruleset_source_type": "Repository",
        "ruleset_source": repositories.full_name(tx, repository),
        "ruleset_id": repository.id,
    }
    return [{"type": "required_status_checks", "parameters": parameters, **source}]
