"""Who may use the page: a browser on this machine, on the page's own address, from no other site.

Rules of this file:

* Whatever is not plainly ours is refused. A foreign `Host` is a name that somebody points at the loopback
  address (DNS rebinding); a foreign or missing origin of a POST is another site's form (CSRF). Source: Fetch
  Metadata Request Headers (W3C), "Cross-Site Request Forgery Prevention" (OWASP).
* The headers of every answer assume that a harmful text got through: it could not load or run anything.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from flask import Response, request

from gate_app.standin.errors import GitHubError
from gate_app.standin.face.access import state
from gate_app.standin.face.guard import LOOPBACK

READING: Final = ("GET", "HEAD")
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def guard() -> None:
    """Refuse every call that no tab of this page has made. 403 says why."""
    port = urlsplit(state().url).port
    if request.remote_addr not in LOOPBACK or request.host not in (f"127.0.0.1:{port}", f"localhost:{port}"):
        raise GitHubError(403, "This page is only there on the machine it runs on, at its own address.")
    if request.method not in READING and not _same_origin():
        raise GitHubError(403, "This was sent by another site, or does not say by which.")


def _same_origin() -> bool:
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is None and origin is None:
        return False
    return site in (None, "same-origin") and origin in (None, f"http://{request.host}")


def protect(answer: Response) -> Response:
    """The answer with the headers that keep it harmless."""
    answer.headers.update(HEADERS)
    answer.headers.setdefault("Cache-Control", "no-store")
    return answer
