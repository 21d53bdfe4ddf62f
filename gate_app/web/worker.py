"""A gunicorn thread worker that bounds the time a request may take to arrive.

Rules of this file: gunicorn's own timeout watches the worker, not its threads, so that a peer sending
one byte a second would hold a thread for hours. Here every connection that holds a thread has a
deadline; after it the reading half of the socket is shut, the read ends, and the handler answers as for
any short body (case 15). Nothing that a peer sent is written to the log: malformed heads are logged by
the class of the error alone (cases 8, 218).
"""

import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from gunicorn import util  # type: ignore[import-untyped]  # gunicorn ships no types
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]  # gunicorn ships no types

from gate_app.trust.bounds import REQUEST_READ_SECONDS

TICK_SECONDS: Final = 0.5


class ReadDeadline:
    """Shuts the reading half of each watched socket when its time is over. One thread for all of them."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._watched: OrderedDict[int, tuple[float, socket.socket]] = OrderedDict()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the thread; to be called in the process that serves."""
        threading.Thread(target=self._run, name="read-deadline", daemon=True).start()

    @contextmanager
    def watch(self, sock: socket.socket) -> Iterator[None]:
        """Bound what happens inside the block."""
        key = id(sock)
        with self._lock:
            self._watched[key] = (time.monotonic() + self._seconds, sock)
        try:
            yield
        finally:
            with self._lock:
                self._watched.pop(key, None)

    def expire(self, now: float) -> None:
        """Shut every socket whose deadline is not after `now` (seconds, monotonic)."""
        with self._lock:
            while self._watched:
                key, (deadline, sock) = next(iter(self._watched.items()))
                if deadline > now:
                    return
                del self._watched[key]
                _shut(sock)

    def _run(self) -> None:
        while True:
            time.sleep(TICK_SECONDS)
            self.expire(time.monotonic())


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RD)
    except OSError:
        return


class BoundedThreadWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn's `gthread` with `read_seconds` for each request to arrive in."""

    read_seconds: float = REQUEST_READ_SECONDS

    def init_process(self) -> None:
        """Called by gunicorn after the fork; does not return while the worker serves."""
        self.read_deadline = ReadDeadline(self.read_seconds)
        self.read_deadline.start()
        super().init_process()

    def handle(self, conn: Any) -> Any:
        """One request on one connection, in a thread of the pool."""
        with self.read_deadline.watch(conn.sock):
            return super().handle(conn)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Answer a head that could not be parsed, or an application that raised; quote neither."""
        self.log.warning("a request was refused: %s", type(exc).__name__)
        status, reason = _STATUS.get(type(exc).__name__, (400, "Bad Request"))
        if req is not None:
            status, reason = 500, "Internal Server Error"
        try:
            util.write_error(client, status, reason, "")
        except OSError:
            self.log.debug("the peer was gone before its answer")


_STATUS: Final = {
    "ExpectationFailed": (417, "Expectation Failed"),
    "LimitRequestHeaders": (431, "Request Header Fields Too Large"),
    "LimitRequestLine": (414, "URI Too Long"),
    "UnsupportedTransferCoding": (501, "Not Implemented"),
}


def worker_class(read_seconds: float) -> type[BoundedThreadWorker]:
    """The worker with another time to read a request in."""
    return type("BoundedThreadWorker", (BoundedThreadWorker,), {"read_seconds": read_seconds})
