"""GitHub's API, one judged answer at a time: the right token, the right name, every page or a fault.

Rules of the file:

* A call names its permissions and gets a token with exactly those, for its repository only (case 146).
* The repository's name is what GitHub said when it minted the token for the repository's id, so a rename
  heals itself and a stranger who takes the old name is never asked (invariant 5, case 144).
* A refused token or a redirect is answered once by a new token; then it is a fault (case 148).
* Whoever is rate limited, an installation or the App itself, is left alone until then, and what can wait leaves
  the rest of the limit to decisions (`budget`; cases 198, 199).
* The writes of an installation go one after the other. What was read before is asked for with its `ETag`: GitHub
  may confirm it, which costs nothing.
* GraphQL answers 200 to what it refuses: an answer with `errors`, or with half of what was asked, is none.
* A list is whole or a fault: no lost, repeated or endless pages (case 32). Pages are asked for by number;
  the address in a `Link` header is never used, only that it says there is a next one (case 141).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, Literal, TypeVar

from github.Auth import Token
from pydantic import TypeAdapter

from gate_app.domain.model import Repository
from gate_app.errors import HubUnavailable
from gate_app.github.answers import read_answer
from gate_app.github.budget import THE_APP, Resource, Urgency
from gate_app.github.graphql_answers import GRAPHQL_OUTCOME
from gate_app.github.line import Caller, Line, Question
from gate_app.github.origin import Path, at_root
from gate_app.github.permissions import Permissions
from gate_app.github.revalidation import Revalidation
from gate_app.github.tokens import AppTokens, InstallationToken, Scope, TokenCache, scope_of
from gate_app.github.transport import REDIRECTED_TO, Method, Reply

PER_PAGE: Final = 100
MAX_PAGES: Final = 100
MOVED: Final = (301, 302, 303, 307, 308)

_NEXT_PAGE: Final = re.compile(r'<[^<>]*>;[^<>,]*\brel="next"')

Answer = TypeVar("Answer")
Page = TypeVar("Page")
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class _Asker:
    """On whose behalf a call is made. `name` is what its repository was called when we last heard."""

    scope: Scope
    name: str = ""


@dataclass(frozen=True, slots=True)
class _Call:
    """One call on behalf of an installation."""

    method: Method
    asker: _Asker
    path: Path
    query: Mapping[str, str | int] = field(default_factory=dict)
    body: Mapping[str, object] | None = None
    resource: Resource = Resource.CORE

    @property
    def what(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def kept_as(self) -> Hashable:
        """Equal for reads that GitHub answers alike: the permissions are part of it (case 147)."""
        return (self.asker.scope, self.path, *sorted(self.query.items()))


class Api:
    """Calls on behalf of an installation, and the few of the App itself. Safe to share between threads."""

    def __init__(
        self,
        line: Line,
        app: AppTokens,
        tokens: TokenCache,
        kept: Revalidation,
        urgency: Urgency = Urgency.DECISION,
    ) -> None:
        self._line = line
        self._app = app
        self._tokens = tokens
        self._kept = kept
        self._urgency = urgency

    def background(self) -> Api:
        """The same calls for what can wait: they leave the reserve of the rate limit to decisions."""
        return Api(self._line, self._app, self._tokens, self._kept, Urgency.BACKGROUND)

    def token(self, repository: Repository, permissions: Permissions) -> InstallationToken:
        """The token a call would use; raises as the calls do."""
        return self._token(scope_of(repository, permissions))

    def named(self, installation_id: int, name: str) -> Repository | None:
        """The repository of that name in an installation, None where the App is not installed on one."""
        found = self._app.named(installation_id, name)
        if found is None:
            return None
        owner, _, named = found.full_name.partition("/")
        return Repository(found.id, owner, named, installation_id)

    def read(
        self,
        shape: TypeAdapter[Answer],
        repository: Repository,
        permissions: Permissions,
        path: Path,
        query: Mapping[str, str | int] | None = None,
    ) -> Answer:
        """One GET. Raises HubUnavailable or HubRefused; never returns half an answer."""
        reply = self._read(_Call("GET", _asker(repository, permissions), path, query or {}))
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
            return self._read(_Call("GET", _asker(repository, permissions), path, {**(query or {}), **page}))

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

        def fetch(page: Mapping[str, int]) -> Reply:
            return self._read(_Call("GET", asker, path, page))

        return all_pages(fetch, shape, items, f"GET {path}")

    def read_all_as_app(
        self, shape: TypeAdapter[Page], items: Callable[[Page], Sequence[Item]], path: Path
    ) -> tuple[Item, ...]:
        """The same for what GitHub shows to the App itself only."""
        return all_pages(lambda page: self.ask_as_app(path, page), shape, items, f"GET {path}")

    def ask_as_app(self, path: Path, query: Mapping[str, str | int] = MappingProxyType({})) -> Reply:
        """One GET of the App itself, with a fresh word of its own. Raises HubUnavailable or HubRefused."""
        reply = self.reply_as_app(path, query)
        if 200 <= reply.status < 300:
            return reply
        raise self._line.fault(Caller(THE_APP, self._urgency), reply, f"GET {path}", ())

    def reply_as_app(self, path: Path, query: Mapping[str, str | int] = MappingProxyType({})) -> Reply:
        """The same, whatever the status. Raises HubUnavailable when there is no answer."""
        caller = Caller(THE_APP, self._urgency)
        return self._line.exchange(caller, self._app.word(), Question("GET", path.below(""), query))

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
        with self._line.turn(repository.installation_id):
            reply = self._whole(_Call(method, _asker(repository, permissions), path, body=body), {})
        return read_answer(shape, reply, f"{method} {path}")

    def ask(
        self,
        shape: TypeAdapter[Answer],
        repository: Repository,
        permissions: Permissions,
        text: str,
        variables: Mapping[str, object],
    ) -> Answer:
        """One GraphQL query: a fixed text that begins with `$owner` and `$name` of the repository. Sent once."""
        asker = _asker(repository, permissions)
        owner, _, name = (self._token(asker.scope).full_name or asker.name).partition("/")
        body = {"query": text, "variables": {"owner": owner, "name": name, **variables}}
        call = _Call("POST", asker, at_root("graphql"), body=body, resource=Resource.GRAPHQL)
        reply = self._whole(call, {})
        outcome = read_answer(GRAPHQL_OUTCOME, reply, call.what)
        if outcome.errors:
            told = replace(reply, text=outcome.said)  # the rest of the answer has words of strangers
            raise self._line.fault(self._caller(call), told, call.what, permissions)
        return read_answer(shape, reply, call.what)

    def place(self, repository: Repository, permissions: Permissions, path: Path) -> str:
        """Where GitHub keeps something (302); for `downloads` alone. Raises HubUnavailable or HubRefused."""
        call = _Call("GET", _asker(repository, permissions), path)
        scope = call.asker.scope
        reply = self._send(call, self._token(scope), {})
        address = reply.headers.get(REDIRECTED_TO)
        if reply.status == 302 and address:
            return address
        raise self._line.fault(self._caller(call), reply, call.what, permissions)

    def _read(self, call: _Call) -> Reply:
        """An answer that may be the one kept from before, if GitHub says just now that it still holds."""
        kept = self._kept.reply(call.kept_as)
        reply = self._whole(call, {"If-None-Match": kept.headers["etag"]} if kept else {})
        if reply.status == 304 and kept:
            return kept
        self._kept.keep(call.kept_as, reply)
        return reply

    def _whole(self, call: _Call, headers: Mapping[str, str]) -> Reply:
        """An answer of 2xx, or the 304 that `headers` asked for; anything else is raised."""
        scope = call.asker.scope
        token = self._token(scope)
        reply = self._send(call, token, headers)
        if reply.status == 401 or reply.status in MOVED:
            # Neither was carried out, so even a write may be sent again.
            self._tokens.drop(scope, token)
            reply = self._send(call, self._token(scope), headers)
        if 200 <= reply.status < 300 or (reply.status == 304 and headers):
            return reply
        raise self._line.fault(self._caller(call), reply, call.what, scope.permissions)

    def _send(self, call: _Call, token: InstallationToken, headers: Mapping[str, str]) -> Reply:
        where = call.path.below(token.full_name or call.asker.name)
        question = Question(call.method, where, call.query, call.body, headers)
        return self._line.exchange(self._caller(call), Token(token.value), question)

    def _token(self, scope: Scope) -> InstallationToken:
        self._line.require(Caller(scope.installation_id, self._urgency))
        return self._tokens.token(scope)

    def _caller(self, call: _Call) -> Caller:
        return Caller(call.asker.scope.installation_id, self._urgency, call.resource)


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
