"""What happened, for people to look at: every run, and how each of its gates was judged last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select

from gate_app.domain.verdict import Verdict
from gate_app.engine.ports import StoredRun
from gate_app.store.database import reading
from gate_app.store.journal import ENTRY
from gate_app.store.runs import stored
from gate_app.store.schema import journal, runs
from gate_app.store.tables import Tables


class History(Tables):
    """Reads only; nothing of the engine depends on it."""

    def all_runs(self) -> Sequence[StoredRun]:
        """Every run, in the order in which they were opened."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(runs).order_by(runs.c.opened_at, runs.c.id)).all()
        return [stored(row) for row in rows]

    def last_verdicts(self, run_id: str) -> Mapping[str, Verdict]:
        """The verdicts of the newest decision about a run, by environment; empty before the first."""
        query = (
            select(journal.c.entry)
            .where(journal.c.run_id == run_id)
            .order_by(journal.c.number.desc())
            .limit(1)
        )
        with reading(self._engine) as connection:
            text = connection.execute(query).scalar_one_or_none()
        return {} if text is None else ENTRY.decode(text).verdicts
