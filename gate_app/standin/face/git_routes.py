"""Git over smart HTTP, read only.

The credential is an installation token as the password of `x-access-token`, with `contents:read`. Every
commit that the repository has may be asked for by its SHA, `refs/pull/N/head` included.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from gate_app.standin import repositories, tokens
from gate_app.standin.errors import GitHubError, not_found
from gate_app.standin.face import access
from gate_app.standin.git import Git
from gate_app.standin.repositories import Repository
from gate_app.standin.state import Transaction

routes = Blueprint("git", __name__)
SERVICE = "git-upload-pack"
MAX_REQUEST = 16 * 1024 * 1024


@routes.get("/<owner>/<name>.git/info/refs")
def advertise(owner: str, name: str) -> ResponseReturnValue:
    """The refs, for `git fetch`; pushing is refused."""
    git = _authorised(owner, name)
    if request.args.get("service") != SERVICE:
        raise GitHubError(403, "Only fetching over smart HTTP is offered")
    protocol = request.headers.get("Git-Protocol", "")
    line = f"# service={SERVICE}\n"
    announced = "" if "version=2" in protocol else f"{len(line) + 4:04x}{line}0000"
    return _answer("advertisement", announced.encode() + git.advertised_refs(protocol))


@routes.post("/<owner>/<name>.git/git-upload-pack")
def upload_pack(owner: str, name: str) -> ResponseReturnValue:
    """The objects asked for."""
    git = _authorised(owner, name)
    raw = request.get_data()
    if request.headers.get("Content-Encoding") == "gzip":
        raw = _unzipped(raw)
    return _answer("result", git.upload_pack(raw, request.headers.get("Git-Protocol", "")))


def _authorised(owner: str, name: str) -> Git:
    with access.state().transaction() as tx:
        repository = repositories.by_name(tx, owner, name)
        if request.authorization is None and repository is not None and not repository.private:
            return repositories.git(tx, repository)
        return repositories.git(tx, _permitted(tx, repository))


def _permitted(tx: Transaction, repository: Repository | None) -> Repository:
    given = request.authorization
    challenge = {"WWW-Authenticate": 'Basic realm="GitHub"'}
    if given is None or given.type != "basic" or not given.password:
        raise GitHubError(401, "Requires authentication", headers=challenge)
    try:
        caller = access.note(tokens.verify_token(tx, given.password), "git")
    except GitHubError as refusal:
        raise GitHubError(401, refusal.message, headers=challenge) from None
    if repository is None:
        raise not_found()
    return access.permitted(caller, repository, "contents:read").repository


def _answer(kind: str, content: bytes | Iterator[bytes]) -> Response:
    answer = Response(content, content_type=f"application/x-{SERVICE}-{kind}")
    answer.headers["Cache-Control"] = "no-cache, max-age=0, must-revalidate"
    return answer


def _unzipped(raw: bytes) -> bytes:
    try:
        content = gzip.GzipFile(fileobj=io.BytesIO(raw)).read(MAX_REQUEST + 1)
    except (OSError, EOFError, zlib.error):
        raise GitHubError(400, "Bad Request") from None
    if len(content) > MAX_REQUEST:
        raise GitHubError(413, "Payload Too Large")
    return content
