"""What jobs are told: one row for each ticket, written with the decision that it comes from, read by web processes.

Rules of the file: a newer answer takes the place of an older one; an answer is kept for a day, and is told for minutes
(`intake.answers`). A row holds fingerprints of secrets alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete

from gate_app.domain.grants import JobAnswer
from gate_app.store import times
from gate_app.store.database import writing
from gate_app.store.schema import answers
from gate_app.store.tables import Tables, insert

KEPT: Final = timedelta(days=1)


class Answers(Tables):
    """The part of `ports.Store` about jobs that no run answers."""

    def answer(self, told: JobAnswer, at: datetime) -> None:
        """Tells a job something that no decision says."""
        with writing(self._engine) as connection:
            write(connection, (told,), at)


def write(connection: Connection, told: Sequence[JobAnswer], at: datetime) -> None:
    """Writes answers within the caller's transaction; `asked_at` of a ticket that is known stays."""
    for each in told:
        values = {"ticket": each.ticket, "body": each.body, "asked_at": times.present(at)}
        statement = insert(connection, answers).values(values)
        connection.execute(
            statement.on_conflict_do_update(index_elements=[answers.c.ticket], set_={"body": each.body})
        )
    if told:
        connection.execute(delete(answers).where(answers.c.asked_at < times.present(at - KEPT)))
