"""Channels through Apprise: what reaches a service, and what a service that is slow, broken or absent does to us."""

from __future__ import annotations

import logging
import threading

import pytest
from support.chat import chat

from gate_app.domain.effects import Notify
from gate_app.notify.channels import AT_ONCE, NOT_TAKEN, UNUSABLE, AppriseChannels, told, usable

SECRET = "canary-in-an-address"
NEWS = Notify("ops", "question", "q", "acme/shop #12", "A person is asked.", "acme/shop/pull/12")


def sent(channels: AppriseChannels, news: Notify = NEWS) -> str:
    """What came of a message; fails when nothing is told about it."""
    answers: list[str] = []
    over = threading.Event()

    def done(why: str) -> None:
        answers.append(why)
        over.set()

    assert channels.send(news, done)
    assert over.wait(30)
    return answers[0]


def test_a_message_reaches_every_address_with_its_link() -> None:
    with chat() as one, chat() as other:
        channels = AppriseChannels(
            {"ops": (one.address(SECRET), other.address(SECRET))}, "https://github.example"
        )
        assert sent(channels) == ""
        for each in (one, other):
            (taken,) = each.taken
            assert taken["title"] == "acme/shop #12"
            assert taken["message"] == "A person is asked.\nhttps://github.example/acme/shop/pull/12"


def test_a_service_that_refuses_is_told_about_without_its_address(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with chat(500) as broken:
        assert (
            sent(AppriseChannels({"ops": (broken.address(SECRET),)}, "https://github.example")) == NOT_TAKEN
        )
    assert told([f"json://{SECRET}@127.0.0.1:1/"], "t", "b") == NOT_TAKEN, "nobody listens there"
    assert SECRET not in caplog.text


def test_an_address_that_is_none_is_said_to_be_none() -> None:
    assert told([f"nonsense://{SECRET}"], "t", "b") == UNUSABLE
    assert told([], "t", "b") == UNUSABLE
    assert sent(AppriseChannels({}, "https://github.example")) == UNUSABLE
    assert not usable([f"nonsense://{SECRET}"])
    assert usable(["json://127.0.0.1/"])
    assert not usable([])


def test_what_hangs_does_not_take_all_threads() -> None:
    hanging, release = AppriseChannels({}, "https://github.example"), threading.Event()
    started = [hanging.send(NEWS, lambda why: bool(release.wait(30))) for _ in range(AT_ONCE + 1)]
    release.set()
    assert started == [True] * AT_ONCE + [False]
    assert hanging.names == frozenset()
