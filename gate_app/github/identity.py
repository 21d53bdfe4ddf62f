"""Who we are, as GitHub shows it: the App, and by what its own work is known again.

Rules of the file: a person acting through our App is still that person (case 169). GitHub is asked about the App
only when something would otherwise stay in doubt, and remembered for minutes, because an App can be renamed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from gate_app.engine.ports import Clock
from gate_app.errors import HubRefused, HubUnavailable
from gate_app.github import app_answers
from gate_app.github.answers import read_answer
from gate_app.github.api import Api
from gate_app.github.fields import Account, App
from gate_app.github.origin import at_root

REMEMBERED: Final = timedelta(minutes=10)


class AppIdentity:
    """By what we know our own work: the App, else its bot's account.

    The account is known by its id where the operator gave it. Else by its login, `SLUG[bot]`: nobody else can have
    a login that ends like this, and GitHub gives it to the App of that slug.
    """

    def __init__(self, app_id: int, bot_id: int | None, slug: Callable[[], str]) -> None:
        self.app_id = app_id
        self._bot_id = bot_id
        self._slug = slug

    def made(self, account: Account | None, app: App | None) -> bool:
        """Whether our bot made it. May ask GitHub who we are, and raises HubUnavailable when that is unknown."""
        if account is None:
            return False
        if account.id == self._bot_id:
            return True
        if account.type != "Bot":
            return False
        if app is not None:
            return app.id == self.app_id
        return self._bot_id is None and account.login == f"{self._slug()}[bot]"


class AppSelf:
    """What GitHub says about the App itself (`GET /app`), remembered for a while. Safe to share."""

    def __init__(self, api: Api, app_id: int, clock: Clock) -> None:
        self._api = api
        self._app_id = app_id
        self._clock = clock
        self._guard = threading.Lock()
        self._known: tuple[app_answers.AppDescription, datetime] | None = None

    def description(self) -> app_answers.AppDescription:
        """The App. Raises HubUnavailable, also when the key belongs to another App than the settings say."""
        with self._guard:
            now = self._clock()
            if self._known is None or self._known[1] + REMEMBERED <= now:
                self._known = (self._read(), now)
            return self._known[0]

    def slug(self) -> str:
        """The name in the App's addresses and in the login of its bot."""
        slug = self.description().slug
        if slug is None:
            raise HubUnavailable("GitHub does not tell the App's slug; set GATE_BOT_ID")
        return slug

    def _read(self) -> app_answers.AppDescription:
        try:
            reply = self._api.ask_as_app(at_root("app"))
        except HubRefused as refused:
            raise HubUnavailable(f"GitHub does not say who we are ({refused.status})") from None
        found = read_answer(app_answers.APP_DESCRIPTION, reply, "GET /app")
        if found.id != self._app_id:
            raise HubUnavailable(f"the key belongs to App {found.id}; correct GATE_APP_ID or the key")
        return found
