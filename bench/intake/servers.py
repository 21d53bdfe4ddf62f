"""The contenders, each a WSGI application on the same gunicorn settings.

`python -m bench.intake.servers NAME PORT DATABASE` serves one of them on loopback.

* `flask`: a bare Flask view that reads the body and answers 202. It verifies and stores nothing.
* `receiver`: the application's receiver in front of Flask, durable on SQLite before it answers.
* `naive`: a Flask view that verifies, parses, and commits one row per request, as a first version would.
"""

import hashlib
import hmac
import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flask import Flask, request

from bench.intake.body import SECRET
from gate_app.intake.logs import open_log
from gate_app.intake.receiver import Receiver
from gate_app.intake.sqlite import connect
from gate_app.intake.writer import Writer
from gate_app.web.app import Ports, create_app
from gate_app.web.server import serve
from gate_app.web.webhooks import Front

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

WORKERS: Final = 2
THREADS: Final = 16


class _AlwaysReady:
    def problems(self) -> tuple[str, ...]:
        return ()


def bare_flask(_database: Path) -> "WSGIApplication":
    app = Flask(__name__)

    @app.post("/webhooks/github")
    def webhook() -> tuple[str, int]:
        request.get_data()
        return "", 202

    return app


def receiver(database: Path) -> "WSGIApplication":
    writer = Writer(open_log(f"sqlite:///{database}"))
    receiving = Receiver(secrets=[SECRET], store=writer, now_ms=lambda: time.time_ns() // 1_000_000)
    return Front(receiving, create_app(Ports(_AlwaysReady())), close=writer.close)


def naive(database: Path) -> "WSGIApplication":
    app = Flask(__name__)
    lock = threading.Lock()
    connection = connect(database, 5.0)

    @app.post("/webhooks/github")
    def webhook() -> tuple[str, int]:
        raw = request.get_data()
        expected = "sha256=" + hmac.new(SECRET, raw, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, request.headers["X-Hub-Signature-256"]):
            return "", 401
        action = json.loads(raw)["action"]
        row = (request.headers["X-GitHub-Delivery"], "issue_comment", action, raw, "", 0)
        with lock:
            connection.execute(
                "INSERT INTO deliveries (delivery_id, event, action, body, body_sha256, received_at)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                row,
            )
        return "", 202

    return app


CONTENDERS: Final[dict[str, "Callable[[Path], WSGIApplication]"]] = {
    "flask": bare_flask,
    "receiver": receiver,
    "naive": naive,
}


def make_database(path: Path) -> None:
    """A migrated, empty database."""
    from gate_app.store.database import migrate, open_engine  # a server that is measured does not need them

    engine = open_engine(f"sqlite:///{path}")
    migrate(engine)
    engine.dispose()


if __name__ == "__main__":
    contender, port, path = CONTENDERS[sys.argv[1]], int(sys.argv[2]), Path(sys.argv[3])
    serve(lambda: contender(path), f"127.0.0.1:{port}", WORKERS, THREADS)
