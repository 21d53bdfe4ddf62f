"""The App's deliveries API: pages by cursor, payloads as GitHub parsed them, and nothing believed beyond that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from support.github import APP_ID, NOON, SINKHOLE, ScriptedGithub, hub, scripted

from gate_app.engine.ports import DeliveryLog, DeliveryRecord
from gate_app.errors import HubRefused, HubUnavailable
from gate_app.github.deliveries import MAX_PAGES

LIST = "/app/hook/deliveries"
GUID = "0b989ba4-242f-11e5-81e1-c7b6966d2516"
RECORD = DeliveryRecord(77, GUID, "issue_comment", NOON, delivered=False)


@pytest.fixture
def github() -> Iterator[ScriptedGithub]:
    with scripted() as github:
        yield github


def item(number: int = 77, minutes: int = 0, **changed: object) -> dict[str, object]:
    """A delivery as listed, so many minutes before noon."""
    at = (NOON - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    known: dict[str, object] = {
        "id": number,
        "guid": GUID,
        "delivered_at": at,
        "redelivery": False,
        "duration": 0.03,
        "status": "OK",
        "status_code": 202,
        "event": "issue_comment",
        "action": "created",
        "installation_id": 5151,
        "repository_id": 71,
        "throttled_at": None,
    }
    return {**known, **changed}


def content(**changed: object) -> dict[str, object]:
    """A delivery by itself."""
    headers = {
        "X-GitHub-Delivery": GUID,
        "X-GitHub-Hook-Installation-Target-Type": "integration",
        "X-GitHub-Hook-Installation-Target-ID": str(APP_ID),
    }
    request = {"headers": headers, "payload": {"action": "created", "text": "Grüße 😀"}}
    return {**item(), "url": SINKHOLE, "request": request, "response": {}, **changed}


def after(cursor: str) -> dict[str, str]:
    return {"Link": f'<{SINKHOLE}?per_page=100&cursor={cursor}>; rel="next"'}


def test_the_client_has_a_log_of_deliveries(github: ScriptedGithub) -> None:
    log: DeliveryLog = hub(github).hook
    assert log


def test_the_pages_are_read_by_cursor_and_the_address_of_the_next_one_is_never_used(
    github: ScriptedGithub,
) -> None:
    github.answers("GET", LIST, [item(3), item(2, 5)], headers=after("v1_2"))
    github.answers("GET", LIST, [item(1, 10)])
    found = hub(github).hook.since(NOON - timedelta(hours=1))
    assert [record.id for record in found] == [3, 2, 1]
    assert [call.query for call in github.calls] == [
        {"per_page": "100"},
        {"per_page": "100", "cursor": "v1_2"},
    ]
    assert all(call.headers["Authorization"].startswith("Bearer ey") for call in github.calls)
    assert github.mints == []


def test_nothing_is_read_beyond_the_asked_time(github: ScriptedGithub) -> None:
    github.answers("GET", LIST, [item(3), item(2, 61)], headers=after("v1_2"))
    found = hub(github).hook.since(NOON - timedelta(hours=1))
    assert [record.id for record in found] == [3]
    assert len(github.calls) == 1


@pytest.mark.parametrize(
    ("status", "delivered"), [("OK", True), ("Invalid HTTP Response: 503", False), ("timed out", False)]
)
def test_only_ok_is_delivered(github: ScriptedGithub, status: str, delivered: bool) -> None:
    github.answers("GET", LIST, [item(status=status)])
    (found,) = hub(github).hook.since(NOON)
    assert found.delivered is delivered


def test_a_log_without_an_end_is_left_after_so_many_pages(github: ScriptedGithub) -> None:
    for number in range(MAX_PAGES + 5):
        github.answers("GET", LIST, [item(number + 1)], headers=after(f"v1_{number}"))
    assert len(hub(github).hook.since(NOON)) == MAX_PAGES


@pytest.mark.parametrize("cursor", ["", "a b", "x" * 201, "%0d%0aX:1"])
def test_a_cursor_that_is_none_ends_the_list(github: ScriptedGithub, cursor: str) -> None:
    github.answers("GET", LIST, [item()], headers=after(cursor))
    assert len(hub(github).hook.since(NOON)) == 1
    assert len(github.calls) == 1


def test_a_cursor_that_repeats_ends_the_list(github: ScriptedGithub) -> None:
    github.answers("GET", LIST, [item()], headers=after("v1_1"))
    assert len(hub(github).hook.since(NOON)) == 2


def test_a_payload_means_what_was_sent(github: ScriptedGithub) -> None:
    github.answers("GET", f"{LIST}/77", content())
    found = hub(github).hook.content(RECORD)
    assert (found.target_type, found.target_id) == ("integration", str(APP_ID))
    assert json.loads(found.body) == {"action": "created", "text": "Grüße 😀"}


def test_a_record_without_headers_names_no_target(github: ScriptedGithub) -> None:
    github.answers("GET", f"{LIST}/77", content(request={"headers": None, "payload": {}}))
    found = hub(github).hook.content(RECORD)
    assert (found.target_type, found.target_id) == ("", "")


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        pytest.param({"guid": "other"}, HubUnavailable, id="another delivery"),
        pytest.param({"event": "push"}, HubUnavailable, id="another event"),
        pytest.param({"request": {"headers": {}, "payload": None}}, HubRefused, id="kept no more"),
        pytest.param({"request": {"headers": {}, "payload": "text"}}, HubUnavailable, id="no object"),
        pytest.param({"request": None}, HubUnavailable, id="no request"),
    ],
)
def test_what_is_not_the_asked_delivery_is_a_fault(
    github: ScriptedGithub, changed: dict[str, object], fault: type[Exception]
) -> None:
    github.answers("GET", f"{LIST}/77", content(**changed))
    with pytest.raises(fault):
        hub(github).hook.content(RECORD)


def test_looking_for_deliveries_leaves_the_reserve_to_decisions(github: ScriptedGithub) -> None:
    reset = str(int((NOON + timedelta(minutes=5)).timestamp()))
    little = {"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "900", "X-RateLimit-Reset": reset}
    github.answers("GET", LIST, [], headers=little)
    client = hub(github)
    client.hook.since(NOON)
    with pytest.raises(HubUnavailable, match="kept for decisions"):
        client.hook.since(NOON)
