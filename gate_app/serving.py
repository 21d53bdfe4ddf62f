"""`gate-app serve`: everything on one machine, under one parent, with no other service.

Rules of the file: what a person has to mend is told before anything is started; each kind of process gets only
the variables that it needs; the parent itself loads neither SQLAlchemy nor PyGithub.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from gate_app.errors import ConfigurationFault
from gate_app.intake.logs import sqlite_path
from gate_app.settings import Intake, Serving
from gate_app.signals import ENDING, Signals, listening
from gate_app.supervisor import Command, Supervisor, launched, run_once

READY_SECONDS: Final = 30.0
LOOK_SECONDS: Final = 0.1
CONNECT_SECONDS: Final = 1.0
_HOW: Final = {
    Intake.WEBHOOKS: "Deliveries come to POST /webhooks/github",
    Intake.POLL: "Deliveries are read from GitHub every few seconds",
}
PRIVATE: Final = 0o077
"""The umask: nobody but this user reads the database, the work folders and the releases."""

Say = Callable[[str], None]


def serve(serving: Serving, intake: Intake, isolation: str, say: Say) -> int:
    """Runs until SIGTERM or SIGINT. Returns the exit code: 0, or 1 when a process could not be kept running.

    Raises ConfigurationFault.
    """
    os.umask(PRIVATE)
    _prepare_folders(serving)
    require_free(serving.web.bind)
    if code := run_once(Command("the migration", ("migrate",), serving.engine_variables)):
        return code
    polling = ("--poll",) if intake is Intake.POLL else ()
    worker = ("worker", "--isolation", isolation, *polling)
    supervisor = Supervisor(
        (
            Command("the engine process", worker, serving.engine_variables),
            Command("the web process", ("web",), serving.web_variables),
        ),
        launched,
    )
    with listening(signal.SIGTERM, signal.SIGINT, signal.SIGCHLD) as signals:
        supervisor.start()
        if _ended_before_listening(supervisor, signals, serving.web.bind):
            supervisor.end(signals)
            return 0
        for line in _greeting(serving, intake):
            say(line)
        return supervisor.watch(signals)


def require_free(bind: str) -> None:
    """Raises ConfigurationFault when nobody can listen at this place: taken, or not an address of ours."""
    if bind.startswith("unix:"):
        return  # gunicorn replaces what an earlier run left there
    host, port = host_and_port(bind)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as fault:
        why = os.strerror(fault.errno) if fault.errno and fault.errno > 0 else "no such host"
        raise ConfigurationFault(
            f"GATE_BIND {bind} cannot be used ({why}): stop what listens there, or choose another port"
        ) from None


def _prepare_folders(serving: Serving) -> None:
    """The folders of this user that everything lies in, made where they are missing."""
    wanted = {"GATE_HOME": serving.engine.home}
    if serving.engine.database_url.startswith("sqlite:"):
        wanted["GATE_DATABASE_URL"] = sqlite_path(serving.engine.database_url).parent
    for name, folder in wanted.items():
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as fault:
            raise ConfigurationFault(
                f"{name}: the folder {folder} cannot be made ({os.strerror(fault.errno or 0)}): "
                "make it yourself, owned by this user"
            ) from None


def _ended_before_listening(supervisor: Supervisor, signals: Signals, bind: str) -> bool:
    """Waits until somebody listens; True when we were told to end meanwhile."""
    give_up = time.monotonic() + READY_SECONDS
    while supervisor.running() and not _listens(bind) and time.monotonic() < give_up:
        if signals.wait(LOOK_SECONDS) & ENDING:
            return True
    return False


def _listens(bind: str) -> bool:
    try:
        if bind.startswith("unix:"):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(CONNECT_SECONDS)
                connection.connect(bind.removeprefix("unix:"))
            return True
        host, port = host_and_port(bind)
        reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - read, not bound
        socket.create_connection((reachable, port), CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


def host_and_port(bind: str) -> tuple[str, int]:
    """The two parts of a place to listen at; an IPv6 address without its brackets."""
    host, _, port = bind.rpartition(":")
    return host.strip("[]"), int(port)


def _greeting(serving: Serving, intake: Intake) -> tuple[str, ...]:
    """Where it listens, as which App, and what it remembers in."""
    where = serving.web.bind if serving.web.bind.startswith("unix:") else f"http://{serving.web.bind}"
    return (
        f"Gate App is ready at {where} as App {serving.engine.app_id} of {serving.engine.api_url}.",
        f"{_HOW[intake]}; everything is kept in {_shown(serving.engine.database_url)}. Ctrl-C ends it.",
    )


def _shown(database_url: str) -> str:
    """The database without user and password."""
    if database_url.startswith("sqlite:"):
        return str(Path(sqlite_path(database_url)))
    parts = urlsplit(database_url)
    return f"the PostgreSQL database {parts.path.lstrip('/')} on {parts.hostname or 'this machine'}"
