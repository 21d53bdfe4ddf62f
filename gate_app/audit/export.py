"""Events as lines for other programs: JSON Lines, or CSV that no spreadsheet takes for formulas.

Rules of the file: moments are UTC, ISO 8601; both formats have the same columns in the same order; text from people is
theirs to write, so what a spreadsheet would calculate has an apostrophe before it, also where one splits at semicolons.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import UTC, datetime
from typing import Final, Literal

from gate_app.audit.chronicle import AuditEvent
from gate_app.domain.inert import plain

Format = Literal["jsonl", "csv"]
COLUMNS: Final = tuple(field.name for field in fields(AuditEvent))
DAMAGE: Final = frozenset({"entry_unreadable", "run_unknown", "replays_otherwise"})
"""Events that say that something is wrong with the record."""
MAX_CELL: Final = 2_000
_CALCULATED: Final = re.compile(r'(^|;)([\s"]*[=+\-@\uff1d\uff0b\uff0d\uff20])')
"""What spreadsheets begin a formula with, full-width forms included, at the start of a cell.

Where the comma is for decimals they split at semicolons, and then a cell of ours is several.
"""


def lines(events: Iterable[AuditEvent], form: Format) -> Iterator[str]:
    """The events, one line each, without line ends; CSV begins with its columns."""
    if form == "csv":
        yield ",".join(COLUMNS)
    for event in events:
        values = {name: _value(getattr(event, name)) for name in COLUMNS}
        yield json.dumps(values, ensure_ascii=True) if form == "jsonl" else _row(values.values())


def wanted(
    events: Iterable[AuditEvent], environment: str | None, since: datetime | None, kind: str = ""
) -> Iterator[AuditEvent]:
    """Those about one environment, since a moment and of one kind; what could not be read is told whatever was asked
    for.
    """
    for event in events:
        damage = event.event in DAMAGE
        there = environment is None or event.environment == environment
        late = since is None or event.at is None or event.at >= since
        if damage or (there and late and kind in ("", event.event)):
            yield event


def _value(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return list(value) if isinstance(value, tuple) else value


def _row(values: Iterable[object]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow([_cell(value) for value in values])
    return written.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
    return _CALCULATED.sub(r"\1'\2", plain(text, MAX_CELL))
