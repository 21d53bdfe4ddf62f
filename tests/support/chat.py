"""A chat that takes JSON, or does not: what stands behind a channel in tests."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Chat(ThreadingHTTPServer):
    """Listens on loopback; `taken` are the messages that came, whatever was answered."""

    def __init__(self, status: int, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Receiver)
        self.status, self.taken = status, list[dict[str, str]]()

    def address(self, secret: str) -> str:
        """Where Apprise reaches it."""
        return f"json://user:{secret}@127.0.0.1:{self.server_address[1]}/hook"


class _Receiver(BaseHTTPRequestHandler):
    server: Chat

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append(json.loads(body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Nothing is printed."""


@contextmanager
def chat(status: int = 200, port: int = 0) -> Iterator[Chat]:
    """A chat that answers with this status, on a port of its own unless one is given."""
    with Chat(status, port) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield running
        finally:
            running.shutdown()
            thread.join()
