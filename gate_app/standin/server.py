"""The process: one threaded HTTP server on the loopback address, one thread that sends webhooks, one that
works on workflow runs."""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from gate_app.standin import settings
from gate_app.standin.dispatcher import Dispatcher
from gate_app.standin.face.app import create_app
from gate_app.standin.pool import Pool
from gate_app.standin.state import Clock, State, utc_now

HOST = "127.0.0.1"


@dataclass(frozen=True)
class ControlToken:
    """The credential of the control API; the same after every restart."""

    value: str


class _QuietHandler(WSGIRequestHandler):
    """Every call is recorded in the state; standard error stays for faults."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


class Server:
    """A stand-in that serves until stopped; usable in a thread as well as in its own process."""

    def __init__(self, home: Path, port: int = 0, clock: Clock = utc_now) -> None:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._http: BaseWSGIServer = make_server(
            HOST, port, _not_ready, threaded=True, request_handler=_QuietHandler
        )
        self.url = f"http://{HOST}:{self._http.port}"
        self.state = State(home, self.url, clock)
        self.control_token = _control_token(self.state)
        self._dispatcher = Dispatcher(self.state)
        self._pool = Pool(self.state)
        self._http.app = create_app(self.state, self._dispatcher, self.control_token)

    def run(self) -> None:
        """Serve until `stop` is called from another thread."""
        self._dispatcher.start()
        self._pool.start()
        try:
            self._http.serve_forever(poll_interval=0.05)
        finally:
            self._http.server_close()
            self._pool.stop()
            self._dispatcher.stop()
            self.state.close()

    def stop(self) -> None:
        """Make `run` return."""
        self._http.shutdown()


def _not_ready(environ: object, start_response: object) -> list[bytes]:
    raise RuntimeError("the server is not yet complete")


def _control_token(state: State) -> str:
    with state.transaction() as tx:
        known = settings.read(tx, ControlToken, "control_token")
        if known is None:
            known = ControlToken(secrets.token_urlsafe(24))
            settings.write(tx, "control_token", known)
        return known.value


def stop_on_signals(server: Server) -> None:
    """End in order on SIGTERM and SIGINT."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.stop).start())


def stop_with_starter(server: Server) -> None:
    """End when standard input closes, which is when the process that holds its other end is gone."""

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            continue
        server.stop()

    threading.Thread(target=watch, daemon=True).start()


def announce(server: Server) -> None:
    """The ready line on standard output: address, process id and control token as one line of JSON."""
    ready = {"url": server.url, "pid": os.getpid(), "control_token": server.control_token}
    print(json.dumps(ready), flush=True)
