"""Deliveries as the receiver stored them, and the inbox of each subject that they are routed to.

Rules of the file: equal meaning within a subject is the same fact and stored once, for ever (case 9); rows of
one subject are handled in the order of their ids. Only GitHub delivering something anew gives a dead row
another life (case 10): our own follow-ups do not, or a poisonous one would come back for ever (case 18).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import Connection, case, select, update

from gate_app.engine.ports import Delivery, InboxItem, InboxRow
from gate_app.errors import Conflict
from gate_app.store import times
from gate_app.store.codec import NOTICE
from gate_app.store.database import reading, writing
from gate_app.store.schema import MAX_ATTEMPTS, deliveries, inbox, runs
from gate_app.store.tables import Tables, insert, kept

ASKED_AT_ONCE: Final = 500
"""Values in one statement: databases bound them."""


class Inbox(Tables):
    """The part of `ports.Store` about what comes in."""

    def ignored(self, reason: str) -> bool:
        """Whether a delivery was ignored for that very reason."""
        query = select(deliveries.c.id).where(deliveries.c.note == kept(reason)).limit(1)
        with reading(self._engine) as connection:
            return connection.execute(query).first() is not None

    def new_deliveries(self, now: datetime, limit: int) -> Sequence[Delivery]:
        """Deliveries not yet routed whose time has come, oldest first, at most `limit`."""
        query = (
            select(deliveries)
            .where(deliveries.c.state == "new", deliveries.c.not_before <= times.present(now))
            .order_by(deliveries.c.id)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return [
            Delivery(
                row.id, row.delivery_id, row.event, row.body, times.moment(row.received_at), row.attempts
            )
            for row in rows
        ]

    def known_deliveries(self, guids: Sequence[str]) -> Collection[str]:
        """Those of the delivery ids that are stored, in whatever state."""
        known: set[str] = set()
        with reading(self._engine) as connection:
            for start in range(0, len(guids), ASKED_AT_ONCE):
                query = select(deliveries.c.delivery_id).where(
                    deliveries.c.delivery_id.in_(guids[start : start + ASKED_AT_ONCE])
                )
                known.update(connection.execute(query).scalars())
        return known

    def route(self, delivery: Delivery, items: Sequence[InboxItem], note: str) -> None:
        """Marks the delivery routed, or ignored when there are no items, and stores the items, at once."""
        state = "routed" if items else "ignored"
        with writing(self._engine) as connection:
            connection.execute(
                update(deliveries).where(deliveries.c.id == delivery.id).values(state=state, note=kept(note))
            )
            for item in items:
                _deliver(connection, item, delivery.guid)

    def delay_delivery(self, delivery: Delivery, note: str, not_before: datetime) -> None:
        """Counts a failed try; the last of `MAX_ATTEMPTS` sets the delivery aside as dead."""
        table = deliveries.c
        tries = table.attempts + 1
        change = update(deliveries).where(table.id == delivery.id, table.state == "new")
        with writing(self._engine) as connection:
            connection.execute(
                change.values(
                    attempts=tries,
                    state=case((tries >= MAX_ATTEMPTS, "dead"), else_="new"),
                    not_before=times.due(not_before),
                    note=kept(note),
                )
            )

    def put(self, items: Sequence[InboxItem]) -> None:
        """Stores items of our own; a meaning that is already there stays as it is."""
        with writing(self._engine) as connection:
            put_items(connection, items)

    def next_row(self, subject: str, now: datetime) -> InboxRow | None:
        """The oldest unhandled row, if it is due: a delayed head holds the later rows of its subject back."""
        query = (
            select(inbox)
            .where(inbox.c.subject == subject, inbox.c.state == "new")
            .order_by(inbox.c.id)
            .limit(1)
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        if row is None or row.not_before > times.present(now):
            return None
        notice = NOTICE.decode(row.notice)
        since = times.since(row.delayed_at)
        return InboxRow(row.id, row.subject, notice, row.delivery, row.attempts, since)

    def told(self, repository_id: int, conversation: int, meaning: str) -> bool:
        """Whether a subject that converses there, or once did, has that fact in its inbox."""
        there = select(runs.c.subject).where(
            runs.c.repository_id == repository_id, runs.c.conversation == conversation
        )
        query = select(inbox.c.id).where(inbox.c.subject.in_(there), inbox.c.meaning == meaning).limit(1)
        with reading(self._engine) as connection:
            return connection.execute(query).first() is not None

    def repeated(self, row: InboxRow, prefix: str) -> bool:
        """Whether a later unhandled row of the same subject has a meaning that begins so."""
        later = (inbox.c.subject == row.subject, inbox.c.state == "new", inbox.c.id > row.id)
        query = select(inbox.c.id).where(*later, inbox.c.meaning.startswith(prefix, autoescape=True))
        with reading(self._engine) as connection:
            return connection.execute(query.limit(1)).one_or_none() is not None

    def delay_row(
        self,
        row: InboxRow,
        note: str,
        not_before: datetime,
        counted: Literal["counted", "free"],
        since: datetime | None = None,
    ) -> None:
        """Try again later; the last counted one of `MAX_ATTEMPTS` tries sets the row aside as dead."""
        tries = inbox.c.attempts + (1 if counted == "counted" else 0)
        with writing(self._engine) as connection:
            connection.execute(
                update(inbox)
                .where(inbox.c.id == row.id, inbox.c.state == "new")
                .values(
                    attempts=tries,
                    state=case((tries >= MAX_ATTEMPTS, "dead"), else_="new"),
                    not_before=times.due(not_before),
                    delayed_at=times.present(since) if since else inbox.c.delayed_at,
                    note=kept(note),
                )
            )


def put_items(connection: Connection, items: Sequence[InboxItem]) -> None:
    """Stores items within the caller's transaction; a meaning that is already there stays as it is."""
    for item in items:
        values = {"subject": item.subject, "meaning": item.meaning, "notice": NOTICE.encode(item.notice)}
        connection.execute(insert(connection, inbox).values(values).on_conflict_do_nothing())


def handled(connection: Connection, row_id: int, note: str) -> None:
    """Marks a row done. Raises Conflict when somebody else finished it meanwhile."""
    change = (
        update(inbox)
        .where(inbox.c.id == row_id, inbox.c.state == "new")
        .values(state="done", note=kept(note))
    )
    if connection.execute(change).rowcount != 1:
        raise Conflict("the inbox row was finished meanwhile")


def delivery_of(connection: Connection, row_id: int) -> str:
    """GitHub's id of the delivery that an inbox row came from; empty for what we told ourselves."""
    return connection.execute(select(inbox.c.delivery).where(inbox.c.id == row_id)).scalar_one_or_none() or ""


def _deliver(connection: Connection, item: InboxItem, guid: str) -> None:
    values = {
        "subject": item.subject,
        "meaning": item.meaning,
        "notice": NOTICE.encode(item.notice),
        "delivery": guid,
    }
    revived = {"state": "new", "attempts": 0, "not_before": 0, "delayed_at": 0, "note": "", "delivery": guid}
    connection.execute(
        insert(connection, inbox)
        .values(values)
        .on_conflict_do_update(
            index_elements=[inbox.c.subject, inbox.c.meaning], set_=revived, where=inbox.c.state == "dead"
        )
    )
