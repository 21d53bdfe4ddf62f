"""Files and folders of a commit as the REST API shows them. Source: REST docs "Get repository content".

A link to a file of the repository is answered with that file's content, one that leads elsewhere as a
symlink with its target. Files above one megabyte come without content.
"""

from __future__ import annotations

import base64
import posixpath
from dataclasses import dataclass
from urllib.parse import quote

from gate_app.standin import repositories
from gate_app.standin.errors import GitHubError, not_found
from gate_app.standin.git import Git, TreeEntry
from gate_app.standin.repositories import Repository
from gate_app.standin.state import JsonObject, Transaction

LARGE_FILE = 1_000_000
_LINE = 60
_SYMLINK = "120000"
_KINDS = {"blob": "file", "tree": "dir", "commit": "submodule"}


@dataclass(frozen=True)
class _Place:
    """A commit of a repository and the name it was asked for by."""

    repository: Repository
    git: Git
    ref: str
    sha: str


def render(
    tx: Transaction, repository: Repository, path: str, ref: str | None
) -> JsonObject | list[JsonObject]:
    """What lies at a path, or the entries of a folder. 404 if there is neither."""
    git = repositories.git(tx, repository)
    name = ref or repository.default_branch
    sha = git.resolve(name)
    if sha is None:
        raise GitHubError(404, f"No commit found for the ref {name}")
    place = _Place(repository, git, name, sha)
    entry = git.entry(sha, path)
    if path and entry is None:
        raise not_found()
    if entry is None or entry.kind == "tree":
        return _folder(tx, place, path)
    if entry.kind == "commit":
        return {**_common(tx, place, path, entry), "submodule_git_url": ""}
    return _symlink(tx, place, path, entry) if entry.mode == _SYMLINK else _file(tx, place, path, entry)


def _folder(tx: Transaction, place: _Place, path: str) -> list[JsonObject]:
    folder = f"{path}/" if path else ""
    return [_common(tx, place, folder + child.name, child) for child in place.git.entries(place.sha, path)]


def _symlink(tx: Transaction, place: _Place, path: str, entry: TreeEntry) -> JsonObject:
    target = place.git.blob(entry.sha).decode(errors="replace")
    reached = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    found = place.git.entry(place.sha, reached)
    if found is not None and found.kind == "blob" and found.mode != _SYMLINK:
        return _file(tx, place, reached, found)
    return {**_common(tx, place, path, entry), "target": target}


def _file(tx: Transaction, place: _Place, path: str, entry: TreeEntry) -> JsonObject:
    content = place.git.blob(entry.sha)
    large = len(content) > LARGE_FILE
    return {
        **_common(tx, place, path, entry),
        "encoding": "none" if large else "base64",
        "content": "" if large else _base64(content),
    }


def _common(tx: Transaction, place: _Place, path: str, entry: TreeEntry) -> JsonObject:
    api, html = repositories.api_url(tx, place.repository), repositories.html_url(tx, place.repository)
    url = f"{api}/contents/{quote(path)}?ref={quote(place.ref)}"
    git_url = f"{api}/git/{'trees' if entry.kind == 'tree' else 'blobs'}/{entry.sha}"
    html_url = f"{html}/blob/{quote(place.ref)}/{quote(path)}"
    return {
        "type": "symlink" if entry.mode == _SYMLINK else _KINDS[entry.kind],
        "size": entry.size,
        "name": entry.name,
        "path": path,
        "sha": entry.sha,
        "url": url,
        "git_url": git_url,
        "html_url": html_url,
        "download_url": f"{html}/raw/{quote(place.ref)}/{quote(path)}" if entry.kind == "blob" else None,
        "_links": {"self": url, "git": git_url, "html": html_url},
    }


def _base64(content: bytes) -> str:
    encoded = base64.b64encode(content).decode()
    return "".join(f"{encoded[start : start + _LINE]}\n" for start in range(0, len(encoded), _LINE))
