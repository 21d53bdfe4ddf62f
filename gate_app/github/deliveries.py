"""What GitHub tried to deliver to the App's hook: the App's deliveries API (docs: webhooks for a GitHub App).

Rules of the file: only the App itself may ask, with its JWT. Pages go from the newest to the oldest by cursor; of the
address in `Link` only the cursor is read, so nothing but the configured origin is ever asked (case 141). The payload is
GitHub's parsed one, written anew: its meaning is the original's, its bytes are not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import parse_qs, urlsplit

from gate_app.engine.ports import DeliveryContent, DeliveryRecord
from gate_app.errors import HubRefused, HubUnavailable
from gate_app.github import app_answers
from gate_app.github.answers import read_answer
from gate_app.github.api import Api
from gate_app.github.origin import at_root

PER_PAGE: Final = 100
MAX_PAGES: Final = 30
"""3,000 deliveries in one look; a backlog beyond that is left to comparing heads and comments."""
DELIVERED: Final = "OK"
"""The `status` of a delivery that was answered with 2xx (docs: handling failed webhook deliveries)."""

_NEXT: Final = re.compile(r'<([^<>]{1,2000})>;[^<>,]*\brel="next"')
_CURSOR: Final = re.compile(r"[A-Za-z0-9_=+/.-]{1,200}", re.ASCII)
_TARGET: Final = "x-github-hook-installation-target-"


class HookLog:
    """Implements `engine.ports.DeliveryLog`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def since(self, moment: datetime) -> Sequence[DeliveryRecord]:
        """Every attempt since then, newest first, within `MAX_PAGES` pages."""
        found: list[DeliveryRecord] = []
        for page in self._pages():
            found += [_record(item) for item in page if item.delivered_at >= moment]
            if any(item.delivered_at < moment for item in page):
                break
        return found

    def content(self, record: DeliveryRecord) -> DeliveryContent:
        """What was sent. Raises HubRefused when GitHub keeps it no more."""
        path = at_root("app", "hook", "deliveries", record.id)
        found = read_answer(app_answers.HOOK_DELIVERY, self._api.ask_as_app(path), f"GET {path}")
        if found.guid != record.guid or found.event != record.event:
            raise HubUnavailable(f"GET {path}: GitHub answered with another delivery")
        if found.request.payload is None:
            raise HubRefused(f"GET {path}: GitHub shows no payload", 410)
        headers = {name.lower(): value for name, value in (found.request.headers or {}).items()}
        body = json.dumps(found.request.payload, separators=(",", ":"), ensure_ascii=False)
        return DeliveryContent(
            target_type=str(headers.get(f"{_TARGET}type", "")),
            target_id=str(headers.get(f"{_TARGET}id", "")),
            body=body.encode("utf-8", "surrogatepass"),
        )

    def _pages(self) -> Iterator[list[app_answers.HookDelivery]]:
        path = at_root("app", "hook", "deliveries")
        query: dict[str, str | int] = {"per_page": PER_PAGE}
        for _ in range(MAX_PAGES):
            reply = self._api.ask_as_app(path, query)
            yield read_answer(app_answers.HOOK_DELIVERIES, reply, f"GET {path}")
            cursor = _cursor_in(reply.headers.get("link", ""))
            if cursor is None or cursor == query.get("cursor"):
                return
            query["cursor"] = cursor


def _record(item: app_answers.HookDelivery) -> DeliveryRecord:
    return DeliveryRecord(item.id, item.guid, item.event, item.delivered_at, item.status == DELIVERED)


def _cursor_in(link: str) -> str | None:
    """The cursor that the address of the next page carries."""
    found = _NEXT.search(link)
    if found is None:
        return None
    try:
        cursor = parse_qs(urlsplit(found[1]).query).get("cursor", [""])[0]
    except ValueError:
        return None
    return cursor if _CURSOR.fullmatch(cursor) else None
