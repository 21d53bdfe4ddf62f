"""Deliveries that did not reach us are found, once, oldest first, and a look is bounded."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

import pytest
from support.github import NOON, FakeClock

from gate_app.engine.deliveries import (
    LOOK_BACK,
    MAX_FETCHED,
    OVERLAP,
    Fetching,
    all_of,
    undelivered_of,
)
from gate_app.engine.ports import DeliveryContent, DeliveryRecord, Store
from gate_app.errors import HubRefused, HubUnavailable


@dataclass
class Hook:
    """A log of deliveries; `gone` are no longer kept, `down` answers nothing."""

    listed: list[DeliveryRecord] = field(default_factory=list)
    gone: set[int] = field(default_factory=set)
    down: bool = False
    asked_since: list[datetime] = field(default_factory=list)
    fetched: list[int] = field(default_factory=list)

    def since(self, moment: datetime) -> Sequence[DeliveryRecord]:
        if self.down:
            raise HubUnavailable("down")
        self.asked_since.append(moment)
        newest_first = sorted(self.listed, key=lambda record: -record.id)
        return [record for record in newest_first if record.delivered_at >= moment]

    def content(self, record: DeliveryRecord) -> DeliveryContent:
        self.fetched.append(record.id)
        if record.id in self.gone:
            raise HubRefused("gone", 404)
        return DeliveryContent("integration", "1", b"{}")


@dataclass
class Inbox:
    """The store, as far as it is asked here, and the intake's door."""

    guids: list[str] = field(default_factory=list)
    refusing: set[str] = field(default_factory=set)

    def known_deliveries(self, guids: Sequence[str]) -> Collection[str]:
        return set(self.guids) & set(guids)

    def admit(self, delivery_id: str, event: str, target_type: str, target_id: str, body: bytes) -> str:
        if delivery_id in self.refusing:
            return "json_invalid"
        self.guids.append(delivery_id)
        return "stored"


@dataclass
class Scene:
    hook: Hook = field(default_factory=Hook)
    inbox: Inbox = field(default_factory=Inbox)
    clock: FakeClock = field(default_factory=FakeClock)

    def fetching(self, *, polling: bool) -> Fetching:
        wanted = all_of if polling else undelivered_of
        return Fetching(self.hook, cast(Store, self.inbox), self.inbox, self.clock, wanted)


def attempt(
    number: int, guid: str | None = None, *, delivered: bool = False, hours: int = 0
) -> DeliveryRecord:
    at = NOON - timedelta(hours=hours) + timedelta(milliseconds=number)
    return DeliveryRecord(number, guid or f"guid-{number}", "push", at, delivered)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_case_195_a_delivery_that_failed_is_fetched_and_one_that_arrived_is_not(scene: Scene) -> None:
    scene.hook.listed = [attempt(1), attempt(2, delivered=True), attempt(3)]
    scene.fetching(polling=False)()
    assert scene.inbox.guids == ["guid-1", "guid-3"]


def test_when_nothing_is_sent_to_us_everything_is_fetched_oldest_first(scene: Scene) -> None:
    scene.hook.listed = [attempt(2, delivered=True), attempt(1, delivered=True), attempt(3)]
    scene.fetching(polling=True)()
    assert scene.inbox.guids == ["guid-1", "guid-2", "guid-3"]


def test_case_010_what_is_stored_is_not_fetched_again(scene: Scene) -> None:
    scene.hook.listed = [attempt(1), attempt(2)]
    scene.inbox.guids = ["guid-1"]
    look = scene.fetching(polling=False)
    look()
    look()
    assert scene.hook.fetched == [2]


def test_several_attempts_of_one_delivery_are_one(scene: Scene) -> None:
    scene.hook.listed = [attempt(1, "g"), attempt(2, "g"), attempt(3, "h"), attempt(4, "h", delivered=True)]
    scene.fetching(polling=False)()
    assert scene.inbox.guids == ["g"]


def test_a_delivery_that_github_keeps_no_more_or_that_is_refused_is_left_and_the_others_are_not(
    scene: Scene,
) -> None:
    scene.hook.listed = [attempt(1), attempt(2), attempt(3)]
    scene.hook.gone = {1}
    scene.inbox.refusing = {"guid-2"}
    look = scene.fetching(polling=False)
    look()
    look()
    assert scene.inbox.guids == ["guid-3"]
    assert scene.hook.fetched == [1, 2, 3]


def test_the_first_look_goes_back_three_days_and_later_ones_overlap_a_little(scene: Scene) -> None:
    scene.hook.listed = [attempt(1, hours=73), attempt(2, hours=71)]
    look = scene.fetching(polling=False)
    look()
    scene.clock.passes(timedelta(hours=1))
    look()
    assert scene.inbox.guids == ["guid-2"]
    assert scene.hook.asked_since == [NOON - LOOK_BACK, NOON - OVERLAP]


def test_a_look_is_bounded_and_the_next_one_goes_on(scene: Scene) -> None:
    scene.hook.listed = [attempt(number) for number in range(1, MAX_FETCHED + 3)]
    look = scene.fetching(polling=True)
    look()
    assert len(scene.inbox.guids) == MAX_FETCHED
    look()
    assert scene.inbox.guids == [f"guid-{number}" for number in range(1, MAX_FETCHED + 3)]
    assert scene.hook.asked_since == [NOON - LOOK_BACK] * 2


def test_while_github_is_away_nothing_is_forgotten(scene: Scene) -> None:
    scene.hook.listed = [attempt(1)]
    scene.hook.down = True
    look = scene.fetching(polling=True)
    look()
    scene.clock.passes(timedelta(hours=2))
    scene.hook.down = False
    look()
    assert scene.inbox.guids == ["guid-1"]


def test_a_machine_that_slept_for_a_week_looks_back_three_days(scene: Scene) -> None:
    look = scene.fetching(polling=True)
    look()
    scene.clock.passes(timedelta(days=7))
    look()
    assert scene.hook.asked_since[-1] == scene.clock() - LOOK_BACK


def test_a_github_that_stays_away_is_told_once(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    look = scene.fetching(polling=True)
    for down in (True, True, True, False, True):
        scene.hook.down = down
        look()
    assert [record.getMessage() for record in caplog.records] == [
        "deliveries could not be looked for: down"
    ] * 2
