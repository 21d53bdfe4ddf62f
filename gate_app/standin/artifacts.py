"""Artifacts that workflow runs upload. Source: REST docs "Artifacts".

A download is a redirect to an address that is good for one minute, lies on another host than the API and
takes no credential: a client that sends its token along is refused there.
"""

from __future__ import annotations

import hashlib
import io
import secrets
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from gate_app.standin import repositories
from gate_app.standin.errors import GitHubError, not_found
from gate_app.standin.repositories import Repository
from gate_app.standin.state import JsonObject, Transaction, node_id, timestamp

KEPT = timedelta(days=90)
TICKET_LIFETIME = timedelta(minutes=1)
DOWNLOADS = "/_downloads"


@dataclass(frozen=True)
class Artifact:
    """A zip archive that a run uploaded."""

    TABLE: ClassVar[str] = "artifacts"
    id: int
    repository_id: int
    run_id: int
    name: str
    content: bytes
    created_at: str
    expires_at: str


@dataclass(frozen=True)
class Ticket:
    """A download that was allowed; only the digest of its secret is kept."""

    TABLE: ClassVar[str] = "download_tickets"
    id: int
    artifact_id: int
    digest: str
    expires_at: str


def keep(tx: Transaction, repository_id: int, run_id: int, wanted: Mapping[str, Mapping[str, str]]) -> None:
    """Keep what a run uploads: names to files to their text."""
    for name, files in wanted.items():
        tx.insert(
            Artifact,
            repository_id=repository_id,
            run_id=run_id,
            name=name,
            content=_zip(files),
            created_at=tx.now,
            expires_at=timestamp(tx.instant + KEPT),
        )


def _zip(files: Mapping[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path), text, zipfile.ZIP_DEFLATED)
    return content.getvalue()


def require(tx: Transaction, repository: Repository, identifier: int) -> Artifact:
    """The artifact with this id. 404 if the repository has none."""
    found = tx.get(Artifact, id=identifier, repository_id=repository.id)
    if found is None:
        raise not_found()
    return found


def ticket(tx: Transaction, artifact: Artifact) -> str:
    """The address to download an artifact from, for one minute. 410 if it has expired."""
    if artifact.expires_at <= tx.now:
        raise GitHubError(410, "Artifact has expired")
    secret = secrets.token_urlsafe(32)
    tx.insert(
        Ticket,
        artifact_id=artifact.id,
        digest=_digest(secret),
        expires_at=timestamp(tx.instant + TICKET_LIFETIME),
    )
    return f"{tx.url.replace('127.0.0.1', 'localhost')}{DOWNLOADS}/{secret}"


def redeem(tx: Transaction, secret: str) -> Artifact:
    """What a ticket is for. 404 if it was never given or is too old."""
    found = tx.get(Ticket, digest=_digest(secret))
    artifact = tx.get(Artifact, id=found.artifact_id) if found and found.expires_at > tx.now else None
    if artifact is None:
        raise not_found()
    return artifact


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def render(tx: Transaction, artifact: Artifact, run: JsonObject) -> JsonObject:
    """The artifact of every body; `run` is the short form of the run that uploaded it."""
    repository = repositories.by_id(tx, artifact.repository_id)
    url = f"{repositories.api_url(tx, repository)}/actions/artifacts/{artifact.id}"
    return {
        "id": artifact.id,
        "node_id": node_id("Artifact", artifact.id),
        "name": artifact.name,
        "size_in_bytes": len(artifact.content),
        "url": url,
        "archive_download_url": f"{url}/zip",
        "expired": artifact.expires_at <= tx.now,
        "created_at": artifact.created_at,
        "updated_at": artifact.created_at,
        "expires_at": artifact.expires_at,
        "digest": f"sha256:{hashlib.sha256(artifact.content).hexdigest()}",
        "workflow_run": run,
    }
