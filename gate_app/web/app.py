"""The Flask application: everything over HTTP that is not a delivery.

Rules of this file: ports come by argument; every answer, errors included, carries the strict headers and
is JSON without a traceback.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from flask import Flask, Response
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from gate_app.trust.bounds import MEBIBYTE
from gate_app.web.api import JobPorts, api
from gate_app.web.health import StoreHealth, health

_log = logging.getLogger(__name__)

SECURITY_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, slots=True)
class Ports:
    """What the application reaches through: one field for each outside thing. `monotonic` is in seconds.

    Without `jobs` nobody can call as a job.
    """

    store: StoreHealth
    monotonic: Callable[[], float] = time.monotonic
    jobs: JobPorts | None = None


def create_app(ports: Ports) -> Flask:
    """A Flask application over `ports`. It starts nothing and reads no environment."""
    app = Flask("gate_app.web", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MEBIBYTE
    app.register_blueprint(health(ports.store, ports.monotonic))
    if ports.jobs is not None:
        app.register_blueprint(api(ports.jobs))
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _fault)
    app.after_request(_harden)
    return app


def _harden(response: Response) -> Response:
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _http_error(error: HTTPException) -> ResponseReturnValue:
    code = (error.name or "error").lower().replace(" ", "_")
    methods = getattr(error, "valid_methods", None)
    return {"code": code}, error.code or 500, {"Allow": ", ".join(sorted(methods))} if methods else {}


def _fault(fault: Exception) -> ResponseReturnValue:
    _log.error("a request failed: %s", type(fault).__name__)
    return {"code": "internal"}, 500
