"""Who is calling: App JWTs and installation tokens.

Rules of this file:

* A JWT proves the App: RS256 with its registered key, issued by its id or client id, at most ten minutes
  ahead, not from the future. Source: GitHub docs, "Generating a JSON web token for a GitHub App".
* An installation token lives one hour and may be narrowed to repositories and permissions, never widened.
  Every token may read metadata.
* Only the digest of a token is kept. A token has GitHub's stateless look, `ghs_<app>_<three parts>`, dots,
  dashes and all, so that nobody's redaction or column is too narrow for it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

import jwt

from gate_app.standin.apps import App, Installation
from gate_app.standin.errors import GitHubError
from gate_app.standin.state import Transaction, timestamp

JWT_LIFETIME = timedelta(minutes=10)
TOKEN_LIFETIME = timedelta(hours=1)
LEVELS = {"read": 1, "write": 2, "admin": 3}


@dataclass(frozen=True)
class Token:
    """A minted token as it is kept; no repository ids means all of the installation."""

    TABLE: ClassVar[str] = "tokens"
    id: int
    digest: str
    installation_id: int
    repository_ids: list[int] | None
    permissions: dict[str, str]
    expires_at: str


@dataclass(frozen=True)
class Caller:
    """An installation that calls with a token: what it may do, and where."""

    token: Token
    installation: Installation
    app: App

    def may(self, *any_of: str) -> bool:
        """Whether the token has one of the permissions, written `checks:write`."""
        return any(_grants(self.token.permissions, wanted) for wanted in any_of)

    @property
    def sees_all(self) -> bool:
        """Whether the token reaches every repository of the account."""
        return self.token.repository_ids is None and self.installation.repository_ids is None

    def sees(self, repository_id: int, owner_id: int) -> bool:
        """Whether the token reaches a repository."""
        named = self.token.repository_ids is None or repository_id in self.token.repository_ids
        return named and self.installation.reaches(repository_id, owner_id)


def verify_app(tx: Transaction, encoded: str) -> App:
    """The App that signed this JWT. Raises the 401 that GitHub gives."""
    try:
        unverified = jwt.decode(encoded, options={"verify_signature": False})
    except jwt.PyJWTError as problem:
        raise GitHubError(401, "A JSON web token could not be decoded") from problem
    app = _issuer(tx, unverified.get("iss"))
    _check_times(tx, unverified)
    try:
        jwt.decode(
            encoded,
            app.public_key or "",
            algorithms=["RS256"],
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False},
        )
    except jwt.PyJWTError as problem:
        raise GitHubError(401, "A JSON web token could not be decoded") from problem
    return app


def _issuer(tx: Transaction, issuer: object) -> App:
    text = str(issuer)
    found = tx.get(App, id=int(text)) if text.isdecimal() else tx.get(App, client_id=text)
    if found is None or found.public_key is None:
        raise GitHubError(401, "Integration not found")
    return found


def _check_times(tx: Transaction, claims: Mapping[str, object]) -> None:
    now = tx.instant.timestamp()
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int) or issued > now:
        meaning = "an Integer representing the time that the assertion was issued"
        raise GitHubError(401, f"'Issued at' claim ('iat') must be {meaning}")
    if not isinstance(expires, int) or expires <= now:
        meaning = "a numeric value representing the future time at which the assertion expires"
        raise GitHubError(401, f"'Expiration time' claim ('exp') must be {meaning}")
    if expires > now + JWT_LIFETIME.total_seconds():
        raise GitHubError(401, "'Expiration time' claim ('exp') is too far in the future")


def mint(
    tx: Transaction,
    installation: Installation,
    repository_ids: Sequence[int] | None,
    permissions: Mapping[str, str] | None,
) -> tuple[str, Token]:
    """A token and its record. 422 if more is asked for than the installation has.

    No permissions, or an empty set of them, means all that the installation has; PyGithub sends the latter.
    """
    require_active(installation)
    wanted = dict(permissions or installation.permissions)
    refused = [
        name for name, level in wanted.items() if not _grants(installation.permissions, f"{name}:{level}")
    ]
    if refused:
        raise GitHubError(422, "The permissions requested are not granted to this installation.")
    parts = [secrets.token_urlsafe(size) for size in (27, 270, 64)]
    secret = f"ghs_{installation.app_id}_{'.'.join(parts)}"
    token = tx.insert(
        Token,
        digest=_digest(secret),
        installation_id=installation.id,
        repository_ids=None if repository_ids is None else list(repository_ids),
        permissions={"metadata": "read", **wanted},
        expires_at=timestamp(tx.instant + TOKEN_LIFETIME),
    )
    return secret, token


def verify_token(tx: Transaction, secret: str) -> Caller:
    """The caller behind a token. 401 if it is unknown, revoked or expired."""
    token = tx.get(Token, digest=_digest(secret))
    if token is None or token.expires_at <= tx.now:
        raise GitHubError(401, "Bad credentials")
    installation = tx.get(Installation, id=token.installation_id)
    app = tx.get(App, id=installation.app_id) if installation else None
    if installation is None or app is None:
        raise GitHubError(401, "Bad credentials")
    require_active(installation)
    return Caller(token, installation, app)


def require_active(installation: Installation) -> None:
    """Nothing, if the installation may be used; 403 if it is suspended."""
    if installation.suspended_at is not None:
        raise GitHubError(403, "This installation has been suspended")


def revoke(tx: Transaction, caller: Caller) -> None:
    """End a token before its time."""
    tx.delete(Token, id=caller.token.id)


def _grants(held: Mapping[str, str], wanted: str) -> bool:
    name, _, level = wanted.partition(":")
    return LEVELS.get(held.get(name, ""), 0) >= LEVELS.get(level, len(LEVELS) + 1)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
