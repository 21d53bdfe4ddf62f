"""The events that an App subscribes to are those that are understood, wherever they are written down."""

from __future__ import annotations

import re
from pathlib import Path

from gate_app.doctor import app
from gate_app.doctor.finding import Grade
from gate_app.github.payloads import subscribed_events
from gate_app.standin.apps import DEFAULT_EVENTS

ROOT = Path(__file__).parents[2]


def test_the_apps_of_the_stand_in_hear_of_everything_that_is_understood() -> None:
    assert set(DEFAULT_EVENTS) == subscribed_events()


def test_the_events_to_subscribe_to_are_documented() -> None:
    page = (ROOT / "docs/webhooks.md").read_text()
    section = page.split("### Events to subscribe to")[1].split("\n#")[0]
    assert set(re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE)) == subscribed_events()


def test_the_doctor_misses_each_of_them_and_no_other() -> None:
    assert [finding.grade for finding in app.events(subscribed_events())] == [Grade.OK]
    for event in subscribed_events():
        (finding,) = app.events(subscribed_events() - {event})
        assert event in finding.text
