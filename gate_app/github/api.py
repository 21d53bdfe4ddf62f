"""GitHub's REST API, one judged answer at a time: the right token, the right name, every page or a fault.

Rules of the file:

* A call names its permissions and gets a token with exactly those, for its repository only (case 146).
* The repository's name is what GitHub said when it minted the token for the repository's id, so a rename
  heals itself and a stranger who takes the old name is never asked (invariant 5, case 144).
* A refused token or a redirect is answered once by a new token; then it is a fault (case 148).
* Whoever is rate limited, an installation or the App itself, is left alone until then (cases 198, 199).
* A list is whole or a fault: no lost, repeated or endless pages (case 32). Pages are asked for by number;
  the address in a `Link` header is never used, only that it says there is a next one (case 141).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeVar

from github.Auth import Token
from pydantic import TypeAdapter

from gate_app.domain.model import Repository
from gate_app.engine.ports import Clock
from gate_app.errors import HubUnavailable
from gate_app.github.answers import read_answer
from gate_app.github.faults import fault_of
from gate_app.github.origin import Path
from gate_app.github.permissions import Permissions
from gate_app.github.tokens import AppTokens, InstallationToken, Scope, TokenCache, scope_of
from gate_app.github.transport import Method, Reply, Transport

PER_PAGE: Final = 100
MAX_PAGES: Final = 100
THE_APP: Final = 0
"""Stands for the App itself where installations are told apart; GitHub counts those from 1."""

_NEXT_PAGE: Final = re.compile(r'<[^<>]*>;[^<>,]*\brel="next"')

Answer = TypeVar("Answer")
Page = TypeVar("Page")
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class _Asker:
    """On whose behalf a call is made. `name` is what its repository was called when we last heard."""

    scope: Scope
    name: str = ""


class Api:
    """Calls on behalf of an installation, and the few of the App itself. Safe to share between threads."""

    def __init__(self, transport: Transport, app: AppTokens, clock: Clock) -> None:
        self._transport = transport
        self._app = app
        self._tokens = TokenCache(app.mint, clock)
        self._clock = clock
        self._pauses = Pauses(clock)

    def token(self, repository: Repository, permissions: Permissions) -> InstallationToken:
        """The token a call would use; raises as the calls do."""
        with self._pauses.heeded(repository.installation_id):
            return self._tokens.token(scope_of(repository, permissions))

    def read(
        self,
        shape: TypeAdapter[Answer],
        repository: Repository,
        permissions: Permissions,
        path: Path,
        query: Mapping[str, str | int] | None = None,
    ) -> Answer:
        """One GET. Raises HubUnavailable or HubRefused; never returns half an answer."""
        reply = self._call("GET", _asker(repository, permissions), path, query or {})
        return read_answer(shape, reply, f"GET {path}")

    def read_all(
        self,
        shape: TypeAdapter[Page],
        items: Callable[[Page], Sequence[Item]],
        repository: Repository,
        permissions: Permissions,
        path: Path,
        query: Mapping[str, str | int] | None = None,
    ) -> tuple[Item, ...]:
        """Every item of every page. Raises HubUnavailable when the list cannot be had whole."""

        def fetch(page: Mapping[str, int]) -> Reply:
            return self._call("GET", _asker(repository, permissions), path, {**(query or {}), **page})

        return all_pages(fetch, shape, items, f"GET {path}")

    def read_all_of_installation(
        self,
        shape: TypeAdapter[Page],
        items: Callable[[Page], Sequence[Item]],
        installation_id: int,
        permissions: Permissions,
        path: Path,
    ) -> tuple[Item, ...]:
        """The same for what belongs to no repository: its token reaches the whole installation."""
        asker = _Asker(Scope(installation_id, None, permissions))
        return all_pages(lambda page: self._call("GET", asker, path, page), shape, items, f"GET {path}")

    def read_all_as_app(
        self, shape: TypeAdapter[Page], items: Callable[[Page], Sequence[Item]], path: Path
    ) -> tuple[Item, ...]:
        """The same for what GitHub shows to the App itself only; each page has a fresh word of the App's."""

        def fetch(page: Mapping[str, int]) -> Reply:
            with self._pauses.heeded(THE_APP):
                reply = self._transport.exchange(self._app.word(), "GET", path.below(""), page)
                return self._believed(reply, f"GET {path}", ())

        return all_pages(fetch, shape, items, f"GET {path}")

    def write(
        self,
        method: Literal["POST", "PATCH"],
        shape: TypeAdapter[Answer],
        repository: Repository,
        permissions: Permissions,
        path: Path,
        body: Mapping[str, object],
    ) -> Answer:
        """One write, sent once. After HubUnavailable it may have happened: read back first (case 194)."""
        reply = self._call(method, _asker(repository, permissions), path, {}, body)
        return read_answer(shape, reply, f"{method} {path}")

    def _call(
        self,
        method: Method,
        asker: _Asker,
        path: Path,
        query: Mapping[str, str | int],
        body: Mapping[str, object] | None = None,
    ) -> Reply:
        def sent(token: InstallationToken) -> Reply:
            where = path.below(token.full_name or asker.name)
            return self._transport.exchange(Token(token.value), method, where, query, body)

        with self._pauses.heeded(asker.scope.installation_id):
            token = self._tokens.token(asker.scope)
            reply = sent(token)
            if reply.status == 401 or 300 <= reply.status < 400:
                # Neither was carried out, so even a write may be sent again.
                self._tokens.drop(asker.scope, token)
                reply = sent(self._tokens.token(asker.scope))
            return self._believed(reply, f"{method} {path}", asker.scope.permissions)

    def _believed(self, reply: Reply, what: str, permissions: Permissions) -> Reply:
        if 200 <= reply.status < 300:
            return reply
        raise fault_of(reply, what, permissions, self._clock())


