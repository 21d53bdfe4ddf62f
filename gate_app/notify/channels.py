"""The operator's channels: one short message to the addresses that stand behind a name.

Rules of the file: addresses are secrets, so nothing of them is in a text, a log or an exception that leaves this file;
sending is work for a thread of its own, because whatever stands behind an address may hang; nobody waits for it, and no
more than `AT_ONCE` are under way; Apprise is imported by the first message, not by the start of the program.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from gate_app.domain.effects import Notify

AT_ONCE: Final = 8
"""How many messages are under way at once; one that hangs keeps its place for good."""
UNUSABLE: Final = "an address of the channel cannot be used"
NOT_TAKEN: Final = "the channel did not take the message"

logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # what it logs names hosts and people


class AppriseChannels:
    """Channels by name, each with one address of Apprise or more (https://github.com/caronc/apprise/wiki)."""

    def __init__(self, addresses: Mapping[str, Sequence[str]], pages: str) -> None:
        """`pages` is where GitHub's pages are, without a closing slash."""
        self._addresses, self._pages = addresses, pages
        self._places = threading.BoundedSemaphore(AT_ONCE)

    @property
    def names(self) -> Collection[str]:
        return frozenset(self._addresses)

    def send(self, wanted: Notify, done: Callable[[str], None]) -> bool:
        """Begins to send. See `ports.Channels`."""
        if not self._places.acquire(blocking=False):
            return False
        threading.Thread(target=self._send, args=(wanted, done), name="notify", daemon=True).start()
        return True

    def _send(self, wanted: Notify, done: Callable[[str], None]) -> None:
        try:
            body = f"{wanted.text}\n{self._pages}/{wanted.page}"
            done(told(self._addresses.get(wanted.channel, ()), wanted.title, body))
        finally:
            self._places.release()


def told(addresses: Sequence[str], title: str, body: str) -> str:
    """Tells all addresses of a channel; empty, or why not all of them were told."""
    try:
        from apprise import Apprise, AppriseAsset, NotifyFormat

        channel = Apprise(asset=AppriseAsset(app_id="Gate App", async_mode=False, secure_logging=True))
        if not addresses or not all(channel.add(address) for address in addresses):
            return UNUSABLE
        taken = channel.notify(body=body, title=title, body_format=NotifyFormat.TEXT)
    except Exception as fault:  # whatever a plugin for a service raises; its text may name the address
        return f"{NOT_TAKEN} ({type(fault).__name__})"
    return "" if taken else NOT_TAKEN


def usable(addresses: Sequence[str]) -> bool:
    """Whether Apprise understands every address; nothing is sent."""
    from apprise import Apprise

    return bool(addresses) and all(Apprise().add(address) for address in addresses)
