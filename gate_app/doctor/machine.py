"""This machine: the database, the folder for everything else, and what confines command stages."""

from __future__ import annotations

import os
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from gate_app.doctor.finding import Finding, ok, warn, wrong
from gate_app.intake.logs import sqlite_path
from gate_app.intake.readiness import MIGRATIONS_MISSING, StoreProbe
from gate_app.settings import Settings
from gate_app.stages.inspection import inspect
from gate_app.stages.isolation import Grade
from gate_app.stages.places import Places
from gate_app.store.database import open_engine
from gate_app.store.repository import SqlStore
from gate_app.store.revision import REVISION

DATABASE: Final = "database"
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
    yield from _set_aside(settings.database_url)


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


def _set_aside(database_url: str) -> Iterator[Finding]:
    """What was given up after too many tries and waits for a person (case 211)."""
    engine = open_engine(database_url)
    try:
        found = SqlStore(engine).set_aside()
    finally:
        engine.dispose()
    for kind in sorted({each.what for each in found}):
        several = [each for each in found if each.what == kind]
        text = f"{len(several)} of kind {kind} set aside after too many tries; the last: {several[-1].note}"
        yield warn("set-aside", text, "see the log; a delivery can be redelivered from the App's settings")
