"""Small named values that outlive a restart, kept as JSON: the control token, webhook troubles."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Protocol, TypeVar

from gate_app.standin.state import Transaction


class _Settings(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


S = TypeVar("S", bound=_Settings)


@dataclass(frozen=True)
class Setting:
    """A named value."""

    TABLE: ClassVar[str] = "settings"
    id: int
    name: str
    value: str


def read(tx: Transaction, kind: type[S], name: str) -> S | None:
    """The value with this name as a dataclass, if it was ever written."""
    found = tx.get(Setting, name=name)
    return kind(**json.loads(found.value)) if found else None


def write(tx: Transaction, name: str, value: _Settings) -> None:
    """Keep a dataclass under this name."""
    tx.delete(Setting, name=name)
    tx.insert(Setting, name=name, value=json.dumps(asdict(value)))


def forget(tx: Transaction, name: str) -> None:
    """Keep nothing under this name."""
    tx.delete(Setting, name=name)