def _asker(repository: Repository, permissions: Permissions) -> _Asker:
    return _Asker(scope_of(repository, permissions), repository.full_name)


def all_pages(
    fetch: Callable[[Mapping[str, int]], Reply],
    shape: TypeAdapter[Page],
    items: Callable[[Page], Sequence[Item]],
    what: str,
) -> tuple[Item, ...]:
    """Every item of a list; `fetch` gets the page parameters. Raises HubUnavailable for less than all."""
    collected: list[Item] = []
    before: Sequence[Item] = ()
    for number in range(1, MAX_PAGES + 1):
        reply = fetch({"per_page": PER_PAGE, "page": number})
        found = items(read_answer(shape, reply, what))
        if found and found == before:
            raise HubUnavailable(f"{what}: GitHub repeats page {number - 1}")
        collected += found
        # A full page without a `Link` may be a lost header: the next page proves it.
        if not _NEXT_PAGE.search(reply.headers.get("link", "")) and len(found) < PER_PAGE:
            return tuple(collected)
        before = found
    raise HubUnavailable(f"{what}: more than {MAX_PAGES} pages")


class Pauses:
    """Until when each rate-limited installation is left alone; carrying on can get an App banned."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[int, datetime] = {}
        self._guard = threading.Lock()

    @contextmanager
    def heeded(self, installation_id: int) -> Iterator[None]:
        """Raises HubUnavailable at once while it is left alone; a limit met inside starts the next pause."""
        self._require_open(installation_id)
        try:
            yield
        except HubUnavailable as fault:
            if fault.retry_at is not None:
                self._close(installation_id, fault.retry_at)
            raise

    def _close(self, installation_id: int, until: datetime) -> None:
        """Leaves the installation alone until then, or longer if that was known already."""
        with self._guard:
            self._until[installation_id] = max(until, self._until.get(installation_id, until))

    def _require_open(self, installation_id: int) -> None:
        now = self._clock()
        with self._guard:
            until = self._until.get(installation_id)
            if until is not None and until <= now:
                del self._until[installation_id]
        if until is not None and until > now:
            raise HubUnavailable("GitHub asked us to wait", until)
