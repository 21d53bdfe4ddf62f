"""GitHub as the engine knows it: the `Hub` over HTTP. What each call may do is in `permissions`.

Rules of the file: wiring only. `connect` is where an App becomes a client; nothing is asked of GitHub until
the first call.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gate_app.domain.model import Repository
from gate_app.engine.ports import Checkout, Clock
from gate_app.github.api import Api
from gate_app.github.deliveries import HookLog
from gate_app.github.downloads import Downloads
from gate_app.github.held import HeldCalls
from gate_app.github.identity import AppIdentity, AppSelf
from gate_app.github.inspection import Inspection
from gate_app.github.interruptions import Interruptions
from gate_app.github.issues import Issues
from gate_app.github.key import AppKey
from gate_app.github.line import Line
from gate_app.github.origin import Origin
from gate_app.github.permissions import FETCH_CONTENT
from gate_app.github.reads import Reads
from gate_app.github.revalidation import Revalidation
from gate_app.github.sight import SightReads
from gate_app.github.survey import Survey
from gate_app.github.tokens import AppTokens, TokenCache
from gate_app.github.transport import Transport
from gate_app.github.workflows import WorkflowCalls
from gate_app.github.writes import Writes


@dataclass(frozen=True, slots=True)
class AppSettings:
    """The App and where its GitHub is.

    `issuer` is the App's client id or its id; `bot_id` the account id of `SLUG[bot]`, if known. `api_url` is
    `https://api.github.com` or `https://HOST/api/v3`; `git_url` is where repositories are fetched from.
    """

    app_id: int
    issuer: str
    private_key: str = field(repr=False)
    bot_id: int | None = None
    api_url: str = "https://api.github.com"
    git_url: str = "https://github.com"


class GithubHub(Reads, Interruptions, SightReads, WorkflowCalls, HeldCalls, Writes, Issues, Survey):
    """The `Hub` and its `Survey`, and where to fetch from, on one connection to one GitHub."""

    def __init__(self, api: Api, identity: AppIdentity, git: Origin, downloads: Downloads) -> None:
        Reads.__init__(self, api)
        Interruptions.__init__(self, api)
        SightReads.__init__(self, api, identity, git)
        WorkflowCalls.__init__(self, api, identity, git, downloads)
        HeldCalls.__init__(self, api, git)
        Writes.__init__(self, api, identity)
        Issues.__init__(self, api, identity)
        Survey.__init__(self, api)
        self.hook = HookLog(api.background())
        self.inspection = Inspection(api, identity.app_id)
        self._git = git

    def checkout(self, repository: Repository) -> Checkout:
        """Where git fetches this repository, and a token that may read its content and nothing else."""
        token = self._api.token(repository, FETCH_CONTENT)
        return Checkout(f"{self._git.url}/{token.full_name or repository.full_name}.git", token.value)


def connect(settings: AppSettings, clock: Clock) -> GithubHub:
    """The client of one App. Raises ConfigurationFault for addresses and keys that cannot be used."""
    return connect_with(AppKey.parse(settings.private_key), settings, clock)


def connect_with(key: AppKey, settings: AppSettings, clock: Clock) -> GithubHub:
    """The same with a key that is parsed already, which is the slow part."""
    origin = Origin.parse(settings.api_url, "the GitHub API address")
    line = Line(Transport(origin), clock)
    git = Origin.parse(settings.git_url, "the git address")
    app = AppTokens(line, settings.issuer, key, clock)
    api = Api(line, app, TokenCache(app.mint, clock), Revalidation())
    itself = AppSelf(api, settings.app_id, clock)
    return GithubHub(api, AppIdentity(settings.app_id, settings.bot_id, itself.slug), git, Downloads(origin))
