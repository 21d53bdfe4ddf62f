"""The App at GitHub: whether it is believed, what it may and hears, and what became of its deliveries."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from gate_app.doctor.finding import Finding, ok, warn, wrong
from gate_app.engine.deliveries import undelivered_of
from gate_app.engine.ports import DeliveryRecord
from gate_app.github.inspection import Greeting, Hook
from gate_app.github.manifest import HOOK_PATH, NOWHERE
from gate_app.github.payloads import essential_events, work_events
from gate_app.github.permissions import OPTIONAL, needed
from gate_app.settings import Settings

LOOK_BACK: Final = timedelta(days=3)
"""As long as GitHub keeps deliveries."""
TOLERATED: Final = timedelta(seconds=20)
REFUSED_BEYOND: Final = timedelta(seconds=60)
"""The App's word is issued a minute in the past; a clock that is further ahead is refused."""
_WRITES: Final = ("write", "admin")


def greeting(met: Greeting, settings: Settings, now: datetime) -> Iterator[Finding]:
    """Whether GitHub believes us, and whether our clock is GitHub's."""
    yield from _clock(met.date, now)
    if met.app is None and met.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        yield wrong("app", f"GitHub answers {met.status}", "is GitHub well? Run gate-app doctor again")
    elif met.app is None:
        mend = "check GATE_APP_ID and the key, which must be one of this App's, and the clock"
        yield wrong("app", f"GitHub refuses the App's word ({met.status})", mend)
    elif met.app.id != settings.app_id:
        mend = "set GATE_APP_ID to it, or use the other App's key"
        yield wrong("app", f"the key belongs to App {met.app.id} ({met.app.name})", mend)
    else:
        yield ok("app", f"{met.app.name} ({met.app.slug or 'no slug told'}, id {met.app.id}) is believed")


def _clock(date: datetime | None, now: datetime) -> Iterator[Finding]:
    if date is None:
        yield warn("clock", "GitHub did not tell the time", "compare this machine's clock yourself")
        return
    ahead = now - date
    seconds = round(ahead.total_seconds())
    if abs(ahead) <= TOLERATED:
        yield ok("clock", f"within {TOLERATED.seconds} s of GitHub's")
    elif abs(ahead) <= REFUSED_BEYOND:
        yield warn("clock", f"{seconds:+d} s from GitHub's", "let NTP set it")
    else:
        yield wrong("clock", f"{seconds:+d} s from GitHub's: the App's word is refused", "let NTP set it")


def permissions(granted: Mapping[str, str], whose: str, mend: str) -> Iterator[Finding]:
    """What is granted, against what the calls need (docs/permissions.md)."""
    lacking = {name: level for name, level in needed().items() if not _covers(granted.get(name), level)}
    for name, level in lacking.items():
        if name in OPTIONAL:
            yield warn("permissions", f"{whose} lacks {name}: {level}; {OPTIONAL[name]}", mend)
        else:
            yield wrong("permissions", f"{whose} lacks {name}: {level}; every gate stays closed", mend)
    if not lacking:
        yield ok("permissions", f"{whose} has what is needed")


def superfluous(granted: Mapping[str, str]) -> Iterator[Finding]:
    """Writing that no call of ours does: a stolen key could."""
    wanted = needed()
    for name, level in sorted(granted.items()):
        if level in _WRITES and not _covers(wanted.get(name), "write"):
            yield warn("permissions", f"the App has {name}: {level}, which is never used", "take it away")


def events(subscribed: Collection[str]) -> Iterator[Finding]:
    """What the App hears of."""
    mend = "subscribe in the App's settings, under Permissions & events"
    missing, late = sorted(essential_events() - set(subscribed)), sorted(work_events() - set(subscribed))
    if missing:
        text = f"not subscribed to {', '.join(missing)}: what happens is noticed late or never"
        yield wrong("events", text, mend)
    if late:
        text = f"not subscribed to {', '.join(late)}: stages that wait for checks of others notice them late"
        yield warn("events", text, mend)
    if not missing and not late:
        yield ok("events", "subscribed to all that are used")


def webhook(hook: Hook | None, base_url: str) -> Iterator[Finding]:
    """Where GitHub sends deliveries."""
    mend = "correct it in the App's settings, under Webhook"
    if hook is None:
        yield wrong("webhook", "the App has no webhook: GitHub tells nobody of anything", mend)
        return
    wanted = f"{base_url}{HOOK_PATH}"
    if not base_url and hook.url == f"{NOWHERE}{HOOK_PATH}":
        yield ok("webhook", "goes nowhere: run gate-app serve --poll, which reads deliveries from GitHub")
    elif not base_url:
        yield warn("webhook", f"goes to {hook.url}; whether that is here is not known", "set GATE_BASE_URL")
    elif hook.url.rstrip("/") != wanted:
        yield wrong("webhook", f"goes to {hook.url}, not to {wanted}", mend)
    else:
        yield ok("webhook", f"goes to {hook.url}")
    if hook.content_type != "json":
        yield wrong("webhook", "its content type is not application/json: every delivery is refused", mend)
    if not hook.secret:
        yield wrong("webhook", "it has no secret: every delivery is refused", mend)
    if not hook.verifies_tls:
        yield warn("webhook", "GitHub does not verify our certificate", "switch SSL verification on")


def deliveries(recent: Sequence[DeliveryRecord], stored: Collection[str]) -> Iterator[Finding]:
    """What became of what GitHub sent in the last days. `stored` are ids of those that we have all the same."""
    if not recent:
        mend = "open a pull request somewhere the App is installed, then look at the App's Advanced page"
        yield warn("deliveries", "GitHub sent none in three days", mend)
        return
    failed = {record.guid for record in undelivered_of(recent)}
    lost = failed - set(stored)
    total = len({record.guid for record in recent})
    if lost:
        mend = "gate-app serve fetches them; if new ones keep failing, see the App's Advanced page for why"
        yield warn("deliveries", f"{len(lost)} of {total} did not arrive and are not fetched yet", mend)
    elif failed:
        yield ok("deliveries", f"{total} in three days; {len(failed)} failed and were fetched since")
    else:
        yield ok("deliveries", f"{total} in three days, all arrived")


def _covers(granted: str | None, wanted: str) -> bool:
    return granted in _WRITES or (granted == "read" and wanted == "read")
