"""gunicorn, configured by argument: the entry of the web processes.

Rules of this file: no configuration file, no environment, no command line is read. The WSGI application
is made in each worker, after the fork, because threads and connections do not survive one. Requests are
not logged: a proxy in front does that better, and a log line here could carry a secret (case 218).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]  # gunicorn ships no types

from gate_app.trust.bounds import REQUEST_READ_SECONDS
from gate_app.web.worker import worker_class

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Bounds of one web process; sizes in bytes, times in seconds."""

    request_line: int = 2_048
    header_fields: int = 64
    header_field_size: int = 8_190
    connections: int = 512
    backlog: int = 1_024
    read_seconds: float = REQUEST_READ_SECONDS
    keepalive_seconds: int = 5
    worker_seconds: int = 30
    graceful_seconds: int = 15


def serve(
    wsgi_factory: "Callable[[], WSGIApplication]",
    bind: str,
    workers: int,
    threads: int,
    limits: ServerLimits = ServerLimits(),
) -> None:
    """Serve until SIGTERM or SIGINT (graceful); ends the process with `SystemExit`.

    `wsgi_factory` runs once in each worker. If its result has a `close()`, it is called when the worker
    ends. `bind` is `host:port` or `unix:/path`.
    """
    _Application(wsgi_factory, _settings(bind, workers, threads, limits)).run()


def _settings(bind: str, workers: int, threads: int, limits: ServerLimits) -> dict[str, object]:
    return {
        "bind": bind,
        "workers": workers,
        "threads": threads,
        "worker_class": worker_class(limits.read_seconds),
        "worker_connections": limits.connections,
        "backlog": limits.backlog,
        "limit_request_line": limits.request_line,
        "limit_request_fields": limits.header_fields,
        "limit_request_field_size": limits.header_field_size,
        "header_map": "refuse",  # X_Hub_Signature_256 must not pass for X-Hub-Signature-256
        "keepalive": limits.keepalive_seconds,
        "timeout": limits.worker_seconds,
        "graceful_timeout": limits.graceful_seconds,
        "control_socket_disable": True,
        "accesslog": None,
        "errorlog": "-",
        "loglevel": "warning",
        "preload_app": False,
        "worker_exit": _close,
    }


def _close(_arbiter: Any, worker: Any) -> None:
    close = getattr(getattr(worker, "wsgi", None), "close", None)  # none when the factory failed
    if close is not None:
        close()


class _Application(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    def __init__(self, wsgi_factory: "Callable[[], WSGIApplication]", settings: dict[str, object]) -> None:
        self._wsgi_factory = wsgi_factory
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._settings.items():
            self.cfg.set(name, value)

    def load(self) -> "WSGIApplication":
        return self._wsgi_factory()
