"""Rate limits: what GitHub says is left, what of it is kept for decisions, and answers that cost nothing of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from support.github import NOON, REPOSITORY, Call, FakeClock, ScriptedGithub, comment, hub, pull, scripted

from gate_app.domain.effects import React
from gate_app.errors import HubUnavailable
from gate_app.github.budget import Budget, Urgency
from gate_app.github.line import Line
from gate_app.github.origin import Origin
from gate_app.github.revalidation import MAX_CHARS, MAX_KEPT, Revalidation
from gate_app.github.transport import Reply, Transport

COMMENT_PATH = "/repos/acme/shop/issues/comments/501"
COMMENTS = "/repos/acme/shop/issues/3/comments"
REACTIONS = f"{COMMENT_PATH}/reactions"
RESET = NOON + timedelta(minutes=20)


@pytest.fixture
def github() -> Iterator[ScriptedGithub]:
    with scripted() as github:
        yield github


def left(remaining: int, limit: int = 5_000, **other: str) -> dict[str, str]:
    """The headers of an answer after which so much is left until `RESET`."""
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": str(int(RESET.timestamp())),
        **{name.replace("_", "-"): value for name, value in other.items()},
    }


def test_below_a_fifth_what_can_wait_waits_and_decisions_go_on(github: ScriptedGithub) -> None:
    github.answers("GET", COMMENT_PATH, comment(), headers=left(999))
    github.answers("GET", COMMENTS, [])
    client = hub(github)
    client.comment_fingerprint(REPOSITORY, 501)
    with pytest.raises(HubUnavailable, match="kept for decisions") as fault:
        client.commands_since(REPOSITORY, 3, NOON)
    assert fault.value.retry_at == RESET
    client.comment_fingerprint(REPOSITORY, 501)
    github.clock.now = RESET
    assert client.commands_since(REPOSITORY, 3, NOON) == []


def test_at_a_fifth_everything_goes_on(github: ScriptedGithub) -> None:
    github.answers("GET", COMMENTS, [], headers=left(1_000))
    client = hub(github)
    for _ in range(2):
        assert client.commands_since(REPOSITORY, 3, NOON) == []


def test_case_198_when_nothing_is_left_nobody_asks_until_the_reset(github: ScriptedGithub) -> None:
    github.answers("GET", COMMENT_PATH, comment(), headers=left(0))
    client = hub(github)
    client.comment_fingerprint(REPOSITORY, 501)
    with pytest.raises(HubUnavailable) as fault:
        client.comment_fingerprint(REPOSITORY, 501)
    assert fault.value.retry_at == RESET
    assert len(github.calls) == 1
    github.clock.now = RESET
    client.comment_fingerprint(REPOSITORY, 501)


def test_each_installation_has_its_own_limit(github: ScriptedGithub) -> None:
    github.answers("GET", COMMENT_PATH, comment(), headers=left(0))
    client = hub(github)
    client.comment_fingerprint(REPOSITORY, 501)
    client.comment_fingerprint(replace(REPOSITORY, installation_id=6_161), 501)
    assert len(github.calls) == 2


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(left(0, X_RateLimit_Resource="search"), id="another resource"),
        pytest.param({"X-RateLimit-Remaining": "0"}, id="half of the headers"),
        pytest.param({**left(0), "X-RateLimit-Reset": "1"}, id="a reset that has passed"),
        pytest.param({}, id="no headers: a server without limits"),
    ],
)
def test_headers_that_say_nothing_hold_nobody_up(github: ScriptedGithub, headers: Mapping[str, str]) -> None:
    github.answers("GET", COMMENT_PATH, comment(), headers=headers)
    client = hub(github)
    for _ in range(2):
        client.comment_fingerprint(REPOSITORY, 501)


def test_a_reset_in_the_far_future_holds_nobody_up_for_more_than_an_hour() -> None:
    budget = Budget()
    headers = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "99999999999"}
    budget.note(7, Reply(200, headers, ""), NOON)
    with pytest.raises(HubUnavailable) as fault:
        budget.require(7, Urgency.DECISION, NOON)
    assert fault.value.retry_at == NOON + timedelta(hours=1)


def test_the_longer_of_two_waits_counts() -> None:
    budget = Budget()
    budget.close(7, NOON + timedelta(minutes=5))
    budget.close(7, NOON + timedelta(minutes=1))
    with pytest.raises(HubUnavailable) as fault:
        budget.require(7, Urgency.DECISION, NOON)
    assert fault.value.retry_at == NOON + timedelta(minutes=5)


# --- one write after the other ---


def test_nothing_throttles_itself(github: ScriptedGithub) -> None:
    github.answers("GET", COMMENT_PATH, comment())
    github.answers("POST", REACTIONS, {"id": 1}, status=201)
    client = hub(github)
    began = time.monotonic()
    for _ in range(5):
        client.comment_fingerprint(REPOSITORY, 501)
        client.react(REPOSITORY, React(501, "+1"))
    assert time.monotonic() - began < 3  # PyGithub's defaults would take seven seconds


def test_writes_of_an_installation_go_one_after_the_other(github: ScriptedGithub) -> None:
    github.answers("POST", REACTIONS, {"id": 1}, status=201)
    client = hub(github)
    at_work: list[Call] = []
    most: list[int] = []

    def slowly(call: Call) -> None:
        at_work.append(call)
        most.append(len(at_work))
        threading.Event().wait(0.02)
        at_work.remove(call)

    github.watcher = slowly
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(client.react, REPOSITORY, React(501, "+1")) for _ in range(8)]:
            done.result()
    assert most == [1] * 9  # eight writes and the minting of their token


def test_another_installation_does_not_wait_for_the_turn() -> None:
    line = Line(Transport(Origin.parse("https://api.github.com", "x")), FakeClock())
    with line.turn(5_151), line.turn(6_161):
        pass


# --- answers that GitHub confirms ---


def test_an_unchanged_answer_is_confirmed_and_costs_nothing(github: ScriptedGithub) -> None:
    github.answers("GET", COMMENT_PATH, comment(), headers={"ETag": '"one"'})
    github.answers("GET", COMMENT_PATH, "", status=304)
    client = hub(github)
    first, second = (client.comment_fingerprint(REPOSITORY, 501) for _ in range(2))
    assert first == second
    assert [call.headers.get("If-None-Match") for call in github.calls] == [None, '"one"']


def test_a_changed_answer_replaces_the_kept_one(github: ScriptedGithub) -> None:
    github.answers("GET", COMMENT_PATH, comment(), headers={"ETag": '"one"'})
    github.answers("GET", COMMENT_PATH, comment(body="/deny staging"), headers={"ETag": '"two"'})
    github.answers("GET", COMMENT_PATH, "", status=304)
    client = hub(github)
    first, second, third = (client.comment_fingerprint(REPOSITORY, 501) for _ in range(3))
    assert first != second == third
    assert github.calls[-1].headers["If-None-Match"] == '"two"'


def test_what_was_deleted_meanwhile_is_not_answered_from_memory(github: ScriptedGithub) -> None:
    github.answers("GET", COMMENT_PATH, comment(), headers={"ETag": '"one"'})
    github.answers("GET", COMMENT_PATH, {}, status=404)
    client = hub(github)
    client.comment_fingerprint(REPOSITORY, 501)
    assert client.comment_fingerprint(REPOSITORY, 501) == "deleted"
    assert client.comment_fingerprint(REPOSITORY, 501) == "deleted"


def test_case_147_an_answer_is_kept_for_its_installation_and_permissions_only(
    github: ScriptedGithub,
) -> None:
    github.answers("GET", COMMENT_PATH, comment(), headers={"ETag": '"one"'})
    client = hub(github)
    client.comment_fingerprint(REPOSITORY, 501)
    client.comment_fingerprint(replace(REPOSITORY, installation_id=6_161), 501)
    assert [call.headers.get("If-None-Match") for call in github.calls] == [None, None]


def test_a_write_is_never_conditional(github: ScriptedGithub) -> None:
    github.answers("GET", COMMENT_PATH, comment(), headers={"ETag": '"one"'})
    github.answers("POST", REACTIONS, {"id": 1}, status=201, headers={"ETag": '"w"'})
    client = hub(github)
    client.comment_fingerprint(REPOSITORY, 501)
    for _ in range(2):
        client.react(REPOSITORY, React(501, "+1"))
    assert not any("If-None-Match" in call.headers for call in github.calls)


def test_what_is_kept_is_bounded_in_number_and_size() -> None:
    kept = Revalidation()
    for number in range(MAX_KEPT + 1):
        kept.keep(number, Reply(200, {"etag": "x"}, "{}"))
    assert kept.reply(0) is None
    assert kept.reply(MAX_KEPT) is not None
    kept.keep("large", Reply(200, {"etag": "x"}, "x" * (MAX_CHARS + 1)))
    assert kept.reply("large") is None


def test_a_confirmation_without_a_kept_answer_is_no_answer(github: ScriptedGithub) -> None:
    github.answers("GET", "/repos/acme/shop/pulls/3", pull())
    github.answers("GET", COMMENT_PATH, "", status=304)
    with pytest.raises(HubUnavailable):
        hub(github).comment_fingerprint(REPOSITORY, 501)
