"""Registering the App from a manifest: what it asks for, and the one call that gives its credentials.

Rules of the file: permissions and events are those that the calls need (`permissions`, `payloads`), nothing else; the
code is sent to the configured API alone; of GitHub's address of the App only the kind of its path is read. Source:
GitHub's documentation, "Registering a GitHub App from a manifest".
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import urlsplit

import requests
import urllib3
from pydantic import Field, StringConstraints, TypeAdapter

from gate_app.errors import HubRefused, HubUnavailable
from gate_app.github.answers import read_answer
from gate_app.github.fields import Id, Reading
from gate_app.github.origin import Origin, at_root
from gate_app.github.payloads import subscribed_events
from gate_app.github.permissions import needed
from gate_app.github.transport import API_VERSION, TIMEOUT_SECONDS, USER_AGENT, Reply, body_of, pinned_session

NOWHERE: Final = "https://gate-app.invalid"
"""Stands for a public address where there is none (RFC 2606): GitHub wants one, and keeps what it could not deliver."""
HOOK_PATH: Final = "/webhooks/github"
CODE: Final = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)


class Conversion(Reading):
    """What a code is exchanged for, once."""

    id: Id
    slug: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")]
    client_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
    html_url: Annotated[str, StringConstraints(max_length=2_000)]
    pem: Annotated[str, StringConstraints(max_length=16_384), Field(repr=False)]
    webhook_secret: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z0-9._~+/=-]{16,200}$"), Field(repr=False)
    ]


_CONVERSION: Final = TypeAdapter(Conversion)


@dataclass(frozen=True, slots=True)
class Github:
    """The GitHub that an App is registered at: its API, and where its pages are."""

    api: Origin
    web: Origin

    def new_app(self, organisation: str) -> str:
        """Where a person's browser sends the manifest: their own account, or that of an organisation."""
        owner = ("organizations", organisation) if organisation else ()
        return self.web.url + at_root(*owner, "settings", "apps", "new").below("")

    def install(self, found: Conversion) -> str:
        """Where the App is installed on repositories; GHES has another word for the same place."""
        kind = "github-apps" if urlsplit(found.html_url).path.startswith("/github-apps/") else "apps"
        return self.web.url + at_root(kind, found.slug, "installations", "new").below("")

    def convert(self, code: str, monotonic: Callable[[], float] = time.monotonic) -> Conversion:
        """Exchanges the code. Raises HubRefused for one that is spent or old, HubUnavailable for no whole answer."""
        path = at_root("app-manifests", code, "conversions")
        what = "POST /app-manifests/…/conversions"
        headers = {
            "Accept": "application/vnd.github+json",
            "User-Agent": USER_AGENT,
            "X-GitHub-Api-Version": API_VERSION,
        }
        try:
            with (
                pinned_session(self.api) as session,
                session.post(
                    self.api.url + path.below(""),
                    headers=headers,
                    timeout=TIMEOUT_SECONDS,
                    allow_redirects=False,
                    stream=True,
                ) as answer,
            ):
                reply = Reply(answer.status_code, {}, body_of(answer, monotonic).decode("utf-8"))
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise HubUnavailable(f"{what}: no answer ({type(error).__name__})") from None
        if reply.status != 201:
            raise HubRefused(f"{what}: {reply.status}", reply.status)
        return read_answer(_CONVERSION, reply, what)


def manifest(name: str, base_url: str, returns_to: str, homepage: str) -> str:
    """The manifest as JSON. Without a `base_url` deliveries go nowhere, to be read from GitHub (`--poll`)."""
    return json.dumps(
        {
            "name": name,
            "url": base_url or homepage,
            "hook_attributes": {"url": (base_url or NOWHERE) + HOOK_PATH, "active": True},
            "redirect_url": returns_to,
            "public": False,
            "default_permissions": needed(),
            "default_events": sorted(subscribed_events()),
        }
    )
