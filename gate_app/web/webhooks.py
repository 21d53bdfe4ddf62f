"""The front of a web process: deliveries go to the receiver, everything else to Flask.

Rules of this file: one comparison of the path, nothing parsed. The receiver stands in front of Flask
so that a delivery neither waits for nor depends on the framework.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

WEBHOOK_PATH: Final = "/webhooks/github"


def _nothing() -> None:
    return None


class Front:
    """The WSGI callable of a web process. `close` ends what the composition root started behind it."""

    def __init__(
        self, receiver: "WSGIApplication", app: "WSGIApplication", *, close: Callable[[], None] = _nothing
    ) -> None:
        self._receiver = receiver
        self._app = app
        self.close = close

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ.get("PATH_INFO") == WEBHOOK_PATH:
            return self._receiver(environ, start_response)
        return self._app(environ, start_response)
