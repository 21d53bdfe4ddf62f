"""What every delivery has in common, and how a body is read as what it claims to be.

Rules of the file: strict and bounded; a refusal repeats nothing of the body.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final, TypeVar

from pydantic import AwareDatetime, Field, StringConstraints, ValidationError

from gate_app.domain.model import Repository
from gate_app.engine.ports import Ignored, Notice
from gate_app.github.fields import Account, Id, OwnerName, Reading, RepositoryName, problems_of

EARLIEST: Final = datetime(2008, 1, 1, tzinfo=UTC)
"""Before GitHub was: an earlier time is no time."""
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)

EpochSeconds = Annotated[int, Field(ge=int(EARLIEST.timestamp()), le=int(LATEST.timestamp()))]
Moment = Annotated[AwareDatetime, Field(ge=EARLIEST, le=LATEST)]
Document = TypeVar("Document", bound=Reading)
Read = Sequence[Notice] | Ignored


class Installation(Reading):
    id: Id


class Owner(Reading):
    login: OwnerName
    id: Id | None = None


class NamedRepository(Reading):
    id: Id
    name: RepositoryName
    owner: Owner


class Envelope(Reading):
    """What every delivery may have; who has no installation is none of ours (case 14)."""

    action: Annotated[str, StringConstraints(max_length=100)] | None = None
    installation: Installation | None = None


class DeliveryBody(Reading):
    """What every delivery that means something has."""

    installation: Installation
    repository: NamedRepository
    sender: Account

    @property
    def where(self) -> Repository:
        repository, owner = self.repository, self.repository.owner
        return Repository(repository.id, owner.login, repository.name, self.installation.id, owner.id or 0)


def document(shape: type[Document], event: str, body: bytes) -> Document:
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        raise ValueError(f"not a payload of {shown(event)}: {problems_of(error)}") from None


def shown(name: str) -> str:
    """The name of an event or action, if it looks like one: anything else is not repeated."""
    return name if len(name) <= 64 and name.isascii() and name.replace("_", "").isalpha() else "…"


def shown_action(action: str | None) -> str:
    return "" if action is None else f".{shown(action)}"
