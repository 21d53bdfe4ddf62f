"""What the sweep asks: whose turn it is, and what was set aside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Row, func, select

from gate_app.engine.ports import Delayed, SetAside
from gate_app.store import times
from gate_app.store.database import reading
from gate_app.store.effects import OPEN
from gate_app.store.schema import deliveries, effects, inbox, runs
from gate_app.store.tables import Tables

SHOWN: Final = 1_000
"""Dead rows of each kind that are shown, oldest first."""


class Due(Tables):
    """The part of `ports.Store` about what is due."""

    def subjects_due(self, now: datetime) -> Sequence[str]:
        """Subjects with a due inbox row or a due effect, once each, those with the oldest row first."""
        present = times.present(now)
        heads = select(func.min(inbox.c.id)).where(inbox.c.state == "new").group_by(inbox.c.subject)
        arrived = select(inbox.c.subject).where(inbox.c.id.in_(heads), inbox.c.not_before <= present)
        wanted = (
            select(runs.c.subject)
            .join(effects, effects.c.run_id == runs.c.id)
            .where(effects.c.state.in_(OPEN), effects.c.not_before <= present)
        )
        with reading(self._engine) as connection:
            first = connection.execute(arrived.order_by(inbox.c.id)).scalars().all()
            then = connection.execute(wanted.order_by(effects.c.id)).scalars().all()
        return list(dict.fromkeys([*first, *then]))

    def set_aside(self) -> Sequence[SetAside]:
        """Everything that could not be handled within its bounded tries (case 211)."""
        lost = select(deliveries).where(deliveries.c.state == "dead").order_by(deliveries.c.id).limit(SHOWN)
        stuck = select(inbox).where(inbox.c.state == "dead").order_by(inbox.c.id).limit(SHOWN)
        failed = (
            select(effects, runs.c.subject)
            .join(runs, runs.c.id == effects.c.run_id)
            .where(effects.c.state == "dead")
            .order_by(effects.c.id)
            .limit(SHOWN)
        )
        with reading(self._engine) as connection:
            return [
                *(_aside("delivery", row, "") for row in connection.execute(lost)),
                *(_aside("inbox", row, row.subject) for row in connection.execute(stuck)),
                *(_aside("effect", row, row.subject) for row in connection.execute(failed)),
            ]

    def delayed(self) -> Sequence[Delayed]:
        """What was delayed and is not done yet, the longest first."""
        rows = select(inbox).where(inbox.c.state == "new", inbox.c.delayed_at > 0)
        wishes = (
            select(effects, runs.c.subject)
            .join(runs, runs.c.id == effects.c.run_id)
            .where(effects.c.state.in_(OPEN), effects.c.delayed_at > 0)
        )
        with reading(self._engine) as connection:
            waiting = [
                *(_delayed("inbox", row) for row in connection.execute(rows.limit(SHOWN))),
                *(_delayed("effect", row) for row in connection.execute(wishes.limit(SHOWN))),
            ]
        return sorted(waiting, key=lambda each: each.since)


def _delayed(what: Literal["inbox", "effect"], row: Row[Any]) -> Delayed:
    since, again = times.moment(row.delayed_at), times.moment(row.not_before)
    return Delayed(what, row.id, row.subject, row.note, since, again)


def _aside(what: Literal["delivery", "inbox", "effect"], row: Row[Any], subject: str) -> SetAside:
    return SetAside(what, row.id, subject, row.note, row.attempts)
