"""Every event that GitHub publishes, whole or mangled, gets 2xx or a clear 4xx and is understood or visibly ignored.

Payloads are generated from GitHub's published schemas, whose models are imported event by event: all of them take
longer than the tests. The default run takes one action of each event and every action of those that mean something
to us; `-m slow` takes them all.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import random
import uuid
from typing import Any, Final, get_args

import pytest
from githubkit_schemas.v2022_11_28 import webhooks
from polyfactory.factories.pydantic_factory import ModelFactory
from pydantic import BaseModel
from support.deliveries import RecordingStore, call, environ, receiver

from gate_app.engine.ports import Ignored
from gate_app.github.check_payloads import OURS
from gate_app.github.payloads import UNDERSTOOD, WebhookPayloads

OUR_APP: Final = 4711
MANGLED: Final = 15
"""Mutants of each payload."""


EVENTS: Final = sorted(
    module.name for module in pkgutil.iter_modules(webhooks.__path__) if module.name[0] != "_"
)


def published(event: str) -> dict[str | None, type[BaseModel]]:
    """Each action of an event (None for an event without) and the published model of its payload."""
    module = importlib.import_module(f"{webhooks.__name__}.{event}")
    actions = getattr(module, "action_types", None)
    if isinstance(actions, dict):
        return {action: _first(model) for action, model in actions.items()}
    return {None: module.Event}


def _first(model: Any) -> type[BaseModel]:
    """One of the shapes of a payload that has several."""
    return get_args(model)[0] if get_args(model) else model


USED: Final = {event for event, _ in (*UNDERSTOOD, *OURS)}


def payload(event: str, action: str | None) -> dict[str, Any]:
    """A payload of that event by the published schema, from an installation of ours."""
    model = published(event)[action]
    factory = ModelFactory.create_factory(model=model, __allow_none_optionals__=False, __use_defaults__=True)
    factory.seed_random(1)
    body: dict[str, Any] = json.loads(factory.build().model_dump_json(by_alias=True, exclude_unset=True))
    return body | {"installation": {"id": 7, "node_id": "x"}}


def mangled(body: dict[str, Any], chance: random.Random) -> bytes:
    """The body with one value somewhere replaced by something of another kind, or taken out."""
    copy = json.loads(json.dumps(body))
    place: Any = copy
    while True:
        key = chance.choice(list(place) if isinstance(place, dict) else list(range(len(place))))
        if isinstance(place[key], dict | list) and place[key] and chance.random() < 0.7:
            place = place[key]
            continue
        break
    if chance.random() < 0.3:
        del place[key]
    else:
        place[key] = chance.choice(
            [None, "", "x" * 300, -1, 2**70, 1.5, True, [], {}, {"login": 3}, "\u202e"]
        )
    return json.dumps(copy).encode()


def understood_or_ignored(payloads: WebhookPayloads, event: str, raw: bytes) -> bool:
    """Whether a stored delivery means something, is ignored with a reason, or is refused by name.

    What is refused is set aside after bounded tries, and shown; any other exception fails the test.
    """
    try:
        found = payloads.read(event, raw)
    except ValueError as refused:
        return str(refused).startswith("not a payload of")
    return not isinstance(found, Ignored) or bool(found.reason)


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_is_taken_in_and_understood_or_visibly_ignored(event: str) -> None:
    actions = list(published(event))
    for action in actions if event in USED else actions[:1]:
        take_in(event, action)


@pytest.mark.slow
@pytest.mark.parametrize("event", [event for event in EVENTS if event not in USED])
def test_every_action_of_an_event_that_means_nothing_to_us_is_ignored(event: str) -> None:
    for action in published(event):
        take_in(event, action)


def test_what_means_something_to_us_is_published() -> None:
    assert set(EVENTS) >= USED


def take_in(event: str, action: str | None) -> None:
    """Sends the payload and its mutants through the receiver, and reads what was stored."""
    chance = random.Random(f"{event}.{action}")  # noqa: S311 - repeatable mutants, no secret
    body = payload(event, action)
    texts = [json.dumps(body).encode(), *(mangled(body, chance) for _ in range(MANGLED))]
    payloads, store = WebhookPayloads(OUR_APP), RecordingStore()
    for raw in texts:
        headers = {
            "HTTP_X_GITHUB_EVENT": event,
            "HTTP_X_GITHUB_DELIVERY": str(uuid.UUID(int=chance.getrandbits(128))),
        }
        answer = call(receiver(store), environ(raw, **headers))
        assert 200 <= answer.status < 500, (answer, raw[:300])
        if answer.status >= 300:
            assert answer.code, "a refusal names its reason"
            continue
        assert understood_or_ignored(payloads, event, raw)
    assert store.deliveries, "the payload itself was stored"


def test_what_nobody_publishes_is_stored_and_ignored() -> None:
    store = RecordingStore()
    raw = json.dumps({"action": "invented", "installation": {"id": 7}}).encode()
    assert call(receiver(store), environ(raw, HTTP_X_GITHUB_EVENT="something_new")).status == 202
    found = WebhookPayloads(OUR_APP).read("something_new", raw)
    assert found == Ignored("not used: something_new.invented")
