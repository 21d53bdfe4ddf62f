"""The append-only record of every decision: one hash chain per repository.

Rules of the file: an entry's hash is SHA-256 over the previous entry's hash and the entry's text, exactly as
stored, so no byte of an entry can change unnoticed. The text repeats everything its row says, so a row
cannot be moved either. A run appears whole in its first entry; later entries hold its fingerprints, and a
replay makes the runs in between again. What a chain cannot show by itself, that its end was cut off, is
shown by a head remembered elsewhere (case 213).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, Select, select, tuple_, update

from gate_app.domain.conditions import Conditions, EnvironmentFacts
from gate_app.domain.effects import Effect
from gate_app.domain.events import Event
from gate_app.domain.run import Run
from gate_app.domain.verdict import Verdict
from gate_app.engine.ports import Step
from gate_app.errors import GateFault
from gate_app.store import releases, times
from gate_app.store.codec import Codec, fingerprint
from gate_app.store.database import reading
from gate_app.store.faults import RecordUnreadable
from gate_app.store.schema import journal, journal_heads, runs
from gate_app.store.tables import insert

GENESIS: Final = "0" * 64
"""What the first entry of a chain names as the hash before it."""

PAGE: Final = 200
"""Entries read at once when the journal is streamed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One `decide` call, whole.

    `number` counts from 1 within the repository. `before` and `after` are fingerprints of the run's text
    (`before` is empty for a new run, which is then given whole in `opening`). `released` and `returned` are
    the releases that began here or turned out not to have happened, as (gate id, occasion); `delivery` is
    GitHub's id of what caused the decision, empty when it was ourselves.
    """

    repository_id: int
    number: int
    run_id: str
    at: datetime
    delivery: str
    before: str
    opening: Run | None
    event: Event
    conditions: Conditions
    verdicts: Mapping[str, Verdict]
    effects: tuple[Effect, ...]
    environments: tuple[EnvironmentFacts, ...]
    read_environments: tuple[tuple[str, int], ...]
    released: tuple[releases.Occasion, ...]
    returned: tuple[releases.Occasion, ...]
    after: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """An entry with its place in the chain."""

    entry: Entry
    prev_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class Placed:
    """Where an entry stands, of which run and with which hash, as the columns beside it say."""

    repository_id: int
    number: int
    run_id: str
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry of a repository's chain."""

    number: int
    hash: str


ENTRY: Final = Codec[Entry]("journal entry", Entry)


def seal(prev_hash: str, text: str) -> str:
    """The hash of an entry's text behind the entry that has `prev_hash`."""
    return sha256(f"{prev_hash}\n{text}".encode()).hexdigest()


def lock_chain(connection: Connection, repository_id: int) -> Head:
    """The head of a chain, held to the end of the transaction: decisions of a repository commit in turn."""
    new = {"repository_id": repository_id, "number": 0, "hash": GENESIS}
    connection.execute(insert(connection, journal_heads).values(new).on_conflict_do_nothing())
    query = select(journal_heads).where(journal_heads.c.repository_id == repository_id).with_for_update()
    row = connection.execute(query).one()
    return Head(row.number, row.hash)


def append(connection: Connection, head: Head, step: Step, before: str, after: str, delivery: str) -> Head:
    """Appends the entry of one step; `before` and `after` are the run's texts. Returns the new head."""
    entry = _entry(step, head.number + 1, before, after, delivery)
    text = ENTRY.encode(entry)
    newer = Head(entry.number, seal(head.hash, text))
    key = {"repository_id": entry.repository_id, "number": entry.number}
    row = {"run_id": entry.run_id, "at": times.present(entry.at), "prev_hash": head.hash, "hash": newer.hash}
    connection.execute(journal.insert().values(key | row | {"entry": text}))
    moved = update(journal_heads).where(journal_heads.c.repository_id == entry.repository_id)
    connection.execute(moved.values(number=newer.number, hash=newer.hash))
    return newer


