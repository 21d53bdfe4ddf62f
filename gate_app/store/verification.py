"""Whether the journal is whole, and whether the tables say what the journal says (cases 212, 213).

Rules of the file: verification reads texts and hashes, not values of the domain, so it works on entries of
every version. It sees one moment of the database. It reports what is wrong and where, and repairs nothing; a
value of a kind that no program of ours writes is damage like any other. Whoever can rewrite a whole chain can
make it consistent; only a head remembered elsewhere shows that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, select

from gate_app.store import times
from gate_app.store.codec import fingerprint
from gate_app.store.database import snapshot
from gate_app.store.journal import GENESIS, Head, rows_in_order, seal
from gate_app.store.releases import Occasion
from gate_app.store.schema import environments, journal, journal_heads, releases, runs

MAX_FINDINGS: Final = 100
"""Findings that are listed; `VerifyReport.found` counts them all."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `number` is the journal number, 0 when it is not about one entry."""

    code: str
    repository_id: int
    number: int
    detail: str


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was verified. `heads` are worth remembering only when the report is `clean`."""

    entries: int
    heads: Mapping[int, Head]
    findings: tuple[Finding, ...]
    found: int

    @property
    def clean(self) -> bool:
        return self.found == 0


@dataclass(slots=True)
class _Seen:
    """What the entries say, gathered while reading: all that the tables are compared with."""

    entries: int = 0
    heads: dict[int, Head] = field(default_factory=dict)
    runs: dict[str, tuple[int, int, str]] = field(default_factory=dict)
    releases: dict[Occasion, tuple[str, int, int]] = field(default_factory=dict)
    returns: dict[Occasion, int] = field(default_factory=dict)
    environments: dict[tuple[int, str], dict[str, Any]] = field(default_factory=dict)


def verify(engine: Engine, remembered: Mapping[int, Head] | None = None) -> VerifyReport:
    """Reads everything once. `remembered` are heads that earlier reports gave, by repository id."""
    findings: list[Finding] = []
    found = 0
    seen = _Seen()
    with snapshot(engine) as connection:
        for finding in _findings(connection, seen, remembered or {}):
            found += 1
            if len(findings) < MAX_FINDINGS:
                findings.append(finding)
    return VerifyReport(seen.entries, seen.heads, tuple(findings), found)


def _findings(connection: Connection, seen: _Seen, remembered: Mapping[int, Head]) -> Iterator[Finding]:
    for row in rows_in_order(connection, select(journal)):
        if not _is_row(row):
            where = [value if isinstance(value, int) else 0 for value in (row.repository_id, row.number)]
            yield Finding(
                "journal_entry_unreadable", where[0], where[1], "a column holds no value of its kind"
            )
            continue
        yield from _chain(row, seen)
        yield from _content(row, seen)
        yield from _anchor(row, remembered)
    yield from _cut_off(seen, remembered)
    yield from _heads(connection, seen)
    yield from _runs(connection, seen)
    yield from _releases(connection, seen)
    yield from _environments(connection, seen)


def _is_row(row: Row[Any]) -> bool:
    """Whether every column holds what its type says; SQLite alone does not see to that."""
    numbers, texts = (row.repository_id, row.number, row.at), (row.run_id, row.prev_hash, row.hash, row.entry)
    return all(isinstance(n, int) for n in numbers) and all(isinstance(text, str) for text in texts)


def _chain(row: Row[Any], seen: _Seen) -> Iterator[Finding]:
    """The place of an entry in its chain, which then goes on from this row, to find the next fault too."""
    before = seen.heads.get(row.repository_id, Head(0, GENESIS))
    where = (row.repository_id, row.number)
    if row.number != before.number + 1:
        yield Finding("journal_gap", *where, f"follows {before.number}")
    if row.prev_hash != before.hash:
        yield Finding("journal_link_broken", *where, "does not continue the entry before it")
    if row.hash != seal(row.prev_hash, row.entry):
        yield Finding(
            "journal_entry_changed", *where, "the entry does not have the hash that was stored with it"
        )
    seen.heads[row.repository_id] = Head(row.number, row.hash)
    seen.entries += 1


def _content(row: Row[Any], seen: _Seen) -> Iterator[Finding]:
    """What an entry says about its row, about its run and about releases."""
    where = (row.repository_id, row.number)
    try:
        said = json.loads(row.entry)[1]
        identity = (said["repository_id"], said["number"], said["run_id"], _milliseconds(said["at"]))
        before, after = said["before"], said["after"]
        released, returned = _occasions(said["released"]), _occasions(said["returned"])
        became = {
            str(facts["name"]): facts | {"version": facts["version"] + 1} for facts in said["environments"]
        }
    except (ValueError, LookupError, TypeError, RecursionError):
        yield Finding("journal_entry_unreadable", *where, "the entry cannot be read")
        return
    if identity != (row.repository_id, row.number, row.run_id, row.at):
        yield Finding("journal_row_changed", *where, "the columns of the row contradict its entry")
    count, _, last = seen.runs.get(row.run_id, (0, 0, ""))
    if before != last:
        yield Finding("journal_run_broken", *where, "does not continue the run that the entry before it left")
    seen.runs[row.run_id] = (count + 1, row.repository_id, after)
    seen.releases.update(dict.fromkeys(released, (row.run_id, *where)))
    seen.returns.update(dict.fromkeys(returned, row.number))
    seen.environments.update({(row.repository_id, name): facts for name, facts in became.items()})


def _anchor(row: Row[Any], remembered: Mapping[int, Head]) -> Iterator[Finding]:
    head = remembered.get(row.repository_id)
    if head is not None and head.number == row.number and head.hash != row.hash:
        yield Finding(
            "journal_rewritten", row.repository_id, row.number, "differs from the head that was remembered"
        )


def _cut_off(seen: _Seen, remembered: Mapping[int, Head]) -> Iterator[Finding]:
    for repository, head in remembered.items():
        last = seen.heads.get(repository, Head(0, GENESIS))
        if last.number < head.number:
            yield Finding("journal_truncated", repository, last.number, f"entry {head.number} was remembered")


def _heads(connection: Connection, seen: _Seen) -> Iterator[Finding]:
    stored = {
        row.repository_id: Head(row.number, row.hash) for row in connection.execute(select(journal_heads))
    }
    for repository in sorted(stored.keys() | seen.heads.keys()):
        last = seen.heads.get(repository, Head(0, GENESIS))
        if stored.get(repository) != last:
            yield Finding(
                "journal_head_differs", repository, last.number, "the stored head is not the last entry"
            )


def _runs(connection: Connection, seen: _Seen) -> Iterator[Finding]:
    unseen = dict(seen.runs)
    query = select(runs.c.id, runs.c.repository_id, runs.c.version, runs.c.snapshot).order_by(runs.c.id)
    for row in connection.execute(query.execution_options(yield_per=100)):
        said = unseen.pop(row.id, None)
        snapshot = fingerprint(row.snapshot) if isinstance(row.snapshot, str) else ""
        if said != (row.version, row.repository_id, snapshot):
            yield Finding(
                "run_differs", row.repository_id, 0, f"run {row.id} is not what its last entry left"
            )
    for run_id, (_, repository, _) in unseen.items():
        yield Finding("run_missing", repository, 0, f"run {run_id} is in the journal only")


def _releases(connection: Connection, seen: _Seen) -> Iterator[Finding]:
    unseen = dict(seen.releases)
    for row in connection.execute(select(releases).order_by(releases.c.gate_id, releases.c.occasion)):
        key = (row.gate_id, row.occasion)
        said = (unseen.pop(key, None), seen.returns.get(key))
        if said != ((row.run_id, row.repository_id, row.journal_number), row.returned_number):
            detail = f"release {row.occasion} of {row.gate_id} is not what the journal says"
            yield Finding("release_differs", row.repository_id, row.journal_number, detail)
    for (gate_id, occasion), (_, repository, number) in unseen.items():
        detail = f"release {occasion} of {gate_id} is in the journal only"
        yield Finding("release_missing", repository, number, detail)


def _environments(connection: Connection, seen: _Seen) -> Iterator[Finding]:
    """What is known of each environment is what the last decision about it left."""
    unseen = dict(seen.environments)
    query = select(environments).order_by(environments.c.repository_id, environments.c.name)
    for row in connection.execute(query):
        said = unseen.pop((row.repository_id, row.name), None)
        if said is None or said != _facts(row.facts) or said["version"] != row.version:
            detail = f"environment {row.name} is not what the last decision about it left"
            yield Finding("environment_differs", row.repository_id, 0, detail)
    for repository, name in unseen:
        yield Finding("environment_missing", repository, 0, f"environment {name} is in the journal only")


def _facts(text: object) -> object:
    """The value of a stored text, None when it is none."""
    try:
        return json.loads(text)[1] if isinstance(text, str) else None
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


def _occasions(said: list[list[Any]]) -> list[Occasion]:
    return [(str(gate_id), int(occasion)) for gate_id, occasion in said]


def _milliseconds(text: str) -> int:
    return times.present(datetime.fromisoformat(text))
