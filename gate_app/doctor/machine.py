"""This machine: the database, the folder for everything else, and what confines command stages."""

from __future__ import annotations

import os
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Final

from gate_app.doctor.finding import Finding, ok, warn, wrong
from gate_app.intake.logs import sqlite_path
from gate_app.intake.readiness import MIGRATIONS_MISSING, StoreProbe
from gate_app.notify.channels import usable
from gate_app.settings import Settings
from gate_app.stages.inspection import inspect
from gate_app.stages.isolation import Grade
from gate_app.stages.places import Places
from gate_app.store.database import open_engine
from gate_app.store.repository import SqlStore
from gate_app.store.revision import REVISION

DATABASE: Final = "database"
SHOWN_WAITING: Final = 10
_MIGRATE: Final = "run gate-app migrate, or start gate-app serve, which does it first"


def home(settings: Settings) -> Iterator[Finding]:
    """The folder of the git cache, stages and releases."""
    folder = settings.home
    try:
        mode = folder.stat().st_mode
    except FileNotFoundError:
        yield ok("home", f"{folder} is made at the first start")
        return
    except OSError as fault:
        yield wrong("home", f"{folder}: {os.strerror(fault.errno or 0)}", "let this user read and write it")
        return
    if not stat.S_ISDIR(mode) or not os.access(folder, os.W_OK | os.X_OK):
        yield wrong("home", f"{folder} is no folder that this user may write to", "name another GATE_HOME")
    elif mode & 0o077:
        yield warn("home", f"{folder} can be read by others", f"chmod 700 {folder}")
    else:
        yield ok("home", f"{folder}")


def database(settings: Settings) -> Iterator[Finding]:
    """Whether it can be written to, has the right tables and, for SQLite, the write-ahead log."""
    local = settings.database_url.startswith("sqlite:")
    if local and not sqlite_path(settings.database_url).exists():
        yield _not_there_yet(sqlite_path(settings.database_url))
        return
    problems = StoreProbe(settings.database_url, REVISION).problems()
    if problems == (MIGRATIONS_MISSING,):
        yield warn(DATABASE, "its tables are not those of this version", _MIGRATE)
        return
    if problems:
        yield wrong(DATABASE, "it cannot be written to", "is it there, and may this user write to it?")
        return
    yield ok(DATABASE, "can be written to and has the tables of this version")
    if local:
        yield from _sqlite(sqlite_path(settings.database_url))
    engine = open_engine(settings.database_url)
    try:
        yield from _waiting(SqlStore(engine))
        yield from _set_aside(SqlStore(engine))
    finally:
        engine.dispose()


def isolation(settings: Settings, search_path: str) -> Iterator[Finding]:
    """What a command stage is confined by here, found out as the engine finds out, in a folder of its own."""
    hidden = (settings.home, *settings.guarded)
    with tempfile.TemporaryDirectory(prefix="gate-doctor-") as scratch:
        found = inspect(Places(Path(scratch).resolve(), search_path, settings.stage_venv, hidden))
    if found.grade is Grade.NAMESPACES:
        yield ok("isolation", "bubblewrap works and confines: command stages may run here")
    else:
        text = f"command stages are refused (isolation_missing): {found.shortcoming}"
        mend = "install bubblewrap and allow user namespaces, or use no command stages (docs/stages.md)"
        yield warn("isolation", text, mend)


def channels(settings: Settings) -> Iterator[Finding]:
    """Whether the addresses behind each channel are understood; nothing is sent, and no address is shown."""
    for name, addresses in settings.channels.items():
        if usable(addresses):
            yield ok("channels", f"{name} can be told, as far as its addresses show")
        else:
            mend = "see docs/notify.md; gate files that name it are not told anything there"
            yield wrong("channels", f"an address of {name} cannot be used", mend)


def _not_there_yet(path: Path) -> Finding:
    folder = next(parent for parent in path.parents if parent.exists())
    if os.access(folder, os.W_OK | os.X_OK):
        return ok(DATABASE, f"{path} is made at the first start")
    return wrong(DATABASE, f"{path} cannot be made: {folder} is not writable", "name another place")


def _sqlite(path: Path) -> Iterator[Finding]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        (journal,) = connection.execute("PRAGMA journal_mode").fetchone()
    if journal != "wal":
        mend = "keep it on a local disk and start gate-app serve, which switches it on"
        yield warn(DATABASE, f"its journal is {journal}, not the write-ahead log", mend)
    if path.stat().st_mode & 0o077:
        yield warn(DATABASE, f"{path} can be read by others", f"chmod 600 {path}")


def _waiting(store: SqlStore) -> Iterator[Finding]:
    """What could not be done yet and is tried again, the longest first."""
    found = store.delayed()
    for each in found[:SHOWN_WAITING]:
        text = f"{each.what} of {each.subject} since {_clock(each.since)}: {each.note}"
        yield warn("waiting", text, f"tried again at {_clock(each.not_before)}; mend what it says until then")
    if len(found) > SHOWN_WAITING:
        yield warn("waiting", f"and {len(found) - SHOWN_WAITING} more", "the log has them all")


def _clock(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _set_aside(store: SqlStore) -> Iterator[Finding]:
    """What was given up after too many tries and waits for a person (case 211)."""
    found = store.set_aside()
    for kind in sorted({each.what for each in found}):
        several = [each for each in found if each.what == kind]
        last = f"{several[-1].subject}: {several[-1].note}" if several[-1].subject else several[-1].note
        text = f"{len(several)} of kind {kind} set aside after too many tries; the last: {last}"
        yield warn("set-aside", text, "see the log; a delivery can be redelivered from the App's settings")