def entries(
    engine: Engine, *, repository_id: int | None = None, run_id: str | None = None
) -> Iterator[Sealed]:
    """Streams the journal in order, of everything, one repository or one run. Raises RecordUnreadable.

    Nothing is verified here; `verification.verify` does that.
    """
    query = select(journal)
    if repository_id is not None:
        query = query.where(journal.c.repository_id == repository_id)
    if run_id is not None:
        query = query.where(journal.c.run_id == run_id)
    with reading(engine) as connection:
        for row in rows_in_order(connection, query):
            yield Sealed(ENTRY.decode(row.entry), row.prev_hash, row.hash)


def recorded(engine: Engine, run_id: str | None = None) -> Iterator[tuple[Placed, Entry | None]]:
    """Streams the whole journal like `entries`, or that of a run; what cannot be read is None at its place."""
    query = select(journal) if run_id is None else select(journal).where(journal.c.run_id == run_id)
    with reading(engine) as connection:
        for row in rows_in_order(connection, query):
            entry: Entry | None = None
            with suppress(RecordUnreadable):
                entry = ENTRY.decode(row.entry)
            yield Placed(row.repository_id, row.number, row.run_id, row.hash), entry


def newest_runs(engine: Engine, repository_id: int, count: int) -> Sequence[str]:
    """The runs of a repository that were opened last, the newest first."""
    query = select(runs.c.id).where(runs.c.repository_id == repository_id)
    with reading(engine) as connection:
        return connection.execute(query.order_by(runs.c.opened_at.desc()).limit(count)).scalars().all()


def rows_in_order(connection: Connection, query: Select[Any]) -> Iterator[Row[Any]]:
    """Rows of a selection of the journal, chain by chain, a page at a time."""
    place = tuple_(journal.c.repository_id, journal.c.number)
    query = query.order_by(journal.c.repository_id, journal.c.number).limit(PAGE)
    page = connection.execute(query).all()
    while page:
        yield from page
        page = connection.execute(query.where(place > (page[-1].repository_id, page[-1].number))).all()


def heads(engine: Engine) -> Mapping[int, Head]:
    """The newest entry of every chain, by repository id."""
    with reading(engine) as connection:
        rows = connection.execute(select(journal_heads).order_by(journal_heads.c.repository_id)).all()
    return {row.repository_id: Head(row.number, row.hash) for row in rows if row.number}


def remember_heads(engine: Engine, path: Path) -> Mapping[int, Head]:
    """Writes the present heads to a file and returns them. See `write_heads`."""
    found = heads(engine)
    write_heads(found, path)
    return found


def write_heads(found: Mapping[int, Head], path: Path) -> None:
    """Writes heads to a JSON file `{"repository id": [number, "hash"]}`, in one step.

    Keep the file where whoever can write to the database cannot write. After a verification, write the heads
    of its report: what was appended since then was not verified. Raises GateFault when it cannot be written.
    """
    text = json.dumps({repository: [head.number, head.hash] for repository, head in found.items()}, indent=1)
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(f"{text}\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise GateFault(f"the journal heads cannot be written to {path}: {error.strerror}") from None


def remembered_heads(path: Path) -> Mapping[int, Head]:
    """Reads what `remember_heads` wrote. Raises RecordUnreadable, also when the file is not there."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {int(repository): Head(int(number), str(mark)) for repository, (number, mark) in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        raise RecordUnreadable("the file of remembered journal heads cannot be read") from None


def _entry(step: Step, number: int, before: str, after: str, delivery: str) -> Entry:
    run, decision = step.decision.run, step.decision
    return Entry(
        repository_id=run.change.repository.id,
        number=number,
        run_id=run.id,
        at=step.conditions.now,
        delivery=delivery,
        before=fingerprint(before) if before else "",
        opening=None if before else step.before,
        event=step.event,
        conditions=step.conditions,
        verdicts=decision.verdicts,
        effects=decision.effects,
        environments=decision.environments,
        read_environments=decision.read_environments,
        released=tuple(releases.begun(step).values()),
        returned=tuple(releases.returned(step).values()),
        after=fingerprint(after),
    )
