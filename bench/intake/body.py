"""The delivery that is sent: an `issue_comment` payload of about 14 KB, signed once.

The signature covers the body alone, so that every request can carry a new delivery id and the load
generator does no cryptography while it measures.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Final

SECRET: Final = b"a-bench-key-of-thirty-two-bytes!"
TARGET_BYTES: Final = 14_000

_LINKS: Final = ("followers", "following", "gists", "starred", "subscriptions", "orgs", "repos", "events")


def _user(login: str, number: int) -> dict[str, object]:
    links = {f"{link}_url": f"https://github.example/users/{login}/{link}" for link in _LINKS}
    return {"login": login, "id": number, "type": "User", "site_admin": False, **links}


def _repository() -> dict[str, object]:
    links = {f"part{n}_url": f"https://github.example/repos/octo/service/part{n}{{/sha}}" for n in range(46)}
    flags = {f"has_feature{n}": n % 2 == 0 for n in range(20)}
    return {"id": 1296269, "name": "service", "owner": _user("octo", 1), "topics": [], **links, **flags}


def comment_body() -> bytes:
    """A compact JSON document whose text has escapes, as a platform that escapes `<` sends it."""
    issue = {"number": 7, "user": _user("author", 2), "labels": [], "pull_request": {"url": "…"}}
    document = {
        "action": "created",
        "issue": {**issue, "body": ""},
        "comment": {"id": 99, "user": _user("reviewer", 3), "body": "/approve staging <3"},
        "repository": _repository(),
        "sender": _user("reviewer", 3),
        "installation": {"id": 12},
    }
    missing = TARGET_BYTES - len(_compact(document))
    document["issue"] = {**issue, "body": "x" * missing}
    return _compact(document)


def signature(body: bytes) -> str:
    """The value of `X-Hub-Signature-256` for `body`."""
    return "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()


def _compact(document: Mapping[str, object]) -> bytes:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").encode()
