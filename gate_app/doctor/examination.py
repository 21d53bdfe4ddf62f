"""The order of looking: settings, this machine, the App, where it is installed.

Rules of the file: what fails is a finding and the next thing is looked at, unless it rests on what failed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final

from gate_app.doctor import app, machine, repositories
from gate_app.doctor.finding import Finding, Grade, ok, wrong
from gate_app.engine.ports import Clock, DeliveryRecord, PolicyReader
from gate_app.errors import ConfigurationFault, GateFault, HubRefused, HubUnavailable
from gate_app.github.client import GithubHub
from gate_app.settings import Settings
from gate_app.store.database import open_engine
from gate_app.store.repository import SqlStore

_REACH: Final = "can this machine reach it, and is GATE_GITHUB_API_URL right?"


def refused_settings(fault: ConfigurationFault) -> Iterator[Finding]:
    """Settings that cannot be used: nothing else can be looked at."""
    for line in str(fault).splitlines():
        text, _, mend = line.partition(": ")
        yield wrong("settings", text, mend)


def examine(
    settings: Settings, hub: GithubHub, read_policy: PolicyReader, search_path: str, now: Clock
) -> Iterator[Finding]:
    """Everything that a running app rests on, finding by finding."""
    yield ok("settings", "can be used, and so can the private key")
    yield from machine.home(settings)
    yield from machine.database(settings)
    yield from machine.isolation(settings, search_path)
    yield from machine.channels(settings)
    try:
        met = hub.inspection.greet()
    except HubUnavailable as fault:
        yield wrong("github", f"{settings.api_url}: {fault}", _REACH)
        return
    yield from app.greeting(met, settings, now())
    if met.app is None or met.app.id != settings.app_id:
        return
    mend = "grant it in the App's settings, then accept it where the App is installed"
    yield from app.permissions(met.app.permissions, "the App", mend)
    yield from app.superfluous(met.app.permissions)
    yield from app.events(met.app.events)
    yield from _guarded("webhook", lambda: app.webhook(hub.inspection.webhook(), settings.base_url))
    yield from _guarded("deliveries", lambda: _deliveries(settings, hub, now))
    yield from _guarded(
        "installations", lambda: repositories.installations(hub, read_policy, settings.channels)
    )


def _deliveries(settings: Settings, hub: GithubHub, now: Clock) -> Iterator[Finding]:
    recent = hub.hook.since(now() - app.LOOK_BACK)
    return app.deliveries(recent, _stored(settings, recent))


def _stored(settings: Settings, recent: Sequence[DeliveryRecord]) -> Collection[str]:
    """The deliveries that we have; none when the database cannot be read, which is a finding of its own."""
    if any(found.grade is Grade.WRONG for found in machine.database(settings)):
        return ()
    engine = open_engine(settings.database_url)
    try:
        return SqlStore(engine).known_deliveries([record.guid for record in recent])
    except GateFault:
        return ()
    finally:
        engine.dispose()


def _guarded(topic: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except (HubUnavailable, HubRefused) as fault:
        yield wrong(topic, f"could not be looked at: {fault}", "mend that, then run gate-app doctor again")
