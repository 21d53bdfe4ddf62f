"""What somebody made of the plan of a deployment, as they said it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gate_app.domain.model import LATER, Person


@dataclass(frozen=True, slots=True)
class Modification:
    """Somebody changed the plan of a deployment in a comment; None leaves a part of it, empty text takes it away."""

    by: Person
    at: datetime
    comment_id: int
    values: Mapping[str, str]
    notes: str | None = field(default=None, metadata=LATER)
    rollback: str | None = field(default=None, metadata=LATER)
