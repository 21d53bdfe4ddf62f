"""Who we are to GitHub: the App's signed word, and installation tokens minted from it.

Rules of the file:

* A token is for one installation, one repository and one set of permissions; that triple is its key in the
  cache, so it cannot be mistaken for another's (cases 146, 147).
* Nobody is shown a token: no repr, log or fault carries one (case 218).
* At most one minting per key at a time; a token is renewed five minutes before its end (github-facts,
  section 7: PyGithub's own client mints several at once and cannot narrow to a repository).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from github.Auth import AppAuthToken

from gate_app.domain.model import Repository
from gate_app.engine.ports import Clock
from gate_app.errors import HubRefused, HubUnavailable
from gate_app.failpoints import hit
from gate_app.github.answers import MINTED, NamedRepository, read_answer
from gate_app.github.budget import THE_APP
from gate_app.github.key import AppKey
from gate_app.github.line import Caller, Line, Question
from gate_app.github.origin import at_root
from gate_app.github.permissions import LIST_REPOSITORIES, Permissions, spoken

RENEW_BEFORE: Final = timedelta(minutes=5)
TOKEN_LIFE: Final = timedelta(hours=1)
"""What GitHub grants at most; a longer promise is not believed."""
NAME_KEPT: Final = timedelta(minutes=5)
"""How long it is remembered which repository has a name, or that none has."""
MAX_CACHED: Final = 5_000
"""Tokens kept in one process; beyond it the ones that end first go."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a token is for. Two scopes share a token only if they are equal.

    Without a repository it reaches all of the installation: only for asking which repositories there are.
    """

    installation_id: int
    repository_id: int | None
    permissions: Permissions


def scope_of(repository: Repository, permissions: Permissions) -> Scope:
    """What a call about one repository needs."""
    return Scope(repository.installation_id, repository.id, permissions)


@dataclass(frozen=True, slots=True)
class InstallationToken:
    """A token, until when it is good, and the name that its repository has now, when GitHub said so."""

    value: str = field(repr=False)
    expires_at: datetime
    full_name: str | None = None


class AppTokens:
    """Mints installation tokens as the App. `issuer` is the App's client id or its id."""

    def __init__(self, line: Line, issuer: str, key: AppKey, clock: Clock) -> None:
        self._line = line
        self._issuer = issuer
        self._key = key
        self._clock = clock
        self._named: dict[tuple[int, str], tuple[datetime, NamedRepository | None]] = {}

    def mint(self, scope: Scope) -> InstallationToken:
        """A fresh token. Raises HubRefused(403) when the App may not, HubUnavailable when none is known."""
        now = self._clock()
        path = at_root("app", "installations", scope.installation_id, "access_tokens")
        wanted: dict[str, object] = {"permissions": dict(scope.permissions)}
        if scope.repository_id is not None:
            wanted["repository_ids"] = [scope.repository_id]
        caller = Caller(THE_APP)
        hit("mint_token.before")
        reply = self._line.exchange(caller, self.word(), Question("POST", path.below(""), body=wanted))
        hit("mint_token.after")
        if not 200 <= reply.status < 300:
            raise _not_minted(self._line.fault(caller, reply, f"POST {path}", scope.permissions), scope)
        minted = read_answer(MINTED, reply, f"POST {path}")
        repositories = minted.repositories or ()
        if scope.repository_id and any(each.id != scope.repository_id for each in repositories):
            raise HubUnavailable(f"POST {path}: the token is for another repository")
        if minted.expires_at <= now:
            raise HubUnavailable(f"POST {path}: the token has ended already; check the clock")
        full_name = repositories[0].full_name if repositories else None
        return InstallationToken(minted.token, min(minted.expires_at, now + TOKEN_LIFE), full_name)

    def named(self, installation_id: int, name: str) -> NamedRepository | None:
        """The repository of that name, None where the App is not installed on one; remembered for a while."""
        key, now = (installation_id, name), self._clock()
        known = self._named.get(key)
        if known is None or now - known[0] >= NAME_KEPT:
            known = self._named[key] = (now, self._look_up(installation_id, name))
        return known[1]

    def _look_up(self, installation_id: int, name: str) -> NamedRepository | None:
        """Asks for a token for it that may do nothing: GitHub refuses it with 422 where there is none (docs: apps)."""
        path = at_root("app", "installations", installation_id, "access_tokens")
        wanted: dict[str, object] = {"permissions": dict(LIST_REPOSITORIES), "repositories": [name]}
        caller = Caller(THE_APP)
        reply = self._line.exchange(caller, self.word(), Question("POST", path.below(""), body=wanted))
        if reply.status == 422:
            return None
        if not 200 <= reply.status < 300:
            raise self._line.fault(caller, reply, f"POST {path}", LIST_REPOSITORIES)
        found = read_answer(MINTED, reply, f"POST {path}").repositories or []
        if [each.full_name.partition("/")[2].lower() for each in found] != [name.lower()]:
            raise HubUnavailable(f"POST {path}: the token is for another repository")
        return found[0]

    def word(self) -> AppAuthToken:
        """The App's own signed word, for one call that no installation makes."""
        return AppAuthToken(self._key.signed(self._issuer, self._clock()))


def _not_minted(fault: HubUnavailable | HubRefused, scope: Scope) -> HubUnavailable | HubRefused:
    """A refused token is always a 403: its own 404 must not be taken for that of a comment or a login."""
    if isinstance(fault, HubUnavailable):
        return fault
    needed = spoken(scope.permissions)
    told = f"no token for the repository ({fault.status}): is the App installed there, with {needed}?"
    return HubRefused(told, 403)


@dataclass(slots=True)
class _Slot:
    """One scope's place in the cache; whoever holds `minting` asks GitHub, the others wait for it."""

    minting: threading.Lock = field(default_factory=threading.Lock)
    token: InstallationToken | None = None


class TokenCache:
    """The tokens of this process, by scope. Safe to share between threads."""

    def __init__(self, mint: Callable[[Scope], InstallationToken], clock: Clock) -> None:
        self._mint = mint
        self._clock = clock
        self._slots: dict[Scope, _Slot] = {}
        self._guard = threading.Lock()

    def token(self, scope: Scope) -> InstallationToken:
        """A token for exactly this, cached or fresh."""
        slot = self._slot(scope)
        with slot.minting:
            if slot.token is None or self._is_ending(slot.token):
                slot.token = None
                slot.token = self._mint(scope)
            return slot.token

    def drop(self, scope: Scope, refused: InstallationToken) -> None:
        """Forgets a token that GitHub refused, unless another thread has replaced it already (case 148)."""
        slot = self._slot(scope)
        with slot.minting:
            if slot.token is refused:
                slot.token = None

    def _is_ending(self, token: InstallationToken) -> bool:
        return token.expires_at - self._clock() <= RENEW_BEFORE

    def _slot(self, scope: Scope) -> _Slot:
        with self._guard:
            slot = self._slots.get(scope)
            if slot is None:
                self._make_room()
                slot = self._slots[scope] = _Slot()
            return slot

    def _make_room(self) -> None:
        if len(self._slots) < MAX_CACHED:
            return
        # Oldest first: tokens all live equally long, so the first in is the first to end.
        for scope in list(self._slots)[: MAX_CACHED // 10]:
            del self._slots[scope]
