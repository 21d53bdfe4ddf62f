"""Who may steer the stand-in: whoever holds the control token, from this machine."""

from __future__ import annotations

import hmac
from typing import cast

from flask import current_app, request

from gate_app.standin.dispatcher import Dispatcher
from gate_app.standin.errors import GitHubError

HEADER = "X-Standin-Token"
LOOPBACK = ("127.0.0.1", "::1")


def guard() -> None:
    """Refuse every caller but the holder of the control token on the loopback address."""
    expected = str(current_app.extensions["standin.control_token"])
    given = request.headers.get(HEADER, "")
    if request.remote_addr not in LOOPBACK or not hmac.compare_digest(expected.encode(), given.encode()):
        raise GitHubError(401, f"the control API needs the header {HEADER} of the ready line")


def dispatcher() -> Dispatcher:
    """The sender of webhooks."""
    return cast(Dispatcher, current_app.extensions["standin.dispatcher"])
