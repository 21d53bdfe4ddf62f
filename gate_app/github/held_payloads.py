"""Deliveries about jobs that GitHub holds until we answer.

Rules of the file: the same as in `payloads`. Of the address that such a delivery names for the answer only the number
of the workflow run is read, and only where it is one of the delivery's own repository; nothing is ever sent there (case
141). GitHub's schema promises none of what it says besides the repository.
"""

from __future__ import annotations

import re
from typing import Final

from gate_app.domain.model import Repository
from gate_app.engine.ports import HeldNoticed, Ignored
from gate_app.github.envelope import DeliveryBody, Read, document
from gate_app.github.fields import MAX_ID, ShortText

_ADDRESS: Final = re.compile(
    r"https?://[A-Za-z0-9.:\[\]-]{1,300}(?:/api/v3)?/repos/([A-Za-z0-9_-]{1,100}/[A-Za-z0-9._-]{1,100})"
    r"/actions/runs/([1-9][0-9]{0,18})/deployment_protection_rule"
)


class _RuleDelivery(DeliveryBody):
    deployment_callback_url: ShortText | None = None


def rule_requested(event: str, body: bytes, app_id: int) -> Read:
    """A job waits: which one, and for what, is read live."""
    delivery = document(_RuleDelivery, event, body)
    run_id = _run_named(delivery.deployment_callback_url or "", delivery.where)
    if run_id is None:
        return Ignored("no workflow run of this repository is named")
    return (HeldNoticed(delivery.where, run_id),)


def _run_named(address: str, where: Repository) -> int | None:
    found = _ADDRESS.fullmatch(address)
    if found is None or found.group(1).casefold() != where.full_name.casefold():
        return None
    run_id = int(found.group(2))
    return run_id if run_id <= MAX_ID else None
