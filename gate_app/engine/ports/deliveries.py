"""Deliveries that GitHub keeps: where they are listed, and the door by which they come in after all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """One attempt of GitHub to deliver something; several have the same `guid`. `delivered` means answered 2xx."""

    id: int
    guid: str
    event: str
    delivered_at: datetime
    delivered: bool


@dataclass(frozen=True, slots=True)
class DeliveryContent:
    """What was sent, written anew by us; the target is whose hook it was, empty where GitHub does not say."""

    target_type: str
    target_id: str
    body: bytes = field(repr=False)


class DeliveryLog(Protocol):
    """What GitHub tried to deliver to the App's hook."""

    def since(self, moment: datetime) -> Sequence[DeliveryRecord]:
        """Every attempt since then, newest first, within a bound."""

    def content(self, record: DeliveryRecord) -> DeliveryContent: ...


class Admission(Protocol):
    """The intake's door for deliveries that we fetched ourselves."""

    def admit(self, delivery_id: str, event: str, target_type: str, target_id: str, body: bytes) -> str:
        """`stored` or `known` once it is durable, else the code of a refusal."""
