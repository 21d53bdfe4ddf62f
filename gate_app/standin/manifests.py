"""Registering an App from a manifest: what a person's browser brings, and the code that is exchanged once.

Source: GitHub's documentation, "Registering a GitHub App from a manifest". The page on which GitHub asks the person to
confirm is left out: sending the manifest is confirming it.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final
from urllib.parse import urlencode

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import Field, ValidationError

from gate_app.standin import apps, settings
from gate_app.standin.apps import App, Registration
from gate_app.standin.bodies import Body
from gate_app.standin.errors import GitHubError, not_found
from gate_app.standin.people import Person
from gate_app.standin.state import JsonObject, Transaction, timestamp

KEY_BITS: Final = 2048
LIFE: Final = timedelta(hours=1)


class Hook(Body):
    """Where deliveries go."""

    url: str
    active: bool = True


class Manifest(Body):
    """What GitHub documents that a manifest may say."""

    name: Annotated[str, Field(min_length=1, max_length=34)]
    url: str
    hook_attributes: Hook | None = None
    redirect_url: str
    callback_urls: list[str] = Field(default_factory=list)
    setup_url: str | None = None
    description: str | None = None
    public: bool = False
    default_events: list[str] = Field(default_factory=list)
    default_permissions: dict[str, str] = Field(default_factory=dict)
    request_oauth_on_install: bool = False
    setup_on_update: bool = False


@dataclass(frozen=True)
class Unexchanged:
    """What waits for its code."""

    app_id: int
    pem: str
    webhook_secret: str
    until: str


def new_keys() -> tuple[str, str]:
    """A private and its public key, as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


def register(tx: Transaction, owner: Person, raw: str, state: str) -> str:
    """A new App of `owner`; where the browser goes next, with the code. 422 for a manifest that is none."""
    try:
        wanted = Manifest.model_validate_json(raw)
    except ValidationError as problem:
        where = ", ".join(".".join(map(str, error["loc"])) or "manifest" for error in problem.errors())
        raise GitHubError(422, f"The manifest cannot be used: {where}") from None
    private, public = new_keys()
    hook = wanted.hook_attributes
    secret = secrets.token_hex(20)
    app = apps.register(
        tx,
        owner,
        Registration(
            slug=re.sub(r"[^a-z0-9]+", "-", wanted.name.lower()).strip("-"),
            name=wanted.name,
            public_key=public,
            webhook_url=hook.url if hook and hook.active else None,
            webhook_secret=secret,
            permissions=wanted.default_permissions,
            events=wanted.default_events,
        ),
    )
    code = secrets.token_hex(20)
    kept = Unexchanged(app.id, private, secret, timestamp(tx.instant + LIFE))
    settings.write(tx, _name(code), kept)
    return f"{wanted.redirect_url}?{urlencode({'code': code, 'state': state} if state else {'code': code})}"


def convert(tx: Transaction, code: str) -> JsonObject:
    """The App with its secrets, once within the hour. 404 for any other code."""
    kept = settings.read(tx, Unexchanged, _name(code))
    if kept is None or kept.until <= tx.now:
        raise not_found()
    settings.forget(tx, _name(code))
    app = apps.by_id(tx, kept.app_id)
    return {**apps.render(tx, app), **_secrets(app, kept)}


def _secrets(app: App, kept: Unexchanged) -> JsonObject:
    return {
        "client_id": app.client_id,
        "client_secret": secrets.token_hex(20),
        "webhook_secret": kept.webhook_secret,
        "pem": kept.pem,
    }


def _name(code: str) -> str:
    return f"manifest {code}"
