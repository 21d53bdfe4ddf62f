"""An override: a release without what the gate file asks for, by one of few people, and the debt that it leaves.

Rules of the file: values only. Whoever overrides owes a follow-up: an issue that has to be closed before anybody in the
repository overrides again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from gate_app.domain.model import LATER, Person

EVERYWHERE: Final = ""
"""The name of the facts that concern all environments of a repository: no environment is called so."""
LASTS: Final = timedelta(hours=1)
"""How long after the comment an override may still begin a release."""
MOST: Final = 2
"""How many overrides a repository may have within `SPAN`, their follow-ups closed or not."""
SPAN: Final = timedelta(hours=24)
KEPT: Final = 20
"""How many debts are remembered."""


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody overrode a gate: in which comment, for which commit, under which gate file, and why.

    `plan` is the digest of the plan as it stood then.
    """

    by: Person
    at: datetime
    comment_id: int
    body_sha256: str
    reason: str
    sha: str
    policy_blob: str
    plan: str = field(default="", metadata=LATER)


@dataclass(frozen=True, slots=True)
class Debt:
    """The follow-up of an override of a commit, known by its comment in a conversation; `issue` is its number at
    GitHub, 0 before it is opened.
    """

    environment: str
    comment_id: int
    by: Person
    at: datetime
    sha: str
    reason: str
    conversation: int
    issue: int = 0

    def opened_as(self, issue: int) -> Debt:
        return replace(self, issue=issue)
