"""Deliveries that we fetched go into the same table, by the same bounds, under the same ids."""

from __future__ import annotations

import pytest
from support.deliveries import NOW_MS, comment_body

from gate_app.intake.delivery import Delivery, Outcome, StoreUnavailableError
from gate_app.intake.fetched import FetchedIntake
from gate_app.trust.body import Provenance

GUID = "0b989ba4-242f-11e5-81e1-c7b6966d2516"
BODY = comment_body()


class Stored:
    """A store that takes each delivery id once."""

    def __init__(self) -> None:
        self.rows: list[Delivery] = []

    def submit(self, delivery: Delivery) -> Outcome:
        if any(row.delivery_id == delivery.delivery_id for row in self.rows):
            return Outcome.KNOWN
        self.rows.append(delivery)
        return Outcome.STORED


class Away:
    def submit(self, delivery: Delivery) -> Outcome:
        raise StoreUnavailableError("locked")


def admit(store: Stored | Away, *, guid: str = GUID, event: str = "issue_comment", body: bytes = BODY) -> str:
    intake = FetchedIntake(app_id=4711, store=store, now_ms=lambda: NOW_MS)
    return intake.admit(guid, event, "integration", "4711", body)


def test_a_fetched_delivery_becomes_the_row_that_a_webhook_would_have_become() -> None:
    store = Stored()
    assert [admit(store), admit(store)] == ["stored", "known"]
    (row,) = store.rows
    assert (row.delivery_id, row.event, row.action) == (GUID, "issue_comment", "created")
    assert (row.installation_id, row.repository_id, row.received_at) == (7, 42, NOW_MS)
    assert row.body == BODY
    assert row.provenance is Provenance.DELIVERIES_API


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        pytest.param({"event": "Issue Comment"}, "event_invalid", id="an event that is no name"),
        pytest.param({"guid": "x"}, "delivery_invalid", id="an id that is no id"),
        pytest.param({"body": b"[]"}, "json_not_object", id="a list"),
        pytest.param({"body": b"{"}, "json_invalid", id="half a text"),
        pytest.param({"body": b'{"a":"\\u0000"}'}, "json_nul", id="U+0000"),
    ],
)
def test_what_a_webhook_would_be_refused_for_is_refused_here_too(
    changed: dict[str, object], code: str
) -> None:
    store = Stored()
    assert admit(store, **changed) == code  # type: ignore[arg-type]  # the table names real arguments
    assert store.rows == []


def test_a_hook_of_somebody_else_is_refused() -> None:
    intake = FetchedIntake(app_id=4712, store=Stored(), now_ms=lambda: NOW_MS)
    assert intake.admit(GUID, "issue_comment", "integration", "4711", BODY) == "target_foreign"


def test_a_store_that_is_away_is_a_fault_and_no_refusal() -> None:
    with pytest.raises(StoreUnavailableError):
        admit(Away())
